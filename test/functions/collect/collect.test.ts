import { describe, expect, test } from 'vitest';
import { type CheckRecord, type Collection, createCollect } from '../../../functions/collect/collect.ts';
import { createReports } from './reports.ts';
import { fixedCredentials } from './secret-manager.ts';

const STARTED = Date.parse('2026-11-01T00:00:00Z');
const DAY = 86_400;

/** A check. The CA answers with the given bodies, one for each call, and repeats the last one. */
function prepare(...bodies: readonly string[]) {
  const answers = [...bodies];
  const observed: CheckRecord[] = [];
  let elapsedSeconds = 0;
  const collect = createCollect({
    ...createReports().dependencies,
    url: 'https://ca.example/CollectMC',
    format: 'pkcs7',
    pollSeconds: 10_800,
    giveUpSeconds: 90 * DAY,
    bucket: 'bucket',
    trustAnchors: [],
    ctLogs: [],
    publishedUrl: undefined,
    credentials: fixedCredentials(() => ({ version: 'a', stages: [], loginName: 'brand', loginPassword: 'secret' })),
    http: async () => {
      const [body = ''] = answers.length > 1 ? answers.splice(0, 1) : answers;
      return { status: 200, headers: {}, read: async () => Buffer.from(body), discard: () => {} };
    },
    archive: () => {
      throw new Error('nothing was issued');
    },
    observe: (check) => observed.push(check),
    now: () => new Date(STARTED + elapsedSeconds * 1000),
    random: () => 0,
  });
  const check = (collection?: object, order: object = { orderNumber: '1' }) =>
    collect(
      {
        order: { ...order, ...(collection && { collection }) },
        execution: 'order-1',
        startedAt: '2026-11-01T00:00:00.000Z',
      },
      () => 60_000,
    );
  return {
    check,
    observed,
    pass: (seconds: number) => {
      elapsedSeconds += seconds;
    },
    /** Consecutive checks, each with the collection of the one before. */
    async checks(count: number): Promise<Collection[]> {
      const collections: Collection[] = [];
      for (let each = 0; each < count; each++) {
        collections.push(await check(collections.at(-1)));
      }
      return collections;
    },
  };
}

