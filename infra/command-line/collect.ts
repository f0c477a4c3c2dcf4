import { Option } from 'commander';
import type { CollectOptions } from './collect/request.ts';
import { type CommandDefinition, withChoices } from './program.ts';

/** The folder for everything that is collected, if `--out` names no other one. */
const DEFAULT_FOLDER = 'mark-certificates';

const collectValues = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

/** `collect`: collects the certificate of an order without AWS. */
export const collectCommand: CommandDefinition<[string, CollectOptions]> = {
  name: 'collect',
  description: 'Asks the CA for the certificate of an order, and stores it in a folder. Needs no AWS account.',
  examples: [
    {
      line: 'collect 1378973013 --login login.txt --domain example.com',
      does: 'asks the CA once. If the certificate is not issued yet, the exit code is 3: type the same command again later',
    },
    {
      line: 'collect 1378973013 --login - --wait --out /srv/certificates < login.txt',
      does: 'asks the CA every three hours until the certificate is issued, for at most 90 days',
    },
  ],
  define: (command) =>
    command
      .argument('<order>', 'the number of the order at the CA')
      .requiredOption(
        '--login <file>',
        'a file with the login at the CA: the login name and the password on two lines, or JSON; - is standard input',
      )
      .option('--wait', 'wait until the certificate is issued, and ask again as often as the CA allows')
      .option('--out <dir>', 'the folder for certificates, and for the state of orders and logins', DEFAULT_FOLDER)
      .option('--domain <name>', 'a domain that the certificate must cover; may be repeated', collectValues)
      .addOption(withChoices(new Option('--product <kind>', 'the product that was ordered'), ['VMC', 'CMC']))
      .option('--selector <name>', 'the BIMI selector for which the certificate must cover the domains')
      .option(
        '--replace',
        'allow the certificate to replace a published one of another owner or for more domains; only stored in order.json',
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
      .option(
        '--poll-every <duration>',
        'the time between two calls to the CA, as an ISO 8601 duration (default: PT3H)',
      )
      .option(
        '--give-up-after <duration>',
        'the deadline, counted from the first run, as an ISO 8601 duration (default: P90D)',
      )
      .option(
        '--trust <sha256>',
        'a root or an issuing CA to trust in addition to the known roots; may be repeated',
        collectValues,
      )
      .option(
        '--log <key>',
        'the key of a certificate transparency log to trust in addition to the known ones, in base64; may be repeated',
        collectValues,
      ),
  async run(terminal, order, options) {
    const { runCollect } = await import('./collect/run.ts');
    return runCollect(terminal, order, options);
  },
};
