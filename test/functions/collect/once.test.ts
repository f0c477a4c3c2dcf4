import { describe, expect, test } from 'vitest';
import { FAILED, REVOKED } from '../../../functions/events.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { statusOf } from '../survey/samples.ts';
import { prepareExecution } from './execution.ts';

const ONCE = { orderNumber: '1', domains: ['example.com'], once: true };

/** A check that the survey started at midnight. */
const DELAYED = { ...ONCE, delaySeconds: 43_200 };

describe('A check beside another execution of the order', () => {
  test.each(['0', '1', '-26\nBeing issued', '-42\nLimit', '-14', '-22', '-91', '-16', '', '<html>', '-99\nUnknown'])(
    'ends without a report after the reply %j.',
    async (body) => {
      const run = prepareExecution(body, { order: ONCE });

      expect(await run.check()).toMatchObject({ outcome: 'ended', waitSeconds: 0, checks: 1 });

      expect(run.statuses).toEqual([]);
      expect(run.events).toEqual([]);
      expect(run.observed).toHaveLength(1);
    },
  );

  test.each(['-20', '-35', '-36', '-1', '-2', '-3', '-4', '-17'])(
    'ends without a report after the refusal %s.',
    async (body) => {
      const run = prepareExecution(`${body}\nNo`, { order: ONCE });

      expect(await run.check()).toMatchObject({ outcome: 'ended', status: Number(body) });

      expect(run.statuses).toEqual([]);
      expect(run.events).toEqual([]);
      expect(run.observed).toMatchObject([{ outcome: 'failed' }]);
    },
  );

  test('reports a revocation, but no failed order.', async () => {
    const run = prepareExecution('-21\nKey lost', { order: ONCE });

    expect(await run.check()).toMatchObject({ outcome: 'ended', status: -21 });

    expect(run.statuses).toEqual([]);
    expect(run.events.map(({ detailType }) => detailType)).toEqual([REVOKED]);
    expect(run.events.map(({ detailType }) => detailType)).not.toContain(FAILED);
  });

  test('waits if a revocation cannot be reported, and reports it at the next check.', async () => {
    const run = prepareExecution('-21\nKey lost', { order: ONCE });
    run.fail('events', new Error('EventBridge is down'));

    expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'storage' });
    run.fail('events', undefined);
    expect(await run.check()).toMatchObject({ outcome: 'ended' });

    expect(run.events.map(({ detailType }) => detailType)).toEqual([REVOKED]);
    expect(run.statuses).toEqual([]);
  });

  test('that waited for its time makes no call if an execution that started since then collects the order.', async () => {
    const run = prepareExecution('0', { order: DELAYED });
    await storeStatus(run, { startedAt: '2026-11-01T06:00:00.000Z' });
    run.pass(DELAYED.delaySeconds);

    expect(await run.check()).toEqual({ outcome: 'ended', checks: 1, waitSeconds: 0 });

    expect(run.ca.calls).toEqual([]);
    expect(run.observed).toMatchObject([
      { outcome: 'waiting', once: true, text: expect.stringContaining('another execution collects the order') },
    ]);
    expect(run.statuses).toHaveLength(1);
  });

  test.each<[kind: string, order: object, changes: Partial<OrderStatus>]>([
    ['started earlier', DELAYED, { startedAt: '2026-10-31T23:59:59.000Z' }],
    ['has failed', DELAYED, { startedAt: '2026-11-01T06:00:00.000Z', state: 'failed' }],
    ['has the certificate', DELAYED, { startedAt: '2026-11-01T06:00:00.000Z', state: 'issued' }],
    ['started later, and a push asks', ONCE, { startedAt: '2026-11-01T06:00:00.000Z' }],
  ])('makes its call if the other execution %s.', async (_, order, changes) => {
    const run = prepareExecution('0', { order });
    await storeStatus(run, changes);

    await run.check();

    expect(run.ca.calls).toHaveLength(1);
    expect(run.statuses).toHaveLength(1);
  });

  test('makes its call if S3 does not return the status.', async () => {
    const run = prepareExecution('0', { order: DELAYED });
    run.fail('status', new Error('S3 is down'));

    expect(await run.check()).toMatchObject({ outcome: 'ended' });

    expect(run.ca.calls).toHaveLength(1);
    expect(run.problems).toHaveLength(1);
  });
});

/** Stores the status that another execution has written. */
async function storeStatus(run: ReturnType<typeof prepareExecution>, changes: Partial<OrderStatus>): Promise<void> {
  const status = statusOf('1', { execution: 'order-1-again', ...changes });
  await (await run.dependencies.status('1')).update(() => status);
}
