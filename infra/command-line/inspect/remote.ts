import { createDownload } from '../../../functions/download.ts';
import { connectionProblem, isLoopback, UNTRUSTED } from '../../../functions/http.ts';
import { lookUp, withSeverity } from '../../../functions/survey/look-up.ts';
import { type DomainLookup, type Judgement, judge, judgeChain, judgeLogo, type Unjudged, withLookup } from './judge.ts';
import type { Settings } from './options.ts';

/** The size of a chain or a logo, in bytes. */
const BYTES_LIMIT = 1024 * 1024;

/** The time for a file, and for the lookup of a record. */
const LIMIT_MILLISECONDS = 10_000;

/** Redirects from the URL of a user. */
const REDIRECTS_LIMIT = 3;

/** What a user can do about a server that the system does not trust (Node, "NODE_EXTRA_CA_CERTS"). */
const PRIVATE_CA =
  "If a private CA issued it, set the environment variable NODE_EXTRA_CA_CERTS to the file with the CA's certificate";

/** Downloads a chain or a logo, and judges it. */
export async function judgeUrl(url: string, settings: Settings): Promise<Judgement> {
  const parsed = URL.parse(url);
  const allowLoopback = parsed !== null && isLoopback(parsed);
  const rules = { schemes: ['https:'], bytesLimit: BYTES_LIMIT, redirectsLimit: REDIRECTS_LIMIT } as const;
  const file = withoutPassword(url, parsed);
  try {
    const { bytes } = await createDownload(rules, { allowLoopback })(url, LIMIT_MILLISECONDS);
    return await judge(file, bytes, settings);
  } catch (error) {
    const problem = connectionProblem(error);
    const advice = problem.startsWith(UNTRUSTED) ? `. ${PRIVATE_CA}` : '';
    const message = `the URL cannot be downloaded: ${problem}${advice}`;
    return { kind: 'error', file, error: { name: 'UnreachableUrl', message }, isUnavailable: true };
  }
}

/** What may be printed of a URL. */
function withoutPassword(url: string, parsed: URL | null): string {
  if (!parsed?.username && !parsed?.password) {
    return url;
  }
  const shown = new URL(parsed);
  shown.username = '';
  shown.password = '';
  return shown.href;
}

/** Looks up what a mail receiver looks up for a domain, and judges it. */
export async function judgeDomain(file: string, domain: string, settings: Settings): Promise<Judgement> {
  const { resolver, selector, isLocalDns, expectations } = settings;
  // Receivers follow no redirect of the address in a record (BIMI draft 10, 7.4).
  const rules = { schemes: ['https:'], bytesLimit: BYTES_LIMIT, redirectsLimit: 0 } as const;
  const { lookup, chain, logo } = await lookUp(domain, selector, {
    resolver,
    limitMilliseconds: LIMIT_MILLISECONDS,
    download: createDownload(rules, { allowLoopback: isLocalDns }),
  });
  const served = logo && judgeLogo(file, logo, settings).report;
  const complete: DomainLookup = { ...lookup, logo: served ?? null };
  if (!chain) {
    return withoutChain(file, complete);
  }
  const domains = [...(expectations.domains ?? []), lookup.domain];
  const judged = await judgeChain(file, chain, { ...settings, expectations: { ...expectations, domains } });
  const embedded = judged.kind === 'chain' ? judged.report.logo : null;
  if (!embedded || !served || embedded.sha256 === served.logo.sha256) {
    return withLookup(judged, complete, settings);
  }
  const message =
    `The logo of ${lookup.domain} is not the one in its certificate. The record's address serves ${served.logo.sha256}, ` +
    `and the certificate contains ${embedded.sha256} (SHA-256).`;
  const findings = [...lookup.findings, withSeverity({ id: 'logo-differs', message })];
  return withLookup(judged, { ...complete, findings }, settings);
}

/** The first error explains why there is no chain. */
function withoutChain(file: string, lookup: DomainLookup): Unjudged {
  const { findings } = lookup;
  const first =
    findings.find(({ id }) => id.startsWith('chain-')) ?? findings.find(({ id }) => id.startsWith('record-'));
  return {
    kind: 'error',
    file,
    error: { name: 'NoServedChain', message: first?.message ?? 'there is no chain' },
    isUnavailable: false,
    lookup,
  };
}
