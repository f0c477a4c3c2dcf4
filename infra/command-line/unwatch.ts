import { type CommandDefinition, withCollectorOptions } from './program.ts';
import type { UnwatchOptions } from './watch/watch.ts';

export const unwatchCommand: CommandDefinition<[string, UnwatchOptions]> = {
  name: 'unwatch',
  description: 'Removes a domain from the watched domains.',
  examples: [
    { line: 'unwatch example.com', does: 'removes the domain with the selector default' },
    { line: 'unwatch example.com --selector brand', does: 'removes the domain with the selector brand' },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<domain>', 'the domain')
        .option('--selector <selector>', 'the BIMI selector (default: default)'),
    ),
  run: async (terminal, domain, options) => (await import('./watch/watch.ts')).unwatch(terminal, domain, options),
};
