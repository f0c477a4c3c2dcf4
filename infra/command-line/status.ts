import { type CollectorOptions, type CommandDefinition, withCollectorOptions } from './program.ts';

export const statusCommand: CommandDefinition<[string, CollectorOptions]> = {
  name: 'status',
  description: 'Prints where an order is, what happens next, and what is known about its certificate.',
  examples: [
    { line: 'status 1378973013', does: 'prints the state of an order' },
    {
      line: 'status 1378973013 --json --profile brand --region eu-central-1',
      does: 'prints it as JSON, from the AWS account of a profile',
    },
  ],
  define: (command) => withCollectorOptions(command.argument('<order>', 'the number of the order at the CA')),
  run: async (terminal, order, options) => (await import('./orders/status.ts')).status(terminal, order, options),
};
