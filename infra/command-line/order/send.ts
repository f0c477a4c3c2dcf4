import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { ORDERED } from '../../../functions/events.ts';
import { findExecution, isRunning } from '../../../functions/executions.ts';
import { orderArguments } from '../../../functions/notify/commands.ts';
import type { OrderEvent } from '../../../functions/order.ts';
import { describeChanges } from '../../../functions/start/options.ts';
import { type Foreseen, foresee, OrderRefusedError } from '../../../functions/start/start.ts';
import { DEFAULT_EVENT_BUS, DEFAULT_EVENT_SOURCE } from '../../forms.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { CollectorOptions } from '../program.ts';
import { listenForSignals } from '../signals.ts';
import type { Terminal } from '../terminal.ts';

/** What the event of an order caused. It is the result of `order --json`. */
export interface OrderResult {
  readonly orderNumber: string;
  /**
   * - `started`: an execution collects the order now.
   * - `corrected`: the order waits, and uses the new options from its next check on.
   * - `waiting`: the order waits already with these options.
   * - `collected`: the order has its certificate already.
   */
  readonly result: 'started' | 'corrected' | 'waiting' | 'collected';
  /** The execution that collects the order, or has collected it. */
  readonly execution: string;
  /** What was corrected, for a person. */
  readonly changes?: string;
}

/** An order does not accept the event. */
class OrderNotAcceptedError extends CommandError {
  override readonly name = 'OrderNotAcceptedError';
}

/** How long the effect of an event is awaited. EventBridge usually delivers an event within a second. */
const WAIT_MILLISECONDS = 20_000;
const PAUSE_MILLISECONDS = 500;

/**
 * Sends the event "Mark Certificate Ordered", and waits until its effect is visible.
 *
 * @param options of the command, for the commands in errors.
 * @throws {CommandError} if the order does not accept the event, which is not sent then, or if no effect is visible.
 */
export async function sendOrder(
  collector: DeployedCollector,
  event: OrderEvent,
  { progress, wait }: Pick<Terminal, 'progress' | 'wait'>,
  options: CollectorOptions,
): Promise<OrderResult> {
  const { orderNumber } = event;
  const dependencies = {
    ...(await collector.executions()),
    collector: collector.name,
    s3: await collector.s3(),
    bucket: collector.bucket,
    now: () => new Date(),
  };
  const expected = await foreseeOrRefuse(event, dependencies, options);
  const before = await findExecution(dependencies, expected.execution);
  await send(collector, event);
  if (expected.kind === 'found' && expected.corrected === undefined) {
    return { orderNumber, result: isRunning(before) ? 'waiting' : 'collected', execution: expected.execution };
  }
  progress(`Order ${orderNumber}: the event is sent. Waiting for its effect …`);
  const interruption = listenForSignals();
  const execution = await untilDefined(
    async () => {
      if (!before) {
        return (await findExecution(dependencies, expected.execution)) && expected.execution;
      }
      const { kind, execution: found, corrected } = await foresee(event, dependencies);
      return kind === 'found' && corrected === undefined ? found : undefined;
    },
    wait,
    interruption.signal,
  ).finally(() => {
    interruption.close();
    progress('');
  });
  if (execution === undefined) {
    const status = commandText(['status', orderNumber], options);
    const isInterrupted = interruption.signal.aborted;
    throw new CommandError(
      isInterrupted
        ? `Order ${orderNumber}: the event was sent. You ended the wait for its effect. The event can still have an effect.`
        : `Order ${orderNumber}: the event was sent, but had no effect within ${WAIT_MILLISECONDS / 1000} seconds.`,
      {
        exitCode: EXIT_CODES.unavailable,
        next: isInterrupted
          ? status
          : `Wait some minutes. If the order is still not known then, read the dead-letter queue, as the runbook shows. To see the order: ${status}`,
      },
    );
  }
  return expected.corrected === undefined
    ? { orderNumber, result: 'started', execution }
    : { orderNumber, result: 'corrected', execution, changes: describeChanges(expected.corrected) };
}

async function foreseeOrRefuse(
  event: OrderEvent,
  dependencies: Parameters<typeof foresee>[1],
  options: CollectorOptions,
): Promise<Foreseen> {
  try {
    return await foresee(event, dependencies);
  } catch (error) {
    if (!(error instanceof OrderRefusedError)) {
      throw error;
    }
    const [reason = ''] = error.message.split('. To collect the order again');
    const [problem = ''] = reason.split(' Next: ');
    throw new OrderNotAcceptedError(problem.replace(/[^.]$/, '$&.'), {
      exitCode: EXIT_CODES.problem,
      next:
        error.request === undefined
          ? 'Try again tomorrow (UTC).'
          : commandText(orderArguments({ ...event, request: error.request }), options),
      cause: error,
    });
  }
}

async function send({ events, settings, name }: DeployedCollector, event: OrderEvent): Promise<void> {
  const client = await events();
  await withCommandErrors(
    'The event cannot be sent',
    async () => {
      const { Entries: [entry] = [] } = await client.send(
        new PutEventsCommand({
          Entries: [
            {
              Source: String(settings?.eventSource ?? DEFAULT_EVENT_SOURCE),
              EventBusName: String(settings?.eventBusName ?? DEFAULT_EVENT_BUS),
              DetailType: ORDERED,
              Detail: JSON.stringify(event),
            },
          ],
        }),
      );
      if (entry?.ErrorCode !== undefined) {
        throw new CommandError(`The event cannot be sent: ${entry.ErrorMessage ?? ''} (${entry.ErrorCode}).`, {
          exitCode: EXIT_CODES.unavailable,
          next: `Check that the event bus of the collector ${name} exists, then try again.`,
        });
      }
    },
    'events:PutEvents',
  );
}

/** Repeats a request until it returns a value. Undefined if it takes too long, or after the signal. */
async function untilDefined<Value>(
  request: () => Promise<Value | undefined>,
  wait: Terminal['wait'],
  signal: AbortSignal,
): Promise<Value | undefined> {
  const end = Date.now() + WAIT_MILLISECONDS;
  for (;;) {
    const value = await request();
    if (value !== undefined || signal.aborted || Date.now() >= end) {
      return value;
    }
    await wait(PAUSE_MILLISECONDS);
  }
}
