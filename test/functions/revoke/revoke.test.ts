import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RevokedRecord } from '../../../functions/revoke/revoke.ts';
import {
  DOMAIN,
  type Issue,
  isWrite,
  JSON_KEY,
  PEM,
  type PublishedBucket,
  SVG,
  startBucket,
} from '../publish/published-bucket.ts';
import { DOMAINS, issueCertificates, LATER, ORDER, RENEWAL, REVOKED_AT, revoked, run } from './revocation.ts';

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

describe('A revoked certificate', () => {
  test('A revoked certificate is marked and still served.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const before = await bucket.description();
    expect(await bucket.writesOf(() => run(bucket))).toEqual([JSON_KEY]);
    expect(await bucket.description()).toEqual({ ...before, revokedAt: REVOKED_AT });
    await bucket.expectLive(issue, ORDER);
  });

  test('Each publication of the certificate is reported once.', async () => {
    await bucket.publishOrder(ORDER, issue, { domains: DOMAINS });
    await bucket.publish(ORDER, { domains: [DOMAIN], selector: 'brand' });
    const { fingerprintSha256 } = issue.certificate.report;
    const record = { orderNumber: ORDER, fingerprintSha256, revokedAt: REVOKED_AT, served: true };
    expect(await run(bucket)).toEqual({
      records: [
        { ...record, domain: DOMAIN, selector: 'brand' },
        { ...record, domain: DOMAIN, selector: 'default' },
        { ...record, domain: 'example.net', selector: 'default' },
      ],
      damaged: [],
    });
  });

  test('The descriptions of other orders are read several at the same time, so that thousands take a minute.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const other = JSON.stringify(await bucket.description()).replaceAll(ORDER, RENEWAL);
    const domains = Array.from({ length: 20 }, (_, index) => `other${index}.example`);
    for (const domain of domains) {
      await bucket.overwrite(`published/${domain}/default.json`, other.replaceAll(DOMAIN, domain));
    }
    let reading = 0;
    let most = 0;
    bucket.server.before = async ({ method, key }) => {
      if (method === 'GET' && key.endsWith('.json')) {
        most = Math.max(most, ++reading);
        await new Promise((resolve) => setTimeout(resolve, 20));
        reading -= 1;
      }
      return undefined;
    };

    expect((await run(bucket)).records).toMatchObject([{ domain: DOMAIN, revokedAt: REVOKED_AT }]);
    expect(most).toBe(21);
  });

  test('A publication is marked once and reported by every run.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket);
    let reported: RevokedRecord[] = [];
    const again = revoked({ knownSince: LATER });
    expect(await bucket.writesOf(async () => ({ records: reported } = await run(bucket, again)))).toEqual([]);
    expect(reported).toMatchObject([{ domain: DOMAIN, revokedAt: REVOKED_AT }]);
    expect((await bucket.description()).revokedAt).toBe(REVOKED_AT);
  });

  test('The mark stays when the order is published again.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket);
    expect((await bucket.publish(ORDER)).published).toMatchObject([{ changed: false }]);
    expect((await bucket.description()).revokedAt).toBe(REVOKED_AT);
  });

  test('Publications of other orders stay as they are.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.publishOrder(RENEWAL, renewal, { domains: ['example.net'] });
    await bucket.overwrite('published/example.org/notes.txt', 'not a description');
    await bucket.overwrite('published/unexpected.json', '{}');
    const { records, damaged } = await run(bucket);
    expect(records.map(({ domain }) => domain)).toEqual([DOMAIN]);
    expect(damaged).toEqual([]);
    expect(await bucket.description('example.net')).toMatchObject({ revokedAt: null, served: true });
  });

  test('A renewal that is live at the same address stays as it is.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.publishOrder(RENEWAL, renewal);
    const before = await bucket.description();
    expect(await bucket.writesOf(async () => expect((await run(bucket)).records).toEqual([]))).toEqual([]);
    expect(await run(bucket, revoked(), { unpublish: true })).toEqual({ records: [], damaged: [] });
    expect(await bucket.expectLive(renewal, RENEWAL)).toEqual(before);
  });

  test('A certificate that was collected before and published later is marked.', async () => {
    await bucket.store(ORDER, issue);
    await bucket.publish(ORDER, { domains: [DOMAIN] }, { at: LATER });
    expect((await run(bucket)).records).toMatchObject([{ domain: DOMAIN, revokedAt: REVOKED_AT }]);
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: true });
  });

  test('A certificate that the same order collected later stays as it is.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.store(ORDER, renewal, { collectedAt: LATER });
    await bucket.publish(ORDER, { domains: [DOMAIN] }, { at: LATER });
    expect((await run(bucket, revoked(), { unpublish: true })).records).toEqual([]);
    expect(await bucket.expectLive(renewal, ORDER)).toMatchObject({ revokedAt: null });
    const { records } = await run(bucket, revoked({ knownSince: LATER }), { unpublish: true });
    expect(records).toMatchObject([{ served: false }]);
  });

  test('A publication beyond the first page of a thousand keys is found.', async () => {
    for (let index = 0; index < 1001; index++) {
      await bucket.overwrite(`published/a${index}.example/notes.txt`, 'x');
    }
    await bucket.publishOrder(ORDER, issue);
    expect((await run(bucket)).records).toHaveLength(1);
  });

  test('A damaged description is reported and left as it is.', async () => {
    await bucket.publishOrder(ORDER, issue, { domains: DOMAINS });
    await bucket.overwrite(JSON_KEY, '{"schemaVersion": 1}');
    const { records, damaged } = await run(bucket, revoked(), { unpublish: true });
    expect(records).toMatchObject([{ domain: 'example.net', served: false }]);
    expect(damaged).toEqual([{ key: JSON_KEY, problem: expect.stringMatching(/^domain: .*live: /) }]);
    expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG, 'published/example.net/default.json']);
  });
});

