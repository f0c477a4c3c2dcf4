/** The report of a chain as text for a terminal. */
import { styleText } from 'node:util';
import { RECEIVERS, type ReceiverVerdict, reasonsOf, receiverName } from '../../functions/certificate/receivers.ts';
import type { CertificateReport, Finding, LeafDescription } from '../../functions/certificate/report.ts';
import { SCT_STATUSES } from '../../functions/certificate/transparency/sct.ts';
import { printable } from '../../functions/text.ts';
import { describeValidity } from './validity.ts';

const SYMBOLS = {
  good: ['✓', 'green'],
  notice: ['i', 'blue'],
  warning: ['!', 'yellow'],
  error: ['✗', 'red'],
} as const;

/** A text in the colour of its kind, if standard output is a terminal with colours. */
export function coloured(kind: keyof typeof SYMBOLS, text: string): string {
  const [, colour] = SYMBOLS[kind];
  return styleText(colour, text);
}

/** A symbol, coloured if standard output is a terminal with colours. */
export function symbolOf(kind: keyof typeof SYMBOLS): string {
  const [symbol] = SYMBOLS[kind];
  return coloured(kind, symbol);
}

/** The lines about one file: what the certificate is, its findings, the receivers, and the verdict. */
export function describeReport(file: string, report: CertificateReport, at: Date): string {
  return [
    styleText('bold', printable(file)),
    ...rowsOf(report, at).map((row) => `  ${describeRow(row)}`),
    ...report.findings.map(describeFinding),
    '  receivers',
    ...report.receivers.map(describeReceiver),
    report.publishable ? `  ${symbolOf('good')} publishable` : `  ${symbolOf('error')} not publishable`,
  ].join('\n');
}

/** The lines about a file without a report: why there is none, and what can be read of its leaf, if it has one. */
export function describeWithoutReport(
  file: string,
  { name, message }: Pick<Error, 'name' | 'message'>,
  leaf: LeafDescription | undefined,
  at: Date,
): string {
  return [
    styleText('bold', printable(file)),
    `  ${symbolOf('error')} ${name}: ${printable(message)}`,
    ...(leaf ? ['  what can be read of the leaf (nothing of it is verified)'] : []),
    ...(leaf ? [...ownerRows(leaf, at), ...logoRows(leaf)] : []).map((row) => `    ${describeRow(row)}`),
  ].join('\n');
}

/** The line about one finding. */
export function describeFinding({
  id,
  severity,
  message,
}: Pick<Finding, 'severity' | 'message'> & { id: string }): string {
  return `  ${symbolOf(severity)} ${id}: ${printable(message)}`;
}

type Row = readonly [label: string, value: string];

/** A label and its value in columns. */
export function describeRow([label, value]: Row): string {
  return `${label.padEnd(8)} ${printable(value || 'none')}`;
}

function rowsOf(report: CertificateReport, at: Date): readonly Row[] {
  return [
    ...ownerRows(report, at),
    ['root', describeRoot(report)],
    ['SCTs', describeScts(report)],
    ['revoked', describeRevocation(report)],
    ...logoRows(report),
  ];
}

function ownerRows(leaf: Omit<LeafDescription, 'logo'>, at: Date): readonly Row[] {
  const { attributes, markType, product } = leaf;
  return [
    ['mark', [markType ?? 'no mark type', product && `(${product})`].filter(Boolean).join(' ')],
    ['owner', attributes.organizationName?.join(', ') ?? leaf.subject],
    ['domains', leaf.domains.join(', ')],
    ['valid', describeValidity(leaf.notBefore, leaf.notAfter, at)],
    ['issuer', leaf.issuer],
  ];
}

function logoRows({ logo, fingerprintSha256 }: Pick<LeafDescription, 'logo' | 'fingerprintSha256'>): readonly Row[] {
  return [
    ['logo', logo ? `${logo.bytes} bytes, SHA-256 ${logo.sha256}` : 'none that can be read'],
    ['SHA-256', fingerprintSha256],
  ];
}

function describeRoot({ trustAnchor, chain }: CertificateReport): string {
  if (!trustAnchor) {
    return `not trusted; the chain ends at ${chain.at(-1)?.subject}`;
  }
  const source = trustAnchor.source === 'known' ? 'known root' : 'trusted by --trust';
  return `${trustAnchor.subject} (${source}${trustAnchor.delivered ? '' : ', not in the file'})`;
}

function describeScts({ scts }: CertificateReport): string {
  const described = scts.map(({ log, logId, timestamp, status }) => {
    return `${log ?? `the log ${logId}`} at ${timestamp} (${SCT_STATUSES[status]})`;
  });
  return described.join('; ');
}

/** Whether a certificate of the chain is revoked. */
export function describeRevocation({ revocation, chain }: Pick<CertificateReport, 'revocation' | 'chain'>): string {
  if (!revocation) {
    return 'not checked (--revocation checks it)';
  }
  const subjects = new Map(chain.map(({ fingerprintSha256, subject }) => [fingerprintSha256, subject]));
  const revoked = revocation.certificates.filter(({ status }) => status === 'revoked');
  if (revoked.length > 0) {
    return revoked
      .map(({ fingerprintSha256, revokedAt, reason }) => {
        const since = revokedAt ? `, since ${revokedAt}` : '';
        return `yes${since}${reason ? ` (${reason})` : ''}: ${subjects.get(fingerprintSha256)}`;
      })
      .join('; ');
  }
  return revocation.status === 'good'
    ? `no, according to the CRLs at ${revocation.checkedAt}`
    : 'not known; see the findings';
}

function describeReceiver({ id, shows, because }: ReceiverVerdict): string {
  const verdict = shows === null ? 'not known' : shows ? 'shows the logo' : 'does not show the logo';
  const { findings, facts } = reasonsOf(because);
  const beginning = findings.length > 0 ? `${verdict} because of ${findings.join(', ')}.` : `${verdict}.`;
  return `    ${receiverName(id).padEnd(NAME_COLUMNS)} ${[beginning, ...facts].join(' ')}`;
}

const NAME_COLUMNS = Math.max(...RECEIVERS.map(({ name }) => name.length)) + 1;
