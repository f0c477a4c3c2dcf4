import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { forEachConcurrently } from '../batches.ts';
import { isOverviewFile, renderOverview } from '../pages/overview.ts';
import { OVERVIEW } from '../pages/overview-folder.ts';
import { chooseLogos } from '../pages/overview-logos.ts';
import { type BrokenAddress, OrderCollection, type OverviewLogo } from '../pages/overview-order.ts';
import { type WatchedSources, watchedRows } from '../pages/overview-watched.ts';
import { caaWarnings, readCaa } from '../store/caa.ts';
import { isUnusable, readFailing } from '../store/failing-crls.ts';
import { type FetchedAddress, type Fetches, readFetches } from '../store/fetches.ts';
import { writeFileSet } from '../store/file-set.ts';
import type { Bucket, Listing } from '../store/listing.ts';
import { MANIFEST_KEY } from '../store/manifest.ts';
import { digest } from '../store/objects.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { OrderStatus } from '../store/status.ts';
import { listWatched } from '../store/watched.ts';
import { readWatchedChecks, type WatchedChecks, watchedName } from '../store/watched-checks.ts';
import {
  type Certificates,
  listOrderKeys,
  type PublicationRecord,
  readCertificates,
  readPublications,
  readStatuses,
} from './records.ts';

/** The maximum number of logos that are read at the same time. */
const CONCURRENT_READS = 10;

/** The result of one run, as numbers of files. */
export interface OverviewSummary {
  readonly orders: number;
  readonly files: number;
  readonly written: number;
  readonly deleted: number;
  /** Whether an overview of newer data is stored, so that nothing was written. */
  readonly isOutdated: boolean;
}

/** Receives the result of a run. */
export interface OverviewObserver {
  overviewWritten(summary: OverviewSummary): void;
}

export interface OverviewDependencies extends Bucket {
  /** The name of the collector. */
  readonly collector: string;
  /** The days left on which the first reminder of a certificate is sent. From then on it ends soon. */
  readonly remindBeforeDays: number;
  readonly observe: OverviewObserver;
  readonly now: () => Date;
}

/** What the survey has read. */
export interface OverviewSources {
  readonly manifests: Pick<Certificates, 'read' | 'damaged'>;
  readonly statuses: Pick<Listing<OrderStatus>, 'read' | 'damaged'>;
  /** The publications that are served; undefined if the stack publishes nothing. */
  readonly served: readonly PublicationRecord[] | undefined;
  /** The watched domains and their last checks; undefined if they are not checked. */
  readonly watched?: WatchedSources | undefined;
  /** When the reading began. */
  readonly readAt: Date;
}

/** The stored overview contains the differences of the last check, because not every run checks the addresses. */
const notesSchema = v.object({
  broken: v.array(
    v.object({
      domain: v.string(),
      selector: v.string(),
      fingerprintSha256: v.string(),
      differences: v.array(v.string()),
    }),
  ),
});

type Notes = v.InferOutput<typeof notesSchema>;

/** The results of the checks of addresses, by address. */
export type AddressChecks = ReadonlyMap<string, BrokenAddress>;

/**
 * The overview of all orders, from what a survey has read.
 *
 * @param earlier checks that were made before the sources were read.
 */
export function createOverview(
  sources: OverviewSources,
  dependencies: OverviewDependencies,
  earlier: AddressChecks = new Map(),
) {
  const { s3, bucket, collector, remindBeforeDays, observe, now } = dependencies;
  let collected: OrderCollection | undefined;
  /** Filled when it is first written: the parts of the survey that run before can change a record. */
  const collectOrders = () => {
    if (!collected) {
      collected = new OrderCollection({ endingSoonDays: remindBeforeDays, publishes: sources.served !== undefined });
      addSources(collected, sources, collector);
    }
    return collected;
  };
  const checked = new Map(earlier);
  let { watched } = sources;

  return {
    /** The results of all checks. */
    checks: checked as AddressChecks,

    /**
     * Takes the result of the check of an address, which {@link write} then writes.
     *
     * @param differences the ids of the differences.
     */
    addCheck({ domain, selector, live }: PublicationRecord, differences: readonly string[]): void {
      const { fingerprintSha256 } = live;
      const ids = [...new Set(differences)];
      checked.set(`${domain}/${selector}`, { domain, selector, fingerprintSha256, differences: ids });
    },

    /** Takes the new checks of the watched domains. */
    setWatchedChecks(checks: WatchedChecks): void {
      watched = watched && { ...watched, checks };
    },

    /**
     * Writes the overview. Addresses that were not checked have the result of the last check.
     *
     * @throws {WriteConflictError} if other runs were faster eight times.
     */
    async write(): Promise<OverviewSummary> {
      const at = now();
      const orders = collectOrders();
      const storage = s3Storage(s3, bucket);
      // Other parts of the survey, also earlier ones, found these.
      const [caa, { fetches, etag }, crls] = await Promise.all([
        readCaa(storage),
        readFetches(storage),
        readFailing(storage),
      ]);
      const found = { caa: caaWarnings(caa), fetches: etag === undefined ? undefined : addressesOf(fetches) };
      let count = 0;
      const result = await writeFileSet<Notes>(dependencies, {
        folder: OVERVIEW,
        readAt: sources.readAt,
        notesSchema,
        notes: (stored) => ({ broken: brokenNow(stored, sources.served ?? []) }),
        isOwn: isOverviewFile,
        async files(stored) {
          const all = orders.orders(at, { ...found, broken: brokenNow(stored, sources.served ?? []) });
          const logos = await readLogos(s3, bucket, chooseLogos(all));
          count = all.length;
          return renderOverview(all, {
            collector,
            bucket,
            writtenAt: at,
            writtenBy: 'the survey',
            endingSoonDays: remindBeforeDays,
            logos,
            caa: caa && { warnings: found.caa, omitted: caa.omitted, checkedAt: caa.checkedAt },
            crls: crls.filter((crl) => isUnusable(crl, at)),
            fetches: found.fetches && {
              addresses: found.fetches,
              readSince: fetches.readSince ?? null,
              readUntil: fetches.readUntil,
            },
            watched: watched && watchedRows(watched, collector, at),
          });
        },
      });
      const summary = { orders: count, ...result };
      observe.overviewWritten(summary);
      return summary;
    },
  };

  /** The differences of the addresses that are served, the new ones before those of the last check. */
  function brokenNow(stored: Notes | undefined, served: readonly PublicationRecord[]) {
    const known = new Map<string, BrokenAddress>(
      (stored?.broken ?? []).map((each) => [`${each.domain}/${each.selector}`, each]),
    );
    return served.flatMap(({ domain, selector, live }) => {
      const address = `${domain}/${selector}`;
      const found = checked.get(address) ?? known.get(address);
      return found && found.differences.length > 0 && found.fingerprintSha256 === live.fingerprintSha256
        ? [{ ...found, differences: [...found.differences] }]
        : [];
    });
  }
}

