import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENDING_ANSWERS, endAfter, failAtEach, rehearse } from '../../failures.ts';
import { chooseBy, interleave } from '../../interleave.ts';
import {
  DOMAIN,
  type Issue,
  isWrite,
  JSON_KEY,
  NOW,
  PEM,
  type PublishedBucket,
  SVG,
  startBucket,
} from '../publish/published-bucket.ts';
import { DOMAINS, issueCertificates, ORDER, RENEWAL, REVOKED_AT, revoked, run } from './revocation.ts';

let issue: Issue;
let renewal: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ issue, renewal } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('Failures while a certificate is taken down', { timeout: 120_000 }, () => {
  const takeDown = () => run(bucket, revoked(), { unpublish: true });

  const rehearseRevoke = () =>
    rehearse(bucket.server, () => bucket.publishOrder(ORDER, issue, { domains: DOMAINS }), takeDown);

  async function expectDown() {
    expect(await bucket.keys()).toEqual([JSON_KEY, 'published/example.net/default.json']);
    for (const domain of DOMAINS) {
      expect(await bucket.description(domain)).toMatchObject({ revokedAt: REVOKED_AT, served: false });
    }
  }

  test.each(ENDING_ANSWERS)(
    'After %i at any request, revoke fails with that error, and a repetition completes it.',
    async (status, code) => {
      await failAtEach(bucket.server, await rehearseRevoke(), { status, code }, takeDown, async (place) => {
        expect((await takeDown()).records, place).toHaveLength(2);
        await expectDown();
      });
    },
  );

  test('If the process ends between any two requests, a repetition completes it and reports every publication.', async () => {
    const { requests, restore } = await rehearseRevoke();
    for (let answered = 0; answered < requests.length; answered++) {
      restore();
      endAfter(bucket.server, answered);
      await expect(run(bucket, revoked(), { unpublish: true, client: 'interrupted' })).rejects.toThrow();
      expect((await run(bucket, revoked(), { unpublish: true })).records, `ended after ${answered}`).toHaveLength(2);
      await expectDown();
    }
  });

  test.each([
    { status: 412, code: 'PreconditionFailed' },
    { status: 409, code: 'ConditionalRequestConflict' },
    { status: 404, code: 'NoSuchKey' },
  ])('After a conflict at any write, $status $code, the state is read again.', async (conflict) => {
    const { requests, restore } = await rehearseRevoke();
    const writes = requests.filter(isWrite).length;
    expect(writes).toBe(6);
    for (let nth = 0; nth < writes; nth++) {
      restore();
      let count = 0;
      bucket.server.before = (request) => (isWrite(request) && count++ === nth ? conflict : undefined);
      expect((await run(bucket, revoked(), { unpublish: true })).records).toHaveLength(2);
      expect(count).toBe(writes + 1);
      await expectDown();
    }
  });

  test('A repetition restores the objects of a newer certificate that an interrupted run deleted.', async () => {
    await bucket.publishOrder(ORDER, issue);
    let deletes = 0;
    // The run ends after it deleted an object that the renewal had just written, and before it reads the state again.
    bucket.server.before = async ({ client, method }) => {
      if (client === 'interrupted' && method === 'DELETE' && deletes++ === 0) {
        await bucket.publishOrder(RENEWAL, renewal);
      } else if (client === 'interrupted' && deletes > 0) {
        throw new Error('the process has ended');
      }
      return undefined;
    };
    await expect(run(bucket, revoked(), { unpublish: true, client: 'interrupted' })).rejects.toThrow();
    // The server of the tests ignores the condition of a deletion, as older S3 servers do.
    expect(await bucket.keys()).toEqual([JSON_KEY, SVG]);
    bucket.server.before = () => undefined;
    expect((await run(bucket, revoked(), { unpublish: true })).records).toEqual([]);
    await bucket.expectLive(renewal, RENEWAL);
  });
});

describe('Revoke at the same time as other executions', { timeout: 120_000 }, () => {
  const down = (client: string) => () => run(bucket, revoked(), { unpublish: true, client });
  const publishing = (orderNumber: string, client: string) => () =>
    bucket.publish(orderNumber, { domains: [DOMAIN] }, { client });

  test('A newer certificate that is published meanwhile is complete in the end.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.store(RENEWAL, renewal);
    const restore = bucket.server.snapshot();
    const runOnce = async (numbers: readonly number[]) => {
      restore();
      const writers = { a: down('a'), b: publishing(RENEWAL, 'b') };
      const results = await interleave<unknown>(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.expectLive(renewal, RENEWAL)).toMatchObject({ revokedAt: null });
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('The same certificate that is restored meanwhile is down in the end.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.remove(PEM);
    await bucket.overwrite(SVG, 'damage');
    const restore = bucket.server.snapshot();
    const runOnce = async (numbers: readonly number[]) => {
      restore();
      const writers = { a: down('a'), b: publishing(ORDER, 'b') };
      const results = await interleave<unknown>(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: false });
      expect(await bucket.keys()).toEqual([JSON_KEY]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('Two runs for the same event mark the certificate once, and it is down in the end.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const restore = bucket.server.snapshot();
    const runOnce = async (numbers: readonly number[]) => {
      restore();
      const results = await interleave<unknown>(bucket.server, { a: down('a'), b: down('b') }, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: false, live: { since: NOW } });
      expect(await bucket.keys()).toEqual([JSON_KEY]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });
});
