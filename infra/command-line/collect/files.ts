import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFolders } from '../create-folders.ts';
import { undefinedIfMissing } from '../system-error.ts';

/** The user alone reads and writes what the command creates. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * Writes a file whole or not at all, also if the process or the machine stops: the bytes are on the disk before the file
 * has its name, and the name is on the disk before the function returns.
 *
 * @param temporary the file that is written first, in an existing folder of the same file system. Two processes must not
 * use the same one at the same time.
 * @param mode who may read and write the file; by default the user alone.
 */
export async function writeWhole(
  file: string,
  bytes: Uint8Array,
  temporary: string,
  mode: number = FILE_MODE,
): Promise<void> {
  const folder = dirname(file);
  await makeFolder(folder);
  try {
    const handle = await open(temporary, 'w', mode);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Creates a folder with its parents, unless it exists. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await createFolders(folder, FOLDER_MODE);
  if (first === undefined) {
    return;
  }
  for (let created = folder; created.length >= first.length; created = dirname(created)) {
    await syncFolder(dirname(created));
  }
}

/** Reads a file; undefined if there is none. */
export async function readIfPresent(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch(undefinedIfMissing);
}

/** Makes the names in a folder durable (fsync(2): "calling fsync() does not necessarily ensure that the entry in the directory"). */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and writes its names without being asked.
  if (process.platform === 'win32') {
    return;
  }
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
