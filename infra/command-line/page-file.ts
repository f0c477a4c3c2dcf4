import { randomUUID } from 'node:crypto';
import { realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeWhole } from './collect/files.ts';
import { CommandError, UsageError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { isSystemError, undefinedIfMissing } from './system-error.ts';

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
 * Writes a page into a file, whole or not at all. A pipe or a device, as /dev/stdout may be one, receives the page: another
 * file in its place would take it from every process of the machine. A link stays, and the file that it names is replaced.
 *
 * @throws {CommandError} if the file cannot be written.
 */
export async function writePageFile(file: string, page: string): Promise<void> {
  try {
    const existing = await stat(file).catch(undefinedIfMissing);
    if (existing && !existing.isFile() && !existing.isDirectory()) {
      await writeFile(file, page);
      return;
    }
    const real = existing ? await realpath(file) : file;
    const temporary = join(dirname(real), `.${basename(real)}.${randomUUID()}`);
    await writeWhole(real, Buffer.from(page), temporary, PAGE_MODE);
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
