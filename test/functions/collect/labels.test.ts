import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAsk, type PreviousLogin } from '../../../functions/collect/ask.ts';
import type { LabelFailure } from '../../../functions/collect/credentials.ts';
import { createSecretsManager, DEFAULT_SECRET, fixedCredentials, serviceError } from './secret-manager.ts';
import type { Answer } from './week.ts';

const REJECTED: Answer = { status: 200, body: '-16\nLogin or password wrong' };
const DOUBTED: Answer = { status: 403, body: '' };
const PROCESSING = { status: 200, body: '0' };
const OUTAGE = { status: 503, body: 'down' };
const WAITS = { reason: 'credentials' };
const login = (loginPassword: string) => ({ loginName: 'brand', loginPassword });

/** A secret with one version, and a CA that gives one answer until it is changed. `events` is what happened, in order. */
function prepare(answer: Answer, password = 'a') {
  let now = Date.parse('2026-11-01T12:00:00Z');
  const secrets = createSecretsManager(() => now);
  const version = secrets.store(DEFAULT_SECRET, login(password));
  const ca = { answer };
  const events: string[] = [];
  const failures: LabelFailure[] = [];
  const record = (operation: string, { VersionStage, MoveToVersionId }: Readonly<Record<string, unknown>>) => {
    if (operation === 'UpdateSecretVersionStage') {
      events.push(`${MoveToVersionId === undefined ? 'remove' : 'set'} ${VersionStage}`);
    }
  };
  secrets.before = record;
  /** A new process. */
  const start = () => {
    const ask = createAsk({
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      credentials: secrets.lookup(failures, () => now),
      http: async ({ form }) => {
        events.push(`call with ${form?.get('loginPassword')}`);
        const { status, body } = ca.answer;
        return { status, headers: {}, read: async () => Buffer.from(body), discard: () => {} };
      },
      now: () => new Date(now),
    });
    return (previous?: PreviousLogin) => ask({ orderNumber: '1' }, previous, () => 60_000);
  };
  return {
    secrets,
    version,
    ca,
    events,
    failures,
    record,
    start,
    labels: (of = version) => secrets.labels(DEFAULT_SECRET, of),
    /** What happens from now on, and the reply to an order of a new process. */
    async next(previous?: PreviousLogin) {
      events.length = 0;
      const { reply, body, ...rest } = await start()(previous);
      const text = 'text' in reply ? reply.text : '';
      const reason = 'reason' in reply ? reply.reason : reply.kind;
      return { reason, text, body: Buffer.from(body).toString(), ...rest, events: [...events] };
    },
    at(time: string) {
      now = Date.parse(time);
    },
  };
}

