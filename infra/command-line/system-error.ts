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

/** Node's codes for a file that cannot be read, in words. */
const CODES: Readonly<Record<string, string>> = {
  ENOENT: FILE_MISSING,
  EISDIR: 'the path is a folder',
  EACCES: 'permission is denied',
};

/** Why a file cannot be read, as a clause; undefined for a code that is rare. */
export function describeCode({ code }: NodeJS.ErrnoException): string | undefined {
  return CODES[String(code)];
}
