import * as v from 'valibot';
import { storedObjectSchema } from './objects.ts';

/** The folder of the bucket that is served to everybody, and nothing else of it. */
export const PUBLISHED = 'published/';

/** What a BIMI selector is where none is said (draft-brand-indicators-for-message-identification, 4.3). */
export const DEFAULT_SELECTOR = 'default';

/** The key of any publication's description, and of nothing else. */
export const PUBLICATION_KEY = /^published\/[^/]+\/[^/]+\.json$/;

/** How long a reader may show what was there before: a renewal is seen everywhere within an hour. */
export const CACHE_CONTROL = 'public, max-age=1800';

const dateSchema = v.pipe(v.string(), v.isoTimestamp(), v.endsWith('Z'));

/** One certificate at an address: which, of whom, since when. */
const pairSchema = v.object({
  orderNumber: v.string(),
  since: dateSchema,
  fingerprintSha256: v.string(),
  notBefore: dateSchema,
  notAfter: dateSchema,
  /** The organization of the certificate's subject, by which owners are told apart. */
  owner: v.string(),
  /** Every domain that the certificate covers. */
  domains: v.array(v.string()),
  objects: v.object({ logo: storedObjectSchema, chain: storedObjectSchema }),
});

const publicationSchema = v.object({
  schemaVersion: v.literal(1),
  domain: v.string(),
  selector: v.string(),
  /** The finished record of the DNS. */
  bimiRecord: v.string(),
  live: pairSchema,
  /** When the CA was seen to have revoked what is live; null while it has not. */
  revokedAt: v.nullable(dateSchema),
  /** False where chain and logo were taken down after a revocation. */
  served: v.boolean(),
  /** What was live before, the latest first; their objects are there as versions. */
  previous: v.array(pairSchema),
});

/** One certificate at an address. */
export type PublishedPair = v.InferOutput<typeof pairSchema>;

/** `<selector>.json`: what is live at an address, since when, from which order, and what came before. Written last. */
export type Publication = v.InferOutput<typeof publicationSchema>;

/** Reads the bytes of a publication's description. Issues, never an error, where they are damaged. */
export function parsePublication(json: unknown): v.SafeParseResult<typeof publicationSchema> {
  return v.safeParse(publicationSchema, json);
}

/** The keys of one address. */
export function publishedKeys(domain: string, selector: string) {
  const key = (extension: string) => `${PUBLISHED}${domain}/${selector}.${extension}`;
  return { chain: key('pem'), logo: key('svg'), description: key('json') };
}

/** The public addresses of one domain, below the URL that serves the folder. */
export function publishedUrls(baseUrl: string, domain: string, selector: string) {
  const url = (extension: string) => new URL(`${domain}/${selector}.${extension}`, withSlash(baseUrl)).href;
  return { chain: url('pem'), logo: url('svg') };
}

/** The finished TXT record (BIMI draft, 4.2): `l=` is the logo, `a=` the chain. */
export function bimiRecord(baseUrl: string, domain: string, selector: string): string {
  const { chain, logo } = publishedUrls(baseUrl, domain, selector);
  return `${selector}._bimi.${domain}. TXT "v=BIMI1; l=${logo}; a=${chain}"`;
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
