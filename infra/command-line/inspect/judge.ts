import {
  type CertificateReport,
  crlUrlsOf,
  InvalidChainError,
  type LeafDescription,
  type MarkCertificate,
} from '../../../functions/certificate/report.ts';
import { createCrlDownload } from '../../../functions/crl-download.ts';
import { daysLeft } from '../../../functions/days.ts';
import { type JudgedChain as ReadChain, judgeChain as readChain } from '../../../functions/survey/domain.ts';
import { type LogoReport, reportLogo } from '../../../functions/survey/logo-report.ts';
import type { Lookup } from '../../../functions/survey/look-up.ts';
import type { Settings } from './options.ts';

/** Something was judged, or could not be. */
export type Judgement = JudgedChain | JudgedLogo | Unjudged;

/** What every judgement has. */
interface Common {
  /** What was judged, as the user wrote it, or the path of a file below a folder. */
  readonly file: string;
  /** What a mail receiver finds for a domain, if a domain was looked up. */
  readonly lookup?: DomainLookup | undefined;
}

/** What a mail receiver finds for a domain, and how the served logo is judged; null if none is served. */
export interface DomainLookup extends Lookup {
  readonly logo: LogoReport | null;
}

export interface JudgedChain extends Common {
  readonly kind: 'chain';
  readonly certificate: MarkCertificate;
  readonly report: CertificateReport;
  /** Why the chain does not satisfy the options, although it may be publishable: one sentence each. */
  readonly failures: readonly string[];
}

/** A logo alone. */
export interface JudgedLogo extends Common {
  readonly kind: 'logo';
  readonly svg: Uint8Array;
  readonly report: LogoReport;
  readonly failures: readonly string[];
}

/** There is no chain and no logo. */
export interface Unjudged extends Common {
  readonly kind: 'error';
  readonly error: { readonly name: string; readonly message: string };
  readonly leaf?: LeafDescription | undefined;
  /** Whether the reason is that something cannot be read or reached, and not that something is wrong. */
  readonly isUnavailable: boolean;
}

/** Judges what a file contains: a logo if it begins like XML, else a chain. */
export async function judge(file: string, bytes: Uint8Array, settings: Settings): Promise<Judgement> {
  return isXml(bytes) ? judgeLogo(file, bytes, settings) : judgeChain(file, bytes, settings);
}

/** Whether a file begins with `<`, in UTF-8 or UTF-16, after white space. No container of certificates does. */
export function isXml(bytes: Uint8Array): boolean {
  const beginning = Buffer.from(bytes.subarray(0, 1024)).toString('latin1').replaceAll('\0', '');
  return /^(?:\u00EF\u00BB\u00BF|\u00FF\u00FE|\u00FE\u00FF)?\s*</.test(beginning);
}

/** Judges a chain. What cannot be read is a result, not an error. */
export async function judgeChain(file: string, bytes: Uint8Array, settings: Settings): Promise<JudgedChain | Unjudged> {
  const { expectations, revocation } = settings;
  return chainJudgement(
    file,
    await readChain(bytes, { expectations, checkCrls: revocation ? checkCrls : undefined }),
    settings,
  );
}

/** The judgement of a chain that was read, or of its absence. */
export function chainJudgement(
  file: string,
  read: ReadChain | InvalidChainError,
  settings: Settings,
): JudgedChain | Unjudged {
  if (read instanceof InvalidChainError) {
    const { name, message, leaf } = read;
    return { kind: 'error', file, error: { name, message }, leaf, isUnavailable: true };
  }
  return { kind: 'chain', file, ...read, failures: failuresOf(read.report, settings) };
}

/** Judges a logo alone by the SVG profile and the rules of receivers. */
export function judgeLogo(file: string, bytes: Uint8Array, settings: Settings): JudgedLogo {
  const report = reportLogo(bytes);
  return { kind: 'logo', file, svg: bytes, report, failures: warningFailures(report.findings, settings) };
}

/** Downloads the CRLs of a chain and judges it with them. */
export async function checkCrls(certificate: MarkCertificate): Promise<CertificateReport> {
  const { chain, trustAnchor } = certificate.report;
  const urls = crlUrlsOf(chain);
  // A chain from an attacker must not cause requests to servers on this machine. With --trust, the user chose the CA.
  const allowLoopback = trustAnchor?.source === 'settings';
  const crls = await createCrlDownload({ allowLoopback })(urls);
  return certificate.withCrls(crls);
}

/** A chain or its absence, together with what a mail receiver finds for the domain. */
export function withLookup(judged: JudgedChain | Unjudged, lookup: DomainLookup, settings: Settings): Judgement {
  return judged.kind === 'chain'
    ? { ...judged, lookup, failures: failuresOf(judged.report, settings, lookup.findings) }
    : { ...judged, lookup };
}

function failuresOf(
  report: CertificateReport,
  settings: Settings,
  others: readonly { readonly id: string; readonly severity: string }[] = [],
): string[] {
  const { minDays, expectations } = settings;
  const left = daysLeft(report.notAfter, expectations.at);
  return [
    ...(minDays !== undefined && left < minDays
      ? [`${left} ${left === 1 ? 'day is' : 'days are'} left, fewer than ${minDays} (--min-days)`]
      : []),
    ...warningFailures([...others, ...report.findings], settings),
  ];
}

/** The failure of `--fail-on warning`. */
function warningFailures(
  findings: readonly { readonly id: string; readonly severity: string }[],
  { failOn }: Pick<Settings, 'failOn'>,
): string[] {
  const warnings = findings.filter(({ severity }) => severity === 'warning').map(({ id }) => id);
  return failOn === 'warning' && warnings.length > 0
    ? [`a warning counts as an error: ${[...new Set(warnings)].join(', ')} (--fail-on warning)`]
    : [];
}
