import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { bimiRecord } from '../bimi.ts';
import type { Refusal } from '../collectmc/codes.ts';
import { parseInput } from '../input.ts';
import { type OrderOptions, optionsOf, orderInStateSchema, orderOptionsSchema } from '../order.ts';
import { type AddressState, openAddress } from '../store/address.ts';
import type { StoredManifest } from '../store/manifest.ts';
import { retryOnConflict, type StoredObject } from '../store/objects.ts';
import { effectiveOptions, openOrderFile } from '../store/order-file.ts';
import type { Publication, PublishedPair, PublishedPart } from '../store/publication.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { openStatus } from '../store/status.ts';
import { openStoredCertificate, type StoredCertificate } from '../store/stored-certificate.ts';
import { jsonBytes, STATE_BUDGET, takeWithin } from '../text.ts';
import { type Address, findAddresses } from './addresses.ts';
import {
  type Candidate,
  findRefusal,
  hasHoldEnded,
  ownerOf,
  type PublicationRefusal,
  type RefusalReason,
} from './refusals.ts';

/** How many earlier pairs a description lists. One a year is usual, and S3 keeps the versions of all of them. */
const PREVIOUS_LIMIT = 20;

/** The result for each address of an order. Step Functions keeps it at `$.publication`. */
export interface PublishResult {
  /** `changed` is false if the certificate was live already. Its missing or damaged objects are restored then. */
  readonly published: readonly (Address & { readonly bimiRecord: string; readonly changed: boolean })[];
  readonly notPublished: readonly (Address & { readonly reason: RefusalReason; readonly message: string })[];
  /** How many addresses are in neither list, because the state of an execution is limited. The log has all of them. */
  readonly omitted?: number;
  /**
   * Whether the result must be announced even if the certificate is not new: it was newly published somewhere, or it is
   * refused for a reason that a person must know and that was not announced before.
   */
  readonly announce?: true;
}

/** The result for one address, for the log. */
export interface PublicationRecord extends Address {
  readonly orderNumber: string;
  readonly outcome: 'published' | 'unchanged' | 'refused';
  readonly reason?: RefusalReason;
  readonly text?: string;
  /** True if the refusal needs no action: this certificate was live at the address before the current one. */
  readonly superseded?: boolean;
  /** True if a check that asks once has found a certificate that was collected before, so the refusal is not new. */
  readonly repeated?: true;
  readonly fingerprintSha256: string;
}

/** What publishing needs besides the order. */
export interface PublishDependencies {
  readonly s3: S3Client;
  readonly bucket: string;
  /** The public URL of the folder `published/`. */
  readonly publishedUrl: string;
  readonly observe: (record: PublicationRecord) => void;
  readonly now: () => Date;
}

/**
 * Only the order and the execution are read from the state. Everything about the certificate is read from S3.
 */
const eventSchema = v.object({
  order: v.object({
    ...orderInStateSchema.entries,
    collection: v.optional(
      v.object({
        // The corrected options, with which Collect stored the certificate.
        order: v.optional(orderOptionsSchema),
      }),
    ),
  }),
  // The definition of release 0.1.0, which its executions keep, passes neither of these.
  execution: v.optional(v.string()),
  startedAt: v.optional(v.string()),
});
type PublishInput = v.InferOutput<typeof eventSchema>;

/**
 * Publishes the stored certificate of an order at each of the order's addresses, or reports the reason why not. It can
 * be repeated: a second run completes what an interrupted run left.
 *
 * @throws {CollectionError} InvalidInput.
 * @throws {CertificateUnreadableError} if the order's folder is damaged.
 */
export async function publish(event: unknown, dependencies: PublishDependencies): Promise<PublishResult> {
  const input = parseInput(eventSchema, event, 'the input of Publish');
  const { orderNumber } = input.order;
  const options = await readOptions(input, dependencies);
  const { s3, bucket, publishedUrl, observe } = dependencies;
  const certificate = await openStoredCertificate(s3Storage(s3, bucket), orderNumber);
  const { manifest } = certificate;
  const { fingerprintSha256 } = manifest;
  const addresses = await findAddresses(options, manifest, dependencies);
  const revokedSince = addresses.length > 0 ? await findRevocation(manifest, dependencies) : undefined;
  const published: PublishResult['published'][number][] = [];
  const notPublished: PublishResult['notPublished'][number][] = [];
  let needsPerson = false;
  for (const address of addresses) {
    const { domain, selector } = address;
    const candidate = { ...address, replace: options.replace ?? false, revokedSince };
    const outcome = await publishAt(candidate, certificate, dependencies);
    if ('reason' in outcome) {
      const { reason, message, superseded } = outcome;
      const repeated = input.order.once === true && manifest.execution !== input.execution;
      const refusal = { outcome: 'refused', reason, text: message, superseded, ...(repeated && { repeated }) } as const;
      observe({ orderNumber, ...address, fingerprintSha256, ...refusal });
      notPublished.push({ ...address, reason, message });
      needsPerson ||= !superseded;
    } else {
      const { changed } = outcome;
      observe({ orderNumber, ...address, fingerprintSha256, outcome: changed ? 'published' : 'unchanged' });
      published.push({ ...address, bimiRecord: bimiRecord(publishedUrl, domain, selector), changed });
    }
  }
  const announce = published.some(({ changed }) => changed) || (needsPerson && !wasAnnounced(manifest, input));
  return { ...withinBudget(published, notPublished), ...(announce && { announce }) };
}

