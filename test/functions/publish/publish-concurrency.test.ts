import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PublishResult } from '../../../functions/publish/publish.ts';
import { chooseBy, interleave } from '../../interleave.ts';
import { issueCertificates, NEWER, NEWEST, OLDER, OTHER } from './certificates.ts';
import { type Issue, isWrite, JSON_KEY, options, type PublishedBucket, startBucket } from './published-bucket.ts';

let older: Issue;
let newer: Issue;
let newest: Issue;
let twin: Issue;
let shorter: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ older, newer, newest, twin, shorter } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('Executions that publish at one address at the same time', { timeout: 120_000 }, () => {
  const writerOf = (orderNumber: string, client: string) => () => bucket.publish(orderNumber, options(), { client });
  const reasonsOf = (results: readonly PromiseSettledResult<PublishResult>[]) =>
    results.map((result) =>
      result.status === 'fulfilled'
        ? (result.value.notPublished[0]?.reason ?? result.value.published[0]?.changed)
        : result.reason,
    );

  async function prepare(...orders: readonly (readonly [string, Issue])[]) {
    bucket.clear();
    for (const [orderNumber, issue] of orders) {
      await bucket.store(orderNumber, issue);
    }
  }

  test.each(['older', 'newer'])(
    'The newer certificate is complete in the end, wherever the %s writer is interrupted.',
    async (name) => {
      const writers = { older: writerOf(OLDER, 'older'), newer: writerOf(NEWER, 'newer') };
      const orders = [[OLDER, older] as const, [NEWER, newer] as const];
      await prepare(...orders);
      const { length } = await bucket.requestsOf(name === 'older' ? writers.older : writers.newer);
      expect(length).toBeGreaterThan(10);
      for (let n = 0; n <= length; n++) {
        await prepare(...orders);
        let turn = 0;
        const results = await interleave(bucket.server, writers, (waiting) =>
          turn++ < n ? name : (waiting.find((other) => other !== name) ?? name),
        );
        const [first, second] = reasonsOf(results);
        expect([true, 'older'], `interrupted at request ${n}`).toContain(first);
        expect(second, `interrupted at request ${n}`).toBe(true);
        await bucket.expectLive(newer, NEWER);
      }
    },
  );

  test('A slower writer never overwrites a newer set that is complete.', async () => {
    await prepare([OLDER, older]);
    const { length } = await bucket.requestsOf(writerOf(OLDER, 'older'));
    for (let n = 0; n < length; n++) {
      await prepare([OLDER, older], [NEWER, newer]);
      let count = 0;
      let complete = Number.POSITIVE_INFINITY;
      bucket.server.before = async ({ client }) => {
        if (client === 'older' && count++ === n) {
          await bucket.publish(NEWER, options(), { client: 'newer' });
          complete = bucket.server.requests.length;
        }
        return undefined;
      };
      await bucket.publish(OLDER, options(), { client: 'older' });
      // At most the next write, which is refused. If it succeeded, other writes and a restoration would follow.
      const writes = bucket.server.requests.slice(complete).filter(isWrite);
      expect(writes.length, `before request ${n + 1}`).toBeLessThanOrEqual(1);
      await bucket.expectLive(newer, NEWER);
    }
  });

  test('The newer of two certificates is live in the end, in any order of requests.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      await prepare([OLDER, older], [NEWER, newer]);
      const writers = { a: writerOf(OLDER, 'a'), b: writerOf(NEWER, 'b') };
      const [first, second] = reasonsOf(await interleave(bucket.server, writers, chooseBy(numbers)));
      expect([true, 'older']).toContain(first);
      expect(second).toBe(true);
      const { previous } = await bucket.expectLive(newer, NEWER);
      expect(previous.map(({ orderNumber }) => orderNumber)).toEqual(first === true ? [OLDER] : []);
      await Promise.all(previous.map((pair) => bucket.expectPair(pair, older)));
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('The newest of three certificates is live in the end.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      await prepare([OLDER, older], [NEWER, newer], [NEWEST, newest]);
      const writers = { a: writerOf(NEWEST, 'a'), b: writerOf(OLDER, 'b'), c: writerOf(NEWER, 'c') };
      const results = reasonsOf(await interleave(bucket.server, writers, chooseBy(numbers)));
      expect(results[0]).toBe(true);
      expect([true, 'older']).toContain(results[1]);
      expect([true, 'older']).toContain(results[2]);
      await bucket.expectLive(newest, NEWEST);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('One of two certificates of the same second is complete in the end.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer], [OTHER, twin]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(OTHER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, chooseBy(numbers)))).toEqual([true, true]);
      const { live: pair, previous } = await bucket.description();
      const [won, lost] = pair.orderNumber === NEWER ? [newer, twin] : [twin, newer];
      await bucket.expectLive(won, pair.orderNumber);
      expect(previous).toHaveLength(1);
      await Promise.all(previous.map((each) => bucket.expectPair(each, lost)));
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('Two executions with the same certificate publish it once.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(NEWER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, chooseBy(numbers))).sort()).toEqual([false, true]);
      expect((await bucket.expectLive(newer, NEWER)).previous).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('One of two chains of the same leaf is complete in the end.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer], [OTHER, shorter]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(OTHER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, chooseBy(numbers))).sort()).toEqual([false, true]);
      const { live: pair } = await bucket.description();
      const whole = pair.objects.chain.size === shorter.certificate.chainPem.length ? shorter : newer;
      expect((await bucket.expectLive(whole, pair.orderNumber)).previous).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('Endless conflicts end in an error after eight attempts.', async () => {
    await prepare([NEWER, newer]);
    const conflict = { status: 412, code: 'PreconditionFailed' };
    bucket.server.before = (request) => (isWrite(request) && request.key === JSON_KEY ? conflict : undefined);
    await expect(bucket.publish(NEWER)).rejects.toThrow(`Another execution changed ${JSON_KEY}`);
    expect(bucket.server.requests.filter(({ method, key }) => method === 'PUT' && key === JSON_KEY)).toHaveLength(8);
  });
});
