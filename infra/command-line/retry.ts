import { type CommandDefinition, withCollectorOptions } from './program.ts';
import type { RetryOptions } from './retry/retry-order.ts';

/** `retry`: continues the collection of an order that failed. */
export const retryCommand: CommandDefinition<[string, RetryOptions]> = {
  name: 'retry',
  description:
    'Continues the collection of an order that failed or was stopped. Without --now, an order that waits stays as it is.',
  examples: [
    {
      line: 'retry 1378973013',
      does: 'redrives the execution that failed, or starts another one if a redrive is not possible',
    },
    {
      line: 'retry 1378973013 --now',
      does: 'if the order waits, also asks the CA once, for example after you stored a new login',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<order>', 'the number of the order at the CA')
        .option('--now', 'if the order waits, ask the CA once now; the execution that waits stays as it is'),
    ),
  async run(terminal, order, options) {
    const { runRetry } = await import('./retry/run.ts');
    return runRetry(terminal, order, options);
  },
};
