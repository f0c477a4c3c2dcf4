import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, test } from 'vitest';
import { createCredentialsLookup } from '../../../functions/collect/credentials.ts';
import { requestProblem } from '../../../functions/collectmc/request.ts';
import { startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { createSecretsManager, DEFAULT_SECRET, serviceError } from './secret-manager.ts';

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

  test.each(['p', 'ü', '\u{1f511}', '<', '%', '"', '\u00a0'])(
    'can be as long as the CA allows, counted in characters: %j.',
    async (character) => {
      const [loginName, loginPassword] = [character.repeat(64), character.repeat(128)];
      const { reader } = await secretWith(login(loginName, loginPassword));

      const reading = await reader.read({ fresh: false });

      expect(reading).toMatchObject({ loginName, loginPassword });
      const request = {
        url: 'https://ca.example/',
        orderNumber: '1',
        format: 'pkcs7',
        loginName,
        loginPassword,
      } as const;
      expect(requestProblem(request)).toBeUndefined();
    },
  );
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
    ['one character too many', login('brand', '\u{1f511}'.repeat(129)), 'text of 1 to 128 characters'],
    ['half of a surrogate pair', login('brand', 'hunter2\ud800'), 'incomplete surrogate pairs'],
    ['the other half of one in the name', login('\udc00hunter2', 'p'), 'loginName is not accepted'],
    ['a line break at the end', login('brand', 'hunter2\n'), 'control characters such as line breaks'],
    ['a null character', login('brand', 'hunter2\0'), 'control characters'],
    ['a control character of Latin-1', login('brand', 'hunter2\u0085'), 'control characters'],
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
      error: 'ResourceNotFoundException',
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

describe('The secret of an account', () => {
  const lookupOf = (secrets = createSecretsManager()) => ({ secrets, lookup: secrets.lookup() });

  test('has the name of the collector and of the account; the default account has the secret of the stack.', async () => {
    const { secrets, lookup } = lookupOf();
    secrets.store('acme/accounts/brand-a', { loginName: 'a', loginPassword: 'p' });
    secrets.store(DEFAULT_SECRET, { loginName: 'default', loginPassword: 'p' });

    expect(await lookup('brand-a').read({ fresh: false })).toMatchObject({ loginName: 'a' });
    expect(await lookup(null).read({ fresh: false })).toMatchObject({ loginName: 'default' });
  });

  test('that does not exist is named with the command that stores its login, which is in the runbook.', async () => {
    const { lookup } = lookupOf();

    const { problem = '' } = await lookup('brand-a').read({ fresh: false });

    expect(problem).toContain('the secret acme/accounts/brand-a cannot be read: ResourceNotFoundException');
    expect(problem).toContain('mark-certificates login --account brand-a --collector acme');
    const runbook = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'runbook.md'), 'utf8');
    expect(problem).toContain('runbook: Add an account');
    expect(runbook).toContain('\n## Add an account\n');
  });

  test.each([
    ['that cannot be read', () => 'AccessDeniedException', 'AccessDeniedException'],
    ['that is deleted', () => 'InvalidRequestException', 'InvalidRequestException'],
  ])('%s is named.', async (_, name, expected) => {
    const { secrets, lookup } = lookupOf();
    secrets.before = () => {
      throw serviceError(name());
    };

    const { problem } = await lookup('brand-a').read({ fresh: false });

    expect(problem).toContain(`the secret acme/accounts/brand-a cannot be read: ${expected}; `);
  });

  test('without a login is named too, but never quoted.', async () => {
    const { secrets, lookup } = lookupOf();
    secrets.store('acme/accounts/brand-a', { loginName: 'hunter2', loginPassword: '' });

    const reading = await lookup('brand-a').read({ fresh: false });

    expect(reading.problem).toContain('the secret acme/accounts/brand-a is wrong: loginPassword is not accepted');
    expect(JSON.stringify(reading)).not.toContain('hunter2');
  });

  test('is cached for each account, and a process keeps a bounded number of them.', async () => {
    const { secrets, lookup } = lookupOf();
    for (let n = 0; n < 101; n++) {
      secrets.store(`acme/accounts/a${n}`, { loginName: 'a', loginPassword: 'p' });
      await lookup(`a${n}`).read({ fresh: false });
    }
    expect(secrets.requests).toHaveLength(101);

    await lookup('a100').read({ fresh: false });
    expect(secrets.requests).toHaveLength(101);
    await lookup('a0').read({ fresh: false });
    expect(secrets.requests).toHaveLength(102);
  });
});
