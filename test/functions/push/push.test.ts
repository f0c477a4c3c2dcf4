import { describe, expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { get, post } from './request.ts';

const DAY = 24 * 60 * 60_000;

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
      const { send, started, records } = await prepare();

      const answer = await send(
        (method === 'GET' ? get : post)(LOGIN, { ...issued, statusCode: String(code), statusDesc }),
      );

      const execution = `order-${ORDER}-push-${code}-20261123`;
      expect(answer).toMatchObject({ statusCode: 200, body: 'accepted: CollectMC is asked at once' });
      expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
      expect(started()).toEqual([[execution, { orderNumber: ORDER, request: `push-${code}-20261123` }]]);
      expect(records).toEqual([
        { ...issued, statusCode: code, statusDesc, outcome: 'started', httpStatus: 200, execution },
      ]);
    },
  );

  test('starts one execution if it arrives ten times at once.', async () => {
    const { send, started } = await prepare();

    const answers = await Promise.all(Array.from({ length: 10 }, () => send(get(LOGIN, issued))));

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
    expect(started()).toHaveLength(1);
  });

  test('starts nothing if it is repeated on the same day, after its execution has ended.', async () => {
    const { send, started, records, wait, end } = await prepare();
    await send(get(LOGIN, issued));
    await end();
    wait(13 * 60 * 60_000);

    expect(await send(get(LOGIN, issued))).toMatchObject({
      statusCode: 200,
      body: 'accepted: CollectMC is asked at once',
    });
    expect(started()).toHaveLength(1);
    expect(records.map(({ outcome }) => outcome)).toEqual(['started', 'already-there']);
  });

  test('starts another execution on another day, and for another statusCode.', async () => {
    const { send, started, wait } = await prepare();
    await send(get(LOGIN, issued));
    await send(get(LOGIN, { ...issued, statusCode: '8' }));
    wait(DAY);
    await send(get(LOGIN, issued));

    expect(started().map(([name]) => name)).toEqual([
      `order-${ORDER}-push-6-20261123`,
      `order-${ORDER}-push-8-20261123`,
      `order-${ORDER}-push-6-20261124`,
    ]);
  });
});

describe('The execution of a push', () => {
  test('has the domains and the product of the first execution of the order.', async () => {
    const { send, started, startByHand } = await prepare();
    const order = { orderNumber: ORDER, domains: ['example.com', 'example.org'], product: 'VMC' };
    await startByHand(`order-${ORDER}`, order);

    await send(get(LOGIN, issued));

    expect(started().at(-1)).toEqual([`order-${ORDER}-push-6-20261123`, { ...order, request: 'push-6-20261123' }]);
  });

  test('does not have the option `replace` of the first execution.', async () => {
    const { send, started, startByHand } = await prepare();
    const order = { orderNumber: ORDER, domains: ['example.com'], selector: 'brand' };
    await startByHand(`order-${ORDER}`, { ...order, replace: true });

    await send(get(LOGIN, issued));

    expect(started().at(-1)?.[1]).toEqual({ ...order, request: 'push-6-20261123' });
  });

  test.each([
    ['has another order', { orderNumber: '1', domains: ['example.com'] }],
    ['has no order', { hello: 'world' }],
  ])('has the order number only if the first execution %s.', async (_, input) => {
    const { send, started, startByHand } = await prepare();
    await startByHand(`order-${ORDER}`, input);

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200 });
    expect(started().at(-1)?.[1]).toEqual({ orderNumber: ORDER, request: 'push-6-20261123' });
  });
});

describe('A push that reports no outcome starts nothing:', () => {
  test.each([
    ['awaiting brand validation', { statusCode: '12', statusDesc: 'Awaiting brand validation' }],
    ['a code that is not documented', { statusCode: '99' }],
    ['a negative code', { statusCode: '-1' }],
    ['a domain that was validated', { eventType: 'Domain Validation' }],
    ['an identity that was validated', { eventType: 'Identity Validation', statusCode: '' }],
    ['an order number alone', {}],
  ])('%s.', async (_, fields: Readonly<Record<string, string>>) => {
    const { send, started, records } = await prepare();

    const answer = await send(get(LOGIN, { orderNumber: ORDER, ...fields }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'accepted' });
    expect(started()).toEqual([]);
    const { statusCode, ...texts } = fields;
    const code = statusCode ? { statusCode: Number(statusCode) } : {};
    expect(records).toEqual([{ orderNumber: ORDER, ...texts, ...code, outcome: 'noted', httpStatus: 200 }]);
  });
});
