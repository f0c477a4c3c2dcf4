/** What a mail receiver gets of published objects, through caches, in virtual time. Nothing waits. */
import { createHash } from 'node:crypto';
import type { S3Server } from '../../s3-server.ts';

/** An object as a cache gets it. */
interface Served {
  readonly body: Buffer;
  readonly maxAgeSeconds: number;
}

/** Serves an object at a time in milliseconds; undefined if there is none. */
export type Source = (key: string, at: number) => Served | undefined;

/** @param maxAgeSeconds the `max-age` of every object; default: that of its Cache-Control. */
export function originOf(server: S3Server, maxAgeSeconds?: number): Source {
  return (key) => {
    const object = server.peek(key);
    const maxAge = maxAgeSeconds ?? Number(/max-age=(\d+)/.exec(object?.cacheControl ?? '')?.[1]);
    return object && { body: object.body, maxAgeSeconds: maxAge };
  };
}

/** A cache that keeps each object for its `max-age`, and does not subtract the age that it has in another cache. */
export function cacheOf(source: Source): Source {
  const kept = new Map<string, { readonly until: number; readonly served: Served | undefined }>();
  return (key, at) => {
    const found = kept.get(key);
    if (found && at < found.until) {
      return found.served;
    }
    const served = source(key, at);
    kept.set(key, { until: at + (served?.maxAgeSeconds ?? 0) * 1000, served });
    return served;
  };
}

/** Two edge locations of one region and one of another. */
export function edgesOf(origin: Source): readonly Source[] {
  const region = cacheOf(origin);
  return [cacheOf(region), cacheOf(region), cacheOf(cacheOf(origin))];
}

/** The addresses that a receiver reads, and the logo that belongs to each chain, both as SHA-256. */
export interface Reading {
  readonly chainKey: string;
  readonly logoKey: string;
  readonly logoOfChain: ReadonlyMap<string, string>;
}

/**
 * Receivers that read a chain, and up to five seconds later the logo, each at one of the edge locations.
 *
 * @param everySeconds the average time between two of them.
 */
export function startReceivers(
  edges: readonly Source[],
  { chainKey, logoKey, logoOfChain }: Reading,
  { everySeconds, random }: { readonly everySeconds: number; readonly random: () => number },
) {
  const digests = new WeakMap<Buffer, string>();
  const mixedAt: number[] = [];
  let reads = 0;
  let next = 0;
  let waiting: { readonly at: number; readonly logo: string | undefined }[] = [];

  return {
    /** The time of each read of a logo that is not that of its chain. */
    mixedAt,
    /** The number of pairs that were read. */
    reads: () => reads,

    /** Lets the receivers read until this time, in milliseconds. */
    readUntil(time: number): void {
      for (; next <= time; next += random() * 2 * everySeconds * 1000) {
        readLogos(next);
        const chain = readAt(chainKey, next);
        waiting.push({ at: next + random() * 5000, logo: chain && logoOfChain.get(chain) });
      }
      readLogos(time);
    },
  };

  function readLogos(time: number): void {
    if (!waiting.some(({ at }) => at <= time)) {
      return;
    }
    const due = waiting.filter(({ at }) => at <= time).toSorted((one, other) => one.at - other.at);
    waiting = waiting.filter(({ at }) => at > time);
    for (const { at, logo } of due) {
      reads += 1;
      if (readAt(logoKey, at) !== logo) {
        mixedAt.push(at);
      }
    }
  }

  function readAt(key: string, at: number): string | undefined {
    const body = edges[Math.floor(random() * edges.length)]?.(key, at)?.body;
    if (!body) {
      return undefined;
    }
    const digest = digests.get(body) ?? createHash('sha256').update(body).digest('hex');
    digests.set(body, digest);
    return digest;
  }
}
