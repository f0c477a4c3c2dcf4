import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { EMULATOR_BIN, withAwsVariables } from './emulator.ts';
import type { RunningEmulator } from './state.ts';

/** The folder of `mark-certificates`, the command line of this project. */
const COMMAND_LINE_BIN = join(import.meta.dirname, 'bin');

/**
 * Runs a command on this terminal with the environment of a running emulator: its variables, and its AWS CLI and
 * `mark-certificates` on the PATH.
 *
 * @returns the exit code of the command, or 128 and the number of the signal that ended it.
 * @throws if the command cannot be started, with the code of the operating system.
 */
export async function runWithEmulator(
  { environment }: RunningEmulator,
  [command = '', ...args]: readonly string[],
  folder: string,
): Promise<number> {
  const child = spawn(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: withAwsVariables(process.env, {
      ...environment,
      PATH: [COMMAND_LINE_BIN, EMULATOR_BIN, process.env.PATH ?? ''].join(delimiter),
    }),
  });
  // Ctrl-C reaches the command too, which decides what it does. A terminated command must not stay behind.
  const ignore = () => {};
  const terminate = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', terminate);
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', terminate);
  }
}
