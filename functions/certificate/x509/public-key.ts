import {
  attempt,
  bytesOf,
  childrenOf,
  contentsOf,
  type Element,
  readBitString,
  readDer,
  readObjectIdentifier,
  TAG,
} from './der.ts';

/** What can be read of a public key without OpenSSL. */
export interface PublicKeyInfo {
  /** The DER of SubjectPublicKeyInfo. */
  readonly der: Buffer;
  /** The OID of the algorithm. */
  readonly algorithm: string;
  /** The OID of the curve; undefined if the key is no EC key, or if its curve has no name. */
  readonly curve: string | undefined;
  /** The sizes of an RSA key in bits; undefined if the key is no RSA key, or if it cannot be read. */
  readonly rsa: { readonly modulus: number; readonly exponent: number } | undefined;
}

/** rsaEncryption and id-RSASSA-PSS (RFC 4055). */
export const RSA_KEYS: ReadonlySet<string> = new Set(['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.10']);
/** id-ecPublicKey (RFC 5480). */
export const EC_KEY = '1.2.840.10045.2.1';

/** Larger keys, and larger exponents of a key, make one verification slow. OpenSSL has the same limit of exponents. */
export const RSA_BITS_LIMIT = 8192;
export const RSA_EXPONENT_BITS_LIMIT = 64;

/** Reads SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; RFC 3279, 2.3.1). */
export function readPublicKeyInfo(info: Element | undefined): PublicKeyInfo {
  const [identifier, key] = childrenOf(info);
  const [type, parameters] = childrenOf(identifier);
  const algorithm = readObjectIdentifier(type);
  return {
    der: info ? bytesOf(info) : Buffer.alloc(0),
    algorithm,
    curve:
      algorithm === EC_KEY && parameters?.tag === TAG.objectIdentifier ? readObjectIdentifier(parameters) : undefined,
    rsa: RSA_KEYS.has(algorithm) ? attempt(() => readRsaSizes(readDer(readBitString(key)))) : undefined,
  };
}

function readRsaSizes(key: Element): PublicKeyInfo['rsa'] {
  const [modulus, exponent] = childrenOf(key);
  return { modulus: bitsOf(modulus), exponent: bitsOf(exponent) };
}

/** The number of bits of a positive INTEGER. */
function bitsOf(integer: Element | undefined): number {
  const octets = contentsOf(integer, TAG.integer);
  const first = octets.findIndex((octet) => octet !== 0);
  return first === -1 ? 0 : 8 * (octets.length - first) - Math.clz32(octets[first] ?? 0) + 24;
}
