import * as v from 'valibot';
import { forEachConcurrently } from '../batches.ts';
import { type Refusal, STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import { CollectorError } from '../collector-error.ts';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import { type Executions, findExecution, listRunningExecutions, startExecution } from '../executions.ts';
import { executionName, orderNumberOf } from '../order.ts';
import type { Bucket } from '../store/listing.ts';
import { knownOptions } from '../store/order-file.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { OrderStatus } from '../store/status.ts';
import { findSuperseded } from '../store/supersession.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { CertificateRecord, PublicationRecord } from './records.ts';
import { checksADay, hasTurn, intervalDays, secondsUntilTurn } from './renewal-turns.ts';

/**
 * Days after the beginning of its validity in which the order of a certificate is checked again. After that time,
 * something else keeps the certificate from being publishable, for example an issuing certificate that has expired.
 */
const CHECKED_DAYS = 30;

/**
 * The maximum number of checks of certificates that have become valid, in one survey. They begin at once, and one caller
 * asks the CA, so a hundred take minutes.
 */
const STARTS_LIMIT = 100;

/**
 * The maximum number of orders whose options are read, and whose executions are started, at the same time. These are some
 * 40 starts a second. AWS allows a burst of 800, and then 150 a second (Step Functions, "Service quotas", the smaller
 * regions).
 */
const CONCURRENT_ORDERS = 10;

/**
 * If an order of an account waits for one of these reasons, none of its orders has a renewal check: the CA would lock the
 * account or refuse more calls.
 */
const BLOCKING_REASONS: ReadonlySet<string | undefined> = new Set<WaitingReason>(['credentials', 'call-limit']);

/** A renewal check that the survey started. */
export interface RenewalCheck {
  readonly orderNumber: string;
  /** The certificate that has become valid, or that ends soon. */
  readonly fingerprintSha256: string;
  readonly execution: string;
  /** The seconds until the CA is asked; missing if it is asked at once. */
  readonly delaySeconds?: number;
}

/** The renewal checks of a survey, as numbers of orders. */
export interface RenewalSummary {
  /** Orders whose certificate ends soon, or has ended lately, and has no successor. */
  readonly ending: number;
  /** The days from one check of such an order to the next. */
  readonly everyDays: number;
  /** Those that have their turn today. */
  readonly due: number;
  /** Checks that were not started, because the account has a rejected login or reached the limit of calls. */
  readonly blocked: number;
}

/** Receives the results of a survey while it runs. */
export interface RenewalObserver {
  /** After Step Functions started the execution. */
  renewalChecked(check: RenewalCheck): void;
  /** After all checks were started, if there are certificates that end soon. */
  renewalsChecked(summary: RenewalSummary): void;
}

export interface RenewalDependencies extends Bucket {
  /** The name of the collector. Orders of another collector are left to it. */
  readonly collector: string;
  readonly executions: Executions;
  /** Days before and after the end of a certificate in which its order is checked again; 0: never. */
  readonly askAgainDays: number;
  readonly observe: RenewalObserver;
  readonly now: () => Date;
}

/** What a survey knows of all orders. */
export interface RenewalRecords {
  /** The current certificates. */
  readonly current: readonly CertificateRecord[];
  /** The other certificates that were received. */
  readonly superseded: readonly CertificateRecord[];
  readonly statuses: readonly OrderStatus[];
  /** What is published; empty if the stack publishes nothing. */
  readonly served: readonly PublicationRecord[];
}

/** Some orders were not checked again. */
export class RenewalChecksNotStartedError extends CollectorError {
  override readonly name = 'RenewalChecksNotStartedError';
}

/**
 * Starts the checks of orders that have a certificate already: each asks the CA once, and is quiet if nothing is new.
 * Collect stores what is new, and publishes it.
 *
 * - An order with a certificate that was not valid yet when it was received, and is valid now: at once.
 * - An order whose certificate ends soon or has ended lately, and has no successor: on its days, at its time of the day.
 *
 * An order has at most one such execution a day, and none while another execution of it runs: that one asks too. A
 * revocation ends the checks: each of them would report it again.
 *
 * @throws {RenewalChecksNotStartedError} after all other checks are started.
 */
export async function startRenewalChecks(
  records: RenewalRecords,
  { s3, bucket, collector, executions, askAgainDays, observe, now }: RenewalDependencies,
): Promise<void> {
  const at = now();
  const isOwn = (record: { readonly collector?: string | undefined }) => (record.collector ?? collector) === collector;
  const statuses = records.statuses.filter(isOwn);
  const own = {
    current: records.current.filter(isOwn),
    superseded: records.superseded.filter(isOwn),
    statuses,
    served: records.served,
  };
  const valid = becameValid(own.current, own.superseded, at);
  const ending = endsWithoutSuccessor(own, askAgainDays, at);
  if (valid.length + ending.length === 0) {
    return;
  }
  const running = new Set([...(await listRunningExecutions(executions))].map(orderNumberOf));
  const isIdle = ({ orderNumber }: CertificateRecord) => !running.has(orderNumber);
  const { everyDays, due: onTheirDay, blocked } = planRenewalChecks(ending, statuses, at);
  let blockedOrders = 0;
  const problems: string[] = [];

  const validNow = valid.filter(isIdle);
  await forEachConcurrently(validNow.slice(0, STARTS_LIMIT), CONCURRENT_ORDERS, async (manifest) => {
    await start(manifest, undefined, () => wasRevoked(manifest, at, executions));
  });
  if (validNow.length > STARTS_LIMIT) {
    problems.push(`${validNow.length - STARTS_LIMIT} more orders are left for the next survey`);
  }

  const immediate = new Set(valid.map(({ orderNumber }) => orderNumber));
  const due = onTheirDay.filter(({ orderNumber }) => !immediate.has(orderNumber));
  await forEachConcurrently(due.filter(isIdle), CONCURRENT_ORDERS, (manifest) =>
    start(manifest, secondsUntilTurn(manifest.orderNumber, at)),
  );
  if (ending.length > 0) {
    observe.renewalsChecked({ ending: ending.length, everyDays, due: due.length, blocked: blockedOrders });
  }
  if (problems.length > 0) {
    throw new RenewalChecksNotStartedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }

  async function start(
    { orderNumber, fingerprintSha256 }: CertificateRecord,
    delaySeconds: number | undefined,
    isRevoked: () => Promise<boolean> = async () => false,
  ): Promise<void> {
    const execution = checkName(orderNumber, at);
    try {
      if (await isRevoked()) {
        return;
      }
      const options = await knownOptions(s3Storage(s3, bucket), orderNumber);
      if (blocked.has(options?.account)) {
        blockedOrders += 1;
        return;
      }
      const delay = delaySeconds === undefined ? {} : { delaySeconds };
      if (await startExecution(executions, execution, { orderNumber, ...options, once: true, ...delay })) {
        observe.renewalChecked({ orderNumber, fingerprintSha256, execution, ...delay });
      }
    } catch (error) {
      problems.push(`the execution ${execution} could not be started (${error})`);
    }
  }
}

/** What a survey decides about the checks of certificates that end soon. */
export interface RenewalPlan<Order> {
  /** The days from one check of an order to the next. */
  readonly everyDays: number;
  /** The orders that have their turn on this day. */
  readonly due: readonly Order[];
  /** The accounts whose orders have no check now; undefined is the default account. */
  readonly blocked: ReadonlySet<string | undefined>;
}

/**
 * Divides the calls that waiting orders leave among the orders whose certificate ends.
 *
 * @param statuses those of all orders of the collector.
 */
export function planRenewalChecks<Order extends Pick<CertificateRecord, 'orderNumber'>>(
  ending: readonly Order[],
  statuses: readonly Pick<OrderStatus, 'state' | 'reason' | 'account'>[],
  at: Date,
): RenewalPlan<Order> {
  const waiting = statuses.filter(({ state }) => state === 'waiting');
  const everyDays = intervalDays(ending.length, checksADay(waiting.length));
  return {
    everyDays,
    due: ending.filter(({ orderNumber }) => hasTurn(orderNumber, at, everyDays)),
    blocked: new Set(
      waiting.filter(({ reason }) => BLOCKING_REASONS.has(reason)).map(({ account }) => account ?? undefined),
    ),
  };
}

/**
 * The current certificates that end soon, or have ended lately, and that no other certificate replaces or that are still
 * published; those that end first come first. A certificate that is known to be revoked is none of them.
 *
 * @param askAgainDays the days before and after the end; 0: none.
 */
export function endsWithoutSuccessor(
  { current, superseded, statuses, served }: RenewalRecords,
  askAgainDays: number,
  at: Date,
): CertificateRecord[] {
  const milliseconds = askAgainDays * DAY_MILLISECONDS;
  const ending = current.filter(({ notAfter }) => Math.abs(Date.parse(notAfter) - at.getTime()) <= milliseconds);
  if (askAgainDays === 0 || ending.length === 0) {
    return [];
  }
  const replaced = findSuperseded([...current, ...superseded]);
  const statusOf = new Map(statuses.map((status) => [status.orderNumber, status]));
  // A certificate that is published is not replaced: mail receivers still use it, for example for another selector.
  const published = new Set(served.map(({ live }) => live.fingerprintSha256));
  const taken = new Set(served.flatMap(({ live, revokedAt }) => (revokedAt === null ? [] : [live.fingerprintSha256])));
  return ending
    .filter(
      (manifest) =>
        (published.has(manifest.fingerprintSha256) || !replaced.has(manifest)) &&
        !isKnownRevoked(manifest, statusOf.get(manifest.orderNumber)) &&
        !taken.has(manifest.fingerprintSha256),
    )
    .toSorted((one, other) => Date.parse(one.notAfter) - Date.parse(other.notAfter));
}

/** Whether a certificate is revoked according to its CRL, to CollectMC in a check beside others, or to the status. */
function isKnownRevoked(
  { findings, revokedAt, collectedAt }: CertificateRecord,
  status: OrderStatus | undefined,
): boolean {
  return (
    revokedAt !== undefined ||
    findings.some(({ id, severity }) => id === 'revoked' && severity === 'error') ||
    (status?.error === ('CertificateRevoked' satisfies Refusal) && Date.parse(collectedAt) <= Date.parse(status.since))
  );
}

/** The name of the check of an order on a day. */
function checkName(orderNumber: string, day: Date): string {
  return executionName({ orderNumber, request: `renewal-${dayName(day)}` });
}

/** The output of a check to which the CA answered that it revoked the certificate. */
const revokedSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    collection: v.object({
      status: v.pipe(
        v.number(),
        v.check((status) => {
          const meaning = STATUSES.get(status);
          return meaning?.kind === 'refused' && meaning.refusal === ('CertificateRevoked' satisfies Refusal);
        }),
      ),
    }),
  }),
);

