import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { interleave } from '../../interleave.ts';
import { mulberry32 } from '../../mulberry32.ts';
import { edgesOf, originOf, startReceivers } from './caches.ts';
import { issueCertificates, logo, NEWER, NEWEST, OLDER, OTHER } from './certificates.ts';
import {
  type Issue,
  issueBy,
  isWrite,
  JSON_KEY,
  logoOf,
  options,
  PEM,
  type PublishedBucket,
  SVG,
  sha256,
  startBucket,
} from './published-bucket.ts';

/** The `max-age` of the objects of release 0.1.0. */
const EARLIER_SECONDS = 1800;
/** What the receivers of this release may see: two layers of caches with 30 seconds, and five seconds between two reads. */
const LIMIT_MILLISECONDS = 65_000;
/** The time of one request to S3. */
const REQUEST_MILLISECONDS = 50;
const HOUR = 3_600_000;

let older: Issue;
let newer: Issue;
let newest: Issue;
/** Newer than `older`, with the same logo. */
let sameLogo: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  const certificates = await issueCertificates();
  ({ older, newer, newest } = certificates);
  sameLogo = await issueBy(certificates.authority, '2026-03-01T00:00:00Z', { svg: logo('older') });
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

/** Receivers behind caches that keep objects for half an hour, and receivers behind those of this release. */
function watch(random: () => number) {
  const logoOfChain = new Map(
    [older, newer, newest, sameLogo].map(({ certificate }) => [
      sha256(certificate.chainPem),
      sha256(logoOf(certificate)),
    ]),
  );
  const reading = { chainKey: PEM, logoKey: SVG, logoOfChain };
  const receivers = (maxAgeSeconds?: number) =>
    startReceivers(edgesOf(originOf(bucket.server, maxAgeSeconds)), reading, { everySeconds: 60, random });
  const [before, after] = [receivers(EARLIER_SECONDS), receivers()];
  let time = 0;

  function pass(milliseconds: number): void {
    time += milliseconds;
    before.readUntil(time);
    after.readUntil(time);
  }

  return {
    before,
    after,
    pass,
    now: () => time,

    /** Restores an earlier state, and lets the caches forget what they have. What is read meanwhile does not count. */
    restart(restore: () => void): void {
      restore();
      const counted = [before, after].map(({ mixedAt }) => mixedAt.length);
      pass(HOUR + random() * HOUR);
      before.mixedAt.length = counted[0] ?? 0;
      after.mixedAt.length = counted[1] ?? 0;
    },

    /**
     * Lets an hour pass after a renewal, and expects that receivers of this release read a mixed pair only from its first
     * write until a minute after its last.
     *
     * @param from the number of mixed pairs before the renewal.
     */
    expectMixedOnlyAround(writes: readonly number[], from: number): void {
      pass(HOUR);
      for (const at of after.mixedAt.slice(from)) {
        expect(at).toBeGreaterThanOrEqual(writes[0] ?? Number.POSITIVE_INFINITY);
        expect(at).toBeLessThanOrEqual((writes.at(-1) ?? 0) + LIMIT_MILLISECONDS);
      }
    },
  };
}

