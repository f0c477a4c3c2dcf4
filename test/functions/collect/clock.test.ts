import { describe, expect, test } from 'vitest';
import { prepareExecution } from './execution.ts';

const DAY = 86_400;

describe('A clock that jumps back', () => {
  test.each([1, 3600, 30 * DAY])('by %i s neither ends the wait nor hides the next report.', async (seconds) => {
    const run = prepareExecution('0');
    await run.check();
    await run.check();
    run.pass(-seconds);
    run.ca.body = '-22\nNot paid';

    const collection = await run.check();

    expect(collection).toMatchObject({ outcome: 'waiting', reason: 'payment', waitSeconds: 10_800 });
    expect(run.statuses.at(-1)).toMatchObject({ state: 'waiting', reason: 'payment' });
    expect(run.events).toHaveLength(1);
  });

  test('to a time before the start of the execution counts as no time since the start.', async () => {
    const run = prepareExecution('0');
    run.pass(-30 * DAY);

    await run.check();

    expect(run.observed).toMatchObject([{ elapsedSeconds: 0, outcome: 'waiting' }]);
  });
});

describe('The deadline', () => {
  test('that was raised after the start of an execution holds for this execution.', async () => {
    const run = prepareExecution('0');
    await run.check();
    run.settings.giveUpSeconds = 120 * DAY;
    run.pass(100 * DAY);

    expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'processing' });
    run.pass(20 * DAY);
    await expect(run.check()).rejects.toThrow(expect.objectContaining({ name: 'CollectionOverdue' }));
  });

  test('that was lowered after the start of an execution holds for it too.', async () => {
    const run = prepareExecution('0');
    run.pass(40 * DAY);
    await run.check();
    run.settings.giveUpSeconds = 30 * DAY;

    await expect(run.check()).rejects.toThrow(expect.objectContaining({ name: 'CollectionOverdue' }));
  });
});
