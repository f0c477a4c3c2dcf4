import { describe, expect, test } from 'vitest';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { MANIFEST } from '../../sample-manifest.ts';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { get, post } from './request.ts';

const DAY = 24 * 60 * 60_000;
const COLLECTING = `order-${ORDER}-push-20261123`;
const ISSUED = { collection: { outcome: 'issued' } };
const ENDED = { collection: { outcome: 'ended' } };
const PROCESSING = { schemaVersion: 1, collector: 'acme', orderNumber: ORDER, account: null, domains: [] };
/** The status of an order that an execution collects. */
const waitingIn = (execution: string) => ({
  ...{ ...PROCESSING, product: null, execution, startedAt: '2026-11-20T00:00:00.000Z', state: 'waiting' },
  ...{ text: 'x', since: '2026-11-20T00:00:00.000Z', updatedAt: '2026-11-20T00:00:00.000Z' },
});

describe('A push that reports an outcome', () => {
  test.each([
    [3, 'failed', 'GET'],
    [5, 'failed', 'POST'],
    [6, 'issued', 'GET'],
    [6, 'issued', 'POST'],
    [9, 'issued', 'POST'],
    [7, 'rejected', 'GET'],
    [8, 'revoked', 'GET'],
    [14, 'replaced', 'POST'],
  ] as const)(
    'with statusCode %i (%s) by %s starts an execution that asks CollectMC.',
    async (code, statusDesc, method) => {
      const { send, started, records, order } = await prepare();
      await order();

      const answer = await send(
        (method === 'GET' ? get : post)(LOGIN, { ...issued, statusCode: String(code), statusDesc }),
      );

      expect(answer).toMatchObject({ statusCode: 200, body: 'accepted: CollectMC is asked at once' });
      expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
      expect(started()).toEqual([[COLLECTING, { orderNumber: ORDER, request: `push-${code}-20261123` }]]);
      expect(records).toMatchObject([
        { ...issued, statusCode: code, statusDesc, outcome: 'started', httpStatus: 200, execution: COLLECTING },
      ]);
    },
  );

  test.each([
    ['statusCode', { statusCode: 'Issued' }, '6'],
    ['status', { status: 'ISSUED' }, '6'],
    ['status', { status: '9' }, '9'],
    ['statusDesc', { statusDesc: 'Certificate Issued' }, '6'],
    ['eventType', { eventType: 'Issuance' }, '6'],
    ['status beside a statusCode that is not documented', { statusCode: '99', status: 'Replaced' }, '14'],
  ])('in its field %s, in words, is understood.', async (_, fields: Readonly<Record<string, string>>, code) => {
    const { send, started } = await prepare();

    await send(get(LOGIN, { orderNumber: ORDER, ...fields }));

    expect(started()).toHaveLength(1);
    const { send: sendKnown, started: startedKnown, order } = await prepare();
    await order();
    await sendKnown(get(LOGIN, { orderNumber: ORDER, ...fields }));
    expect(startedKnown().at(-1)?.[1]).toMatchObject({ request: `push-${code}-20261123` });
  });

  test('starts one execution if it arrives ten times at once.', async () => {
    const { send, started, order } = await prepare();
    await order();

    const answers = await Promise.all(Array.from({ length: 10 }, () => send(get(LOGIN, issued))));

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
    expect(started()).toHaveLength(1);
  });

  test('starts nothing if it is repeated on the same day, while its execution runs and after it has found a certificate.', async () => {
    const { send, started, records, wait, end, order } = await prepare();
    await order();
    await send(get(LOGIN, issued));
    await send(get(LOGIN, issued));
    await end(ISSUED);
    wait(13 * 60 * 60_000);

    expect(await send(get(LOGIN, issued))).toMatchObject({
      statusCode: 200,
      body: 'accepted: CollectMC is asked at once',
    });
    expect(started()).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ outcome: 'already-there', execution: COLLECTING });
  });

  test('starts another execution on the same day for another statusCode, also after a certificate was found.', async () => {
    const { send, started, end, order } = await prepare();
    await order();
    await send(get(LOGIN, issued));
    await end(ISSUED);
    await send(get(LOGIN, { ...issued, statusCode: '14' }));

    expect(started()).toEqual([
      [COLLECTING, { orderNumber: ORDER, request: 'push-6-20261123' }],
      [`${COLLECTING}-2`, { orderNumber: ORDER, request: 'push-14-20261123' }],
    ]);
  });

  test.each([
    ['failed', new Error('the CA refused the order')],
    ['ended without a report', ENDED],
  ])('starts another execution on the same day if the one before %s.', async (_, result) => {
    const { send, started, end, order } = await prepare();
    await order();
    await send(get(LOGIN, issued));
    await end(result);
    await send(get(LOGIN, issued));

    expect(started().map(([name]) => name)).toEqual([COLLECTING, `${COLLECTING}-2`]);
  });

  test.each(['CertificateRevoked', 'OrderRejected', 'CertificateExpired'])(
    'starts nothing if it is repeated on the same day after the CA refused the order for good: %s.',
    async (name) => {
      const { send, started, end, order } = await prepare();
      await order();
      await send(get(LOGIN, issued));
      await end(Object.assign(new Error('refused'), { name }));
      await send(get(LOGIN, issued));
      expect(started().map(([execution]) => execution)).toEqual([COLLECTING]);

      await send(get(LOGIN, { ...issued, statusCode: '14' }));

      expect(started().map(([execution]) => execution)).toEqual([COLLECTING, `${COLLECTING}-2`]);
    },
  );

  test.each([
    ['3', 'OrderRejected', 0],
    ['5', 'OrderRejected', 0],
    ['7', 'OrderRejected', 0],
    ['8', 'CertificateRevoked', 0],
    // The certificate of an earlier order can be revoked after a later request for the same number was refused.
    ['8', 'OrderRejected', 1],
    ['7', 'CollectionOverdue', 1],
  ])('of a refusal (%s) for an order that failed with %s starts %i executions.', async (statusCode, error, count) => {
    const { send, started, order, store } = await prepare();
    await order();
    await store(`orders/${ORDER}/status.json`, {
      schemaVersion: 1,
      collector: 'acme',
      orderNumber: ORDER,
      account: null,
      domains: [],
      product: null,
      execution: `order-${ORDER}`,
      startedAt: '2026-11-01T00:00:00.000Z',
      state: 'failed',
      error,
      text: 'the collection failed',
      since: '2026-11-02T00:00:00.000Z',
      updatedAt: '2026-11-02T00:00:00.000Z',
    } satisfies OrderStatus);

    expect(await send(get(LOGIN, { ...issued, statusCode }))).toMatchObject({ statusCode: 200 });
    expect(started()).toHaveLength(count);

    await send(get(LOGIN, issued));
    expect(started()).toHaveLength(count + 1);
  });

  test('starts at most ten executions a day that collect the order.', async () => {
    const { send, started, end, records, order } = await prepare();
    await order();
    for (let count = 0; count < 12; count++) {
      expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200 });
      await end(new Error('failed'));
    }

    expect(started()).toHaveLength(10);
    expect(records.at(-1)).toMatchObject({ outcome: 'already-there', orderNumber: ORDER });
  });
});

