import type { FetchOptions } from './orders/fetch.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

export const fetchCommand: CommandDefinition<[string, string | undefined, FetchOptions]> = {
  name: 'fetch',
  description:
    'Downloads the current certificate of an order: manifest, chain, logo, response, and report if there is one.',
  examples: [
    { line: 'fetch 1378973013', does: 'writes the files to the folder 1378973013' },
    {
      line: 'fetch 1378973013 web/bimi --force',
      does: 'writes them to web/bimi, in place of other files of these names',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<order>', 'the number of the order at the CA')
        .argument('[dir]', 'the folder; default: one with the number of the order, in this folder')
        .option('--force', 'replace files of the same names that are different'),
    ),
  run: async (terminal, order, folder, options) =>
    (await import('./orders/fetch.ts')).fetchOrder(terminal, order, folder, options),
};
