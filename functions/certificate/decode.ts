import { X509Certificate } from 'node:crypto';
import { type BaseBlock, fromBER, ObjectIdentifier, Sequence } from 'asn1js';
import { children, fromBase64, isDer, isZip, textOf } from './bytes.ts';
import { InvalidChain } from './invalid-chain.ts';
import { isPrivateKey, PRIVATE_KEY, PrivateKeyFound } from './private-key.ts';
import { unzip } from './zip.ts';

/** A chain has three or four certificates; a file with cross-signed and surplus ones stays far below this. */
const CERTIFICATE_LIMIT = 20;

/** The largest real chain is 19 KB as PEM. */
const SIZE_LIMIT = 1024 * 1024;

/** PKCS#7 signedData (RFC 2315, 14). */
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/**
 * One armoured block, read tolerantly: the CA's documentation prints inner spaces and, once, four dashes. The last dashes
 * may be the first of the next boundary.
 */
const BLOCK = /-{4,5} *BEGIN ([A-Z0-9#]+(?: [A-Z0-9#]+)*) *-{4,5}([^-]*)-{4,5} *END \1 *(?=-{4,5})/g;
const CERTIFICATE_LABEL = /^(X509 |TRUSTED )?CERTIFICATE$/;
const PKCS7_LABEL = /^(PKCS ?#?7|CMS)( SIGNED DATA)?$/;

/** Where a block of certificates begins. One that never ends was cut off. */
const BEGIN = /-{4,5} *BEGIN (?:(?:X509 |TRUSTED )?CERTIFICATE|PKCS ?#?7|CMS) *-{4,5}/g;

/**
 * Takes the certificates out of a container: PKCS#7 (with or without a signer, DER, BER or armoured), PEM, ZIP, base64 of a
 * binary one, or one certificate in DER. Duplicates are dropped. The order of the container means nothing, so the
 * certificates come in an order of their own: the longest valid first, then by fingerprint.
 *
 * @throws {InvalidChain} where there is a private key, bytes that are no certificate, or more than the limits.
 */
export async function decodeCertificates(bytes: Uint8Array): Promise<X509Certificate[]> {
  if (bytes.length > SIZE_LIMIT) {
    throw new InvalidChain(`more than ${SIZE_LIMIT} bytes`);
  }
  const ders = isZip(bytes) ? fromFiles(await unzip(bytes)) : await fromText(bytes);
  const distinct = new Map(ders.map((der) => [Buffer.from(der).toString('latin1'), der]));
  if (distinct.size > CERTIFICATE_LIMIT) {
    throw new InvalidChain(`more than ${CERTIFICATE_LIMIT} certificates in one file`);
  }
  return [...distinct.values()]
    .map(parseCertificate)
    .sort(
      (a, b) => b.validToDate.getTime() - a.validToDate.getTime() || (a.fingerprint256 < b.fingerprint256 ? -1 : 1),
    );
}

async function fromText(bytes: Uint8Array): Promise<Uint8Array[]> {
  if (isDer(bytes)) {
    return fromDer(bytes);
  }
  const text = textOf(bytes);
  const binary = fromBase64(text);
  if (isZip(binary)) {
    return fromFiles(await unzip(binary));
  }
  return isDer(binary) ? fromDer(binary) : fromArmour(text);
}

/** Files of an archive: told apart by content. What is no certificate is a note to the customer. */
function fromFiles(files: readonly Uint8Array[]): Uint8Array[] {
  return files.flatMap((file) => {
    const text = textOf(file);
    const der = isDer(file) ? file : fromBase64(text);
    if (!isDer(der)) {
      return fromArmour(text);
    }
    try {
      const ders = fromDer(der);
      ders.forEach(parseCertificate);
      return ders;
    } catch (error) {
      if (error instanceof PrivateKeyFound) {
        throw error;
      }
      return [];
    }
  });
}

function fromArmour(text: string): Uint8Array[] {
  if (PRIVATE_KEY.test(text)) {
    throw new PrivateKeyFound();
  }
  const blocks = [...text.matchAll(BLOCK)].filter(
    ([, label = '']) => CERTIFICATE_LABEL.test(label) || PKCS7_LABEL.test(label),
  );
  if (blocks.length < (text.match(BEGIN)?.length ?? 0)) {
    throw new InvalidChain('an armoured block begins and does not end');
  }
  return blocks.flatMap(([, label = '', base64 = '']) => {
    const der = Buffer.from(base64, 'base64');
    return PKCS7_LABEL.test(label) ? fromDer(der) : [der];
  });
}

function fromDer(der: Uint8Array): Uint8Array[] {
  const { result, offset } = parse(der);
  const [first, content] = result instanceof Sequence ? result.valueBlock.value : [];
  if (offset === -1 || !content) {
    throw new InvalidChain('the bytes are neither PKCS#7 nor a certificate');
  }
  if (isPrivateKey(result)) {
    throw new PrivateKeyFound();
  }
  if (!(first instanceof ObjectIdentifier)) {
    return [der];
  }
  if (first.valueBlock.toString() !== SIGNED_DATA) {
    throw new InvalidChain(`a PKCS#7 of the type ${first.valueBlock.toString()} holds no certificates`);
  }
  return certificatesOf(content);
}

/** SignedData.certificates: [0] IMPLICIT SET OF. The bytes of each are taken as they stand: encoding them anew could differ. */
function certificatesOf(content: BaseBlock): Uint8Array[] {
  const [signedData] = children(content);
  const certificates =
    signedData && children(signedData).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 0);
  return (certificates ? children(certificates) : [])
    .filter((choice) => choice instanceof Sequence)
    .map((certificate) => certificate.valueBeforeDecodeView);
}

function parse(der: Uint8Array): ReturnType<typeof fromBER> {
  try {
    return fromBER(der);
  } catch (cause) {
    throw new InvalidChain('the bytes are no ASN.1', { cause });
  }
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    // Given text, the constructor would look for armour in it.
    if (!isDer(der)) {
      throw new TypeError('not a SEQUENCE');
    }
    const certificate = new X509Certificate(der);
    if (Number.isNaN(certificate.validFromDate.getTime()) || Number.isNaN(certificate.validToDate.getTime())) {
      throw new TypeError('no validity');
    }
    return certificate;
  } catch (cause) {
    throw new InvalidChain('one of the certificates cannot be read', { cause });
  }
}
