import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import type { Login } from '../../../functions/collect/login-form.ts';
import { printable } from '../../../functions/text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { InvalidLoginError, parseLogin } from '../login-text.ts';
import { readStart } from '../read-start.ts';
import { describeCode, isSystemError } from '../system-error.ts';
import type { Terminal } from '../terminal.ts';

/** Where the login at the CA comes from. */
export interface LoginSource {
  /** How messages name it. */
  readonly name: string;
  /** Whether the login can change while the command runs. */
  readonly canChange: boolean;
  /** Returns the login, or why there is none now. `fresh` reads the file again. */
  read(options: { readonly fresh: boolean }): Promise<Login | { readonly problem: string }>;
}

/** A terminal shows what a person types. Only the questions of the prompts do not. */
const SHOWN = 'it is typed into a terminal, which would show it';

/** Bytes that are read of a login. More than the reader of logins accepts. */
const READ_BYTES = 128 * 1024;

/**
 * Opens a file with the login, or standard input for `-`. If standard input is a terminal, a person is asked without echo.
 *
 * @param option with which the user names the file.
 * @throws {CommandError} if there is no login. The message does not quote what is there.
 */
export async function openLogin(
  argument: string,
  { input, folder, isInteractive }: Pick<Terminal, 'input' | 'folder' | 'isInteractive'>,
  option = '--login',
): Promise<LoginSource> {
  const isInput = argument === '-';
  const file = resolve(folder, argument);
  const name = isInput ? 'the login on standard input' : `the login in ${printable(argument)}`;
  let isReadOnce = isInput;

  async function load(): Promise<Login | { readonly problem: string }> {
    try {
      if (isInput) {
        if (isInteractive) {
          const { askLogin } = await import('../prompts.ts');
          return parseLogin(Buffer.from(await askLogin({ input, output: process.stderr })));
        }
        return input.isTTY ? { problem: SHOWN } : parseLogin(await readStart(input, READ_BYTES));
      }
      const { bytes, isPipe } = await readFileStart(file);
      if (!bytes) {
        return { problem: SHOWN };
      }
      isReadOnce = isPipe;
      return parseLogin(bytes);
    } catch (error) {
      if (error instanceof InvalidLoginError) {
        return { problem: error.message };
      }
      if (isSystemError(error)) {
        return { problem: describeCode(error) ?? String(error.code) };
      }
      throw error;
    }
  }

  let current = await load();
  if ('problem' in current) {
    throw new CommandError(`${name[0]?.toUpperCase()}${name.slice(1)} cannot be used: ${current.problem}.`, {
      exitCode: EXIT_CODES.unavailable,
      next: `Write the login name and the password on two lines of a file that only you can read, and name the file with ${option}.`,
    });
  }
  return {
    name,
    canChange: !isReadOnce,
    async read({ fresh }) {
      if (fresh && !isReadOnce) {
        current = await load();
      }
      return current;
    },
  };
}

/** Reads the beginning of a file: enough for every login, and nothing of a terminal. A pipe can be read only once. */
async function readFileStart(file: string): Promise<{ readonly bytes?: Uint8Array; readonly isPipe: boolean }> {
  const handle = await open(file, 'r');
  try {
    const isPipe = !(await handle.stat()).isFile();
    if (isatty(handle.fd)) {
      return { isPipe };
    }
    const bytes = Buffer.alloc(READ_BYTES);
    let size = 0;
    for (let read = -1; read !== 0 && size < READ_BYTES; size += read) {
      read = (await handle.read(bytes, size, READ_BYTES - size, null)).bytesRead;
    }
    return { bytes: bytes.subarray(0, size), isPipe };
  } finally {
    await handle.close();
  }
}
