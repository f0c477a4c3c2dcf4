import { afterEach, describe, expect, test } from 'vitest';
import type { CaCall } from './ca.ts';
import { Clock, DAY, HOUR, MINUTE } from './clock.ts';
import type { BusEvent, Cloud } from './cloud.ts';
import { parseDefinition } from './definition.ts';
import type { Invocation } from './lambda.ts';
import type { Execution } from './machine.ts';
import { type CaReply, DOUBTS, REJECTIONS, STEPS } from './replies.ts';
import { Rules } from './rules.ts';
import { containsPassword, ECHOES, password } from './secrecy.ts';

const START = Date.parse('2027-01-01T00:00:00Z');
const ORDER = '1378000001';
const NAME = `order-${ORDER}`;
const EMPTY = parseDefinition(
  '{"StartAt": "Collected", "States": {"Collected": {"Type": "Succeed"}}, "TimeoutSeconds": 1}',
);

let clock: Clock | undefined;

afterEach(() => clock?.stop());

function setUp({ versions = 1 } = {}) {
  const running = new Clock(START);
  clock = running;
  const rules = new Rules({ clock: running, pollSeconds: 10_800 });
  const cloud = { countLoginVersions: () => versions } as unknown as Cloud;
  return {
    rules,
    texts: () => rules.violations.map(({ text }) => text),
    async call(after: number, reply: CaReply, { execution = NAME, faults = 0, login = 'a' } = {}) {
      await running.pass(after);
      const call: CaCall = {
        time: running.now,
        order: ORDER,
        account: undefined,
        password: login,
        reply,
        certificate: undefined,
      };
      const invocation = run({ execution }, faults);
      rules.called(call, execution, invocation, cloud);
      return invocation;
    },
  };
}

function run(event: unknown, faults = 0): Invocation {
  return { functionName: 'Collect', event, deadline: 0, faults, isDead: false, isWaiting: false, die: () => {} };
}

function execution(name: string, input: object = {}): Execution {
  return { name, input: JSON.stringify(input), definition: EMPTY, startDate: START, status: 'RUNNING', events: 0 };
}

describe('The rules of a year', () => {
  test('refuse two calls within a poll interval', async () => {
    const { call, texts } = setUp();
    await call(0, STEPS.processing);
    await call(2.8 * HOUR, STEPS.processing);
    expect(texts()).toEqual([]);

    await call(2.6 * HOUR, STEPS.processing);

    expect(texts()[0]).toContain('calls 9360 s after');
  });

  test('refuse a second execution that polls between the calls of the first', async () => {
    const { call, rules, texts } = setUp();
    rules.started(execution(NAME));
    await call(0, STEPS.processing);
    rules.started(execution(`${NAME}-other`));
    await call(HOUR, STEPS.processing, { execution: `${NAME}-other` });
    await call(2 * HOUR, STEPS.processing);
    await call(HOUR, STEPS.processing, { execution: `${NAME}-other` });

    expect(texts()[0]).toContain('poll at the same time');
    expect(texts()[1]).toContain(`calls 3600 s after ${NAME} at`);
  });

  test('accept the short waits of the table, and one call for each execution that starts', async () => {
    const { call, rules, texts } = setUp();
    rules.started(execution(NAME));
    await call(0, STEPS.available);
    await call(15 * MINUTE, STEPS.unknown);
    await call(MINUTE, STEPS.processing, { faults: 1 });
    await call(MINUTE, STEPS.processing);
    rules.started(execution(`${NAME}-push-6-20270101`, { once: true }));
    await call(MINUTE, STEPS.processing, { execution: `${NAME}-push-6-20270101` });

    expect(texts()).toEqual([]);
  });

  test.each(REJECTIONS.map((reply) => [reply.name, reply] as const))(
    'refuse that a login is sent again after its rejection: %s',
    async (_, reply) => {
      const { call, texts } = setUp({ versions: 2 });
      await call(0, reply);
      await call(DAY, reply);
      expect(texts()).toEqual([]);

      await call(DAY, reply);

      expect(texts()[0]).toContain('sent for the time 3 (2 versions');
    },
  );

  test.each(DOUBTS.map((reply) => [reply.name, reply] as const))(
    'refuse that a doubted login is sent twice a day: %s',
    async (_, reply) => {
      const { call, texts } = setUp();
      await call(0, reply);
      await call(DAY, reply);
      expect(texts()).toEqual([]);

      await call(4 * HOUR, reply);

      expect(texts()[0]).toContain('sent for the time 2 (1 versions');
    },
  );

  test('refuse two messages about one wait, unless the first run failed afterwards', () => {
    const { rules, texts } = setUp();
    const event: BusEvent = {
      source: 'mark-certificate-collector',
      'detail-type': 'Mark Certificate Waiting',
      detail: { orderNumber: ORDER, execution: NAME, reason: 'payment', since: '2027-01-01T00:00:00.000Z' },
    };
    const invocation = run(event);
    const message = { time: START, subject: 'a subject', body: '', event, invocation };
    rules.received(message);
    invocation.onFault?.();
    rules.received(message);
    expect(texts()).toEqual([]);

    rules.received(message);

    expect(texts()[0]).toContain('people receive 3 messages');
  });

  test('refuse that Collect fails after a call with an error that is not documented', async () => {
    const { call, rules, texts } = setUp();
    const invocation = await call(0, STEPS.processing);
    rules.failed(invocation, Object.assign(new Error('refused'), { name: 'OrderRejected' }));
    expect(texts()).toEqual([]);

    rules.failed(invocation, new TypeError('a mistake'));

    expect(texts()).toEqual(['Collect failed after its call with TypeError: a mistake']);
  });

  test('refuse two calls at a time', () => {
    const { rules, texts } = setUp();
    const first = run({ execution: NAME });
    rules.callBegins(ORDER, first);
    rules.callEnds(first);
    rules.callBegins(ORDER, run({ execution: NAME }));
    expect(texts()).toEqual([]);

    rules.callBegins(ORDER, run({ execution: NAME }));

    expect(texts()).toHaveLength(1);
  });

  test.each(
    ECHOES.flatMap((echo, index) => [0, 1, 2, 3].map((number) => [index, number, echo(password(number))] as const)),
  )('find a password in the encoding %i of the password %i', (_, __, echoed) => {
    expect(containsPassword(`before ${echoed} after`)).toBe(true);
    expect(containsPassword(Buffer.from(`before ${echoed} after`))).toBe(true);
    expect(containsPassword('before and after')).toBe(false);
  });
});
