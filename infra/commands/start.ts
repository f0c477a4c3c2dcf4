import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RESPONSE_FORMATS, type ResponseFormat } from '../../functions/collectmc/request.ts';
import type { OrderRun } from '../local/run-order.ts';
import { SCENARIOS } from '../local/scenarios.ts';
import { EXIT_CODES, isProgram, parseArguments, runCommand, UsageError } from './usage.ts';

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];
/** Git ignores this folder. */
const LOCAL = join(import.meta.dirname, '..', '..', '.local');

export const USAGE = `npm start -- [--order NUMBER] [--scenario NAME] [--format ${FORMATS.join('|')}] [--publish] [--open] [--keep]

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

type Options = Omit<OrderRun, 'folder' | 'logFile'>;

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

type Print = (line: string) => void;

async function run(options: Options, local: string, print: Print): Promise<boolean> {
  print('Creating the simulated CA (the first time, this takes some seconds) ...');
  // To load the CDK, the AWS clients and esbuild takes a second.
  const [{ buildFunctions }, { runOrder }] = await Promise.all([
    import('../build/functions.ts'),
    import('../local/run-order.ts'),
  ]);
  // The stack needs the bundles, although the functions run from their sources here. Servers start
  // afterwards, because an open one would keep the process alive after a failure.
  await buildFunctions();
  return runOrder({ ...options, folder: local, logFile: logFileIn(local) }, print);
}

const logFileIn = (local: string) => join(local, 'functions.log');

/** While an action runs, standard output and error go to a file, as a function's output goes to CloudWatch. */
async function withFunctionLog<Result>(local: string, action: (print: Print) => Promise<Result>): Promise<Result> {
  await mkdir(local, { recursive: true });
  const log = createWriteStream(logFileIn(local));
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

/**
 * Runs the command, and returns its exit code.
 *
 * @param local the folder for the authority, the log, and what is downloaded.
 */
export async function main(args: string[], local = LOCAL): Promise<number> {
  const options = readOptions(args);
  if (!options) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const exit = () => process.exit(130);
  if (!options.keep && !options.open) {
    process.once('SIGINT', exit);
  }
  const expected = await withFunctionLog(local, (print) => run(options, local, print));
  process.off('SIGINT', exit);
  return expected ? EXIT_CODES.success : EXIT_CODES.problem;
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, (args) => main(args));
}
