/** Reads certificate revocation lists (RFC 5280, 5) in place: a list of 10 MiB can have several hundred thousand entries. */
import {
  attempt,
  bytesOf,
  childAt,
  childrenOf,
  constructed,
  contentsOf,
  type Element,
  primitive,
  readBitString,
  readDer,
  readInteger,
  TAG,
} from '../x509/der.ts';
import { ALL_REASONS, readPointName, readReasons } from '../x509/distribution-points.ts';
import {
  type AuthorityKeyIdentifier,
  type DecodedExtension,
  duplicatesIn,
  readAuthorityKeyIdentifier,
  readExtension,
} from '../x509/fields.ts';
import type { GeneralName } from '../x509/general-names.ts';
import { type Name, readName } from '../x509/names.ts';
import { isTime, readAnyTime } from '../x509/time.ts';

/** A CRL as it was fetched, or why it could not be fetched. The library itself uses no network. */
export interface FetchedCrl {
  readonly url: string;
  readonly bytes?: Uint8Array | undefined;
  /** Why there are no bytes, as the end of a sentence. */
  readonly problem?: string | undefined;
}

/** A CRL of which only the fields beside the entries were read. Nothing of it is verified. */
export interface Crl {
  /** The bytes that are signed. */
  readonly signedBytes: Buffer;
  /** The AlgorithmIdentifier, which the signed bytes repeat. */
  readonly signatureAlgorithm: Element;
  readonly signature: Buffer;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly extensions: readonly DecodedExtension[];
  /** What the CRL says about the certificate of its issuer. */
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  /** The revokedCertificates; undefined if no certificate is revoked. */
  readonly entries: Element | undefined;
}

/** The entry of one certificate. */
export interface CrlEntry {
  /** Undefined if the date cannot be read. */
  readonly revokedAt: Date | undefined;
  /** The reason by its name in RFC 5280, 5.3.1; undefined if none is given, or if it cannot be read. */
  readonly reason: string | undefined;
}

/** The certificates and reasons for which a CRL is complete (RFC 5280, 5.2.5): without an extension for all. */
export interface CrlScope {
  /** The names of the distribution point, such as the URLs of the CRL; undefined if the CRL has none. */
  readonly names: readonly GeneralName[] | undefined;
  /** The reasons that the CRL covers, as a set of bits. */
  readonly reasons: number;
  readonly onlyUserCertificates: boolean;
  readonly onlyCaCertificates: boolean;
  readonly onlyAttributeCertificates: boolean;
  readonly indirect: boolean;
}

/** RFC 5280, 5.2 and 5.3. */
export const CRL_OID = {
  reasonCode: '2.5.29.21',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  authorityKeyIdentifier: '2.5.29.35',
} as const;

/** The names of the values of CRLReason. The value 7 is not used. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [0, 'unspecified'],
  [1, 'keyCompromise'],
  [2, 'cACompromise'],
  [3, 'affiliationChanged'],
  [4, 'superseded'],
  [5, 'cessationOfOperation'],
  [6, 'certificateHold'],
  [8, 'removeFromCRL'],
  [9, 'privilegeWithdrawn'],
  [10, 'aACompromise'],
]);

/** The identifiers of the fields of IssuingDistributionPoint in their order (RFC 5280, 5.2.5). */
const DISTRIBUTION_POINT_FIELDS: readonly number[] = [constructed(0), ...[1, 2, 3, 4, 5].map(primitive)];

/** Real CRLs have up to five extensions. */
const EXTENSIONS_LIMIT = 32;

/**
 * Reads the fields of a CRL. The entries are not read.
 *
 * @throws {SyntaxError} if the bytes are not one CRL in DER.
 */
