import { forEachConcurrently } from '../batches.ts';
import { CollectorError } from '../collector-error.ts';
import { type Caa, type CaaProblem, caaNameOf, isReported, updateCaa } from '../store/caa.ts';
import type { Bucket, Listing } from '../store/listing.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { OrderStatus } from '../store/status.ts';
import { type CaaChecks, type CaaResolver, type CaaVerdict, checkCaa, hasNoRecords } from './caa.ts';
import { CONCURRENT_LOOKUPS } from './publications.ts';
import type { CertificateRecord, PublicationRecord } from './records.ts';

/** The daily check whether CAA records let the CA issue: for what is ordered, what is certified and what is published. */

/** The maximum number of names whose records are kept during a survey. Domains with the same parent follow each other. */
const CACHED_NAMES = 1000;

/** A lookup that failed is made again for the next domain below the same name, but not more often than this. */
const FAILURES_LIMIT = 3;

/** How CAA records are looked up. */
export interface CaaSurveyChecks extends CaaChecks {
  /** No lookup starts later than this after the beginning of the lookups. */
  readonly totalMilliseconds: number;
}

/** The result of the lookups, as numbers of domains. */
export interface CaaSummary {
  readonly domains: number;
  /** Those for which time was left in this invocation. */
  readonly checked: number;
  /** Those whose records forbid the CA to issue, also from earlier lookups. */
  readonly forbidden: number;
  readonly unknown: number;
}

/** Receives the result of the lookups. */
export interface CaaObserver {
  caaChecked(summary: CaaSummary): void;
}

/** No time was left for a single domain. */
export class CaaNotCheckedError extends CollectorError {
  override readonly name = 'CaaNotCheckedError';
}

/** How far the lookups are. */
export interface CheckedCaa {
  /** The key of the last domain that was checked; undefined if all were. */
  readonly after: string | undefined;
  /** Whether a person reads other warnings than before. */
  readonly hasNews: boolean;
}

/** What domains are taken from. */
export interface CaaSources {
  readonly certificates: readonly CertificateRecord[];
  readonly statuses: Listing<OrderStatus>['read'];
  readonly served: readonly PublicationRecord[];
}

/**
 * The names whose CAA records decide about the next certificates: those of waiting orders, of certificates, and of
 * publications. Each is listed once, and those below the same domain follow each other.
 *
 * @param since certificates that expired before are left out: nobody asks for their renewals any more.
 */
export function caaDomains({ certificates, statuses, served }: CaaSources, collector: string, since: Date): string[] {
  const others = new Set<string>();
  const keys = new Set<string>();
  const add = (domains: readonly string[]) => {
    for (const domain of domains) {
      keys.add(reverseLabels(caaNameOf(domain)));
    }
  };
  for (const { content } of statuses) {
    if (content.collector !== collector) {
      others.add(content.orderNumber);
    } else if (content.state === 'waiting') {
      add(content.domains);
    }
  }
  for (const { orderNumber, notAfter, domains, ordered } of certificates) {
    if (!others.has(orderNumber) && Date.parse(notAfter) > since.getTime()) {
      add(domains);
      add(ordered?.domains ?? []);
    }
  }
  add(served.map(({ domain }) => domain));
  keys.delete('');
  return [...keys].toSorted().map(reverseLabels);
}

/**
 * Looks up the CAA records of domains, and stores which of them may prevent a certificate. What was found earlier stays for
 * domains that were not checked, and records that forbid stay while the name servers give no answer.
 *
 * @param domains in the order of {@link caaDomains}.
 * @param after how far an earlier invocation of this survey was.
 * @throws {CaaNotCheckedError} if no time was left for a single domain.
 * @throws {S3ServiceException} if S3 does not return or store the result.
 */
