import { Option } from 'commander';
import type { OrderCommandOptions } from './order/run.ts';
import { type CommandDefinition, withChoices, withCollectorOptions } from './program.ts';

/** `order`: sends the event "Mark Certificate Ordered". */
export const orderCommand: CommandDefinition<[string, OrderCommandOptions]> = {
  name: 'order',
  description: 'Starts the collection of an order, or corrects an order that waits.',
  examples: [
    {
      line: 'order 1378973013 --domain example.com',
      does: 'collects the certificate when the CA has issued it; with the setting publish, also publishes it for the domain',
    },
    {
      line: 'order 1378973013 --account brand-a',
      does: 'starts an order of another account, or corrects the account of an order that waits',
    },
    {
      line: 'order 1378973013 --request again',
      does: 'collects an order again that already has its certificate',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<order>', 'the number of the order at the CA')
        .option(
          '--domain <name>',
          'a domain that the certificate must cover; may be repeated',
          (name: string, names: readonly string[] = []) => [...names, name],
        )
        .option('--account <name>', 'the account at the CA in which the order was placed')
        .option('--default-account', 'use the default account again, in place of another one')
        .addOption(withChoices(new Option('--product <kind>', 'the product that was ordered'), ['VMC', 'CMC']))
        .option('--selector <name>', 'the BIMI selector (default: default)')
        .option(
          '--request <text>',
          'collect an order again that already has its certificate: any text that was not used for this order',
        )
        .option('--replace', 'allow the certificate to replace a published one of another owner or for more domains'),
    ),
  async run(terminal, order, options) {
    const { runOrder } = await import('./order/run.ts');
    return runOrder(terminal, order, options);
  },
};
