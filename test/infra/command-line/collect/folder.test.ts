import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, parse } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WriteConflictError } from '../../../../functions/store/objects.ts';
import { folderStorage, OutsideFolderError } from '../../../../infra/command-line/collect/folder-storage.ts';
import { acquireLock, LockedError } from '../../../../infra/command-line/collect/lock.ts';
import { isoDuration, secondsOf } from '../../../../infra/timing.ts';
import { filesIn, makeTemporary } from './order.ts';

const JSON_TYPE = { type: 'application/json' };

describe('The objects of a folder', () => {
  test('A write replaces only the object that its writer read.', async () => {
    const storage = folderStorage(await makeTemporary());
    const key = 'orders/1/status.json';
    await storage.write(key, Buffer.from('one'), JSON_TYPE, {});
    await expect(storage.write(key, Buffer.from('two'), JSON_TYPE, {})).rejects.toThrow(WriteConflictError);
    const one = await storage.head(key);
    await storage.write(key, Buffer.from('two'), JSON_TYPE, one ?? {});
    await expect(storage.write(key, Buffer.from('three'), JSON_TYPE, one ?? {})).rejects.toThrow(WriteConflictError);
    await expect(storage.remove(key, one ?? {})).rejects.toThrow(WriteConflictError);
    expect(Buffer.from((await storage.read(key))?.body ?? '').toString()).toBe('two');
    await storage.remove(key, (await storage.head(key)) ?? {});
    expect([await storage.read(key), await storage.head(key)]).toEqual([undefined, undefined]);
  });

  test('Received bytes that are replaced or removed stay as versions.', async () => {
    const folder = await makeTemporary();
    const storage = folderStorage(folder);
    const key = 'orders/1/response.p7b';
    await storage.write(key, Buffer.from('one'), JSON_TYPE, {});
    await storage.write(key, Buffer.from('two'), JSON_TYPE, (await storage.head(key)) ?? {});
    await storage.remove(key, (await storage.head(key)) ?? {});
    const versions = [...(await filesIn(join(folder, 'versions', key))).values()].map(String);
    expect(versions.sort()).toEqual(['one', 'two']);
  });

  test.each([
    '../x',
    'orders/../../x',
    '/etc/x',
    'orders//x',
    'orders/./x',
    'orders/.x',
    'a\\b',
    'orders/x\0',
    '',
    'C:x',
  ])('The key %j is refused.', async (key) => {
    const folder = await makeTemporary();
    const storage = folderStorage(join(folder, 'inner'));
    await expect(storage.write(key, Buffer.from('x'), JSON_TYPE, {})).rejects.toThrow(OutsideFolderError);
    await expect(storage.read(key)).rejects.toThrow(OutsideFolderError);
    expect(await readdir(folder)).toEqual([]);
  });

  test('A link does not lead out of the folder.', async () => {
    const [inside, outside] = [await makeTemporary(), await makeTemporary()];
    await mkdir(join(inside, 'orders'));
    await symlink(outside, join(inside, 'orders', '1'));
    await writeFile(join(outside, 'status.json'), 'outside');
    const storage = folderStorage(inside);
    await expect(storage.read('orders/1/status.json')).rejects.toThrow(/is a link to/);
    await expect(storage.write('orders/1/x.json', Buffer.from('x'), JSON_TYPE, {})).rejects.toThrow(OutsideFolderError);
    expect(await readdir(outside)).toEqual(['status.json']);
  });

  test('A link to a folder whose name begins with that of the folder leads out of it.', async () => {
    const folder = await makeTemporary();
    await mkdir(join(folder, 'a', 'orders'), { recursive: true });
    await mkdir(join(folder, 'a-1'));
    await symlink(join(folder, 'a-1'), join(folder, 'a', 'orders', '1'));
    await expect(folderStorage(join(folder, 'a')).read('orders/1/x.json')).rejects.toThrow(OutsideFolderError);
  });

  test('The folder may be the root of the file system, and a link may stay in the folder.', async () => {
    const folder = await makeTemporary();
    await mkdir(join(folder, 'orders', '2'), { recursive: true });
    await symlink(join(folder, 'orders', '2'), join(folder, 'orders', '1'));
    await writeFile(join(folder, 'orders', '2', 'x.json'), 'inside');
    const { root } = parse(folder);
    for (const [storage, key] of [
      [folderStorage(folder), 'orders/1/x.json'],
      [folderStorage(root), join(folder, 'orders/1/x.json').slice(root.length)],
    ] as const) {
      expect(String((await storage.read(key))?.body)).toBe('inside');
    }
  });
});

describe('A lock', () => {
  const owner = { pid: process.pid, host: hostname(), instance: 'another', since: '2026-11-01T00:00:00.000Z' };
  /** A lock whose owner was killed, or runs on another machine. */
  async function lockOf(change: Partial<typeof owner>, ageSeconds = 0): Promise<string> {
    const folder = await makeTemporary();
    await writeFile(join(folder, '7'), JSON.stringify({ ...owner, ...change }));
    const time = Date.now() / 1000 - ageSeconds;
    await utimes(join(folder, '7'), time, time);
    return folder;
  }

  test('It belongs to one owner at a time, and is free after its release.', async () => {
    const folder = await makeTemporary();
    const lock = await acquireLock(folder);
    const error = await acquireLock(folder).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LockedError);
    expect(error).toMatchObject({ owner: { pid: process.pid, host: hostname() } });
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
    const next = await acquireLock(folder);
    expect([await lock.isHeld(), await next.isHeld()]).toEqual([false, true]);
    await next.release();
  });

  test('Of many that try at once, one gets it.', async () => {
    const folder = await lockOf({ pid: 2 ** 22 + 1 });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(folder)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test.each([
    ['a process that does not exist', { pid: 2 ** 22 + 1 }, 0],
    ['an earlier process with the id of this one, as in a restarted container', {}, 0],
    ['a machine that has not confirmed it for a minute', { host: 'elsewhere' }, 61],
    ['a process whose id another one has now', { pid: process.ppid }, 61],
  ])('It is free if it is that of %s.', async (_, change, age) => {
    const folder = await lockOf(change, age);
    const lock = await acquireLock(folder);
    expect(await lock.isHeld()).toBe(true);
    expect(await readdir(folder)).toEqual(['8']);
    await lock.release();
  });

  test.each([
    ['a running process', { pid: process.ppid }],
    ['another machine', { host: 'elsewhere' }],
  ])('It is not free if it is that of %s.', async (_, change) => {
    const folder = await lockOf(change);
    await expect(acquireLock(folder)).rejects.toThrow(/^process \d+ on \S+ has the lock since 2026-11-01/);
    expect(JSON.parse(await readFile(join(folder, '7'), 'utf8'))).toEqual({ ...owner, ...change });
  });
});

describe('A duration', () => {
  test.each([
    ['PT3H', 10_800],
    ['P90D', 7_776_000],
    ['P1DT2H3M4S', 93_784],
    ['PT1S', 1],
  ])('%s has %d seconds.', (text, seconds) => {
    expect([secondsOf(text), isoDuration(seconds)]).toEqual([seconds, text]);
  });

  test.each(['', 'P', 'PT', 'P1', '3H', 'PT3h', 'P1Y', 'P1M', 'PT-1S', 'PT1.5S', ' PT1S', 'P1DT'])(
    '%j is refused.',
    (text) => {
      expect(secondsOf(text)).toBeUndefined();
    },
  );
});
