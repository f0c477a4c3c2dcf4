/**
 * Reads ASN.1 (X.690) in place: an element is a position in the bytes, nothing is copied, and only the requested
 * elements are read. Every reader throws a SyntaxError if the bytes are malformed.
 */

/**
 * - `DER`: the encoding of certificates. A length has exactly one form.
 * - `BER`: an encoding that PKCS#7 may have. A length may be longer than necessary, or indefinite.
 */
export type EncodingRules = 'DER' | 'BER';

/** One element: its identifier, its position and the position of its contents. */
export interface Element {
  readonly bytes: Buffer;
  readonly rules: EncodingRules;
  /** The identifier octet. */
  readonly tag: number;
  /** The first byte of the element. */
  readonly at: number;
  /** The first byte of the contents. */
  readonly start: number;
  /** The first byte after the contents. */
  readonly end: number;
  /** The first byte after the element. Two zero bytes follow contents of indefinite length. */
  readonly next: number;
}

/** Identifier octets (X.690, 8.1.2) of the types that are read here. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  /** An OCTET STRING in several parts, which BER allows. */
  constructedOctetString: 0x24,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The bit of an identifier that marks the contents as elements. */
const CONSTRUCTED = 0x20;

/** Tag numbers from 31 on need more octets. No type that is read here has such a number. */
const LONG_TAG = 0x1f;

/** The first octet of a length: a smaller value is the length itself, a larger one the number of octets that follow. */
const INDEFINITE = 0x80;

/** Four octets can express a length of 4 GiB. */
const LENGTH_OCTETS_LIMIT = 4;

/** The identifier of `[number]` with elements as its contents. */
export function constructed(number: number): number {
  return 0x80 | CONSTRUCTED | number;
}

/** The identifier of `[number]` with a value as its contents. */
export function primitive(number: number): number {
  return 0x80 | number;
}

/** Reads the only element in the bytes. Bytes after it are an error. */
export function readDer(bytes: Uint8Array): Element {
  const element = elementAt(view(bytes), 0, bytes.length, 'DER');
  if (element.next < bytes.length) {
    throw derError('there are bytes after the element', element.next);
  }
  return element;
}

/** Reads the element at the beginning of the bytes. Bytes after it are ignored. */
export function readBer(bytes: Uint8Array): Element {
  return elementAt(view(bytes), 0, bytes.length, 'BER');
}

/** The elements in an element of this tag, at most this many. */
export function childrenOf(
  parent: Element | undefined,
  tag: number = TAG.sequence,
  limit: number = Number.POSITIVE_INFINITY,
): Element[] {
  const { bytes, start, end, rules } = requireTag(parent, tag);
  const children: Element[] = [];
  for (let at = start; at < end && children.length < limit; ) {
    const child = elementAt(bytes, at, end, rules);
    children.push(child);
    at = child.next;
  }
  return children;
}

/**
 * The child of an element at a position: at its start, or after another child. Undefined at its end. With it, a long list
 * is read without a list of its elements.
 */
export function childAt({ bytes, end, rules }: Element, at: number): Element | undefined {
  return at < end ? elementAt(bytes, at, end, rules) : undefined;
}

/** The contents of an element of this tag. */
export function contentsOf(element: Element | undefined, tag: number): Buffer {
  const { bytes, start, end } = requireTag(element, tag);
  return bytes.subarray(start, end);
}

/** The unchanged bytes of an element, with identifier and length. */
export function bytesOf({ bytes, at, next }: Element): Buffer {
  return bytes.subarray(at, next);
}

/** The value of a BOOLEAN. */
export function readBoolean(element: Element | undefined): boolean {
  const octets = contentsOf(element, TAG.boolean);
  if (octets.length !== 1) {
    throw derError('a BOOLEAN is not one octet', element?.at);
  }
  // In DER all bits of TRUE are set; OpenSSL accepts any nonzero value.
  return octets[0] !== 0;
}

/** The value of an INTEGER of at most six octets. */
export function readInteger(element: Element | undefined): number {
  const octets = contentsOf(element, TAG.integer);
  if (octets.length < 1 || octets.length > 6) {
    throw derError('an INTEGER does not have one to six octets', element?.at);
  }
  return octets.readIntBE(0, octets.length);
}

/**
 * The octets of a BIT STRING. The octet before them is the number of unused bits in the last; they are zero (X.690,
 * 8.6, 11.2).
 *
 * @param tag another one if the BIT STRING is IMPLICIT.
 */
