import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { printable } from '../../../functions/text.ts';
import { createFolders } from '../create-folders.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { folderError, isSystemError, undefinedIfMissing } from '../system-error.ts';

/** A file of a set. */
export interface SetFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** How a file differs from what was in the folder before. */
export type Change = 'written' | 'replaced' | 'unchanged';

export interface WrittenSet {
  readonly changes: ReadonlyMap<string, Change>;
  /** Names of files in the folder that do not belong to the set. */
  readonly others: readonly string[];
}

/**
 * Writes a set of files into a folder. A new folder appears with all files or not at all. In an existing folder each file
 * is whole, and the last one is written last, so a reader that finds it finds a complete set.
 *
 * @param files the last one is the one that readers trust.
 * @param replace whether files with other bytes are replaced.
 * @throws {CommandError} if the folder contains other files of these names, or cannot be written.
 */
export async function writeSet(folder: string, files: readonly SetFile[], replace: boolean): Promise<WrittenSet> {
  try {
    const existing = await readdir(folder).catch(undefinedIfMissing);
    return existing === undefined
      ? await createFolder(folder, files)
      : await fillFolder(folder, existing, files, replace);
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    throw folderError(folder, error);
  }
}

async function createFolder(folder: string, files: readonly SetFile[]): Promise<WrittenSet> {
  const temporary = join(dirname(folder), `.${basename(folder)}.${randomUUID()}`);
  let first: string | undefined;
  try {
    first = await createFolders(temporary);
    for (const { name, bytes } of files) {
      await writeFile(join(temporary, name), bytes, { flag: 'wx', flush: true });
    }
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    await removeParents(temporary, first ?? temporary);
    throw error;
  }
  return { changes: new Map(files.map(({ name }) => [name, 'written'])), others: [] };
}

/** Removes the folders that were made for a folder, unless somebody else uses them now. */
async function removeParents(folder: string, first: string): Promise<void> {
  for (let parent = dirname(folder); parent.length >= first.length; parent = dirname(parent)) {
    await rmdir(parent).catch(() => {});
  }
}

async function fillFolder(
  folder: string,
  existing: readonly string[],
  files: readonly SetFile[],
  replace: boolean,
): Promise<WrittenSet> {
  const changes = new Map<string, Change>();
  for (const { name, bytes } of files) {
    const isEqual = existing.includes(name) && Buffer.from(bytes).equals(await readFile(join(folder, name)));
    changes.set(name, isEqual ? 'unchanged' : existing.includes(name) ? 'replaced' : 'written');
  }
  const differing = files.flatMap(({ name }) => (changes.get(name) === 'replaced' ? [name] : []));
  if (differing.length > 0 && !replace) {
    throw new CommandError(`${printable(folder)} contains other files: ${differing.join(', ')}. Nothing was written.`, {
      exitCode: EXIT_CODES.problem,
      next: 'Add --force to replace them, or name another folder.',
    });
  }
  const changed = files.filter(({ name }) => changes.get(name) !== 'unchanged');
  const temporaryOf = new Map(changed.map(({ name }) => [name, join(folder, `.${name}.${randomUUID()}`)]));
  try {
    for (const { name, bytes } of changed) {
      await writeFile(temporaryOf.get(name) ?? '', bytes, { flag: 'wx', flush: true });
    }
    const last = files.at(-1)?.name ?? '';
    if (changes.get(last) === 'replaced') {
      // Without it, nobody takes a mixture of two sets for one.
      await rm(join(folder, last));
    }
    for (const [name, temporary] of temporaryOf) {
      await rename(temporary, join(folder, name));
    }
  } finally {
    await Promise.all([...temporaryOf.values()].map((temporary) => rm(temporary, { force: true })));
  }
  return { changes, others: existing.filter((name) => !changes.has(name)) };
}
