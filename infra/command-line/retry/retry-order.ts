import {
  type DescribeExecutionCommandOutput,
  ExecutionNotRedrivable,
  RedriveExecutionCommand,
} from '@aws-sdk/client-sfn';
import * as v from 'valibot';
import { DAY_MILLISECONDS, dayName } from '../../../functions/days.ts';
import { isExtraCheck } from '../../../functions/ended-execution.ts';
import {
  type Executions,
  executionArn,
  findExecution,
  isRunning,
  listFailedExecutions,
} from '../../../functions/executions.ts';
import {
  executionName,
  type OrderEvent,
  optionsOf,
  orderInStateSchema,
  orderNumberOf,
  suggestRequest,
} from '../../../functions/order.ts';
import { startCheck } from '../../../functions/push/checks.ts';
import { openPushStore } from '../../../functions/push/store.ts';
import {
  inheritedOptions,
  type OrderRecords,
  openOrderFile,
  readRecords,
} from '../../../functions/store/order-file.ts';
import type { DeployedCollector } from '../collector.ts';
import { readNextCheck } from '../next-check.ts';
import { sendOrder } from '../order/send.ts';
import { unknownOrder } from '../orders/next.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';

/** The options as the user typed them. */
export interface RetryOptions extends CollectorOptions {
  readonly now?: true;
  readonly json?: true;
}

/** What was done about an order. It is the result of `retry --json`. */
export interface RetryResult {
  readonly orderNumber: string;
  /**
   * - `redriven`: the execution continues with the step that failed.
   * - `started`: another execution collects the order, because of `reason`.
   * - `asked`: the order waits, and an execution beside it asks the CA once.
   * - `waiting`: the order waits, because of `reason`. Nothing was changed.
   * - `collected`: the order has its certificate. Nothing was changed.
   */
  readonly result: 'redriven' | 'started' | 'asked' | 'waiting' | 'collected';
  readonly execution: string;
  readonly reason?: string;
  /** When an order that waits is checked next; missing if that happens now. */
  readonly nextCheckAt?: string;
}

/** An execution as Step Functions describes it. */
interface Described extends DescribeExecutionCommandOutput {
  readonly name: string;
}

/**
 * Errors after which a redrive cannot succeed: it would use the same deadline or the same input. And executions that
 * somebody stopped: they were waiting, and a redrive would begin with the same wait (AWS: Step Functions, "Restarting
 * state machine executions with redrive": it "continues … from the unsuccessful step").
 */
const REASONS_TO_START: Readonly<Record<string, string>> = {
  CollectionOverdue: 'its deadline has passed, and a redrive would not extend it',
  InvalidInput: 'its input is invalid, and a redrive would use the same input',
  TIMED_OUT: 'it ran for the longest time that Step Functions allows',
  ABORTED: 'somebody stopped it, and a redrive would first wait again',
};

/**
 * Continues the collection of an order that failed.
 *
 * @param options of the command, for the commands in errors.
 * @throws {CommandError} if nothing is known of the order.
 */
export async function retryOrder(
  collector: DeployedCollector,
  orderNumber: string,
  terminal: Pick<Terminal, 'progress' | 'wait'>,
  options: RetryOptions,
): Promise<RetryResult> {
  const executions = await collector.executions();
  const storage = await collector.storage();
  const file = await openOrderFile(storage, orderNumber).read();
  const records: OrderRecords = { file, ...(await readRecords(storage, orderNumber)) };
  const { status, manifest } = records;
  const described = await describeAll(executions, namesOf(orderNumber, records));

  const running = described.find((each) => isRunning(each) && orderIn(each)?.once !== true);
  if (running) {
    return options.now
      ? askNow(collector, orderNumber)
      : describeWaiting(executions, orderNumber, running.name, status?.state === 'waiting' ? status.text : undefined);
  }
  const last = described.toSorted((a, b) => endOf(b) - endOf(a))[0];
  if (last?.status === 'SUCCEEDED' || (!last && (manifest !== undefined || status?.state === 'issued'))) {
    return retryExtraCheck(executions, orderNumber, last?.name ?? manifest?.execution ?? status?.execution ?? '');
  }
  if (!last && !file && !status) {
    throw unknownOrder(collector, orderNumber);
  }
  const redriven = last && (await redrive(executions, last));
  if (redriven?.isRedriven) {
    return { orderNumber, result: 'redriven', execution: last?.name ?? '' };
  }
  const event = eventOf(orderNumber, records, described);
  const { execution } = await sendOrder(collector, event, terminal, options);
  const reason = redriven?.reason ?? 'Step Functions has deleted the execution';
  return { orderNumber, result: 'started', execution, reason };
}

