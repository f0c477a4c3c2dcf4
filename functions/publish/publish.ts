import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { bimiRecord, DEFAULT_SELECTOR } from '../bimi.ts';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { type AddressState, openAddress, type Part } from '../store/address.ts';
import { manifestKey, parseManifest, type StoredManifest } from '../store/manifest.ts';
import { openObjects, retryOnConflict, type StoredObject, undefinedIfNotFound } from '../store/objects.ts';
import type { Publication, PublishedPair } from '../store/publication.ts';
import { ownerOf, type PublicationRefusal, type RefusalReason, refusalOf } from './refusals.ts';

/** Pairs that a description remembers. One a year is usual; the versions of all are in S3 anyway. */
const PREVIOUS_LIMIT = 20;

/** An address, as the state of an execution names it. */
interface Address {
  readonly domain: string;
  readonly selector: string;
}

/** What became of an order's certificate at each of the order's domains. Step Functions keeps it at `$.publication`. */
export interface PublishResult {
  /** `changed` is false where the certificate was live already; what was astray of it is back in place. */
  readonly published: readonly (Address & { readonly bimiRecord: string; readonly changed: boolean })[];
  readonly notPublished: readonly (Address & { readonly reason: RefusalReason; readonly message: string })[];
}

/** One address, for the log. */
export interface PublicationRecord extends Address {
  readonly orderNumber: string;
  readonly outcome: 'published' | 'unchanged' | 'refused';
  readonly reason?: RefusalReason;
  readonly text?: string;
  /** Refused, and no reason to tell anybody: the address had this certificate before the one that is live. */
  readonly superseded?: boolean;
  readonly fingerprintSha256: string;
}

export interface PublishDependencies {
  readonly s3: S3Client;
  readonly bucket: string;
  /** The public address of the folder `published/`. */
  readonly publishedUrl: string;
  readonly observe: (record: PublicationRecord) => void;
  readonly now: () => Date;
}

/** What Collect stored of the order is not there, or not as its manifest says. */
export class CertificateUnreadableError extends Error {
  override name = 'CertificateUnreadable';
}

/** The state of the execution is believed the order's number and wishes, and nothing of the certificate. */
const eventSchema = v.object({ order: orderInStateSchema });

/**
 * Publishes the stored certificate of an order at each of its domains, or says why not. It can be repeated: a run that died
 * anywhere is made again and completes what it left.
 *
 * @throws {CollectionError} InvalidInput.
 * @throws {CertificateUnreadableError} where the order's folder is damaged.
 */
export async function publish(event: unknown, dependencies: PublishDependencies): Promise<PublishResult> {
  const { order } = parseInput(eventSchema, event, 'the input of Publish');
  const { orderNumber, domains = [], selector = DEFAULT_SELECTOR, replace = false } = order;
  const published: PublishResult['published'][number][] = [];
  const notPublished: PublishResult['notPublished'][number][] = [];
  if (domains.length === 0) {
    return { published, notPublished };
  }
  const certificate = await openCertificate(orderNumber, dependencies);
  const { fingerprintSha256 } = certificate.manifest;
  for (const domain of new Set(domains)) {
    const address = { domain, selector };
    const seen = { orderNumber, ...address, fingerprintSha256 };
    const outcome = await publishAt(address, replace, certificate, dependencies);
    if ('reason' in outcome) {
      const { reason, message, superseded } = outcome;
      dependencies.observe({ ...seen, outcome: 'refused', reason, text: message, superseded });
      notPublished.push({ ...address, reason, message });
    } else {
      dependencies.observe({ ...seen, outcome: outcome.changed ? 'published' : 'unchanged' });
      published.push({
        ...address,
        bimiRecord: bimiRecord(dependencies.publishedUrl, domain, selector),
        changed: outcome.changed,
      });
    }
  }
  return { published, notPublished };
}

/** An order's certificate as it is stored: its manifest, and on demand the pair that the manifest lists, proved. */
interface StoredCertificate {
  readonly manifest: StoredManifest;
  readonly pair: () => Promise<StoredPair>;
}

type StoredPair = Readonly<Record<Part, { readonly bytes: Uint8Array; readonly listed: StoredObject }>>;

