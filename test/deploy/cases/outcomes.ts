import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { receive } from '../inbox.ts';
import { messagesAbout } from '../messages.ts';
import {
  bus,
  callsOf,
  certificate,
  cloud,
  collect,
  collector,
  daysFromNow,
  deadLetterQueue,
  endedOfDay,
  error,
  isIssuedEvent,
  issued,
  manifestOf,
  outcomeOf,
  runSurvey,
  sha256,
  testOrder,
  versionsOf,
} from '../suite.ts';

export function describeOutcomes(): void {
  describe('a refused order', () => {
    for (const [code, name] of [
      [-20, 'OrderRejected'],
      [-21, 'CertificateRevoked'],
      [-36, 'CertificateExpired'],
      [-3, 'InvalidRequest'],
    ] as const) {
      testOrder(
        `An order that the CA refuses with ${code} fails after one call, and a message names the next step.`,
        async (order) => {
          const ended = await collect(order, [error(code)]);
          expect(ended).toMatchObject({ status: 'FAILED', error: name });
          expect(callsOf(order)).toHaveLength(1);
          const [message] = await messagesAbout(order, 1);
          expect(message?.text).toContain(`The CA answered ${code} `);
          return outcomeOf(ended);
        },
      );
    }

    testOrder('An order that the CA did not know is collected when the event is sent again.', async (order) => {
      await collector.announce({ orderNumber: order });
      const ended = await collector.ended(`order-${order}`);
      expect(ended).toMatchObject({ status: 'FAILED', error: 'InvalidRequest' });
      collector.ca.order(order, [issued(certificate())]);
      await collector.announce({ orderNumber: order });
      const again = await endedOfDay(`order-${order}-`);
      expect(again.status).toBe('SUCCEEDED');
      return `${outcomeOf(ended)}, then ${outcomeOf(again)}`;
    });

    testOrder('An event with an invalid order number goes to the dead-letter queue.', async (order) => {
      await collector.announce({ orderNumber: `${order}x` });
      const url = await deadLetterQueue();
      let letters: string[] = [];
      while (!letters.some((letter) => letter.includes(`${order}x`))) {
        letters = await receive(cloud.clients.queues, url);
        await wait(200);
      }
      expect(letters.join()).toContain('orderNumber');
      expect(await collector.executions(`order-${order}`)).toEqual([]);
      return 'dead-letter queue';
    });
  });

  describe('a second certificate of an order', () => {
    testOrder('A replacement becomes current, and the older certificate does not come back.', async (order) => {
      const first = certificate({ notBefore: daysFromNow(-300) });
      await collect(order, [issued(first)]);
      const second = certificate();
      collector.ca.order(order, [issued(second)]);
      await collector.announce({ orderNumber: order, request: 'replacement' });
      const ended = await collector.ended(`order-${order}-replacement`);
      expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(second.leaf));
      expect((await collector.objects(order))['chain.pem']?.toString()).toBe(pem(second.chain));
      expect(await versionsOf(`orders/${order}/chain.pem`)).toHaveLength(2);
      collector.ca.order(order, [issued(first)]);
      await collector.announce({ orderNumber: order, request: 'again' });
      await collector.ended(`order-${order}-again`);
      expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(second.leaf));
      return outcomeOf(ended);
    });

    testOrder(
      'An invalid chain is stored but rejected, and a valid one is collected by the same event.',
      async (order) => {
        const { leaf, root } = certificate();
        const stranger = collector.authority.with({ issuing: {} }).issue({ domains: ['example.com'] });
        const altered = Buffer.from(leaf);
        altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
        const broken = await collect(order, [{ kind: 'issued', certificates: [altered, stranger.issuing, root] }]);
        expect(broken).toMatchObject({ status: 'FAILED', error: 'InvalidChain' });
        const stored = await collector.objects(order);
        expect(Object.keys(stored).toSorted()).toEqual(['order.json', 'rejected.json', 'response.p7b', 'status.json']);
        expect(sha256(stored['response.p7b'] ?? Buffer.of())).toBe(callsOf(order).at(-1)?.sha256);
        const valid = certificate();
        collector.ca.order(order, [issued(valid)]);
        await collector.announce({ orderNumber: order });
        const again = await endedOfDay(`order-${order}-`);
        expect(again.status).toBe('SUCCEEDED');
        expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(valid.leaf));
        return `${outcomeOf(broken)}, then ${outcomeOf(again)}`;
      },
    );
  });

  describe('an event of the collector', () => {
    testOrder('A new certificate sends one event, and the same certificate again sends none.', async (order) => {
      const one = certificate();
      await collect(order, [issued(one)]);
      const message = await bus.find((each) => isIssuedEvent(each, order));
      expect(JSON.parse(message)).toMatchObject({
        source: 'mark-certificate-collector',
        detail: {
          orderNumber: order,
          certificate: { bucket: collector.outputs.BucketName, fingerprintSha256: sha256(one.leaf), publishable: true },
        },
      });
      await collector.announce({ orderNumber: order, request: 'again' });
      const ended = await collector.ended(`order-${order}-again`);
      await bus.find((each) => each.includes(`order-${order}-again`) && each.includes('SUCCEEDED'));
      expect(bus.messages.filter((each) => isIssuedEvent(each, order))).toHaveLength(1);
      return outcomeOf(ended);
    });

    testOrder('The survey reminds of a certificate that expires within a week.', async (order) => {
      // Noon of the fifth day from today: the hour has no influence on the days left; only a midnight during the test
      // has.
      const today = daysSinceEpoch();
      const soon = certificate({
        notBefore: daysFromNow(-365),
        notAfter: new Date((today + 5.5) * 86_400_000),
        domains: [`order-${order}.example.com`],
      });
      await collect(order, [issued(soon)]);
      await runSurvey();
      const message = await bus.find((each) => each.includes('Expiring') && each.includes(order));
      const { detail } = JSON.parse(message);
      expect(detail.orderNumber).toBe(order);
      expect([5, 5 - (daysSinceEpoch() - today)]).toContain(detail.daysLeft);
      return 'reminded';
    });
  });
}

const daysSinceEpoch = () => Math.floor(Date.now() / 86_400_000);
