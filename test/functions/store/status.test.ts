import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { type OrderStatus, openStatus, parseStatus, STATUS_KEY, statusKey } from '../../../functions/store/status.ts';
import { chooseBy, interleave } from '../../interleave.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { BUCKET, clientOf, objectsOf } from './archive-bucket.ts';

const KEY = 'orders/1378973013/status.json';

const WAITING: OrderStatus = {
  schemaVersion: 1,
  collector: 'acme',
  orderNumber: '1378973013',
  account: null,
  domains: ['example.com'],
  product: 'VMC',
  execution: 'order-1378973013',
  startedAt: '2026-03-01T08:00:00.000Z',
  state: 'waiting',
  reason: 'processing',
  text: 'the CA answered 0 (the order is being processed)',
  since: '2026-03-01T08:00:01.000Z',
  updatedAt: '2026-03-01T08:00:01.000Z',
};
const LATER: OrderStatus = {
  ...WAITING,
  execution: 'order-1378973013-again',
  startedAt: '2026-03-02T08:00:00.000Z',
  state: 'issued',
  reason: undefined,
};

let server: S3Server;

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

const open = (client = 'client') => openStatus(s3Storage(clientOf(client, server.url), BUCKET), '1378973013');
const put = (body: string) => fetch(`${server.url}/${BUCKET}/${KEY}`, { method: 'PUT', body });
const written = () => server.requests.filter(({ method }) => method === 'PUT');

describe('The status of an order', () => {
  test('is written, and read as it was written.', async () => {
    await open().update(() => WAITING);

    expect(await open().read()).toEqual({ current: WAITING });
    const { body, type } = await objectsOf(clientOf('reader', server.url)).read(KEY);
    expect(type).toBe('application/json');
    expect(JSON.parse(String(body))).toEqual(WAITING);
    expect(parseStatus(body)).toMatchObject({ success: true, output: WAITING });
  });

  test('is created without a read if it is probably new.', async () => {
    expect(await open().update(() => WAITING, { isProbablyNew: true })).toEqual(WAITING);
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT']);
  });

  test.each([
    ['an earlier status', () => open().update(() => WAITING)],
    ['a damaged one', () => put('{')],
  ])('is read first if, against expectation, there is %s.', async (_, arrange) => {
    await arrange();
    const before = (await open().read()).current;
    const seen: unknown[] = [];
    const next = (current: OrderStatus | undefined) => {
      seen.push(current);
      return LATER;
    };
    expect(await open().update(next, { isProbablyNew: true })).toEqual(LATER);
    expect(seen).toEqual([undefined, before]);
    expect((await open().read()).current).toEqual({ ...LATER, reason: undefined });
  });

  test('has a checksum and a condition at every write.', async () => {
    await open().update(() => WAITING);
    await open().update((current) => current && { ...current, text: 'still waiting' });

    expect(written().map(({ headers }) => [headers['if-none-match'], headers['if-match']])).toEqual([
      ['*', undefined],
      [undefined, expect.stringMatching(/^"\w+"$/)],
    ]);
    expect(written().every(({ headers }) => headers['x-amz-checksum-sha256'] !== undefined)).toBe(true);
  });

  test('stays as it is if there is nothing to change.', async () => {
    await open().update(() => WAITING);
    expect(await open().update(() => undefined)).toEqual(WAITING);
    expect(written()).toHaveLength(1);
  });

  test('is missing before the first check.', async () => {
    expect(await open().read()).toEqual({});
    expect(await open().update((current) => current)).toBeUndefined();
  });

  test.each([
    ['no JSON', 'nonsense', /the whole object/],
    ['another version', JSON.stringify({ ...WAITING, schemaVersion: 2 }), /schemaVersion/],
    ['a date without a time zone', JSON.stringify({ ...WAITING, since: '2026-03-01T08:00:00' }), /since/],
    ['another order', JSON.stringify({ ...WAITING, orderNumber: '2' }), /it is about order 2/],
  ])('that is damaged (%s) is reported, and replaced by the next write.', async (_, body, damage) => {
    await put(body);

    expect(await open().read()).toEqual({ damage: expect.stringMatching(damage) });
    expect(await open().update((current) => (current === undefined ? WAITING : undefined))).toEqual(WAITING);
    expect(await open().read()).toEqual({ current: WAITING });
  });

  test('is not missing if S3 refuses to read it.', async () => {
    server.before = () => ({ status: 403, code: 'AccessDenied' });
    await expect(open().read()).rejects.toThrow(expect.objectContaining({ name: 'AccessDenied' }));
    await expect(open().update(() => WAITING)).rejects.toThrow(expect.objectContaining({ name: 'AccessDenied' }));
  });
});

