import { describe, expect, test } from 'vitest';
import { FAILED } from '../../../functions/events.ts';
import { prepareExecution } from './execution.ts';

const ORDER = { orderNumber: '1', domains: ['exmaple.com'] };
const CORRECTED = { domains: ['example.com'], product: 'CMC' as const, selector: 'brand', replace: true };

describe('A correction of a waiting order', () => {
  test('is in the status at the next change of the reason, and in the state of the execution.', async () => {
    const run = prepareExecution('0', { order: ORDER });
    await run.check();
    run.correct(CORRECTED);
    run.ca.body = '1';

    expect(await run.check()).toMatchObject({ reason: 'available', order: CORRECTED });

    expect(run.statuses.at(-1)).toMatchObject({ domains: ['example.com'], product: 'CMC' });
  });

  test('is not read in a check that changes nothing.', async () => {
    const run = prepareExecution('0', { order: ORDER });
    await run.check();
    run.correct(CORRECTED);

    expect(await run.check()).not.toHaveProperty('order');
    expect(run.statuses).toHaveLength(1);
  });

  test.each([
    ['-20\nNo', 'OrderRejected'],
    ['-35\nExpired', 'CertificateExpired'],
    ['-21\nRevoked', 'CertificateRevoked'],
  ])('is in the report of a refusal (%s).', async (body, name) => {
    const run = prepareExecution(body, { order: ORDER });
    run.correct(CORRECTED);

    await expect(run.check()).rejects.toThrow(expect.objectContaining({ name }));

    expect(run.statuses.at(-1)).toMatchObject({ state: 'failed', domains: ['example.com'], product: 'CMC' });
    expect(run.events.at(-1)).toMatchObject({ detailType: FAILED, detail: { domains: ['example.com'] } });
  });

  test('stays known to the next check if S3 does not answer then.', async () => {
    const run = prepareExecution('0', { order: ORDER });
    run.correct(CORRECTED);
    await run.check();
    run.fail('status', new Error('S3 is down'));
    run.ca.body = '1';

    expect(await run.check()).toMatchObject({ reason: 'available', order: CORRECTED });
    expect(run.problems).toHaveLength(1);
  });
});

describe('A corrected account', () => {
  test.each(['-4\nThe orderNumber is invalid', '-91\nDenied', '-16\nLogin', '-20\nNo', '-22\nNot paid'])(
    'is used at the next check, a poll interval after the reply %j to the wrong one.',
    async (body) => {
      const run = prepareExecution('0', { order: { ...ORDER, account: 'brand-a' } });
      run.addAccount('brand-a');
      run.addAccount('brand-b');
      run.ca.bodies = { 'brand-a': body };
      run.correct({ account: 'brand-b' });

      expect(await run.check()).toMatchObject({
        outcome: 'waiting',
        reason: 'processing',
        waitSeconds: 10_800,
        order: { account: 'brand-b' },
      });
      expect(run.ca.calls).toEqual(['brand-a']);
      expect(run.events).toEqual([]);
      expect(run.statuses).toMatchObject([
        { account: 'brand-b', state: 'waiting', text: expect.stringContaining('brand-b') },
      ]);

      await run.check();
      expect(run.ca.calls).toEqual(['brand-a', 'brand-b']);
    },
  );

  test('is used at once if the wrong one could not be used for a call.', async () => {
    const run = prepareExecution('0', { order: { ...ORDER, account: 'brand-a' } });
    run.addAccount('brand-b');
    expect(await run.check()).toMatchObject({ reason: 'credentials' });
    run.correct({ account: 'brand-b' });

    expect(await run.check()).toMatchObject({ reason: 'processing', status: 0, order: { account: 'brand-b' } });

    expect(run.ca.calls).toEqual(['brand-b']);
  });

  test('without a usable login is another wait with a message, and so is each other problem of its secret.', async () => {
    const run = prepareExecution('0', { order: { ...ORDER, account: 'brnad-a' } });
    await run.check();
    run.correct({ account: 'brand-a' });

    await run.check();
    await run.check();
    run.addAccount('brand-a', { loginname: 'a' });
    await run.check();
    await run.check();

    expect(run.events.map(({ detail }) => detail)).toMatchObject([
      { account: 'brnad-a', text: expect.stringContaining('accounts/brnad-a cannot be read') },
      { account: 'brand-a', text: expect.stringContaining('accounts/brand-a cannot be read') },
      { account: 'brand-a', text: expect.stringContaining('accounts/brand-a is wrong: loginName is missing') },
    ]);
    expect(run.statuses.at(-1)).toMatchObject({ account: 'brand-a', text: expect.stringContaining('is wrong') });
    expect(run.ca.calls).toEqual([]);
  });

  test('of an order in every status, event and log line.', async () => {
    const run = prepareExecution('-22', { order: { ...ORDER, account: 'brand-a' } });
    run.addAccount('brand-a');

    await run.check();

    expect(run.statuses).toMatchObject([{ account: 'brand-a' }]);
    expect(run.events).toMatchObject([{ detail: { account: 'brand-a' } }]);
    expect(run.observed).toMatchObject([{ account: 'brand-a' }]);
  });
});