export function readCrl(bytes: Uint8Array): Crl {
  const [signed, signatureAlgorithm, signature, ...others] = childrenOf(readDer(bytes), TAG.sequence, 4);
  if (!signed || !signatureAlgorithm || others.length > 0) {
    throw new SyntaxError('a CRL does not consist of three parts');
  }
  // All seven fields, and one more to notice a surplus.
  const fields = childrenOf(signed, TAG.sequence, 8);
  const version = fields[0]?.tag === TAG.integer ? readInteger(fields.shift()) : 0;
  const [innerAlgorithm, issuer, thisUpdate] = fields.splice(0, 3);
  const nextUpdate = isTime(fields[0]?.tag) ? fields.shift() : undefined;
  const entries = fields[0]?.tag === TAG.sequence ? fields.shift() : undefined;
  const extensions = fields[0]?.tag === constructed(0) ? readExtensions(fields.shift()) : [];
  if (!issuer || fields.length > 0 || version > 1 || (version === 0 && extensions.length > 0)) {
    throw new SyntaxError('the fields of a CRL are not those of the version 1 or 2');
  }
  if (!innerAlgorithm || !bytesOf(innerAlgorithm).equals(bytesOf(signatureAlgorithm))) {
    throw new SyntaxError('a CRL names two different signature algorithms');
  }
  const keyIdentifier = extensions.find(({ id }) => id === CRL_OID.authorityKeyIdentifier);
  return {
    signedBytes: bytesOf(signed),
    signatureAlgorithm,
    signature: readBitString(signature),
    issuer: readName(issuer),
    thisUpdate: requireTime(thisUpdate),
    nextUpdate: nextUpdate && requireTime(nextUpdate),
    extensions,
    authorityKeyIdentifier: keyIdentifier && readAuthorityKeyIdentifier(readDer(keyIdentifier.value)),
    entries,
  };
}

/**
 * Searches all entries for some certificates, which can be tens of thousands: each entry is compared only with those whose
 * serial numbers have the same end.
 *
 * @param serials the contents of the INTEGERs of their serial numbers.
 * @returns the entries by serial number in hex.
 * @throws {SyntaxError} if an entry is malformed, or has a critical extension: it can change what the entries after it
 * mean (RFC 5280, 5.3).
 */
export function findEntries({ entries }: Crl, serials: readonly Buffer[]): ReadonlyMap<string, CrlEntry> {
  const found = new Map<string, CrlEntry>();
  const wantedByEnd = Map.groupBy(serials, (serial) => endOf(serial, 0, serial.length));
  for (let entry = entries && childAt(entries, entries.start); entries && entry; entry = childAt(entries, entry.next)) {
    const serial = entry.tag === TAG.sequence ? childAt(entry, entry.start) : undefined;
    const date = serial && childAt(entry, serial.next);
    if (!serial || !date || !isInteger(serial) || !isTime(date.tag)) {
      throw new SyntaxError(`an entry is malformed, at byte ${entry.at}`);
    }
    const entryExtensions = childAt(entry, date.next);
    if (entryExtensions) {
      checkEntryExtensions(entryExtensions, entry.end);
    }
    const wanted = wantedByEnd
      .get(endOf(serial.bytes, serial.start, serial.end))
      ?.find((each) => isSameSerial(serial, each));
    const key = wanted?.toString('hex');
    if (key !== undefined && !found.has(key)) {
      // The certificate is revoked, however the rest of its entry is written. OpenSSL does not read the date either.
      found.set(key, { revokedAt: readAnyTime(date), reason: entryExtensions && readReason(entryExtensions) });
    }
  }
  return found;
}

/**
 * The scope of a CRL.
 *
 * @throws {SyntaxError} if its issuingDistributionPoint is malformed, or names the distribution point relative to the
 * issuer, which no http URL can be compared with.
 */
export function scopeOf({ extensions }: Crl): CrlScope {
  const extension = extensions.find(({ id }) => id === CRL_OID.issuingDistributionPoint);
  const fields = extension ? childrenOf(readDer(extension.value), TAG.sequence, 7) : [];
  // A field that is not understood could limit what the list contains.
  if (fields.some(({ tag }, index) => positionOf(tag) <= positionOf(fields[index - 1]?.tag))) {
    throw new SyntaxError('the fields of the issuing distribution point are not those of RFC 5280');
  }
  const flag = (number: number) => {
    const field = fields.find(({ tag }) => tag === primitive(number));
    const octets = field && contentsOf(field, primitive(number));
    if (octets && octets.length !== 1) {
      throw new SyntaxError('a BOOLEAN of the issuing distribution point is not one octet');
    }
    return octets !== undefined && octets[0] !== 0;
  };
  const field = (wanted: number) => fields.find(({ tag }) => tag === wanted);
  const [point, someReasons] = [field(constructed(0)), field(primitive(3))];
  const names = point && readPointName(point);
  if (names?.length === 0) {
    throw new SyntaxError('the issuing distribution point has a name relative to the issuer');
  }
  return {
    names,
    reasons: someReasons ? readReasons(someReasons) : ALL_REASONS,
    onlyUserCertificates: flag(1),
    onlyCaCertificates: flag(2),
    indirect: flag(4),
    onlyAttributeCertificates: flag(5),
  };
}

