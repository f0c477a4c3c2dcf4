import { describe, expect, test } from 'vitest';
import { type Collection, createCollect } from '../../../functions/collect/collect.ts';
import { FAILED, REVOKED, WAITING } from '../../../functions/events.ts';
import { createReports } from './reports.ts';
import { fixedCredentials } from './secret-manager.ts';

const STARTED = Date.parse('2026-11-01T00:00:00Z');
const HOUR = 3600;
const DAY = 24 * HOUR;
const LOGIN = { loginName: 'brand', loginPassword: 'correct horse' };
const ORDER = { orderNumber: '1', domains: ['example.com'], product: 'VMC' };

/** One execution of an order. `body` is what the CA answers until it is changed. */
function prepare(body: string, order: object = ORDER) {
  const reports = createReports();
  const ca = { body, calls: 0 };
  const secret = { version: 'a' };
  let elapsedSeconds = 0;
  const collect = createCollect({
    ...reports.dependencies,
    url: 'https://ca.example/CollectMC',
    format: 'pkcs7',
    pollSeconds: 3 * HOUR,
    giveUpSeconds: 80 * DAY,
    bucket: 'bucket',
    trustAnchors: [],
    ctLogs: [],
    publishedUrl: undefined,
    credentials: fixedCredentials(() => ({ stages: [], ...secret, ...LOGIN })),
    async http() {
      ca.calls += 1;
      return { status: 200, headers: {}, read: async () => Buffer.from(ca.body), discard: () => {} };
    },
    archive: () => {
      throw new Error('nothing was issued');
    },
    observe: () => {},
    now: () => new Date(STARTED + elapsedSeconds * 1000),
    random: () => 0,
  });
  let collection: Collection | undefined;
  return {
    ...reports,
    ca,
    secret,
    pass(seconds: number) {
      elapsedSeconds += seconds;
    },
    /** Makes the next check after the planned wait, or after `late` seconds more. */
    async check({ answer = ca.body, late = 0, remaining = () => 60_000 } = {}): Promise<Collection> {
      ca.body = answer;
      elapsedSeconds += (collection?.waitSeconds ?? 0) + late;
      const state = { ...order, ...(collection && { collection }) };
      collection = await collect(
        { order: state, execution: 'order-1', startedAt: '2026-11-01T00:00:00.000Z' },
        remaining,
      );
      return collection;
    },
    sent: () => reports.events.map(({ detailType, detail }) => [detailType, detail] as const),
  };
}

type Run = ReturnType<typeof prepare>;

/** Makes checks with the same answer until the order has waited for so long. */
async function checkFor(run: Run, seconds: number, answer?: string): Promise<void> {
  for (let waited = 0; waited < seconds; ) {
    const { waitSeconds } = await run.check(answer === undefined ? {} : { answer });
    waited += waitSeconds;
  }
}

describe('The status of a waiting order', () => {
  test('is written at the first check, and not again while nothing changes.', async () => {
    const run = prepare('0');

    await run.check();
    await run.check({ answer: '-26\nBeing issued' });
    await run.check({ answer: '0' });

    expect(run.statuses).toEqual([
      {
        schemaVersion: 1,
        collector: 'acme',
        orderNumber: '1',
        account: null,
        domains: ['example.com'],
        product: 'VMC',
        execution: 'order-1',
        startedAt: '2026-11-01T00:00:00.000Z',
        state: 'waiting',
        reason: 'processing',
        text: 'the CA answered 0 (the order is being processed)',
        since: '2026-11-01T00:00:00.000Z',
        updatedAt: '2026-11-01T00:00:00.000Z',
      },
    ]);
    expect(run.events).toEqual([]);
  });

  test('is written whenever the reason changes, with the start of the reason.', async () => {
    const run = prepare('0');
    await run.check();

    await run.check({ answer: '1' });
    await run.check({ answer: '1' });
    await run.check({ answer: '-42\nLimit' });

    expect(run.statuses.map(({ reason, since }) => [reason, since])).toEqual([
      ['processing', '2026-11-01T00:00:00.000Z'],
      ['available', '2026-11-01T03:00:00.000Z'],
      ['call-limit', '2026-11-01T03:30:00.000Z'],
    ]);
  });

  test('of an order without domains and product says so.', async () => {
    const run = prepare('0', { orderNumber: '1' });
    await run.check();
    expect(run.statuses).toMatchObject([{ domains: [], product: null, account: null }]);
  });

  test('that cannot be written does not fail the check. The next check writes it.', async () => {
    const run = prepare('0');
    run.fail('status', new Error('S3 is down'));
    const first = await run.check();
    run.fail('status', undefined);

    const second = await run.check();

    expect(first).toMatchObject({ outcome: 'waiting', reported: [] });
    expect(second).toMatchObject({ reported: ['status'], since: '2026-11-01T00:00:00.000Z' });
    expect(run.problems).toEqual([new Error('S3 is down')]);
    expect(run.statuses).toMatchObject([{ since: '2026-11-01T00:00:00.000Z', updatedAt: '2026-11-01T03:00:00.000Z' }]);
  });
});

