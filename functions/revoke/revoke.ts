import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { Refusal } from '../collectmc/codes.ts';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { openAddress } from '../store/address.ts';
import { parseJson, retryOnConflict } from '../store/objects.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication } from '../store/publication.ts';

/** One publication whose certificate the CA revoked, for the log. */
export interface RevokedRecord {
  readonly orderNumber: string;
  readonly domain: string;
  readonly selector: string;
  readonly fingerprintSha256: string;
  readonly revokedAt: string | null;
  /** False where chain and logo were taken down. */
  readonly served: boolean;
}

/** Hears what is found, as it goes. */
export interface RevokeObserver {
  revoked(record: RevokedRecord): void;
  /** A description that cannot be read: nobody knows whose certificate is live there. */
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

/** An event of Step Functions itself. Of an execution with much to say it has no input; the name always tells the order. */
const eventSchema = v.object({
  detail: v.object({
    name: v.string('the name of an execution'),
    // Taking down by an event of anything else could not be made good before somebody notices.
    error: v.literal(REVOKED, `"${REVOKED}"`),
    input: v.nullish(v.string('the input of an execution as text')),
    /** Milliseconds since 1970. */
    stopDate: v.nullish(v.number('milliseconds since 1970')),
  }),
});

const orderNumberSchema = v.pick(orderInStateSchema, ['orderNumber']);

/** As the input tells it; else the way back from `executionName`, with a request or a day behind it. */
function orderNumberOf(name: string, input: string | null | undefined): string {
  const told = v.safeParse(orderNumberSchema, parseJson(input ?? ''));
  const named = { orderNumber: /^order-(\d+)(-|$)/.exec(name)?.[1] };
  return told.success
    ? told.output.orderNumber
    : parseInput(orderNumberSchema, named, `the name of the execution, ${name},`).orderNumber;
}

/**
 * Marks every publication of an order whose certificate the CA revoked, and takes it down where that is wanted. It can be
 * repeated, and tells and counts a publication each time: a run that died before its metrics were out is made again.
 *
 * @throws {CollectionError} InvalidInput where the event is about something else.
 */
export async function revoke(event: unknown, dependencies: RevokeDependencies): Promise<void> {
  const { s3, bucket, now } = dependencies;
  const { name, input, stopDate } = parseInput(eventSchema, event, 'the event of Step Functions').detail;
  const orderNumber = orderNumberOf(name, input);
  const seenAt = typeof stopDate === 'number' ? new Date(stopDate) : now();
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: PUBLISHED });
  for await (const { Contents = [] } of pages) {
    for (const { Key: key = '' } of Contents) {
      const [, domain, selector] = PUBLICATION_KEY.exec(key) ?? [];
      if (domain !== undefined && selector !== undefined) {
        const revocation = { orderNumber, seenAt, domain, selector };
        await revokeAt(openAddress(s3, bucket, domain, selector), key, revocation, dependencies);
      }
    }
  }
}

interface Revocation {
  readonly orderNumber: string;
  /** When the execution failed: what was published of the order later is another certificate. */
  readonly seenAt: Date;
  readonly domain: string;
  readonly selector: string;
}

async function revokeAt(
  address: ReturnType<typeof openAddress>,
  key: string,
  { orderNumber, seenAt, domain, selector }: Revocation,
  { unpublish, observe }: RevokeDependencies,
): Promise<void> {
  const { current, damage } = await retryOnConflict(async () => {
    const described = await address.readDescription();
    const { current } = described;
    if (!current || !isRevoked(current)) {
      return described;
    }
    const next = {
      ...current,
      revokedAt: current.revokedAt ?? seenAt.toISOString(),
      served: current.served && !unpublish,
    };
    if (next.revokedAt !== current.revokedAt || next.served !== current.served) {
      // Before anything is taken away: whoever comes then knows that it shall be missing.
      await address.describe(next, described);
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
  // Also where another certificate followed: a run before this one may have died while it took away.
  if ([current.live, ...current.previous].some((pair) => pair.orderNumber === orderNumber)) {
    await address.reconcile();
  }

  function isRevoked({ live }: Publication): boolean {
    return live.orderNumber === orderNumber && Date.parse(live.since) <= seenAt.getTime();
  }
}