/** The position of a field in the issuing distribution point; -1 if there is no such field. */
function positionOf(tag: number | undefined): number {
  return tag === undefined ? -1 : DISTRIBUTION_POINT_FIELDS.indexOf(tag);
}

/** @throws {SyntaxError} if there are too many, or two of one kind. */
function readExtensions(field: Element | undefined): DecodedExtension[] {
  const [list] = field ? childrenOf(field, constructed(0), 2) : [];
  const elements = list?.tag === TAG.sequence ? childrenOf(list, TAG.sequence, EXTENSIONS_LIMIT + 1) : [];
  if (elements.length === 0 || elements.length > EXTENSIONS_LIMIT) {
    throw new SyntaxError(`a CRL has no or more than ${EXTENSIONS_LIMIT} extensions`);
  }
  const extensions = elements.map(readExtension);
  if (duplicatesIn(extensions.map(({ id }) => id)).length > 0) {
    throw new SyntaxError('a CRL contains the same extension more than once');
  }
  return extensions;
}

/** The critical extensions are recognized without reading the extensions: their second element is a BOOLEAN. */
function checkEntryExtensions(extensions: Element, entryEnd: number): void {
  if (extensions.tag !== TAG.sequence || extensions.next !== entryEnd) {
    throw new SyntaxError(`an entry is malformed, at byte ${extensions.at}`);
  }
  for (let each = childAt(extensions, extensions.start); each; each = childAt(extensions, each.next)) {
    const id = each.tag === TAG.sequence ? childAt(each, each.start) : undefined;
    const second = id && childAt(each, id.next);
    if (!second) {
      throw new SyntaxError(`an extension of an entry is malformed, at byte ${each.at}`);
    }
    if (second.tag === TAG.boolean && second.bytes[second.start] !== 0) {
      throw new SyntaxError(`an entry has a critical extension, at byte ${each.at}`);
    }
  }
}

/** RFC 5280, 5.3.1. A value without a name is returned as a number; undefined if there is not exactly one value. */
function readReason(extensions: Element): string | undefined {
  return attempt(() => {
    const [reasonCode, ...others] = childrenOf(extensions, TAG.sequence, EXTENSIONS_LIMIT)
      .map(readExtension)
      .filter(({ id }) => id === CRL_OID.reasonCode);
    const octets = reasonCode && contentsOf(readDer(reasonCode.value), TAG.enumerated);
    const [value] = octets ?? [];
    return value === undefined || octets?.length !== 1 || others.length > 0
      ? undefined
      : (REASONS.get(value) ?? String(value));
  });
}

/** An INTEGER in its shortest form (X.690, 8.3.2), so that equal numbers have equal bytes. */
function isInteger({ tag, bytes, start, end }: Element): boolean {
  const [first = 0, second = 0] = [bytes[start], bytes[start + 1]];
  const isPadded = end - start > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  return tag === TAG.integer && end > start && !isPadded;
}

function isSameSerial({ bytes, start, end }: Element, serial: Buffer): boolean {
  return end - start === serial.length && bytes.compare(serial, 0, serial.length, start, end) === 0;
}

/** The last three octets of a serial number as a number. Serial numbers are random, so few have the same end. */
function endOf(bytes: Uint8Array, start: number, end: number): number {
  const octet = (back: number) => (end - back >= start ? (bytes[end - back] ?? 0) : 0);
  return (octet(3) << 16) | (octet(2) << 8) | octet(1);
}

/** @throws {SyntaxError} if it is not in one of the forms of RFC 5280, 5.1.2.4, which are those of certificates. */
function requireTime(element: Element | undefined): Date {
  const time = readAnyTime(element);
  if (!time) {
    throw new SyntaxError(`a time is malformed, at byte ${element?.at}`);
  }
  return time;
}
