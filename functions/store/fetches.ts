import * as v from 'valibot';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import type { ObjectStorage } from './objects.ts';

/** The object that contains who fetched what is published. */
export const FETCHES_KEY = 'overview/fetches.json';

/** The folder of the log bucket that CloudFront writes to. */
export const LOG_PREFIX = 'cloudfront/';

const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** Who fetches published objects. `other` is everybody whose requests cannot be recognized. */
export const RECEIVERS = ['gmail', 'yahoo', 'apple', 'other'] as const;

export type Receiver = (typeof RECEIVERS)[number];

/** The names of the receivers for a person. */
export const RECEIVER_TITLES: Readonly<Record<Receiver, string>> = {
  gmail: 'Gmail',
  yahoo: 'Yahoo and AOL',
  apple: 'Apple',
  other: 'Others',
};

const fetchedSchema = v.object({
  /** The last fetch of each part. */
  chain: v.optional(dateSchema),
  logo: v.optional(dateSchema),
  /** The first fetch of the chain that is live now. */
  first: v.optional(dateSchema),
});

/** What receivers fetched at one address. */
export const fetchedAddressSchema = v.partial(
  v.object({ gmail: fetchedSchema, yahoo: fetchedSchema, apple: fetchedSchema, other: fetchedSchema }),
);

/** What receivers fetched at one address. */
export type FetchedAddress = v.InferOutput<typeof fetchedAddressSchema>;

const fetchesSchema = v.object({
  schemaVersion: v.literal(1),
  /** When the first log file that was read had been delivered, or when the survey first found none. */
  readSince: v.optional(dateSchema),
  /** When the last log file that was read had been delivered. */
  readUntil: v.nullable(dateSchema),
  /** The keys of the files that were read and delivered in the hour before. */
  recent: v.array(v.string()),
  /** By `<domain>/<selector>`. */
  addresses: v.record(
    v.string(),
    v.object({
      /** The certificate that `first` is about. */
      fingerprintSha256: v.string(),
      receivers: fetchedAddressSchema,
    }),
  ),
});

/** Who fetched what is published, and which log files were read for it. It contains no addresses of clients. */
export type Fetches = v.InferOutput<typeof fetchesSchema>;

/** What one receiver fetched at one address, as ISO 8601 in UTC; undefined if it is not known to have fetched it. */
export interface FetchRow {
  readonly domain: string;
  readonly selector: string;
  readonly receiver: Receiver;
  readonly lastChain: string | undefined;
  readonly lastLogo: string | undefined;
  /** The first fetch of the chain that is live now. */
  readonly first: string | undefined;
}

/** What was stored, with the entity tag for {@link writeFetches}. A missing or damaged object counts as an empty one. */
export async function readFetches({
  read,
}: Pick<ObjectStorage, 'read'>): Promise<{ readonly fetches: Fetches; readonly etag?: string | undefined }> {
  const object = await read(FETCHES_KEY);
  const result = v.safeParse(fetchesSchema, object && parseJson(Buffer.from(object.body).toString()));
  const empty: Fetches = { schemaVersion: 1, readUntil: null, recent: [], addresses: {} };
  return { fetches: result.success ? result.output : empty, etag: object?.etag };
}

/** @throws {WriteConflictError} if another survey wrote the object since it was read. */
export async function writeFetches(
  { write }: Pick<ObjectStorage, 'write'>,
  fetches: Fetches,
  expected: { readonly etag?: string | undefined },
): Promise<void> {
  await write(FETCHES_KEY, toJsonBytes(fetches), HEADERS, expected);
}

/** A row for each receiver that fetched something, sorted by address. */
export function fetchRows({ addresses }: Fetches): FetchRow[] {
  return Object.entries(addresses)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([address, { receivers }]) => {
      const [domain = '', selector = ''] = address.split('/');
      return RECEIVERS.flatMap((receiver) => {
        const fetched = receivers[receiver];
        return fetched
          ? [{ domain, selector, receiver, lastChain: fetched.chain, lastLogo: fetched.logo, first: fetched.first }]
          : [];
      });
    });
}
