import * as v from 'valibot';
import { parseJson, toJsonBytes } from './json.ts';
import { type Bucket, type Listing, readObjects } from './listing.ts';
import { dateSchema } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';

/** Readers decide by the object, so it must never come from a cache. */
const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** The folder of the watched domains. */
export const WATCHED = 'watched/';

/** Matches the keys of all watched domains and no other keys. The groups are the domain and the selector. */
export const WATCHED_KEY = /^watched\/([^/]+)\/([^/]+)\.json$/;

const watchedSchema = v.object({
  schemaVersion: v.literal(1),
  /** The name of the collector. */
  collector: v.string(),
  domain: v.string(),
  selector: v.string(),
  /** When a person asked to watch the domain. */
  since: dateSchema,
});

/** `watched/<domain>/<selector>.json`: a domain whose BIMI record and files someone else serves. */
export type WatchedDomain = v.InferOutput<typeof watchedSchema>;

/** The key of a watched domain. */
export function watchedKey(domain: string, selector: string): string {
  return `${WATCHED}${domain}/${selector}.json`;
}

/**
 * Stores that a domain is watched. A damaged object is replaced.
 *
 * @returns the stored object, and whether it is new.
 * @throws {WriteConflictError} if other writers were faster eight times.
 */
export function watchDomain(
  { read, write }: ObjectStorage,
  watched: WatchedDomain,
): Promise<{ readonly watched: WatchedDomain; readonly isNew: boolean }> {
  const key = watchedKey(watched.domain, watched.selector);
  return retryOnConflict(async () => {
    const object = await read(key);
    const stored = object && parseWatched(object.body, key);
    if (stored?.success) {
      return { watched: stored.output, isNew: false };
    }
    await write(key, toJsonBytes(watched), HEADERS, { etag: object?.etag });
    return { watched, isNew: true };
  });
}

/**
 * Deletes that a domain is watched. S3 keeps the object as a version.
 *
 * @returns whether it was watched.
 * @throws {WriteConflictError} if other writers were faster eight times.
 */
export function unwatchDomain({ read, remove }: ObjectStorage, domain: string, selector: string): Promise<boolean> {
  const key = watchedKey(domain, selector);
  return retryOnConflict(async () => {
    const object = await read(key);
    if (object === undefined) {
      return false;
    }
    await remove(key, { etag: object.etag });
    return true;
  });
}

/**
 * Reads every watched domain, in the order of their names.
 *
 * @throws {S3ServiceException} if an object cannot be read.
 */
export function listWatched(bucket: Bucket): Promise<Listing<WatchedDomain>> {
  return readObjects(bucket, WATCHED, WATCHED_KEY, parseWatched);
}

/** Parses the bytes of a watched domain. One about another domain than its key has an issue, like a damaged one. */
function parseWatched(bytes: Uint8Array, key: string) {
  const schema = v.pipe(
    watchedSchema,
    v.check(
      ({ domain, selector }) => watchedKey(domain, selector) === key,
      ({ input }) => `it is about ${input.domain} with the selector ${input.selector}`,
    ),
  );
  return v.safeParse(schema, parseJson(Buffer.from(bytes).toString()));
}
