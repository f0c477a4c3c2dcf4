import { type CheckedChain, type FindingTable, withDetails } from '../checked-chain.ts';
import { SCT_LIST } from './precertificate.ts';
import { type Sct, VERIFICATIONS_LIMIT } from './sct.ts';

/** Findings about certificate transparency. */
export const TRANSPARENCY_FINDINGS = {
  sct: { severity: 'error', check: checkSignatures },
  'sct-missing': {
    severity: 'error',
    check: ({ scts, leaf }) =>
      scts.length === 0 &&
      (leaf.extension(SCT_LIST)
        ? 'the list of signed certificate timestamps in the leaf is empty or cannot be read'
        : 'the leaf has no signed certificate timestamp'),
  },
  'sct-unknown': { severity: 'warning', check: checkKnown },
} as const satisfies FindingTable;

/** An SCT that was not verified can be a forgery too. */
function checkSignatures({ scts }: CheckedChain): string | undefined {
  return joined([
    withDetails(
      'a log did not sign this certificate, because the signature of its timestamp does not verify',
      only(scts, 'invalid').map(nameOfLog),
    ),
    withDetails(
      `the certificate contains more than ${VERIFICATIONS_LIMIT} timestamps, and the others were not verified`,
      only(scts, 'unchecked').map(nameOfLog),
    ),
  ]);
}

/**
 * An SCT of an unknown log beside one of a known log does no harm. At a moment before the leaf was issued, the finding
 * `validity` says enough.
 */
function checkKnown({ scts, leaf, at }: CheckedChain): string | undefined {
  const unknown = scts.every(({ status }) => status === 'unknown-log') ? scts : [];
  const isIssued = at >= leaf.certificate.validFromDate;
  const problems = [
    withDetails(
      'the certificate is in no known log (the setting ctLogs, or --log, trusts a log by its key), but in the log',
      unknown.map(({ logId }) => logId),
    ),
    withDetails(
      `a log is not for certificates that expire at ${leaf.certificate.validToDate.toISOString()}`,
      only(scts, 'other-interval').map(nameOfLog),
    ),
    withDetails(
      `a log signed the certificate after the moment of the check, ${at.toISOString()}`,
      (isIssued ? only(scts, 'future') : []).map((sct) => `${nameOfLog(sct)} at ${sct.timestamp}`),
    ),
  ];
  return joined(problems);
}

function joined(problems: readonly (string | undefined)[]): string | undefined {
  return problems.filter((problem) => problem !== undefined).join('; ') || undefined;
}

function only(scts: readonly Sct[], status: Sct['status']): Sct[] {
  return scts.filter((sct) => sct.status === status);
}

function nameOfLog({ log, logId }: Sct): string {
  return log ?? `the log ${logId}`;
}
