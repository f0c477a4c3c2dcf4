import { CollectorError } from '../collector-error.ts';
import { DAY_MILLISECONDS, daysLeft } from '../days.ts';
import { EXPIRING, type OrderDetail } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import { type CaaWarnings, warningsAbout } from '../store/caa.ts';
import type { Listing } from '../store/listing.ts';
import { findSuperseded } from '../store/supersession.ts';
import { joinWithLimit, STATE_BUDGET, takeWithin } from '../text.ts';
import type { Accounts } from './accounts.ts';
import type { CertificateRecord } from './records.ts';
import { LEAST_RENEWAL_DAYS } from './waiting-times.ts';

/** The days left on which a second reminder is due. The day of the first one is a setting. */
const SECOND_REMINDER_DAYS = 14;

/**
 * Reminders are due daily in this many days before the expiry, and after it. The days after it make up for days on which
 * the survey did not run.
 */
const DAILY_REMINDER_DAYS = 7;

/** The maximum number of domains whose CAA records a reminder names. */
const CAA_LIMIT = 3;

/** The detail of an event "Mark Certificate Expiring". */
export interface Reminder extends OrderDetail {
  /** Calendar days in UTC: 0 on the day on which the certificate expires, negative after it. */
  readonly daysLeft: number;
  readonly notAfter: string;
  /** The day by which a renewal should be ordered, so that it is there in time. */
  readonly orderBy: string;
  /** Why the CA would refuse a renewal now, because of the CAA records of a domain: sentences. At most three domains. */
  readonly caa?: readonly string[];
  /** The organization of the certificate's subject, the owner of the mark. */
  readonly owner?: string;
  readonly product?: string;
  readonly markType?: string;
  readonly fingerprintSha256: string;
  readonly bucket: string;
  /** The keys of the manifest, the chain, and the logo and the report if there are any. */
  readonly keys: Readonly<Record<string, string>>;
}

/** The result of one survey of the certificates. */
export interface SurveySummary {
  /** Certificates whose manifest can be read, superseded ones included. */
  readonly kept: number;
  readonly superseded: number;
  /** Manifests that cannot be read. */
  readonly damaged: number;
  /** Reminders that are due today. */
  readonly reminders: number;
  /**
   * The fewest days left of all certificates that are not superseded, negative after expiry; missing if there are none.
   */
  readonly daysToExpiry?: number;
}

/** Receives the results of a survey while it runs. */
export interface ReminderObserver {
  damaged(key: string, problem: string): void;
  /** After all manifests are read, before the first event. */
  surveyed(summary: SurveySummary): void;
  /** After EventBridge accepted the event. */
  reminded(reminder: Reminder): void;
}

export interface ReminderDependencies extends Bus {
  /** The name of the collector. */
  readonly collector: string;
  readonly bucket: string;
  /** Whether to send the events that are due today. A survey after a deployment only measures. */
  readonly sendDailyEvents: boolean;
  /** The days left on which the first reminder is due. */
  readonly remindBeforeDays: number;
  /** The days that a renewal needs. Default: {@link LEAST_RENEWAL_DAYS}. */
  readonly renewalDays?: number;
  /** The warnings about CAA records that an earlier survey found. */
  readonly caaWarnings?: CaaWarnings;
  readonly observe: ReminderObserver;
  readonly now: () => Date;
}

/** EventBridge did not accept some reminders. */
export class RemindersNotSentError extends CollectorError {
  override readonly name = 'RemindersNotSentError';
}

/**
 * Sends a reminder of each certificate that expires soon or has expired. It keeps no state: reminders are due on certain
 * days. If the survey did not run on one of these days, which an alarm reports, the daily reminders still follow.
 *
 * @param published the fingerprints of all published certificates. A published certificate is never superseded, because
 * mail receivers still use it.
 * @param accounts the accounts of the orders.
 * @throws {RemindersNotSentError} after all other reminders are sent.
 */
