import type { X509Certificate } from 'node:crypto';
import { InvalidChain } from './invalid-chain.ts';

/** The extended key usage that makes a certificate a mark certificate: id-kp-BrandIndicatorforMessageIdentification. */
const BIMI_USAGE = '1.3.6.1.5.5.7.3.31';

/** A proved chain: the leaf first, then each certificate's issuer; the root last, where it was delivered. */
export type Chain = readonly [leaf: X509Certificate, issuer: X509Certificate, ...issuers: X509Certificate[]];

/**
 * Finds the mark certificate and orders its issuers by their links, whatever the order they came in. Every signature is
 * verified by OpenSSL, the root's own included. Certificates that are no link of the chain are left out.
 *
 * @throws {InvalidChain} where there is not exactly one mark certificate, or a link is missing or false.
 */
export function buildChain(certificates: readonly X509Certificate[]): Chain {
  const leaf = findLeaf(certificates);
  const path = shortestPathUp(leaf, certificates);
  const [, issuer, ...issuers] = path;
  const top = path.at(-1) ?? leaf;
  const named = certificates.filter((candidate) => candidate.subject === top.issuer);
  if (!isSelfSigned(top) && named.length > 0) {
    throw new InvalidChain(`the signature of ${nameOf(top)} does not verify with the key of its issuer`);
  }
  if (!issuer) {
    throw new InvalidChain(`the issuer of the mark certificate is missing: ${oneLine(leaf.issuer)}`);
  }
  return [leaf, issuer, ...issuers];
}

/** RFC 7468 text: the label CERTIFICATE, leaf first, 64 columns, LF, a newline after every block. */
export function writeChainPem(chain: Chain): string {
  return chain.map((certificate) => certificate.toString()).join('');
}

/** A distinguished name on one line, as OpenSSL orders and escapes it. */
export function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

function findLeaf(certificates: readonly X509Certificate[]): X509Certificate {
  const marks = certificates.filter((certificate) => !certificate.ca && certificate.keyUsage?.includes(BIMI_USAGE));
  const [leaf, ...others] = marks;
  if (!leaf || others.length > 0) {
    throw new InvalidChain(
      `${marks.length === 0 ? 'no' : marks.length} mark certificates among ${certificates.length} certificates, where one is expected`,
    );
  }
  return leaf;
}

/**
 * Breadth first, each certificate once, so that cross-signed certificates and loops cost nothing. The path ends at the
 * nearest root; without one, at the certificate furthest from the leaf.
 */
function shortestPathUp(leaf: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const paths: X509Certificate[][] = [[leaf]];
  const reached = new Set([leaf]);
  for (const path of paths) {
    const top = path.at(-1) ?? leaf;
    if (isSelfSigned(top)) {
      return path;
    }
    for (const candidate of certificates) {
      if (!reached.has(candidate) && isIssuedBy(top, candidate)) {
        reached.add(candidate);
        paths.push([...path, candidate]);
      }
    }
  }
  return paths.at(-1) ?? [leaf];
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate);
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

function nameOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject);
}
