import { InvalidChainError } from '../invalid-chain.ts';
import {
  bytesOf,
  childrenOf,
  constructed,
  contentsOf,
  type Element,
  readBer,
  readBitString,
  readObjectIdentifier,
  TAG,
} from './der.ts';
import { EC_KEY, RSA_BITS_LIMIT, RSA_EXPONENT_BITS_LIMIT, RSA_KEYS } from './public-key.ts';

/** A certificate has at most this many extensions, and each of its names this many attributes. Real ones have half. */
const EXTENSIONS_LIMIT = 32;
const ATTRIBUTES_LIMIT = 100;

/** The largest RSA key, in bytes. DER writes a zero before a number whose first bit is set. */
const RSA_BYTES = RSA_BITS_LIMIT / 8 + 1;
const RSA_EXPONENT_BYTES = RSA_EXPONENT_BITS_LIMIT / 8;

/** The largest key of another algorithm with its parameters, in bytes: ML-DSA-87 has 2,592. */
const KEY_BYTES = 4096;

/** The elements with the dates of a certificate. */
export interface CertificateDates {
  readonly notBefore: Element | undefined;
  readonly notAfter: Element | undefined;
}

/**
 * Refuses a certificate whose work is not bounded, before OpenSSL reads it. The numbers of attributes and extensions
 * decide how long the checks take, and the key how long a signature takes.
 *
 * @returns the dates, because Node does not report whether it can read them.
 * @throws {InvalidChainError} if a limit is exceeded.
 * @throws {SyntaxError} if the bytes are not the structure of a certificate.
 */
export function requireBounds(der: Uint8Array): CertificateDates {
  const [tbsCertificate] = childrenOf(readBer(der));
  const parts = childrenOf(tbsCertificate);
  const [, , issuer, validity, subject, key] = parts.filter(({ tag }) => tag !== constructed(0));
  for (const name of [issuer, subject]) {
    let attributes = 0;
    for (const rdn of childrenOf(name)) {
      attributes += childrenOf(rdn, TAG.set).length;
    }
    requireAtMost(attributes, ATTRIBUTES_LIMIT, 'attributes in a name');
  }
  const extensions = parts.find(({ tag }) => tag === constructed(3));
  const list = extensions ? childrenOf(childrenOf(extensions, constructed(3))[0]) : [];
  requireAtMost(list.length, EXTENSIONS_LIMIT, 'extensions');
  requireKeyBounds(key);
  const [notBefore, notAfter] = childrenOf(validity);
  return { notBefore, notAfter };
}

function requireAtMost(count: number, limit: number, what: string): void {
  if (count > limit) {
    throw new InvalidChainError(`one of the certificates has ${count} ${what}, but at most ${limit} are allowed`);
  }
}

function requireKeyBounds(subjectPublicKeyInfo: Element | undefined): void {
  const [algorithm, key] = childrenOf(subjectPublicKeyInfo);
  const [type, parameters] = childrenOf(algorithm);
  const oid = readObjectIdentifier(type);
  if (RSA_KEYS.has(oid)) {
    const [modulus, exponent] = childrenOf(readBer(readBitString(key)));
    if (
      contentsOf(modulus, TAG.integer).length > RSA_BYTES ||
      contentsOf(exponent, TAG.integer).length > RSA_EXPONENT_BYTES
    ) {
      throw new InvalidChainError(
        `one of the certificates has an RSA key of more than ${RSA_BITS_LIMIT} bits, or a large exponent`,
      );
    }
  } else if (oid === EC_KEY && parameters?.tag !== TAG.objectIdentifier) {
    throw new InvalidChainError('one of the certificates has a key on a curve without a name');
  } else if (subjectPublicKeyInfo && bytesOf(subjectPublicKeyInfo).length > KEY_BYTES) {
    throw new InvalidChainError(`one of the certificates has a key of more than ${KEY_BYTES} bytes`);
  }
}
