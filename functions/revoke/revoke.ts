import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { Refusal } from '../collectmc/codes.ts';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { openAddress } from '../store/address.ts';
import { parseJson } from '../store/json.ts';
import { listKeys } from '../store/listing.ts';
import { retryOnConflict } from '../store/objects.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication } from '../store/publication.ts';

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
  readonly s3: S3Client;
  readonly bucket: string;
  /** Whether chain and logo of a revoked certificate are taken down. */
  readonly unpublish: boolean;
  readonly observe: RevokeObserver;
  readonly now: () => Date;
}

const REVOKED = 'CertificateRevoked' satisfies Refusal;

/** A status-change event of Step Functions. It has no input if the execution's data is large, but always a name. */
const eventSchema = v.object({
  detail: v.object({
    name: v.string('the name of an execution'),
    // An event about another error must never take a certificate down.
    error: v.literal(REVOKED, `"${REVOKED}"`),
    input: v.nullish(v.string('the input of an execution as text')),
    /** Milliseconds since 1970. */
    stopDate: v.nullish(v.number('milliseconds since 1970')),
  }),
});

const orderNumberSchema = v.pick(orderInStateSchema, ['orderNumber']);

/** Reads the order number from the input, or else from the name, which can have a request or a date at its end. */
function orderNumberOf(name: string, input: string | null | undefined): string {
  const inInput = v.safeParse(orderNumberSchema, parseJson(input ?? ''));
  const inName = { orderNumber: /^order-(\d+)(-|$)/.exec(name)?.[1] };
  return inInput.success
    ? inInput.output.orderNumber
    : parseInput(orderNumberSchema, inName, `the name of the execution, ${name},`).orderNumber;
}

/**
 * Marks every publication of an order whose certificate the CA revoked, and takes it down if the setting
 * `unpublishRevoked` is on. It can be repeated, and reports every publication each time, because an interrupted run may
 * have lost its metrics.
 *
 * @throws {CollectionError} InvalidInput if the event is about something else.
 */
export async function revoke(event: unknown, dependencies: RevokeDependencies): Promise<void> {
  const { s3, bucket, now } = dependencies;
  const { name, input, stopDate } = parseInput(eventSchema, event, 'the event of Step Functions').detail;
  const orderNumber = orderNumberOf(name, input);
  const knownSince = typeof stopDate === 'number' ? new Date(stopDate) : now();
  for await (const key of listKeys({ s3, bucket }, PUBLISHED, PUBLICATION_KEY)) {
    const [, domain, selector] = PUBLICATION_KEY.exec(key) ?? [];
    if (domain !== undefined && selector !== undefined) {
      await revokeAt(key, { orderNumber, knownSince, domain, selector }, dependencies);
    }
  }
}

interface Revocation {
  readonly orderNumber: string;
  /** When the execution failed. Anything that the order published later is another certificate. */
  readonly knownSince: Date;
  readonly domain: string;
  readonly selector: string;
}

async function revokeAt(
  key: string,
  { orderNumber, knownSince, domain, selector }: Revocation,
  { s3, bucket, unpublish, observe }: RevokeDependencies,
): Promise<void> {
  const address = openAddress(s3, bucket, domain, selector);
  const { current, damage } = await retryOnConflict(async () => {
    const state = await address.readDescription();
    const { current } = state;
    if (!current || !isRevoked(current)) {
      return state;
    }
    const next = {
      ...current,
      revokedAt: current.revokedAt ?? knownSince.toISOString(),
      served: current.served && !unpublish,
    };
    if (next.revokedAt !== current.revokedAt || next.served !== current.served) {
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
  if ([current.live, ...current.previous].some((pair) => pair.orderNumber === orderNumber)) {
    await address.reconcile();
  }

  function isRevoked({ live }: Publication): boolean {
    return live.orderNumber === orderNumber && Date.parse(live.since) <= knownSince.getTime();
  }
}
