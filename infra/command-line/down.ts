import { Option } from 'commander';
import type { DownCommandOptions } from './down/run.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

/** `down`: stops the waiting orders of a collector and deletes it. */
export const downCommand: CommandDefinition<[DownCommandOptions]> = {
  name: 'down',
  description: 'Stops the orders that wait, and deletes the collector. First it lists what is lost, and asks.',
  examples: [
    { line: 'down', does: 'asks, stops the orders, and deletes the stack in the repository; elsewhere it prints how' },
    { line: 'down --collector acme --yes', does: 'deletes the collector acme without a question' },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .option('--yes', 'do not ask')
        .addOption(
          new Option('--remove <what>', 'also delete a collector that publishes, whose addresses stop working').choices(
            ['publish'],
          ),
        ),
    ),
  async run(terminal, options) {
    const { runDown } = await import('./down/run.ts');
    return runDown(terminal, options);
  },
};
