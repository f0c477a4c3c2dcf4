import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FAILURE_NEXT_STEPS } from '../../../functions/errors.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { failureOf, later, NOON, ORDER, statusOf } from './samples.ts';
import { runSurvey, type SurveyServers, startSurveyServers } from './survey-run.ts';

const FAILED = 'Mark Certificate Failed';
const LOST = { state: 'failed', error: 'CollectionLost', since: NOON, updatedAt: NOON };

let servers: SurveyServers;
beforeAll(async () => {
  servers = await startSurveyServers();
});
afterEach(() => servers.clear());
afterAll(() => servers.close());

const run = () => runSurvey(servers);
const lostOrders = () =>
  servers.detailsOf<{ readonly orderNumber: string }>(FAILED).map(({ orderNumber }) => orderNumber);
const isStatus = (key: string) => /^orders\/\d+\/status\.json$/.test(key);

describe('An order that waits without a running execution', () => {
  test('The status becomes failed with the error CollectionLost, and the event of the failure is sent.', async () => {
    const nextStep = FAILURE_NEXT_STEPS.CollectionLost.text;
    const reportedAt = '2026-11-22T12:00:05.000Z';
    await servers.storeStatus(statusOf(ORDER, { account: 'brand-a', reason: 'payment', nextStep: 'pay', reportedAt }));

    const { statusesChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(statusesChecked).toMatchObject([{ waiting: 1, lost: 1, unreported: 0 }]);
    const waited = 'the order has waited since 2026-11-22T12:00:00.000Z (payment)';
    const text = `${waited}, but its execution order-${ORDER} no longer runs`;
    const { reason: _, ...status } = statusOf(ORDER, { account: 'brand-a' });
    expect(await servers.status(ORDER)).toEqual({ ...status, ...LOST, text, nextStep });
    const { collector, orderNumber, domains, execution, startedAt } = status;
    const order = { collector, orderNumber, account: 'brand-a', domains, execution, startedAt };
    expect(servers.detailsOf(FAILED)).toEqual([{ ...order, error: 'CollectionLost', text, nextStep, updatedAt: NOON }]);
  });

  test('A check of the survey that waits for its time does not collect the order.', async () => {
    await servers.storeStatus(statusOf('1'));
    await servers.storeStatus(statusOf('2'));
    servers.executions.running.add('order-1-renewal-20261122');
    servers.executions.running.add('order-2-push-20261122');

    await run();

    expect(lostOrders()).toEqual(['1']);
  });

  test('The text contains no reason if the status has none.', async () => {
    await servers.storeStatus(statusOf(ORDER, { reason: undefined }));
    await run();
    expect((await servers.status(ORDER))?.text).toContain('since 2026-11-22T12:00:00.000Z, but');
  });

  test('Orders that are issued or failed, or that have no status yet, are not lost.', async () => {
    await servers.storeStatus(statusOf('1', { state: 'issued' }));
    await servers.storeStatus(failureOf('2', { reportedAt: NOON }));
    await servers.store('3', { notAfter: later(NOON, { days: 300 }) });
    const { statusesChecked } = await run();
    expect(statusesChecked).toMatchObject([{ waiting: 0, lost: 0 }]);
    expect(servers.bus.calls).toEqual([]);
  });

  test.each([
    ['that of its status', `order-${ORDER}-20261101`, `order-${ORDER}-20261101`],
    ['its first one', `order-${ORDER}-20261101`, `order-${ORDER}`],
    ['one of a request', `order-${ORDER}`, `order-${ORDER}-again`],
    ['one of a push', `order-${ORDER}`, `order-${ORDER}-push-6-20261122`],
    ['one that was started by hand', 'by-hand', 'by-hand'],
  ])('An order with a running execution is not lost: %s.', async (_, execution, running) => {
    await servers.storeStatus(statusOf(ORDER, { execution }));
    servers.executions.running.add(running);
    await run();
    expect(lostOrders()).toEqual([]);
    expect(await servers.status(ORDER)).toMatchObject({ state: 'waiting' });
  });

  test.each([`order-${ORDER}0`, `order-1${ORDER}`, `other-${ORDER}`, ORDER])(
    'The running execution %s is of another order.',
    async (running) => {
      await servers.storeStatus(statusOf(ORDER));
      servers.executions.running.add(running);
      await run();
      expect(lostOrders()).toEqual([ORDER]);
    },
  );

  test.each([
    [3599, []],
    [3600, [ORDER]],
  ])('An order whose status is %i seconds old is lost: %j.', async (seconds, lost) => {
    await servers.storeStatus(statusOf(ORDER, { updatedAt: later(NOON, { seconds: -seconds }) }));
    await run();
    expect(lostOrders()).toEqual(lost);
  });

  test('A second survey sends nothing until an hour has passed, and then the same event.', async () => {
    await servers.storeStatus(statusOf(ORDER));
    await run();
    await run();
    expect(servers.detailsOf(FAILED)).toHaveLength(1);
    await runSurvey(servers, { now: () => new Date(later(NOON, { days: 1 })) });
    const [first, second] = servers.detailsOf(FAILED);
    expect(second).toEqual(first);
  });
});

describe('Something that happens during a survey', () => {
  test.each<[string, Partial<OrderStatus>, Partial<OrderStatus>]>([
    ['The order was issued', { state: 'issued', updatedAt: NOON }, { state: 'issued' }],
    ['The order failed', { state: 'failed', error: 'OrderRejected', updatedAt: NOON }, { error: 'OrderRejected' }],
    ['The order has another reason', { reason: 'outage', updatedAt: NOON }, { state: 'waiting', reason: 'outage' }],
    [
      'A newer execution wrote the status',
      { execution: `order-${ORDER}-again`, startedAt: NOON },
      { state: 'waiting', execution: `order-${ORDER}-again` },
    ],
  ])('%s after its status was read: it is not lost.', async (_, change, after) => {
    await servers.storeStatus(statusOf(ORDER));
    let written: Promise<void> | undefined;
    servers.executions.before = () => {
      written ??= servers.storeStatus(statusOf(ORDER, change));
    };
    servers.server.before = async ({ method, key, client }) => {
      // The survey reads the status for the second time.
      if (client === 'x' && method === 'GET' && isStatus(key)) {
        await written;
      }
      return undefined;
    };

    await run();

    expect(written).toBeDefined();
    expect(lostOrders()).toEqual([]);
    expect(await servers.status(ORDER)).toMatchObject(after);
  });

  test('A status that is written between the second read and the write of the survey stays.', async () => {
    await servers.storeStatus(statusOf(ORDER));
    let raced = false;
    servers.server.before = async ({ method, key, headers }) => {
      if (method === 'PUT' && isStatus(key) && headers['if-match'] !== undefined && !raced) {
        raced = true;
        await servers.storeStatus(statusOf(ORDER, { state: 'issued', updatedAt: NOON }));
      }
      return undefined;
    };

    const { error } = await run();

    expect(error).toBeUndefined();
    expect(raced).toBe(true);
    expect(lostOrders()).toEqual([]);
    expect(await servers.status(ORDER)).toMatchObject({ state: 'issued' });
  });

  test('An execution that only the second list contains runs, for example after a redrive: it is not lost.', async () => {
    await servers.storeStatus(statusOf(ORDER));
    servers.executions.before = (request) => {
      if (request === 2) {
        servers.executions.running.add(`order-${ORDER}`);
      }
    };
    await run();
    expect(servers.executions.requests).toBe(2);
    expect(lostOrders()).toEqual([]);
  });

  test('If a status cannot be written, the others are, and the error names the order.', async () => {
    for (const orderNumber of ['1', '2', '3']) {
      await servers.storeStatus(statusOf(orderNumber));
    }
    servers.server.before = ({ method, key }) =>
      method === 'PUT' && key === 'orders/2/status.json' ? { status: 403, code: 'AccessDenied' } : undefined;

    const { error } = await run();

    expect(error).toMatchObject({
      name: 'StatusesNotReportedError',
      message: expect.stringContaining('the status of order 2 could not be written (AccessDenied'),
    });
    expect(lostOrders()).toEqual(['1', '3']);
  });
});

describe('Many orders', () => {
  test('10,000 running executions take ten requests.', { timeout: 60_000 }, async () => {
    for (let index = 0; index < 10_000; index++) {
      servers.executions.running.add(`order-${100_000 + index}`);
    }
    await servers.storeStatus(statusOf('100000'));
    await servers.storeStatus(statusOf('109999'));

    const { statusesChecked } = await run();

    expect(statusesChecked).toMatchObject([{ waiting: 2, lost: 0 }]);
    expect(servers.executions.requests).toBe(10);
  });

  test('The executions are listed twice, whatever the number of lost orders, and ten statuses are written at a time.', async () => {
    const orders = Array.from({ length: 25 }, (_, index) => String(100 + index));
    await Promise.all(orders.map((orderNumber) => servers.storeStatus(statusOf(orderNumber))));
    let writing = 0;
    let most = 0;
    servers.server.before = async ({ method, key }) => {
      if (method === 'PUT' && isStatus(key)) {
        most = Math.max(most, ++writing);
        await new Promise((resolve) => setTimeout(resolve, 5));
        writing -= 1;
      }
      return undefined;
    };

    await run();

    expect(lostOrders()).toEqual(orders);
    expect(servers.executions.requests).toBe(2);
    expect(most).toBe(10);
  });
});
