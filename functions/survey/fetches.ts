import { Readable } from 'node:stream';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { inBatches } from '../batches.ts';
import { DAY_MILLISECONDS } from '../days.ts';
import { type Fetches, LOG_PREFIX, RECEIVERS, readFetches, writeFetches } from '../store/fetches.ts';
import type { Bucket } from '../store/listing.ts';
import { CACHE_SECONDS, type Publication } from '../store/publication.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { type Fetch, readAccessLog } from './access-log.ts';

/** The maximum number of log files that one survey reads. The next one continues. */
const FILES_LIMIT = 5000;

const CONCURRENT_FILES = 5;

/**
 * S3 can list a file after one that was delivered later. Files that were delivered up to an hour before the last one that
 * was read are therefore compared by their keys.
 */
const OVERLAP_MILLISECONDS = 3_600_000;

/** CloudFront delivers a file within 24 hours after its hour, usually within one (AWS: CloudFront, Access logs). */
const LATE_DAYS = 3;

/** Where CloudFront writes the log files of a distribution. */
export interface AccessLogs {
  readonly logBucket: string;
  readonly distributionId: string;
  /** No file is opened after so many milliseconds. */
  readonly totalMilliseconds: number;
}

/** An address that is served, and its live certificate. */
type Served = Pick<Publication, 'domain' | 'selector'> & {
  readonly live: Pick<Publication['live'], 'fingerprintSha256' | 'since'>;
};

/** What one survey read, for the log. */
export interface FetchSummary {
  readonly files: number;
  /** Successful requests for what is published. */
  readonly fetches: number;
  /** Files that are left for the next survey. */
  readonly unread: number;
}

interface LogFile {
  readonly key: string;
  readonly deliveredAt: number;
}

/**
 * Reads the log files that CloudFront delivered since the last survey, and stores who fetched what is served: the last
 * fetch of each receiver, and its first fetch of the live chain. Each file is read once. A repetition changes nothing,
 * because only the earliest and the latest times count.
 *
 * @throws {S3ServiceException} if S3 does not return a file, or does not accept the result.
 * @throws {WriteConflictError} if another survey stored its result meanwhile.
 */
export async function surveyFetches(
  served: readonly Served[],
  logs: AccessLogs,
  { s3, bucket, now }: Bucket & { readonly now: () => Date },
): Promise<FetchSummary> {
  const storage = s3Storage(s3, bucket);
  const { fetches: before, etag } = await readFetches(storage);
  const addresses = currentAddresses(served, before);
  const pending = await listFiles(before, logs, s3);
  const deadline = now().getTime() + logs.totalMilliseconds;
  const read: LogFile[] = [];
  let fetches = 0;
  for (const batch of inBatches(pending.slice(0, FILES_LIMIT), CONCURRENT_FILES)) {
    if (now().getTime() >= deadline) {
      break;
    }
    await Promise.all(batch.map(readFile));
    read.push(...batch);
  }
  const readUntil = read.at(-1)?.deliveredAt ?? (before.readUntil === null ? undefined : Date.parse(before.readUntil));
  const recent = read.filter(({ deliveredAt }) => deliveredAt > (readUntil ?? 0) - OVERLAP_MILLISECONDS);
  const keepsRecent = recent.length === read.length ? before.recent : [];
  await writeFetches(
    storage,
    {
      schemaVersion: 1,
      readSince: before.readSince ?? new Date(read[0]?.deliveredAt ?? now()).toISOString(),
      readUntil: readUntil === undefined ? null : new Date(readUntil).toISOString(),
      recent: [...keepsRecent, ...recent.map(({ key }) => key)],
      addresses: Object.fromEntries(
        [...addresses].map(([address, { fingerprintSha256, receivers }]) => [
          address,
          { fingerprintSha256, receivers },
        ]),
      ),
    },
    { etag },
  );
  return { files: read.length, fetches, unread: pending.length - read.length };

  async function readFile({ key }: LogFile): Promise<void> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: logs.logBucket, Key: key }));
    if (Body instanceof Readable) {
      for await (const fetch of readAccessLog(Body)) {
        const entry = addresses.get(`${fetch.domain}/${fetch.selector}`);
        if (entry) {
          fetches += 1;
          add(fetch, entry);
        }
      }
    }
  }
}

/** What is known of one address, while files are read. */
interface Entry {
  readonly fingerprintSha256: string;
  /** From when on every cache serves the live chain, in milliseconds since 1970. */
  readonly since: number;
  readonly receivers: Fetches['addresses'][string]['receivers'];
}

/** What is known of the addresses that are served now. The first fetches of an earlier certificate are forgotten. */
function currentAddresses(served: readonly Served[], { addresses }: Fetches): Map<string, Entry> {
  return new Map(
    served.map(({ domain, selector, live: { fingerprintSha256, since } }) => {
      const address = `${domain}/${selector}`;
      const known = addresses[address];
      const receivers = { ...known?.receivers };
      if (known?.fingerprintSha256 !== fingerprintSha256) {
        for (const receiver of RECEIVERS) {
          const { first: _, ...last } = receivers[receiver] ?? {};
          if (receivers[receiver]) {
            receivers[receiver] = last;
          }
        }
      }
      const cached = 2 * CACHE_SECONDS * 1000;
      return [address, { fingerprintSha256, since: Date.parse(since) + cached, receivers }];
    }),
  );
}

function add({ receiver, part, at }: Fetch, { since, receivers }: Entry): void {
  const known = receivers[receiver] ?? {};
  const time = new Date(at).toISOString();
  const last = known[part];
  const isFirst = part === 'chain' && at >= since && (known.first === undefined || time < known.first);
  receivers[receiver] = {
    ...known,
    ...((last === undefined || time > last) && { [part]: time }),
    ...(isFirst && { first: time }),
  };
}

/** The files of the distribution that were not read yet, in the order of their delivery. */
async function listFiles(
  { readUntil, recent }: Fetches,
  { logBucket, distributionId }: AccessLogs,
  s3: Bucket['s3'],
): Promise<LogFile[]> {
  const prefix = `${LOG_PREFIX}${distributionId}.`;
  const from = readUntil === null ? 0 : Date.parse(readUntil) - OVERLAP_MILLISECONDS;
  const read = new Set(recent);
  const files: LogFile[] = [];
  const pages = paginateListObjectsV2(
    { client: s3 },
    {
      Bucket: logBucket,
      Prefix: prefix,
      // A file has the hour of its requests in its name: E2EXAMPLE.2026-11-23-12.a1b2c3d4.gz.
      ...(from > 0 && { StartAfter: `${prefix}${logDay(from)}` }),
    },
  );
  for await (const { Contents = [] } of pages) {
    for (const { Key: key = '', LastModified } of Contents) {
      const deliveredAt = LastModified?.getTime() ?? 0;
      if (key.endsWith('.gz') && deliveredAt > from && !read.has(key)) {
        files.push({ key, deliveredAt });
      }
    }
  }
  return files.toSorted((one, other) => one.deliveredAt - other.deliveredAt);
}

function logDay(time: number): string {
  return new Date(time - LATE_DAYS * DAY_MILLISECONDS).toISOString().slice(0, 10);
}
