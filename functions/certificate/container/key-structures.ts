import { TAG } from '../x509/der.ts';
import type { SearchBudget } from './search-budget.ts';

/**
 * Finds the binary forms of private keys at any position in bytes. A form counts only with its real structure, because
 * public keys, parameters and digests begin like private keys. It may be cut off after its first secret bytes, and may be
 * BER.
 */

/** An element that may be cut off. Its `end` is the one that it states; Infinity if its length is indefinite. */
interface Part {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** The bytes of a secret that must be there. Fewer are a sample in a text. */
const SECRET_BYTES = 16;

/** The octets of a private key on a curve of 112 to 571 bits (SEC 1, C.4). */
const CURVE_BYTES = { min: 14, max: 72 };

/** The modulus of an RSA key has at least 512 bits. Parameters with a small first number are not a key. */
const MODULUS_BYTES = 32;

/**
 * The algorithms that encrypt a private key, as the contents of an OBJECT IDENTIFIER without its last number: PKCS#5
 * (RFC 8018, appendix A), PKCS#12 (RFC 7292, appendix C), and the two of Java's key stores. The numbers of PKCS#5 that
 * do not encrypt are PBKDF2 (12) and PBMAC1 (14).
 */
const ENCRYPTIONS = [
  { octets: Buffer.from('06092a864886f70d0105', 'hex'), others: [12, 14] },
  { octets: Buffer.from('060a2a864886f70d010c01', 'hex'), others: [] },
  { octets: Buffer.from('060a2b060104012a021101', 'hex'), others: [] },
  { octets: Buffer.from('060a2b060104012a021301', 'hex'), others: [] },
];

/** The beginnings of a private key of OpenSSH and of SSH.com. */
const MAGICS = [Buffer.from('openssh-key-v1\0'), Buffer.from('3f6ff9eb', 'hex')];

/** PKCS#7 data and signedData: the content of a PKCS#12 (RFC 7292, 4). */
const PKCS7 = Buffer.from('2a864886f70d0107', 'hex');

/** What it costs to read what follows the first bytes of a structure, in bytes of the budget. */
const FOUND_COST = 16;
const READ_COST = 64;

/** The beginning of a version: an INTEGER of one byte. */
const VERSION = Buffer.of(TAG.integer, 1);

/** Finds the first bytes of structures, and reads what is around them. */
export function containsKeyStructure(bytes: Buffer, budget: SearchBudget): boolean {
  return (
    someIndex(bytes, VERSION, budget, (at) => isVersionOfKey(bytes, at, budget)) ||
    ENCRYPTIONS.some(({ octets, others }) =>
      someIndex(bytes, octets, budget, (at) => {
        const number = bytes[at + octets.length];
        return number !== undefined && !others.includes(number) && budget.spend(READ_COST) && isEncryptedKey(bytes, at);
      }),
    ) ||
    MAGICS.some((magic) => someIndex(bytes, magic, budget, (at) => bytes.length - at >= magic.length + SECRET_BYTES))
  );
}

function someIndex(bytes: Buffer, octets: Buffer, budget: SearchBudget, matches: (at: number) => boolean): boolean {
  for (let at = bytes.indexOf(octets); at !== -1 && budget.spend(FOUND_COST); at = bytes.indexOf(octets, at + 1)) {
    if (matches(at)) {
      return true;
    }
  }
  return false;
}

/** Whether the INTEGER at a position is the version of PKCS#8 or PKCS#1 (0, 1), SEC 1 (1) or PKCS#12 (3). */
function isVersionOfKey(bytes: Buffer, at: number, budget: SearchBudget): boolean {
  const version = bytes[at + VERSION.length];
  if (version !== 0 && version !== 1 && version !== 3) {
    return false;
  }
  const sequences = sequencesBefore(bytes, at);
  return sequences.length > 0 && budget.spend(READ_COST) && sequences.some((outer) => isKey(bytes, outer, version));
}

/** The sequences whose contents begin at a position. Their header has two to six bytes. */
function sequencesBefore(bytes: Buffer, contents: number): Part[] {
  const sequences: Part[] = [];
  for (let at = contents - 2; at >= 0 && at >= contents - 6; at -= 1) {
    const part = bytes[at] === TAG.sequence ? partAt(bytes, at) : undefined;
    if (part?.start === contents) {
      sequences.push(part);
    }
  }
  return sequences;
}

/** The identifier and the length at a position; undefined if they are no header, or are cut off. */
function partAt(bytes: Buffer, at: number): Part | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) {
    return undefined;
  }
  if (first <= 0x80) {
    return { tag, start: at + 2, end: first === 0x80 ? Number.POSITIVE_INFINITY : at + 2 + first };
  }
  const octets = first - 0x80;
  const start = at + 2 + octets;
  return octets > 4 || start > bytes.length ? undefined : { tag, start, end: start + bytes.readUIntBE(at + 2, octets) };
}