export function readBitString(element: Element | undefined, tag: number = TAG.bitString): Buffer {
  const contents = contentsOf(element, tag);
  const unused = contents[0] ?? 8;
  const octets = contents.subarray(1);
  if (unused > 7 || (octets.length === 0 && unused > 0) || ((octets.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) {
    throw derError('the number of unused bits of a BIT STRING is wrong, or such a bit is set', element?.at);
  }
  return octets;
}

/**
 * An OBJECT IDENTIFIER in dotted form (X.690, 8.19). If one of its numbers is over 2^53, the result is its contents in
 * hex; RFC 5280 (appendix B) allows numbers up to 2^28.
 */
export function readObjectIdentifier(element: Element | undefined): string {
  const { bytes, start, end, at } = requireTag(element, TAG.objectIdentifier);
  if (start === end || (bytes[end - 1] ?? INDEFINITE) >= 0x80) {
    throw derError('an OBJECT IDENTIFIER is cut off', at);
  }
  let dotted = '';
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const octet = bytes[index] ?? 0;
    if (number === 0 && octet === 0x80) {
      throw derError('a number of an OBJECT IDENTIFIER begins with zeros', at);
    }
    number = number * 0x80 + (octet & 0x7f);
    if (number > Number.MAX_SAFE_INTEGER) {
      return bytes.toString('hex', start, end);
    }
    if (octet < 0x80) {
      // The first number is 40 times the first arc, which is at most 2, plus the second arc.
      const first = Math.min(Math.trunc(number / 40), 2);
      dotted += dotted === '' ? `${first}.${number - 40 * first}` : `.${number}`;
      number = 0;
    }
  }
  return dotted;
}

function requireTag(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) {
    const found = element ? element.tag : 'nothing';
    throw derError(`expected the identifier ${tag}, found ${found}`, element?.at);
  }
  return element;
}

/** @param limit the first byte after the parent element. */
function elementAt(bytes: Buffer, at: number, limit: number, rules: EncodingRules): Element {
  const length = lengthAt(bytes, at, limit, rules);
  const start = at + 2 + lengthOctetsAt(bytes, at);
  const end = start + (length ?? lengthOfIndefinite(bytes, start, limit));
  const next = length === undefined ? end + 2 : end;
  if (next > limit) {
    throw derError('an element is cut off', at);
  }
  return { bytes, rules, tag: bytes[at] ?? 0, at, start, end, next };
}

/** How many octets with the length follow the first octet of the length (X.690, 8.1.3). */
function lengthOctetsAt(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  return first > INDEFINITE ? first - INDEFINITE : 0;
}

/**
 * The length of the contents of the element at a position (X.690, 8.1.2 and 8.1.3, and 10.1 for DER); undefined if it is
 * indefinite.
 */
function lengthAt(bytes: Buffer, at: number, limit: number, rules: EncodingRules): number | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  const octets = lengthOctetsAt(bytes, at);
  if (tag === undefined || first === undefined || at + 2 + octets > limit) {
    throw derError('an identifier or a length is cut off', at);
  }
  if ((tag & LONG_TAG) === LONG_TAG || octets > LENGTH_OCTETS_LIMIT) {
    throw derError('an identifier or a length is longer than supported', at);
  }
  if (first === INDEFINITE) {
    if (rules === 'DER' || !(tag & CONSTRUCTED)) {
      throw derError('a length is indefinite', at);
    }
    return undefined;
  }
  if (octets === 0) {
    return first;
  }
  const length = bytes.readUIntBE(at + 2, octets);
  if (rules === 'DER' && length < Math.max(0x80, 0x100 ** (octets - 1))) {
    throw derError('a length is not in its shortest form', at);
  }
  return length;
}

/**
 * Contents of indefinite length end before two zero bytes on their own level (X.690, 8.1.5). The levels are counted
 * without recursion, so deep nesting cannot overflow the stack.
 */
function lengthOfIndefinite(bytes: Buffer, start: number, limit: number): number {
  let at = start;
  for (let levels = 1; ; ) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0) {
      const length = lengthAt(bytes, at, limit, 'BER');
      levels += length === undefined ? 1 : 0;
      at += 2 + lengthOctetsAt(bytes, at) + (length ?? 0);
    } else if (levels > 1) {
      levels -= 1;
      at += 2;
    } else {
      return at - start;
    }
  }
}

/** The same memory with the methods of a Buffer. */
function view({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function derError(what: string, at: number | undefined): SyntaxError {
  return new SyntaxError(at === undefined ? what : `${what}, at byte ${at}`);
}

/** The result of a reader; undefined if it throws because the bytes are malformed. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