/** Whether the last check before this day, since the certificate became valid, reported that the CA revoked it. */
async function wasRevoked(
  { orderNumber, notBefore }: CertificateRecord,
  at: Date,
  executions: Executions,
): Promise<boolean> {
  const firstDay = dayName(new Date(notBefore));
  for (let time = at.getTime() - DAY_MILLISECONDS; dayName(new Date(time)) >= firstDay; time -= DAY_MILLISECONDS) {
    const check = await findExecution(executions, checkName(orderNumber, new Date(time)));
    if (check) {
      return v.is(revokedSchema, check.output);
    }
  }
  return false;
}

/**
 * The certificates that have become valid and are better than the current one of their order: one of each order, the
 * latest beginnings first, so that the limit never leaves out a new one for the sake of those that are checked again.
 */
export function becameValid(
  current: readonly CertificateRecord[],
  superseded: readonly CertificateRecord[],
  at: Date,
): CertificateRecord[] {
  const candidates = [...current, ...superseded].filter((manifest) => onlyWaitedForItsTime(manifest, at));
  const orders = new Set(candidates.map(({ orderNumber }) => orderNumber));
  const currentOf = new Map(
    current.filter(({ orderNumber }) => orders.has(orderNumber)).map((manifest) => [manifest.orderNumber, manifest]),
  );
  const waiting = candidates
    .filter((manifest) => isBetter(manifest, currentOf.get(manifest.orderNumber)))
    .toSorted((one, other) => Date.parse(other.notBefore) - Date.parse(one.notBefore));
  const latest = new Map<string, CertificateRecord>();
  for (const manifest of waiting) {
    if (!latest.has(manifest.orderNumber)) {
      latest.set(manifest.orderNumber, manifest);
    }
  }
  return [...latest.values()];
}

/**
 * Whether a certificate is valid now, and was not publishable for no other reason than that it was not valid. It may lack
 * some of the ordered domains: it is published for the others.
 */
function onlyWaitedForItsTime({ publishable, findings, notBefore, notAfter }: CertificateRecord, at: Date): boolean {
  const errors = findings.flatMap(({ id, severity }) => (severity === 'error' ? [id] : []));
  const age = at.getTime() - Date.parse(notBefore);
  return (
    !publishable &&
    errors.includes('validity') &&
    errors.every((id) => id === 'validity' || id === 'domain-coverage') &&
    age >= 0 &&
    age <= CHECKED_DAYS * DAY_MILLISECONDS &&
    at.getTime() <= Date.parse(notAfter)
  );
}

function isBetter({ notBefore }: CertificateRecord, current: CertificateRecord | undefined): boolean {
  return !current?.publishable || Date.parse(notBefore) > Date.parse(current.notBefore);
}