describe('At most one execution continues to ask about an order', () => {
  const continuing = (started: readonly (readonly unknown[])[]) =>
    started.filter(([, input]) => !(input as { readonly once?: boolean }).once).map(([name]) => name);

  test.each([
    ['the first execution', `order-${ORDER}`, false],
    ['the execution that was ordered last', `order-${ORDER}-again`, false],
    ['the execution in the status', `order-${ORDER}-20261101`, true],
  ])('if %s runs: a push asks once beside it.', async (_, execution, inStatus) => {
    const { send, started, startByHand, order, store } = await prepare();
    await order({ domains: ['example.com'] }, inStatus ? `order-${ORDER}` : execution);
    await startByHand(execution, { orderNumber: ORDER, domains: ['example.com'] });
    if (inStatus) {
      await store(`orders/${ORDER}/status.json`, waitingIn(execution));
    }

    await send(get(LOGIN, issued));
    await send(get(LOGIN, issued));
    await send(get(LOGIN, { ...issued, statusCode: '14' }));

    const input = { orderNumber: ORDER, domains: ['example.com'], once: true };
    expect(started().slice(1)).toEqual([
      [`order-${ORDER}-push-6-20261123`, { ...input, request: 'push-6-20261123' }],
      [`order-${ORDER}-push-14-20261123`, { ...input, request: 'push-14-20261123' }],
    ]);
    expect(continuing(started())).toEqual([execution]);
  });

  test('if the event of the order is just being processed: its execution is about to start.', async () => {
    const { send, started, order } = await prepare();
    await order({ domains: ['example.com'] }, `order-${ORDER}`, 1000);

    await send(get(LOGIN, issued));

    const input = { orderNumber: ORDER, domains: ['example.com'], request: 'push-6-20261123', once: true };
    expect(started()).toEqual([[`order-${ORDER}-push-6-20261123`, input]]);
  });

  test('if pushes with different codes arrive in the same second.', async () => {
    const { send, started, order } = await prepare();
    await order();

    await Promise.all(
      ['3', '5', '6', '7', '8', '9', '14'].map((statusCode) => send(get(LOGIN, { ...issued, statusCode }))),
    );

    expect(started()).toHaveLength(7);
    expect(continuing(started())).toEqual([COLLECTING]);
  });

  test('if a push arrives a second after midnight, before the execution of yesterday has written a status.', async () => {
    const { send, started, order, wait, end } = await prepare();
    await order();
    wait(14 * 60 * 60_000 - 1000);
    await send(get(LOGIN, issued));
    await end(ENDED);
    await send(get(LOGIN, issued));
    wait(1000);
    await send(get(LOGIN, issued));

    expect(started().map(([name]) => name)).toEqual([COLLECTING, `${COLLECTING}-2`, `order-${ORDER}-push-6-20261124`]);
    expect(continuing(started())).toEqual([COLLECTING, `${COLLECTING}-2`]);
  });

  test('A push on another day starts another execution that continues, if the one before has ended.', async () => {
    const { send, started, order, wait, end } = await prepare();
    await order();
    await send(get(LOGIN, issued));
    await end(ISSUED);
    wait(DAY);
    await send(get(LOGIN, issued));

    expect(continuing(started())).toEqual([COLLECTING, `order-${ORDER}-push-20261124`]);
  });
});

