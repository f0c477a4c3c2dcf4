import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { openAddress } from '../store/address.ts';
import { parseJson } from '../store/json.ts';
import { readObjects } from '../store/listing.ts';
import { retryOnConflict } from '../store/objects.ts';
import {
  isRevokedCertificate,
  PUBLICATION_KEY,
  PUBLISHED,
  type Publication,
  parsePublication,
} from '../store/publication.ts';

/** A publication whose certificate the CA revoked, for the log. */
export interface RevokedRecord {
  readonly orderNumber: string;
  readonly domain: string;
  readonly selector: string;
  readonly fingerprintSha256: string;
  readonly revokedAt: string | null;
  /** False if chain and logo were taken down. */
  readonly served: boolean;
}

/** Receives each result as soon as it is known. */
export interface RevokeObserver {
  revoked(record: RevokedRecord): void;
  /** A description cannot be read, so the certificate that is live there is unknown. */
  damaged(key: string, problem: string): void;
}

export interface RevokeDependencies {
  /** The name of the collector. */
  readonly collector: string;
  readonly s3: S3Client;
  readonly bucket: string;
  /** Whether chain and logo of a revoked certificate are taken down. */
  readonly unpublish: boolean;
  readonly observe: RevokeObserver;
}

const DATE_FORM = 'a date like "2026-11-23T12:00:00.000Z"';

/** The event "Mark Certificate Revoked", as EventBridge passes it. */
const eventSchema = v.object({
  detail: v.object({
    collector: v.string('the name of a collector'),
    orderNumber: orderInStateSchema.entries.orderNumber,
    confirmed: v.boolean('true, false'),
    knownSince: v.pipe(v.string(DATE_FORM), v.isoTimestamp(DATE_FORM)),
    source: v.optional(v.string()),
    /** What a CRL lists. Without it, everything that the order had collected by then is revoked. */
    fingerprintSha256: v.optional(v.string()),
  }),
});

/** An event about a watched domain: someone else serves its certificate, which no order of this collector contains. */
const watchedSchema = v.object({ detail: v.object({ watched: v.literal(true) }) });

/**
 * Marks every publication of an order whose certificate the CA revoked, and takes it down if the setting
 * `unpublishRevoked` is on. It can be repeated, and reports every publication each time, because an interrupted run may
 * have lost its metrics. It ignores the event of another collector, and a revocation that is not confirmed: a push only
 * informs. It ignores that of a watched domain.
 *
 * @throws {CollectionError} InvalidInput if the event is about something else.
 */
export async function revoke(event: unknown, dependencies: RevokeDependencies): Promise<void> {
  const { s3, bucket } = dependencies;
  if (v.is(watchedSchema, event)) {
    return;
  }
  const { detail } = parseInput(eventSchema, event, 'the event of a revocation');
  if (!detail.confirmed || detail.collector !== dependencies.collector) {
    return;
  }
  const { orderNumber, source, fingerprintSha256 } = detail;
  const knownSince = new Date(detail.knownSince).toISOString();
  for (const key of await findPublications(orderNumber, { s3, bucket })) {
    const [, domain, selector] = PUBLICATION_KEY.exec(key) ?? [];
    if (domain !== undefined && selector !== undefined) {
      const revocation = { orderNumber, knownSince, isListed: source === 'crl', fingerprintSha256 };
      await revokeAt(key, { ...revocation, domain, selector }, dependencies);
    }
  }
}

/** The keys of the descriptions that name an order, or that cannot be read. All of them are read, several at the same time. */
async function findPublications(
  orderNumber: string,
  { s3, bucket }: Pick<RevokeDependencies, 's3' | 'bucket'>,
): Promise<string[]> {
  // Of thousands of descriptions, only the answer is kept.
  const parse = (bytes: Uint8Array) => {
    const result = parsePublication(parseJson(Buffer.from(bytes).toString()));
    return result.success ? { success: true as const, output: namesOrder(result.output, orderNumber) } : result;
  };
  const { read, damaged } = await readObjects({ s3, bucket }, PUBLISHED, PUBLICATION_KEY, parse);
  const own = read.filter(({ content }) => content);
  return [...own, ...damaged].map(({ key }) => key).toSorted();
}

interface Revocation {
  readonly orderNumber: string;
  /** When the collector learned it. */
  readonly knownSince: string;
  /** Whether a CRL says it. */
  readonly isListed: boolean;
  /** The certificate, if it is known. */
  readonly fingerprintSha256: string | undefined;
  readonly domain: string;
  readonly selector: string;
}

async function revokeAt(
  key: string,
  { orderNumber, knownSince, isListed, fingerprintSha256, domain, selector }: Revocation,
  { s3, bucket, unpublish, observe }: RevokeDependencies,
): Promise<void> {
  const address = openAddress(s3, bucket, domain, selector);
  const { current, damage } = await retryOnConflict(async () => {
    const state = await address.readDescription();
    const { current } = state;
    if (!current || !isRevoked(current)) {
      return state;
    }
    const { revokedBy: _, ...described } = current;
    const next: Publication = {
      ...described,
      revokedAt: current.revokedAt ?? knownSince,
      // What CollectMC has reported does not end, whatever a CRL says.
      ...(isListed && (current.revokedAt === null || current.revokedBy) && { revokedBy: 'crl' as const }),
      served: current.served && !unpublish,
    };
    if (!isDeepStrictEqual(next, current)) {
      // The description is written before any object is deleted, so that other executions do not restore the object.
      await address.writeDescription(next, state);
    }
    return { current: next };
  });
  if (damage !== undefined) {
    observe.damaged(key, damage);
  }
  if (!current) {
    return;
  }
  if (isRevoked(current)) {
    const { revokedAt, served, live } = current;
    observe.revoked({ orderNumber, domain, selector, fingerprintSha256: live.fingerprintSha256, revokedAt, served });
  }
  // Needed even if another certificate is live now: an earlier run may have been interrupted while it deleted objects.
  if (namesOrder(current, orderNumber)) {
    await address.reconcile();
  }

  function isRevoked({ live }: Publication): boolean {
    const isMeant =
      fingerprintSha256 === undefined
        ? isRevokedCertificate(live, knownSince)
        : live.fingerprintSha256 === fingerprintSha256;
    return live.orderNumber === orderNumber && isMeant;
  }
}

/** Whether a certificate of an order is live, or was live before. */
function namesOrder({ live, previous }: Publication, orderNumber: string): boolean {
  return [live, ...previous].some((pair) => pair.orderNumber === orderNumber);
}
