/**
 * What a failed check looks like to Step Functions: the deployed bundle of Collect under AWS's own runtime client
 * (aws-lambda-ric). The native part of the client is replaced by a stub that uses the Runtime API over HTTP
 * (native-client.ts). The code that turns an error into a response is AWS's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleOf } from '../../infra/bundles.ts';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import { type Simulator, startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../infra/local/cloud/aws-json-endpoint.ts';
import type { Endpoint } from '../../infra/local/cloud/loopback.ts';
import { startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { ended, ORDER_NUMBER, STARTED_AT } from '../functions/notify/event-samples.ts';
import { render } from '../functions/notify/rendered-message.ts';
import { type S3Server, startS3Server } from '../s3-server.ts';
import { type InvocationResult, installRuntimeClient, invokeBundle } from './runtime-client.ts';

const credentials = { loginName: 'brand@example.com', loginPassword: 'correct horse' };

const bundle = bundleOf('collect');
let ca: Simulator;
let s3: S3Server;
let servers: Endpoint[];

beforeAll(async () => {
  ca = await startCollectMcSimulator({ credentials });
  s3 = await startS3Server();
  const secrets = await startSecretsEndpoint({ login: JSON.stringify(credentials) });
  const bus = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': () => ({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }),
  });
  servers = [secrets, bus];
  await installRuntimeClient();
});

afterAll(async () => {
  await Promise.all([ca, s3, ...servers].map((server) => server.close()));
});

/** One check of an order, to which the CA responds. */
function check(response: SimulatedResponse, secrets = servers[0]): Promise<InvocationResult> {
  const [, bus] = servers;
  ca.order(ORDER_NUMBER, [response]);
  const event = { order: { orderNumber: ORDER_NUMBER }, execution: `order-${ORDER_NUMBER}`, startedAt: STARTED_AT };
  return invokeBundle(bundle, event, {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus?.url ?? '',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets?.url ?? '',
    BUCKET_NAME: 'bucket',
    COLLECT_URL: ca.url,
    COLLECTOR: 'mark-certificate-collector',
    CREDENTIALS_SECRET_ARN: 'login',
    EVENT_BUS_NAME: 'default',
    GIVE_UP_SECONDS: '31536000',
    POLL_SECONDS: '10800',
    RESPONSE_FORMAT: 'pkcs7',
  });
}

describe('a check under the runtime client of AWS', () => {
  test('A waiting order is a response, which becomes the state of the execution.', async () => {
    const { kind, body } = await check({ kind: 'status', status: 0 });
    expect({ kind, body }).toMatchObject({ kind: 'response', body: { outcome: 'waiting', reason: 'processing' } });
  });

  test('A refusal has the name that the state machine matches, its message, and no stack.', async () => {
    const { kind, body, log } = await check({ kind: 'error', code: -20 });
    expect(kind).toBe('error');
    expect(body).toEqual({
      errorType: 'OrderRejected',
      errorMessage: expect.stringMatching(/^Order 1378973013: the CA answered -20 .*\. Next: ask the CA why .*\.$/),
      trace: [''],
    });
    expect(log).toContain('at ');
    expect(log).toMatch(/index\.mjs/);
  });

  test('A certificate that cannot be stored makes the order wait, and the stack of the error is in the log.', async () => {
    const authority = await createCertificateAuthority();
    const { chain } = authority.issue({ domains: ['example.com'] });
    s3.before = ({ method }) => (method === 'PUT' ? { status: 403, code: 'AccessDenied' } : undefined);
    const { kind, body, log } = await check({ kind: 'issued', certificates: chain });
    s3.before = () => undefined;

    expect({ kind, body }).toMatchObject({ kind: 'response', body: { outcome: 'waiting', reason: 'storage' } });
    expect(log).toContain('AccessDenied');
    expect(log).toMatch(/at .*index\.mjs|at .*\.mjs:/);
  });

  test('The stack of any other error is in the log, and the message to people contains neither stack nor JSON.', async () => {
    const secrets = await startAwsJsonEndpoint({
      'secretsmanager.GetSecretValue': () => {
        throw new ServiceError('InternalServiceError', 'An error occurred on the server side.');
      },
    });
    const { kind, body, log } = await check({ kind: 'status', status: 0 }, secrets);
    await secrets.close();
    expect({ kind, body }).toEqual({
      kind: 'error',
      body: { errorType: 'InternalServiceError', errorMessage: 'An error occurred on the server side.', trace: [''] },
    });
    expect(log).toMatch(/at .*index\.mjs|at .*\.mjs:/);

    // Step Functions makes the error type the error, and the whole response the cause.
    const event = ended({ status: 'FAILED', error: String(body.errorType), cause: JSON.stringify(body) });
    const [message] = await render(event);
    await expect(`Subject: ${message?.subject}\n\n${message?.body}`).toMatchFileSnapshot('messages/real-cause.txt');
  });
});
