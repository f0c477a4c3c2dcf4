import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import * as v from 'valibot';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import { NEXT_STEPS } from '../errors.ts';
import { type Executions, findExecution, isRunning, startExecution } from '../executions.ts';
import { executionName, type OrderOptions, orderInStateSchema } from '../order.ts';
import type { KnownOrder } from '../store/order-file.ts';
import { PUSH_CODES } from './codes.ts';
import type { PushStore } from './store.ts';

/** The maximum number of executions in a day that pushes start to collect one order. */
const EXECUTIONS_A_DAY = 10;

/** EventBridge and Lambda repeat an event that failed for up to a day each. */
const STARTING_MILLISECONDS = 2 * DAY_MILLISECONDS;

/** The errors after which the collector can do nothing for an order. */
const FINAL_ERRORS: ReadonlySet<string> = new Set(
  Object.entries(NEXT_STEPS).flatMap(([name, { action }]) => (action === 'none' ? [name] : [])),
);

export interface CheckDependencies extends Executions {
  /** Undefined in a stack of release 0.1.0. */
  readonly store: (() => Promise<PushStore>) | undefined;
  readonly now: () => Date;
}

/** The check that a notification caused. */
export interface Check {
  /**
   * - `started`: an execution asks CollectMC, possibly since an earlier request.
   * - `already-there`: an execution has asked CollectMC because of this notification today.
   * - `limited`: too many unknown orders today.
   */
  readonly outcome: 'started' | 'already-there' | 'limited';
  readonly execution?: string;
  /** What is known of the order. */
  readonly options: OrderOptions;
}

/**
 * Starts an execution that asks CollectMC about an order at once. At most one execution of an order continues to ask:
 *
 * | the order | execution | asks |
 * |---|---|---|
 * | is collected by another execution | `order-<n>-push-<subject>-<yyyymmdd>` | once |
 * | is known, and no execution collects it | `order-<n>-push-<yyyymmdd>`, and `-2` … after an end without a certificate | until it is issued |
 * | is not known | `order-<n>-push-<yyyymmdd>` | once a day, and about a limited number of orders |
 *
 * The same notification, repeated on the same day, starts nothing while its execution runs. It starts nothing either
 * after that execution collected a certificate, or after the CA refused the order for good. A notification of a refusal
 * starts nothing if the collector has received and reported it already.
 *
 * @param subject what the CA reported: a statusCode or a word.
 */
export async function startCheck(
  orderNumber: string,
  subject: string,
  dependencies: CheckDependencies,
): Promise<Check> {
  const { store, now } = dependencies;
  const day = dayName(now());
  const request = `push-${subject}-${day}`;
  const first = await findExecution(dependencies, executionName({ orderNumber }));
  const firstOptions = optionsIn(first, orderNumber);
  if (!store) {
    const execution = executionName({ orderNumber, request });
    const options = firstOptions ?? {};
    const started = await startExecution(dependencies, execution, { orderNumber, ...options, request });
    return { outcome: started ? 'started' : 'already-there', execution, options };
  }
  const known = await (await store()).knownOrder(orderNumber);
  if (!known && !firstOptions) {
    return checkUnknown(orderNumber, day, dependencies);
  }
  // The options that were ordered last are complete.
  const options = known?.ordered ? known.options : { ...firstOptions, ...known?.options };
  const input = { orderNumber, ...options, request };
  const checkOnce = async (): Promise<Check> => {
    const execution = executionName(input);
    const started = await startExecution(dependencies, execution, { ...input, once: true });
    return { outcome: started ? 'started' : 'already-there', execution, options };
  };

  if (known?.error !== undefined && known.error === PUSH_CODES.get(Number(subject))?.refusal) {
    return { outcome: 'already-there', options };
  }
  if (isRunning(first)) {
    return checkOnce();
  }
  const collecting = [known?.ordered?.execution, known?.waitingIn].filter((name) => name !== undefined);
  for (const name of collecting) {
    const execution = await findExecution(dependencies, name);
    if (isRunning(execution)) {
      return isAbout(execution, request) ? { outcome: 'already-there', execution: name, options } : checkOnce();
    }
  }
  if (known?.ordered && (await isStarting(known.ordered, dependencies))) {
    return checkOnce();
  }
  // An execution that started shortly before midnight may not have written a status yet.
  for (const name of namesOf(orderNumber, dayName(new Date(now().getTime() - DAY_MILLISECONDS)))) {
    const execution = await findExecution(dependencies, name);
    if (isRunning(execution)) {
      return checkOnce();
    }
    if (!execution) {
      break;
    }
  }
  for (const execution of namesOf(orderNumber, day)) {
    // If two pushes try this at once, one of them starts the execution, and the other finds it.
    if (await startExecution(dependencies, execution, input)) {
      return { outcome: 'started', execution, options };
    }
    const existing = await findExecution(dependencies, execution);
    if (isAbout(existing, request) && (isRunning(existing) || hasCertificate(existing) || isRefused(existing))) {
      return { outcome: 'already-there', execution, options };
    }
    if (isRunning(existing)) {
      return checkOnce();
    }
  }
  return { outcome: 'already-there', options };
}

