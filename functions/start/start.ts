import type { ExecutionStatus } from '@aws-sdk/client-sfn';
import { dayName } from '../days.ts';
import { CollectionError } from '../errors.ts';
import { describeExecution, type Executions, startExecution } from '../executions.ts';
import { parseInput } from '../input.ts';
import { executionName, type Order, orderSchema } from '../order.ts';

/** What an event brought about. */
export interface Started {
  readonly orderNumber: string;
  readonly execution: string;
  /** False where the execution was there already: a doubled event, or an order that has its certificate. */
  readonly started: boolean;
}

export interface StartDependencies extends Executions {
  readonly now: () => Date;
}

/** Attempts at one order that one day can hold. More than these is a loop, not an operator. */
const ATTEMPTS_A_DAY = 10;

/** An execution of these may still bring the certificate, or has brought it. */
const NOTHING_TO_DO: ReadonlySet<ExecutionStatus | undefined> = new Set(['RUNNING', 'PENDING_REDRIVE', 'SUCCEEDED']);

/**
 * Starts the collection of an order. A doubled event starts nothing; an event for an order whose execution ended without
 * a certificate begins anew, under the name of the day.
 *
 * @param detail the detail of an event "Mark Certificate Ordered", unchecked.
 * @throws {CollectionError} InvalidInput where the detail is wrong, or the day's attempts are used up.
 */
export async function start(detail: unknown, dependencies: StartDependencies): Promise<Started> {
  const order = parseInput(orderSchema, detail, 'the detail of the event "Mark Certificate Ordered"');
  for (const execution of executionNames(order, dependencies.now())) {
    if (await startExecution(dependencies, execution, order)) {
      return { orderNumber: order.orderNumber, execution, started: true };
    }
    if (NOTHING_TO_DO.has((await describeExecution(dependencies, execution)).status)) {
      return { orderNumber: order.orderNumber, execution, started: false };
    }
  }
  throw new CollectionError(
    'InvalidInput',
    `Order ${order.orderNumber} ended without a certificate ${ATTEMPTS_A_DAY} times today; wait for tomorrow`,
  );
}

/** The first attempt has the order's name; later ones add the day, and from the day's second on a number. */
function* executionNames(order: Order, now: Date): Generator<string> {
  const name = executionName(order);
  const day = dayName(now);
  yield name;
  yield `${name}-${day}`;
  for (let attempt = 2; attempt <= ATTEMPTS_A_DAY; attempt++) {
    yield `${name}-${day}-${attempt}`;
  }
}