describe('Receivers that read while certificates are renewed', { timeout: 120_000 }, () => {
  test('read a mixed pair for at most a minute after the last write, in 1,000 renewals with a failure at every request.', async () => {
    const random = mulberry32(17);
    const watched = watch(random);
    const { before, after, pass, now } = watched;
    for (const [orderNumber, issue] of [
      [OLDER, older],
      [NEWER, newer],
      [NEWEST, newest],
    ] as const) {
      await bucket.store(orderNumber, issue);
    }
    await bucket.publish(OLDER);
    const restore = bucket.server.snapshot();
    const { length: requests } = await bucket.requestsOf(() => bucket.publish(NEWER));
    const failures = new Set<string>();

    for (let round = 0; round < 500; round++) {
      watched.restart(restore);
      await renew(NEWER, round % (requests + 1), round % 3);
      await bucket.expectLive(newer, NEWER);
      await renew(NEWEST, (round * 7) % (requests + 1), Math.floor(round / 3) % 3);
      await bucket.expectLive(newest, NEWEST);
    }
    expect(failures.size).toBe(3 * requests);
    expect(after.mixedAt.length).toBeGreaterThan(0);
    expect(before.mixedAt.length).toBeGreaterThan(30 * after.mixedAt.length);

    /**
     * Publishes the certificate of an order until it is live. The first attempt fails at a request, which is refused, lost,
     * or answered without an answer that arrives.
     */
    async function renew(orderNumber: string, failing: number, kind: number): Promise<void> {
      const writes: number[] = [];
      const { length: mixed } = after.mixedAt;
      let count = -1;
      const fails = (kinds: number) => count === failing && kind === kinds && failures.add(`${failing} ${kind}`);
      bucket.server.before = () => {
        pass(REQUEST_MILLISECONDS);
        count += 1;
        if (fails(1)) {
          throw new Error('the request is lost');
        }
        return fails(0) ? { status: 503, code: 'SlowDown' } : undefined;
      };
      bucket.server.after = (request) => {
        if (isWrite(request)) {
          writes.push(now());
        }
        if (fails(2)) {
          throw new Error('the answer is lost');
        }
      };
      const failed = await bucket.publish(orderNumber).then(
        () => false,
        () => true,
      );
      expect(failed).toBe(failing < requests);
      if (failed) {
        // The state machine repeats the state after up to a minute.
        pass(random() * 60_000);
        await bucket.publish(orderNumber);
      }
      bucket.server.before = () => undefined;
      bucket.server.after = () => {};
      watched.expectMixedOnlyAround(writes, mixed);
    }
  });

  test('read a mixed pair only around the writes, while three executions publish at the same time.', async () => {
    const random = mulberry32(7);
    const watched = watch(random);
    const { before, after, pass, now } = watched;
    await bucket.publishOrder(OLDER, older);
    await bucket.store(NEWER, newer);
    await bucket.store(NEWEST, newest);
    const restore = bucket.server.snapshot();
    const writerOf = (orderNumber: string, client: string) => () => bucket.publish(orderNumber, options(), { client });
    const writers = { a: writerOf(OLDER, 'a'), b: writerOf(NEWER, 'b'), c: writerOf(NEWEST, 'c') };

    for (let round = 0; round < 100; round++) {
      watched.restart(restore);
      const writes: number[] = [];
      const { length: mixed } = after.mixedAt;
      bucket.server.after = (request) => {
        if (isWrite(request)) {
          writes.push(now());
        }
      };
      await interleave(bucket.server, writers, (waiting) => {
        pass(REQUEST_MILLISECONDS);
        return waiting[Math.floor(random() * waiting.length)];
      });
      bucket.server.after = () => {};
      await bucket.expectLive(newest, NEWEST);
      watched.expectMixedOnlyAround(writes, mixed);
    }
    expect(before.mixedAt.length).toBeGreaterThan(10 * after.mixedAt.length);
  });

  test('never read a mixed pair if the new certificate has the same logo, which is not written again.', async () => {
    const random = mulberry32(3);
    const watched = watch(random);
    const { before, after, pass } = watched;
    await bucket.publishOrder(OLDER, older);
    await bucket.store(OTHER, sameLogo);
    const restore = bucket.server.snapshot();

    for (let round = 0; round < 20; round++) {
      watched.restart(restore);
      bucket.server.before = () => {
        pass(REQUEST_MILLISECONDS);
        return undefined;
      };
      expect(await bucket.writesOf(() => bucket.publish(OTHER))).toEqual([PEM, JSON_KEY]);
      pass(HOUR);
    }
    expect(before.reads()).toBeGreaterThan(1000);
    expect([...before.mixedAt, ...after.mixedAt]).toEqual([]);
  });
});
