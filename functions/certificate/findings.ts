import { STATE_BUDGET, truncatePrintable } from '../text.ts';
import type { CheckedChain, FindingTable, Severity } from './checked-chain.ts';
import { CONTAINER_FINDINGS } from './container/findings.ts';
import { LOGO_FINDINGS } from './logo/findings.ts';
import { MARK_FINDINGS } from './mark/findings.ts';
import { PATH_FINDINGS } from './path/findings.ts';
import { REVOCATION_FINDINGS } from './revocation/findings.ts';
import { TRANSPARENCY_FINDINGS } from './transparency/findings.ts';

/** Something wrong or unusual about a validated chain. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** One printable line of at most `STATE_BUDGET.message` bytes. */
  readonly message: string;
}

/** All findings. docs/findings.md explains each. */
export const FINDINGS = {
  ...PATH_FINDINGS,
  ...REVOCATION_FINDINGS,
  ...TRANSPARENCY_FINDINGS,
  ...LOGO_FINDINGS,
  ...MARK_FINDINGS,
  ...CONTAINER_FINDINGS,
} as const satisfies FindingTable;

export type FindingId = keyof typeof FINDINGS;

const ROWS = Object.entries<FindingTable[string]>(FINDINGS);

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'notice'];

/** The findings of a chain, errors first. The chain is publishable if none of them is an error. */
export function findingsOf(checked: CheckedChain): Finding[] {
  const findings = ROWS.flatMap(([id, { severity, check }]) => {
    const found = check(checked);
    if (!found) {
      return [];
    }
    const finding = typeof found === 'string' ? { severity, message: found } : found;
    // The state of an execution contains the messages, and a crafted certificate could make one of 500 KB.
    return [
      {
        id: id as FindingId,
        severity: finding.severity,
        message: truncatePrintable(finding.message, STATE_BUDGET.message),
      },
    ];
  });
  return sortFindings(findings);
}

/** Errors first, then warnings and notices, each in their order. */
export function sortFindings<T extends Pick<Finding, 'severity'>>(findings: readonly T[]): T[] {
  return SEVERITIES.flatMap((wanted) => findings.filter(({ severity }) => severity === wanted));
}

/** Whether this release knows a stored finding. */
export function isFinding<T extends { readonly id: string }>(finding: T): finding is T & Pick<Finding, 'id'> {
  return Object.hasOwn(FINDINGS, finding.id);
}
