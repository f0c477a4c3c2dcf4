import type { FetchOptions } from './orders/fetch.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

export const fetchCommand: CommandDefinition<[string, string | undefined, FetchOptions]> = {
  name: 'fetch',
  description:
    'Downloads the current certificate of an order: manifest, chain, logo, response, and, if there is one, the report.',
  examples: [
    { line: 'fetch 1378973013', does: 'writes the files to the folder 1378973013' },
    {
      line: 'fetch 1378973013 web/bimi --force',
      does: 'writes the files to the folder web/bimi, and replaces files of the same names',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<order>', 'the number of the order at the CA')
        .argument('[dir]', 'the folder to write to; default: a folder named like the order')
        .option('--force', 'replace different files of the same names'),
    ),
  run: async (terminal, order, folder, options) =>
    (await import('./orders/fetch.ts')).fetchOrder(terminal, order, folder, options),
};
