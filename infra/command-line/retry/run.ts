import { withCollector } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requireOrderNumber } from '../order-number.ts';
import type { Terminal } from '../terminal.ts';
import { describeMoment } from '../times.ts';
import { type RetryOptions, type RetryResult, retryOrder } from './retry-order.ts';

/** Continues the collection of an order, and prints what was done. */
export async function runRetry(terminal: Terminal, order: string, options: RetryOptions): Promise<ExitCode> {
  const orderNumber = requireOrderNumber(order);
  const result = await withCollector(options, terminal, (collector) =>
    retryOrder(collector, orderNumber, terminal, options),
  );
  if (options.json) {
    printJson(terminal, result);
  } else {
    terminal.print(describeResult(result, options));
  }
  return result.result === 'waiting' ? EXIT_CODES.waiting : EXIT_CODES.success;
}

function describeResult(result: RetryResult, options: RetryOptions): string {
  const { orderNumber, execution, reason = '' } = result;
  const toSee = `To see the state of the order: ${commandText(['status', orderNumber], options)}`;
  switch (result.result) {
    case 'redriven':
      return `Order ${orderNumber}: the execution ${execution} continues with the step that failed.\n${toSee}`;
    case 'started':
      return `Order ${orderNumber}: the collection has started again (execution ${execution}), because ${reason}.\n${toSee}`;
    case 'asked':
      return (
        `Order ${orderNumber}: the execution ${execution} asks the CA once now. The execution that waits stays as ` +
        `it is.\n${toSee}`
      );
    case 'waiting': {
      const next =
        result.nextCheckAt === undefined
          ? 'The collector checks it now.'
          : `The next check is ${describeMoment(result.nextCheckAt, new Date())}.`;
      return (
        `Order ${orderNumber} waits${reason && `: ${reason}`} (execution ${execution}). ${next} The command changed nothing.\n` +
        `To ask the CA once before that: ${commandText(['retry', orderNumber, '--now'], options)}`
      );
    }
    case 'collected':
      return (
        `Order ${orderNumber} has its certificate (execution ${execution}). The command started nothing.\nTo collect it again, with a ` +
        `text that was not used for this order: ${commandText(['order', orderNumber, '--request', 'again'], options)}`
      );
  }
}
