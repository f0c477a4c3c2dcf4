import { describe, expect, test } from 'vitest';
import { type CheckRecord, type Collection, createCollect } from '../../../functions/collect/collect.ts';
import type { LabelFailure } from '../../../functions/collect/credentials.ts';
import { type AnsweredCheck, createPushes, isStartedByPush } from '../../../functions/collect/pushes.ts';
import type { Reply } from '../../../functions/collectmc/reply.ts';
import { DAY_MILLISECONDS as DAY, dayName } from '../../../functions/days.ts';
import { parseInput } from '../../../functions/input.ts';
import { orderSchema } from '../../../functions/order.ts';
import { createReports } from './reports.ts';
import { COLLECTOR, createSecretsManager, DEFAULT_SECRET, serviceError } from './secret-manager.ts';

const START = Date.parse('2026-11-01T12:00:00Z');
const POLL = 10_800;
const WITH_PUSH = 86_400;
const PUSHED = 'order-2-push-6-20261101';
const BRAND_A = `${COLLECTOR}/accounts/brand-a`;
const login = (loginPassword: string) => ({ loginName: 'brand', loginPassword });

/** A collector with the setting, a secret for two accounts, and a CA that gives one answer until it is changed. */
function prepare({ body = '0', withPush = true }: { readonly body?: string; readonly withPush?: boolean } = {}) {
  let now = START;
  const ca = { body };
  const secrets = createSecretsManager(() => now);
  const version = secrets.store(DEFAULT_SECRET, login('a'));
  secrets.store(BRAND_A, login('b'));
  const failures: LabelFailure[] = [];
  const observed: CheckRecord[] = [];
  /** A check of a process that has just started. */
  async function check({
    execution = 'order-1',
    account,
    collection,
    startedAt = now,
    once,
  }: {
    readonly execution?: string;
    readonly account?: string;
    readonly collection?: Partial<Collection>;
    readonly startedAt?: number;
    readonly once?: boolean;
  } = {}) {
    const lookup = secrets.lookup(failures, () => now);
    const collect = createCollect({
      ...createReports().dependencies,
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      pollSeconds: POLL,
      giveUpSeconds: 90 * 86_400,
      withPush: withPush ? { pollSeconds: WITH_PUSH, labels: (each) => lookup(each).labels } : undefined,
      bucket: 'bucket',
      trustAnchors: [],
      ctLogs: [],
      publishedUrl: undefined,
      credentials: lookup,
      http: async () => ({ status: 200, headers: {}, read: async () => Buffer.from(ca.body), discard: () => {} }),
      archive: () => expect.unreachable('nothing was issued'),
      observe: (each) => observed.push(each),
      now: () => new Date(now),
      random: () => 0,
    });
    const order = { orderNumber: execution.split('-')[1], account, once, collection };
    return collect({ order, execution, startedAt: new Date(startedAt).toISOString() }, () => 60_000);
  }
  return {
    ca,
    secrets,
    version,
    failures,
    observed,
    check,
    labels: (of = version, secret = DEFAULT_SECRET) => secrets.labels(secret, of),
    /** How long an order waits that the CA is processing. */
    wait: async (account?: string) => (await check({ ...(account !== undefined && { account }) })).waitSeconds,
    pass(milliseconds: number) {
      now += milliseconds;
    },
  };
}

describe('The orders of an account', () => {
  test('wait longer after a push for the account was received, and those of another account do not.', async () => {
    const run = prepare();
    expect(await run.wait()).toBe(POLL);

    await run.check({ execution: PUSHED, once: true });

    expect(run.labels()).toEqual(['AWSCURRENT', 'PUSHED-20261101']);
    expect(await run.wait()).toBe(WITH_PUSH);
    expect(await run.wait('brand-a')).toBe(POLL);
    await run.check({ execution: 'order-3-push-9-20261101', account: 'brand-a' });
    expect(await run.wait('brand-a')).toBe(WITH_PUSH);
    expect(run.failures).toEqual([]);
  });

  test('wait as before without the setting, and a push changes no label.', async () => {
    const run = prepare({ withPush: false });

    await run.check({ execution: PUSHED });

    expect(await run.wait()).toBe(POLL);
    expect(run.secrets.requests.map(({ operation }) => operation)).toEqual(['GetSecretValue', 'GetSecretValue']);
  });

  test('wait as before with a new login, until the next push.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED });
    const second = run.secrets.store(DEFAULT_SECRET, login('c'));
    expect(await run.wait()).toBe(POLL);

    await run.check({ execution: 'order-4-push-6-20261101' });

    // On the same day the label moves: a label is attached to one version.
    expect(run.labels(second)).toEqual(['AWSCURRENT', 'PUSHED-20261101']);
    expect(run.labels()).toEqual(['AWSPREVIOUS']);
    expect(await run.wait()).toBe(WITH_PUSH);
    expect(run.failures).toEqual([]);
  });

  test('wait as before if the last push was received more than 90 days ago.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED });

    run.pass(90 * DAY);
    expect(await run.wait()).toBe(WITH_PUSH);
    run.pass(DAY);
    expect(await run.wait()).toBe(POLL);
  });

  test.each([
    ['1', 900],
    ['-42\nLimit', 2 * POLL],
    ['-14\nDown', 60],
    ['<html>', 60],
    ['-22\nUnpaid', POLL],
    ['-91\nNo', POLL],
    ['-16\nWrong', POLL],
  ])('wait as ever after the answer %j.', async (body, seconds) => {
    const run = prepare();
    await run.check({ execution: PUSHED });
    run.ca.body = body;

    expect(await run.wait()).toBe(seconds);
  });

  test('plan the next check, and log it, after the longer wait.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED, once: true });

    const { nextCheckAt } = await run.check();

    expect(nextCheckAt).toBe(new Date(START + WITH_PUSH * 1000).toISOString());
    expect(run.observed.at(-1)).toMatchObject({ outcome: 'waiting', reason: 'processing', waitSeconds: WITH_PUSH });
  });

  test('wait longer with the state of an execution of release 0.1.0.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED });

    const collection = { checks: 5, reason: 'processing', inARow: 5, waitSeconds: POLL, outcome: 'waiting' } as const;
    expect(await run.check({ collection })).toMatchObject({ checks: 6, consecutive: 6, waitSeconds: WITH_PUSH });
  });

  test('wait as before for a check with another account, which may have no pushes.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED });
    await run.check({ execution: PUSHED, account: 'brand-a' });

    expect(await run.wait()).toBe(WITH_PUSH);
    run.secrets.store(BRAND_A, login('d'));
    expect(await run.wait('brand-a')).toBe(POLL);
  });
});