describe('"Mark Certificate Waiting"', () => {
  test.each([
    ['credentials', '-16\nWrong login', 'store a login that the CA accepts'],
    ['payment', '-22\nStill unpaid', 'pay the order'],
    ['permission', '-91\nNot yours', 'ask the CA to let this account'],
  ])('is sent at once and once if the order waits for %s.', async (reason, answer, step) => {
    const run = prepare('0');
    await run.check();

    await run.check({ answer });
    await checkFor(run, 2 * DAY);

    const text = `the CA answered ${answer.replace('\n', ' (')})`;
    expect(run.sent()).toEqual([
      [
        WAITING,
        {
          collector: 'acme',
          orderNumber: '1',
          account: null,
          domains: ['example.com'],
          execution: 'order-1',
          startedAt: '2026-11-01T00:00:00.000Z',
          reason,
          text,
          since: '2026-11-01T03:00:00.000Z',
          nextStep: expect.stringContaining(step),
          updatedAt: '2026-11-01T03:00:00.000Z',
        },
      ],
    ]);
    expect(run.statuses.at(-1)).toMatchObject({ reason, text, nextStep: expect.stringContaining(step) });
    expect(run.statuses).toHaveLength(2);
  });

  test('is sent again if the order starts again to wait for payment.', async () => {
    const run = prepare('-22');
    await run.check();
    await run.check({ answer: '0' });
    await run.check({ answer: '-22' });

    expect(run.events.map(({ detail }) => detail)).toMatchObject([
      { since: '2026-11-01T00:00:00.000Z' },
      { since: '2026-11-01T06:00:00.000Z' },
    ]);
  });

  test.each([
    ['an outage', '<html>'],
    ['the call limit', '-42\nLimit'],
  ])('is not sent again after %s, which does not end the wait for payment.', async (_, answer) => {
    const run = prepare('-22');
    await run.check();
    const reportedAt = '2026-11-01T00:00:05.000Z';
    await (await run.dependencies.status('1')).update((current) => current && { ...current, reportedAt });

    await run.check({ answer });
    await run.check({ answer: '-22' });

    expect(run.events).toHaveLength(1);
    expect(run.statuses.map(({ reason }) => reason)).toEqual(['payment', 'payment', expect.any(String), 'payment']);
    expect(run.statuses.at(-1)).toMatchObject({ nextStep: 'pay the order at the CA', reportedAt });
    await run.check({ answer });
    await run.check({ answer: '0' });
    await run.check({ answer: '-22' });
    expect(run.events).toHaveLength(2);
  });

  test('is sent again if the CA rejects another version of the login, at once and once.', async () => {
    const run = prepare('-16');
    await run.check();
    run.secret.version = 'b';

    await run.check();
    await run.check();

    expect(run.ca.calls).toBe(2);
    expect(run.events.map(({ detail }) => detail)).toMatchObject([
      { reason: 'credentials', since: '2026-11-01T00:00:00.000Z' },
      { reason: 'credentials', since: '2026-11-01T03:00:00.000Z' },
    ]);
    run.secret.version = 'c';
    await run.check({ answer: '<html>' });
    await run.check({ answer: '-16' });
    expect(run.events).toHaveLength(3);
  });

  test('is sent for an outage at the first check after six hours, and once.', async () => {
    const run = prepare('<html>');

    await checkFor(run, 6 * HOUR);
    expect(run.events).toEqual([]);
    await run.check();
    await checkFor(run, 2 * DAY);

    expect(run.sent()).toMatchObject([
      [
        WAITING,
        {
          reason: 'outage',
          since: '2026-11-01T00:00:00.000Z',
          text: 'the CA sent no usable reply: an HTML page: <html>',
        },
      ],
    ]);
    expect(run.statuses.map(({ nextStep }) => nextStep)).toEqual([undefined, expect.stringContaining('ask the CA')]);
  });

  test('starts again to count the hours of an outage if the CA answers in between.', async () => {
    const run = prepare('-14\nFault');
    await checkFor(run, 5 * HOUR);
    await run.check({ answer: '0' });
    await checkFor(run, 5 * HOUR, '-14\nFault');
    expect(run.events).toEqual([]);
    await checkFor(run, 6 * HOUR);
    expect(run.events).toHaveLength(1);
  });

  test('counts a status that is in no table as a part of the same outage.', async () => {
    const run = prepare('<html>');
    await checkFor(run, 4 * HOUR);
    await run.check({ answer: '-77\nNobody knows' });
    await checkFor(run, 3 * HOUR, '<html>');
    await run.check();

    expect(run.events).toHaveLength(1);
    expect(run.statuses).toHaveLength(2);
    expect(run.events).toMatchObject([{ detail: { since: '2026-11-01T00:00:00.000Z' } }]);
  });

  test('is sent once in an execution after three quarters of the time until the deadline.', async () => {
    const run = prepare('0');
    await run.check();
    run.pass(60 * DAY);
    await run.check();
    await run.check({ answer: '1' });
    await run.check({ answer: '0' });

    expect(run.sent()).toMatchObject([
      [
        WAITING,
        {
          reason: 'deadline',
          text: 'no certificate after 60 days and 2 checks; the CA answered 0 (the order is being processed)',
          nextStep: 'ask the CA what delays the order',
        },
      ],
    ]);
    expect(run.statuses.at(-1)).toMatchObject({ reason: 'processing', nextStep: 'ask the CA what delays the order' });
  });

  test('keeps what was reported if the reason changes, but not what a person must do.', async () => {
    const run = prepare('0');
    await run.check();
    run.pass(60 * DAY);
    await run.check();
    const { dependencies } = run;
    await (await dependencies.status('1')).update(
      (current) => current && { ...current, reportedAt: '2027-01-01T00:00:00Z' },
    );

    await run.check({ answer: '1' });

    expect(run.statuses.at(-1)).toMatchObject({ reason: 'available', reportedAt: '2027-01-01T00:00:00Z' });
    await run.check({ answer: '-22' });
    expect(run.statuses.at(-1)).toMatchObject({ reason: 'payment', nextStep: 'pay the order at the CA' });
    expect(run.statuses.at(-1)).not.toHaveProperty('reportedAt');
  });

  test('names the more urgent step if the deadline comes near while the order is unpaid.', async () => {
    const run = prepare('-22');
    run.pass(61 * DAY);
    await run.check();
    await run.check();

    expect(run.events.map(({ detail }) => detail)).toMatchObject([
      { reason: 'payment', nextStep: 'pay the order at the CA' },
      {
        reason: 'deadline',
        nextStep: 'pay the order at the CA',
        text: expect.stringMatching(/^no certificate after 61/),
      },
    ]);
    expect(new Set(run.statuses.map(({ updatedAt }) => updatedAt)).size).toBe(2);
  });
});

