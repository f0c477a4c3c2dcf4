import { describe, expect, onTestFinished, test } from 'vitest';
import { createAsk } from '../../../functions/collect/ask.ts';
import type { CredentialsReading } from '../../../functions/collect/credentials.ts';
import { sendHttp } from '../../../functions/http.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';

const right = { loginName: 'brand', loginPassword: 'right' };
const version = (name: string, login = right): CredentialsReading => ({ version: name, ...login });
const wrong = (name: string) => version(name, { loginName: 'brand', loginPassword: `wrong ${name}` });

/** A CA with one order, and a secret that holds what the test says: first as remembered, then as read afresh. */
async function prepare(answers: readonly SimulatedResponse[] = [{ kind: 'status', status: 0 }]) {
  const ca = await startCollectMcSimulator({ credentials: right });
  onTestFinished(() => ca.close());
  ca.order('1', answers);
  const secret = { remembered: version('a'), fresh: version('a') };
  const ask = createAsk({
    url: ca.url,
    format: 'pkcs7',
    credentials: { read: async ({ fresh }) => (fresh ? secret.fresh : secret.remembered) },
    http: sendHttp,
  });
  return { ca, secret, ask: (rejectedBefore?: string) => ask('1', rejectedBefore, () => 60_000) };
}

describe('credentials that the CA rejects', () => {
  test('are not used again, not even for another order', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = secret.fresh = wrong('a');

    const first = await ask();
    const second = await ask();

    expect(first).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'a' });
    expect(second).toMatchObject({ reply: { reason: 'credentials' }, rejectedCredentialsVersion: 'a' });
    expect(second.milliseconds).toBeUndefined();
    expect(ca.calls).toHaveLength(1);
  });

  test('are not used by another process that is told of them', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = secret.fresh = wrong('a');

    const asked = await ask('a');

    expect(asked.reply).toMatchObject({ reason: 'credentials', text: expect.stringContaining('no newer ones') });
    expect(ca.calls).toHaveLength(0);
  });

  test('are replaced by those of a new version, at once', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = wrong('a');
    secret.fresh = version('b');

    const asked = await ask();

    expect(asked.reply).toMatchObject({ reason: 'processing', status: 0 });
    expect(asked.rejectedCredentialsVersion).toBeUndefined();
    expect(ca.calls).toHaveLength(2);
  });

  test('are replaced later by those of a new version, without a call in between', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = secret.fresh = wrong('a');
    await ask();
    secret.fresh = version('b');

    const asked = await ask('a');

    expect(asked.reply).toMatchObject({ reason: 'processing' });
    expect(ca.calls).toHaveLength(2);
  });

  test('may be followed by others that it rejects too: each is tried once', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = wrong('a');
    secret.fresh = wrong('b');

    const asked = await ask();
    await ask('b');

    expect(asked).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'b' });
    expect(ca.calls).toHaveLength(2);
  });

  test('are not tried under a new version either, until they are put once more', async () => {
    const { ca, secret, ask } = await prepare();
    const stale = { loginName: 'brand', loginPassword: 'wrong' };
    secret.remembered = version('a', stale);
    secret.fresh = version('b', stale);

    const asked = await ask();
    await ask(asked.rejectedCredentialsVersion);

    expect(asked).toMatchObject({ reply: { reason: 'credentials', status: -16 }, rejectedCredentialsVersion: 'b' });
    expect(ca.calls).toHaveLength(1);
    // The account was unlocked meanwhile, and the same login put once more.
    ca.setCredentials(stale);
    secret.fresh = version('c', stale);
    expect((await ask('b')).reply).toMatchObject({ reason: 'processing' });
  });
});

test('a secret that cannot be read for once does not make an order forget what was rejected', async () => {
  const { ca, secret, ask } = await prepare();
  secret.remembered = secret.fresh = { problem: 'the secret cannot be read: AccessDeniedException' };

  const asked = await ask('a');

  expect(asked).toMatchObject({ reply: { reason: 'credentials' }, rejectedCredentialsVersion: 'a' });
  expect(ca.calls).toHaveLength(0);
});

describe('a secret that holds no credentials', () => {
  test('means no call, and says why', async () => {
    const { ca, secret, ask } = await prepare();
    secret.remembered = secret.fresh = { version: 'a', problem: 'the secret still holds the placeholder' };

    const asked = await ask();

    expect(asked.reply).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      text: 'the secret still holds the placeholder',
    });
    expect(ca.calls).toHaveLength(0);
  });

  test('is read afresh, so that one just filled is used', async () => {
    const { secret, ask } = await prepare();
    secret.remembered = { version: 'a', problem: 'the secret still holds the placeholder' };

    expect((await ask()).reply).toMatchObject({ reason: 'processing' });
  });
});

test.each([
  ['as it is', (password: string) => password],
  ['url-encoded', encodeURIComponent],
  ['form-encoded', (password: string) => new URLSearchParams({ a: password }).toString().slice(2)],
])('a password that the CA repeats %s goes no further', async (_, spelling) => {
  const credentials = { loginName: 'brand', loginPassword: 'p w+%&ü' };
  const ca = await startCollectMcSimulator({ credentials });
  onTestFinished(() => ca.close());
  ca.order('1', [{ kind: 'error', code: -4, message: `bad request: ${spelling('p w+%&ü')}!` }]);
  const read = async () => version('a', credentials);
  const ask = createAsk({ url: ca.url, format: 'pkcs7', credentials: { read }, http: sendHttp });

  const { reply } = await ask('1', undefined, () => 60_000);

  expect(reply).toMatchObject({ text: 'bad request: [password]!' });
});

test('a long text of the CA is cut, and not in the middle of a password that it repeats', async () => {
  const credentials = { loginName: 'brand', loginPassword: 'correct horse' };
  const ca = await startCollectMcSimulator({ credentials });
  onTestFinished(() => ca.close());
  ca.order('1', [{ kind: 'error', code: -4, message: `${'x'.repeat(495)}correct horse` }]);
  const read = async () => version('a', credentials);
  const ask = createAsk({ url: ca.url, format: 'pkcs7', credentials: { read }, http: sendHttp });

  const { reply } = await ask('1', undefined, () => 60_000);

  expect(reply).toMatchObject({ text: `${'x'.repeat(495)}[pass` });
});

test('a CA that does not answer is given up before the function runs out of time', async () => {
  const { ca, secret } = await prepare([{ kind: 'slow', milliseconds: 60_000, of: { kind: 'empty' } }]);
  const read = async () => secret.fresh;
  const ask = createAsk({ url: ca.url, format: 'pkcs7', credentials: { read }, http: sendHttp });

  const { reply } = await ask('1', undefined, () => 20_200);

  expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
});
