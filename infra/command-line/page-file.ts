import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { writeWhole } from './collect/files.ts';
import { CommandError, UsageError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { isSystemError } from './system-error.ts';

/** Everybody may read a page: it is made to be shown. The umask of the user can forbid it. */
const PAGE_MODE = 0o666;

/**
 * The name of the file of a page, as a person types it.
 *
 * @throws {UsageError} if it is none.
 */
export function requirePageFile(name: string): string {
  if (name === '' || name === '-') {
    throw new UsageError(`--html: ${name} is not accepted; accepted: the name of a file like orders.html`);
  }
  return name;
}

/**
 * Writes a page into a file, whole or not at all.
 *
 * @throws {CommandError} if the file cannot be written.
 */
export async function writePageFile(file: string, page: string): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    await writeWhole(file, Buffer.from(page), temporary, PAGE_MODE);
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    throw new CommandError(`The page cannot be written to ${file}: ${error.message}.`, {
      exitCode: EXIT_CODES.unavailable,
      next: 'Name a file that can be written, in a folder that exists, with --html.',
      cause: error,
    });
  }
}