describe('A push proves nothing', () => {
  test.each([
    ['an event', 'order-2'],
    ['a second attempt', 'order-2-20261101'],
    ['a request', 'order-2-pushed-20261101'],
    ['a check of the survey', 'order-2-renewal-20261101'],
    ['a name without a day', 'order-2-push-6'],
  ])('if the execution was started by %s.', async (_, execution) => {
    const run = prepare();
    await run.check({ execution });

    expect(run.labels()).toEqual(['AWSCURRENT']);
  });

  // Somebody else can have such an order, or nobody, or the CA did not look.
  test.each([
    '-1\nNo',
    '-2\nNo',
    '-4\nNo such order',
    '-14\nDown',
    '-16\nWrong',
    '-17\nNo',
    '-42\nLimit',
    '-91\nNo',
    '-99\n?',
    '',
    '<html>',
  ])('if the CA answers %j.', async (body) => {
    const run = prepare({ body });
    await run.check({ execution: PUSHED, once: true });

    expect(run.labels().filter((label) => label.startsWith('PUSHED'))).toEqual([]);
  });

  test.each(['0', '-26\nSoon', '1', '-22\nUnpaid', '-20\nRejected', '-21\nKey lost', '-35\nOver', '-36\nOver'])(
    'before the CA answers, but does if it then answers %j.',
    async (body) => {
      const run = prepare({ body: '-14\nDown' });
      const collection = await run.check({ execution: PUSHED });
      run.ca.body = body;

      const checked = run.check({ execution: PUSHED, collection, startedAt: START });

      await (/^-(20|35|36|21)/.test(body) ? expect(checked).rejects.toThrow() : checked);
      expect(run.labels()).toEqual(['AWSCURRENT', 'PUSHED-20261101']);
    },
  );

  test('weeks later: the label has the day of the push, not that of the check.', async () => {
    const run = prepare({ body: '-14\nDown' });
    run.pass(40 * DAY);
    run.ca.body = '0';

    await run.check({ execution: PUSHED, startedAt: START });

    expect(run.labels()).toEqual(['AWSCURRENT', 'PUSHED-20261101']);
  });

  test('again, while the execution that it started waits.', async () => {
    const run = prepare();
    const collection = await run.check({ execution: PUSHED });
    run.secrets.removeLabel(DEFAULT_SECRET, run.version, 'PUSHED-20261101');

    await run.check({ execution: PUSHED, collection, startedAt: START });

    expect(run.labels()).toEqual(['AWSCURRENT']);
  });
});

