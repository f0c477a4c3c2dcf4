import { DAY_MILLISECONDS } from '../days.ts';
import { isExtraCheck } from '../ended-execution.ts';
import type { OrderStatus } from '../store/status.ts';

/** The fewest days that a renewal needs. A CA verifies the organization and the mark again. */
export const LEAST_RENEWAL_DAYS = 14;

/** What the waiting time of an order needs. */
type Waited = Pick<OrderStatus, 'orderNumber' | 'execution' | 'startedAt' | 'state' | 'since'>;

/**
 * The days that a renewal needs, from the order to the certificate: the median of the orders that have their certificate,
 * rounded up, and at least {@link LEAST_RENEWAL_DAYS}. Executions that only check an order waited for nothing.
 */
export function renewalDays(statuses: readonly Waited[]): number {
  const waited = statuses
    .filter(({ state, execution, orderNumber }) => state === 'issued' && !isExtraCheck(execution, orderNumber))
    .map(({ startedAt, since }) => Date.parse(since) - Date.parse(startedAt))
    .sort((one, other) => one - other);
  const half = (waited.length - 1) / 2;
  const median = ((waited[Math.floor(half)] ?? 0) + (waited[Math.ceil(half)] ?? 0)) / 2;
  return Math.max(LEAST_RENEWAL_DAYS, Math.ceil(median / DAY_MILLISECONDS));
}
