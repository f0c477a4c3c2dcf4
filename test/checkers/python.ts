import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { text } from 'node:stream/consumers';
import { withAwsVariables } from '../../infra/local/emulator/emulator.ts';
import { BIN } from './install.ts';

/** The environment of the checkers: without the AWS settings of the user, and without a proxy for moto. */
export const ENVIRONMENT = withAwsVariables(process.env, {
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
});

/**
 * Runs a command of the installed Python, and returns what it prints.
 *
 * @param command `python` or the command of a checker.
 * @param input the standard input.
 * @throws {Error} if the exit code is not 0, with the error output.
 */
export async function runPython(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(`${BIN}/${command}`, args, { stdio: ['pipe', 'pipe', 'pipe'], env: ENVIRONMENT });
  child.stdin.end(input);
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) {
    throw new Error(`${command} ended with exit code ${code}:\n${errors}`);
  }
  return output;
}
