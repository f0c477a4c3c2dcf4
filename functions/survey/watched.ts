import { forEachConcurrently } from '../batches.ts';
import { assertionName } from '../bimi.ts';
import { crlUrlsOf, InvalidChainError } from '../certificate/report.ts';
import { CollectorError } from '../collector-error.ts';
import type { CrlDownload } from '../crl-download.ts';
import { daysLeft } from '../days.ts';
import { EXPIRING, PUBLICATION_BROKEN, REVOKED, type WatchedDetail } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import type { Bucket, Listing } from '../store/listing.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { type WatchedDomain, watchedKey } from '../store/watched.ts';
import { updateWatchedChecks, type WatchedCheck, type WatchedChecks, watchedName } from '../store/watched-checks.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';
import { CRLS_PER_CHAIN, createCrlCache } from './crl-cache.ts';
import { type CheckedDomain, type CrlCheck, checkDomain } from './domain.ts';
import type { LookupDependencies } from './look-up.ts';
import { isDue } from './reminders.ts';
import { differencesOf, type WatchedDifference } from './watched-differences.ts';

/**
 * The maximum number of domains that are checked at the same time. Each has at most two connections, so together they have
 * as many as the check of the publications.
 */
const CONCURRENT_DOMAINS = 20;

/** CRLs of at most this size together stay in memory, in bytes. Certificates of one CA share theirs. */
const KEPT_CRL_BYTES = 32 * 1024 * 1024;

/** How watched domains are checked. */
export interface WatchedSurvey extends LookupDependencies {
  /** No check starts later than this after the beginning of the survey, so that the survey can finish. */
  readonly totalMilliseconds: number;
  /** SHA-256 fingerprints of certificates that are trusted in addition to the known roots. */
  readonly trustAnchors: readonly string[];
  /** Keys of logs that are trusted in addition to the known ones. */
  readonly ctLogs: readonly string[];
  readonly downloadCrls: CrlDownload;
}

/** The detail of an event "Mark Certificate Publication Broken" about a watched domain. */
export interface BrokenWatchedDomain extends WatchedDetail {
  /** The organization of the subject; missing if no certificate can be read. */
  readonly owner?: string;
  /** The served certificate; missing if none can be read. */
  readonly fingerprintSha256?: string;
  /** The BIMI record; null if there is not exactly one. */
  readonly record: string | null;
  /** The addresses in the record that a receiver uses; null if there are none. */
  readonly chainUrl: string | null;
  readonly logoUrl: string | null;
  /** At least one. */
  readonly differences: readonly WatchedDifference[];
}

/** The detail of an event "Mark Certificate Expiring" about a watched domain. */
export interface WatchedReminder extends WatchedDetail {
  readonly daysLeft: number;
  readonly notAfter: string;
  readonly owner?: string;
  readonly fingerprintSha256: string;
}

/** The detail of an event "Mark Certificate Revoked" about a watched domain. */
export interface WatchedRevocation extends WatchedDetail {
  readonly confirmed: true;
  readonly source: 'crl';
  readonly text: string;
  readonly knownSince: string;
  readonly owner?: string;
  readonly fingerprintSha256: string;
}

/** The result of one check of all watched domains, as numbers of domains. */
export interface WatchedSummary {
  readonly watched: number;
  /** Domains that this collector publishes, which the check of the publications covers. */
  readonly published: number;
  readonly broken: number;
  /** Domains for which no time was left. */
  readonly unchecked: number;
}

/** Receives the results of a survey while it runs. */
export interface WatchedObserver {
  watchedDamaged(key: string, problem: string): void;
  /** After all checks, before the first event. */
  watchedChecked(summary: WatchedSummary): void;
  /** After EventBridge accepted an event about a watched domain. */
  watchedReported(detailType: string, detail: WatchedDetail): void;
}

export interface WatchedDependencies extends Bucket, Bus {
  /** The name of the collector. */
  readonly collector: string;
  /** Whether to send the events that are due today. A survey after a deployment only checks. */
  readonly sendDailyEvents: boolean;
  /** The days left on which the first reminder is due. */
  readonly remindBeforeDays: number;
  readonly observe: WatchedObserver;
  readonly now: () => Date;
  /** Whether enough time is left to start another check. */
  readonly hasTime: () => boolean;
  /** When the survey began: repeated events are the same. */
  readonly startedAt: Date;
}

/** What other parts of the collector report. */
export interface KnownElsewhere {
  /** The addresses that this collector publishes, as `<domain>/<selector>`. */
  readonly published: ReadonlySet<string>;
  /** The certificates of orders about whose end and revocation people receive messages. */
  readonly fingerprints: ReadonlySet<string>;
}

/** Some watched domains were not checked, or EventBridge did not accept their events. */
export class WatchedNotReportedError extends CollectorError {
  override readonly name = 'WatchedNotReportedError';
}

