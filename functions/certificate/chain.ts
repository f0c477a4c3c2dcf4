import type { X509Certificate } from 'node:crypto';
import { InvalidChainError } from './invalid-chain.ts';

/** The extended key usage that makes a certificate a mark certificate: id-kp-BrandIndicatorforMessageIdentification. */
const BIMI_USAGE = '1.3.6.1.5.5.7.3.31';

/** Which certificates are signed by themselves, once that is known: a verification is what costs most of a report. */
const selfSigned = new WeakMap<X509Certificate, boolean>();

/** A proved chain: the leaf first, then each certificate's issuer; the root last, where it was delivered. */
export type Chain = readonly [leaf: X509Certificate, issuer: X509Certificate, ...issuers: X509Certificate[]];

/**
 * Finds the mark certificate and orders its issuers by their links. Every signature is verified by OpenSSL, the root's own
 * included, unless it is a trust anchor: known by its fingerprint, it needs no proof (RFC 5280, 6.1.1). Certificates that are no link of the chain are left out. Where cross-signing allows several chains, one with a
 * trust anchor is taken before one that only ends at a root, and a short one before a long one.
 *
 * @param isTrusted tells whether a certificate is a trust anchor.
 * @throws {InvalidChainError} where there is not exactly one mark certificate, or a link is missing or false.
 */
export function buildChain(
  certificates: readonly X509Certificate[],
  isTrusted: (certificate: X509Certificate) => boolean,
): Chain {
  for (const root of certificates.filter((each) => each.subject === each.issuer && isTrusted(each))) {
    selfSigned.set(root, true);
  }
  const leaf = findLeaf(certificates);
  const paths = pathsUp(leaf, certificates);
  const path =
    paths.find((each) => each.slice(1).some(isTrusted) && endsAtRoot(each)) ??
    paths.find((each) => each.slice(1).some(isTrusted)) ??
    paths.find(endsAtRoot) ??
    // Breadth first, the last path is the longest.
    paths.at(-1);
  const [, issuer, ...issuers] = path ?? [];
  const top = issuers.at(-1) ?? issuer ?? leaf;
  if (!isSelfSigned(top) && certificates.some((candidate) => claimsToIssue(candidate, top))) {
    throw new InvalidChainError(`the signature of ${oneLine(top.subject)} does not verify with the key of its issuer`);
  }
  if (!issuer) {
    throw new InvalidChainError(`the issuer of the mark certificate is missing: ${oneLine(leaf.issuer)}`);
  }
  return [leaf, issuer, ...issuers];
}

/** Whether the last certificate of a chain is a root: signed by itself. */
export function endsAtRoot(chain: readonly X509Certificate[]): boolean {
  const top = chain.at(-1);
  return top !== undefined && isSelfSigned(top);
}

/** RFC 7468 text: the label CERTIFICATE, leaf first, 64 columns, LF, a newline after every block. */
export function writeChainPem(chain: Chain): string {
  return chain.map((certificate) => certificate.toString()).join('');
}

/** A distinguished name on one line, as OpenSSL orders and escapes it. */
export function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

/** A mark certificate that issued another one is an issuer that lacks the flag of a CA, not a second leaf. */
function findLeaf(certificates: readonly X509Certificate[]): X509Certificate {
  const marks = certificates.filter((certificate) => certificate.keyUsage?.includes(BIMI_USAGE) && !certificate.ca);
  const leaves = marks.filter((mark) => !marks.some((other) => other !== mark && isIssuedBy(other, mark)));
  const [leaf, ...others] = leaves;
  if (!leaf || others.length > 0) {
    if (certificates.length === 0) {
      throw new InvalidChainError('the bytes hold no certificate');
    }
    const found = leaves.length === 0 ? 'no mark certificate' : `${leaves.length} mark certificates`;
    throw new InvalidChainError(`${found} among ${certificates.length} certificates, where one is expected`);
  }
  return leaf;
}

/** Every certificate that the leaf reaches, with a shortest path to it. Each is passed once, so loops cost nothing. */
function pathsUp(leaf: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[][] {
  const paths: X509Certificate[][] = [[leaf]];
  const reached = new Set([leaf]);
  for (const path of paths) {
    const top = path.at(-1) ?? leaf;
    for (const candidate of certificates) {
      if (!reached.has(candidate) && isIssuedBy(top, candidate)) {
        reached.add(candidate);
        paths.push([...path, candidate]);
      }
    }
  }
  return paths;
}

function isSelfSigned(certificate: X509Certificate): boolean {
  const known = selfSigned.get(certificate) ?? isIssuedBy(certificate, certificate);
  selfSigned.set(certificate, known);
  return known;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (certificate.issuer !== issuer.subject) {
    return false;
  }
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // OpenSSL cannot read this public key, or the signature has another algorithm than the key: no proof either way.
    return false;
  }
}

/**
 * A certificate with the issuer's name that did not verify: the issuer by its key identifier too, or a root that is damaged.
 * Another key under the same name is only a surplus certificate.
 */
function claimsToIssue(candidate: X509Certificate, certificate: X509Certificate): boolean {
  const isDamagedRoot = candidate.subject === candidate.issuer && !isSelfSigned(candidate);
  return candidate.subject === certificate.issuer && (isDamagedRoot || certificate.checkIssued(candidate));
}
