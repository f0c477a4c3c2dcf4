import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { DAY_MILLISECONDS, daysLeft } from '../days.ts';
import { truncatePrintable } from '../text.ts';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';

/** The object that contains which CRLs cannot be used. */
export const FAILING_CRLS_KEY = 'survey/crls.json';

/** Days for which a CRL must be unusable before people learn of it: servers fail, and a CRL is valid for days. */
export const UNUSABLE_DAYS = 3;

const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/**
 * The maximum number of CRLs in the object, and of bytes of a URL and of a problem: together below a megabyte. Each issuing
 * CA has one or two CRLs.
 */
const ENTRIES_LIMIT = 500;
const URL_BYTES = 500;
const PROBLEM_BYTES = 600;

/** A CRL that no survey has checked for so long is forgotten: no certificate names it any more. */
const FORGET_MILLISECONDS = 2 * DAY_MILLISECONDS;

const failingSchema = v.object({
  schemaVersion: v.literal(1),
  failing: v.array(
    v.object({
      /** A long one is truncated, and ends with its SHA-256. */
      url: v.string(),
      /** The first day on which it could not be used. */
      since: dateSchema,
      /** Why, at the last check. */
      problem: v.string(),
      checkedAt: dateSchema,
    }),
  ),
});

/** A CRL that cannot be used. */
export type FailingCrl = v.InferOutput<typeof failingSchema>['failing'][number];

/** What one survey found out about CRLs. */
export interface CrlResults {
  /** The ids of the URLs that can be used. */
  readonly usable: ReadonlySet<string>;
  /** The problems of those that cannot be used, by their id. */
  readonly failing: ReadonlyMap<string, string>;
  readonly at: Date;
}

/** Whether a CRL could not be used for {@link UNUSABLE_DAYS}. */
export function isUnusable({ since }: Pick<FailingCrl, 'since'>, at: Date): boolean {
  return failingDays({ since }, at) >= UNUSABLE_DAYS;
}

/** The whole days since a CRL could not be used for the first time. */
export function failingDays({ since }: Pick<FailingCrl, 'since'>, at: Date): number {
  return daysLeft(at, new Date(since));
}

/**
 * Reads the CRLs that the last survey could not use.
 *
 * @throws {S3ServiceException} if S3 does not return the object.
 */
export async function readFailing({ read }: Pick<ObjectStorage, 'read'>): Promise<readonly FailingCrl[]> {
  return (await readState(read)).stored;
}

async function readState(read: ObjectStorage['read']) {
  const object = await read(FAILING_CRLS_KEY);
  // A damaged object counts as an empty one: the three days then begin again.
  const result = object && v.safeParse(failingSchema, parseJson(Buffer.from(object.body).toString()));
  return { object, isDamaged: result?.success === false, stored: result?.success ? result.output.failing : [] };
}

/** How a URL is written in the object. */
export function crlId(url: string): string {
  const short = truncatePrintable(url, URL_BYTES);
  return short === url ? url : `${short} (SHA-256 ${createHash('sha256').update(url).digest('hex')})`;
}

/**
 * Remembers which CRLs cannot be used, and since when. A CRL that can be used again is forgotten. Those that were not
 * checked this time stay for two days.
 *
 * @returns all that cannot be used.
 * @throws {WriteConflictError} if other surveys changed the object eight times.
 */
export async function rememberFailing(
  { read, write }: ObjectStorage,
  { usable, failing, at }: CrlResults,
): Promise<readonly FailingCrl[]> {
  const checkedAt = at.toISOString();
  return retryOnConflict(async () => {
    const { object, isDamaged, stored } = await readState(read);
    const known = new Map(stored.map((each) => [each.url, each]));
    const oldest = at.getTime() - FORGET_MILLISECONDS;
    const kept = stored.filter(
      ({ url, checkedAt }) => Date.parse(checkedAt) >= oldest && !usable.has(url) && !failing.has(url),
    );
    const found = [...failing].map(([url, problem]) => ({
      url,
      since: known.get(url)?.since ?? checkedAt,
      problem: truncatePrintable(problem, PROBLEM_BYTES),
      checkedAt,
    }));
    const next = [...kept, ...found]
      .toSorted((one, other) => Date.parse(one.since) - Date.parse(other.since) || compare(one.url, other.url))
      .slice(0, ENTRIES_LIMIT);
    if (next.length > 0 || stored.length > 0 || isDamaged) {
      await write(FAILING_CRLS_KEY, toJsonBytes({ schemaVersion: 1, failing: next }), HEADERS, { etag: object?.etag });
    }
    return next;
  });
}

const compare = (one: string, other: string) => (one < other ? -1 : Number(one > other));
