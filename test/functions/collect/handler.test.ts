import { expect, onTestFinished, test } from 'vitest';
import { createHandler } from '../../../functions/collect/handler.ts';
import { startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { createSecrets } from '../../../infra/local/cloud/secrets.ts';
import { captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { startS3Server } from '../../s3-server.ts';

const PASSWORD = 'kestrel:at:dawn';

/** The function Collect with servers on loopback. The CA rejects every login. */
async function prepare({ isDenied = false } = {}) {
  const ca = await startCollectMcSimulator({ credentials: { loginName: 'brand', loginPassword: 'another' } });
  ca.order('1', [{ kind: 'status', status: 0 }]);
  const { operations } = createSecrets({
    'acme/accounts/brand-a': JSON.stringify({ loginName: 'brand', loginPassword: PASSWORD }),
  });
  const actions = {
    ...operations,
    ...(isDenied && {
      UpdateSecretVersionStage: () => {
        throw new ServiceError('AccessDeniedException', 'not authorized');
      },
    }),
  };
  const secrets = await startAwsJsonEndpoint(
    Object.fromEntries(Object.entries(actions).map(([name, action]) => [`secretsmanager.${name}`, action])),
  );
  const bus = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': () => ({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }),
  });
  const s3 = await startS3Server();
  onTestFinished(async () => {
    await Promise.all([ca.close(), secrets.close(), bus.close(), s3.close()]);
  });
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
  });
  const environment = {
    COLLECTOR: 'acme',
    BUCKET_NAME: 'bucket',
    COLLECT_URL: ca.url,
    CREDENTIALS_SECRET_ARN: 'acme/credentials',
    GIVE_UP_SECONDS: '86400',
    POLL_SECONDS: '60',
    RESPONSE_FORMAT: 'pkcs7',
  };
  return {
    ca,
    /** One check of an order in a new process. */
    async check(account?: string) {
      const order = { orderNumber: '1', ...(account !== undefined && { account }) };
      const event = { order, execution: 'order-1', startedAt: new Date().toISOString() };
      return createHandler(environment)(event, lambdaContext('collect', 60_000));
    },
  };
}

test('Two processes send a rejected login of an account once, and log the account at each check.', async () => {
  const output = captureOutput();
  const { ca, check } = await prepare();

  await check('brand-a');
  expect(await check('brand-a')).toMatchObject({ outcome: 'waiting', reason: 'credentials' });

  expect(ca.calls).toHaveLength(1);
  const lines = output.lines().filter(({ message }) => message === 'check');
  expect(lines).toEqual([
    expect.objectContaining({ account: 'brand-a', status: -16 }),
    expect.objectContaining({ account: 'brand-a', text: expect.stringContaining('no newer ones') }),
  ]);
  expect(output.text()).not.toContain(PASSWORD);
});

test('A label that cannot be set is logged once, and the check does not fail.', async () => {
  const output = captureOutput();
  const { check } = await prepare({ isDenied: true });

  expect(await check('brand-a')).toMatchObject({
    reason: 'credentials',
    rejectedCredentialsVersion: expect.any(String),
  });

  const errors = output.lines().filter(({ level }) => level === 'ERROR');
  expect(errors).toEqual([
    expect.objectContaining({ account: 'brand-a', error: expect.objectContaining({ name: 'AccessDeniedException' }) }),
  ]);
  expect(output.text()).not.toContain(PASSWORD);
});

test('An order whose account has no secret waits, and the text contains the command that creates it.', async () => {
  const output = captureOutput();
  const { ca, check } = await prepare();

  expect(await check('brand-b')).toMatchObject({ outcome: 'waiting', reason: 'credentials' });

  expect(ca.calls).toHaveLength(0);
  expect(output.lines()).toContainEqual(
    expect.objectContaining({
      account: 'brand-b',
      text: expect.stringContaining('mark-certificates login --account brand-b --collector acme'),
    }),
  );
});