describe('A certain rejection', () => {
  test('labels the version, which no other process then uses.', async () => {
    const run = prepare(REJECTED);

    const first = await run.next();
    const second = await run.next();

    expect(first.events).toEqual(['call with a', `set REJECTED-${run.version}`]);
    expect(first).toMatchObject({ reason: 'credentials', rejectedCredentialsVersion: run.version });
    expect(second.events).toEqual([]);
    expect(second).toMatchObject({ reason: 'credentials', rejectedCredentialsVersion: run.version });
    expect(second).not.toHaveProperty('milliseconds');
  });

  test('is remembered by the process even if the label cannot be set.', async () => {
    const run = prepare(REJECTED);
    run.secrets.before = (operation) => {
      if (operation !== 'GetSecretValue') {
        throw serviceError('AccessDeniedException');
      }
    };
    const ask = run.start();

    await ask();
    await ask();

    expect(run.events).toEqual(['call with a']);
    expect(run.failures).toEqual([{ account: null, version: run.version, error: expect.any(Error) }]);
  });

  test('is remembered if Secrets Manager does not answer, long before the function reaches its time limit.', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const run = prepare(REJECTED);
    const ask = run.start();
    run.secrets.before = () => (run.events.length > 0 ? new Promise(() => {}) : undefined);

    const asked = ask();
    await vi.advanceTimersByTimeAsync(15_000);

    expect(await asked).toMatchObject({ rejectedCredentialsVersion: run.version });
    expect(run.events).toEqual(['call with a']);
    expect(run.failures).toEqual([{ account: null, version: run.version, error: expect.any(Error) }]);
    run.secrets.before = () => {};
    await ask();
    expect(run.events).toEqual(['call with a']);
  });

  test('of an account is not one of another account whose version has the same id.', async () => {
    const passwords: string[] = [];
    const ask = createAsk({
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      credentials: (account) =>
        fixedCredentials(() => ({ version: 'same', stages: [], ...login(account ?? 'default') }))(account),
      http: async ({ form }) => {
        const password = form?.get('loginPassword') ?? '';
        passwords.push(password);
        const { status, body } = password === 'brand-a' ? REJECTED : PROCESSING;
        return { status, headers: {}, read: async () => Buffer.from(body), discard: () => {} };
      },
      now: () => new Date(),
    });
    for (const account of ['brand-a', 'brand-b', undefined, 'brand-a']) {
      await ask({ orderNumber: '1', account }, undefined, () => 60_000);
    }

    expect(passwords).toEqual(['brand-a', 'brand-b', 'default']);
  });

  test('of a doubted version replaces the label of the doubt.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-11-02T00:00:00Z');
    run.ca.answer = REJECTED;

    await run.next();

    expect(run.labels()).toEqual(['AWSCURRENT', `REJECTED-${run.version}`]);
    expect(run.failures).toEqual([]);
  });

  test('keeps its label while its version is the current one, although ten newer ones were rejected.', async () => {
    const run = prepare(REJECTED);
    for (let n = 11; n <= 21; n++) {
      run.at(`2026-11-${n}T12:00:00Z`);
      run.secrets.store(DEFAULT_SECRET, login(`b${n}`));
      await run.next();
    }
    run.secrets.rollBack(DEFAULT_SECRET, run.version);

    await run.next();
    const second = await run.next();

    expect(run.labels()).toContain(`REJECTED-${run.version}`);
    expect(second.events).toEqual([]);
  });

  test('is not recorded by a label of another version.', async () => {
    const run = prepare(PROCESSING);
    run.secrets.setLabel(DEFAULT_SECRET, run.version, `REJECTED-${'0'.repeat(32)}`);

    expect(await run.next()).toMatchObject({ reason: 'processing' });
  });
});

