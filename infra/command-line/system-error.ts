import { printable } from '../../functions/text.ts';
import { CommandError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** An error of the operating system, for example a missing file. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/**
 * Turns the error about a missing file into undefined.
 *
 * @throws {unknown} every other error.
 */
export function undefinedIfMissing(error: unknown): undefined {
  if (!isSystemError(error) || error.code !== 'ENOENT') {
    throw error;
  }
}

/** The clause about a missing file. */
export const FILE_MISSING = 'the file does not exist';

/** Node's codes for a file that cannot be read or written, in words. */
const CODES: Readonly<Record<string, string>> = {
  ENOENT: FILE_MISSING,
  EISDIR: 'the path is a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ENOTDIR: 'a file is where a folder must be',
  EEXIST: 'a file is where a folder must be',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
};

/** Why a file cannot be read or written, as a clause; undefined for a code that is rare. */
export function describeCode({ code }: NodeJS.ErrnoException): string | undefined {
  return CODES[String(code)];
}

/** The error about a folder in which nothing can be written, whatever the user calls it. */
export function folderError(folder: string, error: Error): CommandError {
  const reason = (isSystemError(error) && describeCode(error)) || error.message;
  return new CommandError(`The folder ${printable(folder)} cannot be used: ${printable(reason)}.`, {
    exitCode: EXIT_CODES.unavailable,
    next: 'Make sure that you can write to the folder and that its disk is not full, or name another folder.',
    cause: error,
  });
}
