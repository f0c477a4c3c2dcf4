import { type CommandDefinition, withCollectorOptions } from './program.ts';
import type { WatchOptions } from './watch/watch.ts';

export const watchCommand: CommandDefinition<[string | undefined, WatchOptions]> = {
  name: 'watch',
  description:
    'Checks a domain whose BIMI record and files someone else serves, and adds it to the watched domains, which the ' +
    'collector checks every day. Without a domain: lists the watched domains.',
  examples: [
    {
      line: 'watch example.com --selector brand',
      does: 'checks the selector brand of a domain, and adds it to the watched domains',
    },
    { line: 'watch', does: 'lists the watched domains with their last check' },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('[domain]', 'the domain; default: list the watched domains')
        .option('--selector <selector>', 'the BIMI selector (default: default)')
        .option('--name-server <address>', 'the IP address of the name server to ask (default: that of the system)'),
    ),
  run: async (terminal, domain, options) => (await import('./watch/watch.ts')).watch(terminal, domain, options),
};
