import type { S3Server } from './s3-server.ts';

/**
 * Runs the writers at once, but lets only one request at a time take effect: whenever every writer waits or is done, the
 * next one is chosen among those that wait. The choices decide the whole course, so it can be repeated; for that, a writer
 * sends one request after the other.
 */
export async function interleave<T>(
  server: S3Server,
  writers: Readonly<Record<string, () => Promise<T>>>,
  choose: (waiting: readonly string[]) => string | undefined,
): Promise<PromiseSettledResult<T>[]> {
  const waiting = new Map<string, () => void>();
  let busy = Object.keys(writers).length;
  const rest = () => {
    busy -= 1;
    const chosen = busy === 0 && waiting.size > 0 ? choose([...waiting.keys()].sort()) : undefined;
    const go = chosen && waiting.get(chosen);
    if (chosen && go) {
      waiting.delete(chosen);
      busy = 1;
      go();
    }
  };
  server.before = ({ client = '' }) =>
    new Promise<undefined>((resolve) => {
      waiting.set(client, () => resolve(undefined));
      rest();
    });
  const results = await Promise.allSettled(Object.values(writers).map((write) => write().finally(rest)));
  server.before = () => undefined;
  return results;
}

/** Chooses by the numbers, one a request; when they end, the first that waits. */
export function by(numbers: readonly number[]) {
  let turn = 0;
  return (waiting: readonly string[]) => waiting[(numbers[turn++] ?? 0) % waiting.length];
}
