import { Option } from 'commander';
import type { CollectOptions } from './collect/request.ts';
import { type CommandDefinition, withChoices } from './program.ts';

/** The folder for everything that is collected, if `--out` names no other one. */
const DEFAULT_FOLDER = 'mark-certificates';

const collectValues = (value: string, values: readonly string[]): readonly string[] => [...values, value];

/** `collect`: collects the certificate of an order without AWS. */
export const collectCommand: CommandDefinition<[string, CollectOptions]> = {
  name: 'collect',
  description: 'Asks the CA for the certificate of an order, and stores it in a folder. Needs no AWS account.',
  examples: [
    {
      line: 'collect 1378973013 --login login.txt --domain example.com',
      does: 'asks once, and ends with 3 if the certificate is not issued yet; later, the same command asks again',
    },
    {
      line: 'collect 1378973013 --login - --wait --out /srv/certificates < login.txt',
      does: 'asks every three hours until the certificate is issued, for at most 90 days',
    },
  ],
  define: (command) =>
    command
      .argument('<order>', 'the number of the order at the CA')
      .requiredOption(
        '--login <file>',
        'the login at the CA: a file with the login name and the password on two lines, or JSON; - is standard input',
      )
      .option('--wait', 'wait until the certificate is issued, and ask again as often as the CA allows')
      .option(
        '--out <dir>',
        'the folder for the certificate and for what is known of orders and logins',
        DEFAULT_FOLDER,
      )
      .option('--domain <name>', 'a domain that the certificate must cover; may be repeated', collectValues, [])
      .addOption(withChoices(new Option('--product <kind>', 'the product that was ordered'), ['VMC', 'CMC']))
      .option('--selector <name>', 'the BIMI selector for which the certificate must cover the domains')
      .option(
        '--replace',
        'allow a publication of another owner or of more domains to be replaced; stored in order.json',
      )
      .option('--url <url>', 'the URL of CollectMC (default: that of the CA)')
      .addOption(
        withChoices(new Option('--format <format>', 'the response format to request (default: pkcs7)'), [
          'pkcs7',
          'pkcs7-base64',
          'zip',
          'zip-base64',
          'pem',
        ]),
      )
      .option('--poll-every <duration>', 'the time between two calls, as an ISO 8601 duration (default: PT3H)')
      .option(
        '--give-up-after <duration>',
        'the time after which the order has failed, as an ISO 8601 duration (default: P90D)',
      )
      .option(
        '--trust <sha256>',
        'a root or an issuing CA to trust in addition to the known roots; may be repeated',
        collectValues,
        [],
      )
      .option(
        '--log <key>',
        'the key of a certificate transparency log to trust in addition to the known ones, as base64; may be repeated',
        collectValues,
        [],
      ),
  async run(terminal, order, options) {
    const { runCollect } = await import('./collect/run.ts');
    return runCollect(terminal, order, options);
  },
};