/** The options with which the order is published: a correction can have arrived since Collect stored the certificate. */
async function readOptions(
  { order, execution, startedAt }: PublishInput,
  { s3, bucket }: PublishDependencies,
): Promise<OrderOptions> {
  if (execution === undefined || startedAt === undefined) {
    return order.collection?.order ?? order;
  }
  const file = await openOrderFile(s3Storage(s3, bucket), order.orderNumber).read();
  return effectiveOptions({ options: optionsOf(order), execution, startedAt }, file);
}

/**
 * Whether a refusal was announced before. A check beside another execution finds the same certificate every day. And if
 * the certificate was collected after the start of this execution, the execution that collected it announced it.
 */
function wasAnnounced({ collectedAt }: StoredManifest, { order, startedAt }: PublishInput): boolean {
  return order.once === true || (startedAt !== undefined && Date.parse(collectedAt) > Date.parse(startedAt));
}

/**
 * When the collector learned that the CA revoked the certificate; undefined if it is not known to be revoked. Another
 * execution can have learned it while this one could not publish.
 */
async function findRevocation(
  { orderNumber, collectedAt }: StoredManifest,
  { s3, bucket }: PublishDependencies,
): Promise<string | undefined> {
  const { current: status } = await openStatus(s3Storage(s3, bucket), orderNumber).read();
  return status?.state === 'failed' &&
    status.error === ('CertificateRevoked' satisfies Refusal) &&
    Date.parse(collectedAt) <= Date.parse(status.since)
    ? status.since
    : undefined;
}

/** Refusals come first, because an operator must act on them. Published addresses get the rest of the budget. */
function withinBudget(
  published: PublishResult['published'],
  notPublished: PublishResult['notPublished'],
): PublishResult {
  const count = published.length + notPublished.length;
  const available =
    STATE_BUDGET.publications - jsonBytes({ published: [], notPublished: [], omitted: count, announce: true });
  const refusals = takeWithin(notPublished, available);
  const rest = takeWithin(published, available - jsonBytes(refusals));
  const omitted = count - refusals.length - rest.length;
  return { published: rest, notPublished: refusals, ...(omitted > 0 && { omitted }) };
}

type Outcome = { readonly changed: boolean } | PublicationRefusal;

/** Publishes the certificate at one address: all checks first, then logo, chain and, last, the description. */
async function publishAt(
  { domain, selector, replace, revokedSince }: Address & Pick<Candidate, 'replace' | 'revokedSince'>,
  { manifest, readPair }: StoredCertificate,
  { s3, bucket, publishedUrl, now }: PublishDependencies,
): Promise<Outcome> {
  const address = openAddress(s3, bucket, domain, selector);
  const record = bimiRecord(publishedUrl, domain, selector);
  const outcome = await retryOnConflict(async () => {
    const state = await address.head();
    const { current } = state;
    const at = now();
    const damage = damageOf(state);
    const refusal = findRefusal({ manifest, domain, selector, replace, current, damage, revokedSince, at });
    if (refusal) {
      return refusal;
    }
    const marked = current?.live.fingerprintSha256 === manifest.fingerprintSha256 ? current : undefined;
    const same = marked && hasHoldEnded(manifest, marked, revokedSince) ? withoutMark(marked) : marked;
    if (marked === same && same && same.bimiRecord === record && isIntact(same)) {
      return { changed: false };
    }
    const pair = await readPair();
    const objects = { logo: await put('logo'), chain: await put('chain') };
    const next: Publication = same
      ? { ...same, bimiRecord: record, live: { ...same.live, objects } }
      : {
          schemaVersion: 1,
          domain,
          selector,
          bimiRecord: record,
          live: publishedPair(manifest, at, objects),
          revokedAt: null,
          served: true,
          previous: current ? [current.live, ...current.previous].slice(0, PREVIOUS_LIMIT) : [],
        };
    if (!isDeepStrictEqual(next, marked)) {
      await address.writeDescription(next, state);
    }
    return { changed: !same || same !== marked };

    /** If an object is only restored, the description keeps its entry: the version that it lists has the same bytes. */
    async function put(part: PublishedPart): Promise<StoredObject> {
      const { bytes, listed } = pair[part];
      const written = await address.put(part, bytes, listed, state);
      const described = same?.live.objects[part];
      return described?.sha256 === written.sha256 ? described : written;
    }

    function isIntact({ live: { objects } }: Publication): boolean {
      return address.isStored('logo', objects.logo, state) && address.isStored('chain', objects.chain, state);
    }
  });
  // Needed after a refusal too: an earlier run may have been interrupted between its writes.
  await address.reconcile();
  return outcome;
}

/** A publication whose certificate is no longer on hold. It is served again. */
function withoutMark({ revokedBy: _, ...publication }: Publication): Publication {
  return { ...publication, revokedAt: null, served: true };
}

/**
 * Why it is unknown which certificate is live, as a clause after the key of the description; undefined if it is known.
 */
function damageOf({ damage, deleted, chain }: AddressState): string | undefined {
  if (damage !== undefined) {
    return `is damaged: ${damage}`;
  }
  return deleted && chain ? 'was deleted, but the chain is still there' : undefined;
}

function publishedPair(manifest: StoredManifest, at: Date, objects: PublishedPair['objects']): PublishedPair {
  const { orderNumber, collectedAt, fingerprintSha256, notBefore, notAfter, domains } = manifest;
  const certificate = { fingerprintSha256, notBefore, notAfter, owner: ownerOf(manifest), domains };
  return { orderNumber, since: at.toISOString(), collectedAt, ...certificate, objects };
}
