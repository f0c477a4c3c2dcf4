/** What a checker reports, and the findings that stay, each with its reason. */
import { expect } from 'vitest';

/** One finding: the rule of the checker, the resource or statement, and the checker's message. */
export interface Finding {
  readonly rule: string;
  readonly where: string;
  readonly message: string;
}

/** A finding that stays. Without `where` it stays everywhere, without `message` whatever the checker says. */
export interface Accepted {
  readonly rule: string;
  readonly where?: string;
  readonly message?: string;
  /** Why the stack is right nevertheless. */
  readonly reason: string;
}

/** Expects that every finding is accepted, and that every accepted one still occurs. */
export function expectAccepted(findings: readonly Finding[], accepted: readonly Accepted[]): void {
  const matches = (finding: Finding, { rule, where, message }: Accepted) =>
    finding.rule === rule &&
    (where === undefined || finding.where === where) &&
    (message === undefined || finding.message === message);
  expect(findings.filter((finding) => !accepted.some((each) => matches(finding, each)))).toEqual([]);
  expect(accepted.filter((each) => !findings.some((finding) => matches(finding, each)))).toEqual([]);
}
