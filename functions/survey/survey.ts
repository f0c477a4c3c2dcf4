import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { MANIFEST_KEY, parseManifest, type StandingManifest } from '../archive.ts';
import { EVENT_SOURCE, EXPIRING } from '../events.ts';

/** Days left on which a reminder is due, beside the first one, whose day is a setting: at two weeks, then daily. */
const REMINDER_DAYS: ReadonlySet<number> = new Set([14, 7, 6, 5, 4, 3, 2, 1, 0]);

/** Manifests read at once: a thousand of them, at some 50 ms each, take 5 s of Lambda's time and little of its memory. */
const READS_AT_ONCE = 10;

/** The most that PutEvents takes in one call. */
const EVENTS_AT_ONCE = 10;

const DAY = 86_400_000;

/** The detail of an event "Mark Certificate Expiring". */
export interface Reminder {
  readonly orderNumber: string;
  /** Calendar days in UTC: 0 on the day on which the certificate ends. */
  readonly daysLeft: number;
  readonly notAfter: string;
  readonly domains: readonly string[];
  readonly product?: string;
  readonly markType?: string;
  readonly fingerprintSha256: string;
  readonly bucket: string;
  /** Of the manifest, the chain, and the logo where there is one. */
  readonly keys: Readonly<Record<string, string>>;
}

/** What one survey found. */
export interface Summary {
  /** Certificates whose manifest can be read, the superseded ones too. */
  readonly kept: number;
  readonly superseded: number;
  /** Manifests that cannot be read. */
  readonly damaged: number;
  /** Reminders that are due today. */
  readonly reminders: number;
  /** The least days left of all that are not superseded, below 0 after the end; missing where there are none. */
  readonly daysToExpiry?: number;
}

/** Hears what a survey finds, as it goes. */
export interface SurveyObserver {
  damaged(key: string, problem: string): void;
  /** All is read, nothing is sent yet. */
  surveyed(summary: Summary): void;
  reminded(reminder: Reminder): void;
}

export interface SurveyDependencies {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /** Days left on which the first reminder is due. */
  readonly remindBeforeDays: number;
  readonly observe: SurveyObserver;
  readonly now: () => Date;
}

/** Reminders that EventBridge did not take. */
export class RemindersNotSent extends Error {
  override name = 'RemindersNotSent';
}

interface Kept {
  readonly key: string;
  readonly manifest: StandingManifest;
}

/**
 * Reads every manifest in the bucket and reminds of the certificates that end soon. It remembers nothing: a reminder is due on
 * certain days, and the daily ones of the last week make up for a day without a survey, which is an alarm of its own.
 *
 * @throws {RemindersNotSent} after all other reminders are sent. Lambda repeats the survey then, so what was sent the first
 * time may be sent twice; better than not at all.
 */
export async function survey(dependencies: SurveyDependencies): Promise<void> {
  const { bucket, remindBeforeDays, observe, now } = dependencies;
  const today = now();
  const { kept, damaged } = await readCertificates(dependencies);
  const current = kept
    .filter(({ manifest }) => !kept.some((other) => supersedes(other.manifest, manifest)))
    .map((each) => ({ ...each, daysLeft: daysBetween(today, new Date(each.manifest.notAfter)) }));
  const reminders = current
    .filter(({ daysLeft }) => isDue(daysLeft, remindBeforeDays))
    .map(({ key, manifest, daysLeft }) => reminderOf(bucket, key, manifest, daysLeft));
  observe.surveyed({
    kept: kept.length,
    superseded: kept.length - current.length,
    damaged,
    reminders: reminders.length,
    ...(current.length > 0 && { daysToExpiry: Math.min(...current.map(({ daysLeft }) => daysLeft)) }),
  });
  await send(reminders, dependencies);
}

/** Every certificate in the bucket; an object that cannot be fetched ends the survey before anything is sent. */
async function readCertificates({ s3, bucket, observe }: SurveyDependencies) {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: 'orders/' })) {
    keys.push(...Contents.flatMap(({ Key }) => (Key && MANIFEST_KEY.test(Key) ? [Key] : [])));
  }
  const kept: Kept[] = [];
  for (const batch of inBatches(keys, READS_AT_ONCE)) {
    const results = await Promise.all(
      batch.map(async (key) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return { key, result: parseManifest((await Body?.transformToByteArray()) ?? new Uint8Array()) };
      }),
    );
    for (const { key, result } of results) {
      if (result.success) {
        kept.push({ key, manifest: result.output });
      } else {
        observe.damaged(key, result.issues.map(problemOf).join('; '));
      }
    }
  }
  return { kept, damaged: keys.length - kept.length };
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'the whole manifest'}: ${issue.message}`;
}

/** A newer certificate, of any order, for every domain of an older one. One that cannot be published replaces nothing. */
function supersedes(newer: StandingManifest, older: StandingManifest): boolean {
  return (
    newer.notBefore > older.notBefore &&
    newer.publishable &&
    older.domains.every((domain) => newer.domains.includes(domain))
  );
}

/**
 * Days of the calendar in UTC, not spans of 24 hours: a survey that runs some seconds earlier or later than yesterday's
 * would skip or repeat a number of the latter whenever the certificate ends at about that time of the day. Only a schedule
 * at midnight itself would not be safe.
 */
function daysBetween(from: Date, to: Date): number {
  return Math.floor(to.getTime() / DAY) - Math.floor(from.getTime() / DAY);
}

/** On the first day of all, and on the fixed days after it. */
function isDue(daysLeft: number, remindBeforeDays: number): boolean {
  return daysLeft === remindBeforeDays || (daysLeft < remindBeforeDays && REMINDER_DAYS.has(daysLeft));
}

function reminderOf(bucket: string, manifestKey: string, manifest: StandingManifest, daysLeft: number): Reminder {
  const { orderNumber, notAfter, domains, product, markType, fingerprintSha256, objects } = manifest;
  const { chain, logo } = objects;
  return {
    orderNumber,
    daysLeft,
    notAfter,
    domains,
    ...(product !== null && { product }),
    ...(markType !== null && { markType }),
    fingerprintSha256,
    bucket,
    keys: { manifest: manifestKey, ...(chain && { chain: chain.key }), ...(logo && { logo: logo.key }) },
  };
}

/** Sends all it can before it says what failed: one bad entry must not silence the others. */
async function send(reminders: readonly Reminder[], dependencies: SurveyDependencies): Promise<void> {
  const { eventBridge, eventBusName, observe } = dependencies;
  const failures: string[] = [];
  for (const batch of inBatches(reminders, EVENTS_AT_ONCE)) {
    const { Entries: results = [] } = await eventBridge.send(
      new PutEventsCommand({
        Entries: batch.map((reminder) => ({
          EventBusName: eventBusName,
          Source: EVENT_SOURCE,
          DetailType: EXPIRING,
          Detail: JSON.stringify(reminder),
        })),
      }),
    );
    for (const [index, reminder] of batch.entries()) {
      // Results stand in the order of the entries; only those that count as FailedEntryCount have an error code.
      const { ErrorCode, ErrorMessage } = results[index] ?? {};
      if (ErrorCode === undefined) {
        observe.reminded(reminder);
      } else {
        failures.push(`order ${reminder.orderNumber} (${ErrorCode}: ${ErrorMessage})`);
      }
    }
  }
  if (failures.length > 0) {
    throw new RemindersNotSent(`EventBridge did not take the reminder of ${failures.join(', ')}`);
  }
}

function* inBatches<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let first = 0; first < all.length; first += size) {
    yield all.slice(first, first + size);
  }
}
