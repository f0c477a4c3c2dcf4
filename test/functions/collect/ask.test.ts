import { describe, expect, onTestFinished, test } from 'vitest';
import { createAsk } from '../../../functions/collect/ask.ts';
import type { CredentialsReading } from '../../../functions/collect/credentials.ts';
import { sendHttp } from '../../../functions/http.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';
import { fixedCredentials } from './secret-manager.ts';

const right = { loginName: 'brand', loginPassword: 'right' };
const version = (name: string, login = right): CredentialsReading => ({ version: name, stages: [], ...login });
const wrong = (name: string) => version(name, { loginName: 'brand', loginPassword: `wrong ${name}` });

/** A CA with one order, and a secret with a cached and a fresh value. */
async function prepare(answers: readonly SimulatedResponse[] = [{ kind: 'status', status: 0 }]) {
  const ca = await startCollectMcSimulator({ credentials: right });
  onTestFinished(() => ca.close());
  ca.order('1', answers);
  const secret: Record<'cached' | 'fresh', CredentialsReading | Error> = { cached: version('a'), fresh: version('a') };
  const read = async (from: keyof typeof secret) => {
    const reading = secret[from];
    if (reading instanceof Error) {
      throw reading;
    }
    return reading;
  };
  const ask = createAsk({
    url: ca.url,
    format: 'pkcs7',
    credentials: fixedCredentials(({ fresh }) => read(fresh ? 'fresh' : 'cached')),
    http: sendHttp,
    now: () => new Date(),
  });
  const askAgain = (rejectedCredentialsVersion?: string) =>
    ask({ orderNumber: '1' }, { rejectedCredentialsVersion }, () => 60_000);
  return { ca, secret, ask: askAgain };
}

describe('Credentials that the CA rejects', () => {
  test('are not used again, not even for another order.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = secret.fresh = wrong('a');

    const first = await ask();
    const second = await ask();

    expect(first).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'a' });
    expect(second).toMatchObject({ reply: { reason: 'credentials' }, rejectedCredentialsVersion: 'a' });
    expect(second.milliseconds).toBeUndefined();
    expect(ca.calls).toHaveLength(1);
  });

  test('are not used by another process that receives their version.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = secret.fresh = wrong('a');

    const asked = await ask('a');

    expect(asked.reply).toMatchObject({ reason: 'credentials', text: expect.stringContaining('no newer ones') });
    expect(ca.calls).toHaveLength(0);
  });

  test('are replaced by those of a new version at once.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = wrong('a');
    secret.fresh = version('b');

    const asked = await ask();

    expect(asked.reply).toMatchObject({ reason: 'processing', status: 0 });
    expect(asked.rejectedCredentialsVersion).toBeUndefined();
    expect(ca.calls).toHaveLength(2);
  });

  test('are replaced later by those of a new version, without a call in between.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = secret.fresh = wrong('a');
    await ask();
    secret.fresh = version('b');

    const asked = await ask('a');

    expect(asked.reply).toMatchObject({ reason: 'processing' });
    expect(ca.calls).toHaveLength(2);
  });

  test('can be followed by others that it rejects: each is tried once.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = wrong('a');
    secret.fresh = wrong('b');

    const asked = await ask();
    await ask('b');

    expect(asked).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'b' });
    expect(ca.calls).toHaveLength(2);
  });

  test('are not tried under the next version with the same login, but under one after that.', async () => {
    const { ca, secret, ask } = await prepare();
    const stale = { loginName: 'brand', loginPassword: 'wrong' };
    secret.cached = version('a', stale);
    secret.fresh = version('b', stale);

    const asked = await ask();
    await ask(asked.rejectedCredentialsVersion);

    expect(asked).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'b' });
    expect(ca.calls).toHaveLength(1);
    // The account was unlocked meanwhile, and the operator stored the same login again.
    ca.setCredentials(stale);
    secret.fresh = version('c', stale);
    expect((await ask('b')).reply).toMatchObject({ reason: 'processing' });
  });
});