describe('A check of a waiting order', () => {
  test.each([
    ['0', 'processing', 0, 10_800],
    ['-26\nBeing issued', 'processing', -26, 10_800],
    ['1', 'available', 1, 900],
    ['-42\nLimit', 'call-limit', -42, 21_600],
    ['-14\nError', 'outage', -14, 60],
    ['-22\nPayment', 'payment', -22, 10_800],
    ['-91\nPermission', 'permission', -91, 10_800],
  ])('after the reply %j returns the reason and the wait.', async (body, reason, status, waitSeconds) => {
    expect(await prepare(body).check()).toEqual({
      outcome: 'waiting',
      status,
      reason,
      checks: 1,
      consecutive: 1,
      waitSeconds,
      since: '2026-11-01T00:00:00.000Z',
      reported: expect.arrayContaining(['status']),
      nextCheckAt: new Date(STARTED + waitSeconds * 1000).toISOString(),
    });
  });

  test('after a reply without a status returns none.', async () => {
    const collection = await prepare('<html>').check();

    expect(collection).toMatchObject({
      outcome: 'waiting',
      reason: 'outage',
      checks: 1,
      consecutive: 1,
      waitSeconds: 60,
    });
    expect(collection).not.toHaveProperty('status');
  });

  test('counts the checks and the consecutive ones with the same reason.', async () => {
    const { checks } = prepare('0', '<html>', '-14', '', '0', '0');

    const collections = await checks(6);

    expect(collections.map(({ reason, consecutive, waitSeconds }) => [reason, consecutive, waitSeconds])).toEqual([
      ['processing', 1, 10_800],
      ['outage', 1, 60],
      ['outage', 2, 120],
      ['outage', 3, 240],
      ['processing', 1, 10_800],
      ['processing', 2, 10_800],
    ]);
    expect(collections.map((collection) => collection.checks)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ['consecutive', 'this release'],
    ['inARow', 'release 0.1.0'],
  ])('continues from the collection of an execution with the field %s of %s.', async (field) => {
    const stored = { outcome: 'waiting', status: -14, reason: 'outage', checks: 7, waitSeconds: 240, [field]: 3 };

    const collection = await prepare('-14').check(stored);

    expect(collection).toEqual({
      outcome: 'waiting',
      status: -14,
      reason: 'outage',
      checks: 8,
      consecutive: 4,
      waitSeconds: 480,
      since: '2026-11-01T00:00:00.000Z',
      reported: ['status'],
      nextCheckAt: '2026-11-01T00:08:00.000Z',
    });
  });

  test('is observed once, with everything that an operator needs.', async () => {
    const { check, observed } = prepare('-22\nStill awaiting payment');

    await check();

    expect(observed).toEqual([
      {
        orderNumber: '1',
        account: null,
        outcome: 'waiting',
        status: -22,
        reason: 'payment',
        checks: 1,
        elapsedSeconds: 0,
        waitSeconds: 10_800,
        milliseconds: expect.any(Number),
        text: 'the CA answered -22 (Still awaiting payment)',
      },
    ]);
  });
});

describe('A refusal by the CA ends the collection with its name, the text of the CA and the next step:', () => {
  test.each([
    ['-20', 'OrderRejected'],
    ['-21', 'CertificateRevoked'],
    ['-35', 'CertificateExpired'],
    ['-36', 'CertificateExpired'],
    ['-1', 'InvalidRequest'],
    ['-2', 'InvalidRequest'],
    ['-3', 'InvalidRequest'],
    ['-4', 'InvalidRequest'],
    ['-17', 'InvalidRequest'],
  ])('%s is %s.', async (code, name) => {
    const { check, observed } = prepare(`${code}\nThe text of the CA`);

    await expect(check()).rejects.toThrow(
      expect.objectContaining({
        name,
        message: expect.stringMatching(
          new RegExp(`^Order 1: the CA answered ${code} \\(The text of the CA\\)\\. Next: .+\\.$`),
        ),
      }),
    );
    expect(observed).toMatchObject([{ outcome: 'failed', error: name, checks: 1 }]);
  });
});

describe('A status that is in no table', () => {
  test('is an outage seven times and a refusal the eighth time, with its text.', async () => {
    const { check, checks } = prepare('-77\nNobody knows');

    const collections = await checks(7);

    expect(collections.at(-1)).toMatchObject({
      outcome: 'waiting',
      reason: 'outage',
      status: -77,
      consecutive: 7,
      waitSeconds: 3840,
    });
    await expect(check(collections.at(-1))).rejects.toThrow(
      expect.objectContaining({
        name: 'UnknownRefusal',
        message: expect.stringContaining('-77 (Nobody knows), 8 times in a row'),
      }),
    );
  });

  test('is counted from one again after another reply, and together with other unknown ones.', async () => {
    const { checks } = prepare('-77', '-78', '<html>', '-77', '-77');

    expect((await checks(5)).map(({ consecutive }) => consecutive)).toEqual([1, 2, 1, 1, 2]);
  });

  test('is not the result of a long outage of the CA.', async () => {
    const { checks } = prepare('<html>');

    expect((await checks(20)).at(-1)).toMatchObject({ outcome: 'waiting', reason: 'outage', consecutive: 20 });
  });
});

describe('The deadline', () => {
  test.each([
    ['being processed', '0', 'the last reply: 0 (the order is being processed)'],
    ['an outage', '<html>', 'the last reply: an HTML page'],
    ['an unpaid order', '-22', 'the last reply: -22 (the CA is awaiting payment)'],
  ])('ends %s.', async (_, body, last) => {
    const { check, pass } = prepare(body);
    pass(90 * DAY - 1);
    const collection = await check();
    pass(1);

    await expect(check(collection)).rejects.toThrow(
      expect.objectContaining({
        name: 'CollectionOverdue',
        message: expect.stringContaining(`no certificate after 90 days and 2 checks; ${last}`),
      }),
    );
  });

  test('does not hide a refusal by the CA.', async () => {
    const { check, pass } = prepare('-20');
    pass(91 * DAY);

    await expect(check()).rejects.toThrow(expect.objectContaining({ name: 'OrderRejected' }));
  });
});

test.each([
  ['an order number', { orderNumber: 'x' }, 'order.orderNumber: "x" is not accepted'],
  ['a product', { orderNumber: '1', product: 'EV' }, 'order.product: "EV" is not accepted'],
])('An execution that was started by hand with a wrong %s fails with the reason.', async (_, order, problem) => {
  await expect(prepare('0').check(undefined, order)).rejects.toThrow(
    expect.objectContaining({ name: 'InvalidInput', message: expect.stringContaining(problem) }),
  );
});