/** What is kept of one check. */
interface Result {
  readonly watched: WatchedDomain;
  readonly check: WatchedCheck;
  readonly broken: BrokenWatchedDomain | undefined;
  readonly reminder: WatchedReminder | undefined;
  /** The revocation of the served certificate, if it is to be reported. */
  readonly revocation: WatchedRevocation | undefined;
}

/**
 * Looks up each watched domain as a mail receiver does, and judges what it finds, like the command `inspect DOMAIN`. Sends an
 * event for each domain that is broken, every day; for a certificate that ends soon, on the days of reminders; and for a
 * revoked one, once.
 *
 * @param after the key of the last domain that an earlier invocation of this survey checked.
 * @returns the key of the last domain that is checked, the domains for which no time was left, and the stored checks.
 * @throws {WatchedNotReportedError} after all other events are sent.
 */
export async function surveyWatched(
  { read, damaged }: Listing<WatchedDomain>,
  elsewhere: KnownElsewhere,
  survey: WatchedSurvey,
  after: string | undefined,
  dependencies: WatchedDependencies,
): Promise<{
  readonly after: string | undefined;
  readonly unchecked: readonly WatchedDomain[];
  readonly checks: WatchedChecks;
}> {
  const { collector, observe, hasTime } = dependencies;
  // The key is empty if an earlier invocation had no time for the first domain.
  if (!after) {
    for (const { key, problem } of damaged) {
      observe.watchedDamaged(key, problem);
    }
  }
  const all = read.flatMap(({ content }) => (content.collector === collector ? [content] : []));
  const own = all.filter((watched) => !elsewhere.published.has(watchedName(watched)));
  const remaining = own.filter((watched) => after === undefined || keyOf(watched) > after);
  const problems: string[] = [];
  const results: Result[] = [];
  const checkCrls = createSharedCrlCheck(survey);
  const checked = await forEachConcurrently(
    remaining,
    CONCURRENT_DOMAINS,
    async (watched) => {
      try {
        results.push(await checkWatched(watched, elsewhere, survey, checkCrls, dependencies));
      } catch (error) {
        problems.push(`${nameOf(watched)} was not checked (${error})`);
      }
    },
    hasTime,
  );
  results.sort((a, b) => (keyOf(a.watched) < keyOf(b.watched) ? -1 : 1));
  observe.watchedChecked({
    watched: all.length,
    published: all.length - own.length,
    broken: results.filter(({ broken }) => broken).length,
    unchecked: remaining.length - checked,
  });
  const { checks, unsent } = await reportAll(results, new Set(own.map(watchedName)), dependencies);
  problems.push(...unsent);
  if (problems.length > 0) {
    throw new WatchedNotReportedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }
  const last = remaining[checked - 1];
  return { after: last === undefined ? after : keyOf(last), unchecked: remaining.slice(checked), checks };
}

/** That no time was left for watched domains. */
export function uncheckedWatchedError(unchecked: readonly WatchedDomain[]): WatchedNotReportedError {
  return new WatchedNotReportedError(`no time was left to check ${joinWithLimit(unchecked.map(nameOf))}`);
}

/** Looks up and judges one domain. */
async function checkWatched(
  watched: WatchedDomain,
  { fingerprints }: KnownElsewhere,
  { trustAnchors, ctLogs, ...lookups }: WatchedSurvey,
  checkCrls: CrlCheck,
  { collector, remindBeforeDays, now, startedAt }: WatchedDependencies,
): Promise<Result> {
  const { domain, selector } = watched;
  const at = now();
  const checked = await checkDomain(domain, selector, {
    ...lookups,
    expectations: { at, trustAnchors, ctLogs },
    checkCrls,
  });
  const differences = differencesOf(checked, at);
  const certificate = certificateOf(checked);
  const detail = { collector, domains: [domain], watched: true, domain, selector } as const;
  const named = certificate && {
    ...(certificate.owner !== null && { owner: certificate.owner }),
    fingerprintSha256: certificate.fingerprintSha256,
  };
  const isKnown = certificate !== null && fingerprints.has(certificate.fingerprintSha256);
  const left = certificate && daysLeft(certificate.notAfter, startedAt);
  const revoked = differences.find(({ id }) => id === 'revoked');
  const { record, chainUrl, logoUrl } = checked.lookup;
  const shortened = (text: string | null) => (text === null ? null : truncate(text, STATE_BUDGET.message));
  return {
    watched,
    check: { checkedAt: at.toISOString(), differences: [...new Set(differences.map(({ id }) => id))], certificate },
    broken:
      differences.length === 0
        ? undefined
        : {
            ...detail,
            ...named,
            record: shortened(record),
            chainUrl: shortened(chainUrl),
            logoUrl: shortened(logoUrl),
            differences,
          },
    // After the end, the difference `expired` is reported every day.
    reminder:
      named &&
      left !== null &&
      !isKnown &&
      Date.parse(certificate.notAfter) >= at.getTime() &&
      isDue(left, remindBeforeDays)
        ? { ...detail, ...named, daysLeft: left, notAfter: certificate.notAfter }
        : undefined,
    revocation:
      named && revoked && !isKnown
        ? {
            ...detail,
            ...named,
            confirmed: true,
            source: 'crl',
            text: revoked.message,
            knownSince: startedAt.toISOString(),
          }
        : undefined,
  };
}