describe('After a call to the CA, a report that fails', () => {
  test('keeps the version of the rejected login, and the event is sent at the next check without a call.', async () => {
    const run = prepare('-16\nWrong login');
    run.fail('events', new Error('EventBridge is down'));

    const first = await run.check();
    expect(first).toMatchObject({ reason: 'credentials', reported: ['status'], rejectedCredentialsVersion: 'a' });
    expect(run.events).toEqual([]);
    run.fail('events', undefined);
    await run.check();

    expect(run.ca.calls).toBe(1);
    expect(run.sent()).toMatchObject([[WAITING, { reason: 'credentials', since: '2026-11-01T00:00:00.000Z' }]]);
    expect(run.events[0]?.detail).toMatchObject({ updatedAt: run.statuses.at(-1)?.updatedAt });
  });

  test('keeps it too if S3 never answers, before the time of the function is over.', async () => {
    const run = prepare('-16\nWrong login');
    const hanging = createCollect({
      ...run.dependencies,
      status: () => new Promise(() => {}),
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      pollSeconds: 3 * HOUR,
      giveUpSeconds: 80 * DAY,
      bucket: 'bucket',
      trustAnchors: [],
      ctLogs: [],
      publishedUrl: undefined,
      credentials: fixedCredentials(() => ({ version: 'a', stages: [], ...LOGIN })),
      http: async () => ({ status: 200, headers: {}, read: async () => Buffer.from('-16\nno'), discard: () => {} }),
      archive: () => new Promise(() => {}),
      observe: () => {},
      now: () => new Date(STARTED),
      random: () => 0,
    });
    const event = { order: ORDER, execution: 'order-1', startedAt: '2026-11-01T00:00:00.000Z' };

    const collection = await hanging(event, () => 5_100);

    expect(collection).toMatchObject({ reason: 'credentials', reported: [], rejectedCredentialsVersion: 'a' });
    expect(run.problems).toEqual([expect.objectContaining({ message: expect.stringContaining('in time') })]);
  });
});

