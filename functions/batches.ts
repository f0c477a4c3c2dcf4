/** Work on many items. */

/** Splits a list into parts of at most `size` items and keeps their order. */
export function* inBatches<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let first = 0; first < all.length; first += size) {
    yield all.slice(first, first + size);
  }
}

/**
 * Works on items in their order, on at most `limit` at the same time. A slow item delays only itself, unlike in a batch.
 *
 * @param hasTime is asked before each item. If it returns false, no further work starts.
 * @returns the number of items on which work was done: always the first ones.
 * @throws the first error of the work, at once. No work starts after it.
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
  hasTime: () => boolean = () => true,
): Promise<number> {
  const queue = items.entries();
  let started = 0;
  let hasFailed = false;
  const worker = async () => {
    while (!hasFailed && started < items.length && hasTime()) {
      const { value } = queue.next();
      if (value === undefined) {
        return;
      }
      started += 1;
      const [index, item] = value;
      try {
        await work(item, index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return started;
}

/** Runs work as soon as fewer than the limit run. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** A limit for work of one kind: at most `count` run at the same time, and the others wait in their order. */
export function createLimit(count: number): Limit {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) {
      free -= 1;
    } else {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) {
        next();
      } else {
        free += 1;
      }
    }
  };
}
