import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as v from 'valibot';
import { CollectorError } from '../../../functions/collector-error.ts';
import { parseJson } from '../../../functions/store/json.ts';
import { isSystemError, undefinedIfMissing } from '../system-error.ts';
import { makeFolder } from './files.ts';

/** How often the owner of a lock confirms that it still runs, and after how long without it the lock is free. */
const CONFIRM_MILLISECONDS = 10_000;
const STALE_MILLISECONDS = 60_000;
const RETRY_MILLISECONDS = 20;

const ownerSchema = v.object({
  pid: v.number(),
  host: v.string(),
  /** Another one for each process: a restarted container has the same host and the same ids of processes. */
  instance: v.string(),
  since: v.string(),
  released: v.optional(v.boolean()),
});

/** The process that holds a lock. */
export type LockOwner = v.InferOutput<typeof ownerSchema>;

/** Another process holds a lock. */
export class LockedError extends CollectorError {
  override readonly name = 'LockedError';
  readonly owner: LockOwner;

  constructor(owner: LockOwner) {
    super(`process ${owner.pid} on ${owner.host} has the lock since ${owner.since}`);
    this.owner = owner;
  }
}

/** A lock that this process holds. */
export interface Lock {
  /** Whether this process still holds it. A process that was stopped for a minute can lose it. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

const INSTANCE = randomUUID();

/**
 * Takes a lock between the processes that use a folder. A lock of a process that was killed is free at once on the same
 * machine, and after a minute on another one.
 *
 * The lock is a folder of numbered files, and the highest number is the present owner's. A file gets its number by
 * link(2), which only one process can do. The highest file is never deleted, so a number never returns, and a process
 * that is slow between two steps cannot take a lock that another one has taken since.
 *
 * @throws {LockedError} if another process has it.
 */
export async function acquireLock(folder: string): Promise<Lock> {
  await makeFolder(folder);
  const owner: LockOwner = { pid: process.pid, host: hostname(), instance: INSTANCE, since: new Date().toISOString() };
  const temporary = join(folder, `.${randomUUID()}`);
  for (;;) {
    const highest = (await numbersIn(folder)).at(-1) ?? 0;
    if (highest > 0 && !(await isFree(join(folder, String(highest))))) {
      await setTimeout(RETRY_MILLISECONDS);
      continue;
    }
    const own = highest + 1;
    const file = join(folder, String(own));
    try {
      await writeFile(temporary, JSON.stringify(owner), { mode: 0o600 });
      await link(temporary, file);
    } catch (error) {
      if (isSystemError(error) && error.code === 'EEXIST') {
        continue;
      }
      throw error;
    } finally {
      await unlink(temporary).catch(undefinedIfMissing);
    }
    const numbers = await numbersIn(folder);
    if (numbers.at(-1) !== own) {
      await unlink(file).catch(undefinedIfMissing);
      continue;
    }
    await removeOld(folder, numbers.slice(0, -1));
    return hold(folder, own, owner);
  }
}

function hold(folder: string, own: number, owner: LockOwner): Lock {
  const file = join(folder, String(own));
  const confirm = () => utimes(file, new Date(), new Date()).catch(() => {});
  const timer = setInterval(confirm, CONFIRM_MILLISECONDS);
  timer.unref();
  const isHeld = async () => (await numbersIn(folder)).at(-1) === own;
  return {
    isHeld,
    async release() {
      clearInterval(timer);
      if (await isHeld()) {
        const temporary = join(folder, `.${randomUUID()}`);
        try {
          await writeFile(temporary, JSON.stringify({ ...owner, released: true }), { mode: 0o600 });
          await rename(temporary, file);
        } catch {
          // On a full disk. The lock is free when this process ends.
          await unlink(temporary).catch(() => {});
        }
      }
    },
  };
}

/** The numbers of the owners, in ascending order. */
async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Whether the owner of a file no longer holds the lock. False if the file has just been replaced.
 *
 * @throws {LockedError} if it holds the lock.
 */
async function isFree(file: string): Promise<boolean> {
  try {
    const parsed = v.safeParse(ownerSchema, parseJson(await readFile(file, 'utf8')));
    const { mtimeMs } = await stat(file);
    if (!parsed.success) {
      // Not by this command: its files are complete. It does not confirm either.
      return Date.now() - mtimeMs > STALE_MILLISECONDS;
    }
    const owner = parsed.output;
    if (owner.released || Date.now() - mtimeMs > STALE_MILLISECONDS || !mayRun(owner)) {
      return true;
    }
    throw new LockedError(owner);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

/** Whether a process may run. Of other machines nothing is known. */
function mayRun({ pid, host, instance }: LockOwner): boolean {
  if (host !== hostname() || instance === INSTANCE) {
    return true;
  }
  if (pid === process.pid) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it belongs to another user.
    return isSystemError(error) && error.code !== 'ESRCH';
  }
}

/** Deletes the files of earlier owners, and those that a killed process did not finish. */
async function removeOld(folder: string, numbers: readonly number[]): Promise<void> {
  const unfinished: string[] = [];
  for (const name of (await readdir(folder)).filter((each) => each.startsWith('.'))) {
    const { mtimeMs } = (await stat(join(folder, name)).catch(undefinedIfMissing)) ?? {};
    if (mtimeMs !== undefined && Date.now() - mtimeMs > STALE_MILLISECONDS) {
      unfinished.push(name);
    }
  }
  for (const name of [...numbers.map(String), ...unfinished]) {
    await unlink(join(folder, name)).catch(undefinedIfMissing);
  }
}
