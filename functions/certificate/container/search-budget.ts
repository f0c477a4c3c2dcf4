/** A chain of 1 MiB in ZIP in base64 needs less than half of it, and a usual chain of 10 KB in PEM less than 1 %. */
const LIMIT = 8 * 1024 * 1024;

/**
 * How much a search for private keys may still read. The unit is the time that one byte takes. Work that takes longer
 * counts as more bytes, so that no crafted file is searched for long.
 */
export class SearchBudget {
  #left = LIMIT;

  get left(): number {
    return this.#left;
  }

  get isExceeded(): boolean {
    return this.#left < 0;
  }

  /** @returns whether the search may do this work. Otherwise it must end. */
  spend(bytes: number): boolean {
    this.#left -= bytes;
    return !this.isExceeded;
  }
}
