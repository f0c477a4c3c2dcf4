/** Failures of S3 at each request of a run. */
import { expect } from 'vitest';
import type { S3Request, S3Server } from './s3-server.ts';

/** Answers of S3 that end a run: status and code. */
export const ENDING_ANSWERS = [
  [500, 'InternalError'],
  [503, 'SlowDown'],
  [403, 'AccessDenied'],
] as const;

/** A run without failures. */
export interface Rehearsal {
  readonly requests: readonly S3Request[];
  /** Brings back the state before the run. */
  readonly restore: () => void;
}

/** Prepares a state, then runs once without failures. */
export async function rehearse(
  server: S3Server,
  prepare: () => Promise<unknown>,
  run: () => Promise<unknown>,
): Promise<Rehearsal> {
  await prepare();
  const restore = server.snapshot();
  const before = server.requests.length;
  await run();
  return { requests: server.requests.slice(before), restore };
}

/**
 * For each request of a run: gives it this answer, expects that the run fails with it and sends no further request, and
 * then verifies what a repetition does.
 */
export async function failAtEach(
  server: S3Server,
  { requests, restore }: Rehearsal,
  { status, code }: { readonly status: number; readonly code: string },
  run: () => Promise<unknown>,
  verify: (place: string) => Promise<void>,
): Promise<void> {
  for (const [index, { method, key }] of requests.entries()) {
    const place = `${method} ${key}, request ${index + 1}`;
    restore();
    let count = 0;
    server.before = () => (count++ === index ? { status, code } : undefined);
    const $metadata = expect.objectContaining({ httpStatusCode: status });
    await expect(run(), place).rejects.toMatchObject({ $metadata });
    expect(count, place).toBe(index + 1);
    server.before = () => undefined;
    await verify(place);
  }
}

/** The process of the client `interrupted` ends after so many answered requests. */
export function endAfter(server: S3Server, answered: number): void {
  let count = 0;
  server.before = ({ client }) => {
    if (client === 'interrupted' && count++ >= answered) {
      throw new Error('the process has ended');
    }
    return undefined;
  };
}
