import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** The changes of the file system by this process. */
export interface FileChanges {
  /** How many were begun. */
  readonly count: number;
  /** Ends the observation. */
  restore(): void;
}

/**
 * Observes the changes of the file system that the command makes: each file that it creates, writes, renames, links or
 * deletes, and each folder that it creates.
 *
 * @param before runs before each change with its number, from 1, and with the name of the function. Of a write, half of
 * the bytes are already written. What it throws is the result of the change. It is synchronous, so that nothing else is
 * changed meanwhile.
 */
export async function observeFileChanges(before: (change: number, name: string) => void): Promise<FileChanges> {
  let count = 0;
  const originals: (() => void)[] = [];

  function replace(
    target: Record<string, unknown>,
    name: string,
    replacement: (original: Action, args: unknown[]) => Promise<unknown>,
  ): void {
    const original = target[name] as Action;
    originals.push(() => {
      target[name] = original;
    });
    target[name] = function (this: unknown, ...args: unknown[]) {
      return replacement((...given) => original.apply(this, given), args);
    };
  }

  /** @param position of the bytes among the arguments. */
  function observeWrites(target: Record<string, unknown>, position: 0 | 1): void {
    replace(target, 'writeFile', async (original, args) => {
      const change = ++count;
      const bytes = Buffer.from(args[position] as Uint8Array);
      const half = bytes.length / 2;
      await original(...args.with(position, bytes.subarray(0, half)));
      before(change, 'write');
      const rest = args.with(position, bytes.subarray(half));
      // An open file continues at its position.
      return position === 0 ? original(...rest) : original(...rest.slice(0, 2), { flag: 'a' });
    });
  }

  const handle = await fs.open(import.meta.filename, 'r');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const functions = fs as unknown as Record<string, unknown>;
  observeWrites(prototype, 0);
  observeWrites(functions, 1);
  for (const name of ['mkdir', 'rename', 'link', 'unlink', 'open']) {
    replace(functions, name, async (original, args) => {
      if (name !== 'open' || args[1] === 'w') {
        before(++count, name);
      }
      return original(...args);
    });
  }
  syncBuiltinESMExports();
  return {
    get count() {
      return count;
    },
    restore() {
      for (const restoreOne of originals) {
        restoreOne();
      }
      syncBuiltinESMExports();
    },
  };
}

type Action = (...args: unknown[]) => Promise<unknown>;
