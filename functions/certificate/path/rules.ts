import { CLOCK_TOLERANCE_MILLISECONDS } from '../../days.ts';
import { BIMI_USAGE } from '../mark/mark.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { canHaveIssued, isSelfIssued } from './links.ts';
import { constraintProblem } from './name-constraints.ts';

/** The extension of the pilot phase of mark certificates. Leaves with it still exist. */
export const PILOT_EXTENSION = '1.3.6.1.4.1.53087.4.1';

/** anyExtendedKeyUsage (RFC 5280, 4.2.1.12). */
const ANY_USAGE = '2.5.29.37.0';

/**
 * The critical extensions that the report evaluates: key usage, alternative names, basic constraints, name constraints,
 * CRL distribution points, certificate policies, extended key usage. The logotype is evaluated too, but OpenSSL refuses
 * it if it is critical.
 */
const EVALUATED_EXTENSIONS: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.30',
  '2.5.29.31',
  '2.5.29.32',
  '2.5.29.37',
]);

/**
 * Extensions that OpenSSL evaluates even if they are not critical, and the report does not: IP addresses and AS numbers
 * (RFC 3779), and the proxy certificate (RFC 3820).
 */
const EVALUATED_BY_OPENSSL: ReadonlySet<string> = new Set([
  '1.3.6.1.5.5.7.1.7',
  '1.3.6.1.5.5.7.1.8',
  '1.3.6.1.5.5.7.1.14',
]);

/**
 * Why an issuer may not issue the certificates below it, in the words that follow its name (RFC 5280, 6.1.4).
 *
 * @param below leaf first. The last one is the certificate that it issued.
 */
export function issuerProblems(issuer: CertificateFields, below: readonly CertificateFields[]): readonly string[] {
  const { basicConstraints, keyCertSign, extendedKeyUsage } = issuer;
  const { pathLength } = basicConstraints ?? {};
  const intermediates = below.slice(1).filter((each) => !isSelfIssued(each)).length;
  const isIssuing = below.length === 1;
  const problems = [
    !basicConstraints?.cA && 'is not a CA certificate',
    !keyCertSign && 'may not sign certificates',
    pathLength !== undefined &&
      pathLength < intermediates &&
      `has more CAs below it (${intermediates}) than its path length allows (${pathLength})`,
    isAmbiguous(issuer, below) && 'has the same name as another CA of the chain, and no key identifier',
    isIssuing ? issuingUsageProblem(extendedKeyUsage) : usageProblem(extendedKeyUsage),
    ...new Set(below.map((each, index) => namesProblem(issuer, each, index === 0))),
  ];
  return problems.flatMap((problem) => (problem ? [problem] : []));
}

/**
 * Whether name and key identifiers leave open which certificate issued another one: the issuer could also have issued a
 * certificate further down, or the certificate that it issued could be self-signed. OpenSSL does not try another issuer
 * if the signature does not verify.
 */
export function isAmbiguous(issuer: CertificateFields, below: readonly CertificateFields[]): boolean {
  return below.some((certificate, index) =>
    index === below.length - 1 ? canHaveIssued(certificate, certificate) : canHaveIssued(issuer, certificate),
  );
}

/** The usage of the CA that issues the leaf is exactly that of mark certificates. */
function issuingUsageProblem(usages: readonly string[]): string | undefined {
  if (!usages.includes(BIMI_USAGE)) {
    return 'may not issue mark certificates';
  }
  const others = usages.filter((usage) => usage !== BIMI_USAGE);
  return others.length > 0 ? `may also issue certificates for ${others[0]}` : undefined;
}

/** Other CAs need no extended key usage. Some verifiers require that one that is present allows the leaf's usage. */
function usageProblem(usages: readonly string[]): string | undefined {
  const allows = usages.length === 0 || usages.includes(BIMI_USAGE) || usages.includes(ANY_USAGE);
  return allows ? undefined : 'does not allow mark certificates below it';
}

/** The results of {@link namesProblem}: the search for a path needs some of them more than once. */
const nameProblems = new WeakMap<CertificateFields, WeakMap<CertificateFields, { readonly problem?: string }>>();

/** RFC 5280, 6.1.3 (b): the names of self-issued CAs are not constrained. */
function namesProblem(issuer: CertificateFields, certificate: CertificateFields, isLeaf: boolean): string | undefined {
  const { nameConstraints } = issuer;
  if (!nameConstraints || (!isLeaf && isSelfIssued(certificate))) {
    return undefined;
  }
  const known = nameProblems.get(issuer) ?? new WeakMap<CertificateFields, { readonly problem?: string }>();
  nameProblems.set(issuer, known);
  const problem = known.has(certificate)
    ? known.get(certificate)?.problem
    : constraintProblem(nameConstraints, certificate);
  known.set(certificate, problem === undefined ? {} : { problem });
  return problem;
}

/** Why a certificate is not valid at a moment, in the words that follow its name (RFC 5280, 4.1.2.5). */
export function validityProblem({ notBefore, notAfter }: CertificateFields, at: Date): string | undefined {
  if (!notBefore || !notAfter) {
    return 'has a date that is not in the form of RFC 5280 (4.1.2.5)';
  }
  if (notBefore.getTime() - at.getTime() > CLOCK_TOLERANCE_MILLISECONDS) {
    return `is not valid before ${notBefore.toISOString()}`;
  }
  return at > notAfter ? `was valid until ${notAfter.toISOString()}` : undefined;
}

/** If one of these cannot be read in a leaf, another finding says so: alternative names, CRL distribution points. */
const FOUND_IN_LEAF: ReadonlySet<string> = new Set(['2.5.29.17', '2.5.29.31']);

/** The extensions of a certificate that the report cannot evaluate, in the words that follow its name. */
export function extensionProblems(
  { criticalExtensions, malformedExtensions, extension }: CertificateFields,
  isLeaf: boolean,
): readonly string[] {
  const isKnown = (oid: string) => EVALUATED_EXTENSIONS.has(oid) || (isLeaf && oid === PILOT_EXTENSION);
  return [
    ...criticalExtensions.filter((oid) => !isKnown(oid)).map((oid) => `has the critical extension ${oid}`),
    ...[...EVALUATED_BY_OPENSSL]
      .filter((oid) => extension(oid) && !criticalExtensions.includes(oid))
      .map((oid) => `has the extension ${oid}, which some verifiers evaluate`),
    ...malformedExtensions
      .filter((oid) => !isLeaf || !FOUND_IN_LEAF.has(oid))
      .map((oid) => `has the extension ${oid}, which cannot be read`),
  ];
}

/** Whether a certificate can be an issuer in a valid path at a moment. */
export function isValidIssuer(issuer: CertificateFields, below: readonly CertificateFields[], at: Date): boolean {
  return (
    validityProblem(issuer, at) === undefined &&
    issuer.duplicateExtensions.length === 0 &&
    extensionProblems(issuer, false).length === 0 &&
    issuerProblems(issuer, below).length === 0
  );
}
