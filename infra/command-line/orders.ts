import type { OrdersOptions } from './orders/orders.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

export const ordersCommand: CommandDefinition<[OrdersOptions]> = {
  name: 'orders',
  description: 'Lists the orders of a collector as they are now. Orders that need a person come first.',
  examples: [
    { line: 'orders', does: 'lists all orders' },
    {
      line: 'orders --ending 30 --csv > ending.csv',
      does: 'writes the orders whose certificate expires within 30 days to a file',
    },
    { line: 'orders --html orders.html', does: 'writes a page with all orders, logos and certificates' },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .option('--waiting', 'list only orders that wait')
        .option(
          '--ending <days>',
          'list only orders whose certificate expires within this number of days, or has expired',
        )
        .option('--account <account>', 'list only orders of this account at the CA')
        .option('--csv', 'print comma-separated values')
        .option('--html <file>', 'write one page with the orders into this file'),
    ),
  run: async (terminal, options) => (await import('./orders/orders.ts')).orders(terminal, options),
};
