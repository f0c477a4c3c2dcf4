import { createLimit, forEachConcurrently } from '../batches.ts';
import { assertionName, bimiRecord } from '../bimi.ts';
import { CollectorError } from '../collector-error.ts';
import { type CollectorDetail, PUBLICATION_BROKEN } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import { manifestKey } from '../store/manifest.ts';
import { PUBLICATION_KEY, publishedKeys } from '../store/publication.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';
import type { Accounts } from './accounts.ts';
import type { Difference } from './differences.ts';
import { findDifferences, type LiveDependencies } from './live.ts';
import type { CertificateRecord, PublicationRecord, Published } from './records.ts';

/**
 * The maximum numbers of connections to the public addresses, and of lookups, at the same time. 80 lookups of 100 ms are
 * as many queries a second as the survey's resolver sends. As many publications as fill both limits are checked at the same
 * time.
 */
const CONCURRENT_CONNECTIONS = 40;
export const CONCURRENT_LOOKUPS = 80;

/** The detail of an event "Mark Certificate Publication Broken". */
export interface BrokenPublication extends CollectorDetail {
  readonly domain: string;
  readonly selector: string;
  /** The order of the published certificate; missing if the description is damaged. */
  readonly orderNumber?: string;
  /** The account of the order at the CA; null for the default account. Missing if the description is damaged. */
  readonly account?: string | null;
  /** The organization of the certificate's subject, the owner of the mark; missing if the description is damaged. */
  readonly owner?: string;
  /** The published certificate; missing if the description is damaged. */
  readonly fingerprintSha256?: string;
  /** The record that the DNS should contain. */
  readonly bimiRecord: string;
  /** At least one. */
  readonly differences: readonly Difference[];
}

/** The result of one check of all publications, as numbers of publications. */
export interface PublicationSummary {
  /** Those that are served. */
  readonly live: number;
  /** Served ones with a difference, and those whose description cannot be read. */
  readonly broken: number;
  /** Served ones for which no time was left. */
  readonly unchecked: number;
}

/** Receives the results of a survey while it runs. */
export interface PublicationObserver {
  publicationDamaged(key: string, problem: string): void;
  /** After all checks, before the first event. */
  publicationsChecked(summary: PublicationSummary): void;
  /** After EventBridge accepted the event. */
  broken(publication: BrokenPublication): void;
}

/** How publications are checked. */
export interface PublicationChecks extends Omit<LiveDependencies, 'now' | 'limits'> {
  /** No check starts later than this after the beginning of the survey, so that the survey can finish. */
  readonly totalMilliseconds: number;
}

export interface PublicationDependencies extends Bus {
  /** The name of the collector. */
  readonly collector: string;
  /** Whether to send the events that are due today. A survey after a deployment only measures. */
  readonly sendDailyEvents: boolean;
  readonly observe: PublicationObserver;
  readonly now: () => Date;
  /** Whether enough time is left to start another check. */
  readonly hasTime: () => boolean;
}

/** Some publications were not checked, or EventBridge did not accept their events. */
export class PublicationsNotReportedError extends CollectorError {
  override readonly name = 'PublicationsNotReportedError';
}

interface DifferingPublication {
  readonly publication: PublicationRecord;
  readonly differences: readonly Difference[];
}

/** How far the checks of the publications are. */
export interface CheckedPublications {
  /** The key of the last description whose publication was checked; undefined before the first one. */
  readonly after: string | undefined;
  /** The ids of the differences of each broken publication, by the key of its description. */
  readonly broken: Readonly<Record<string, readonly string[]>>;
}

/**
 * Checks every publication that is served, and sends an event for each that is broken. A broken publication is reported
 * every day, except if its certificate is revoked and people have just received the message about that.
 *
 * @param manifests the manifests of the orders by key. They may contain newer certificates than the published ones.
 * @param accounts the accounts of the orders.
 * @param before how far an earlier invocation of this survey was.
 * @returns how far the checks are, and the publications for which no time was left.
 * @throws {PublicationsNotReportedError} after all other events are sent.
 */