export async function surveyCaa(
  domains: readonly string[],
  after: string | undefined,
  { resolver, limitMilliseconds, totalMilliseconds }: CaaSurveyChecks,
  { s3, bucket, now, observe }: Bucket & { readonly now: () => Date; readonly observe: CaaObserver },
): Promise<CheckedCaa> {
  const first = after === undefined ? 0 : domains.findIndex((domain) => reverseLabels(domain) > after);
  const remaining = first === -1 ? [] : domains.slice(first);
  const endsAt = now().getTime() + totalMilliseconds;
  const checks = { resolver: cacheCaa(resolver), limitMilliseconds };
  const found = new Map<string, CaaVerdict>();
  const count = await forEachConcurrently(
    remaining,
    CONCURRENT_LOOKUPS,
    async (domain) => {
      const verdict = await checkCaa(domain, checks);
      if (verdict.verdict !== 'allowed') {
        found.set(domain, verdict);
      }
    },
    () => now().getTime() < endsAt,
  );
  if (count === 0 && remaining.length > 0) {
    throw new CaaNotCheckedError('no time was left to look up CAA records');
  }
  const checked = new Set(remaining.slice(0, count));
  const checkedAt = now();
  const { before, stored } = await updateCaa(s3Storage(s3, bucket), checkedAt, (earlier) =>
    mergeProblems(domains, checked, found, earlier, checkedAt),
  );
  const countOf = (verdict: CaaProblem['verdict']) =>
    stored.problems.filter((problem) => problem.verdict === verdict).length + stored.omitted[verdict];
  observe.caaChecked({
    domains: domains.length,
    checked: count,
    forbidden: countOf('forbidden'),
    unknown: countOf('unknown'),
  });
  const last = count < remaining.length ? remaining[count - 1] : undefined;
  return {
    after: last === undefined ? undefined : reverseLabels(last),
    hasNews: warningsOf(before) !== warningsOf(stored),
  };
}

function mergeProblems(
  domains: readonly string[],
  checked: ReadonlySet<string>,
  found: ReadonlyMap<string, CaaVerdict>,
  earlier: Caa | undefined,
  now: Date,
): CaaProblem[] {
  const known = new Map((earlier?.problems ?? []).map((problem) => [problem.domain, problem]));
  return domains.flatMap((domain) => {
    const before = known.get(domain);
    const verdict = found.get(domain);
    if (!checked.has(domain)) {
      return before ?? [];
    }
    if (verdict === undefined || verdict.verdict === 'allowed') {
      return [];
    }
    if (verdict.verdict === 'unknown' && before?.verdict === 'forbidden') {
      return before;
    }
    const checkedAt = now.toISOString();
    const since = before?.verdict === verdict.verdict ? before.since : checkedAt;
    const { name, records, message } = verdict;
    return { domain, verdict: verdict.verdict, name, records: [...records], message: message ?? '', since, checkedAt };
  });
}

/** What a person reads, without the times. */
function warningsOf(caa: Caa | undefined): string {
  const shown = (caa?.problems ?? [])
    .filter(isReported)
    .map(({ domain, verdict, message }) => [domain, verdict, message]);
  return JSON.stringify([shown, caa?.omitted.forbidden ?? 0]);
}

/** `mail.example.com` as `com.example.mail`, and back. */
function reverseLabels(domain: string): string {
  return domain.split('.').toReversed().join('.');
}

/** Looks up each name once while it is remembered, so that a domain above thousands of others is not asked thousands of times. */
function cacheCaa(resolver: CaaResolver): CaaResolver {
  const cached = new Map<string, Promise<readonly object[]>>();
  const failures = new Map<string, number>();
  const remember = (name: string, answer: Promise<readonly object[]>) => {
    cached.delete(name);
    cached.set(name, answer);
    const [oldest] = cached.keys();
    if (cached.size > CACHED_NAMES && oldest !== undefined) {
      cached.delete(oldest);
      failures.delete(oldest);
    }
    return answer;
  };
  return {
    ...(resolver.resolveCname && {
      resolveCname: (name: string) => resolver.resolveCname?.(name) ?? Promise.resolve([]),
    }),
    resolveCaa(name) {
      const known = cached.get(name);
      if (known) {
        return remember(name, known);
      }
      const answer = resolver.resolveCaa(name);
      answer.catch((error) => {
        const count = (failures.get(name) ?? 0) + 1;
        if (!hasNoRecords(error) && count < FAILURES_LIMIT && cached.get(name) === answer) {
          cached.delete(name);
          failures.set(name, count);
        }
      });
      return remember(name, answer);
    },
  };
}
