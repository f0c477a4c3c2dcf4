import { constants, type KeyObject, verify } from 'node:crypto';
import { CollectorError } from '../../collector-error.ts';
import { attempt, childrenOf, constructed, type Element, readInteger, readObjectIdentifier } from '../x509/der.ts';
import { readSignatureAlgorithm } from '../x509/signature-algorithm.ts';

/**
 * The hashes that a signature on a CRL may have. OpenSSL accepts SHA-1 too, but collisions can be computed, and no CA of
 * mark certificates uses it for CRLs.
 */
const HASHES: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512']);

/** The types of keys by the beginning of the OIDs of their signatures (RFC 4055, RFC 5758). */
const KEY_TYPES = [
  ['1.2.840.113549.1.1.', ['rsa', 'rsa-pss']],
  ['1.2.840.10045.4.3.', ['ec']],
] as const;

const MGF1 = '1.2.840.113549.1.1.8';

/** The algorithm of a signature is none of those that are accepted. */
export class UnknownAlgorithmError extends CollectorError {
  override readonly name = 'UnknownAlgorithmError';
}

/**
 * Whether a key verifies a signature.
 *
 * @param identifier the AlgorithmIdentifier of the signature.
 * @throws {UnknownAlgorithmError} if the algorithm is not accepted.
 */
export function verifySignature(identifier: Element, signed: Uint8Array, key: KeyObject, signature: Buffer): boolean {
  const { oid, hash = '', isPss } = attempt(() => readSignatureAlgorithm(identifier)) ?? { oid: 'unreadable' };
  const [, keyTypes] = KEY_TYPES.find(([prefix]) => oid.startsWith(prefix)) ?? [];
  const saltLength = isPss ? attempt(() => readSaltLength(identifier)) : undefined;
  if (!keyTypes || !HASHES.has(hash) || (isPss && saltLength === undefined)) {
    throw new UnknownAlgorithmError([oid, hash].filter(Boolean).join(' with '));
  }
  const pss = saltLength !== undefined && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return (
    keyTypes.some((type) => type === key.asymmetricKeyType) &&
    // OpenSSL throws, for example, if the parameters of an RSA-PSS key do not allow the hash.
    (attempt(() => verify(hash, signed, { key, ...pss }, signature)) ?? false)
  );
}

/**
 * The salt in RSASSA-PSS-params (RFC 4055, 3.1). The defaults are for SHA-1, so the first three fields must be there.
 * Node uses one hash for both steps of the signature.
 *
 * @returns undefined if these parameters cannot be used.
 */
function readSaltLength(identifier: Element): number | undefined {
  const [hashField, maskField, saltField, trailerField] = childrenOf(childrenOf(identifier)[1]);
  const field = (element: Element | undefined, number: number) => childrenOf(element, constructed(number))[0];
  const [mask, maskHash] = childrenOf(field(maskField, 1));
  const saltLength = readInteger(field(saltField, 2));
  const isUsable =
    readObjectIdentifier(mask) === MGF1 &&
    readObjectIdentifier(childrenOf(maskHash)[0]) === readObjectIdentifier(childrenOf(field(hashField, 0))[0]) &&
    saltLength >= 0 &&
    (!trailerField || readInteger(field(trailerField, 3)) === 1);
  return isUsable ? saltLength : undefined;
}
