import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FAILURE_NEXT_STEPS } from '../../../functions/errors.ts';
import { sendHttp } from '../../../functions/http.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { StatusesNotReportedError } from '../../../functions/survey/statuses.ts';
import { COLLECTOR, failureOf, later, NOON, ORDER, pairOf, publicationOf, statusOf } from './samples.ts';
import { type RunOptions, runSurvey, type SurveyServers, startSurveyServers } from './survey-run.ts';
import { resolverOf } from './zone.ts';

const FAILED = 'Mark Certificate Failed';
const WAITING = 'Mark Certificate Waiting';
const REVOKED = 'Mark Certificate Revoked';

const DEADLINE = { nextStep: 'ask the CA what delays the order' };
const PAYMENT = { reason: 'payment', nextStep: 'pay the order at the CA' };

let servers: SurveyServers;
beforeAll(async () => {
  servers = await startSurveyServers();
});
afterEach(() => servers.clear());
afterAll(() => servers.close());

const run = (options?: RunOptions) => runSurvey(servers, options);
const sent = () =>
  servers.bus.calls.flat().map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail).orderNumber]);

/** Stores a status, and runs its execution if the order waits. */
async function store(status: OrderStatus): Promise<void> {
  await servers.storeStatus(status);
  if (status.state === 'waiting') {
    servers.executions.running.add(status.execution);
  }
}

