import { beforeEach, expect, test } from 'vitest';
import { createHandler } from '../../../functions/start/handler.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { type CapturedOutput, captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';
import { ARN, BUCKET } from './prepare.ts';

const context = lambdaContext('start');

let server: S3Server;
let output: CapturedOutput;

beforeEach(async () => {
  const never = Promise.withResolvers<never>();
  never.promise.catch(() => {});
  const machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: () => never.promise,
    waitMilliseconds: () => 0,
  });
  server = await startS3Server();
  stubAwsEnvironment({ AWS_ENDPOINT_URL_S3: server.url, AWS_ENDPOINT_URL_SFN: machine.url });
  output = captureOutput();
  return async () => {
    never.reject(new Error('the test ended'));
    await Promise.all([machine.close(), server.close()]);
  };
});

const eventOf = (detail: object, id: string, time: string) => ({
  version: '0',
  id,
  time,
  source: 'mark-certificates',
  account: '000000000000',
  region: 'us-east-1',
  resources: [],
  'detail-type': 'Mark Certificate Ordered',
  detail,
});
const FIRST = eventOf({ orderNumber: '8', domains: ['exmaple.com'] }, 'e1', '2026-11-23T10:00:00Z');
const SECOND = eventOf({ orderNumber: '8', domains: ['example.com'], request: 'x' }, 'e2', '2026-11-23T10:00:01Z');

test('Start logs what an event started, corrected, or left as it was.', async () => {
  const handler = createHandler({ BUCKET_NAME: BUCKET, COLLECTOR: 'acme', STATE_MACHINE_ARN: ARN });

  // Delivered in another order than sent, and one of them twice.
  for (const event of [
    SECOND,
    FIRST,
    eventOf({ orderNumber: '8', account: 'brand-a' }, 'e3', '2026-11-23T10:00:02Z'),
    SECOND,
  ]) {
    await handler(event, context);
  }

  const order = { orderNumber: '8', execution: 'order-8-x' };
  expect(output.lines()).toMatchObject([
    { message: 'execution started', ...order, started: true },
    { message: 'nothing started: the execution exists already', ...order, started: false },
    { message: 'order corrected', ...order, started: false, corrected: { account: { from: null, to: 'brand-a' } } },
    { message: 'nothing started: the execution exists already', ...order, started: false },
  ]);
});

test('Start fails without the bucket, so that Lambda repeats the event after the deployment.', async () => {
  const handler = createHandler({ COLLECTOR: 'acme', STATE_MACHINE_ARN: ARN });

  await expect(handler(FIRST, context)).rejects.toThrow('BUCKET_NAME is missing');
});
