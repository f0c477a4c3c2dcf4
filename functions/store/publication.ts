import * as v from 'valibot';
import { dateSchema } from './manifest.ts';
import { storedObjectSchema } from './objects.ts';

/** The folder of the bucket whose chains and logos are public. */
export const PUBLISHED = 'published/';

/**
 * Seconds for which a cache may serve a chain or a logo. CloudFront has two layers of caches, at its edge locations and in
 * its regions (AWS: How CloudFront delivers content). If neither subtracts the age in the other, they serve a previous
 * object for twice this time: a minute. Caches keep chain and logo separately, so until then a renewal with another logo
 * can appear with the previous chain, or the reverse.
 */
export const CACHE_SECONDS = 30;

/**
 * Matches the keys of all descriptions of publications and no other keys. The groups are the domain and the selector.
 */
export const PUBLICATION_KEY = /^published\/([^/]+)\/([^/]+)\.json$/;

const pairSchema = v.object({
  orderNumber: v.string(),
  since: dateSchema,
  /** When the certificate was collected. Release 0.1.0 did not store it. */
  collectedAt: v.optional(v.string()),
  fingerprintSha256: v.string(),
  notBefore: dateSchema,
  notAfter: dateSchema,
  /** The organization of the certificate's subject. It identifies the owner of the mark. */
  owner: v.string(),
  /** Every domain that the certificate covers. */
  domains: v.array(v.string()),
  objects: v.object({ logo: storedObjectSchema, chain: storedObjectSchema }),
});

const publicationSchema = v.object({
  schemaVersion: v.literal(1),
  domain: v.string(),
  selector: v.string(),
  /** The complete BIMI record. */
  bimiRecord: v.string(),
  live: pairSchema,
  /** When the collector learned that the CA revoked the live certificate; null if it is not revoked. */
  revokedAt: v.nullable(dateSchema),
  /** How it learned that; missing if CollectMC reported it. What a CRL states can end, if it is a hold. */
  revokedBy: v.optional(v.literal('crl')),
  /** False if chain and logo were taken down after a revocation. */
  served: v.boolean(),
  /** The pairs that were live before, the latest first. S3 keeps their objects as versions. */
  previous: v.array(pairSchema),
});

/** Chain and logo of one certificate at an address: which certificate, from which order, since when. */
export type PublishedPair = v.InferOutput<typeof pairSchema>;

/** The objects of an address that are served, in the order in which they are written. */
export type PublishedPart = keyof PublishedPair['objects'];

/**
 * `<selector>.json`: what is live at an address, since when, from which order, and what was live before. Written last.
 */
export type Publication = v.InferOutput<typeof publicationSchema>;

/**
 * Whether a live certificate is the one of which the collector learned at this time that the CA revoked it: it was
 * collected before. It may have been published later, by an execution that could not publish at first. Anything that the
 * order collected later is another certificate.
 */
export function isRevokedCertificate(
  { collectedAt, since }: Pick<PublishedPair, 'collectedAt' | 'since'>,
  knownSince: string,
): boolean {
  const collected = Date.parse(collectedAt ?? since);
  return (Number.isNaN(collected) ? Date.parse(since) : collected) <= Date.parse(knownSince);
}

/** Parses the description of a publication. A damaged description results in issues, never in an error. */
export function parsePublication(description: unknown): v.SafeParseResult<typeof publicationSchema> {
  return v.safeParse(publicationSchema, description);
}

/** The keys of one address. */
export function publishedKeys(domain: string, selector: string) {
  const key = (extension: string) => `${PUBLISHED}${domain}/${selector}.${extension}`;
  return { chain: key('pem'), logo: key('svg'), description: key('json') };
}
