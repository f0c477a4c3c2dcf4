import * as v from 'valibot';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';

/** The object that contains what the surveys found for the watched domains. */
export const WATCHED_CHECKS_KEY = 'overview/watched.json';

const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

const checkSchema = v.object({
  checkedAt: dateSchema,
  /** The ids of the differences. */
  differences: v.array(v.string()),
  /** The served certificate; null if no chain is served, or if it cannot be read. */
  certificate: v.nullable(
    v.object({
      fingerprintSha256: v.string(),
      /** The organization of the subject, which owns the mark; null if the certificate names none. */
      owner: v.nullable(v.string()),
      notAfter: dateSchema,
    }),
  ),
  /** The certificate whose revocation was reported. */
  revocationReported: v.optional(v.string()),
});

const checksSchema = v.object({
  schemaVersion: v.literal(1),
  /** By `<domain>/<selector>`. */
  domains: v.record(v.string(), checkSchema),
});

/** The last check of a watched domain. */
export type WatchedCheck = v.InferOutput<typeof checkSchema>;

/** The last checks, by `<domain>/<selector>`. */
export type WatchedChecks = ReadonlyMap<string, WatchedCheck>;

/** The name of a watched domain in the checks. */
export function watchedName({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return `${domain}/${selector}`;
}

/** The last checks. A missing or damaged object contains none. */
export async function readWatchedChecks({ read }: Pick<ObjectStorage, 'read'>): Promise<WatchedChecks> {
  return parseChecks((await read(WATCHED_CHECKS_KEY))?.body);
}

/**
 * Replaces the last checks.
 *
 * @param change returns the new checks.
 * @returns the stored checks.
 * @throws {WriteConflictError} if other surveys were faster eight times.
 */
export function updateWatchedChecks(
  { read, write }: Pick<ObjectStorage, 'read' | 'write'>,
  change: (stored: WatchedChecks) => WatchedChecks,
): Promise<WatchedChecks> {
  return retryOnConflict(async () => {
    const object = await read(WATCHED_CHECKS_KEY);
    const stored = parseChecks(object?.body);
    const next = change(stored);
    const body = toJsonBytes({ schemaVersion: 1, domains: Object.fromEntries(next) });
    if (object === undefined ? next.size > 0 : !body.equals(object.body)) {
      await write(WATCHED_CHECKS_KEY, body, HEADERS, { etag: object?.etag });
    }
    return next;
  });
}

function parseChecks(body: Uint8Array | undefined): WatchedChecks {
  const result = v.safeParse(checksSchema, body && parseJson(Buffer.from(body).toString()));
  return new Map(Object.entries(result.success ? result.output.domains : {}));
}