describe('A survey of statuses', () => {
  test('of an empty bucket finds nothing and sends nothing.', async () => {
    const { statusesChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(statusesChecked).toEqual([
      { waiting: 0, issued: 0, failed: 0, damaged: 0, lost: 0, unreported: 0, unmarked: 0 },
    ]);
    expect(servers.bus.calls).toEqual([]);
  });

  test('counts the orders by state, and sends nothing if everything is reported.', async () => {
    await store(statusOf('1'));
    await store(statusOf('2', { ...PAYMENT, reportedAt: '2026-11-22T12:00:05.000Z' }));
    await store(statusOf('3', { state: 'issued', reason: undefined }));
    await store(failureOf('4', { reportedAt: '2026-11-22T12:00:05.000Z' }));

    const { statusesChecked } = await run();

    expect(statusesChecked).toMatchObject([{ waiting: 2, issued: 1, failed: 1, lost: 0, unreported: 0 }]);
    expect(sent()).toEqual([]);
  });

  test('reads statuses only, and writes none that is right.', async () => {
    await store(statusOf('1'));
    await servers.put('orders/1/old/status.json', JSON.stringify(failureOf('1')));
    await servers.put('orders/status.json', JSON.stringify(failureOf('1')));
    const before = servers.server.requests.length;

    await run();

    const requests = servers.server.requests.slice(before).filter(({ key }) => key !== '');
    expect(requests.map(({ method, key }) => [method, key])).toEqual([['GET', 'orders/1/status.json']]);
  });

  test('in a stack without executions reads no status.', async () => {
    await store(failureOf('1'));

    const { statusesChecked } = await run({ withExecutions: false });

    expect(statusesChecked).toEqual([]);
    expect(sent()).toEqual([]);
  });

  test.each([
    ['is empty', '', 'the whole object'],
    ['is truncated', JSON.stringify(failureOf('2')).slice(0, -9), 'the whole object'],
    ['has an unknown state', JSON.stringify({ ...failureOf('2'), state: 'lost' }), 'state'],
    ['is about another order', JSON.stringify(failureOf('3')), 'is about order 3'],
  ])('reports a status that %s as damaged, and continues.', async (_, text, problem) => {
    await store(failureOf('1'));
    await servers.put('orders/2/status.json', text);
    await store(failureOf('4'));

    const { statusesDamaged, statusesChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(statusesDamaged).toEqual([
      { key: 'orders/2/status.json', problem: expect.stringMatching(new RegExp(`^${problem}`)) },
    ]);
    expect(statusesChecked).toMatchObject([{ failed: 2, damaged: 1 }]);
    expect(sent()).toEqual([
      [FAILED, '1'],
      [FAILED, '4'],
    ]);
  });

  test('ignores the statuses of another collector.', async () => {
    await servers.storeStatus(statusOf('1', { collector: 'other' }));
    await servers.storeStatus(failureOf('2', { collector: 'other' }));

    const { statusesChecked } = await run();

    expect(statusesChecked).toMatchObject([{ waiting: 0, failed: 0, lost: 0, unreported: 0 }]);
    expect(sent()).toEqual([]);
  });
});

describe('A status that was not reported', () => {
  test('A failure is reported again with the fields of the status.', async () => {
    const status = failureOf(ORDER, { account: 'brand-a', domains: ['example.com', 'example.org'] });
    await store(status);

    const { statusesReported, statusesChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(statusesChecked).toMatchObject([{ failed: 1, unreported: 1 }]);
    expect(statusesReported).toEqual([{ detailType: FAILED, orderNumber: ORDER }]);
    expect(servers.detailsOf(FAILED)).toEqual([
      {
        collector: COLLECTOR,
        orderNumber: ORDER,
        account: 'brand-a',
        domains: ['example.com', 'example.org'],
        execution: status.execution,
        startedAt: status.startedAt,
        error: 'OrderRejected',
        text: status.text,
        nextStep: status.nextStep,
        updatedAt: status.updatedAt,
      },
    ]);
    // Only notify sets reportedAt.
    expect(await servers.status(ORDER)).toEqual(status);
  });

  test('A waiting order that needs a person is reported again with the fields of the status.', async () => {
    const status = statusOf(ORDER, PAYMENT);
    await store(status);

    await run();

    const { collector, account, domains, execution, startedAt, text, since, updatedAt } = status;
    expect(servers.detailsOf(WAITING)).toEqual([
      { collector, orderNumber: ORDER, account, domains, execution, startedAt, ...PAYMENT, text, since, updatedAt },
    ]);
  });

  test.each([
    ['credentials', 'credentials'],
    ['permission', 'permission'],
    ['outage', 'outage'],
    ['processing', 'deadline'],
    ['available', 'deadline'],
    [undefined, 'deadline'],
  ])('A waiting order with the reason %s is reported with the reason %s.', async (reason, reported) => {
    await store(statusOf(ORDER, { reason, ...DEADLINE }));
    await run();
    expect(servers.detailsOf(WAITING)).toMatchObject([{ reason: reported, ...DEADLINE }]);
  });

  test('A failure without an error name or a next step is reported too.', async () => {
    await store(failureOf(ORDER, { error: undefined, nextStep: undefined }));
    await run();
    expect(servers.detailsOf(FAILED)).toMatchObject([
      { error: 'UnknownError', nextStep: FAILURE_NEXT_STEPS.CollectionLost.text },
    ]);
  });

  test.each([
    ['a waiting order that needs nobody', statusOf(ORDER)],
    ['an issued order', statusOf(ORDER, { state: 'issued', nextStep: 'publish it' })],
    ['a status that is an hour old less a second', failureOf(ORDER, { updatedAt: later(NOON, { seconds: -3599 }) })],
    ['a status of the future', failureOf(ORDER, { updatedAt: later(NOON, { days: 1 }) })],
  ])('No event is sent about %s.', async (_, status) => {
    await store(status);
    const { statusesChecked } = await run();
    expect(statusesChecked).toMatchObject([{ unreported: 0, lost: 0 }]);
    expect(sent()).toEqual([]);
  });

  test('A status that is an hour old is reported.', async () => {
    await store(failureOf(ORDER, { updatedAt: later(NOON, { seconds: -3600 }) }));
    await run();
    expect(sent()).toEqual([[FAILED, ORDER]]);
  });

  test('It is reported after a deployment too, because notify ignores repetitions.', async () => {
    await store(failureOf(ORDER));
    await run({ sendDailyEvents: false });
    expect(sent()).toEqual([[FAILED, ORDER]]);
  });

  test('It is reported although the execution runs again: Collect writes its next outcome.', async () => {
    await store(failureOf(ORDER));
    servers.executions.running.add(`order-${ORDER}`);
    await run();
    expect(sent()).toEqual([[FAILED, ORDER]]);
  });

  test('If EventBridge refuses some events, the others are sent and the error names those.', async () => {
    for (const orderNumber of ['1', '2', '3']) {
      await store(failureOf(orderNumber));
    }
    await store(statusOf('4', PAYMENT));
    servers.bus.refuse = ({ Detail }) =>
      JSON.parse(Detail).orderNumber === '2' ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' } : undefined;

    const { error, statusesReported } = await run();

    expect(error).toBeInstanceOf(StatusesNotReportedError);
    expect(error).toMatchObject({
      name: 'StatusesNotReportedError',
      message: `EventBridge did not accept the event "${FAILED}" of order 2 (InternalFailure: try again)`,
    });
    expect(statusesReported.map(({ orderNumber }) => orderNumber)).toEqual(['1', '3', '4']);
  });

  test('If the executions cannot be listed, it is still reported, and no order is lost.', async () => {
    await servers.storeStatus(statusOf('1'));
    await store(failureOf('2'));
    servers.executions.before = () => {
      throw new Error('out of order');
    };

    const { error } = await run();

    expect(error).toMatchObject({ message: expect.stringContaining('the running executions could not be listed') });
    expect(sent()).toEqual([[FAILED, '2']]);
    expect(await servers.status('1')).toMatchObject({ state: 'waiting' });
  });
});

describe('A revoked certificate that is published', () => {
  const site = 'http://127.0.0.1:1';
  const publications = {
    url: site,
    http: sendHttp,
    resolver: resolverOf({}),
    limitMilliseconds: 1000,
    totalMilliseconds: 0,
  };
  const revoked = failureOf(ORDER, {
    error: 'CertificateRevoked',
    text: `Order ${ORDER}: the CA answered -21`,
    reportedAt: '2026-11-22T12:00:05.000Z',
  });
  const publish = (changes: Parameters<typeof publicationOf>[2] = {}) =>
    servers.put('published/example.com/default.json', JSON.stringify(publicationOf(site, 'example.com', changes)));

  test('The event of the revocation is sent again if the publication is not marked.', async () => {
    await publish();
    await store(revoked);

    const { statusesChecked } = await run({ publications });

    expect(statusesChecked).toMatchObject([{ unmarked: 1, unreported: 0 }]);
    const { collector, account, domains, text, updatedAt, execution } = revoked;
    const confirmed = { confirmed: true, source: 'collect-mc' };
    expect(servers.detailsOf(REVOKED)).toEqual([
      { collector, orderNumber: ORDER, account, domains, ...confirmed, text, knownSince: updatedAt, execution },
    ]);
  });

  test.each<[string, Parameters<typeof publicationOf>[2], Partial<OrderStatus>]>([
    ['is marked', { revokedAt: '2026-11-22T12:01:00.000Z' }, {}],
    ['is taken down', { revokedAt: '2026-11-22T12:01:00.000Z', served: false }, {}],
    ['is of another order', { live: { ...pairOf('example.com'), orderNumber: '9' } }, {}],
    ['is newer', { live: { ...pairOf('example.com'), since: '2026-11-22T12:00:00.001Z' } }, {}],
    ['is of an order with another failure', {}, { error: 'CertificateExpired' }],
    ['is of an order that has been issued since', {}, { state: 'issued' }],
    ['has been revoked within the last hour', {}, { updatedAt: later(NOON, { seconds: -60 }) }],
  ])('No event is sent if the publication %s.', async (_, publication, status) => {
    await publish(publication);
    await store({ ...revoked, ...status });
    const { statusesChecked } = await run({ publications });
    expect(statusesChecked).toMatchObject([{ unmarked: 0 }]);
    expect(servers.detailsOf(REVOKED)).toEqual([]);
  });

  test('No event is sent if the stack publishes nothing.', async () => {
    await publish();
    await store(revoked);
    await run();
    expect(servers.detailsOf(REVOKED)).toEqual([]);
  });
});
