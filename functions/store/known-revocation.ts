import type { Finding } from '../certificate/findings.ts';
import type { CertificateReport, CrlAssessment } from '../certificate/report.ts';
import type { Revocation } from '../certificate/revocation/revocation.ts';
import type { RevocationReport, StoredFinding, StoredManifest } from './manifest.ts';

/** The findings that come from CRLs. */
const CRL_FINDINGS: ReadonlySet<string> = new Set(['revoked', 'crl-unknown'] satisfies Finding['id'][]);

/**
 * How long another execution may need to send the event of a revocation that it found. After that time its process has
 * ended: Collect has two minutes, and an invocation of survey 15.
 */
const CLAIM_MILLISECONDS = 60 * 60 * 1000;

/** Who finds a revocation now. */
export interface Finder {
  /** The execution, or the survey. */
  readonly reporter: string;
  readonly at: Date;
}

type Assessment = CrlAssessment | CertificateReport;

/**
 * The assessment of a certificate that is stored already. The result of its CRLs stays until they are checked again, and a
 * revocation until a CRL refutes it: otherwise, a revoked certificate would be publishable again as soon as the order is
 * checked while the server of the CRL does not answer.
 *
 * @param finder who reports a revocation that is new; without it, the next survey does.
 */
export function withKnownRevocation<T extends Assessment>(
  stored: StoredManifest | undefined,
  assessment: T,
  finder?: Finder,
): T & { readonly revocationReport?: RevocationReport | undefined } {
  const known = keepRevocation(stored, assessment);
  if (known.revocation?.status !== 'revoked') {
    // The property removes the report of an earlier revocation, such as a hold that has ended.
    return stored?.revocationReport ? { ...known, revocationReport: undefined } : known;
  }
  const revocationReport = claim(stored?.revocationReport, known.revocation.checkedAt, finder);
  return revocationReport ? { ...known, revocationReport } : known;
}

/**
 * Whether a reporter must send the event of a revocation: it found the revocation, or it has taken over from a process
 * that ended.
 */
export function mustReport({ revocationReport }: StoredManifest, reporter: string): boolean {
  return revocationReport?.reporter === reporter && revocationReport.sentAt === undefined;
}

/**
 * Who sends the event: the first one that finds the revocation, once. If its process ended before, the next one that
 * looks takes over. The condition of the write decides between two.
 */
function claim(
  report: RevocationReport | undefined,
  knownSince: string,
  finder: Finder | undefined,
): RevocationReport | undefined {
  if (!finder || report?.sentAt !== undefined || report?.reporter === finder.reporter) {
    return report;
  }
  if (report && finder.at.getTime() - Date.parse(report.claimedAt) < CLAIM_MILLISECONDS) {
    return report;
  }
  const { reporter, at } = finder;
  return { knownSince: report?.knownSince ?? knownSince, reporter, claimedAt: at.toISOString() };
}

function keepRevocation<T extends Assessment>(stored: StoredManifest | undefined, assessment: T): T {
  const { revocation, findings, receivers = assessment.receivers } = stored ?? {};
  if (!revocation || !findings || (assessment.revocation && !forgets(assessment.revocation, revocation))) {
    return assessment;
  }
  const kept = findings.filter(isFromCrl);
  const position = ({ id }: { readonly id: string }) => {
    const index = findings.findIndex((each) => each.id === id);
    return index === -1 ? findings.length : index;
  };
  // The order of the stored findings, so that an unchanged assessment is recognized.
  const ordered = [...assessment.findings.filter((finding) => !isFromCrl(finding)), ...kept].toSorted(
    (one, other) => position(one) - position(other),
  );
  const isError = ({ severity }: Pick<StoredFinding, 'severity'>) => severity === 'error';
  return {
    ...assessment,
    publishable: !ordered.some(isError),
    revocation,
    findings: [...ordered.filter(isError), ...ordered.filter((finding) => !isError(finding))],
    receivers: kept.some(isError) ? receivers : assessment.receivers,
  };
}

function isFromCrl(finding: { readonly id: string }): finding is Finding {
  return CRL_FINDINGS.has(finding.id);
}

/** Whether a check of CRLs does not know of a certificate that it is revoked, as is known. */
function forgets({ certificates }: Pick<Revocation, 'certificates'>, known: Pick<Revocation, 'certificates'>): boolean {
  const unknown = certificates.filter(({ status }) => status === 'unknown');
  return known.certificates.some(
    ({ status, fingerprintSha256 }) =>
      status === 'revoked' && unknown.some((each) => each.fingerprintSha256 === fingerprintSha256),
  );
}
