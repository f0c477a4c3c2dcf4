import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createHandler } from '../../../functions/notify/handler.ts';
import { startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startTopicsEndpoint, type TopicsEndpoint } from '../../../infra/local/cloud/topics.ts';
import { type CapturedOutput, captureOutput, lambdaContext, logsAndMetrics, stubAwsEnvironment } from '../../lambda.ts';
import { startS3Server } from '../../s3-server.ts';
import { COLLECTOR, DEPLOYMENT, expiring, failed, ORDER, RUNBOOK_URL } from './event-samples.ts';

const VARIABLES = {
  ALARM_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:AlarmTopic',
  BUCKET_NAME: DEPLOYMENT.bucket,
  COLLECTOR,
  NOTIFY_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:NotifyTopic',
  RUNBOOK_URL,
  STATE_MACHINE_ARN: DEPLOYMENT.stateMachineArn,
};
const context = lambdaContext('notify');

let topics: TopicsEndpoint;
let output: CapturedOutput;
let described: unknown[];

beforeEach(async () => {
  topics = await startTopicsEndpoint();
  const s3 = await startS3Server();
  described = [];
  const states = await startAwsJsonEndpoint({
    'AWSStepFunctions.DescribeExecution': ({ executionArn }) => {
      described.push(executionArn);
      return { executionArn, input: JSON.stringify(ORDER), status: 'FAILED' };
    },
  });
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_SFN: states.url,
    AWS_ENDPOINT_URL_SNS: topics.url,
  });
  output = captureOutput();
  onTestFinished(async () => {
    await Promise.all([topics, s3, states].map((each) => each.close()));
  });
});

test('Notify publishes each message to the topic of its readers, with the order of the execution in its command.', async () => {
  const handler = createHandler(VARIABLES);
  await handler(failed('OrderRejected'), context);
  await handler(expiring(7), context);
  expect(topics.messages).toMatchObject([
    { topicArn: VARIABLES.ALARM_TOPIC_ARN, subject: 'example.com and 1 more, order 1378973013: rejected by the CA' },
    { topicArn: VARIABLES.NOTIFY_TOPIC_ARN, subject: expect.stringContaining('expires in 7 days') },
  ]);
  for (const { body } of topics.messages) {
    expect(body).toContain('--selector brand');
  }
  expect(new Set(described)).toEqual(
    new Set(['arn:aws:states:us-east-1:111122223333:execution:StateMachine-1a2b3c:order-1378973013']),
  );
});

test('Notify logs what it sent, and counts messages and failures.', async () => {
  await createHandler(VARIABLES)(failed('OrderRejected'), context);
  const { logs, metrics } = logsAndMetrics(output);
  expect(logs).toMatchObject([{ level: 'INFO', message: 'event', outcome: 'sent', orderNumber: '1378973013' }]);
  expect(metrics).toMatchObject({ service: 'notify', collector: COLLECTOR, MessagesSent: [0, 1], MessagesFailed: 0 });
});

test('A message that SNS refuses fails the run, and is counted.', async () => {
  topics.before = () => {
    throw new Error('unavailable');
  };
  await expect(createHandler(VARIABLES)(failed('OrderRejected'), context)).rejects.toMatchObject({
    name: 'InternalErrorException',
  });
  expect(topics.messages).toEqual([]);
  expect(logsAndMetrics(output).metrics).toMatchObject({ MessagesSent: 0, MessagesFailed: 1 });
});

test('Notify does not start without a topic.', () => {
  expect(() => createHandler({ ...VARIABLES, ALARM_TOPIC_ARN: '' })).toThrow('ALARM_TOPIC_ARN is missing');
});