describe('An execution that started earlier', () => {
  test('does not overwrite the status of one that started later, but the other way round.', async () => {
    expect(await open().update(() => LATER)).toEqual(LATER);
    expect(await open().update(() => WAITING)).toEqual(LATER);
    expect(written()).toHaveLength(1);
    await put(JSON.stringify(WAITING));
    expect(await open().update(() => LATER)).toEqual(LATER);
  });

  const FAILED: OrderStatus = {
    ...LATER,
    state: 'failed',
    error: 'ExecutionAborted',
    since: '2026-03-03T08:00:00.000Z',
    updatedAt: '2026-03-03T08:00:01.000Z',
  };
  const after = { since: '2026-03-04T08:00:00.000Z', updatedAt: '2026-03-04T08:00:00.000Z' };
  test.each<{ who: string; status: OrderStatus; outcome: 'overwrites' | 'does not overwrite' }>([
    { who: 'that waits', status: WAITING, outcome: 'overwrites' },
    { who: 'that has the certificate', status: { ...WAITING, state: 'issued' }, outcome: 'overwrites' },
    {
      who: 'that fails with another error',
      status: { ...WAITING, ...after, state: 'failed', error: 'OrderRejected' },
      outcome: 'overwrites',
    },
    {
      who: 'that fails with the same error',
      status: { ...WAITING, ...after, state: 'failed', error: 'ExecutionAborted' },
      outcome: 'does not overwrite',
    },
    {
      who: 'that failed before it',
      status: { ...WAITING, state: 'failed', error: 'OrderRejected' },
      outcome: 'does not overwrite',
    },
  ])('$who $outcome the status of one that failed.', async ({ status, outcome }) => {
    await put(JSON.stringify(FAILED));
    expect(await open().update(() => status)).toEqual(outcome === 'overwrites' ? status : FAILED);
  });

  test('does not overwrite it in any order of the requests of both.', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 12 }), fc.boolean(), async (numbers, exists) => {
        await server.close();
        server = await startDirectS3Server();
        if (exists) {
          await put(JSON.stringify({ ...WAITING, startedAt: '2026-01-01T00:00:00.000Z', execution: 'order-first' }));
        }
        const results = await interleave(
          server,
          { earlier: () => open('earlier').update(() => WAITING), later: () => open('later').update(() => LATER) },
          chooseBy(numbers),
        );

        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
        expect((await open().read()).current).toEqual(LATER);
      }),
      { numRuns: 60 },
    );
  });

  test('loses no field that another writer added at the same time.', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 12 }), async (numbers) => {
        await server.close();
        server = await startDirectS3Server();
        await put(JSON.stringify(WAITING));
        const reportedAt = '2026-03-01T09:00:00.000Z';
        await interleave(
          server,
          {
            notify: () => open('notify').update((current) => current && { ...current, reportedAt }),
            collect: () => open('collect').update((current) => current && { ...current, text: 'other' }),
          },
          chooseBy(numbers),
        );
        expect((await open().read()).current).toEqual({ ...WAITING, reportedAt, text: 'other' });
      }),
      { numRuns: 30 },
    );
  });
});

test('The key of a status is in the folder of its order, and no other key looks like it.', () => {
  expect(statusKey('1378973013')).toBe(KEY);
  expect(
    [KEY, 'orders/1/a/status.json', 'orders/status.json', 'published/1/status.json'].map((key) => STATUS_KEY.test(key)),
  ).toEqual([true, false, false, false]);
});