describe('A failure', () => {
  test('is reported before the error is thrown.', async () => {
    const run = prepare('0');
    await run.check();

    await expect(run.check({ answer: '-20\nNo such mark' })).rejects.toThrow(
      expect.objectContaining({ name: 'OrderRejected' }),
    );

    expect(run.statuses.at(-1)).toMatchObject({
      state: 'failed',
      error: 'OrderRejected',
      text: 'the CA answered -20 (No such mark)',
      nextStep: 'ask the CA why it rejected the order, then place a new order',
      since: '2026-11-01T03:00:00.000Z',
    });
    expect(run.statuses.at(-1)).not.toHaveProperty('reason');
    expect(run.sent()).toEqual([
      [
        FAILED,
        {
          collector: 'acme',
          orderNumber: '1',
          account: null,
          domains: ['example.com'],
          execution: 'order-1',
          startedAt: '2026-11-01T00:00:00.000Z',
          error: 'OrderRejected',
          text: 'the CA answered -20 (No such mark)',
          nextStep: 'ask the CA why it rejected the order, then place a new order',
          updatedAt: '2026-11-01T03:00:00.000Z',
        },
      ],
    ]);
  });

  test.each(['status', 'events'] as const)(
    'that cannot be reported (%s) makes the order wait, and is reported at the next check.',
    async (service) => {
      const run = prepare('-20\nNo such mark');
      run.fail(service, new Error('Service Unavailable'));

      expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'storage', status: -20, waitSeconds: 60 });
      run.fail(service, undefined);
      await expect(run.check()).rejects.toThrow(expect.objectContaining({ name: 'OrderRejected' }));

      expect(run.ca.calls).toBe(2);
      expect(run.sent()).toMatchObject([[FAILED, { error: 'OrderRejected' }]]);
      expect(run.statuses.at(-1)).toMatchObject({ state: 'failed', error: 'OrderRejected' });
    },
  );

  test('that cannot be reported for days is reported as a problem of the storage after six hours, once.', async () => {
    const run = prepare('-20\nNo such mark');
    run.fail('status', new Error('Access Denied'));

    await checkFor(run, 2 * DAY);

    expect(run.sent()).toMatchObject([
      [WAITING, { reason: 'storage', text: expect.stringContaining('Access Denied') }],
    ]);
  });

  test('by a revocation sends "Mark Certificate Revoked" once, even if the status cannot be written.', async () => {
    const run = prepare('-21\nKey lost');
    run.fail('status', new Error('S3 is down'));

    expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'storage', reported: ['revoked'] });
    await run.check();

    expect(run.sent()).toEqual([
      [
        REVOKED,
        {
          collector: 'acme',
          orderNumber: '1',
          account: null,
          domains: ['example.com'],
          confirmed: true,
          source: 'collect-mc',
          text: 'the CA answered -21 (Key lost)',
          knownSince: '2026-11-01T00:00:00.000Z',
          execution: 'order-1',
        },
      ],
    ]);
    run.fail('status', undefined);
    await expect(run.check()).rejects.toThrow(expect.objectContaining({ name: 'CertificateRevoked' }));
    expect(run.events.map(({ detailType }) => detailType)).toEqual([REVOKED, FAILED]);
  });
});

