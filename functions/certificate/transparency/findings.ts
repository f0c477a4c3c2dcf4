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
        ? 'the leaf contains a list of signed certificate timestamps (SCTs) that is empty or cannot be read'
        : 'the leaf contains no signed certificate timestamp (SCT)'),
  },
  'sct-unknown': { severity: 'warning', check: checkKnown },
} as const satisfies FindingTable;

/** An SCT that was not verified can be a forgery too. */
function checkSignatures({ scts }: CheckedChain): string | undefined {
  return joined([
    withDetails(
      'the signature of an SCT does not verify with the key of its log',
      only(scts, 'invalid').map(nameOfLog),
    ),
    withDetails(
      `the certificate contains more than ${VERIFICATIONS_LIMIT} SCTs of known logs, and these were not verified`,
      only(scts, 'unchecked').map(nameOfLog),
    ),
  ]);
}

/**
 * SCTs of unknown logs count only if no SCT comes from a known log. Before the leaf is valid, every timestamp is in the
 * future, and the finding `validity` reports that.
 */
function checkKnown({ scts, leaf, at }: CheckedChain): string | undefined {
  const unknown = scts.every(({ status }) => status === 'unknown-log') ? scts : [];
  const isIssued = at >= leaf.certificate.validFromDate;
  const problems = [
    withDetails(
      'the SCTs of the certificate come from unknown logs only. If you trust one of these logs, ' +
        'add its key to the setting ctLogs or to --log. The ids of the logs',
      unknown.map(({ logId }) => logId),
    ),
    withDetails(
      `a log does not accept certificates that expire at ${leaf.certificate.validToDate.toISOString()}`,
      only(scts, 'other-interval').map(nameOfLog),
    ),
    withDetails(
      `the timestamp of an SCT is later than the time of the check (${at.toISOString()})`,
      (isIssued ? only(scts, 'future') : []).map((sct) => `${sct.timestamp} (${sct.log ?? sct.logId})`),
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