describe('Taking down a revoked certificate', () => {
  const down = (event: unknown = revoked(), client = 'revoker') => run(bucket, event, { unpublish: true, client });

  test('The description is written first, then chain and logo are deleted, and their versions stay.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const before = await bucket.description();
    expect(await bucket.writesOf(() => down())).toEqual([JSON_KEY, `DELETE ${PEM}`, `DELETE ${SVG}`]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
    expect(await bucket.description()).toEqual({ ...before, revokedAt: REVOKED_AT, served: false });
    await bucket.expectPair(before.live, issue);
  });

  test('Every write and deletion has the entity tag that was read.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const etags = await Promise.all(
      [JSON_KEY, PEM, SVG].map(async (key) => (await fetch(`${bucket.server.url}/x/${key}`)).headers.get('etag')),
    );
    const requests = await bucket.requestsOf(() => down());
    expect(requests.filter(isWrite).map(({ headers }) => headers['if-match'])).toEqual(etags);
  });

  test('A certificate that was marked before is taken down.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket);
    const { records } = await down(revoked({ knownSince: LATER }));
    expect(records).toMatchObject([{ revokedAt: REVOKED_AT, served: false }]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('A certificate stays down after the setting is turned off.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await down();
    expect(await bucket.writesOf(() => run(bucket))).toEqual([]);
    expect(await bucket.description()).toMatchObject({ served: false });
  });

  test('The certificate is not published again, and a newer one is.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await down();
    expect((await bucket.publish(ORDER)).notPublished).toMatchObject([{ reason: 'revoked' }]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
    expect((await bucket.publishOrder(RENEWAL, renewal)).published).toMatchObject([{ changed: true }]);
    expect(await bucket.expectLive(renewal, RENEWAL)).toMatchObject({ revokedAt: null });
  });
});

describe('The event of a revocation', () => {
  test('An event about a watched domain, which has no order, takes nothing down and causes no request.', async () => {
    await bucket.publishOrder(ORDER, issue);
    const { orderNumber: _, ...detail } = revoked().detail;
    const event = { ...revoked(), detail: { ...detail, watched: true, domain: DOMAIN, selector: 'default' } };
    const requests = await bucket.requestsOf(async () =>
      expect(await run(bucket, event, { unpublish: true })).toEqual({ records: [], damaged: [] }),
    );
    expect(requests).toEqual([]);
  });

  test.each([
    ['that is not confirmed, such as that of a push', { confirmed: false }],
    ['of another collector', { collector: 'other' }],
  ])('An event %s takes nothing down and causes no request.', async (_, changes) => {
    await bucket.publishOrder(ORDER, issue);
    const before = await bucket.description();
    const requests = await bucket.requestsOf(async () =>
      expect(await run(bucket, revoked(changes), { unpublish: true })).toEqual({ records: [], damaged: [] }),
    );
    expect(requests).toEqual([]);
    expect(await bucket.expectLive(issue, ORDER)).toEqual(before);
  });

  test.each([
    ['without an order number', { orderNumber: undefined }, 'detail.orderNumber is missing'],
    ['with an invalid order number', { orderNumber: '0' }, 'detail.orderNumber: "0" is not accepted'],
    ['that does not state whether it is confirmed', { confirmed: undefined }, 'detail.confirmed is missing'],
    ['without a collector', { collector: undefined }, 'detail.collector is missing'],
    ['without a time', { knownSince: undefined }, 'detail.knownSince is missing'],
    ['with an invalid time', { knownSince: 'today' }, 'detail.knownSince: "today" is not accepted; accepted: a date'],
  ])('An event %s is an error and causes no request.', async (_, changes, problem) => {
    await bucket.publishOrder(ORDER, issue);
    const event = { detail: { ...revoked().detail, ...changes } };
    const requests = await bucket.requestsOf(() =>
      expect(run(bucket, event, { unpublish: true })).rejects.toMatchObject({
        name: 'InvalidInput',
        message: expect.stringContaining(problem),
      }),
    );
    expect(requests).toEqual([]);
  });
});
