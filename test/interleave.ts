import type { S3Server } from './s3-server.ts';

/**
 * Runs writers concurrently, but lets one request at a time take effect. When every writer waits for a request or has
 * finished, `choose` selects the client whose request is next. So the choices determine the order of all requests, and
 * a run can be repeated. Each writer must be a client of that name and send one request after another.
 */
export async function interleave<T>(
  server: S3Server,
  writers: Readonly<Record<string, () => Promise<T>>>,
  choose: (waiting: readonly string[]) => string | undefined,
): Promise<PromiseSettledResult<T>[]> {
  const waiting = new Map<string, () => void>();
  let running = Object.keys(writers).length;
  const resumeNext = () => {
    running -= 1;
    const chosen = running === 0 && waiting.size > 0 ? choose([...waiting.keys()].sort()) : undefined;
    const resume = chosen && waiting.get(chosen);
    if (chosen && resume) {
      waiting.delete(chosen);
      running = 1;
      resume();
    }
  };
  server.before = ({ client = '' }) =>
    new Promise<undefined>((resolve) => {
      waiting.set(client, () => resolve(undefined));
      resumeNext();
    });
  const results = await Promise.allSettled(Object.values(writers).map((write) => write().finally(resumeNext)));
  server.before = () => undefined;
  return results;
}

/**
 * Chooses clients by a list of numbers, one for each request, and the first waiting client after the end of the list.
 */
export function chooseBy(numbers: readonly number[]) {
  let turn = 0;
  return (waiting: readonly string[]) => waiting[(numbers[turn++] ?? 0) % waiting.length];
}
