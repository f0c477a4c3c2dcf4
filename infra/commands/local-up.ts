import { EmulatorError } from '../local/emulator/emulator.ts';
import { describeStarted, startAndDeploy } from '../local/emulator/up.ts';
import { EXIT_CODES, isProgram, parseArguments, runCommand, UsageError } from './usage.ts';

export const USAGE = `npm run local:up -- [-c SETTING=VALUE]...

Starts an AWS emulator and a simulated CA on this machine, and deploys the stack to the emulator with npm run deploy. Both run
until npm run local:down.

  -c  a setting of the stack, as for cdk deploy: -c responseFormat=zip, -c collectUrl=http://127.0.0.1:8080/...

Exit status: 0 deployed, 1 not deployed, 64 wrong usage, 70 internal error.`;

function readSetting(text: string): [string, string] {
  const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
  if (name === '') {
    throw new UsageError(`-c: ${text} is not accepted; accepted: SETTING=VALUE`);
  }
  return [name, value];
}

/** Runs the command, and returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArguments({
    args,
    options: {
      context: { type: 'string', short: 'c', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  try {
    const orders = await startAndDeploy(Object.fromEntries(values.context.map(readSetting)), console.log);
    console.log(describeStarted(orders));
    return EXIT_CODES.success;
  } catch (error) {
    if (!(error instanceof EmulatorError)) {
      throw error;
    }
    console.error(error.message);
    return EXIT_CODES.problem;
  }
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, main);
}
