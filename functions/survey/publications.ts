import { assertionName, bimiRecord } from '../bimi.ts';
import { PUBLICATION_BROKEN } from '../events.ts';
import { type Bucket, type Contents, readObjects } from '../store/listing.ts';
import { manifestKey, type StoredManifest } from '../store/manifest.ts';
import { parseJson } from '../store/objects.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication, parsePublication, publishedKeys } from '../store/publication.ts';
import { type Difference, findDifferences, type LiveDependencies } from './live.ts';
import { type Bus, sendEvents } from './send-events.ts';

/** Publications looked at at once. */
const CHECKS_AT_ONCE = 10;

/** The detail of an event "Mark Certificate Publication Broken". */
export interface BrokenPublication {
  readonly domain: string;
  readonly selector: string;
  /** Of what is live; missing where the description is damaged. */
  readonly orderNumber?: string;
  readonly fingerprintSha256?: string;
  /** What belongs into the DNS. */
  readonly bimiRecord: string;
  /** At least one. */
  readonly differences: readonly Difference[];
}

/** What one look at all publications found. */
export interface PublicationSummary {
  /** Publications that are served. */
  readonly live: number;
  /** Those of them that differ, and those whose description cannot be read. */
  readonly broken: number;
  /** Publications for which no time was left. */
  readonly unchecked: number;
}

/** Hears what is found, as it goes. */
export interface PublicationObserver {
  publicationDamaged(key: string, problem: string): void;
  /** All are looked at, nothing is sent yet. */
  publicationsChecked(summary: PublicationSummary): void;
  broken(publication: BrokenPublication): void;
}

export interface PublicationChecks extends Omit<LiveDependencies, 'now'> {
  /** After this no publication is begun with, so that the survey comes to its end. */
  readonly totalMilliseconds: number;
}

export interface PublicationDependencies extends Bucket, Bus {
  readonly observe: PublicationObserver;
  readonly now: () => Date;
}

/** Publications that were not looked at, or of which EventBridge did not take the event. */
export class PublicationsNotReportedError extends Error {
  override name = 'PublicationsNotTold';
}

/** Every publication that is served, and every description that cannot be read. */
export interface Published {
  readonly served: readonly Publication[];
  readonly damaged: Contents<Publication>['damaged'];
}

/**
 * Looks at every publication that is served, and sends an event for each that is broken. It remembers nothing: what is broken
 * is told again every day.
 *
 * @param manifests of the orders, by their keys: what they hold may be newer than what is live.
 * @throws {PublicationsNotReportedError} after all other events are sent.
 */
export async function surveyPublications(
  { served, damaged }: Published,
  manifests: ReadonlyMap<string, StoredManifest>,
  checks: PublicationChecks,
  dependencies: PublicationDependencies,
): Promise<void> {
  const { observe } = dependencies;
  for (const { key, problem } of damaged) {
    observe.publicationDamaged(key, problem);
  }
  const { broken: differing, unchecked } = await checkAll(served, manifests, checks, dependencies.now);
  const broken = [...damaged.map(({ key, problem }) => damagedPublication(checks.url, key, problem)), ...differing];
  observe.publicationsChecked({ live: served.length, broken: broken.length, unchecked: unchecked.length });
  const untold = await sendEvents(dependencies, PUBLICATION_BROKEN, broken, (each) => observe.broken(each));
  const problems = [
    ...untold.map(({ detail, reason }) => `EventBridge did not take the event of ${nameOf(detail)} (${reason})`),
    ...(unchecked.length > 0 ? [`no time was left for ${unchecked.map(nameOf).join(', ')}`] : []),
  ];
  if (problems.length > 0) {
    throw new PublicationsNotReportedError(problems.join('; '));
  }
}

/**
 * Reads every description. One that speaks of another address than its key is damaged too: its own address would go unwatched.
 *
 * @throws {S3ServiceException} where S3 does not give one.
 */
export async function readPublications(dependencies: Bucket): Promise<Published> {
  const parse = (bytes: Uint8Array) => parsePublication(parseJson(Buffer.from(bytes).toString()));
  const { read, damaged }: Contents<Publication> = await readObjects(dependencies, PUBLISHED, PUBLICATION_KEY, parse);
  const keyOf = ({ domain, selector }: Publication) => publishedKeys(domain, selector).description;
  const astray = read.filter(({ key, content }) => keyOf(content) !== key);
  return {
    served: read.flatMap(({ key, content }) => (content.served && keyOf(content) === key ? [content] : [])),
    damaged: [...damaged, ...astray.map(({ key, content }) => ({ key, problem: `describes ${keyOf(content)}` }))],
  };
}

/** Some at once, each beginning when another ends: one that waits for a dead server holds up nothing else. */
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
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, checkNext));
  return {
    broken: served.flatMap((publication) => brokenPublication(checks.url, publication, checked.get(publication) ?? [])),
    unchecked: served.filter((publication) => !checked.has(publication)),
  };
}

function brokenPublication(
  url: string,
  { domain, selector, live }: Publication,
  differences: readonly Difference[],
): BrokenPublication[] {
  const { orderNumber, fingerprintSha256 } = live;
  const record = bimiRecord(url, domain, selector);
  return differences.length > 0
    ? [{ domain, selector, orderNumber, fingerprintSha256, bimiRecord: record, differences }]
    : [];
}

/** All that can be known of it is its address. */
function damagedPublication(url: string, key: string, problem: string): BrokenPublication {
  const [, domain = '', selector = ''] = PUBLICATION_KEY.exec(key) ?? [];
  return {
    domain,
    selector,
    bimiRecord: bimiRecord(url, domain, selector),
    differences: [{ id: 'description-damaged', message: `${key} cannot be read: ${problem}.` }],
  };
}

function nameOf({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return assertionName(domain, selector);
}