describe('The execution of a push inherits', () => {
  const ordered = { domains: ['example.com', 'example.org'], product: 'VMC', account: 'brand-a', selector: 'brand' };

  test('account, domains, product and selector that were ordered last, but not `replace`.', async () => {
    const { send, started, order } = await prepare();
    await order({ ...ordered, replace: true });

    await send(get(LOGIN, issued));

    expect(started()).toEqual([[COLLECTING, { orderNumber: ORDER, ...ordered, request: 'push-6-20261123' }]]);
  });

  test('the default account, if a later event replaced the account in the input of the first execution.', async () => {
    const { send, started, order, startByHand } = await prepare();
    await order({ ...ordered, account: null });
    await startByHand(`order-${ORDER}`, { orderNumber: ORDER, ...ordered });

    await send(get(LOGIN, issued));

    expect(started().at(-1)?.[1]).not.toHaveProperty('account');
    expect(started().at(-1)?.[1]).toMatchObject({ domains: ordered.domains });
  });

  test('what the manifest contains, if the bucket is all that knows the order: a replacement after 90 days.', async () => {
    const { send, started, store } = await prepare();
    const { account, ...inManifest } = ordered;
    await store(`orders/${ORDER}/certificate.json`, { ...MANIFEST, orderNumber: ORDER, account, ordered: inManifest });

    await send(get(LOGIN, { ...issued, statusCode: '14' }));

    expect(started()).toEqual([[COLLECTING, { orderNumber: ORDER, ...ordered, request: 'push-14-20261123' }]]);
  });

  test('the records in a manifest of release 0.1.0.', async () => {
    const { send, started, store } = await prepare();
    const record = 'brand._bimi.example.com. TXT "v=BIMI1; l=https://bimi.example.com/example.com/brand.svg"';
    await store(`orders/${ORDER}/certificate.json`, { ...MANIFEST, bimiRecords: [record] });

    await send(get(LOGIN, issued));

    expect(started().at(-1)?.[1]).toMatchObject({ domains: ['example.com'], selector: 'brand' });
  });

  test('the input of the first execution, if the bucket contains nothing of the order yet.', async () => {
    const { send, started, startByHand } = await prepare();
    await startByHand(`order-${ORDER}`, { orderNumber: ORDER, ...ordered, replace: true });

    await send(get(LOGIN, issued));

    expect(started().at(-1)).toEqual([
      `order-${ORDER}-push-6-20261123`,
      { orderNumber: ORDER, ...ordered, request: 'push-6-20261123', once: true },
    ]);
  });

  test('the input of the first execution in a stack of release 0.1.0, as before.', async () => {
    const { send, started, startByHand } = await prepare({ bucket: false });
    const order = { orderNumber: ORDER, domains: ['example.com'] };
    await startByHand(`order-${ORDER}`, { ...order, replace: true });

    await send(get(LOGIN, issued));
    await send(get(LOGIN, { orderNumber: '2', statusCode: '6' }));

    expect(started().slice(1)).toEqual([
      [`order-${ORDER}-push-6-20261123`, { ...order, request: 'push-6-20261123' }],
      ['order-2-push-6-20261123', { orderNumber: '2', request: 'push-6-20261123' }],
    ]);
  });
});

describe('A push that reports no outcome starts nothing:', () => {
  test.each([
    ['awaiting brand validation', { statusCode: '12', statusDesc: 'Awaiting brand validation' }],
    ['a domain that was validated', { eventType: 'Domain Validation' }],
    ['an identity that was validated', { eventType: 'identity_validation', statusCode: '' }],
  ])('%s.', async (_, fields: Readonly<Record<string, string>>) => {
    const { send, started, records, pushes } = await prepare();

    const answer = await send(get(LOGIN, { orderNumber: ORDER, ...fields }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'accepted' });
    expect(started()).toEqual([]);
    expect(await pushes()).toEqual({});
    const { statusCode, ...texts } = fields;
    const code = statusCode ? { statusCode: Number(statusCode) } : {};
    expect(records).toEqual([{ orderNumber: ORDER, ...texts, ...code, outcome: 'noted', httpStatus: 200 }]);
  });
});
