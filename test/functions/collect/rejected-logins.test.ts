import { describe, expect, test } from 'vitest';
import { createAsk } from '../../../functions/collect/ask.ts';
import type { LabelFailure } from '../../../functions/collect/credentials.ts';
import { WAITING } from '../../../functions/events.ts';
import { CERTAIN, DOUBTFUL, DOUBTFUL_OUTAGES } from '../collectmc/login-rejections.ts';
import { createSecretsManager, DEFAULT_SECRET, serviceError } from './secret-manager.ts';
import { type Answer, createWeek, DAY, HOUR, ordersOf } from './week.ts';

const REJECTED: Answer = { status: 200, body: '-16\nLogin or password wrong' };
const DOUBTED: Answer = { status: 403, body: '' };
const JSON_TYPE = { 'content-type': 'application/json' };
const HTML_TYPE = { 'content-type': 'text/html' };

/** One answer of each kind, for a whole week. */
const certain: readonly (readonly [string, Answer])[] = [
  ['the status -16', REJECTED],
  ['the status -16 as a form', { status: 200, body: 'errorCode=-16&errorMessage=Unknown+user' }],
  ['the status -16 with HTTP 500', { status: 500, body: '-16\nUnknown user' }],
  ['HTTP 401', { status: 401, headers: { 'www-authenticate': 'Basic realm="CA"' }, body: '' }],
  ['JSON with the code -16', { status: 200, headers: JSON_TYPE, body: '{"code": -16, "description": "Unknown user"}' }],
  ['JSON with the status -16', { status: 400, headers: JSON_TYPE, body: '{"status":-16}' }],
  ['-4 that names loginName', { status: 200, body: "-4\nThe value of the 'loginName' argument is invalid!" }],
  ['-4 that names loginPassword', { status: 200, body: 'errorCode=-4&errorMessage=loginPassword+is+not+valid' }],
];
const doubtful: readonly (readonly [string, Answer])[] = [
  ['HTTP 403', DOUBTED],
  ['HTTP 403 with a page', { status: 403, headers: HTML_TYPE, body: '<html><h1>403 Forbidden</h1></html>' }],
  ['a redirect to a page about a login', { status: 302, headers: { location: '/login' }, body: '' }],
  ['a sentence', { status: 200, body: 'Your password has expired. Please set a new one.' }],
  ['a page', { status: 200, headers: HTML_TYPE, body: '<html><body>Invalid username or password</body></html>' }],
  ['an unknown status', { status: 200, body: '-99\nThe account is locked' }],
];

