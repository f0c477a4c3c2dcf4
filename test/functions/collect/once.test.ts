import { describe, expect, test } from 'vitest';
import { FAILED, REVOKED } from '../../../functions/events.ts';
import { prepareExecution } from './execution.ts';

const ONCE = { orderNumber: '1', domains: ['example.com'], once: true };

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
});
