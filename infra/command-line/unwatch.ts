import { type CommandDefinition, withCollectorOptions } from './program.ts';
import type { UnwatchOptions } from './watch/watch.ts';

export const unwatchCommand: CommandDefinition<[string, UnwatchOptions]> = {
  name: 'unwatch',
  description: 'Ends the watch of a domain.',
  examples: [
    { line: 'unwatch example.com', does: 'ends the watch of a domain with the selector default' },
    { line: 'unwatch example.com --selector brand', does: 'ends the watch of another selector' },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<domain>', 'the domain')
        .option('--selector <selector>', 'the BIMI selector (default: default)'),
    ),
  run: async (terminal, domain, options) => (await import('./watch/watch.ts')).unwatch(terminal, domain, options),
};