describe('A doubtful rejection', () => {
  test('labels the version with the day, on which no other process uses it.', async () => {
    const run = prepare(DOUBTED);

    const first = await run.next();
    run.at('2026-11-01T23:59:59.999Z');
    const second = await run.next();

    expect(first.events).toEqual(['call with a', 'set DOUBTED-20261101']);
    expect(first).toMatchObject({ reason: 'credentials', doubtedCredentialsVersion: run.version });
    expect(first).not.toHaveProperty('doubtedOn');
    expect(first).not.toHaveProperty('rejectedCredentialsVersion');
    expect(second.events).toEqual([]);
    expect(second).toMatchObject({ reason: 'credentials', doubtedCredentialsVersion: run.version });
  });

  test('is tried again on another day, and the label of that day is set before the call.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-11-02T00:00:00Z');

    const retry = await run.next();

    expect(retry.events).toEqual(['set DOUBTED-20261102', 'remove DOUBTED-20261101', 'call with a']);
    expect((await run.next()).events).toEqual([]);
    expect(run.labels()).toEqual(['AWSCURRENT', 'DOUBTED-20261102']);
  });

  test('is tried again by one of two processes: by the one that removes the earlier label.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-11-02T00:00:00Z');
    let other: Promise<unknown> | undefined;
    run.secrets.before = async (operation, input) => {
      run.record(operation, input);
      if (input.RemoveFromVersionId !== undefined && !other) {
        run.secrets.removeLabel(DEFAULT_SECRET, run.version, 'DOUBTED-20261101');
        other = Promise.resolve();
      }
    };

    const asked = await run.next();

    expect(asked.events).toEqual(['set DOUBTED-20261102', 'remove DOUBTED-20261101']);
    expect(asked).toMatchObject({ reason: 'credentials', doubtedCredentialsVersion: run.version });
    expect(run.failures).toEqual([]);
  });

  test('is not tried twice if a process ends between the two labels.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-11-02T00:00:00Z');
    run.secrets.setLabel(DEFAULT_SECRET, run.version, 'DOUBTED-20261102');

    expect((await run.next()).events).toEqual([]);
    run.at('2026-11-03T00:00:00Z');
    const retry = await run.next();

    expect(retry.events).toEqual([
      'set DOUBTED-20261103',
      'remove DOUBTED-20261102',
      'remove DOUBTED-20261101',
      'call with a',
    ]);
  });

  test('ends when the CA accepts the login, and all processes use it on the same day.', async () => {
    const run = prepare(DOUBTED);
    const warm = run.start();
    await warm();
    run.at('2026-11-02T00:00:00Z');
    run.ca.answer = PROCESSING;

    await run.next();

    expect(run.labels()).toEqual(['AWSCURRENT']);
    expect((await run.next()).events).toEqual(['call with a']);
    run.events.length = 0;
    await warm();
    expect(run.events).toEqual(['call with a']);
  });

  test('does not end with an outage: the login was used on this day.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-11-02T00:00:00Z');
    run.ca.answer = OUTAGE;

    expect(await run.next()).toMatchObject({ reason: 'outage' });

    expect((await run.next()).events).toEqual([]);
    expect(run.labels()).toEqual(['AWSCURRENT', 'DOUBTED-20261102']);
  });

  test('is not tried again if the clock goes back.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.at('2026-10-31T12:00:00Z');

    expect((await run.next()).events).toEqual([]);
  });

  test('of two versions on one day labels both, so that neither is used again after a rollback.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    const second = run.secrets.store(DEFAULT_SECRET, login('b'));
    await run.next();

    run.secrets.rollBack(DEFAULT_SECRET, run.version);

    expect((await run.next()).events).toEqual([]);
    expect(run.labels()).toContain('DOUBTED-20261101');
    expect(run.labels(second)).toContain('DOUBTED-20261101-2');
  });

  test('of the same login under two versions, of which one was cached, is one call.', async () => {
    const run = prepare(PROCESSING);
    const warm = run.start();
    await warm();
    const second = run.secrets.store(DEFAULT_SECRET, login('a'));
    run.ca.answer = DOUBTED;
    run.events.length = 0;

    expect(await warm()).toMatchObject({ doubtedCredentialsVersion: second });

    expect(run.events.filter((event) => event.startsWith('call'))).toEqual(['call with a']);
    expect((await run.next()).events).toEqual([]);
  });

  test('leaves the day in the state of the order if the label cannot be set.', async () => {
    const run = prepare(DOUBTED);
    run.secrets.before = (operation) => {
      if (operation === 'UpdateSecretVersionStage') {
        throw serviceError('ThrottlingException');
      }
    };

    const { doubtedCredentialsVersion, doubtedOn } = await run.next();
    const state = { doubtedCredentialsVersion, doubtedOn };

    expect(state).toEqual({ doubtedCredentialsVersion: run.version, doubtedOn: '20261101' });
    expect(await run.next(state)).toMatchObject({ ...state, events: [] });
    run.at('2026-11-02T00:00:00Z');
    run.ca.answer = OUTAGE;
    expect(await run.next(state)).toMatchObject({ reason: 'outage', doubtedOn: '20261102', events: ['call with a'] });
  });

  test('of an earlier day is not counted against a version that lost its label.', async () => {
    const run = prepare(DOUBTED);
    await run.next();
    run.secrets.removeLabel(DEFAULT_SECRET, run.version, 'DOUBTED-20261101');

    expect((await run.next({ reason: 'credentials', doubtedCredentialsVersion: run.version })).events).toEqual([
      'call with a',
      'set DOUBTED-20261101',
    ]);
  });
});

