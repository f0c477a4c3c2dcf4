import type { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import { BIMI_USAGE } from '../mark/mark.ts';
import { attempt, readFields } from '../x509/fields.ts';

/** Caches whether a certificate is self-signed, because verifying signatures takes most of the time of a report. */
const selfSigned = new WeakMap<X509Certificate, boolean>();

/** A validated chain: the leaf first, then the issuer of each certificate. The root is last if it was delivered. */
export type Chain = readonly [leaf: X509Certificate, issuer: X509Certificate, ...issuers: X509Certificate[]];

/**
 * Finds the mark certificate and orders its issuers by their links. OpenSSL verifies every signature, including that of
 * the root. Only the signature of a root that is a trust anchor is not verified, because its fingerprint is known (RFC
 * 5280, 6.1.1). Surplus certificates are left out. If cross-signing allows several chains, a chain with a trust anchor
 * is preferred to one that only ends at a root, and a short chain to a long one.
 *
 * @param isTrusted returns whether a certificate is a trust anchor.
 * @throws {InvalidChainError} if there is not exactly one mark certificate, an issuer is missing or a signature does
 * not verify.
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
    // The search is breadth-first, so the last path is the longest.
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

/** Whether the last certificate of a chain is a root, that is, self-signed. */
export function endsAtRoot(chain: readonly X509Certificate[]): boolean {
  const top = chain.at(-1);
  return top !== undefined && isSelfSigned(top);
}

/** Writes a chain as PEM (RFC 7468): label CERTIFICATE, leaf first, 64 columns, LF, a newline after every block. */
export function writeChainPem(chain: Chain): string {
  return chain.map((certificate) => certificate.toString()).join('');
}

/**
 * A distinguished name on one line, in the order and with the escapes of OpenSSL. Node's `subject` of a certificate
 * with an empty name is undefined, although its type is string.
 */
export function oneLine(name: string | undefined): string {
  return name?.replaceAll('\n', ', ') ?? '';
}

/** A mark certificate that issued another one is an issuer without the cA flag, not a second leaf. */
function findLeaf(certificates: readonly X509Certificate[]): X509Certificate {
  const marks = certificates.filter((certificate) => usagesOf(certificate).includes(BIMI_USAGE) && !certificate.ca);
  const leaves = marks.filter((mark) => !marks.some((other) => other !== mark && isIssuedBy(other, mark)));
  const [leaf, ...others] = leaves;
  if (!leaf || others.length > 0) {
    if (certificates.length === 0) {
      throw new InvalidChainError('the file contains no certificate');
    }
    const count = certificates.length === 1 ? 'one certificate' : `${certificates.length} certificates`;
    throw new InvalidChainError(
      leaves.length === 0
        ? `the file contains ${count}, but no mark certificate`
        : `the file contains ${leaves.length} mark certificates, but must contain exactly one`,
    );
  }
  return leaf;
}

/**
 * The extended key usage, which Node calls `keyUsage`. OpenSSL does not read it if the extension occurs twice. The leaf
 * must still be found, because its chain is stored with a finding.
 */
function usagesOf(certificate: X509Certificate): readonly string[] {
  return certificate.keyUsage ?? attempt(() => readFields(certificate).extendedKeyUsage) ?? [];
}

/** A shortest path from the leaf to every certificate that it reaches. Each is visited once, so loops do no harm. */
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
  const result = selfSigned.get(certificate) ?? isIssuedBy(certificate, certificate);
  selfSigned.set(certificate, result);
  return result;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (certificate.issuer !== issuer.subject) {
    return false;
  }
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // OpenSSL cannot read this public key, or the algorithm of the signature does not fit the key.
    return false;
  }
}

/**
 * Whether a certificate claims to be the issuer although its key did not verify the signature: it has the issuer's
 * name, and it has the issuer's key identifier or is a root with a damaged signature. A certificate with the same name
 * and another key is only surplus.
 */
function claimsToIssue(candidate: X509Certificate, certificate: X509Certificate): boolean {
  const isDamagedRoot = candidate.subject === candidate.issuer && !isSelfSigned(candidate);
  return candidate.subject === certificate.issuer && (isDamagedRoot || certificate.checkIssued(candidate));
}
