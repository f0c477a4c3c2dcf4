import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { BIN } from './install.ts';

/**
 * Runs a command of the installed Python, and returns what it prints.
 *
 * @param command `python` or the command of a checker.
 * @param input the standard input.
 * @param accepted the exit codes that a checker uses for findings.
 * @throws {Error} for every other exit code, with the error output.
 */
export async function runPython(
  command: string,
  args: readonly string[],
  { input = '', accepted = [0] }: { readonly input?: string; readonly accepted?: readonly number[] } = {},
): Promise<string> {
  const process = spawn(`${BIN}/${command}`, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  process.stdin.end(input);
  const [output, errors, [code]] = await Promise.all([
    text(process.stdout),
    text(process.stderr),
    once(process, 'exit'),
  ]);
  if (!accepted.includes(code)) {
    throw new Error(`${command} ended with exit code ${code}:\n${errors}`);
  }
  return output;
}
