import { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import { bytesOf, childrenOf, constructed, readBer, readObjectIdentifier, TAG } from '../x509/der.ts';
import { decodeBase64, isDer, isZip, latin1Text } from './bytes.ts';
import { isPrivateKey, PRIVATE_KEY, PrivateKeyFoundError } from './private-key.ts';
import { unzip } from './zip.ts';

/** A chain has three or four certificates. A file with cross-signed and surplus certificates stays far below this. */
const CERTIFICATE_LIMIT = 20;

/** The largest real chain is 19 KB as PEM. */
const SIZE_LIMIT = 1024 * 1024;

/** PKCS#7 signedData (RFC 2315, 14). */
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/**
 * One PEM block, read tolerantly: the CA's documentation prints inner spaces and, once, four dashes. The last dashes
 * may also be the first ones of the next block.
 */
const BLOCK = /-{4,5} *BEGIN ([A-Z0-9#]+(?: [A-Z0-9#]+)*) *-{4,5}([^-]*)-{4,5} *END \1 *(?=-{4,5})/g;
const CERTIFICATE_LABEL = /^(X509 |TRUSTED )?CERTIFICATE$/;
const PKCS7_LABEL = /^(PKCS ?#?7|CMS)( SIGNED DATA)?$/;

/** The beginning of a block of certificates. A block without an end was cut off. */
const BEGIN = /-{4,5} *BEGIN (?:(?:X509 |TRUSTED )?CERTIFICATE|PKCS ?#?7|CMS) *-{4,5}/g;

/**
 * Reads the certificates in a container: PKCS#7 (with or without a signer; DER, BER or PEM), PEM, ZIP, base64 of a
 * binary container, or one certificate in DER. Duplicates are dropped. The order in the container has no meaning, so
 * the certificates are sorted: the one that is valid longest is first; certificates that expire together are sorted by
 * fingerprint.
 *
 * @throws {InvalidChainError} if the container contains a private key or an unreadable certificate, or exceeds a limit.
 */
export async function decodeCertificates(bytes: Uint8Array): Promise<X509Certificate[]> {
  if (bytes.length > SIZE_LIMIT) {
    throw new InvalidChainError(`the file has more than ${SIZE_LIMIT} bytes`);
  }
  const certificates = isZip(bytes) ? fromFiles(await unzip(bytes)) : await fromText(bytes);
  const distinct = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
  if (distinct.size > CERTIFICATE_LIMIT) {
    throw new InvalidChainError(`the file contains more than ${CERTIFICATE_LIMIT} certificates`);
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
  return isDer(binary) ? fromDer(binary) : fromPem(text);
}

/**
 * The content of a file in an archive decides its type. A file without certificates, such as a note to the customer, is
 * ignored.
 */
function fromFiles(files: readonly Uint8Array[]): X509Certificate[] {
  return files.flatMap((file) => {
    const text = latin1Text(file);
    const der = isDer(file) ? file : decodeBase64(text);
    if (!isDer(der)) {
      return fromPem(text);
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

function fromPem(text: string): X509Certificate[] {
  if (PRIVATE_KEY.test(text)) {
    throw new PrivateKeyFoundError();
  }
  const blocks = [...text.matchAll(BLOCK)].filter(
    ([, label = '']) => CERTIFICATE_LABEL.test(label) || PKCS7_LABEL.test(label),
  );
  if (blocks.length < (text.match(BEGIN)?.length ?? 0)) {
    throw new InvalidChainError('a PEM block begins but does not end');
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
 * The unchanged bytes of each certificate in SignedData.certificates, a [0] IMPLICIT SET OF (RFC 2315, 9.1). If the
 * bytes are not PKCS#7, they should be a certificate and are returned as they are.
 */
function certificatesIn(der: Uint8Array): Uint8Array[] {
  try {
    const [type, content] = childrenOf(readBer(der));
    if (!content) {
      throw new SyntaxError('a SEQUENCE has fewer than two elements');
    }
    if (type?.tag !== TAG.objectIdentifier) {
      return [der];
    }
    const contentType = readObjectIdentifier(type);
    if (contentType !== SIGNED_DATA) {
      throw new InvalidChainError(`PKCS#7 of the type ${contentType} contains no certificates`);
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
    // The constructor also accepts PEM, which must not occur here.
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
