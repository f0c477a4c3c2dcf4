import { stop } from '../local/emulator/up.ts';
import { EXIT_CODES, isProgram, parseArguments, runCommand } from './usage.ts';

export const USAGE = `npm run local:down

Stops what npm run local:up started. The emulator keeps everything in memory: the stack and its objects are gone afterwards.

Exit status: 0 stopped or not running, 64 wrong usage, 70 internal error.`;

/** Runs the command, and returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArguments({ args, options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const stopped = await stop();
  console.log(stopped ? 'The emulator has stopped. Everything in it is gone.' : 'No emulator is running.');
  return EXIT_CODES.success;
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, main);
}
