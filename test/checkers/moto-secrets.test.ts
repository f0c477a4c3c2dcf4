/** The labels of rejected logins on moto's Secrets Manager, another implementation than the one of the other tests. */
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCredentialsLookup, type LabelFailure } from '../../functions/collect/credentials.ts';
import { type Moto, startMoto } from './moto.ts';

const SECRET = 'acme/accounts/brand-a';
const SecretString = JSON.stringify({ loginName: 'brand', loginPassword: 'secret' });

let moto: Moto;
let client: SecretsManagerClient;
let failures: LabelFailure[];

beforeAll(async () => {
  moto = await startMoto();
  client = new SecretsManagerClient({
    endpoint: moto.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});

beforeEach(async () => {
  await moto.reset();
  failures = [];
});

afterAll(async () => {
  client?.destroy();
  await moto?.close();
});

/** The secret of the account, as a new process sees it. */
function open() {
  const labelFailed = (failure: LabelFailure) => failures.push(failure);
  return createCredentialsLookup(client, { collector: 'acme', defaultSecretId: 'none', labelFailed })('brand-a');
}

async function read() {
  const reading = await open().read({ fresh: true });
  if (reading.problem !== undefined) {
    throw new Error(reading.problem);
  }
  return reading;
}

test('A missing secret is a problem that contains the command to store its login.', async () => {
  expect((await open().read({ fresh: true })).problem).toContain(
    'mark-certificates login --account brand-a --collector acme',
  );
});

test('The label of a rejected version is read with the version.', async () => {
  await client.send(new CreateSecretCommand({ Name: SECRET, SecretString }));
  const { VersionId = '' } = await client.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString }));

  expect(await open().labels.reject(VersionId, '20261101')).toBe(true);

  expect(await read()).toMatchObject({ version: VersionId, stages: ['AWSCURRENT', `REJECTED-${VersionId}`] });
  expect(failures).toEqual([]);
});

test('The call of a day with a doubted version belongs to the process that removes the earlier label.', async () => {
  const { VersionId = '' } = await client.send(new CreateSecretCommand({ Name: SECRET, SecretString }));
  await open().labels.doubt(VersionId, '20261101');
  const reading = await read();

  const claims = [await open().labels.claim(reading, '20261102'), await open().labels.claim(reading, '20261102')];

  expect(claims).toEqual(['claimed', 'taken']);
  expect((await read()).stages).toContain('DOUBTED-20261102');
  await open().labels.accept(VersionId);
  expect(failures).toEqual([]);
});