/** The executions that may have collected an order last. */
function namesOf(orderNumber: string, { file, status, manifest }: OrderRecords): ReadonlySet<string> {
  const days = [0, 1].map((days) => dayName(new Date(Date.now() - days * DAY_MILLISECONDS)));
  const names = [
    ...[file?.execution, status?.execution, manifest?.execution],
    executionName({ orderNumber }),
    ...days.map((day) => executionName({ orderNumber, request: `push-${day}` })),
  ];
  return new Set(names.filter((name) => name !== undefined));
}

async function describeAll(executions: Executions, names: ReadonlySet<string>): Promise<Described[]> {
  const found = await Promise.all(
    [...names].map(async (name) => {
      const described = await findExecution(executions, name);
      return described ? [{ ...described, name }] : [];
    }),
  );
  return found.flat();
}

const endOf = ({ stopDate }: Described) => stopDate?.getTime() ?? 0;

function orderIn({ input }: Described) {
  const order = v.safeParse(v.pipe(v.string(), v.parseJson(), orderInStateSchema), input);
  return order.success ? order.output : undefined;
}

async function describeWaiting(
  executions: Executions,
  orderNumber: string,
  execution: string,
  reason: string | undefined,
): Promise<RetryResult> {
  const next = await readNextCheck(executions, execution);
  return {
    orderNumber,
    result: 'waiting',
    execution,
    ...(reason !== undefined && { reason: reason.replace(`Order ${orderNumber}: `, '').replace(/\.$/, '') }),
    ...(next && next > new Date() && { nextCheckAt: next.toISOString() }),
  };
}

/** Starts an execution that asks the CA once, as a push does. The one that waits finds its result at its next check. */
async function askNow(collector: DeployedCollector, orderNumber: string): Promise<RetryResult> {
  const now = new Date();
  const store = openPushStore(await collector.s3(), collector.bucket);
  const { execution = '' } = await startCheck(
    orderNumber,
    `retry-${now.toISOString().slice(11, 16).replace(':', '')}`,
    {
      ...(await collector.executions()),
      store: async () => store,
      now: () => now,
    },
  );
  return { orderNumber, result: 'asked', execution };
}

/**
 * An order with a certificate can have a later check, of a push or of the survey, that failed because of an error in the
 * collector or in AWS.
 */
async function retryExtraCheck(executions: Executions, orderNumber: string, collected: string): Promise<RetryResult> {
  const failed = (await listFailedExecutions(executions)).filter(
    ({ name }) => orderNumberOf(name) === orderNumber && isExtraCheck(name, orderNumber),
  );
  const [newest] = failed.toSorted((a, b) => b.stopDate - a.stopDate);
  const [described] = newest ? await describeAll(executions, new Set([newest.name])) : [];
  if (described && (await redrive(executions, described)).isRedriven) {
    return { orderNumber, result: 'redriven', execution: described.name };
  }
  return { orderNumber, result: 'collected', execution: collected };
}

/** Redrives an execution if that can succeed, or returns why not. */
async function redrive(
  { sfn, stateMachineArn }: Executions,
  { name, status, error = '', redriveStatus, redriveStatusReason }: Described,
): Promise<
  { readonly isRedriven: true; readonly reason?: never } | { readonly isRedriven: false; readonly reason: string }
> {
  const reason = REASONS_TO_START[error] ?? REASONS_TO_START[status ?? ''];
  if (reason !== undefined) {
    return { isRedriven: false, reason: `the execution ${name} cannot continue: ${reason}` };
  }
  const refusal = (text = 'it does not state why') =>
    ({ isRedriven: false, reason: `Step Functions does not redrive the execution ${name}: ${text}` }) as const;
  if (redriveStatus !== 'REDRIVABLE') {
    return refusal(redriveStatusReason);
  }
  try {
    await sfn.send(new RedriveExecutionCommand({ executionArn: executionArn(stateMachineArn, name) }));
    return { isRedriven: true };
  } catch (error) {
    if (error instanceof ExecutionNotRedrivable) {
      return refusal(error.message);
    }
    throw error;
  }
}

/** The event that starts the collection again, with every option that is known. */
function eventOf(orderNumber: string, records: OrderRecords, described: readonly Described[]): OrderEvent {
  const first = described.find(({ name }) => name === executionName({ orderNumber }));
  const order = first && orderIn(first);
  const { replace: _, ...given } = order ? optionsOf(order) : {};
  const { replace = order?.replace } = records.file?.options ?? {};
  return {
    orderNumber,
    ...given,
    ...inheritedOptions(records),
    ...(replace !== undefined && { replace }),
    request: suggestRequest(new Date()),
  };
}
