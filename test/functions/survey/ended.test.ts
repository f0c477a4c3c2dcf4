import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import type { EndedSample } from './executions.ts';
import { COLLECTOR, failureOf, later, NOON, ORDER, statusOf } from './samples.ts';
import { runSurvey, type SurveyServers, startSurveyServers } from './survey-run.ts';

const FAILED = 'Mark Certificate Failed';

/** The execution of the tests failed two hours before NOON. */
const START = '2026-11-23T09:00:00.000Z';
const STOP = '2026-11-23T10:00:00.000Z';

let servers: SurveyServers;
beforeAll(async () => {
  servers = await startSurveyServers();
});
afterEach(() => servers.clear());
afterAll(() => servers.close());

const run = () => runSurvey(servers);
const reported = () => servers.detailsOf<{ readonly execution: string }>(FAILED).map(({ execution }) => execution);

/** Adds an execution whose first check never succeeded. */
function end(name: string, changes: Partial<EndedSample> = {}): void {
  servers.executions.ended.push({
    name,
    status: 'FAILED',
    startDate: START,
    stopDate: STOP,
    input: JSON.stringify({ orderNumber: /\d+/.exec(name)?.[0], domains: ['example.com'], product: 'CMC' }),
    error: 'States.TaskFailed',
    cause: 'the function was not found',
    ...changes,
  });
}

/** A status of the order's execution that Collect wrote before the execution ended. */
const statusBefore = (changes: Partial<OrderStatus> = {}) =>
  statusOf(ORDER, { startedAt: START, since: START, updatedAt: START, ...changes });

