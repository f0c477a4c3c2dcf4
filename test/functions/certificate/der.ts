/** Writes elements of DER for tests, with any contents, right or wrong. */
import { ObjectIdentifier } from 'asn1js';

/** An element: its identifier octet, and its contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([header(tag, length), ...contents]);
}

/** What is before the contents of an element: its identifier octet, and its length in the shortest form. */
export function header(tag: number, length: number): Buffer {
  if (length < 0x80) {
    return Buffer.of(tag, length);
  }
  const digits = Math.ceil(Math.log2(length + 1) / 8);
  const octets = Buffer.alloc(2 + digits);
  octets.writeUInt8(tag, 0);
  octets.writeUInt8(0x80 | digits, 1);
  octets.writeUIntBE(length, 2, digits);
  return octets;
}

export const sequence = (...contents: readonly Uint8Array[]) => der(0x30, ...contents);

export const setOf = (...contents: readonly Uint8Array[]) => der(0x31, ...contents);

/** `[n]`, constructed. */
export const tagged = (number: number, ...contents: readonly Uint8Array[]) => der(0xa0 | number, ...contents);

/** @param value the octets of the number, or a number from 0 to 127. */
export const integer = (value: number | Uint8Array) => der(2, typeof value === 'number' ? Buffer.of(value) : value);

/** A BIT STRING without unused bits. */
export const bitString = (contents: Uint8Array) => der(3, Buffer.of(0), contents);

export const octetString = (contents: Uint8Array) => der(4, contents);

const identifiers = new Map<string, Buffer>();

/** An OBJECT IDENTIFIER. A certificate of a test can contain the same identifier thousands of times. */
export function identifier(dotted: string): Buffer {
  const known = identifiers.get(dotted) ?? Buffer.from(new ObjectIdentifier({ value: dotted }).toBER());
  identifiers.set(dotted, known);
  return known;
}

export const NULL = Buffer.of(5, 0);

export const TRUE = Buffer.of(1, 1, 0xff);

/** An element of an extension: its identifier, whether it is critical, and the DER in it. */
export const extension = (id: string, value: Uint8Array, critical = false) =>
  sequence(identifier(id), ...(critical ? [TRUE] : []), octetString(value));
