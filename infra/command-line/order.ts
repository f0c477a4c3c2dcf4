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
      does: 'collects the certificate of the order when the CA issues it, and publishes it if the collector publishes',
    },
    {
      line: 'order 1378973013 --account brand-a --request again',
      does: 'corrects the account of an order that waits; collects an order again that has its certificate',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .argument('<order>', 'the number of the order at the CA')
        .option(
          '--domain <name>',
          'a domain that the certificate must cover; may be repeated',
          (name: string, names: readonly string[]) => [...names, name],
          [],
        )
        .option('--account <name>', 'the account at the CA in which the order was placed')
        .option('--default-account', 'go back from another account to the default one')
        .addOption(withChoices(new Option('--product <kind>', 'the product that was ordered'), ['VMC', 'CMC']))
        .option('--selector <name>', 'the BIMI selector (default: default)')
        .option('--request <text>', 'collect again an order that has its certificate: a text that was not used for it')
        .option('--replace', 'let the certificate replace a published one of another owner or for more domains'),
    ),
  async run(terminal, order, options) {
    const { runOrder } = await import('./order/run.ts');
    return runOrder(terminal, order, options);
  },
};
