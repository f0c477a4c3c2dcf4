import { assertionName, bimiRecord } from '../bimi.ts';
import { CollectorError } from '../collector-error.ts';
import { type CollectorDetail, PUBLICATION_BROKEN } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import { parseJson } from '../store/json.ts';
import { type Bucket, type Listing, readObjects } from '../store/listing.ts';
import { manifestKey, type StoredManifest } from '../store/manifest.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication, parsePublication, publishedKeys } from '../store/publication.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { Accounts } from './accounts.ts';
import type { Difference } from './differences.ts';
import { findDifferences, type LiveDependencies } from './live.ts';

/** The maximum number of publications that are checked at the same time. */
const CONCURRENT_CHECKS = 10;

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
export interface PublicationChecks extends Omit<LiveDependencies, 'now'> {
  /** No check starts after this time, so that the survey can finish. */
  readonly totalMilliseconds: number;
}

export interface PublicationDependencies extends Bucket, Bus {
  /** The name of the collector. */
  readonly collector: string;
  /** Whether to send the events that are due today. A survey after a deployment only measures. */
  readonly sendDailyEvents: boolean;
  readonly observe: PublicationObserver;
  readonly now: () => Date;
}

/** Some publications were not checked, or EventBridge did not accept their events. */
export class PublicationsNotReportedError extends CollectorError {
  override readonly name = 'PublicationsNotReportedError';
}

/** All publications that are served, and all descriptions that cannot be read. */
export interface Published {
  readonly served: readonly Publication[];
  readonly damaged: Listing<Publication>['damaged'];
}

/**
 * Checks every publication that is served, and sends an event for each that is broken. It keeps no state: a broken
 * publication is reported every day.
 *
 * @param manifests the manifests of the orders by key. They may contain newer certificates than the published ones.
 * @param accounts the accounts of the orders.
 * @throws {PublicationsNotReportedError} after all other events are sent.
 */
export async function surveyPublications(
  { served, damaged }: Published,
  manifests: ReadonlyMap<string, StoredManifest>,
  accounts: Accounts,
  checks: PublicationChecks,
  dependencies: PublicationDependencies,
): Promise<void> {
  const { collector, sendDailyEvents, observe } = dependencies;
  for (const { key, problem } of damaged) {
    observe.publicationDamaged(key, problem);
  }
  const { differing, unchecked } = await checkAll(served, manifests, checks, dependencies.now);
  const broken = [
    ...damaged.map(({ key, problem }) => damagedPublication(collector, checks.url, key, problem)),
    ...differing.map((each) => brokenPublication(collector, checks.url, accounts, each)),
  ];
  observe.publicationsChecked({ live: served.length, broken: broken.length, unchecked: unchecked.length });
  const failures = await sendEvents(dependencies, PUBLICATION_BROKEN, sendDailyEvents ? broken : [], (each) =>
    observe.broken(each),
  );
  const problems = [
    ...failures.map(({ detail, reason }) => `EventBridge did not accept the event of ${nameOf(detail)} (${reason})`),
    ...(unchecked.length > 0 ? [`no time was left to check ${unchecked.map(nameOf).join(', ')}`] : []),
  ];
  if (problems.length > 0) {
    throw new PublicationsNotReportedError(problems.join('; '));
  }
}

/**
 * Reads every description. A description whose content is about another address than its key counts as damaged:
 * otherwise no check would cover the address of the key.
 *
 * @throws {S3ServiceException} if S3 does not return a description.
 */
export async function readPublications(dependencies: Bucket): Promise<Published> {
  const parse = (bytes: Uint8Array) => parsePublication(parseJson(Buffer.from(bytes).toString()));
  const { read, damaged }: Listing<Publication> = await readObjects(dependencies, PUBLISHED, PUBLICATION_KEY, parse);
  const keyOf = ({ domain, selector }: Publication) => publishedKeys(domain, selector).description;
  const mismatched = read.filter(({ key, content }) => keyOf(content) !== key);
  return {
    served: read.flatMap(({ key, content }) => (content.served && keyOf(content) === key ? [content] : [])),
    damaged: [...damaged, ...mismatched.map(({ key, content }) => ({ key, problem: `describes ${keyOf(content)}` }))],
  };
}

/** Checks several publications at the same time. A server that does not answer delays only its own publication. */
async function checkAll(
  served: readonly Publication[],
  manifests: ReadonlyMap<string, StoredManifest>,
  checks: PublicationChecks,
  now: () => Date,
) {
  const deadline = now().getTime() + checks.totalMilliseconds;
  const checked = new Map<Publication, readonly Difference[]>();
  const queue = served.values();
  const checkNext = async () => {
    for (const publication of queue) {
      if (now().getTime() >= deadline) {
        return;
      }
      const stored = manifests.get(manifestKey(publication.live.orderNumber));
      checked.set(publication, await findDifferences(publication, stored, { ...checks, now }));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_CHECKS }, checkNext));
  return {
    differing: served.flatMap((publication) => {
      const differences = checked.get(publication) ?? [];
      return differences.length > 0 ? [{ publication, differences }] : [];
    }),
    unchecked: served.filter((publication) => !checked.has(publication)),
  };
}

function brokenPublication(
  collector: string,
  url: string,
  accounts: Accounts,
  { publication, differences }: { readonly publication: Publication; readonly differences: readonly Difference[] },
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

function nameOf({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return assertionName(domain, selector);
}
