import { describe, expect, test } from 'vitest';
import { createCheckedOrder } from '../../../functions/collect/options.ts';
import type { OrderOptions } from '../../../functions/order.ts';

const EXECUTION = { execution: 'order-1', startedAt: '2026-11-01T00:00:00.000Z' };

/** The order of a check. `stored` is what S3 returns for each read. */
function prepare(
  input: OrderOptions,
  previous: OrderOptions | undefined,
  ...stored: readonly (OrderOptions | Error)[]
) {
  const answers = [...stored];
  const asked: unknown[] = [];
  const checked = createCheckedOrder(
    { order: { orderNumber: '1', ...input, ...(previous && { collection: { order: previous } }) }, ...EXECUTION },
    {
      async readOptions(orderNumber, ordered) {
        asked.push({ orderNumber, ...ordered });
        const answer = answers.shift();
        if (answer === undefined || answer instanceof Error) {
          throw answer ?? new Error('one read too many');
        }
        return answer;
      },
    },
  );
  return { checked, asked };
}

describe('The order of a check', () => {
  test('is that of the input until a correction is read.', async () => {
    const { checked, asked } = prepare({ domains: ['exmaple.com'] }, undefined, { domains: ['example.com'] });

    expect(checked.order).toEqual({ orderNumber: '1', domains: ['exmaple.com'] });
    expect(checked.corrected).toBeUndefined();
    expect(await checked.read()).toEqual({ orderNumber: '1', domains: ['example.com'] });
    expect(checked.order).toEqual({ orderNumber: '1', domains: ['example.com'] });
    expect(checked.corrected).toEqual({ domains: ['example.com'] });
    expect(asked).toEqual([{ orderNumber: '1', options: { domains: ['exmaple.com'] }, ...EXECUTION }]);
  });

  test('is read once in a check.', async () => {
    const { checked, asked } = prepare({}, undefined, { account: 'brand-a' });

    await checked.read();
    await checked.read();

    expect(asked).toHaveLength(1);
  });

  test('is read again after an error.', async () => {
    const { checked } = prepare({}, undefined, new Error('S3 is down'), { account: 'brand-a' });

    await expect(checked.read()).rejects.toThrow('S3 is down');
    expect(checked.order).toEqual({ orderNumber: '1' });
    expect(await checked.read()).toEqual({ orderNumber: '1', account: 'brand-a' });
  });

  test('begins with the correction that an earlier check read.', () => {
    const { checked } = prepare({ account: 'brand-a' }, { account: 'brand-b', replace: true });

    expect(checked.order).toEqual({ orderNumber: '1', account: 'brand-b', replace: true });
    expect(checked.corrected).toEqual({ account: 'brand-b', replace: true });
  });

  test('is the input again if the correction was taken back.', async () => {
    const { checked } = prepare({ account: 'brand-a' }, { account: 'brand-b' }, { account: 'brand-a' });

    await checked.read();

    expect(checked.corrected).toBeUndefined();
  });
});
