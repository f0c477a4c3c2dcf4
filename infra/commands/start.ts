import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { RESPONSE_FORMATS, type ResponseFormat } from '../../functions/collectmc/request.ts';
import { ORDERED } from '../../functions/events.ts';
import { INDEX_PAGE, OVERVIEW } from '../../functions/pages/overview-folder.ts';
import { buildFunctions } from '../build/functions.ts';
import { openInBrowser } from '../local/browser.ts';
import { createCertificateAuthority } from '../local/ca/certificate-authority.ts';
import { pem } from '../local/ca/containers.ts';
import { startCloudFormation } from '../local/cloud/cloudformation-endpoint.ts';
import { serveCrls } from '../local/cloud/crl-server.ts';
import { downloadFolder } from '../local/cloud/download.ts';
import { type LocalCloud, startLocalCloud } from '../local/cloud/local-cloud.ts';
import type { Endpoint } from '../local/cloud/loopback.ts';
import { servePages } from '../local/cloud/pages-server.ts';
import { createNarrator, narratedWaitMilliseconds } from '../local/narration.ts';
import { issueScenarioCertificates, runScenario, SCENARIOS, type Scenario } from '../local/scenarios.ts';
import { EXIT_CODES, parseArguments, runCommand, UsageError } from './usage.ts';

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];
const PROJECT = join(import.meta.dirname, '..', '..');
/** Git ignores this folder. */
const LOCAL = join(PROJECT, '.local');
const ROOT = join(LOCAL, 'ca', 'root.pem');

const USAGE = `npm start -- [--order NUMBER] [--scenario NAME] [--format ${FORMATS.join('|')}] [--publish] [--open] [--keep]

Runs one order through the stack's own state machine and functions, with servers on this machine in place of AWS and the CA.

  --order      the order number, 1 to 16 digits (default: 1378973013); the word --order may be omitted
  --scenario   what happens (default: issued):
${Object.entries(SCENARIOS)
  .map(([name, { description }]) => `                 ${name.padEnd(18)} ${description}`)
  .join('\n')}
  --format     the response format to ask for (default: pkcs7)
  --publish    publish chain and logo for BIMI, and fetch them from their public addresses
  --open       serve the pages on a loopback address, and open the best one in the browser; until Ctrl-C
  --keep       leave the servers running afterwards, until Ctrl-C

Exit status: 0 the scenario ended as expected, 1 it did not, 64 wrong usage, 70 internal error.`;

interface Options {
  readonly orderNumber: string;
  readonly scenario: Scenario;
  readonly format: ResponseFormat;
  readonly publish: boolean;
  readonly open: boolean;
  readonly keep: boolean;
}