/** The first elements in an element, as far as they are there and fit into it. */
function partsIn(bytes: Buffer, { start, end }: Part, count: number): readonly Part[] {
  const parts: Part[] = [];
  for (let at = start; parts.length < count && at < Math.min(end, bytes.length); ) {
    const part = partAt(bytes, at);
    if (!part || (part.end > end && part.end !== Number.POSITIVE_INFINITY)) {
      break;
    }
    parts.push(part);
    at = part.end;
  }
  return parts;
}

/** How many bytes of an element are stated, and how many of them are there. */
function lengthOf(bytes: Buffer, { start, end }: Part): { readonly stated: number; readonly there: number } {
  return { stated: end - start, there: Math.min(end, bytes.length) - start };
}

function isKey(bytes: Buffer, outer: Part, version: number): boolean {
  const [, second, third, fourth] = partsIn(bytes, outer, 4);
  if (version === 3) {
    return isSequenceOf(bytes, second, PKCS7);
  }
  return (
    (isAlgorithm(bytes, second) && isSecret(bytes, third)) ||
    isRsaKey(bytes, [second, third, fourth]) ||
    (version === 1 && isCurveKey(bytes, outer, second, third))
  );
}

/** PKCS#1 (RFC 8017, A.1.2): modulus, public exponent and private exponent follow the version; DSA keys are similar. */
function isRsaKey(bytes: Buffer, [modulus, exponent, secret]: readonly (Part | undefined)[]): boolean {
  return (
    modulus?.tag === TAG.integer &&
    lengthOf(bytes, modulus).stated >= MODULUS_BYTES &&
    exponent?.tag === TAG.integer &&
    secret?.tag === TAG.integer &&
    lengthOf(bytes, secret).there >= SECRET_BYTES
  );
}

/** SEC 1 (RFC 5915): the key, and then nothing, the parameters [0] or the public key [1]. */
function isCurveKey(bytes: Buffer, outer: Part, key: Part | undefined, next: Part | undefined): boolean {
  if (key?.tag !== TAG.octetString) {
    return false;
  }
  const { stated, there } = lengthOf(bytes, key);
  const ends = key.end === outer.end || next?.tag === 0xa0 || next?.tag === 0xa1 || key.end >= bytes.length;
  return ends && stated >= CURVE_BYTES.min && stated <= CURVE_BYTES.max && there >= CURVE_BYTES.min;
}

/** AlgorithmIdentifier: a SEQUENCE that begins with an OBJECT IDENTIFIER. */
function isAlgorithm(bytes: Buffer, part: Part | undefined): boolean {
  return isSequenceOf(bytes, part, Buffer.alloc(0));
}

function isSequenceOf(bytes: Buffer, part: Part | undefined, type: Buffer): boolean {
  const [oid] = part?.tag === TAG.sequence ? partsIn(bytes, part, 1) : [];
  return (
    oid?.tag === TAG.objectIdentifier &&
    oid.end > oid.start &&
    bytes.subarray(oid.start, oid.start + type.length).equals(type)
  );
}

/** The OCTET STRING with a key, in one part or, in BER, in several. */
function isSecret(bytes: Buffer, part: Part | undefined): boolean {
  return (
    (part?.tag === TAG.octetString || part?.tag === TAG.constructedOctetString) &&
    lengthOf(bytes, part).there >= SECRET_BYTES
  );
}

/** Encrypted PKCS#8 (RFC 5958, 3): the algorithm, whose identifier is at a position, and an OCTET STRING. */
function isEncryptedKey(bytes: Buffer, identifier: number): boolean {
  return sequencesBefore(bytes, identifier).some((algorithm) =>
    [2, 3, 4, 5, 6]
      .flatMap((size) => sequencesBefore(bytes, algorithm.start - size))
      .some((outer) => {
        const [first, second] = partsIn(bytes, outer, 2);
        return first?.start === algorithm.start && isSecret(bytes, second);
      }),
  );
}