function certificateOf({ chain }: CheckedDomain): WatchedCheck['certificate'] {
  const leaf = chain instanceof InvalidChainError ? chain.leaf : chain?.report;
  if (!leaf) {
    return null;
  }
  const { fingerprintSha256, attributes, notAfter } = leaf;
  const owner = attributes.organizationName?.[0];
  return {
    fingerprintSha256,
    owner: owner === undefined ? null : truncate(owner, STATE_BUDGET.message),
    notAfter: new Date(notAfter).toISOString(),
  };
}

/** Sends the events of all results, and stores the checks. @param names the watched domains that are checked. */
async function reportAll(
  results: readonly Result[],
  names: ReadonlySet<string>,
  dependencies: WatchedDependencies,
): Promise<{ readonly checks: WatchedChecks; readonly unsent: readonly string[] }> {
  const { s3, bucket, sendDailyEvents, observe } = dependencies;
  const storage = s3Storage(s3, bucket);
  const before = await updateWatchedChecks(storage, (stored) => merge(stored, results, names, new Set()));
  const isNew = ({ watched, revocation }: Result) =>
    revocation !== undefined && before.get(watchedName(watched))?.revocationReported !== revocation.fingerprintSha256;
  const due = sendDailyEvents ? results : [];
  const newlyRevoked = due.filter(isNew);
  // One message a day is enough if the revocation is everything that is wrong.
  const broken = due.filter((result) => !(isNew(result) && isOnlyRevoked(result)));
  const reported = new Set<string>();
  const unsent = [
    ...(await send(
      REVOKED,
      newlyRevoked.flatMap(({ revocation }) => revocation ?? []),
      (detail) => {
        reported.add(watchedName(detail));
      },
    )),
    ...(await send(
      EXPIRING,
      due.flatMap(({ reminder }) => reminder ?? []),
    )),
    ...(await send(
      PUBLICATION_BROKEN,
      broken.flatMap((result) => result.broken ?? []),
    )),
  ];
  const checks =
    reported.size === 0
      ? before
      : await updateWatchedChecks(storage, (stored) => merge(stored, results, names, reported));
  return { checks, unsent };

  async function send<Detail extends WatchedDetail>(
    detailType: string,
    details: readonly Detail[],
    sent: (detail: Detail) => void = () => {},
  ): Promise<string[]> {
    const failures = await sendEvents(dependencies, detailType, details, (detail) => {
      sent(detail);
      observe.watchedReported(detailType, detail);
    });
    return failures.map(
      ({ detail, reason }) => `EventBridge did not accept the event "${detailType}" of ${nameOf(detail)} (${reason})`,
    );
  }
}

function isOnlyRevoked({ check }: Result): boolean {
  return check.differences.every((id) => id === 'revoked');
}

/** The stored checks with new ones. Domains that are no longer checked are left out. */
function merge(
  stored: WatchedChecks,
  results: readonly Result[],
  names: ReadonlySet<string>,
  reported: ReadonlySet<string>,
): WatchedChecks {
  const next = new Map([...stored].filter(([name]) => names.has(name)));
  for (const { watched, check, revocation } of results) {
    const name = watchedName(watched);
    const earlier = stored.get(name)?.revocationReported;
    const revocationReported = reported.has(name) ? revocation?.fingerprintSha256 : earlier;
    next.set(name, { ...check, ...(revocationReported !== undefined && { revocationReported }) });
  }
  return new Map([...next].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Checks the CRLs of chains that end at a trust anchor. Each CRL is downloaded once, unless the limit of memory is reached.
 * Other chains are refused without CRLs, because anybody can put URLs into them.
 */
function createSharedCrlCheck({ downloadCrls }: WatchedSurvey): CrlCheck {
  const crls = createCrlCache(downloadCrls, KEPT_CRL_BYTES);
  return async (certificate) => {
    const { chain, trustAnchor } = certificate.report;
    if (trustAnchor === null) {
      return certificate.report;
    }
    return certificate.withCrls(await Promise.all(crlUrlsOf(chain).slice(0, CRLS_PER_CHAIN).map(crls.get)));
  };
}

function keyOf({ domain, selector }: WatchedDomain): string {
  return watchedKey(domain, selector);
}

function nameOf({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return assertionName(domain, selector);
}
