import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError, undefinedIfMissing } from './system-error.ts';

/**
 * Creates a folder, and the missing ones above it. `mkdir` of Node with `recursive` does not end for a missing folder
 * whose parent exists but accepts no folders with the error ENOENT, as /proc does.
 *
 * @returns the highest folder that was created; undefined if the folder existed.
 * @throws {NodeJS.ErrnoException} if it cannot be created.
 */
export async function createFolders(folder: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await create(folder, mode);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') {
      throw error;
    }
    const parent = dirname(folder);
    // Another process may have created the parent since.
    const hasParent = (await stat(parent).catch(undefinedIfMissing)) !== undefined;
    const first = hasParent ? undefined : await createFolders(parent, mode);
    const own = await create(folder, mode);
    return first ?? own;
  }
}

/** Creates one folder, and returns it; undefined if it exists. */
async function create(folder: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(folder, { mode });
    return folder;
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST' && (await stat(folder)).isDirectory()) {
      return undefined;
    }
    throw error;
  }
}
