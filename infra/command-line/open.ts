import { type CollectorOptions, type CommandDefinition, withCollectorOptions } from './program.ts';

export const openCommand: CommandDefinition<[string | undefined, CollectorOptions]> = {
  name: 'open',
  description: 'Prints a URL, for an hour, of the report of an order. Without an order: of the overview of all orders.',
  examples: [
    { line: 'open 1378973013', does: 'prints a URL of the report, or else of the logo or the manifest' },
    { line: 'open', does: 'prints a URL of the overview' },
  ],
  define: (command) =>
    withCollectorOptions(command.argument('[order]', 'the number of the order at the CA; default: the overview')),
  run: async (terminal, order, options) => (await import('./orders/open.ts')).open(terminal, order, options),
};
