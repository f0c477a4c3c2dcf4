import { X509Certificate } from 'node:crypto';
import { decodeBase64, isDer, isZip, latin1Text } from './bytes.ts';
import { bytesOf, childrenOf, constructed, readBer, readObjectIdentifier, TAG } from './der.ts';
import { InvalidChainError } from './invalid-chain.ts';
import { isPrivateKey, PRIVATE_KEY, PrivateKeyFoundError } from './private-key.ts';
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
 * @throws {InvalidChainError} where there is a private key, bytes that are no certificate, or more than the limits.
 */
export async function decodeCertificates(bytes: Uint8Array): Promise<X509Certificate[]> {
  if (bytes.length > SIZE_LIMIT) {
    throw new InvalidChainError(`more than ${SIZE_LIMIT} bytes`);
  }
  const certificates = isZip(bytes) ? fromFiles(await unzip(bytes)) : await fromText(bytes);
  const distinct = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
  if (distinct.size > CERTIFICATE_LIMIT) {
    throw new InvalidChainError(`more than ${CERTIFICATE_LIMIT} certificates in one file`);
  }
  return [...distinct.values()].sort(
    (a, b) => b.validToDate.getTime() - a.validToDate.getTime() || (a.fingerprint256 < b.fingerprint256 ? -1 : 1),
  );
}

async function fromText(bytes: Uint8Array): Promise<X509Certificate[]> {
  if (isDer(bytes)) {
    return fromDer(bytes);
  }
  const text = latin1Text(bytes);
  const binary = decodeBase64(text);
  if (isZip(binary)) {
    return fromFiles(await unzip(binary));
  }
  return isDer(binary) ? fromDer(binary) : fromArmour(text);
}

/** Files of an archive: told apart by content. What is no certificate is a note to the customer. */
function fromFiles(files: readonly Uint8Array[]): X509Certificate[] {
  return files.flatMap((file) => {
    const text = latin1Text(file);
    const der = isDer(file) ? file : decodeBase64(text);
    if (!isDer(der)) {
      return fromArmour(text);
    }
    try {
      return fromDer(der);
    } catch (error) {
      if (error instanceof PrivateKeyFoundError) {
        throw error;
      }
      return [];
    }
  });
}

function fromArmour(text: string): X509Certificate[] {
  if (PRIVATE_KEY.test(text)) {
    throw new PrivateKeyFoundError();
  }
  const blocks = [...text.matchAll(BLOCK)].filter(
    ([, label = '']) => CERTIFICATE_LABEL.test(label) || PKCS7_LABEL.test(label),
  );
  if (blocks.length < (text.match(BEGIN)?.length ?? 0)) {
    throw new InvalidChainError('an armoured block begins and does not end');
  }
  return blocks.flatMap(([, label = '', base64 = '']) => {
    const der = Buffer.from(base64, 'base64');
    return PKCS7_LABEL.test(label) ? fromDer(der) : [parseCertificate(der)];
  });
}

function fromDer(der: Uint8Array): X509Certificate[] {
  if (isPrivateKey(der)) {
    throw new PrivateKeyFoundError();
  }
  return certificatesIn(der).map(parseCertificate);
}

/**
 * The bytes of each certificate as they stand in SignedData.certificates, a [0] IMPLICIT SET OF (RFC 2315, 9.1), or the bytes
 * themselves where they are no PKCS#7: then they should be a certificate.
 */
function certificatesIn(der: Uint8Array): Uint8Array[] {
  try {
    const [type, content] = childrenOf(readBer(der));
    if (!content) {
      throw new SyntaxError('a SEQUENCE of less than two elements');
    }
    if (type?.tag !== TAG.objectIdentifier) {
      return [der];
    }
    const contentType = readObjectIdentifier(type);
    if (contentType !== SIGNED_DATA) {
      throw new InvalidChainError(`a PKCS#7 of the type ${contentType} holds no certificates`);
    }
    const [signedData] = childrenOf(content, constructed(0));
    const certificates = childrenOf(signedData).find(({ tag }) => tag === constructed(0));
    return certificates
      ? childrenOf(certificates, constructed(0))
          .filter(({ tag }) => tag === TAG.sequence)
          .map(bytesOf)
      : [];
  } catch (error) {
    throw error instanceof InvalidChainError
      ? error
      : new InvalidChainError('the bytes are neither PKCS#7 nor a certificate', { cause: error });
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
    throw new InvalidChainError('one of the certificates cannot be read', { cause });
  }
}
