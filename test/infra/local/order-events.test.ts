import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';
import { deployCollector, ORDER } from './collector.ts';

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

describe('An order event', () => {
  test('that arrives ten times at once leads to one execution, one certificate and one event.', async () => {
    const collector = await deployCollector();
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [
      { kind: 'status', status: 0 },
      { kind: 'issued', certificates: chain },
    ]);

    await Promise.all(Array.from({ length: 10 }, () => collector.sendOrder()));
    await collector.execution();

    expect([...collector.cloud.executions.keys()]).toEqual([`order-${ORDER}`]);
    expect(collector.cloud.ca.calls).toHaveLength(2);
    expect(collector.cloud.announced).toHaveLength(1);
  });

  test('for a failed order starts another execution.', async () => {
    const collector = await deployCollector();
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [
      { kind: 'error', code: -4 },
      { kind: 'issued', certificates: chain },
    ]);
    await collector.sendOrder();
    await collector.execution();

    await collector.sendOrder();
    const [, again] = [...collector.cloud.executions.keys()];
    const execution = await collector.execution(again);

    expect(again).toMatch(new RegExp(`^order-${ORDER}-\\d{8}$`));
    expect(execution?.status).toBe('SUCCEEDED');
  });

  test('can be sent with the API of EventBridge.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [
      { kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain },
    ]);
    const client = new EventBridgeClient({ endpoint: collector.cloud.eventsUrl });

    const { FailedEntryCount } = await client.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'mark-certificates',
            DetailType: 'Mark Certificate Ordered',
            Detail: JSON.stringify({ orderNumber: ORDER }),
          },
        ],
      }),
    );
    client.destroy();

    expect(FailedEntryCount).toBe(0);
    expect((await collector.execution())?.status).toBe('SUCCEEDED');
  });

  test('with another source or detail-type starts nothing.', async () => {
    const collector = await deployCollector({ settings: { eventSource: 'reseller' } });

    await collector.sendOrder();
    await collector.cloud.send({ source: 'reseller', 'detail-type': 'Other', detail: { orderNumber: ORDER } });
    expect(collector.cloud.executions.size).toBe(0);
    await collector.cloud.send({
      source: 'reseller',
      'detail-type': 'Mark Certificate Ordered',
      detail: { orderNumber: ORDER },
    });
    expect(collector.cloud.executions.size).toBe(1);
    await collector.execution();
  });

  test('with an invalid detail starts nothing and goes to the dead-letter queue with the reason.', async () => {
    const collector = await deployCollector();

    await collector.sendOrder({ orderNumber: 'one', domain: 'example.com' });

    expect(collector.cloud.executions.size).toBe(0);
    expect(collector.cloud.deadLetters).toMatchObject([
      {
        error: {
          name: 'InvalidInput',
          message: expect.stringMatching(/orderNumber: "one".*domain is not a known key/),
        },
      },
    ]);
  });

  test('for a collected order finds the same certificate and sends no second event.', async () => {
    const collector = await deployCollector();
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [{ kind: 'issued', certificates: chain }]);
    await collector.sendOrder();
    await collector.execution();
    const { 'status.json': firstStatus, 'order.json': firstOrder, ...before } = await collector.objects();

    await collector.sendOrder({ orderNumber: ORDER, request: 'again' });
    const execution = await collector.execution(`order-${ORDER}-again`);

    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(collector.cloud.announced).toHaveLength(1);
    const { 'status.json': lastStatus, 'order.json': lastOrder, ...after } = await collector.objects();
    expect(after).toEqual(before);
    expect([firstStatus, lastStatus].map((status) => JSON.parse(String(status)))).toMatchObject([
      { state: 'issued', execution: `order-${ORDER}` },
      { state: 'issued', execution: `order-${ORDER}-again` },
    ]);
    expect([firstOrder, lastOrder].map((order) => JSON.parse(String(order)))).toMatchObject([
      { execution: `order-${ORDER}` },
      { execution: `order-${ORDER}-again` },
    ]);
  });

  test('for an order with a replaced certificate collects the new one and sends a second event.', async () => {
    const collector = await deployCollector();
    const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
    const first = authority.issue({ domains: ['example.com'], notBefore });
    const second = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [
      { kind: 'issued', certificates: first.chain },
      { kind: 'issued', certificates: second.chain },
      { kind: 'issued', certificates: first.chain },
    ]);
    await collector.sendOrder();
    await collector.execution();

    await collector.sendOrder({ orderNumber: ORDER, request: 'replaced' });
    await collector.execution(`order-${ORDER}-replaced`);
    const { 'status.json': _, 'order.json': __, ...after } = await collector.objects();
    await collector.sendOrder({ orderNumber: ORDER, request: 'older' });
    await collector.execution(`order-${ORDER}-older`);

    expect(String(after['chain.pem'])).toBe(pem(second.chain));
    expect(await collector.objects()).toMatchObject(after);
    expect(collector.cloud.announced).toHaveLength(2);
  });
});