describe('In a week, 50 orders with a new process at every check', () => {
  test.each(certain)('send a rejected login once: %s.', async (_, rejection) => {
    const week = createWeek({ rejection });
    week.store('wrong');

    await week.run();

    expect(week.calls).toHaveLength(1);
    expect(week.checks.length).toBeGreaterThan(2500);
    expect(week.failures).toEqual([]);
    for (const { reports } of week.waiting) {
      expect(reports.events.map(({ detailType }) => detailType)).toEqual([WAITING]);
    }
  });

  test.each(doubtful)('send a login whose rejection is doubtful once a day: %s.', async (_, rejection) => {
    const week = createWeek({ rejection });
    const version = week.store('doubted');

    await week.run();

    expect(Object.keys(week.byDay('doubted'))).toHaveLength(8);
    expect(Object.values(week.byDay('doubted'))).toEqual(Array.from({ length: 8 }, () => 1));
    expect(week.secrets.labels(DEFAULT_SECRET, version)).toEqual(['AWSCURRENT', 'DOUBTED-20261108']);
    for (const { reports } of week.waiting) {
      expect(reports.events.map(({ detailType }) => detailType)).toEqual([WAITING]);
    }
  });

  // Each spelling, with fewer orders and days.
  test.each(CERTAIN)('send a login once that is rejected with %j.', async (body) => {
    const week = createWeek({ rejection: { status: 200, body }, orders: ordersOf(5) });
    week.store('wrong');

    await week.run(2 * DAY);

    expect(week.calls).toHaveLength(1);
  });

  test.each([...DOUBTFUL.map((body) => [200, body] as const), ...DOUBTFUL_OUTAGES])(
    'send a login once a day that may be rejected with HTTP %i and %j.',
    async (status, body) => {
      const week = createWeek({ rejection: { status, body }, orders: ordersOf(5) });
      week.store('doubted');

      await week.run(2 * DAY);

      expect(week.byDay('doubted')).toEqual({ 20261101: 1, 20261102: 1, 20261103: 1 });
    },
  );

  test('send it once from one warm process too.', async () => {
    const week = createWeek({ rejection: REJECTED, warm: true });
    week.store('wrong');

    await week.run();

    expect(week.calls).toHaveLength(1);
  });

  test('go on at their next check after a rotation.', async () => {
    const week = createWeek({ rejection: REJECTED });
    week.accepted.add('right');
    week.store('wrong');
    week.at(3 * DAY, () => week.store('right'));

    await week.run(3 * DAY + 3 * HOUR);

    expect(week.byDay('wrong')).toEqual({ 20261101: 1 });
    const right = week.calls.filter(({ password }) => password === 'right');
    expect(new Set(right.map(({ order }) => order)).size).toBe(50);
    expect(Math.max(...right.map(({ at }) => at))).toBeLessThanOrEqual(3 * DAY + 3 * HOUR);
  });

  test('do not send an old rejected login after a rollback to its version.', async () => {
    const week = createWeek({ rejection: REJECTED });
    week.accepted.add('right');
    const old = week.store('wrong');
    week.at(2 * DAY, () => week.store('right'));
    week.at(4 * DAY, () => week.secrets.rollBack(DEFAULT_SECRET, old));

    await week.run();

    expect(week.byDay('wrong')).toEqual({ 20261101: 1 });
    expect(week.calls.filter(({ at }) => at > 4 * DAY)).toEqual([]);
    expect(week.waiting.map(({ collection }) => collection?.reason)).toEqual(
      Array.from({ length: 50 }, () => 'credentials'),
    );
  });

  test('all go on at the day when the CA accepts a doubted login again.', async () => {
    const week = createWeek({ rejection: DOUBTED });
    const version = week.store('doubted');
    week.at(2 * DAY, () => week.accepted.add('doubted'));

    await week.run(3 * DAY + 6 * HOUR);

    expect(week.byDay('doubted')['20261101']).toBe(1);
    expect(week.byDay('doubted')['20261102']).toBe(1);
    const day = week.calls.filter((call) => call.day === '20261104');
    expect(new Set(day.map(({ order }) => order)).size).toBe(50);
    expect(week.secrets.labels(DEFAULT_SECRET, version)).toEqual(['AWSCURRENT']);
  });

  test('send each of several rejected logins once, and keep the labels of the ten newest.', async () => {
    const week = createWeek({ rejection: REJECTED, orders: ordersOf(5) });
    const versions = Array.from({ length: 14 }, (_, n) => {
      const stored = { version: '' };
      week.at(n * 12 * HOUR, () => {
        stored.version = week.store(`wrong ${n}`);
      });
      return stored;
    });

    await week.run();

    expect(week.calls.map(({ password }) => password)).toEqual(versions.map((_, n) => `wrong ${n}`));
    const labelled = versions.map(({ version }) =>
      week.secrets.labels(DEFAULT_SECRET, version).includes(`REJECTED-${version}`),
    );
    expect(labelled).toEqual(versions.map((_, n) => n >= 4));
    expect(week.failures).toEqual([]);
  });

  test('of an account wait while the orders of other accounts go on.', async () => {
    const accounts = ['brand-a', 'brand-b', undefined];
    const orders = new Map(Array.from({ length: 30 }, (_, n) => [String(n + 1), accounts[n % 3]]));
    const week = createWeek({ rejection: REJECTED, orders });
    week.accepted.add('a').add('default');
    week.store('a', 'acme/accounts/brand-a');
    week.store('b', 'acme/accounts/brand-b');
    week.store('default');

    await week.run();

    const reasons = new Set(week.waiting.map(({ order, collection }) => `${order.account}: ${collection?.reason}`));
    expect(reasons).toEqual(new Set(['brand-a: processing', 'brand-b: credentials', 'undefined: processing']));
    expect(week.calls.filter(({ password }) => password === 'b')).toHaveLength(1);
  });
});

