import { expect, onTestFinished, test, vi } from 'vitest';
import { prepareExecution } from './execution.ts';

test.each([
  ['-20\nRejected', 'storage'],
  ['-22\nNot paid', 'payment'],
  ['<html>Maintenance</html>', 'outage'],
])(
  'S3 that does not answer makes an order wait, long before the function reaches its time limit (%j).',
  async (body, reason) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const run = prepareExecution(body);
    run.hang();
    const started = Date.now();

    const checked = run.check(() => 60_000 - (Date.now() - started));
    await vi.advanceTimersByTimeAsync(59_000);

    const ended = await Promise.race([checked, undefined]);
    expect(ended).toMatchObject({ outcome: 'waiting', reason });
    expect(run.ca.calls).toHaveLength(1);
  },
);