describe('A redriven execution', () => {
  test.each([
    ['for the same reason', '0', []],
    ['for payment', '-22', [WAITING]],
  ])('that waits again %s has the status "waiting" again.', async (_, answer, events) => {
    const run = prepare('0');
    await run.check();
    await expect(run.check({ answer: '-20' })).rejects.toThrow();

    await run.check({ answer, late: 10 });

    expect(run.statuses.map(({ state }) => state)).toEqual(['waiting', 'failed', 'waiting']);
    expect(run.events.map(({ detailType }) => detailType)).toEqual([FAILED, ...events]);
    await run.check();
    expect(run.statuses).toHaveLength(3);
  });

  test('that still waits for payment is reported again.', async () => {
    const run = prepare('-22');
    await run.check();
    await expect(run.check({ answer: '-20' })).rejects.toThrow();
    await run.check({ answer: '-22', late: 600 });

    expect(run.events.map(({ detailType }) => detailType)).toEqual([WAITING, FAILED, WAITING]);
  });

  test('is not assumed if a check is late for another reason.', async () => {
    const run = prepare('-22');
    await run.check();

    await run.check({ late: DAY });

    expect(run.statuses).toHaveLength(1);
    expect(run.events).toHaveLength(1);
  });

  test('whose status cannot be read writes it at the next check.', async () => {
    const run = prepare('0');
    await run.check();
    await expect(run.check({ answer: '-20' })).rejects.toThrow();
    run.fail('status', new Error('S3 is down'));
    expect(await run.check({ answer: '0', late: 600 })).toMatchObject({ reported: [] });
    run.fail('status', undefined);

    await run.check();

    expect(run.statuses.at(-1)).toMatchObject({ state: 'waiting', reason: 'processing' });
  });
});

test('An execution of release 0.1.0 continues: its status is written, and what it needs is reported.', async () => {
  const stored = { outcome: 'waiting', status: -22, reason: 'payment', checks: 7, inARow: 3, waitSeconds: 10_800 };
  const run = prepare('-22', { ...ORDER, collection: stored });

  const collection = await run.check();

  expect(collection).toMatchObject({ checks: 8, consecutive: 4, reported: ['status', 'payment'] });
  expect(run.statuses).toMatchObject([{ state: 'waiting', reason: 'payment', since: '2026-11-01T00:00:00.000Z' }]);
  expect(run.events).toHaveLength(1);
});

test('An execution does not report if one that started later has reported.', async () => {
  const run = prepare('-22');
  const file = await run.dependencies.status('1');
  await run.check();
  const later = { execution: 'order-1-again', startedAt: '2026-11-01T01:00:00.000Z', state: 'issued' as const };
  await file.update((current) => current && { ...current, ...later });

  await run.check({ answer: '-91' });
  await expect(run.check({ answer: '-20' })).rejects.toThrow(expect.objectContaining({ name: 'OrderRejected' }));

  expect(run.events.map(({ detailType }) => detailType)).toEqual([WAITING]);
  expect((await file.read()).current).toMatchObject({ execution: 'order-1-again', state: 'issued' });
});

test('An execution reports again after one that started later has failed.', async () => {
  const run = prepare('0');
  const file = await run.dependencies.status('1');
  await run.check();
  const later = { execution: 'order-1-push', startedAt: '2026-11-01T01:00:00.000Z' };
  await file.update((current) => current && { ...current, ...later, state: 'failed', error: 'ExecutionAborted' });

  await run.check({ answer: '-22' });
  expect((await file.read()).current).toMatchObject({ execution: 'order-1', state: 'waiting', reason: 'payment' });
  await expect(run.check({ answer: '-20' })).rejects.toThrow(expect.objectContaining({ name: 'OrderRejected' }));

  expect(run.events.map(({ detailType }) => detailType)).toEqual([WAITING, FAILED]);
});

test('Neither status nor events contain the password, even if the CA repeats it.', async () => {
  const run = prepare(`-22\nlogin brand/${LOGIN.loginPassword} has not paid`);
  await run.check();
  await expect(run.check({ answer: `-20\n${LOGIN.loginPassword}` })).rejects.toThrow();

  const everything = JSON.stringify([run.statuses, run.events]);
  expect(everything).toContain('[password]');
  expect(everything).not.toContain(LOGIN.loginPassword);
});
