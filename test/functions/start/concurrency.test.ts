import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseBy, interleave } from '../../interleave.ts';
import { prepare, STATUS } from './prepare.ts';

/** Events about one order, in the order in which they were sent. */
const SENT = [
  { detail: { orderNumber: '8', domains: ['exmaple.com'], product: 'VMC' }, time: '2026-11-23T10:00:00Z' },
  { detail: { orderNumber: '8', domains: ['example.com'], request: 'again' }, time: '2026-11-23T10:00:01Z' },
  { detail: { orderNumber: '8', account: 'brand-a', request: 'third' }, time: '2026-11-23T10:00:02Z' },
].map((event, index) => ({ ...event, id: `e${index}`, client: `c${index}` }));
const ORDERED = { domains: ['example.com'], product: 'VMC', account: 'brand-a' };
const AT = '2026-11-23T10:00:05Z';

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('Several events about one order', { timeout: 120_000 }, () => {
  test.each(permutationsOf(SENT).map((events) => [events.map(({ id }) => id).join(', '), events] as const))(
    'have the same result as in the order in which they were sent, if they arrive as %s.',
    async (_, events) => {
      const { event, executions, file } = await prepare(AT);

      for (const { detail, ...delivery } of [...events, ...events]) {
        await event(detail, delivery);
      }

      expect(executions.size).toBe(1);
      expect(await file()).toMatchObject({ execution: [...executions.keys()][0], options: ORDERED });
    },
  );

  test('start one execution with the options that were sent last, however their requests interleave.', async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (numbers) => {
        const { event, executions, file, server } = await prepare(AT);
        const writers = Object.fromEntries(
          SENT.map(({ detail, ...delivery }) => [delivery.client, () => event(detail, delivery)]),
        );

        const results = await interleave(server, writers, chooseBy(numbers));

        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
        expect([...executions.keys()]).toHaveLength(1);
        expect(await file()).toMatchObject({ execution: [...executions.keys()][0], options: ORDERED });
      }),
      { numRuns: 25 },
    );
  });

  test('of the same second are applied as they arrive, and a second delivery of the first one changes nothing.', async () => {
    const { event, file } = await prepare(AT);
    const time = '2026-11-23T10:00:00Z';
    const send = (domain: string, id: string) => event({ orderNumber: '8', domains: [domain] }, { id, time });
    await send('a.example', 'a');
    await send('b.example', 'b');
    await send('c.example', 'c');

    await send('a.example', 'a');
    await send('b.example', 'b');

    expect((await file())?.options.domains).toEqual(['c.example']);
  });

  test('do not block later corrections if the time of one is in the future or not a time.', async () => {
    const { event, file } = await prepare(AT);
    const send = (domain: string, time: string, at: string) =>
      event({ orderNumber: '8', domains: [domain] }, { id: domain, time, at });
    await send('a.example', '2099-01-01T00:00:00Z', '2026-11-23T10:00:05Z');
    await send('b.example', 'tomorrow', '2026-11-23T10:00:06Z');
    expect((await file())?.options.domains).toEqual(['b.example']);

    await send('c.example', '2026-11-23T10:00:07Z', '2026-11-23T10:00:08Z');

    expect((await file())?.options.domains).toEqual(['c.example']);
  });
});

describe('An event whose run is interrupted', { timeout: 120_000 }, () => {
  test('is complete after the next run, wherever it was interrupted.', async () => {
    const [first, second] = SENT;
    expect(first && second).toBeDefined();
    for (const { detail, client: _, ...delivery } of [first, second].filter((each) => each !== undefined)) {
      for (let died = 0; died < 12; died++) {
        const { event, executions, file, server, store, status } = await prepare(AT);
        if (delivery.id === 'e1') {
          await event({ orderNumber: '8', domains: ['exmaple.com'] }, { id: 'e0', time: '2026-11-23T10:00:00Z' });
          await store('status.json', STATUS);
        }
        let requests = 0;
        server.before = () => {
          if (requests++ === died) {
            throw new Error('the process died');
          }
          return undefined;
        };
        await event(detail, delivery).catch(() => {});
        server.before = () => undefined;

        await event(detail, delivery);

        expect([...executions.keys()], `interrupted at request ${died}`).toEqual(['order-8']);
        expect((await file())?.options).toMatchObject({ domains: detail.domains });
        expect((await status())?.domains ?? detail.domains).toEqual(detail.domains);
      }
    }
  });

  test('starts its execution when it is delivered again, and so does any other event about the order.', async () => {
    const { event, executions, inputs, store } = await prepare(AT);
    await store('order.json', {
      schemaVersion: 1,
      collector: 'acme',
      orderNumber: '8',
      options: { domains: ['example.com'], replace: true },
      execution: 'order-8-again',
      orderedAt: '2026-11-23T10:00:00.000Z',
      events: ['e0'],
      updatedAt: '2026-11-23T10:00:01.000Z',
    });

    const result = await event({ orderNumber: '8', product: 'CMC' }, { id: 'e9', time: '2026-11-23T10:00:04Z' });

    expect(result).toEqual({ orderNumber: '8', execution: 'order-8-again', started: true });
    expect([...executions.keys()]).toEqual(['order-8-again']);
    expect(inputs()['order-8-again']).toEqual({
      orderNumber: '8',
      domains: ['example.com'],
      replace: true,
      product: 'CMC',
    });
  });
});

function permutationsOf<Item>(items: readonly Item[]): Item[][] {
  return items.length < 2
    ? [[...items]]
    : items.flatMap((item) => permutationsOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