function addressesOf({ addresses }: Fetches): ReadonlyMap<string, FetchedAddress> {
  return new Map(Object.entries(addresses).map(([address, { receivers }]) => [address, receivers]));
}

/** Statuses of another collector that uses the same bucket are not those of this one. */
function addSources(
  orders: OrderCollection,
  { manifests, statuses, served = [] }: OverviewSources,
  collector: string,
): void {
  const others = new Set<string>();
  for (const { content } of statuses.read) {
    if (content.collector === collector) {
      orders.addStatus(content);
    } else {
      others.add(content.orderNumber);
    }
  }
  for (const { content } of manifests.read) {
    if (!others.has(content.orderNumber)) {
      orders.addRecord(content);
    }
  }
  for (const { key, problem } of [...statuses.damaged, ...manifests.damaged]) {
    orders.addDamaged(key, problem);
  }
  for (const publication of served) {
    orders.addPublication(publication);
  }
}

/** A logo that cannot be read is not shown: it is no reason to have no overview. */
async function readLogos(
  s3: S3Client,
  bucket: string,
  chosen: ReadonlyMap<string, OverviewLogo>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const logos = new Map<string, Uint8Array>();
  await forEachConcurrently([...chosen], CONCURRENT_READS, async ([orderNumber, { key, sha256 }]) => {
    const svg = await readLogo(s3, bucket, key);
    if (svg && digest(svg).toString('hex') === sha256) {
      logos.set(orderNumber, svg);
    }
  });
  return logos;
}

async function readLogo(s3: S3Client, bucket: string, key: string): Promise<Uint8Array | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return await Body?.transformToByteArray();
  } catch {
    return undefined;
  }
}

/**
 * Writes only the overview, from what is stored: it checks nothing, sends nothing and changes no order.
 *
 * @param checks the checks of addresses that a survey has made.
 * @throws {Error} if something cannot be read or written. Lambda then repeats it.
 */
export async function writeOverview(
  dependencies: OverviewDependencies & { readonly publishes: boolean; readonly watches?: boolean },
  checks?: AddressChecks,
): Promise<void> {
  const readAt = dependencies.now();
  const { manifests, statuses } = await listOrderKeys(dependencies);
  const keys = { manifests: manifests.filter((key) => MANIFEST_KEY.test(key)), statuses };
  const certificates = await readCertificates(dependencies, keys);
  const sources = { manifests: certificates, statuses: await readStatuses(dependencies, keys), readAt };
  const published = dependencies.publishes ? await readPublications(dependencies, readAt) : undefined;
  const served = published?.served;
  const watched = dependencies.watches
    ? { ...(await readWatched(dependencies)), published: namesOf(served) }
    : undefined;
  await createOverview({ ...sources, served, watched }, dependencies, checks).write();
}

/** The addresses of publications, as the checks of watched domains name them. */
export function namesOf(served: readonly PublicationRecord[] = []): ReadonlySet<string> {
  return new Set(served.map(watchedName));
}

/** The watched domains and their last checks. */
export async function readWatched({ s3, bucket }: Bucket): Promise<Omit<WatchedSources, 'published'>> {
  const listing = await listWatched({ s3, bucket });
  return { listing, checks: await readWatchedChecks(s3Storage(s3, bucket)) };
}
