import { describe, expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { get } from './request.ts';

const DAY = 24 * 60 * 60_000;

/** What the runbook states. */
const LIMIT = 20;

/** A push about an order that nobody ordered here. */
const about = (orderNumber: string | number, statusCode = '6') =>
  get(LOGIN, { orderNumber: String(orderNumber), statusCode });

describe('An order of which nothing is known', () => {
  test('is asked about once, with the default account.', async () => {
    const { send, started, records } = await prepare();

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200 });

    const execution = `order-${ORDER}-push-20261123`;
    expect(started()).toEqual([[execution, { orderNumber: ORDER, request: 'push-20261123', once: true }]]);
    expect(records).toMatchObject([{ outcome: 'started', execution }]);
  });

  test.each([
    ['has another order', { orderNumber: '1', domains: ['example.com'] }],
    ['has no order', { hello: 'world' }],
  ])('is one whose first execution %s.', async (_, input) => {
    const { send, started, startByHand } = await prepare();
    await startByHand(`order-${ORDER}`, input);

    await send(get(LOGIN, issued));

    expect(started().at(-1)?.[1]).toEqual({ orderNumber: ORDER, request: 'push-20261123', once: true });
  });

  test('is asked about once a day, whatever the codes are.', async () => {
    const { send, started, end, wait } = await prepare();
    for (const code of ['6', '9', '8', '14', '6']) {
      await send(about(ORDER, code));
      await end({ collection: { outcome: 'ended' } });
    }
    expect(started()).toHaveLength(1);

    wait(DAY);
    await send(about(ORDER));
    expect(started()).toHaveLength(2);
  });

  test('is asked about after the start of its execution failed, because the CA repeats the push.', async () => {
    const { send, started, s3, throttle } = await prepare();
    s3.before = ({ key, method }) => {
      if (key.startsWith('pushes/') && method === 'PUT') {
        throttle(true);
      }
      return undefined;
    };
    expect(await send(about(ORDER))).toMatchObject({ statusCode: 500 });
    expect(started()).toEqual([]);
    throttle(false);

    expect(await send(about(ORDER))).toMatchObject({ statusCode: 200 });
    expect(started()).toHaveLength(1);
  });
});

describe('Unknown orders', () => {
  test(`are asked about up to ${LIMIT} a day: for others, the CA need not repeat the push, and nothing starts.`, async () => {
    const { send, started, records, wait, order } = await prepare();
    for (let number = 1; number <= LIMIT; number++) {
      await send(about(number));
    }
    expect(started()).toHaveLength(LIMIT);

    for (const number of [101, 102, 101]) {
      expect(await send(about(number))).toMatchObject({ statusCode: 200, body: 'accepted' });
    }
    expect(started()).toHaveLength(LIMIT);
    expect(records.slice(LIMIT)).toMatchObject([
      { outcome: 'limited', orderNumber: '101', httpStatus: 200 },
      { outcome: 'limited', orderNumber: '102', httpStatus: 200 },
      { outcome: 'limited', orderNumber: '101', httpStatus: 200 },
    ]);

    // The limit concerns neither known orders, nor those that were counted before, nor the next day.
    await order();
    await send(about(ORDER));
    await send(about(1));
    expect(records.slice(-2)).toMatchObject([{ outcome: 'started' }, { outcome: 'started' }]);
    wait(DAY);
    await send(about(101));
    expect(records.at(-1)).toMatchObject({ outcome: 'started', orderNumber: '101' });
  });

  test('exceed the limit at most by the number of requests at the same time.', async () => {
    const { send, started } = await prepare();
    for (let number = 1; number < LIMIT; number++) {
      await send(about(number));
    }
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 5 }, (_, index) => send(about(1000 + 5 * round + index))));
    }

    expect(started().length).toBeGreaterThanOrEqual(LIMIT);
    expect(started().length).toBeLessThan(LIMIT + 5);
  });

  test('above the limit send no event about a revocation.', async () => {
    const { send, bus } = await prepare();
    for (let number = 1; number <= LIMIT + 3; number++) {
      await send(about(number, '8'));
    }

    expect(bus.calls).toHaveLength(LIMIT);
  });
});
