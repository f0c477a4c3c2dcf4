import { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import { requireBounds } from '../x509/bounds.ts';
import { attempt, bytesOf, childrenOf, constructed, readBer, readObjectIdentifier, TAG } from '../x509/der.ts';
import { fingerprintOf } from '../x509/fingerprint.ts';
import { readAnyTime } from '../x509/time.ts';
import { decodeBase64, decodeText, isDer } from './bytes.ts';
import { kindOf, kindOfDer, SIGNED_DATA } from './kinds.ts';
import { readPem } from './pem.ts';
import { type ArchiveBudget, archiveBudget, gunzip, isGzip, locateZip, unzip } from './zip.ts';

/** A chain has three or four certificates. A file with cross-signed and surplus certificates stays far below this. */
const CERTIFICATE_LIMIT = 20;

/** The largest real chain is 19 KB as PEM. */
const SIZE_LIMIT = 1024 * 1024;

/** How deep containers may be nested: base64 of a ZIP of a gzip file of PEM has the depth 4. */
const DEPTH_LIMIT = 6;

/** How many structures are read that follow each other, and how many ignored parts are named. */
const ELEMENTS_LIMIT = 100;
const IGNORED_LIMIT = 100;

/** How many different names of parts are quoted, and how many characters of each. */
const NAMES_LIMIT = 200;
const NAME_LENGTH = 300;

/** What OpenSSL prints for a date that it cannot read (ASN1_TIME_print). */
const UNREADABLE_DATE = 'Bad time value';

const NO_CERTIFICATE = 'the bytes are neither PKCS#7 nor a certificate';

/** What a container holds. */
export interface DecodedContainer {
  /** The distinct certificates, sorted. */
  readonly certificates: readonly X509Certificate[];
  /** Everything else: its name, what it is, and its size. */
  readonly ignored: readonly string[];
  /** What is wrong with parts that should be certificates. Without them, a chain may be incomplete. */
  readonly damages: readonly string[];
}

interface Contents {
  /** By their bytes. */
  readonly certificates: Map<string, X509Certificate>;
  readonly ignored: Ignored[];
  readonly damages: string[];
  readonly budget: ArchiveBudget;
  /** Makes the name of a file or the label of a block fit for a message. */
  readonly quote: (name: string) => string;
}

interface Ignored {
  /** Undefined if it is the whole file. */
  readonly name: string | undefined;
  readonly kind: string;
  readonly size: number;
}

/**
 * Reads the certificates in a container: PKCS#7 (with or without a signer; DER, BER or PEM), PEM, DER, ZIP, gzip, base64
 * of another container. The content of each part decides what it is, never its name or its label; a part that is no
 * certificate is ignored. Duplicates are dropped. The order in the container has no meaning, so the certificates are
 * sorted: the one that is valid longest is first; certificates that expire together are sorted by fingerprint.
 *
 * @param redact removes secrets from the names that the container gives its parts. What is named is cut later, in many
 *   places, and a secret that was cut is no longer found.
 * @throws {InvalidChainError} if the file contains no certificate, is a damaged archive, or exceeds a limit.
 */
export async function decodeCertificates(
  bytes: Uint8Array,
  redact: (text: string) => string = (text) => text,
): Promise<DecodedContainer> {
  if (bytes.length > SIZE_LIMIT) {
    throw new InvalidChainError(`the file has more than ${SIZE_LIMIT} bytes`);
  }
  const contents: Contents = {
    certificates: new Map(),
    ignored: [],
    damages: [],
    budget: archiveBudget(),
    quote: createQuote(redact),
  };
  await readPart(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), undefined, contents, 0);
  const { certificates, ignored, damages } = contents;
  const named = ignored.slice(0, IGNORED_LIMIT).map(describeIgnored);
  if (certificates.size === 0) {
    throw new InvalidChainError(reasonWithoutCertificates(contents, named));
  }
  const distinct = new Map([...certificates.values()].map((certificate) => [fingerprintOf(certificate), certificate]));
  return {
    certificates: [...distinct.values()].sort(
      (a, b) => b.validToDate.getTime() - a.validToDate.getTime() || (fingerprintOf(a) < fingerprintOf(b) ? -1 : 1),
    ),
    ignored: ignored.length > named.length ? [...named, `${ignored.length - named.length} other parts`] : named,
    damages: [...new Set(damages)],
  };
}

