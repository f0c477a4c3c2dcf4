import { runWithEmulator } from '../local/emulator/run.ts';
import { readRunning } from '../local/emulator/state.ts';
import { EXIT_CODES, isProgram, runCommand, UsageError } from './usage.ts';

export const USAGE = `npm run local -- [COMMAND [ARGUMENT]...]

Runs a command against the AWS emulator that npm run local:up started. Without COMMAND, it starts your shell ($SHELL), or bash
if the variable SHELL is not set.

The command gets the variables AWS_..., BUCKET, MACHINE, SECRET and PUSH_URL. On its PATH are mark-certificates and an AWS CLI.
Your shell does not get them, so a command that contains $BUCKET needs another shell:

  npm run local -- mark-certificates orders
  npm run local -- sh -c 'aws s3 ls "s3://$BUCKET/"'

Exit status: that of the command; 2 no emulator is running or the command cannot be started, 64 wrong usage,
70 internal error.`;

/** The folder in which the user typed the command: npm runs scripts in the folder of the project. */
const USER_FOLDER = process.env.INIT_CWD ?? process.cwd();

/** Runs the command, and returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const [first] = args;
  if (first === '-h' || first === '--help') {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  if (first === '' || first?.startsWith('-')) {
    throw new UsageError(`${JSON.stringify(first)} is not accepted; accepted: a command and its arguments`);
  }
  const running = await readRunning();
  if (!running) {
    console.error('No emulator is running. npm run local:up starts it.');
    return EXIT_CODES.unavailable;
  }
  if (first === undefined) {
    console.error('This shell uses the AWS emulator. Leave it with exit.');
  }
  const command = first === undefined ? [process.env.SHELL || 'bash'] : args;
  try {
    return await runWithEmulator(running, command, USER_FOLDER);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) {
      throw error;
    }
    console.error(`The command ${command[0]} does not exist or cannot be started (${error.message}).`);
    return EXIT_CODES.unavailable;
  }
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, main);
}
