import { type CollectorOptions, type CommandDefinition, withCollectorOptions } from './program.ts';

export const openCommand: CommandDefinition<[string | undefined, CollectorOptions]> = {
  name: 'open',
  description:
    'Prints a URL of the report of an order, which works for an hour. Without an order: a URL of the overview of all orders.',
  examples: [
    { line: 'open 1378973013', does: 'prints a URL of the report; if there is none, of the logo or of the manifest' },
    { line: 'open', does: 'prints a URL of the overview of all orders' },
  ],
  define: (command) =>
    withCollectorOptions(command.argument('[order]', 'the number of the order at the CA; default: the overview')),
  run: async (terminal, order, options) => (await import('./orders/open.ts')).open(terminal, order, options),
};
