import { buildFunctions } from '../infra/build/functions.ts';

/** Builds the functions once, before all tests: the stack deploys them from dist/functions/. */
export async function setup(): Promise<void> {
  await buildFunctions();
}