export async function surveyPublications(
  { served, damaged }: Published,
  manifests: ReadonlyMap<string, CertificateRecord>,
  accounts: Accounts,
  checks: PublicationChecks,
  before: CheckedPublications,
  dependencies: PublicationDependencies,
): Promise<CheckedPublications & { readonly unchecked: readonly PublicationRecord[] }> {
  const { collector, sendDailyEvents, observe } = dependencies;
  const { after } = before;
  const newlyDamaged = after === undefined ? damaged : [];
  for (const { key, problem } of newlyDamaged) {
    observe.publicationDamaged(key, problem);
  }
  const remaining = after === undefined ? served : served.filter((publication) => keyOf(publication) > after);
  const { differing, checked } = await checkAll(remaining, manifests, checks, dependencies);
  const last = remaining[checked - 1];
  const progress = {
    after: last === undefined ? after : keyOf(last),
    broken: {
      ...before.broken,
      ...Object.fromEntries(newlyDamaged.map(({ key }) => [key, ['description-damaged']])),
      ...Object.fromEntries(
        differing.map(({ publication, differences }) => [keyOf(publication), differences.map(({ id }) => id)]),
      ),
    },
  };
  const broken = [
    ...newlyDamaged.map(({ key, problem }) => damagedPublication(collector, checks.url, key, problem)),
    ...differing.filter(needsMessage).map((each) => brokenPublication(collector, checks.url, accounts, each)),
  ];
  observe.publicationsChecked({
    live: served.length,
    broken: Object.keys(progress.broken).length,
    unchecked: remaining.length - checked,
  });
  const failures = await sendEvents(dependencies, PUBLICATION_BROKEN, sendDailyEvents ? broken : [], (each) =>
    observe.broken(each),
  );
  if (failures.length > 0) {
    const problems = failures.map(
      ({ detail, reason }) => `EventBridge did not accept the event of ${nameOf(detail)} (${reason})`,
    );
    throw new PublicationsNotReportedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }
  return { ...progress, unchecked: remaining.slice(checked) };
}

/** On the day on which people receive the message about a revocation, a second one would say the same. */
function needsMessage({ publication, differences }: DifferingPublication): boolean {
  return !(publication.isRevocationNews && differences.every(({ id }) => id === 'revoked'));
}

/** That no time was left for publications. */
export function uncheckedError(unchecked: readonly PublicationRecord[]): PublicationsNotReportedError {
  return new PublicationsNotReportedError(`no time was left to check ${joinWithLimit(unchecked.map(nameOf))}`);
}

/** Checks several publications at the same time. A server that does not answer delays only its own publication. */
async function checkAll(
  publications: readonly PublicationRecord[],
  manifests: ReadonlyMap<string, CertificateRecord>,
  checks: PublicationChecks,
  { now, hasTime }: PublicationDependencies,
) {
  const found: (readonly Difference[])[] = [];
  const limits = { http: createLimit(CONCURRENT_CONNECTIONS), dns: createLimit(CONCURRENT_LOOKUPS) };
  const checked = await forEachConcurrently(
    publications,
    CONCURRENT_CONNECTIONS + CONCURRENT_LOOKUPS,
    async (publication, index) => {
      const stored = manifests.get(manifestKey(publication.live.orderNumber));
      found[index] = await findDifferences(publication, stored, { ...checks, now, limits });
    },
    hasTime,
  );
  return {
    differing: publications.slice(0, checked).flatMap((publication, index) => {
      const differences = found[index] ?? [];
      return differences.length > 0 ? [{ publication, differences }] : [];
    }),
    checked,
  };
}

function brokenPublication(
  collector: string,
  url: string,
  accounts: Accounts,
  { publication, differences }: DifferingPublication,
): BrokenPublication {
  const { domain, selector, live } = publication;
  const { orderNumber, owner, fingerprintSha256 } = live;
  return {
    collector,
    domains: [domain],
    domain,
    selector,
    orderNumber,
    account: accounts.get(orderNumber) ?? null,
    owner,
    fingerprintSha256,
    bimiRecord: bimiRecord(url, domain, selector),
    differences,
  };
}

/** Only the address is known, from the key. The problem may quote values of the description. */
function damagedPublication(collector: string, url: string, key: string, problem: string): BrokenPublication {
  const [, domain = '', selector = ''] = PUBLICATION_KEY.exec(key) ?? [];
  const cause = truncate(problem, STATE_BUDGET.message);
  return {
    collector,
    domains: [domain],
    domain,
    selector,
    bimiRecord: bimiRecord(url, domain, selector),
    differences: [{ id: 'description-damaged', message: `The description ${key} cannot be read: ${cause}.` }],
  };
}

function keyOf({ domain, selector }: PublicationRecord): string {
  return publishedKeys(domain, selector).description;
}

function nameOf({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return assertionName(domain, selector);
}
