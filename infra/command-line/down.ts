import { Option } from 'commander';
import type { DownCommandOptions } from './down/run.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

/** `down`: stops the waiting orders of a collector and deletes it. */
export const downCommand: CommandDefinition<[DownCommandOptions]> = {
  name: 'down',
  description:
    'Stops the orders that wait, and deletes the collector. Before that, it lists what is lost, and asks for a confirmation.',
  examples: [
    {
      line: 'down',
      does: 'stops the orders after a confirmation; then deletes the stack in the repository, or prints the command for it elsewhere',
    },
    {
      line: 'down --collector acme --yes',
      does: 'stops the orders of the collector acme, and deletes it, without a question',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .option('--yes', 'do not ask for a confirmation')
        .addOption(
          new Option(
            '--remove <what>',
            'delete a collector that publishes, too: its published addresses stop working',
          ).choices(['publish']),
        ),
    ),
  async run(terminal, options) {
    const { runDown } = await import('./down/run.ts');
    return runDown(terminal, options);
  },
};