/** The names of the executions that collect an order because of the pushes of a day, in the order of their use. */
function namesOf(orderNumber: string, day: string): readonly string[] {
  const name = executionName({ orderNumber, request: `push-${day}` });
  return Array.from({ length: EXECUTIONS_A_DAY }, (_, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

async function checkUnknown(orderNumber: string, day: string, dependencies: CheckDependencies): Promise<Check> {
  const store = await dependencies.store?.();
  if (store && !(await store.countUnknown(orderNumber, day))) {
    return { outcome: 'limited', options: {} };
  }
  const request = `push-${day}`;
  const execution = executionName({ orderNumber, request });
  const started = await startExecution(dependencies, execution, { orderNumber, request, once: true });
  return { outcome: started ? 'started' : 'already-there', execution, options: {} };
}

/**
 * Whether the execution that was ordered last is about to start: the function start writes order.json before it starts
 * the execution, and repeats the start after an error.
 */
async function isStarting(
  { execution, updatedAt }: Required<KnownOrder>['ordered'],
  dependencies: CheckDependencies,
): Promise<boolean> {
  const age = dependencies.now().getTime() - Date.parse(updatedAt);
  return age < STARTING_MILLISECONDS && (await findExecution(dependencies, execution)) === undefined;
}

const inputSchema = v.pipe(v.string(), v.parseJson(), orderInStateSchema);

/**
 * The options in the input of an order's first execution: one of release 0.1.0 may still collect an order of which the
 * bucket contains nothing yet. `replace` is left out: it held for one certificate only.
 */
function optionsIn(
  execution: DescribeExecutionCommandOutput | undefined,
  expectedNumber: string,
): OrderOptions | undefined {
  const result = v.safeParse(inputSchema, execution?.input);
  if (!result.success || result.output.orderNumber !== expectedNumber) {
    return undefined;
  }
  const { orderNumber: _, request: __, once: ___, replace: ____, ...options } = result.output;
  return options;
}

/** Whether an execution was started by this notification. */
function isAbout(execution: DescribeExecutionCommandOutput | undefined, request: string): boolean {
  const result = v.safeParse(inputSchema, execution?.input);
  return result.success && result.output.request === request;
}

/**
 * Whether the CA refused the order for good. A repeated push would get the same reply, and people the same messages.
 */
function isRefused({ error = '' }: Partial<DescribeExecutionCommandOutput> = {}): boolean {
  return FINAL_ERRORS.has(error);
}

const issuedSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ collection: v.object({ outcome: v.literal('issued') }) }),
);

function hasCertificate(execution: DescribeExecutionCommandOutput | undefined): boolean {
  return v.is(issuedSchema, execution?.output);
}
