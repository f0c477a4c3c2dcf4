import { Logger } from '@aws-lambda-powertools/logger';
import middy from '@middy/core';
import { expect, test } from 'vitest';
import { createHandler as createCollectHandler } from '../../functions/collect/handler.ts';
import { CollectionError } from '../../functions/errors.ts';
import { logErrors } from '../../functions/log-errors.ts';
import { createHandler as createPublishHandler } from '../../functions/publish/handler.ts';
import { createHandler as createRevokeHandler } from '../../functions/revoke/handler.ts';
import { createHandler as createStartHandler } from '../../functions/start/handler.ts';
import { createHandler as createSurveyHandler } from '../../functions/survey/handler.ts';
import { captureOutput, lambdaContext, stubAwsEnvironment } from '../lambda.ts';

const ENVIRONMENT = {
  BUCKET_NAME: 'bucket',
  COLLECT_URL: 'https://ca.example/CollectMC',
  CREDENTIALS_SECRET_ARN: 'secret',
  EVENT_BUS_NAME: 'bus',
  GIVE_UP_SECONDS: '86400',
  POLL_SECONDS: '3600',
  PUBLISHED_URL: 'https://bimi.example.com',
  REMIND_BEFORE_DAYS: '30',
  RESPONSE_FORMAT: 'pkcs7',
  STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector',
};

/** Runs a handler that fails. Returns what the caller receives, and the lines of level error. */
async function failWith(error: unknown) {
  const output = captureOutput();
  const handler = middy(() => Promise.reject(error)).use(logErrors(new Logger({ serviceName: 'test' })));
  const thrown: unknown = await handler({}, lambdaContext('test')).catch((received: unknown) => received);
  return { thrown, logged: output.lines().filter(({ level }) => level === 'ERROR') };
}

test('An error is logged once, with its stack and its causes, and arrives with an empty stack.', async () => {
  const root = new RangeError('too deep');
  const cause = new TypeError('no chain', { cause: root });
  const error = new CollectionError('InvalidChain', 'Order 1: no chain', { cause });

  const { thrown, logged } = await failWith(error);

  expect(logged).toMatchObject([
    {
      error: {
        name: 'InvalidChain',
        message: error.message,
        stack: expect.stringContaining('log-errors.test.ts'),
        cause: {
          name: 'TypeError',
          stack: expect.stringContaining('log-errors.test.ts'),
          cause: { name: 'RangeError', message: 'too deep' },
        },
      },
    },
  ]);
  expect(thrown).toMatchObject({ name: 'InvalidChain', message: error.message, stack: '' });
  expect(thrown).not.toHaveProperty('cause');
});

test('An error that is thrown twice is logged with its stack twice.', async () => {
  const error = new TypeError('x is not a function');
  await failWith(error);

  const { thrown, logged } = await failWith(error);

  expect(logged).toMatchObject([{ error: { stack: expect.stringContaining('log-errors.test.ts') } }]);
  expect(thrown).toMatchObject({ name: 'TypeError', message: 'x is not a function', stack: '' });
});

test.each(Object.entries({ createCollectHandler, createPublishHandler, createRevokeHandler, createStartHandler }))(
  '%s creates a function that fails without a stack, and with the stack in the log.',
  async (_, createHandler) => {
    stubAwsEnvironment({});
    const output = captureOutput();
    const handler = createHandler(ENVIRONMENT) as (event: object, context: object) => Promise<unknown>;

    await expect(handler({ detail: {} }, lambdaContext('test'))).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringMatching(/^the .+ is wrong: .+ Next: .+\.$/),
      stack: '',
    });
    expect(output.lines().filter(({ message }) => message === 'the invocation failed')).toMatchObject([
      { level: 'ERROR', error: { name: 'InvalidInput', stack: expect.stringContaining('input.ts') } },
    ]);
  },
);

test('createSurveyHandler does the same.', async () => {
  stubAwsEnvironment({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' });
  const output = captureOutput();
  const handler = createSurveyHandler(ENVIRONMENT);

  await expect(handler({}, lambdaContext('survey'))).rejects.toMatchObject({
    stack: '',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  expect(output.lines().filter(({ message }) => message === 'the invocation failed')).toMatchObject([
    { level: 'ERROR', error: { stack: expect.stringContaining('ECONNREFUSED') } },
  ]);
});