describe('An execution that ended without a report', () => {
  test('The status becomes failed as notify writes it, and the event of the failure is sent.', async () => {
    end(`order-${ORDER}`);

    const { statusesChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(statusesChecked).toMatchObject([{ failed: 0, lost: 0, unreported: 1 }]);
    const failure = {
      collector: COLLECTOR,
      orderNumber: ORDER,
      account: null,
      domains: ['example.com'],
      execution: `order-${ORDER}`,
      startedAt: START,
      error: 'States.TaskFailed',
      text: 'the function was not found',
      nextStep: 'find the cause in the logs and fix it, then redrive the execution',
      updatedAt: NOON,
    };
    expect(await servers.status(ORDER)).toEqual({
      schemaVersion: 1,
      ...failure,
      product: 'CMC',
      state: 'failed',
      since: STOP,
    });
    expect(servers.detailsOf(FAILED)).toEqual([failure]);
  });

  test.each([
    ['that of its input', 'brand-b', undefined],
    ['that of its input if the status has another one', 'brand-b', 'brand-a'],
  ])('Its account is %s.', async (_, account, inStatus) => {
    if (inStatus !== undefined) {
      await servers.storeStatus(statusBefore({ account: inStatus }));
    }
    end(`order-${ORDER}`, { input: JSON.stringify({ orderNumber: ORDER, account }) });

    await run();

    expect(await servers.status(ORDER)).toMatchObject({ state: 'failed', account });
    expect(servers.detailsOf(FAILED)).toMatchObject([{ orderNumber: ORDER, account }]);
  });

  test.each<[string, Partial<OrderStatus>]>([
    ['The order was issued before its certificate was published or announced', { state: 'issued', reason: undefined }],
    ['The order waited', { reason: 'outage' }],
    [
      'The status is that of an earlier execution',
      { execution: `order-${ORDER}-old`, startedAt: '2026-11-01T08:00:00.000Z' },
    ],
    [
      'The status is the failure of an earlier execution',
      {
        ...failureOf(ORDER),
        execution: `order-${ORDER}-old`,
        startedAt: '2026-11-01T08:00:00.000Z',
        reportedAt: START,
      },
    ],
    [
      'An earlier execution ended before, and was reported after it',
      { ...failureOf(ORDER), execution: `order-${ORDER}-old`, startedAt: '2026-11-01T08:00:00.000Z', updatedAt: NOON },
    ],
  ])('%s: the failure is reported once.', async (_, changes) => {
    await servers.storeStatus({ ...statusBefore(changes), account: 'brand-a' });
    end(`order-${ORDER}`);

    const { error } = await run();

    expect(error).toBeUndefined();
    const after = { account: 'brand-a', state: 'failed', execution: `order-${ORDER}`, since: STOP };
    expect(await servers.status(ORDER)).toMatchObject(after);
    expect(await servers.status(ORDER)).not.toHaveProperty('reportedAt');
    expect(reported()).toEqual([`order-${ORDER}`]);
  });

  test.each<[EndedSample['status'], string]>([
    ['TIMED_OUT', 'ExecutionTimedOut'],
    ['ABORTED', 'ExecutionAborted'],
  ])('The status %s is reported as %s.', async (status, error) => {
    servers.executions.ended.push({ name: `order-${ORDER}`, status, startDate: START, stopDate: STOP });
    await run();
    expect(await servers.status(ORDER)).toMatchObject({ state: 'failed', error });
    expect(reported()).toEqual([`order-${ORDER}`]);
  });

  test('A damaged status counts as missing.', async () => {
    await servers.put(`orders/${ORDER}/status.json`, '{}');
    end(`order-${ORDER}`);
    await run();
    expect(await servers.status(ORDER)).toMatchObject({ state: 'failed', since: STOP });
    expect(reported()).toEqual([`order-${ORDER}`]);
  });

  test('An input that is no order is reported with the order number in the name of the execution.', async () => {
    end(`order-${ORDER}`, { input: '{}' });
    await run();
    expect(await servers.status(ORDER)).toMatchObject({ state: 'failed', domains: [], product: null });
    expect(reported()).toEqual([`order-${ORDER}`]);
  });

  test('A check that a push started is reported if the order has no other execution.', async () => {
    end(`order-${ORDER}-push-6`);
    await run();
    expect(reported()).toEqual([`order-${ORDER}-push-6`]);
  });

  test.each([
    [3599, false],
    [3600, true],
    [3 * 86_400, true],
    [3 * 86_400 + 1, false],
  ])('An execution that ended %i seconds ago is reported: %j.', async (seconds, isReported) => {
    end(`order-${ORDER}`, {
      startDate: later(NOON, { days: -10 }),
      stopDate: later(NOON, { seconds: -seconds }),
    });
    await run();
    expect(reported()).toEqual(isReported ? [`order-${ORDER}`] : []);
  });
});

describe('An execution that needs no report', () => {
  test.each<[string, string, Partial<OrderStatus>]>([
    ['The status contains its failure', `order-${ORDER}`, failureOf(ORDER, { reportedAt: START })],
    ['A later execution waits', `order-${ORDER}`, { execution: `order-${ORDER}-again`, startedAt: STOP }],
    [
      'An earlier execution continued after it',
      `order-${ORDER}-again`,
      { state: 'issued', startedAt: '2026-11-01T08:00:00.000Z', updatedAt: later(STOP, { seconds: 1 }) },
    ],
    [
      'An earlier execution failed after it',
      `order-${ORDER}-again`,
      failureOf(ORDER, { startedAt: '2026-11-01T08:00:00.000Z', since: later(STOP, { seconds: 1 }), reportedAt: NOON }),
    ],
    ['It was a check after a push', `order-${ORDER}-push-6`, {}],
    ['It was a renewal check', `order-${ORDER}-renewal-20261123`, { state: 'issued' }],
  ])('%s: it is not even described.', async (_, name, changes) => {
    const status = statusBefore(changes);
    await servers.storeStatus(status);
    if (status.state === 'waiting') {
      servers.executions.running.add(status.execution);
    }
    end(name);

    const { error } = await run();

    expect(error).toBeUndefined();
    expect(servers.executions.described).toEqual([]);
    expect(reported()).toEqual([]);
    expect(await servers.status(ORDER)).toEqual(JSON.parse(JSON.stringify(status)));
  });

  test.each(['by-hand', `other-${ORDER}`, `order-${ORDER}x`, 'order-', ORDER])(
    'It has a name of another form: %s.',
    async (name) => {
      end(name);
      const { error } = await run();
      expect(error).toBeUndefined();
      expect(servers.executions.described).toEqual([]);
      expect(reported()).toEqual([]);
    },
  );

  test('Its name contains a number that no order has.', async () => {
    end('order-0123', { input: '{}' });
    const { error } = await run();
    expect(error).toBeUndefined();
    expect(servers.executions.described).toEqual(['order-0123']);
    expect(reported()).toEqual([]);
  });

  test('It was stopped to remove the collector.', async () => {
    end(`order-${ORDER}`, { status: 'ABORTED', error: 'CollectorRemoved', cause: 'removed' });
    await run();
    expect(servers.executions.described).toEqual([`order-${ORDER}`]);
    expect(reported()).toEqual([]);
    expect(await servers.status(ORDER)).toBeUndefined();
  });

  test.each<[string, () => Promise<void> | void]>([
    ['Step Functions deleted it', () => void servers.executions.ended.splice(0, 1)],
    ['It was redriven', () => void servers.executions.running.add('order-1')],
    ['Notify reported it', () => servers.storeStatus(failureOf('1', { reportedAt: NOON, updatedAt: NOON }))],
    [
      'A later execution wrote the status',
      () => servers.storeStatus(statusOf('1', { execution: 'order-1-again', startedAt: NOON, updatedAt: NOON })),
    ],
  ])('%s after it was listed: the others are reported.', async (_, change) => {
    end('order-1');
    end('order-2');
    servers.executions.beforeDescribe = (name) => (name === 'order-1' ? change() : undefined);

    const { error } = await run();

    expect(error).toBeUndefined();
    expect(reported()).toEqual(['order-2']);
  });
});

describe('Several executions that ended', () => {
  test('Of one order, only the one that started last is reported.', async () => {
    end(`order-${ORDER}`, { startDate: '2026-11-22T09:00:00.000Z', stopDate: '2026-11-22T10:00:00.000Z' });
    end(`order-${ORDER}-again`);
    await run();
    await run();
    expect(reported()).toEqual([`order-${ORDER}-again`]);
    expect(servers.executions.described).toEqual([`order-${ORDER}-again`]);
  });

  test('The one that started last cannot be read: no earlier one takes its place.', async () => {
    end(`order-${ORDER}`, { startDate: '2026-11-22T09:00:00.000Z', stopDate: '2026-11-22T10:00:00.000Z' });
    end(`order-${ORDER}-again`);
    end('order-2');
    servers.executions.beforeDescribe = (name) => {
      if (name === `order-${ORDER}-again`) {
        throw new ServiceError('AccessDeniedException', 'not allowed');
      }
    };

    const { error } = await run();

    expect(error).toMatchObject({
      name: 'StatusesNotReportedError',
      message: expect.stringContaining(
        `the end of the execution order-${ORDER}-again could not be reported (AccessDeniedException: not allowed)`,
      ),
    });
    expect(reported()).toEqual(['order-2']);
  });

  test('A second survey reports nothing again, whether or not notify has set reportedAt.', async () => {
    end(`order-${ORDER}`);
    await run();
    await run();
    const status = await servers.status(ORDER);
    expect(status).toBeDefined();
    if (status) {
      await servers.storeStatus({ ...status, reportedAt: NOON });
    }
    await runSurvey(servers, { now: () => new Date(later(NOON, { days: 1 })) });
    expect(reported()).toEqual([`order-${ORDER}`]);
    expect(servers.executions.described).toEqual([`order-${ORDER}`]);
  });

  test('If notify set no reportedAt, the next survey sends the same event.', async () => {
    end(`order-${ORDER}`);
    await run();
    await runSurvey(servers, { now: () => new Date(later(NOON, { days: 1 })) });
    const [first, second, ...more] = servers.detailsOf(FAILED);
    expect(second).toEqual(first);
    expect(more).toEqual([]);
  });

  test('They cannot be listed: the other orders are compared, and the error says so.', async () => {
    end('order-1');
    await servers.storeStatus(statusOf('2'));
    servers.executions.beforeEnded = (request) => {
      if (request === 3) {
        throw new ServiceError('AccessDeniedException', 'not allowed');
      }
    };

    const { statusesChecked, error } = await run();

    expect(error).toMatchObject({
      name: 'StatusesNotReportedError',
      message: 'the failed executions could not be listed (AccessDeniedException: not allowed)',
    });
    expect(statusesChecked).toMatchObject([{ lost: 1, unreported: 0 }]);
    expect(reported()).toEqual(['order-2']);
  });

  test('All pages of each status are read.', { timeout: 60_000 }, async () => {
    const old = { stopDate: later(NOON, { days: -4 }) };
    for (let index = 0; index < 1000; index++) {
      end(`order-${100_000 + index}`, old);
      end(`order-${200_000 + index}`, { ...old, status: 'TIMED_OUT' });
    }
    end('order-1');
    end('order-2', { status: 'TIMED_OUT' });
    end('order-3', { status: 'ABORTED' });

    await run();

    expect(reported().toSorted()).toEqual(['order-1', 'order-2', 'order-3']);
    expect(servers.executions.endedRequests).toBe(5);
  });

  test('One survey reports 250 orders, and its repetition the others.', { timeout: 60_000 }, async () => {
    for (let index = 0; index < 251; index++) {
      end(`order-${1000 + index}`);
    }

    const { error } = await run();

    expect(error).toMatchObject({ message: '1 more orders with failed executions are left for the next survey' });
    expect(reported()).toHaveLength(250);
    expect((await run()).error).toBeUndefined();
    expect(new Set(reported()).size).toBe(251);
  });
});
