import type { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import { isMarkCertificate } from '../mark/mark.ts';
import { attempt } from '../x509/der.ts';
import { type CertificateFields, readFields } from '../x509/fields.ts';
import { fingerprintOf } from '../x509/fingerprint.ts';
import { isSelfIssued, Links, namesIssuer } from './links.ts';
import { isAmbiguous, isValidIssuer } from './rules.ts';
import { type Path, pathsFrom } from './search.ts';
import { type KnownAnchor, subjectOf, type TrustAnchor, type TrustAnchors } from './trust-anchors.ts';

/** A chain whose signatures are verified. */
export interface Chain {
  /** The leaf first, then the issuer of each certificate. The root is last if it was delivered. */
  readonly certificates: Path;
  /**
   * The part of the chain that is validated: up to the trust anchor if it was delivered. Certificates above a trust
   * anchor have no meaning (RFC 5280, 6.1). Without a trust anchor it is the whole chain.
   */
  readonly path: Path;
  readonly trustAnchor: TrustAnchor | null;
  readonly rootDelivered: boolean;
}

/** What a search for the chain needs. */
interface Context {
  readonly certificates: readonly X509Certificate[];
  readonly leaf: CertificateFields;
  readonly candidates: readonly CertificateFields[];
  readonly links: Links;
  readonly anchors: TrustAnchors;
  readonly at: Date;
}

/** Which issuers a path may have: those without an error, those that cannot be confused with another issuer, or all. */
type Admitted = 'valid' | 'distinct' | 'any';

/** RFC 7468, 2. */
const PEM_COLUMNS = 64;

/** A path and the trust anchor that validates it. */
interface Proof {
  readonly path: Path;
  readonly trustAnchor: TrustAnchor;
}

/**
 * Finds the mark certificate and the path from it to a trust anchor: a certificate that the settings name, or a known
 * root, whose certificate need not be delivered. OpenSSL verifies every signature except that of the anchor itself,
 * because its key is known (RFC 5280, 6.1.1).
 *
 * A valid path is preferred to one with errors, one to a trust anchor to one that only ends at a root, and a short one to a long
 * one. Above the trust anchor, the chain continues to a root if a valid path leads to one. Other certificates are left
 * out.
 *
 * @param at the moment at which the path should be valid.
 * @throws {InvalidChainError} if there is not exactly one mark certificate, its issuer is missing or a signature does
 * not verify.
 */
export function buildChain(certificates: readonly X509Certificate[], anchors: TrustAnchors, at: Date): Chain {
  const links = new Links();
  const candidates = certificates.flatMap((certificate) => attempt(() => readFields(certificate)) ?? []);
  const leaf = findLeaf(certificates, candidates, links);
  const context: Context = { certificates, leaf, candidates, links, anchors, at };
  const proof = findProof(context, 'valid') ?? findProof(context, 'any');
  const certified = proof ? continuePath(context, proof) : findUnproved(context);
  return {
    certificates: certified,
    path: proof?.path ?? certified,
    trustAnchor: proof?.trustAnchor ?? null,
    rootDelivered: endsAtRoot(context, certified),
  };
}

/** Writes a chain as PEM (RFC 7468): label CERTIFICATE, leaf first, 64 columns, LF, a newline after every block. */
export function writeChainPem({ certificates }: Chain): string {
  return certificates.map(({ certificate }) => pemOf(certificate)).join('');
}

/** Like the `toString` of Node, which takes twice as long. */
function pemOf({ raw }: X509Certificate): string {
  const base64 = raw.toString('base64');
  let lines = '';
  for (let at = 0; at < base64.length; at += PEM_COLUMNS) {
    lines += `${base64.slice(at, at + PEM_COLUMNS)}\n`;
  }
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/**
 * A distinguished name on one line, in the order and with the escapes of OpenSSL. Node's `subject` of a certificate
 * with an empty name is undefined, although its type is string.
 */
export function oneLine(name: string | undefined): string {
  return name?.replaceAll('\n', ', ') ?? '';
}

/** A mark certificate that issued another one is an issuer without the cA flag, not a second leaf. */
function findLeaf(
  certificates: readonly X509Certificate[],
  candidates: readonly CertificateFields[],
  links: Links,
): CertificateFields {
  const marks = candidates.filter(isMarkCertificate);
  const leaves = marks.filter((mark) => !marks.some((other) => other !== mark && links.isIssuedBy(other, mark)));
  const [leaf, ...others] = leaves;
  if (leaf && others.length === 0) {
    return leaf;
  }
  if (certificates.length === 0) {
    throw new InvalidChainError('the file contains no certificate');
  }
  if (leaves.length > 0) {
    throw new InvalidChainError(`the file contains ${leaves.length} mark certificates, but must contain exactly one`);
  }
  // The mark certificate may be one that cannot be read. This throws the reason.
  const all = certificates.map(readFields);
  const count = all.length === 1 ? 'one certificate' : `${all.length} certificates`;
  throw new InvalidChainError(`the file contains ${count}, but no mark certificate`);
}

/** The first path to a trust anchor, from the leaf upwards. */
function findProof(context: Context, admitted: Admitted): Proof | undefined {
  for (const path of search(context, [context.leaf], admitted)) {
    const trustAnchor = anchorAt(context, path);
    if (trustAnchor) {
      return { path, trustAnchor };
    }
  }
  return undefined;
}

/** The trust anchor at the end of a path, or directly above it. A leaf is not a trust anchor. */
function anchorAt({ candidates, links, anchors }: Context, path: Path): TrustAnchor | undefined {
  const top = topOf(path);
  const fingerprint = fingerprintOf(top.certificate);
  const known = anchors.known.some(({ fingerprintSha256 }) => fingerprintSha256 === fingerprint);
  if (path.length > 1 && (known || anchors.pinned.includes(fingerprint))) {
    const subject = oneLine(top.certificate.subject);
    return { subject, fingerprintSha256: fingerprint, delivered: true, source: known ? 'known' : 'settings' };
  }
  // A root that was delivered is validated too, so the path must lead to it.
  const isDelivered = ({ fingerprintSha256 }: KnownAnchor) =>
    candidates.some(({ certificate }) => fingerprintOf(certificate) === fingerprintSha256);
  const above = anchors.known.find((anchor) => links.isIssuedByAnchor(top, anchor) && !isDelivered(anchor));
  return (
    above && {
      subject: subjectOf(above),
      fingerprintSha256: above.fingerprintSha256,
      delivered: false,
      source: 'known',
    }
  );
}

/**
 * Adds the issuers above a trust anchor: up to a root, or else up to a certificate that a known root issued. The signature
 * of another certificate at the end would not be verified.
 */
function continuePath(context: Context, { path, trustAnchor }: Proof): Path {
  if (endsAtRoot(context, path)) {
    return path;
  }
  const rooted =
    upToRoot(context, path, 'valid') ?? (trustAnchor.delivered ? upToRoot(context, path, 'distinct') : undefined);
  if (rooted) {
    return rooted;
  }
  const { known } = context.anchors;
  const isVerified = (longer: Path) => known.some((anchor) => context.links.isIssuedByAnchor(topOf(longer), anchor));
  return [...search(context, path, 'valid')].findLast(isVerified) ?? path;
}

/**
 * The best path without a trust anchor.
 *
 * @throws {InvalidChainError} if it ends below an issuer that was delivered, or at the leaf.
 */
function findUnproved(context: Context): Path {
  const { certificates, leaf, candidates } = context;
  const rooted = upToRoot(context, [leaf], 'valid') ?? upToRoot(context, [leaf], 'any');
  if (rooted) {
    return rooted;
  }
  const path = longest(context, [leaf], 'any');
  const top = topOf(path);
  if (candidates.some((candidate) => claimsToIssue(context, candidate, top))) {
    const subject = oneLine(top.certificate.subject);
    throw new InvalidChainError(`the signature of ${subject} does not verify with the key of its issuer`);
  }
  if (path.length === 1) {
    // The issuer may be one that cannot be read. This throws the reason.
    certificates.forEach(readFields);
    throw new InvalidChainError(`the issuer of the mark certificate is missing: ${oneLine(leaf.certificate.issuer)}`);
  }
  return path;
}

function upToRoot(context: Context, start: Path, admitted: Admitted): Path | undefined {
  for (const path of search(context, start, admitted)) {
    if (endsAtRoot(context, path)) {
      return path;
    }
  }
  return undefined;
}

function longest(context: Context, start: Path, admitted: Admitted): Path {
  // Shorter paths come first.
  return [...search(context, start, admitted)].at(-1) ?? start;
}

function search({ candidates, links, at }: Context, start: Path, admitted: Admitted): Iterable<Path> {
  const admits = {
    valid: (issuer: CertificateFields, below: Path) => isValidIssuer(issuer, below, at),
    distinct: (issuer: CertificateFields, below: Path) => !isAmbiguous(issuer, below),
    any: () => true,
  }[admitted];
  return pathsFrom({ start, candidates, links, admits });
}

function endsAtRoot({ links, anchors }: Context, path: Path): boolean {
  const top = topOf(path);
  return path.length > 1 && isSelfIssued(top) && (isTrusted(top, anchors) || links.isIssuedBy(top, top));
}

function isTrusted({ certificate }: CertificateFields, { known, pinned }: TrustAnchors): boolean {
  const fingerprint = fingerprintOf(certificate);
  return pinned.includes(fingerprint) || known.some(({ fingerprintSha256 }) => fingerprintSha256 === fingerprint);
}

/**
 * Whether a certificate claims to be the issuer although its key did not verify the signature: it has the issuer's
 * name, and it has the issuer's key identifier or is a root with a damaged signature. A certificate with the same name
 * and another key does not belong to the chain.
 */
function claimsToIssue(context: Context, candidate: CertificateFields, certificate: CertificateFields): boolean {
  const isDamagedRoot = isSelfIssued(candidate) && !context.links.isIssuedBy(candidate, candidate);
  const isIssuer = context.links.isIssuedBy(certificate, candidate);
  return (
    namesIssuer(certificate, candidate) &&
    !isIssuer &&
    (isDamagedRoot || certificate.certificate.checkIssued(candidate.certificate))
  );
}

function topOf(path: Path): CertificateFields {
  return path.at(-1) ?? path[0];
}
