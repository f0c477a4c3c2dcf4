import { styleText } from 'node:util';
import { assertionName } from '../../../functions/bimi.ts';
import type { LogoReport } from '../../../functions/survey/logo-report.ts';
import { printable } from '../../../functions/text.ts';
import {
  describeFinding,
  describeReport,
  describeRow,
  describeWithoutReport,
  symbolOf,
} from '../../local/report-text.ts';
import type { DomainLookup, Judgement } from './judge.ts';

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
      : describeWithoutReport(file, withoutRepetition(judgement.error, lookup), judgement.leaf, at);
  const [, ...lines] = text.split('\n');
  const embedded = kind === 'chain' ? judgement.report.logo?.sha256 : undefined;
  return [
    title,
    ...(lookup ? lookupLines(lookup, embedded) : []),
    ...lines,
    ...(kind === 'chain' ? failureLines(judgement.failures) : []),
  ].join('\n');
}

/** The JSON of a domain without a chain repeats a finding as its error. A person reads the finding once. */
function withoutRepetition<Problem extends { readonly message: string }>(
  error: Problem,
  lookup?: DomainLookup,
): Problem {
  return lookup?.findings.some(({ message }) => message === error.message)
    ? { ...error, message: 'there is no chain to check' }
    : error;
}

/** A file below a folder that is no chain. */
export function describeSkipped(file: string, reason: string): string {
  return `${styleText('bold', printable(file))}\n  ${symbolOf('notice')} not a chain: ${printable(reason)}`;
}

/** @param embedded the SHA-256 of the logo in the certificate. */
function lookupLines(lookup: DomainLookup, embedded: string | undefined) {
  const { domain, selector, record, dmarc, findings, logo } = lookup;
  return [
    `  ${describeRow(['record', record ?? ''])}`,
    `  ${describeRow(['name', assertionName(domain, selector)])}`,
    ...preferenceRows(lookup).map((row) => `  ${describeRow(row)}`),
    ...dmarc.map(({ name, record: policy }) => `  ${describeRow(['dmarc', `${policy} (${name})`])}`),
    ...findings.map(describeFinding),
    ...(logo && logo.logo.sha256 !== embedded ? logoLines(logo) : []),
  ];
}

/** Who serves the files, and what the optional tags of the record mean for a mail receiver. */
function preferenceRows({ domain, localParts, avatar, chainUrl, logoUrl }: DomainLookup) {
  const hosts = new Set([chainUrl, logoUrl].flatMap((url) => (url === null ? [] : [URL.parse(url)?.host ?? url])));
  const others = [...hosts].filter((host) => host !== domain && !host.endsWith(`.${domain}`));
  return [
    ...(others.length > 0 ? [['served', `by ${others.join(' and ')}`] as const] : []),
    ...(localParts ? [['lps', describeLocalParts(domain, localParts)] as const] : []),
    ...(avatar === 'personal'
      ? [['avp', "personal: a mailbox that knows the sender's own picture shows it instead of the logo"] as const]
      : []),
  ];
}

function describeLocalParts(domain: string, localParts: readonly string[]): string {
  const senders =
    localParts.length === 0
      ? 'for every sender'
      : `for senders whose address begins with ${localParts.map((each) => JSON.stringify(each)).join(' or ')}`;
  return `${senders}, mailboxes that support it use the record LOCAL-PART._bimi.${domain} if there is one (--selector LOCAL-PART)`;
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