describe('The labels of a secret', () => {
  test('are kept below the limit: those of earlier days go when another one is set.', async () => {
    const run = prepare(DOUBTED);
    for (let day = 1; day <= 28; day++) {
      run.at(`2026-11-${String(day).padStart(2, '0')}T12:00:00Z`);
      run.secrets.store(DEFAULT_SECRET, login(`p${day}`));
      await run.next();
    }

    expect(run.failures).toEqual([]);
    expect(run.labels()).toEqual([]);
  });

  test.each([
    ['one of an older rejection, which goes', 17, [], ['AWSCURRENT', 'REJECTED']],
    ['none of this project, so that only the state of the order knows', 18, ['LimitExceededException'], ['AWSCURRENT']],
  ])('can be full with those of people and %s.', async (_, count, errors, expected) => {
    const run = prepare(count === 17 ? REJECTED : PROCESSING);
    await run.next();
    run.ca.answer = REJECTED;
    run.at('2026-11-01T13:00:00Z');
    const second = run.secrets.store(DEFAULT_SECRET, login('b'));
    for (let n = 0; n < count; n++) {
      run.secrets.setLabel(DEFAULT_SECRET, run.version, `mine-${n}`);
    }

    expect(await run.next()).toMatchObject({ rejectedCredentialsVersion: second });

    expect(run.failures.map(({ error }) => error)).toEqual(errors.map((name) => expect.objectContaining({ name })));
    expect(run.labels(second).map((label) => label.replace(/-.*/, ''))).toEqual(expected);
  });

  test('are not changed while the CA accepts the login.', async () => {
    const run = prepare(PROCESSING);

    expect((await run.next()).events).toEqual(['call with a']);
    expect(run.secrets.requests.map(({ operation }) => operation)).toEqual(['GetSecretValue']);
  });
});

test('No password makes a check throw, is sent twice after a rejection, or is found in anything but the call.', async () => {
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('\u{1f511}', '%', '+', '&', '=', '"', '\\', '<', ' ', '\ud800', '\udfff', '\0', '\n', '\u2028'),
  );
  const password = fc.oneof(
    fc.array(unit, { minLength: 8, maxLength: 128 }).map((units) => units.join('')),
    fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 128 }),
    fc.string({ unit: 'grapheme', minLength: 8, maxLength: 64 }),
  );
  await fc.assert(
    fc.asyncProperty(password, fc.boolean(), async (loginPassword, isDoubtful) => {
      const run = prepare(isDoubtful ? DOUBTED : REJECTED, loginPassword);
      run.ca.answer = { ...run.ca.answer, body: `${run.ca.answer.body}\n${loginPassword}` };
      const results: unknown[] = [await run.next(), await run.next()];

      expect(results).toEqual([expect.objectContaining(WAITS), expect.objectContaining({ ...WAITS, events: [] })]);
      const { events: _, ...first } = Object(results[0]);
      const texts = JSON.stringify([first, results[1], run.failures, run.secrets.requests]);
      // The reader of replies trims white space, and a password of white space only is in every text.
      const visible = loginPassword.trim();
      expect(visible.length >= 4 && texts.includes(JSON.stringify(visible).slice(1, -1))).toBe(false);
    }),
    { numRuns: 100 },
  );
});

describe('The secret is read', () => {
  test('from the cache while the CA accepts the login, and again while the order waits for credentials.', async () => {
    const run = prepare(PROCESSING);
    const ask = run.start();
    const reads = () => run.secrets.requests.filter(({ operation }) => operation === 'GetSecretValue').length;

    await ask();
    await ask({ reason: 'processing' });
    expect(reads()).toBe(1);
    await ask({ reason: 'credentials' });
    expect(reads()).toBe(2);
    await ask({ rejectedCredentialsVersion: 'another' });
    expect(reads()).toBe(3);
  });

  test('again after a rejection, so that a rotation within five minutes counts.', async () => {
    const run = prepare(REJECTED);
    const ask = run.start();
    await ask();
    run.secrets.store(DEFAULT_SECRET, login('b'));
    run.ca.answer = PROCESSING;

    expect((await ask()).reply).toMatchObject({ reason: 'processing' });
  });
});
