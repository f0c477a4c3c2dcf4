import { Option } from 'commander';
import type { InspectOptions } from './inspect/options.ts';
import type { CommandDefinition } from './program.ts';

const append = (value: string, values: readonly string[] = []) => [...values, value];

/** `inspect`: judges chains and logos, wherever they are. */
export const inspectCommand: CommandDefinition<[targets: readonly string[], options: InspectOptions]> = {
  name: 'inspect',
  description:
    'Checks mark certificate chains and logos: in files, in folders, at a URL, or as a mail receiver finds them for a ' +
    'domain. ✗ marks an error: some receiver does not show the logo. ! marks a warning, and i a notice.',
  examples: [
    { line: 'inspect chain.pem logo.svg', does: 'checks a chain and a logo' },
    {
      line: 'inspect --domain example.com --revocation chain.pem',
      does: 'also checks that the certificate covers the domain, and that no CRL contains it',
    },
    {
      line: 'inspect example.com',
      does: 'looks up and checks the BIMI record, the DMARC policy, the chain and the logo of a domain',
    },
    {
      line: 'inspect --html report.html chain.pem',
      does: 'also writes the result as one HTML page, which you can send to a client',
    },
    {
      line: 'inspect --csv --min-days 30 orders',
      does: 'lists every chain below the folder orders; fails if a certificate expires within 30 days',
    },
  ],
  define: (command) =>
    command
      .argument('<targets...>', 'files, folders, https URLs and domains; - is standard input')
      .addOption(new Option('--csv', 'print one row for each chain, for a spreadsheet').conflicts('json'))
      .option('--at <date>', 'the moment at which the chain must be valid, as an ISO 8601 date (default: now)')
      .option('--domain <name>', 'a domain that the certificate must cover; may be repeated', append)
      .option('--selector <name>', 'the BIMI selector of the record (default: default)')
      .addOption(new Option('--product <product>', 'the product that was ordered').choices(['VMC', 'CMC']))
      .option(
        '--trust <sha256>',
        'a root or an issuing CA to trust in addition to the known roots; may be repeated',
        append,
      )
      .option(
        '--log <key>',
        'the key of a certificate transparency log to trust in addition to the known ones, in base64; may be repeated',
        append,
      )
      .option('--revocation', 'download and check the CRLs of each chain')
      .option('--min-days <days>', 'fail if a certificate has fewer days left than this')
      .addOption(
        new Option('--fail-on <severity>', 'the lowest severity that makes the command fail')
          .choices(['error', 'warning'])
          .default('error'),
      )
      .option('--name-server <address>', 'the IP address of the name server to ask (default: that of the system)')
      .option('--out <folder>', 'write chain.pem, logo.svg and certificate.json into this folder')
      .option('--html <file>', 'write a report for a reader into this file: one page about all targets'),
  async run(terminal, targets, options) {
    const { inspectTargets } = await import('./inspect/run.ts');
    return inspectTargets(terminal, targets, options);
  },
};