/** Limits the names, because a container can have thousands of them, and their redaction takes time. */
function createQuote(redact: (text: string) => string): (name: string) => string {
  const quoted = new Map<string, string>();
  return (name) => {
    const beginning = name.slice(0, NAME_LENGTH);
    const known = quoted.get(beginning);
    if (known !== undefined) {
      return known;
    }
    if (quoted.size >= NAMES_LIMIT) {
      return 'another name';
    }
    const text = redact(beginning) + (beginning === name ? '' : '…');
    quoted.set(beginning, text);
    return text;
  };
}

function describeIgnored({ name = 'the file', kind, size }: Ignored): string {
  return `${name} (${kind}, ${size === 1 ? '1 byte' : `${size} bytes`})`;
}

function reasonWithoutCertificates({ damages, ignored }: Contents, named: readonly string[]): string {
  const [first] = ignored;
  if (damages.length > 0) {
    return `the file contains no certificate that can be read: ${[...new Set(damages)].slice(0, 3).join('; ')}`;
  }
  if (!first || first.kind === 'empty' || (ignored.length === 1 && first.kind === 'white space')) {
    return 'the file contains no certificate: it is empty';
  }
  return `the file contains no certificate: ${
    ignored.length === 1 && first.name === undefined ? `it is ${first.kind}` : named.slice(0, 5).join('; ')
  }`;
}

/** @param name undefined for the whole file. */
async function readPart(bytes: Buffer, name: string | undefined, contents: Contents, depth: number): Promise<void> {
  const ignore = () => contents.ignored.push({ name, kind: kindOf(bytes), size: bytes.length });
  if (depth > DEPTH_LIMIT) {
    ignore();
    return;
  }
  const readInner = (inner: Buffer, innerName = name) => readPart(inner, innerName, contents, depth + 1);
  // A gzip file can contain a ZIP whose bytes it does not compress, so it comes first.
  if (isGzip(bytes)) {
    const { content, length } = gunzip(bytes, contents.budget);
    await readInner(content);
    await readAround(bytes.subarray(length), 'the bytes after the end of the gzip file');
    return;
  }
  const archive = locateZip(bytes);
  if (archive) {
    await readAround(bytes.subarray(0, archive.start), 'the bytes before the archive');
    for (const file of await unzip(bytes.subarray(archive.start, archive.end), contents.budget, contents.quote)) {
      await readInner(file.bytes, file.name === '' ? 'a file without a name' : file.name);
    }
    await readAround(bytes.subarray(archive.end), 'the bytes after the end of the archive');
    return;
  }
  const read = isDer(bytes) ? readElements(bytes, name, contents) : 0;
  if (read > 0) {
    await readAround(bytes.subarray(read), `the bytes after the end of ${name ?? 'the DER'}`);
    return;
  }
  const text = decodeText(bytes);
  const binary = decodeBase64(text);
  if (isDer(binary) || isGzip(binary) || locateZip(binary) || readPem(decodeText(binary)).blocks.length > 0) {
    await readInner(binary);
    return;
  }
  if (kindOf(bytes) === 'binary data' && isDer(bytes)) {
    contents.damages.push(NO_CERTIFICATE);
  }
  const { blocks, around } = readPem(text);
  for (const { label, der, problem } of blocks) {
    const blockName = `the PEM block ${contents.quote(label)}${name === undefined ? '' : ` in ${name}`}`;
    const isContainer = isGzip(der) || locateZip(der) !== undefined;
    const size = isDer(der) && !isContainer ? readElements(der, blockName, contents) : 0;
    if (isContainer) {
      await readInner(der, blockName);
    } else if (size > 0) {
      await readAround(der.subarray(size), `the bytes after the end of ${blockName}`);
    } else {
      contents.damages.push(`${blockName} ${problem}`);
      contents.ignored.push({ name: blockName, kind: problem, size: der.length });
    }
  }
  if (blocks.length === 0) {
    ignore();
  } else if (around > 0) {
    const place = name === undefined ? 'text outside of the PEM blocks' : `text outside of the PEM blocks in ${name}`;
    contents.ignored.push({ name: place, kind: 'text', size: around });
  }

  async function readAround(around: Buffer, place: string): Promise<void> {
    if (around.length > 0) {
      await readInner(around, place);
    }
  }
}

