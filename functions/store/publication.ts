import * as v from 'valibot';
import { dateSchema } from './manifest.ts';
import { storedObjectSchema } from './objects.ts';

/** The folder of the bucket that is served to everybody, and nothing else of it. */
export const PUBLISHED = 'published/';

/** The key of any publication's description, and of nothing else; with its domain and its selector. */
export const PUBLICATION_KEY = /^published\/([^/]+)\/([^/]+)\.json$/;

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

/** Checks what a publication's description holds. Issues, never an error, where it is damaged. */
export function parsePublication(description: unknown): v.SafeParseResult<typeof publicationSchema> {
  return v.safeParse(publicationSchema, description);
}

/** The keys of one address. */
export function publishedKeys(domain: string, selector: string) {
  const key = (extension: string) => `${PUBLISHED}${domain}/${selector}.${extension}`;
  return { chain: key('pem'), logo: key('svg'), description: key('json') };
}
