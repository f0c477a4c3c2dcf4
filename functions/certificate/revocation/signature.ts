import { constants, type KeyObject, verify } from 'node:crypto';
import { bytesOf, childrenOf, constructed, type Element, readInteger, readObjectIdentifier, TAG } from '../x509/der.ts';
import { attempt } from '../x509/fields.ts';

/** How to verify a signature of one algorithm. */
interface Algorithm {
  readonly keyTypes: readonly string[];
  readonly hash: string;
  /** Octets of the salt of RSA-PSS; undefined for the other algorithms. */
  readonly saltLength?: number;
}

/**
 * The algorithms with which CAs sign CRLs (RFC 4055, RFC 5758). MD5 and SHA-1 are left out: collisions can be computed,
 * and no CA of mark certificates uses them.
 */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['1.2.840.113549.1.1.11', { keyTypes: ['rsa'], hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyTypes: ['rsa'], hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyTypes: ['rsa'], hash: 'sha512' }],
  ['1.2.840.10045.4.3.2', { keyTypes: ['ec'], hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyTypes: ['ec'], hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyTypes: ['ec'], hash: 'sha512' }],
]);

const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const PSS_HASHES: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** The algorithm of a signature is none of those that are accepted. */
export class UnknownAlgorithmError extends Error {
  override readonly name = 'UnknownAlgorithmError';
}

/**
 * Whether a key verifies a signature.
 *
 * @param identifier the AlgorithmIdentifier of the signature.
 * @throws {UnknownAlgorithmError} if the algorithm is not accepted.
 */
export function verifySignature(identifier: Element, signed: Uint8Array, key: KeyObject, signature: Buffer): boolean {
  const { keyTypes, hash, saltLength } = readAlgorithm(identifier);
  const { asymmetricKeyType: type = '' } = key;
  if (!keyTypes.includes(type)) {
    return false;
  }
  const pss = saltLength !== undefined && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  // OpenSSL throws, for example, if the parameters of an RSA-PSS key do not allow the hash.
  return attempt(() => verify(hash, signed, { key, ...pss }, signature)) ?? false;
}

function readAlgorithm(identifier: Element): Algorithm {
  const [oid, parameters] = attempt(() => childrenOf(identifier)) ?? [];
  const id = attempt(() => readObjectIdentifier(oid)) ?? 'that cannot be read';
  const algorithm = id === RSA_PSS ? attempt(() => readPss(parameters)) : ALGORITHMS.get(id);
  if (!algorithm) {
    throw new UnknownAlgorithmError(id === RSA_PSS ? `${id} with these parameters` : id);
  }
  return algorithm;
}

/**
 * RSASSA-PSS-params (RFC 4055, 3.1). The defaults use SHA-1, so the first three fields must be there. Node uses one hash
 * for both steps of the signature.
 */
function readPss(parameters: Element | undefined): Algorithm | undefined {
  const [hashField, maskField, saltField, trailerField] = childrenOf(parameters);
  const field = (element: Element | undefined, number: number) => childrenOf(element, constructed(number))[0];
  const [hash] = childrenOf(field(hashField, 0));
  const [mask, maskHash] = childrenOf(field(maskField, 1));
  const [hashInMask] = childrenOf(maskHash);
  const saltLength = readInteger(field(saltField, 2));
  const name = PSS_HASHES.get(readObjectIdentifier(hash));
  const isSupported =
    readObjectIdentifier(mask) === MGF1 &&
    hash !== undefined &&
    hashInMask?.tag === TAG.objectIdentifier &&
    bytesOf(hashInMask).equals(bytesOf(hash)) &&
    saltLength >= 0 &&
    (!trailerField || readInteger(field(trailerField, 3)) === 1);
  return name !== undefined && isSupported ? { keyTypes: ['rsa', 'rsa-pss'], hash: name, saltLength } : undefined;
}