/**
 * Reads SEQUENCEs that follow each other, as they are or with line ends between them.
 *
 * @returns how many bytes they have; 0 if the first cannot be read.
 */
function readElements(bytes: Buffer, name: string | undefined, contents: Contents): number {
  let at = 0;
  for (let count = 0; count < ELEMENTS_LIMIT; count += 1) {
    const next = skipLineEnds(bytes, at);
    if (bytes[next] !== TAG.sequence) {
      break;
    }
    const rest = bytes.subarray(next);
    const element = attempt(() => readBer(rest));
    if (!element) {
      break;
    }
    readElement(rest.subarray(0, element.next), name, contents);
    at = next + element.next;
  }
  return at;
}

function skipLineEnds(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x0a || bytes[at] === 0x0d) {
    at += 1;
  }
  return at;
}

function readElement(der: Buffer, name: string | undefined, contents: Contents): void {
  const kind = kindOfDer(der);
  if (kind !== undefined) {
    contents.ignored.push({ name, kind, size: der.length });
    return;
  }
  const certificates = certificatesInPkcs7(der);
  if (!certificates) {
    addCertificate(der, name, contents);
    return;
  }
  if (certificates.length === 0) {
    contents.ignored.push({ name, kind: 'PKCS#7 without certificates', size: der.length });
  }
  for (const certificate of certificates) {
    addCertificate(certificate, name, contents);
  }
}

/**
 * The unchanged bytes of each certificate in SignedData.certificates, a [0] IMPLICIT SET OF (RFC 2315, 9.1). Undefined if
 * the bytes are not PKCS#7.
 */
function certificatesInPkcs7(der: Buffer): Buffer[] | undefined {
  return attempt(() => {
    const [type, content] = childrenOf(readBer(der));
    if (readObjectIdentifier(type) !== SIGNED_DATA) {
      return undefined;
    }
    const [signedData] = childrenOf(content, constructed(0));
    const certificates = childrenOf(signedData).find(({ tag }) => tag === constructed(0));
    return certificates
      ? childrenOf(certificates, constructed(0))
          .filter(({ tag }) => tag === TAG.sequence)
          .map(bytesOf)
      : [];
  });
}

function addCertificate(der: Buffer, name: string | undefined, contents: Contents): void {
  const { certificates, damages, ignored } = contents;
  const key = der.toString('latin1');
  if (certificates.has(key)) {
    return;
  }
  if (certificates.size >= CERTIFICATE_LIMIT) {
    throw new InvalidChainError(`the file contains more than ${CERTIFICATE_LIMIT} certificates`);
  }
  try {
    certificates.set(key, parseCertificate(der));
  } catch (error) {
    const reason = error instanceof InvalidChainError ? error.message : unreadable(der);
    damages.push(reason);
    ignored.push({ name, kind: reason, size: der.length });
  }
}

/** A certificate is a signed structure: two SEQUENCEs and a BIT STRING (RFC 5280, 4.1). */
function unreadable(der: Buffer): string {
  const tags = attempt(() => childrenOf(readBer(der)).map(({ tag }) => tag)) ?? [];
  return tags[0] === TAG.sequence && tags[1] === TAG.sequence
    ? 'one of the certificates cannot be read'
    : NO_CERTIFICATE;
}

/** @throws {InvalidChainError} if a limit is exceeded. @throws {Error} if OpenSSL cannot read the certificate. */
function parseCertificate(der: Buffer): X509Certificate {
  const { notBefore, notAfter } = requireBounds(der);
  const certificate = new X509Certificate(der);
  const hasDates = readAnyTime(notBefore) && readAnyTime(notAfter);
  // OpenSSL can read more forms of a date. The text is compared, because Node's `validFromDate` and `validToDate` of a date
  // that OpenSSL cannot read are random: NaN or any other moment.
  if (!hasDates && (certificate.validFrom === UNREADABLE_DATE || certificate.validTo === UNREADABLE_DATE)) {
    throw new TypeError('no validity');
  }
  return certificate;
}
