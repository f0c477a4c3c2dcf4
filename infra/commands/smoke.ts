import { styleText } from 'node:util';
import { DEFAULT_COLLECTOR } from '../../functions/environment.ts';
import { printable, printableJson, printableLines } from '../../functions/text.ts';
import { listenForSignals } from '../command-line/signals.ts';
import type { SmokeOutcome, SmokeResult } from '../deployed/smoke.ts';
import { stackNameOf } from '../stack-names.ts';
import { EXIT_CODES, isProgram, parseArguments, runCommand, UsageError } from './usage.ts';

export const USAGE = `npm run smoke -- [--collector NAME] [--region REGION] [--profile PROFILE] [--json]

Tests a deployed collector from outside: an alarm, a message, the dead-letter queue, the push URL, the published address
and the policy of the key. It takes about five minutes and does not call the CA.

The readers of alarmEmail receive a few messages that are marked as a test. The alarm about the dead-letter queue
may fire. Rules of other systems that match "Mark Certificate Failed" receive one event: about the order 1, with the
error SmokeTest.

  --collector  the collector's name, the setting name (default: ${DEFAULT_COLLECTOR})
  --region     the AWS region (default: AWS_REGION, or the region of the profile)
  --profile    the AWS profile (default: AWS_PROFILE, or the credentials in the environment)
  --json       print one JSON object for each step

A step whose setting is off is reported as absent. A step that could not run is reported as skipped, which is a failure.

Exit status: 0 no step failed or was skipped, 1 a step failed or was skipped, 2 the stack cannot be read, 64 wrong usage,
70 internal error.`;

const SYMBOLS: Readonly<Record<SmokeOutcome, string>> = {
  passed: styleText('green', '✓'),
  failed: styleText('red', '✗'),
  skipped: styleText('red', '?'),
  absent: '-',
};

/** Prints a result with the description of its step, in columns. */
function printerOf(steps: Readonly<Record<SmokeResult['step'], string>>): (result: SmokeResult) => void {
  const width = Math.max(...Object.keys(steps).map(({ length }) => length));
  return ({ step, outcome, text }) =>
    console.log(`${SYMBOLS[outcome]} ${step.padEnd(width)}  ${outcome.padEnd(7)}  ${steps[step]}: ${printable(text)}`);
}

/** Runs the command, and returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArguments({
    args,
    options: {
      collector: { type: 'string', default: DEFAULT_COLLECTOR },
      region: { type: 'string' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const { collector, region, profile, json } = values;
  const stackName = stackNameOf(collector);
  if (collector !== DEFAULT_COLLECTOR && stackName === stackNameOf(DEFAULT_COLLECTOR)) {
    throw new UsageError(`--collector: ${collector} is not accepted; accepted: 1 to 32 of a-z, 0-9 and "-"`);
  }
  // The help does not need the clients of AWS, and to load them takes a while.
  const [{ AwsUnavailableError, selectAws }, { SMOKE_STEPS }, { smokeOnAws }] = await Promise.all([
    import('../deployed/aws.ts'),
    import('../deployed/smoke.ts'),
    import('../deployed/smoke-aws.ts'),
  ]);
  // The temporary queue is deleted before the process ends. A second Ctrl-C ends it at once.
  const stop = listenForSignals();
  try {
    await selectAws({ region, profile });
    const results = await smokeOnAws({
      stackName,
      signal: stop.signal,
      observe: json ? (result) => console.log(printableJson(JSON.stringify(result))) : printerOf(SMOKE_STEPS),
    });
    const bad = results.filter(({ outcome }) => outcome === 'failed' || outcome === 'skipped');
    if (bad.length > 0) {
      console.error(`${stackName}: ${bad.map(({ step, outcome }) => `${step} ${outcome}`).join(', ')}`);
    }
    return bad.length === 0 ? EXIT_CODES.success : EXIT_CODES.problem;
  } catch (error) {
    if (!(error instanceof AwsUnavailableError)) {
      throw error;
    }
    console.error(printableLines(error.message));
    return EXIT_CODES.unavailable;
  } finally {
    stop.close();
  }
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, main);
}
