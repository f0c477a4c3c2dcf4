import {
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Action, ServiceError, startAwsJsonEndpoint } from '../../../../infra/local/cloud/aws-json-endpoint.ts';
import type { Endpoint } from '../../../../infra/local/cloud/loopback.ts';
import { type SecretsEndpoint, startSecretsEndpoint } from '../../../../infra/local/cloud/secrets.ts';

const SECRET = 'mark-certificate-collector/credentials';
const PLACED = '{"loginName":"collector","loginPassword":"pässword+&=%"}';

function clientOf({ url }: Endpoint): SecretsManagerClient {
  return new SecretsManagerClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
}

describe('The endpoint of Secrets Manager', () => {
  let secrets: SecretsEndpoint;
  let client: SecretsManagerClient;

  beforeEach(async () => {
    secrets = await startSecretsEndpoint({ [SECRET]: PLACED });
    client = clientOf(secrets);
  });

  afterEach(async () => {
    client.destroy();
    await secrets.close();
  });

  const get = (SecretId = SECRET) => client.send(new GetSecretValueCommand({ SecretId }));
  const put = (SecretString: string, SecretId = SECRET) =>
    client.send(new PutSecretValueCommand({ SecretId, SecretString }));

  test('returns the value and the current version, which is stable until a value is put.', async () => {
    const first = await get();
    const second = await get();

    expect(first).toMatchObject({ ARN: SECRET, SecretString: PLACED, VersionStages: ['AWSCURRENT'] });
    expect(first.VersionId).toMatch(/^[\w-]{32,64}$/);
    expect(second.VersionId).toBe(first.VersionId);
  });

  test('makes a new value current at once, with a new version.', async () => {
    const before = await get();
    const written = await put('{"loginName":"new","loginPassword":"new"}');
    const after = await get();

    expect(after.SecretString).toBe('{"loginName":"new","loginPassword":"new"}');
    expect(after.VersionId).toBe(written.VersionId);
    expect(after.VersionId).not.toBe(before.VersionId);
  });

  test('creates a new version for the same value too.', async () => {
    const before = await get();
    await put(PLACED);

    expect(await get()).toMatchObject({ SecretString: PLACED });
    expect((await get()).VersionId).not.toBe(before.VersionId);
  });

  test('does not find another secret.', async () => {
    await expect(get('another')).rejects.toThrow(ResourceNotFoundException);
    await expect(put('{}', 'another')).rejects.toThrow(ResourceNotFoundException);
    expect((await get()).SecretString).toBe(PLACED);
  });

  test('counts only successful reads.', async () => {
    expect(secrets.reads).toBe(0);
    await get();
    await put('{}');
    await get('another').catch(() => {});
    await get();

    expect(secrets.reads).toBe(2);
  });
});

describe('An endpoint of any actions', () => {
  let endpoint: Endpoint | undefined;
  let client: SecretsManagerClient | undefined;

  afterEach(async () => {
    client?.destroy();
    await endpoint?.close();
    endpoint = undefined;
  });

  async function serve(getSecretValue: Action): Promise<SecretsManagerClient> {
    endpoint = await startAwsJsonEndpoint({ 'secretsmanager.GetSecretValue': getSecretValue });
    client = clientOf(endpoint);
    return client;
  }

  test('passes the members of the request to an action, and its result to the caller.', async () => {
    const asked: unknown[] = [];
    const served = await serve((input) => {
      asked.push(input);
      return { Name: 'ä', CreatedDate: 1_700_000_000 };
    });
    const output = await served.send(new GetSecretValueCommand({ SecretId: 'ö', VersionStage: 'AWSCURRENT' }));

    expect(asked).toEqual([{ SecretId: 'ö', VersionStage: 'AWSCURRENT' }]);
    expect(output).toMatchObject({ Name: 'ä', CreatedDate: new Date(1_700_000_000_000) });
  });

  test('waits for a slow action.', async () => {
    const served = await serve(async () => {
      await new Promise(setImmediate);
      return { Name: 'late' };
    });
    expect((await served.send(new GetSecretValueCommand({ SecretId: SECRET }))).Name).toBe('late');
  });

  test('makes the client throw an error of the service as a fault of the caller.', async () => {
    const served = await serve(() => {
      throw new ServiceError('DecryptionFailure', 'The key is disabled.');
    });
    await expect(served.send(new GetSecretValueCommand({ SecretId: SECRET }))).rejects.toMatchObject({
      name: 'DecryptionFailure',
      message: 'The key is disabled.',
      $fault: 'client',
      $metadata: { httpStatusCode: 400 },
    });
  });

  test('returns any other error of an action as a fault of the server.', async () => {
    const served = await serve(() => {
      throw new RangeError('a defect');
    });
    await expect(served.send(new GetSecretValueCommand({ SecretId: SECRET }))).rejects.toMatchObject({
      name: 'RangeError',
      message: 'a defect',
      $metadata: { httpStatusCode: 500 },
    });
  });

  test('returns the name of an unknown action.', async () => {
    const served = await serve(() => ({}));
    await expect(served.send(new ListSecretsCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: 'secretsmanager.ListSecrets is not served here',
    });
  });

  test('listens on loopback only, and not after it is closed.', async () => {
    const served = await serve(() => ({ Name: 'there' }));
    const url = new URL(endpoint?.url ?? '');
    expect(url.hostname).toBe('127.0.0.1');
    await expect(fetch(`http://[::1]:${url.port}`)).rejects.toThrow();
    expect((await served.send(new GetSecretValueCommand({ SecretId: SECRET }))).Name).toBe('there');

    await endpoint?.close();
    endpoint = undefined;
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  test('closes during an action, and the caller gets an error.', async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const served = await serve(() => {
      reach();
      return new Promise(() => {});
    });
    const refused = expect(served.send(new GetSecretValueCommand({ SecretId: SECRET }))).rejects.toThrow();
    await reached;
    await endpoint?.close();
    endpoint = undefined;
    await refused;
  });
});