async function openCertificate(orderNumber: string, { s3, bucket }: PublishDependencies): Promise<StoredCertificate> {
  const { read } = openObjects(s3, bucket);
  const key = manifestKey(orderNumber);
  const unreadable = (problem: string) =>
    new CertificateUnreadableError(
      `Order ${orderNumber}: ${problem}. Next: send the event again with another "request", so that it is collected anew.`,
    );
  const object = await read(key).catch(undefinedIfNotFound);
  if (!object) {
    throw unreadable(`${key} is missing`);
  }
  const result = parseManifest(object.body);
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'the whole of it'}: ${issue.message}`);
    throw unreadable(`${key} is damaged: ${problems.join('; ')}`);
  }
  const manifest = result.output;

  async function readListed(name: Part) {
    const listed = manifest.objects[name];
    if (!listed) {
      throw unreadable(`${key} lists no ${name}`);
    }
    const stored = await read(listed.key, listed.versionId).catch(undefinedIfNotFound);
    if (!stored) {
      throw unreadable(`${listed.key} is missing in the version that the manifest lists`);
    }
    if (createHash('sha256').update(stored.body).digest('hex') !== listed.sha256) {
      throw unreadable(`${listed.key} does not have the SHA-256 that the manifest lists`);
    }
    return { bytes: stored.body, listed };
  }

  let pair: StoredPair | undefined;
  return {
    manifest,
    pair: async () => {
      pair ??= { logo: await readListed('logo'), chain: await readListed('chain') };
      return pair;
    },
  };
}

type Outcome = { readonly changed: boolean } | PublicationRefusal;

/** Brings one address to this certificate: all checks, then logo, chain and, last, the description. */
async function publishAt(
  { domain, selector }: Address,
  replace: boolean,
  { manifest, pair }: StoredCertificate,
  { s3, bucket, publishedUrl, now }: PublishDependencies,
): Promise<Outcome> {
  const address = openAddress(s3, bucket, domain, selector);
  const record = bimiRecord(publishedUrl, domain, selector);
  const outcome = await retryOnConflict(async () => {
    const seen = await address.head();
    const { current } = seen;
    const at = now();
    const damage = damageOf(seen);
    const refusal = refusalOf({ manifest, domain, selector, replace, current, damage, at });
    if (refusal) {
      return refusal;
    }
    const same = current?.live.fingerprintSha256 === manifest.fingerprintSha256 ? current : undefined;
    if (same && same.bimiRecord === record && isInPlace(same)) {
      return { changed: false };
    }
    const stored = await pair();
    const objects = { logo: await put('logo'), chain: await put('chain') };
    const next: Publication = same
      ? { ...same, bimiRecord: record, live: { ...same.live, objects } }
      : {
          schemaVersion: 1,
          domain,
          selector,
          bimiRecord: record,
          live: pairOf(manifest, at, objects),
          revokedAt: null,
          served: true,
          previous: current ? [current.live, ...current.previous].slice(0, PREVIOUS_LIMIT) : [],
        };
    if (!isDeepStrictEqual(next, same)) {
      await address.describe(next, seen);
    }
    return { changed: !same };

    /** What is put back leaves the description as it is: the version listed there has the same bytes. */
    async function put(part: Part): Promise<StoredObject> {
      const { bytes, listed } = stored[part];
      const written = await address.put(part, bytes, listed, seen);
      const described = same?.live.objects[part];
      return described?.sha256 === written.sha256 ? described : written;
    }

    function isInPlace({ live }: Publication): boolean {
      return address.holds('logo', live.objects.logo, seen) && address.holds('chain', live.objects.chain, seen);
    }
  });
  // Also after a refusal: a run before this one may have died between its writes.
  await address.reconcile();
  return outcome;
}

/** Why nobody can tell what is live, where something may be. */
function damageOf({ damage, deleted, chain }: AddressState): string | undefined {
  if (damage !== undefined) {
    return `is damaged: ${damage}`;
  }
  return deleted && chain ? 'was deleted, and a chain is there' : undefined;
}

function pairOf(manifest: StoredManifest, at: Date, objects: PublishedPair['objects']): PublishedPair {
  const { orderNumber, fingerprintSha256, notBefore, notAfter, domains } = manifest;
  const since = at.toISOString();
  return { orderNumber, since, fingerprintSha256, notBefore, notAfter, owner: ownerOf(manifest), domains, objects };
}
