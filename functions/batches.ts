/** Splits a list into parts of at most `size` items and keeps their order. */
export function* inBatches<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let first = 0; first < all.length; first += size) {
    yield all.slice(first, first + size);
  }
}
