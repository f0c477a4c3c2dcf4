import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFolders } from '../../../infra/command-line/create-folders.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folders-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('A folder is created with the missing ones above it', () => {
  test.each([
    ['a', 'a'],
    ['a/b/c', 'a'],
  ])('%s: the highest new one is %s.', async (path, highest) => {
    expect(await createFolders(join(folder, path), 0o700)).toBe(join(folder, highest));
    const { mode } = await stat(join(folder, path));
    expect(mode & 0o777).toBe(0o700);
    expect(await createFolders(join(folder, path))).toBeUndefined();
    expect(await createFolders(join(folder, path, 'd'))).toBe(join(folder, path, 'd'));
  });

  test('Several at the same time do not disturb each other.', async () => {
    const created = await Promise.all(Array.from({ length: 20 }, () => createFolders(join(folder, 'a/b/c'))));
    expect(new Set(created).size).toBeGreaterThan(1);
    expect((await stat(join(folder, 'a/b/c'))).isDirectory()).toBe(true);
  });
});

describe('What cannot be created is an error at once', () => {
  test.each(['file', 'file/a', 'file/a/b'])('A file is where a folder must be: %s.', async (path) => {
    await writeFile(join(folder, 'file'), '');
    await expect(createFolders(join(folder, path))).rejects.toMatchObject({ syscall: expect.any(String) });
  });

  test.runIf(process.platform === 'linux').each(['/proc/new', '/proc/new/folder'])(
    'A parent accepts no folders: %s.',
    async (path) => {
      await expect(createFolders(path)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );
});
