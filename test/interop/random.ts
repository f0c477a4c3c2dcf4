import { randomInt } from 'node:crypto';

/** The seed of random inputs: a new one in each run, or that of `INTEROP_SEED`, which repeats a run. */
export const SEED = Number(process.env.INTEROP_SEED ?? randomInt(2 ** 31));
