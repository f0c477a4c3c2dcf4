import { inBatches } from '../batches.ts';
import { DAY_MILLISECONDS } from '../days.ts';
import { COLLECTOR_REMOVED, type EndedExecution, failureOf, isExtraCheck, orderOf } from '../ended-execution.ts';
import { type Executions, findExecution, type ListedEnd, listFailedExecutions } from '../executions.ts';
import { orderNumberOf } from '../order.ts';
import type { Bucket } from '../store/listing.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { failedStatus, type OrderStatus, openStatus } from '../store/status.ts';

/** An execution that ended within this time is left for the next survey: AWS's event usually arrives within seconds. */
const GRACE_MILLISECONDS = 60 * 60 * 1000;

/** Older ends are left: a survey that was missed on two days still finds them, and nobody receives old messages. */
const MAX_AGE_MILLISECONDS = 3 * DAY_MILLISECONDS;

/** The maximum number of orders that are compared at the same time. */
const CONCURRENT_ORDERS = 10;

/**
 * The maximum number of orders of one survey, each of which usually takes one request: AWS allows DescribeExecution 250
 * times, and then 10 times a second (Step Functions, "Service quotas", the smaller regions).
 */
const ORDERS_LIMIT = 250;

export interface EndedDependencies extends Bucket {
  /** The name of the collector. */
  readonly collector: string;
  readonly executions: Executions;
  readonly now: () => Date;
}

/** The executions that ended without a certificate and that nobody reported. */
export interface UnreportedEnds {
  /** The statuses of their orders as they are stored now: failed. */
  readonly ended: readonly OrderStatus[];
  /** What could not be compared or written. */
  readonly problems: readonly string[];
}

/**
 * Finds the executions that ended without a certificate although the status of the order does not contain it, and writes
 * that the collection failed. AWS's event about the end is the only other report, and it is sent "on a best effort
 * basis" (EventBridge, Events from AWS services). Executions that somebody started with another name than
 * `order-<orderNumber>` are left to that event.
 *
 * @param statuses the statuses of all orders.
 */
export async function findUnreportedEnds(
  statuses: readonly OrderStatus[],
  { s3, bucket, collector, executions, now }: EndedDependencies,
): Promise<UnreportedEnds> {
  const at = now();
  let listed: readonly ListedEnd[];
  try {
    listed = await listFailedExecutions(executions);
  } catch (error) {
    return { ended: [], problems: [`the failed executions could not be listed (${error})`] };
  }
  const orders = byOrder(listed.filter(isRecent), new Map(statuses.map((status) => [status.orderNumber, status])));
  const ended: OrderStatus[] = [];
  const problems: string[] = [];
  for (const batch of inBatches(orders.slice(0, ORDERS_LIMIT), CONCURRENT_ORDERS)) {
    const results = await Promise.all(batch.map(markFirst));
    ended.push(...results.filter((status) => status !== undefined));
  }
  if (orders.length > ORDERS_LIMIT) {
    problems.push(`${orders.length - ORDERS_LIMIT} more orders with failed executions are left for the next survey`);
  }
  return { ended, problems };

  function isRecent({ stopDate }: ListedEnd): boolean {
    const age = at.getTime() - stopDate;
    return age >= GRACE_MILLISECONDS && age <= MAX_AGE_MILLISECONDS;
  }

  /**
   * Writes the status of an order about the first of its ends that needs a report. An error ends the search: the status
   * about an earlier end would hide the later one.
   */
  async function markFirst(ends: readonly ListedEnd[]): Promise<OrderStatus | undefined> {
    for (const { name } of ends) {
      try {
        const status = await markFailed(name);
        if (status) {
          return status;
        }
      } catch (error) {
        problems.push(`the end of the execution ${name} could not be reported (${error})`);
        return undefined;
      }
    }
    return undefined;
  }

  /** Returns undefined if the execution needs no report, or none any more. */
  async function markFailed(name: string): Promise<OrderStatus | undefined> {
    const end = await readEnd(executions, name);
    const order = end && orderOf(end);
    if (!end || !order || end.error === COLLECTOR_REMOVED) {
      return undefined;
    }
    const failure = failureOf(end, order);
    // The same as notify writes: if AWS's event arrives after all, it finds the report of this end.
    const since = new Date(end.stopDate).toISOString();
    let replacement: OrderStatus | undefined;
    const stored = await openStatus(s3Storage(s3, bucket), order.orderNumber).update((current) => {
      replacement = isCovered(end, current)
        ? undefined
        : failedStatus(failure, order, current, { collector, since, updatedAt: at.toISOString() });
      return replacement;
    });
    return stored === replacement ? replacement : undefined;
  }
}

/** The ends that the status of their order does not cover, one list for each order, the latest start first. */
function byOrder(ends: readonly ListedEnd[], statuses: ReadonlyMap<string, OrderStatus>): ListedEnd[][] {
  const uncovered = ends
    .toSorted((one, other) => other.startDate - one.startDate)
    .filter((end) => {
      const orderNumber = orderNumberOf(end.name);
      return orderNumber !== undefined && !isCovered(end, statuses.get(orderNumber));
    });
  return [...Map.groupBy(uncovered, ({ name }) => orderNumberOf(name)).values()];
}

/**
 * Whether the status of the order makes a report of the end unnecessary: it contains the failure, or it is that of an
 * execution that started later or continued longer. A check that a push or a survey started changes nothing for an order
 * that another execution collects.
 */
function isCovered({ name, startDate, stopDate }: ListedEnd, status: OrderStatus | undefined): boolean {
  if (status === undefined) {
    return false;
  }
  if (status.execution === name) {
    return status.state === 'failed';
  }
  const { orderNumber, startedAt, state, since, updatedAt } = status;
  // A failure that the survey reports late has a late `updatedAt`, but its execution did not continue until then.
  const continuedUntil = state === 'failed' ? since : updatedAt;
  return isExtraCheck(name, orderNumber) || Date.parse(startedAt) > startDate || Date.parse(continuedUntil) > stopDate;
}

/** How an execution ended. Undefined if it runs again, or if Step Functions has deleted it. */
async function readEnd(executions: Executions, name: string): Promise<EndedExecution | undefined> {
  const { status, startDate, stopDate, input, error, cause } = (await findExecution(executions, name)) ?? {};
  if ((status !== 'FAILED' && status !== 'TIMED_OUT' && status !== 'ABORTED') || !startDate || !stopDate) {
    return undefined;
  }
  return { name, status, startDate: startDate.getTime(), stopDate: stopDate.getTime(), input, error, cause };
}
