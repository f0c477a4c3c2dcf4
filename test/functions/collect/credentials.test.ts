import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, test } from 'vitest';
import { createCredentialsLookup } from '../../../functions/collect/credentials.ts';
import { startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';

const SECRET = 'collector/credentials';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function clientOf(endpoint: string): SecretsManagerClient {
  const client = new SecretsManagerClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  closing.push(() => client.destroy());
  return client;
}

/** The reader of the default account. */
function readerOf(client: SecretsManagerClient, now?: () => number) {
  const options = { collector: 'collector', defaultSecretId: SECRET, labelFailed: () => {}, ...(now && { now }) };
  return createCredentialsLookup(client, options)(null);
}

async function secretWith(value: string) {
  const endpoint = await startSecretsEndpoint({ [SECRET]: value });
  closing.push(() => endpoint.close());
  let time = 0;
  const client = clientOf(endpoint.url);
  const reader = readerOf(client, () => time);
  return {
    reader,
    reads: () => endpoint.reads,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
    put: (SecretString: string) => client.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString })),
  };
}

const login = (loginName: unknown, loginPassword: unknown) => JSON.stringify({ loginName, loginPassword });

describe('The credentials', () => {
  test('have the version of the secret.', async () => {
    const { reader } = await secretWith(login('brand', 'secret'));

    const reading = await reader.read({ fresh: false });

    expect(reading).toEqual({
      version: expect.stringMatching(/^[0-9a-f-]{36}$/),
      stages: ['AWSCURRENT'],
      loginName: 'brand',
      loginPassword: 'secret',
    });
  });

  test('are cached for five minutes.', async () => {
    const { reader, reads, pass, put } = await secretWith(login('brand', 'old'));
    await reader.read({ fresh: false });
    await put(login('brand', 'new'));

    pass(5 * 60_000 - 1);
    expect(await reader.read({ fresh: false })).toMatchObject({ loginPassword: 'old' });
    expect(reads()).toBe(1);
    pass(1);
    expect(await reader.read({ fresh: false })).toMatchObject({ loginPassword: 'new' });
    expect(reads()).toBe(2);
  });

  test('are read again if fresh ones are requested, and those are cached.', async () => {
    const { reader, reads, put } = await secretWith(login('brand', 'old'));
    await reader.read({ fresh: false });
    await put(login('brand', 'new'));

    expect(await reader.read({ fresh: true })).toMatchObject({ loginPassword: 'new' });
    expect(await reader.read({ fresh: false })).toMatchObject({ loginPassword: 'new' });
    expect(reads()).toBe(2);
  });

  test('can be as long as the CA allows.', async () => {
    const { reader } = await secretWith(login('n'.repeat(64), 'p'.repeat(128)));

    expect(await reader.read({ fresh: false })).toMatchObject({ loginPassword: 'p'.repeat(128) });
  });
});

describe('The problem of a secret without credentials never quotes the secret:', () => {
  test.each([
    ['no JSON', 'hunter2', 'the secret is not JSON'],
    ['an empty text', '', 'the secret is not JSON'],
    ['no object', '"hunter2"', 'a JSON object with loginName and loginPassword'],
    ['no password', JSON.stringify({ loginName: 'hunter2' }), 'loginPassword is missing'],
    ['no name', JSON.stringify({ loginPassword: 'hunter2' }), 'loginName is missing'],
    ['an empty password', login('hunter2', ''), 'loginPassword is not accepted; accepted: text of 1 to 128 characters'],
    [
      'a name that is too long',
      login('hunter2'.repeat(10), 'p'),
      'loginName is not accepted; accepted: text of 1 to 64 characters',
    ],
    ['a password that is too long', login('brand', 'hunter2'.repeat(20)), 'loginPassword is not accepted'],
    ['a password that is not text', login('brand', { hunter2: 'hunter2' }), 'loginPassword is not accepted'],
    ['the placeholder', login('REPLACE-ME', 'REPLACE-ME'), 'still contains the placeholder'],
    ['half the placeholder', login('brand', 'REPLACE-ME'), 'still contains the placeholder'],
  ])('%s.', async (_, secret, problem) => {
    const { reader } = await secretWith(secret);

    const reading = await reader.read({ fresh: false });

    expect(reading.problem).toContain(problem);
    expect(JSON.stringify(reading)).not.toContain('hunter2');
  });

  test('a secret that does not exist.', async () => {
    const endpoint = await startSecretsEndpoint({ another: '{}' });
    closing.push(() => endpoint.close());
    const reader = readerOf(clientOf(endpoint.url));

    expect(await reader.read({ fresh: false })).toEqual({
      problem: 'the secret cannot be read: ResourceNotFoundException',
    });
  });
});

test('An error of Secrets Manager itself is thrown, because it is temporary.', async () => {
  const endpoint = await startAwsJsonEndpoint({
    'secretsmanager.GetSecretValue': () => {
      throw Object.assign(new Error('down'), { name: 'InternalServiceError' });
    },
  });
  closing.push(() => endpoint.close());
  const reader = readerOf(clientOf(endpoint.url));

  await expect(reader.read({ fresh: false })).rejects.toThrow(
    expect.objectContaining({ name: 'InternalServiceError' }),
  );
});