describe('The label of a push', () => {
  test('is renewed after a week, so that a push seldom costs a request, and is the only one.', async () => {
    const run = prepare();
    const writes = () =>
      run.secrets.requests.filter(({ operation }) => operation === 'UpdateSecretVersionStage').length;
    for (let day = 0; day < 30; day += 1) {
      await run.check({ execution: `order-${day + 1}-push-6-${dayName(new Date(START + day * DAY))}` });
      run.pass(DAY);
    }

    expect(run.labels()).toEqual(['AWSCURRENT', 'PUSHED-20261125']);
    expect(writes()).toBe(7);
    expect(run.failures).toEqual([]);
  });

  test('fits beside all labels that rejected logins can leave.', async () => {
    const run = prepare();
    for (let n = 0; n < 10; n += 1) {
      const version = run.secrets.store(DEFAULT_SECRET, login(`rejected ${n}`));
      run.secrets.setLabel(DEFAULT_SECRET, version, `REJECTED-${version}`);
    }
    for (const suffix of ['', '-2', '-3', '-4', '-5']) {
      run.secrets.setLabel(DEFAULT_SECRET, run.version, `DOUBTED-20261101${suffix}`);
    }
    const current = run.secrets.store(DEFAULT_SECRET, login('good'));
    run.secrets.setLabel(DEFAULT_SECRET, current, 'AWSPENDING');

    for (const day of ['20261101', '20261109']) {
      await run.check({ execution: `order-1-push-6-${day}` });
      run.pass(8 * DAY);
    }

    expect(run.failures).toEqual([]);
    expect(run.labels(current)).toEqual(['AWSCURRENT', 'AWSPENDING', 'PUSHED-20261109']);
  });

  test('that a full secret has no room for is reported, takes no label away, and the check does not fail.', async () => {
    const run = prepare();
    for (let n = 0; n < 19; n += 1) {
      run.secrets.setLabel(DEFAULT_SECRET, run.version, `mine-${n}`);
    }

    expect(await run.check({ execution: PUSHED })).toMatchObject({ outcome: 'waiting', waitSeconds: POLL });

    expect(run.failures).toEqual([
      { account: null, version: run.version, error: expect.objectContaining({ name: 'LimitExceededException' }) },
    ]);
    expect(run.labels()).toHaveLength(20);
  });

  test.each(['UpdateSecretVersionStage', 'ListSecretVersionIds'])(
    'that cannot be set is reported, and the check does not fail: %s is refused.',
    async (refused) => {
      const run = prepare();
      run.secrets.before = (operation) => {
        if (operation === refused) {
          throw serviceError('AccessDeniedException');
        }
      };

      expect(await run.check({ execution: PUSHED })).toMatchObject({ outcome: 'waiting', waitSeconds: POLL });

      expect(run.failures).toHaveLength(1);
      expect(run.labels()).toEqual(['AWSCURRENT']);
    },
  );

  test('goes before that of a rejected login if the secret is full.', async () => {
    const run = prepare();
    await run.check({ execution: PUSHED });
    for (let n = 0; n < 18; n += 1) {
      run.secrets.setLabel(DEFAULT_SECRET, run.version, `mine-${n}`);
    }
    run.ca.body = '-16\nLogin wrong';

    await run.check();

    expect(run.failures).toEqual([]);
    expect(run.labels()).toContain(`REJECTED-${run.version}`);
    expect(run.labels()).not.toContain('PUSHED-20261101');
  });
});

describe('A certificate that was issued without a push', () => {
  const issued: Reply = { kind: 'issued', status: 2, container: 'pkcs7', payload: new Uint8Array() };
  const answered = (
    version: string,
    stages: readonly string[],
    changes: Partial<AnsweredCheck> = {},
  ): AnsweredCheck => ({
    account: undefined,
    login: { version, stages },
    reply: issued,
    previousReason: 'processing',
    execution: 'order-1',
    startedAt: new Date(START).toISOString(),
    ...changes,
  });

  async function miss(changes: Partial<AnsweredCheck> = {}) {
    const run = prepare();
    await run.check({ execution: PUSHED });
    const lookup = run.secrets.lookup(run.failures);
    const pushes = createPushes(
      { pollSeconds: WITH_PUSH, labels: (account) => lookup(account).labels },
      () => new Date(START),
    );
    await pushes.miss(answered(run.version, run.labels(), changes));
    return run;
  }

  test('removes the label, so that the orders of the account are checked more often, until the next push.', async () => {
    const run = await miss();

    expect(run.labels()).toEqual(['AWSCURRENT']);
    expect(await run.wait()).toBe(POLL);
    await run.check({ execution: 'order-3-push-6-20261101' });
    expect(await run.wait()).toBe(WITH_PUSH);
  });

  test.each<[string, Partial<AnsweredCheck>]>([
    ['the first check of its execution', { previousReason: undefined }],
    ['a check after an outage', { previousReason: 'outage' }],
    ['a check after a failed write', { previousReason: 'storage' }],
    ['a check without a call', { login: undefined }],
  ])('removes no label in %s: the push may have come before.', async (_, changes) => {
    expect((await miss(changes)).labels()).toEqual(['AWSCURRENT', 'PUSHED-20261101']);
  });
});

test.each([
  ['order-1-push-6-20261101', true],
  ['order-1378973013-push-pre-revocation-20261101', true],
  ['order-1-push-20261101', true],
  ['order-1-push-20261101-2', true],
  ['order-1-push-20261101-10', true],
  ['order-1', false],
  ['order-1-push', false],
  ['order-1-push-', false],
  ['order-1-push-6', false],
  ['order-1-PUSH-20261101', false],
  ['x-order-1-push-20261101', false],
])('The execution %s was started by a push: %s.', (execution, expected) => {
  expect(isStartedByPush(execution)).toBe(expected);
});

test.each(['push', 'push-6-20261101', 'push-20261101', 'push-20261101-2', 'push-'])(
  'No event can start an execution with the name of a push: the request %j is refused.',
  (request) => {
    expect(() => parseInput(orderSchema, { orderNumber: '1', request }, 'the detail')).toThrow(/request/);
  },
);
