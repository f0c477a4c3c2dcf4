import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXPIRING } from '../../functions/events.ts';
import { sendEvents } from '../../functions/send-events.ts';
import { ServiceError } from '../../infra/local/cloud/aws-json-endpoint.ts';
import { type Entry, type EventBus, startEventBus } from './survey/event-bus.ts';

/** A detail with a number and any other fields. */
interface NumberedDetail {
  readonly id: number;
  readonly [field: string]: unknown;
}

async function prepare() {
  const bus = await startEventBus();
  onTestFinished(() => bus.close());
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const eventBridge = new EventBridgeClient({ endpoint: bus.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  onTestFinished(() => eventBridge.destroy());
  const sent: number[] = [];
  const send = (details: readonly NumberedDetail[]) =>
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

test('A call that fails does not stop the others, and is not repeated: its events are failures.', async () => {
  const { bus, send, sent } = await prepare();
  let attempts = 0;
  bus.refuse = ({ Detail }: Entry) => {
    if (JSON.parse(Detail).id === 3) {
      attempts += 1;
      throw new Error('this call fails');
    }
    return undefined;
  };

  const failures = await send(numbered(12, 10));

  expect(failures.map(({ detail }) => detail.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sent).toEqual([10, 11]);
  expect(attempts).toBe(1);
});

describe('A call that EventBridge refuses', () => {
  /** Refuses every call that contains one of these details, and counts the calls. */
  function refuseCallsWith(bus: EventBus, bad: readonly number[], error: Error) {
    const refused: string[] = [];
    bus.refuse = ({ Detail }: Entry) => {
      const { id } = JSON.parse(Detail);
      if (bad.includes(id)) {
        refused.push(id);
        throw error;
      }
      return undefined;
    };
    return refused;
  }

  test.each([
    ['ValidationException', [17]],
    ['ValidationException', [0, 9, 29]],
    ['RequestEntityTooLargeException', [3, 4]],
    ['SerializationException', [5]],
    ['AnErrorOfNextYear', [10, 11, 12, 13]],
  ])('with %s because of the entries %j is split until only these fail.', async (name, bad) => {
    const { bus, send, sent } = await prepare();
    const refused = refuseCallsWith(bus, bad, new ServiceError(name, 'an entry is wrong'));

    const failures = await send(numbered(30, 10));

    expect(failures.map(({ detail }) => detail.id)).toEqual(bad);
    expect(failures.map(({ reason }) => reason)).toEqual(bad.map(() => `${name}: an entry is wrong`));
    expect(sent).toEqual(Array.from({ length: 30 }, (_, id) => id).filter((id) => !bad.includes(id)));
    // Ten entries are halved four times at the most, for each bad one.
    expect(refused.length).toBeLessThanOrEqual(5 * bad.length);
  });

  test.each([
    'ThrottlingException',
    'TooManyRequestsException',
    'AccessDeniedException',
    'ExpiredTokenException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'ResourceNotFoundException',
    'InternalException',
  ])('with %s is not split, because smaller calls would fail too.', async (name) => {
    const { bus, send, sent } = await prepare();
    const refused = refuseCallsWith(bus, [1], new ServiceError(name, 'no'));

    const failures = await send(numbered(30, 10));

    expect(failures.map(({ detail }) => detail.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sent).toHaveLength(20);
    expect(refused).toEqual([1]);
  });

  test('because of its size is split, even if each entry seems small enough.', async () => {
    const { bus, send, sent } = await prepare();
    bus.callBytes = 20_000;

    const failures = await send([...numbered(12, 5_000), { id: 12, text: 'x'.repeat(30_000) }]);

    expect(failures.map(({ detail }) => detail.id)).toEqual([12]);
    expect(sent).toEqual(numbered(12, 0).map(({ id }) => id));
  });
});

test('A detail that JSON cannot express is a failure, and the others are sent.', async () => {
  const { send, sent } = await prepare();
  const circular: { readonly id: number; self?: unknown } = { id: 1 };
  circular.self = circular;
  const throwing = {
    id: 3,
    get text(): string {
      throw new Error('no text');
    },
  };

  const failures = await send([
    { id: 0 },
    circular,
    { id: 2, amount: 1n },
    throwing,
    { id: 4, toJSON: () => undefined },
    { id: 5 },
  ]);

  expect(failures.map(({ detail }) => detail.id)).toEqual([1, 2, 3, 4]);
  expect(sent).toEqual([0, 5]);
});

test('An event without a result is a failure.', async () => {
  const { bus, send, sent } = await prepare();
  bus.results = 2;

  const failures = await send(numbered(3, 10));

  expect(failures).toMatchObject([{ detail: { id: 2 }, reason: 'no result' }]);
  expect(sent).toEqual([0, 1]);
});