/** @returns undefined if the user asks for help only. */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArguments({
    args,
    allowPositionals: true,
    options: {
      order: { type: 'string' },
      scenario: { type: 'string', default: 'issued' },
      format: { type: 'string', default: 'pkcs7' },
      publish: { type: 'boolean', default: false },
      open: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    return undefined;
  }
  const scenario = Object.hasOwn(SCENARIOS, values.scenario) ? SCENARIOS[values.scenario] : undefined;
  const format = FORMATS.find((known) => known === values.format);
  if (!scenario) {
    const names = Object.keys(SCENARIOS).join(', ');
    throw new UsageError(`--scenario: ${values.scenario} is not accepted; accepted: ${names}`);
  }
  if (!format) {
    throw new UsageError(`--format: ${values.format} is not accepted; accepted: ${FORMATS.join(', ')}`);
  }
  const { order, publish, open, keep } = values;
  const [orderNumber = '1378973013', ...others] = [...(order === undefined ? [] : [order]), ...positionals];
  if (others.length > 0) {
    const given = [orderNumber, ...others];
    throw new UsageError(`only one order number is accepted, but there are ${given.length}: ${given.join(' ')}`);
  }
  return { orderNumber, scenario, format, publish, open, keep };
}

/**
 * Runs the scenario and prints what happens.
 *
 * @returns whether it ended as expected.
 */
async function run({ orderNumber, scenario, format, publish, open, keep }: Options, print: Print): Promise<boolean> {
  print('Creating the simulated CA (the first time, this takes some seconds) ...');
  // The stack needs the bundles, although the functions run from their sources here. Servers start
  // afterwards, because an open one would keep the process alive after a failure.
  await buildFunctions();
  const stored = await createCertificateAuthority({ directory: join(LOCAL, 'ca') });
  const crls = await serveCrls(() => authority.crls());
  const authority = stored.with({ crlServer: crls.url });
  const certificates = issueScenarioCertificates(authority);
  await writeFile(ROOT, pem([authority.root]));

  const order = { orderNumber, domains: ['example.com'] };
  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const trustAnchors = createHash('sha256').update(authority.root).digest('hex');
  const ctLogs = authority.log.key;
  const narrator = createNarrator(print, () => cloud);
  const cloud: LocalCloud = await startLocalCloud({
    credentials,
    secret: scenario.secret,
    settings: { push: keep, ...scenario.settings, responseFormat: format, trustAnchors, ctLogs, publish },
    waitMilliseconds: narratedWaitMilliseconds,
    onEvent: narrator.executionEvent,
    async beforeCheck(check) {
      await scenario.operatorActions?.[check]?.({ cloud, credentials, order, log: narrator.action });
    },
  });
  let server: Endpoint | undefined;
  /** The keys of the pages, the best first. */
  const pages: string[] = [];
  try {
    narrator.line('CollectMC', `${cloud.ca.url} (simulated)`);
    narrator.line('CRLs', `${crls.url} (simulated)`);
    narrator.line('S3', `${cloud.s3Url}, bucket ${cloud.bucket}`);
    narrator.line('Scenario', scenario.description);
    print('');
    // The simulator throws for any other text. The event is still sent, and the function start refuses it.
    if (/^[1-9]\d{0,15}$/.test(orderNumber)) {
      cloud.ca.order(orderNumber, scenario.responses(certificates));
    }
    narrator.line('Event', `"${ORDERED}" for the order ${orderNumber}`);
    const execution = await runScenario(scenario, cloud, order, narrator.action);
    for (const { error } of cloud.deadLetters) {
      narrator.line('Dead letter', `${error.name}: ${error.message}`);
    }
    if (execution) {
      narrator.outcome(execution);
      print('');
      const prefix = `orders/${orderNumber}/`;
      const folder = join(LOCAL, prefix);
      const objects = await downloadFolder(cloud, prefix, folder);
      const source = `s3://${cloud.bucket}/${prefix}`;
      pages.push(...objects.flatMap(({ name }) => (name === 'report.html' ? [`${prefix}${name}`] : [])));
      narrator.line('Objects', objects.length > 0 ? `${source}, downloaded to ${inProject(folder)}/` : 'none');
      narrator.objects(objects);
      if (execution.status === 'SUCCEEDED') {
        const chain = inProject(join(folder, 'chain.pem'));
        narrator.line('Verify it', `openssl verify -CAfile ${inProject(ROOT)} -untrusted ${chain} ${chain}`);
        narrator.line(
          'Inspect it',
          `npm run inspect -- ${keep ? '--revocation ' : ''}--trust ${trustAnchors} --log ${ctLogs} ${chain}`,
        );
      }
      await narrator.publication(execution);
    }
    // On AWS, the survey runs five minutes after an outcome.
    if ((await cloud.runSchedules()) > 0) {
      await downloadFolder(cloud, OVERVIEW, join(LOCAL, OVERVIEW));
      pages.push(`${OVERVIEW}${INDEX_PAGE}`);
    }
    if (open && pages.length > 0) {
      server = await servePages(cloud.s3, cloud.bucket);
    }
    narrator.pages(
      pages.map((page) => (server ? `${server.url}/${page}` : inProject(join(LOCAL, page)))),
      server !== undefined,
    );
    narrator.line('Logs', inProject(LOG_FILE));
    print('');
    const expected =
      execution !== undefined &&
      (scenario.failsWith ? execution.error === scenario.failsWith : execution.status === 'SUCCEEDED');
    print(verdict(execution !== undefined, expected));
    const [page] = pages;
    if (server && page) {
      openInBrowser(`${server.url}/${page}`);
    }
    if (keep || server) {
      const cloudFormation = keep ? await startCloudFormation([cloud.stack]) : undefined;
      if (cloudFormation) {
        narrator.commands(orderNumber, cloudFormation.url);
      }
      // The open servers keep the process alive until then; a promise alone would not.
      await once(process, 'SIGINT');
      await cloudFormation?.close();
    }
    return expected;
  } finally {
    await Promise.all([server?.close(), cloud.close(), crls.close()]);
  }
}

function verdict(started: boolean, expected: boolean): string {
  if (!started) {
    return 'The event was refused, as it would be on AWS.';
  }
  return expected ? 'The scenario ended as expected.' : 'The scenario did NOT end as expected.';
}

function inProject(file: string): string {
  return relative(PROJECT, file);
}

type Print = (line: string) => void;

const LOG_FILE = join(LOCAL, 'functions.log');

/** While an action runs, standard output and error go to a file, as a function's output goes to CloudWatch. */
async function withFunctionLog<Result>(action: (print: Print) => Promise<Result>): Promise<Result> {
  await mkdir(LOCAL, { recursive: true });
  const log = createWriteStream(LOG_FILE);
  await once(log, 'open');
  const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  const terminal = process.stdout.write.bind(process.stdout);
  for (const { stream } of streams) {
    stream.write = log.write.bind(log) as typeof stream.write;
  }
  try {
    return await action((line) => terminal(`${line}\n`));
  } finally {
    for (const { stream, write } of streams) {
      stream.write = write;
    }
    log.end();
  }
}

await runCommand(USAGE, async (args) => {
  const options = readOptions(args);
  if (!options) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  if (!options.keep && !options.open) {
    process.once('SIGINT', () => process.exit(130));
  }
  const expected = await withFunctionLog((print) => run(options, print));
  return expected ? EXIT_CODES.success : EXIT_CODES.problem;
});
