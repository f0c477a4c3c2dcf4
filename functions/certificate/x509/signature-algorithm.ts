import { childrenOf, constructed, type Element, readObjectIdentifier } from './der.ts';

/** How a certificate or a CRL was signed. */
export interface SignatureAlgorithm {
  readonly oid: string;
  /** The name of the hash; undefined if signatures with the algorithm are not accepted. */
  readonly hash: string | undefined;
  /** Whether it is RSASSA-PSS. */
  readonly isPss: boolean;
}

const RSASSA_PSS = '1.2.840.113549.1.1.10';

/**
 * The algorithms whose signatures are accepted (RFC 3279, 4055, 5758, 8410, 8692), and their hashes. MD2, MD4 and MD5
 * are missing, because their collisions can be computed.
 */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.5', 'SHA-1'],
  ['1.2.840.113549.1.1.14', 'SHA-224'],
  ['1.2.840.113549.1.1.11', 'SHA-256'],
  ['1.2.840.113549.1.1.12', 'SHA-384'],
  ['1.2.840.113549.1.1.13', 'SHA-512'],
  ['1.2.840.10045.4.1', 'SHA-1'],
  ['1.2.840.10045.4.3.1', 'SHA-224'],
  ['1.2.840.10045.4.3.2', 'SHA-256'],
  ['1.2.840.10045.4.3.3', 'SHA-384'],
  ['1.2.840.10045.4.3.4', 'SHA-512'],
  ['1.3.101.112', 'SHA-512'],
  ['1.3.101.113', 'SHAKE256'],
]);

/** The hashes of RSASSA-PSS (RFC 4055, 2.1). */
const PSS_HASHES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'SHA-1'],
  ['2.16.840.1.101.3.4.2.4', 'SHA-224'],
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
]);

/** Reads the AlgorithmIdentifier of a signature. */
export function readSignatureAlgorithm(identifier: Element | undefined): SignatureAlgorithm {
  const [type, parameters] = childrenOf(identifier);
  const oid = readObjectIdentifier(type);
  const isPss = oid === RSASSA_PSS;
  return { oid, isPss, hash: isPss ? readPssHash(parameters) : HASHES.get(oid) };
}

/** RFC 4055, 3.1: hashAlgorithm is [0], and its default is SHA-1. */
function readPssHash(parameters: Element | undefined): string | undefined {
  const field = parameters && childrenOf(parameters).find(({ tag }) => tag === constructed(0));
  if (!field) {
    return 'SHA-1';
  }
  const [identifier] = childrenOf(field, constructed(0));
  return PSS_HASHES.get(readObjectIdentifier(childrenOf(identifier)[0]));
}