describe('If Secrets Manager refuses to label the secret,', () => {
  const deny = (week: ReturnType<typeof createWeek>, name: string) => {
    week.secrets.before = (operation) => {
      if (operation === 'UpdateSecretVersionStage') {
        throw serviceError(name);
      }
    };
  };

  test.each(['AccessDeniedException', 'ThrottlingException', 'LimitExceededException', 'InternalServiceError'])(
    'each order sends a rejected login once, and each failure is reported once: %s.',
    async (name) => {
      const week = createWeek({ rejection: REJECTED });
      week.store('wrong');
      deny(week, name);

      await week.run();

      expect(week.calls).toHaveLength(50);
      expect(new Set(week.calls.map(({ order }) => order)).size).toBe(50);
      expect(week.failures).toHaveLength(50);
    },
  );

  test('each order sends a doubted login once a day.', async () => {
    const week = createWeek({ rejection: DOUBTED });
    week.store('doubted');
    deny(week, 'AccessDeniedException');

    await week.run();

    const perOrderAndDay = new Set(week.calls.map(({ order, day }) => `${order} ${day}`));
    expect(week.calls).toHaveLength(perOrderAndDay.size);
    expect(week.calls.length).toBeGreaterThan(50);
  });

  test('one warm process sends a rejected login once for all orders.', async () => {
    const week = createWeek({ rejection: REJECTED, warm: true });
    week.store('wrong');
    deny(week, 'AccessDeniedException');

    await week.run();

    expect(week.calls).toHaveLength(1);
  });

  test('a process sets the label later, so that no later process sends the login of another order again.', async () => {
    let time = Date.parse('2026-11-01T00:00:00Z');
    const secrets = createSecretsManager(() => time);
    const version = secrets.store(DEFAULT_SECRET, { loginName: 'brand', loginPassword: 'wrong' });
    const failures: LabelFailure[] = [];
    const calls: string[] = [];
    const createProcess = () =>
      createAsk({
        url: 'https://ca.example/',
        format: 'pkcs7',
        credentials: secrets.lookup(failures),
        async http({ form }) {
          calls.push(form?.get('orderNumber') ?? '');
          const { status, body } = REJECTED;
          return { status, headers: {}, read: async () => Buffer.from(body), discard() {} };
        },
        now: () => new Date(time),
      });
    // Each check asks once, so no state of an order remembers what the CA answered.
    const check = (ask: ReturnType<typeof createAsk>, orderNumber: string) =>
      ask({ orderNumber }, undefined, () => 60_000);
    secrets.before = (operation) => {
      if (operation === 'UpdateSecretVersionStage') {
        throw serviceError('ThrottlingException');
      }
    };
    const first = createProcess();
    await check(first, '1');
    await check(first, '2');
    secrets.before = () => {};
    time += 6 * 60 * 1000;
    await check(first, '3');

    await check(createProcess(), '4');

    expect(calls).toEqual(['1']);
    expect(failures).toHaveLength(1);
    expect(secrets.labels(DEFAULT_SECRET, version)).toContain(`REJECTED-${version}`);
  });

  test('orders go on at their next check after a rotation.', async () => {
    const week = createWeek({ rejection: REJECTED });
    week.accepted.add('right');
    week.store('wrong');
    week.at(3 * DAY, () => week.store('right'));
    deny(week, 'AccessDeniedException');

    await week.run(3 * DAY + 3 * HOUR);

    const right = week.calls.filter(({ password }) => password === 'right');
    expect(new Set(right.map(({ order }) => order)).size).toBe(50);
  });
});
