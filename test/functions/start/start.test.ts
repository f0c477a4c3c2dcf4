import { describe, expect, test } from 'vitest';
import { prepare } from './prepare.ts';

describe('An event that announces an order', () => {
  test('starts one execution with the order as its input.', async () => {
    const { executions, event } = await prepare();

    const started = await event({ orderNumber: 1378973013, domains: ['Example.com'], product: 'VMC' });

    expect(started).toEqual({ orderNumber: '1378973013', execution: 'order-1378973013', started: true });
    expect([...executions.values()].map(({ name, input }) => ({ name, input }))).toEqual([
      { name: 'order-1378973013', input: { orderNumber: '1378973013', domains: ['example.com'], product: 'VMC' } },
    ]);
  });

  test('starts one execution if it arrives ten times at once.', async () => {
    const { executions, event, writes } = await prepare();
    const delivery = { id: 'e1', time: '2026-11-23T09:59:59Z' };

    await Promise.all(Array.from({ length: 10 }, () => event({ orderNumber: '8' }, delivery)));

    expect([...executions.keys()]).toEqual(['order-8']);
    expect(writes('order.json')).toBeGreaterThanOrEqual(1);
  });

  test('is stored with its options, its execution and its time.', async () => {
    const { event, file } = await prepare('2026-11-23T10:00:03Z');

    await event(
      { orderNumber: '8', domains: ['example.com'], account: 'brand-a', selector: 'a', product: 'CMC', replace: true },
      { id: 'e1', time: '2026-11-23T10:00:00Z' },
    );

    expect(await file()).toEqual({
      schemaVersion: 1,
      collector: 'acme',
      orderNumber: '8',
      options: { domains: ['example.com'], account: 'brand-a', selector: 'a', product: 'CMC', replace: true },
      execution: 'order-8',
      orderedAt: '2026-11-23T10:00:00.000Z',
      times: Object.fromEntries(
        ['domains', 'product', 'account', 'selector', 'replace'].map((name) => [name, '2026-11-23T10:00:00.000Z']),
      ),
      events: ['e1'],
      updatedAt: '2026-11-23T10:00:03.000Z',
    });
  });

  test('for the default account starts an execution whose input has no account.', async () => {
    const { event, inputs } = await prepare();

    await event({ orderNumber: '8', account: null });

    expect(inputs()).toEqual({ 'order-8': { orderNumber: '8' } });
  });

  test('starts nothing for an order that has its certificate.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: true });

    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1', started: false });
    expect([...executions.keys()]).toEqual(['order-1']);
  });

  test('starts another execution after each one that ended without a certificate.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: false });

    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123', started: true });
    await end({ withCertificate: false });
    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123-2', started: true });
    await end({ withCertificate: true });
    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123-2', started: false });
    expect([...executions.keys()]).toEqual(['order-1', 'order-1-20261123', 'order-1-20261123-2']);
  });

  test('with a request collects the same order again.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: true });

    expect(await event({ orderNumber: '1', request: 'again' })).toMatchObject({
      execution: 'order-1-again',
      started: true,
    });
    expect([...executions.keys()]).toEqual(['order-1', 'order-1-again']);
  });

  test('starts no more than ten executions with the date of one day.', async () => {
    const { executions, event, end } = await prepare();
    for (let attempt = 0; attempt < 11; attempt++) {
      await event({ orderNumber: '1' });
      await end({ withCertificate: false });
    }

    await expect(event({ orderNumber: '1' })).rejects.toThrow('10 executions ended without a certificate today');
    expect(executions.size).toBe(11);
  });

  test('with wrong fields starts nothing and reports all of them.', async () => {
    const { executions, event } = await prepare();

    await expect(event({ orderNumber: '-1', colour: 'red' })).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidInput', message: expect.stringMatching(/orderNumber: "-1".*colour/) }),
    );
    expect(executions.size).toBe(0);
  });
});
