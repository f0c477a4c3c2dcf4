import { createDownload } from '../../../functions/download.ts';
import { connectionProblem, isLoopback, UNTRUSTED } from '../../../functions/http.ts';
import { checkDomain } from '../../../functions/survey/domain.ts';
import { FILE_RULES } from '../../../functions/survey/look-up.ts';
import {
  chainJudgement,
  checkCrls,
  type DomainLookup,
  type Judgement,
  judge,
  type Unjudged,
  withLookup,
} from './judge.ts';
import type { Settings } from './options.ts';

/** The size of a chain or a logo at the URL of a user, in bytes. */
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
  const { resolver, selector, isLocalDns, expectations, revocation } = settings;
  const { lookup, chain, logo } = await checkDomain(domain, selector, {
    resolver,
    limitMilliseconds: LIMIT_MILLISECONDS,
    allowLoopback: isLocalDns,
    download: createDownload(FILE_RULES, { allowLoopback: isLocalDns }),
    expectations,
    checkCrls: revocation ? checkCrls : undefined,
  });
  const complete: DomainLookup = { ...lookup, logo: logo ?? null };
  return chain ? withLookup(chainJudgement(file, chain, settings), complete, settings) : withoutChain(file, complete);
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
