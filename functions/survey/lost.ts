import { inBatches } from '../batches.ts';
import { FAILURE_NEXT_STEPS, type FailureName } from '../errors.ts';
import { type Executions, listRunningExecutions } from '../executions.ts';
import { isRenewalCheck, orderNumberOf } from '../order.ts';
import type { Bucket } from '../store/listing.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { type OrderStatus, openStatus } from '../store/status.ts';

/** The maximum number of statuses that are written at the same time. */
const CONCURRENT_WRITES = 10;

const LOST = 'CollectionLost' satisfies FailureName;

export interface LostDependencies extends Bucket {
  readonly executions: Executions;
  readonly now: () => Date;
}

/** The orders that wait without a running execution. */
export interface LostOrders {
  /** The statuses as they are stored now: failed. */
  readonly lost: readonly OrderStatus[];
  /** What could not be compared or written. */
  readonly problems: readonly string[];
}

/**
 * Finds the orders that wait although no execution of them runs, and writes that their collection failed. A status that
 * changed since it was read stays as it is. If the execution runs nevertheless, or is redriven, Collect writes its next
 * outcome.
 *
 * @param waiting statuses that did not change within the last hour, so that neither the end of an execution nor the list
 * of executions, which may lack recent changes, can be the reason of a difference.
 */
export async function findLostOrders(
  waiting: readonly OrderStatus[],
  { s3, bucket, executions, now }: LostDependencies,
): Promise<LostOrders> {
  let candidates: readonly OrderStatus[];
  try {
    candidates = withoutExecution(waiting, await listRunningExecutions(executions));
    if (candidates.length > 0) {
      // Two lists, because one can lack an execution, for example if it was redriven a moment before.
      candidates = withoutExecution(candidates, await listRunningExecutions(executions));
    }
  } catch (error) {
    return { lost: [], problems: [`the running executions could not be listed (${error})`] };
  }
  const at = now().toISOString();
  const lost: OrderStatus[] = [];
  const problems: string[] = [];
  for (const batch of inBatches(candidates, CONCURRENT_WRITES)) {
    const results = await Promise.all(batch.map(markLost));
    lost.push(...results.filter((status) => status !== undefined));
  }
  return { lost, problems };

  /** Writes the status of a lost order. Returns undefined if it changed or could not be written. */
  async function markLost(seen: OrderStatus): Promise<OrderStatus | undefined> {
    const { orderNumber } = seen;
    let replacement: OrderStatus | undefined;
    try {
      const stored = await openStatus(s3Storage(s3, bucket), orderNumber).update((current) => {
        replacement = current && isSame(current, seen) ? asLost(current, at) : undefined;
        return replacement;
      });
      return stored === replacement ? replacement : undefined;
    } catch (error) {
      problems.push(`the status of order ${orderNumber} could not be written (${error})`);
      return undefined;
    }
  }
}

/**
 * The orders for which no execution runs: neither that of the status nor another one, such as that of a push. A check of
 * the survey asks once, and can wait for its time for most of a day.
 */
function withoutExecution(statuses: readonly OrderStatus[], running: ReadonlySet<string>): OrderStatus[] {
  const orders = new Set([...running].filter((name) => !isRenewalCheck(name)).map(orderNumberOf));
  return statuses.filter(({ execution, orderNumber }) => !running.has(execution) && !orders.has(orderNumber));
}

function isSame(current: OrderStatus, seen: OrderStatus): boolean {
  return current.execution === seen.execution && current.updatedAt === seen.updatedAt && current.state === seen.state;
}

function asLost({ reason, reportedAt: _, ...status }: OrderStatus, at: string): OrderStatus {
  const waited = `the order has waited since ${status.since}${reason === undefined ? '' : ` (${reason})`}`;
  return {
    ...status,
    state: 'failed',
    error: LOST,
    text: `${waited}, but its execution ${status.execution} no longer runs`,
    since: at,
    nextStep: FAILURE_NEXT_STEPS[LOST].text,
    updatedAt: at,
  };
}
