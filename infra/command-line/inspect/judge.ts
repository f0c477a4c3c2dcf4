import { createHash } from 'node:crypto';
import type { Finding } from '../../../functions/certificate/findings.ts';
import { findSvgProblems } from '../../../functions/certificate/logo/svg.ts';
import { describeProblem, type SvgProblem } from '../../../functions/certificate/logo/svg-node.ts';
import {
  type CertificateReport,
  crlUrlsOf,
  InvalidChainError,
  type LeafDescription,
  type MarkCertificate,
  readMarkCertificate,
} from '../../../functions/certificate/report.ts';
import { createCrlDownload } from '../../../functions/crl-download.ts';
import { daysLeft } from '../../../functions/days.ts';
import { SVG_TYPE } from '../../../functions/store/manifest.ts';
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

/** What the SVG profile and the rules of receivers say about a logo. */
export interface LogoReport {
  readonly publishable: boolean;
  readonly logo: { readonly mediaType: string; readonly sha256: string; readonly bytes: number };
  readonly findings: readonly LogoFinding[];
}

export interface LogoFinding extends Pick<Finding, 'id' | 'severity' | 'message'> {
  /** The line of the file, if the finding is about a place. */
  readonly line: number | null;
  readonly element: string | null;
  readonly attribute: string | null;
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
  try {
    const certificate = await readMarkCertificate(bytes, settings.expectations);
    const report = settings.revocation ? await checkCrls(certificate) : certificate.report;
    return { kind: 'chain', file, certificate, report, failures: failuresOf(report, settings) };
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    const { name, message, leaf } = error;
    return { kind: 'error', file, error: { name, message }, leaf, isUnavailable: true };
  }
}

/** Judges a logo alone by the SVG profile and the rules of receivers. */
export function judgeLogo(file: string, bytes: Uint8Array, settings: Settings): JudgedLogo {
  const { profile, size, look } = findSvgProblems(bytes);
  const findings = [
    ...profile.map((problem) => findingOf('svg-profile', 'error', problem)),
    ...size.map((problem) => findingOf('svg-size', 'error', problem)),
    ...look.map((problem) => findingOf('svg-look', 'warning', problem)),
  ];
  const report = {
    publishable: findings.every(({ severity }) => severity !== 'error'),
    logo: { mediaType: SVG_TYPE, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length },
    findings,
  };
  return { kind: 'logo', file, svg: bytes, report, failures: warningFailures(findings, settings) };
}

/** Downloads the CRLs of a chain and judges it with them. */
async function checkCrls(certificate: MarkCertificate): Promise<CertificateReport> {
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

function findingOf(id: LogoFinding['id'], severity: LogoFinding['severity'], problem: SvgProblem): LogoFinding {
  const { line, element, attribute } = problem;
  return { id, severity, message: describeProblem(problem), line, element, attribute };
}
