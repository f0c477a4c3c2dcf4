import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { cloud } from './suite.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'infra', 'command-line', 'main.ts');

/** What a command printed, and how it ended. */
export interface Typed {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a command in another process with the environment of the emulator, as a person would type it.
 *
 * @param input standard input.
 */
export function type(args: readonly string[], input = ''): Promise<Typed> {
  const { PATH: _, ...environment } = cloud.environment;
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, out, err) => {
        const exitCode = error ? error.code : 0;
        if (typeof exitCode === 'number') {
          resolve({ exitCode, out, err });
        } else {
          reject(error);
        }
      },
    );
    child.stdin?.end(input);
  });
}
