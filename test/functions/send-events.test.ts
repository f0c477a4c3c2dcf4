import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { expect, onTestFinished, test } from 'vitest';
import { EXPIRING } from '../../functions/events.ts';
import { sendEvents } from '../../functions/send-events.ts';
import { type Entry, startEventBus } from './survey/event-bus.ts';

async function prepare() {
  const bus = await startEventBus();
  onTestFinished(() => bus.close());
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const eventBridge = new EventBridgeClient({ endpoint: bus.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  onTestFinished(() => eventBridge.destroy());
  const sent: number[] = [];
  const send = (details: readonly { readonly id: number }[]) =>
    sendEvents({ eventBridge, eventBusName: 'default' }, EXPIRING, details, ({ id }) => sent.push(id));
  return { bus, send, sent };
}

const numbered = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, id) => ({ id, text: 'é'.repeat(bytes / 2) }));

test('Large events are sent in several calls, because AWS limits the size of a call.', async () => {
  const { bus, send, sent } = await prepare();

  expect(await send(numbered(12, 60_000))).toEqual([]);

  expect(sent).toEqual(numbered(12, 0).map(({ id }) => id));
  expect(bus.calls.map((entries) => entries.length)).toEqual([4, 4, 4]);
});

test('An event that is too large fails separately, and the others are sent.', async () => {
  const { send, sent } = await prepare();
  const details = numbered(3, 100);

  const failures = await send(
    details.map((detail) => (detail.id === 1 ? { id: 1, text: 'x'.repeat(300_000) } : detail)),
  );

  expect(failures).toMatchObject([{ detail: { id: 1 }, reason: expect.stringContaining('ValidationException') }]);
  expect(sent).toEqual([0, 2]);
});

test('A call that fails does not stop the others: its events are failures.', async () => {
  const { bus, send, sent } = await prepare();
  bus.refuse = ({ Detail }: Entry) => {
    if (JSON.parse(Detail).id === 3) {
      throw new Error('this call fails');
    }
    return undefined;
  };

  const failures = await send(numbered(12, 10));

  expect(failures.map(({ detail }) => detail.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sent).toEqual([10, 11]);
});
