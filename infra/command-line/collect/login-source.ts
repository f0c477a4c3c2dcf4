import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Login } from '../../../functions/collect/login-form.ts';
import { printable } from '../../../functions/text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { InvalidLoginError, parseLogin } from '../login-text.ts';
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

/** Bytes that are read of a login. More than the reader of logins accepts. */
const READ_BYTES = 128 * 1024;

/**
 * Opens a file with the login, or standard input for `-`.
 *
 * @param option with which the user names the file.
 * @throws {CommandError} if there is no login. The message does not quote what is there.
 */
export async function openLogin(
  argument: string,
  { input, folder }: Pick<Terminal, 'input' | 'folder'>,
  option = '--login',
): Promise<LoginSource> {
  const isInput = argument === '-';
  const file = resolve(folder, argument);
  const name = isInput ? 'the login on standard input' : `the login in ${printable(argument)}`;
  let isReadOnce = isInput;

  async function load(): Promise<Login | { readonly problem: string }> {
    try {
      if (isInput) {
        return parseLogin(await buffer(input));
      }
      const { bytes, isPipe } = await readStart(file);
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

/** Reads the beginning of a file: enough for every login. A pipe can be read only once. */
async function readStart(file: string): Promise<{ readonly bytes: Uint8Array; readonly isPipe: boolean }> {
  const handle = await open(file, 'r');
  try {
    const isPipe = !(await handle.stat()).isFile();
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
