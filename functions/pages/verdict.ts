import { describeDaysLeft } from '../days.ts';
import type { StoredFinding } from '../store/manifest.ts';
import type { CertificateSubject, Subject } from './report-view.ts';

/** The first sentence of a report. The word before it repeats the colour. */
export interface Verdict {
  readonly level: 'good' | 'warning' | 'error';
  readonly word: string;
  readonly sentence: string;
}

/** The verdict about a subject, the worst reason first. */
export function verdictOf(subject: Subject, at: Date): Verdict {
  const verdict =
    subject.kind === 'unreadable'
      ? error('Not readable', 'No certificate chain can be read here.')
      : subject.kind === 'logo'
        ? verdictOfLogo(subject.findings)
        : verdictOfCertificate(subject, at);
  const { failures = [], lookup } = subject;
  const broken = lookup?.findings.some(({ severity }) => severity === 'error') ?? false;
  if (verdict.level === 'error' || (failures.length === 0 && !broken)) {
    return verdict;
  }
  return broken
    ? error(
        'Not displayed',
        'The certificate itself has no error, but mail receivers do not find what they need to show the logo.',
      )
    : error(
        'Not sufficient',
        `It has no error, but it does not meet the requirements of the check: ${failures.join('; ')}.`,
      );
}

function verdictOfLogo(findings: readonly StoredFinding[]): Verdict {
  const { errors, warnings } = countsOf(findings);
  if (errors > 0) {
    return error(
      'Not accepted',
      `The logo cannot be used in a mark certificate: ${count(errors, 'finding')} must be corrected.`,
    );
  }
  return warnings > 0
    ? warning('Accepted', `The logo can be used in a mark certificate, with ${count(warnings, 'warning')}.`)
    : good('Accepted', 'The logo can be used in a mark certificate.');
}

function verdictOfCertificate({ report, findings }: CertificateSubject, at: Date): Verdict {
  const { notBefore, notAfter, publishable } = report;
  const { errors, warnings } = countsOf(findings);
  if (findings.some(({ id, severity }) => id === 'revoked' && severity === 'error')) {
    return error(
      'Revoked',
      'A certificate of the chain is revoked, so mail receivers that require a certificate do not show the logo.',
    );
  }
  if (at > new Date(notAfter)) {
    return error(
      'Expired',
      `The certificate ${describeDaysLeft(notAfter, at)}, so mail receivers that require a certificate do not show the logo.`,
    );
  }
  if (!publishable || errors > 0) {
    return error(
      'Not publishable',
      `Some or all mail receivers do not show the logo, because of ${count(Math.max(1, errors), 'error')}.`,
    );
  }
  if (at < new Date(notBefore)) {
    return warning('Not valid yet', `The certificate has no error, and is valid from ${notBefore.slice(0, 10)} on.`);
  }
  return warnings > 0
    ? warning(
        'Publishable',
        `The certificate has ${count(warnings, 'warning')}, and mail receivers can show the logo when it is published.`,
      )
    : good(
        'Publishable',
        'Nothing is wrong with the certificate, so mail receivers can show the logo when it is published.',
      );
}

function countsOf(findings: readonly StoredFinding[]) {
  const countOf = (wanted: StoredFinding['severity']) => findings.filter(({ severity }) => severity === wanted).length;
  return { errors: countOf('error'), warnings: countOf('warning') };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const good = (word: string, sentence: string): Verdict => ({ level: 'good', word, sentence });
const warning = (word: string, sentence: string): Verdict => ({ level: 'warning', word, sentence });
const error = (word: string, sentence: string): Verdict => ({ level: 'error', word, sentence });
