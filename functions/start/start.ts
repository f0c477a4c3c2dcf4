import type { ExecutionStatus } from '@aws-sdk/client-sfn';
import { dayName } from '../days.ts';
import { CollectionError } from '../errors.ts';
import { describeExecution, type Executions, startExecution } from '../executions.ts';
import { parseInput } from '../input.ts';
import { executionName, type Order, orderSchema } from '../order.ts';

/** The result of an event. */
export interface StartResult {
  readonly orderNumber: string;
  readonly execution: string;
  /** False if the execution exists already: a repeated event, or an order that has its certificate. */
  readonly started: boolean;
}

export interface StartDependencies extends Executions {
  readonly now: () => Date;
}

/** The maximum number of executions of an order in one day. More of them come from a loop, not from an operator. */
const EXECUTIONS_A_DAY = 10;

/** An execution with one of these statuses may still collect the certificate, or has collected it. */
const NOTHING_TO_DO: ReadonlySet<ExecutionStatus | undefined> = new Set(['RUNNING', 'PENDING_REDRIVE', 'SUCCEEDED']);

/**
 * Starts the collection of an order. A repeated event starts nothing. If the order's last execution ended without a
 * certificate, a new execution starts, whose name ends in the date.
 *
 * @param detail the detail of an event "Mark Certificate Ordered", unchecked.
 * @throws {CollectionError} InvalidInput if the detail is wrong, or if the order has reached the limit of executions in
 * a day.
 */
export async function start(detail: unknown, dependencies: StartDependencies): Promise<StartResult> {
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
    `Order ${order.orderNumber}: ${EXECUTIONS_A_DAY} executions ended without a certificate today, and no other starts before tomorrow (UTC)`,
  );
}

/** The names to try: the order's name, then with the date, then with the date and a number from 2 on. */
function* executionNames(order: Order, now: Date): Generator<string> {
  const name = executionName(order);
  const day = dayName(now);
  yield name;
  yield `${name}-${day}`;
  for (let attempt = 2; attempt <= EXECUTIONS_A_DAY; attempt++) {
    yield `${name}-${day}-${attempt}`;
  }
}
