import { mulberry32 } from '../mulberry32.ts';

/** Random numbers that are the same in every run with the same seed. */
export interface Random {
  /** From 0 to 1, without 1. */
  next(): number;
  chance(probability: number): boolean;
  /** A number from `low` to `high`, without `high`. */
  between(low: number, high: number): number;
  /** @throws {RangeError} if the list is empty. */
  pick<T>(items: readonly T[]): T;
  /** Independent numbers: more draws in one part of the year do not change another part. */
  fork(): Random;
}

export function randomNumbers(seed: number): Random {
  const next = mulberry32(seed);
  const random: Random = {
    next,
    chance: (probability) => next() < probability,
    between: (low, high) => low + (high - low) * next(),
    pick: (items) => {
      const at = Math.floor(next() * items.length);
      for (const item of items.slice(at, at + 1)) {
        return item;
      }
      throw new RangeError('There is nothing to pick from an empty list');
    },
    fork: () => randomNumbers(Math.floor(next() * 2 ** 32)),
  };
  return random;
}