test('If the secret cannot be read after a call, the order keeps the version that the CA has just rejected.', async () => {
  const { ca, secret, ask } = await prepare();
  secret.cached = wrong('a');
  secret.fresh = new Error('Rate exceeded');

  const asked = await ask();

  expect(asked).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'a' });
  expect(asked.milliseconds).toEqual(expect.any(Number));
  expect(ca.calls).toHaveLength(1);
});

test('If the secret cannot be read before a call, the check fails, because it can be repeated.', async () => {
  const { ca, secret, ask } = await prepare();
  secret.cached = new Error('Rate exceeded');

  await expect(ask()).rejects.toThrow('Rate exceeded');

  expect(ca.calls).toHaveLength(0);
});

test('If the secret cannot be read once, the order keeps the rejected version.', async () => {
  const { ca, secret, ask } = await prepare();
  secret.cached = secret.fresh = {
    error: 'AccessDeniedException',
    problem: 'the secret cannot be read: AccessDeniedException',
  };

  const asked = await ask('a');

  expect(asked).toMatchObject({ reply: { reason: 'credentials' }, rejectedCredentialsVersion: 'a' });
  expect(ca.calls).toHaveLength(0);
});

describe('A secret without credentials', () => {
  test('results in no call, and the text is the reason.', async () => {
    const { ca, secret, ask } = await prepare();
    secret.cached = secret.fresh = { version: 'a', problem: 'the secret still contains the placeholder' };

    const asked = await ask();

    expect(asked.reply).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      text: 'the secret still contains the placeholder',
    });
    expect(ca.calls).toHaveLength(0);
  });

  test('is read again, so that a new value is used at once.', async () => {
    const { secret, ask } = await prepare();
    secret.cached = { version: 'a', problem: 'the secret still contains the placeholder' };

    expect((await ask()).reply).toMatchObject({ reason: 'processing' });
  });
});

test.each([
  ['as it is', (password: string) => password],
  ['url-encoded', encodeURIComponent],
  ['form-encoded', (password: string) => new URLSearchParams({ a: password }).toString().slice(2)],
])('A password that the CA repeats %s is redacted.', async (_, spelling) => {
  const credentials = { loginName: 'brand', loginPassword: 'p w+%&ü' };
  const ca = await startCollectMcSimulator({ credentials });
  onTestFinished(() => ca.close());
  ca.order('1', [{ kind: 'error', code: -4, message: `bad request: ${spelling('p w+%&ü')}!` }]);
  const ask = createAsk({
    url: ca.url,
    format: 'pkcs7',
    credentials: fixedCredentials(() => version('a', credentials)),
    http: sendHttp,
    now: () => new Date(),
  });

  const { reply } = await ask({ orderNumber: '1' }, undefined, () => 60_000);

  expect(reply).toMatchObject({ text: 'bad request: [password]!' });
});

test('A long text of the CA is truncated after the password in it is redacted.', async () => {
  const credentials = { loginName: 'brand', loginPassword: 'correct horse' };
  const ca = await startCollectMcSimulator({ credentials });
  onTestFinished(() => ca.close());
  ca.order('1', [{ kind: 'error', code: -4, message: `${'x'.repeat(585)}correct horse${'y'.repeat(600)}` }]);
  const ask = createAsk({
    url: ca.url,
    format: 'pkcs7',
    credentials: fixedCredentials(() => version('a', credentials)),
    http: sendHttp,
    now: () => new Date(),
  });

  const { reply } = await ask({ orderNumber: '1' }, undefined, () => 60_000);

  expect(reply).toMatchObject({ text: `${'x'.repeat(585)}[password]…` });
});

test('A call ends as an outage before the function reaches its timeout.', async () => {
  const { ca } = await prepare([{ kind: 'slow', milliseconds: 60_000, of: { kind: 'empty' } }]);
  const ask = createAsk({
    url: ca.url,
    format: 'pkcs7',
    credentials: fixedCredentials(() => version('a')),
    http: sendHttp,
    now: () => new Date(),
  });

  const { reply } = await ask({ orderNumber: '1' }, undefined, () => 20_200);

  expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
});
