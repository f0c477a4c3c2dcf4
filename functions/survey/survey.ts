import { coversName } from '../bimi.ts';
import { daysLeft } from '../days.ts';
import { EXPIRING } from '../events.ts';
import { type Contents, readObjects } from '../store/listing.ts';
import { MANIFEST_KEY, parseManifest, type StoredManifest } from '../store/manifest.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  type Published,
  readPublications,
  surveyPublications,
} from './publications.ts';
import { sendEvents } from './send-events.ts';

/** Days left on which a reminder is due, beside the first one, whose day is a setting: at two weeks, then daily. */
const REMINDER_DAYS: ReadonlySet<number> = new Set([14, 7, 6, 5, 4, 3, 2, 1, 0]);

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
export interface SurveySummary {
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
export interface SurveyObserver extends PublicationObserver {
  damaged(key: string, problem: string): void;
  /** All is read, nothing is sent yet. */
  surveyed(summary: SurveySummary): void;
  reminded(reminder: Reminder): void;
}

export interface SurveyDependencies extends PublicationDependencies {
  /** Days left on which the first reminder is due. */
  readonly remindBeforeDays: number;
  readonly observe: SurveyObserver;
  /** How publications are looked at; undefined where nothing is published. */
  readonly publications: PublicationChecks | undefined;
}

/** Reminders that EventBridge did not take. */
export class RemindersNotSentError extends Error {
  override name = 'RemindersNotSent';
}

/**
 * Reads every manifest and every publication, reminds of the certificates that end soon, then looks at what is published.
 * Neither keeps the other from being done: each goes by what could be read.
 *
 * @throws {Error} what either threw, or an AggregateError of both, after both. Lambda repeats the whole survey then, so what was
 * sent the first time may be sent twice; better than not at all.
 */
export async function survey(dependencies: SurveyDependencies): Promise<void> {
  const { publications: checks } = dependencies;
  const errors: unknown[] = [];
  const collect = (error: unknown) => {
    errors.push(error);
    return undefined;
  };
  // In this order: what is stored and published between the two reads does not look as if it were left unpublished.
  const manifests = await readObjects(dependencies, 'orders/', MANIFEST_KEY, parseManifest).catch(collect);
  const published = checks && (await readPublications(dependencies).catch(collect));
  if (manifests) {
    await remind(manifests, published, dependencies).catch(collect);
  }
  if (checks && published) {
    const byKey = new Map(manifests?.read.map(({ key, content }) => [key, content]));
    await surveyPublications(published, byKey, checks, dependencies).catch(collect);
  }
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('; '));
  }
}

/**
 * Reminds of the certificates that end soon. It remembers nothing: a reminder is due on
 * certain days, and the daily ones of the last week make up for a day without a survey, which is an alarm of its own.
 *
 * @throws {RemindersNotSentError} after all other reminders are sent.
 */
async function remind(
  { read: kept, damaged }: Contents<StoredManifest>,
  published: Published | undefined,
  dependencies: SurveyDependencies,
): Promise<void> {
  const { bucket, remindBeforeDays, observe, now } = dependencies;
  const today = now();
  // What is shown to everybody is current, whatever else was collected.
  const live = new Set(published?.served.map((publication) => publication.live.fingerprintSha256));
  for (const { key, problem } of damaged) {
    observe.damaged(key, problem);
  }
  const current = kept
    .filter(
      ({ content }) => live.has(content.fingerprintSha256) || !kept.some((other) => supersedes(other.content, content)),
    )
    .map((each) => ({ ...each, daysLeft: daysLeft(each.content.notAfter, today) }));
  const reminders = current
    .filter(({ daysLeft }) => isDue(daysLeft, remindBeforeDays))
    .map(({ key, content, daysLeft }) => reminderOf(bucket, key, content, daysLeft));
  observe.surveyed({
    kept: kept.length,
    superseded: kept.length - current.length,
    damaged: damaged.length,
    reminders: reminders.length,
    ...(current.length > 0 && { daysToExpiry: Math.min(...current.map(({ daysLeft }) => daysLeft)) }),
  });
  const failures = await sendEvents(dependencies, EXPIRING, reminders, (reminder) => observe.reminded(reminder));
  if (failures.length > 0) {
    const orders = failures.map(({ detail, reason }) => `order ${detail.orderNumber} (${reason})`);
    throw new RemindersNotSentError(`EventBridge did not take the reminder of ${orders.join(', ')}`);
  }
}

/** A newer certificate, of any order, for every domain of an older one. One that cannot be published replaces nothing. */
function supersedes(newer: StoredManifest, older: StoredManifest): boolean {
  return (
    newer.notBefore > older.notBefore &&
    newer.publishable &&
    older.domains.every((name) => coversName(newer.domains, name))
  );
}

/** On the first day of all, and on the fixed days after it. */
function isDue(daysLeft: number, remindBeforeDays: number): boolean {
  return daysLeft === remindBeforeDays || (daysLeft < remindBeforeDays && REMINDER_DAYS.has(daysLeft));
}

function reminderOf(bucket: string, manifestKey: string, manifest: StoredManifest, daysLeft: number): Reminder {
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