export async function sendReminders(
  { read: kept, damaged }: Listing<CertificateRecord>,
  published: ReadonlySet<string>,
  accounts: Accounts,
  dependencies: ReminderDependencies,
): Promise<void> {
  const { collector, bucket, remindBeforeDays, sendDailyEvents, observe, now } = dependencies;
  const { renewalDays = LEAST_RENEWAL_DAYS, caaWarnings = new Map() } = dependencies;
  const today = now();
  for (const { key, problem } of damaged) {
    observe.damaged(key, problem);
  }
  const superseded = findSuperseded(kept.map(({ content }) => content));
  const current = kept
    .filter(({ content }) => published.has(content.fingerprintSha256) || !superseded.has(content))
    .map((each) => ({ ...each, daysLeft: daysLeft(each.content.notAfter, today) }));
  const reminders = current
    .filter(({ daysLeft }) => isDue(daysLeft, remindBeforeDays))
    .map(({ key, content, daysLeft }) =>
      createReminder({ collector, bucket, renewalDays, caaWarnings }, key, content, daysLeft, accounts),
    );
  observe.surveyed({
    kept: kept.length,
    superseded: kept.length - current.length,
    damaged: damaged.length,
    reminders: reminders.length,
    ...(current.length > 0 && {
      daysToExpiry: current.reduce((fewest, { daysLeft }) => Math.min(fewest, daysLeft), Number.POSITIVE_INFINITY),
    }),
  });
  if (!sendDailyEvents) {
    return;
  }
  const failures = await sendEvents(dependencies, EXPIRING, reminders, (reminder) => observe.reminded(reminder));
  if (failures.length > 0) {
    const orders = failures.map(({ detail, reason }) => `order ${detail.orderNumber} (${reason})`);
    throw new RemindersNotSentError(`EventBridge did not accept the reminders of ${joinWithLimit(orders)}`);
  }
}

/** Whether a reminder is due: on the first day, which is a setting, and on the fixed days after it. */
export function isDue(daysLeft: number, remindBeforeDays: number): boolean {
  return (
    daysLeft === remindBeforeDays ||
    (daysLeft < remindBeforeDays && (daysLeft === SECOND_REMINDER_DAYS || Math.abs(daysLeft) <= DAILY_REMINDER_DAYS))
  );
}

function createReminder(
  {
    collector,
    bucket,
    renewalDays,
    caaWarnings,
  }: Required<Pick<ReminderDependencies, 'collector' | 'bucket' | 'renewalDays' | 'caaWarnings'>>,
  manifestKey: string,
  manifest: CertificateRecord,
  daysLeft: number,
  accounts: Accounts,
): Reminder {
  const { orderNumber, notAfter, domains, product, markType, owner, fingerprintSha256, files } = manifest;
  const folder = manifestKey.replace(/[^/]*$/, '');
  const keys = Object.entries(files).map(([name, file]) => [name, `${folder}${file}`]);
  const refused = warningsAbout(domains, caaWarnings).filter(({ verdict }) => verdict === 'forbidden');
  return {
    collector,
    orderNumber,
    account: accounts.get(orderNumber) ?? null,
    domains: takeWithin(domains, STATE_BUDGET.domains),
    daysLeft,
    notAfter,
    orderBy: dayBefore(notAfter, renewalDays),
    ...(refused.length > 0 && { caa: refused.slice(0, CAA_LIMIT).map(({ message }) => message) }),
    ...(owner !== null && { owner }),
    ...(product !== null && { product }),
    ...(markType !== null && { markType }),
    fingerprintSha256,
    bucket,
    keys: { manifest: manifestKey, ...Object.fromEntries(keys) },
  };
}

/** The beginning of the day, in UTC, that is some days before a date. */
function dayBefore(date: string, days: number): string {
  const time = Date.parse(date) - days * DAY_MILLISECONDS;
  return new Date(time - (time % DAY_MILLISECONDS)).toISOString();
}
