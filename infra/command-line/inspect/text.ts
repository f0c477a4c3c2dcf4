import { styleText } from 'node:util';
import { assertionName } from '../../../functions/bimi.ts';
import { printable } from '../../../functions/text.ts';
import {
  describeFinding,
  describeReport,
  describeRow,
  describeWithoutReport,
  symbolOf,
} from '../../local/report-text.ts';
import type { DomainLookup, Judgement, LogoReport } from './judge.ts';

/** The lines about one judgement for a person. */
export function describeJudgement(judgement: Judgement, at: Date): string {
  const { file, kind, lookup } = judgement;
  const title = styleText('bold', printable(file));
  if (kind === 'logo') {
    return [title, ...logoLines(judgement.report), ...failureLines(judgement.failures)].join('\n');
  }
  const text =
    kind === 'chain'
      ? describeReport(file, judgement.report, at)
      : describeWithoutReport(file, judgement.error, judgement.leaf, at);
  const [, ...lines] = text.split('\n');
  const embedded = kind === 'chain' ? judgement.report.logo?.sha256 : undefined;
  return [
    title,
    ...(lookup ? lookupLines(lookup, embedded) : []),
    ...lines,
    ...(kind === 'chain' ? failureLines(judgement.failures) : []),
  ].join('\n');
}

/** A file below a folder that is no chain. */
export function describeSkipped(file: string, reason: string): string {
  return `${styleText('bold', printable(file))}\n  ${symbolOf('notice')} not a chain: ${printable(reason)}`;
}

/** @param embedded the SHA-256 of the logo in the certificate. */
function lookupLines({ domain, selector, record, findings, logo }: DomainLookup, embedded: string | undefined) {
  return [
    `  ${describeRow(['record', record ?? ''])}`,
    `  ${describeRow(['name', assertionName(domain, selector)])}`,
    ...findings.map(describeFinding),
    ...(logo && logo.logo.sha256 !== embedded ? logoLines(logo) : []),
  ];
}

function logoLines({ logo, findings, publishable }: LogoReport): string[] {
  return [
    `  ${describeRow(['logo', `${logo.bytes} bytes, SHA-256 ${logo.sha256}`])}`,
    ...findings.map(describeFinding),
    publishable ? `  ${symbolOf('good')} the logo is accepted` : `  ${symbolOf('error')} the logo is not accepted`,
  ];
}

function failureLines(failures: readonly string[]): string[] {
  return failures.map((failure) => `  ${symbolOf('error')} ${printable(failure)}`);
}
