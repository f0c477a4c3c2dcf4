import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { receive } from '../inbox.ts';
import {
  callsOf,
  certificate,
  cloud,
  collect,
  collector,
  deadLetterQueue,
  issued,
  outcomeOf,
  PROCESSING,
  severalChecks,
  testOrder,
  until,
} from '../suite.ts';

/** What the collector knows of an order, as far as these cases read it. */
async function read(order: string, file: 'order' | 'status' | 'certificate') {
  const { [`${file}.json`]: body = Buffer.from('{}') } = await collector.objects(order);
  return JSON.parse(body.toString()) as {
    readonly domains?: string[];
    readonly options?: object;
    readonly ordered?: object;
  };
}

export function describeCorrections(): void {
  describe('a corrected event', () => {
    testOrder('It corrects the order that waits, and starts no second execution.', async (order) => {
      collector.ca.order(order, [PROCESSING]);
      await collector.announce({ orderNumber: order, domains: ['exmaple.com'] });
      await until(async () => (await read(order, 'status')).domains?.[0] === 'exmaple.com');
      await collector.announce({ orderNumber: order, domains: ['example.com'], request: 'again' });
      await until(async () => (await read(order, 'status')).domains?.[0] === 'example.com');
      expect((await read(order, 'order')).options).toMatchObject({ domains: ['example.com'] });
      expect(await collector.executions(`order-${order}`)).toEqual([`order-${order}`]);
      collector.ca.order(order, [issued(certificate())]);
      const ended = await collector.ended(`order-${order}`);
      expect((await read(order, 'certificate')).ordered).toMatchObject({ domains: ['example.com'] });
      return outcomeOf(ended);
    });

    testOrder('It goes to the dead-letter queue if the order has its certificate.', async (order) => {
      const ended = await collect(order, [issued(certificate())]);
      const { length } = callsOf(order);
      await collector.announce({ orderNumber: order, product: 'CMC' });
      const url = await deadLetterQueue();
      let letter: string | undefined;
      while (letter === undefined) {
        const letters = await receive(cloud.clients.queues, url);
        letter = letters.find((each) => each.includes(order));
        await wait(200);
      }
      expect(letter).toContain('has collected the certificate already');
      expect(letter).toMatch(/again-\d\d[a-z]{3}-\d{4}/);
      await severalChecks();
      expect(callsOf(order)).toHaveLength(length);
      return `${outcomeOf(ended)}, then dead-letter queue`;
    });
  });
}
