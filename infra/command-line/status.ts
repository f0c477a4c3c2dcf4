import { type CollectorOptions, type CommandDefinition, withCollectorOptions } from './program.ts';

export const statusCommand: CommandDefinition<[string, CollectorOptions]> = {
  name: 'status',
  description: 'Prints the state of an order, what happens next, what a person must do, and its certificate.',
  examples: [
    { line: 'status 1378973013', does: 'prints the state of an order' },
    {
      line: 'status 1378973013 --json --profile brand --region eu-central-1',
      does: 'prints the state as JSON, with the AWS profile brand',
    },
  ],
  define: (command) => withCollectorOptions(command.argument('<order>', 'the number of the order at the CA')),
  run: async (terminal, order, options) => (await import('./orders/status.ts')).status(terminal, order, options),
};
