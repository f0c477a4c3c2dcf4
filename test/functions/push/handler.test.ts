import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHandler } from '../../../functions/push/handler.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { type LocalStateMachine, startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { type CapturedOutput, captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { startS3Server } from '../../s3-server.ts';
import { basic, get, post, request } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
const LOGIN = { username: 'ca-of-marks', password: 'kestrel:at:dawn' };
const GUESSED_PATH = 'heron_by-the-WATER-0123456789-abcd';
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIEgTCCA2mgAwIBAgI\n-----END CERTIFICATE-----\n';
const issued = { orderNumber: '1378973013', certificateID: '7', eventType: 'Certificate', statusCode: '6' };

let machine: LocalStateMachine;
let output: CapturedOutput;

beforeEach(async () => {
  machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: async () => ({}),
    waitMilliseconds: () => 0,
  });
  const secrets = await startSecretsEndpoint({ [SECRET]: JSON.stringify(LOGIN) });
  const s3 = await startS3Server();
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_SFN: machine.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    POWERTOOLS_LOGGER_LOG_EVENT: 'true',
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
  });
  output = captureOutput();
  return async () => {
    await Promise.all([machine.close(), secrets.close(), s3.close()]);
  };
});

function createFunction() {
  const handler = createHandler({
    COLLECTOR: 'acme',
    BUCKET_NAME: 'bucket',
    STATE_MACHINE_ARN: ARN,
    PUSH_SECRET_ARN: SECRET,
  });
  return (event: LambdaFunctionURLEvent) => handler(event, lambdaContext('push'));
}

/** The log lines about requests. */
const logged = () => output.lines().filter(({ message }) => message === 'push');

/** The names of the metrics that are not 0, for each line with metrics. */
const measured = () =>
  output
    .lines()
    .filter((line) => '_aws' in line)
    .map((line) => [line.service, ...Object.keys(line).filter((name) => /^Push/.test(name) && line[name] !== 0)]);

describe('The function push', () => {
  test('starts an execution with the clients that it creates, and logs and counts the push.', async () => {
    const answer = await createFunction()(get(LOGIN, { ...issued, statusDesc: 'Issued' }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'accepted: CollectMC is asked at once\n' });
    const [execution] = [...machine.executions.keys()];
    expect(execution).toMatch(/^order-1378973013-push-\d{8}$/);
    expect(logged()).toEqual([
      expect.objectContaining({
        level: 'INFO',
        service: 'push',
        ...issued,
        statusCode: 6,
        statusDesc: 'Issued',
        outcome: 'started',
        httpStatus: 200,
        execution,
      }),
    ]);
    expect(measured()).toEqual([['push', 'PushesReceived']]);
  });

  test.each([
    ['a push that starts nothing', get(LOGIN, { orderNumber: '1', statusCode: '12' }), 'INFO', 200, ['PushesReceived']],
    [
      'a push that is not understood',
      get(LOGIN, { orderNumber: 'x' }),
      'WARN',
      200,
      ['PushesReceived', 'PushesNotUnderstood'],
    ],
    ['a wrong password', get({ ...LOGIN, password: 'x' }, issued), 'WARN', 401, ['PushesRefused']],
    ['a wrong path', request({ path: `/${'x'.repeat(40)}` }), 'WARN', 401, ['PushesRefused']],
    ['a wrong method', request({ method: 'PUT' }), 'WARN', 405, []],
  ])('logs and counts %s.', async (_, event, level, httpStatus, metrics) => {
    expect(await createFunction()(event)).toMatchObject({ statusCode: httpStatus });

    expect(logged()).toEqual([expect.objectContaining({ level, httpStatus })]);
    expect(measured()).toEqual([['push', ...metrics]]);
  });

  test('counts a revocation, also an announced one, if the login is right.', async () => {
    const push = createFunction();
    await push(get(LOGIN, { ...issued, statusCode: '8' }));
    await push(get(LOGIN, { orderNumber: '1', eventType: 'PreRevocationNotification' }));
    await push(get(LOGIN, issued));
    await push(get({ ...LOGIN, password: 'x' }, { ...issued, statusCode: '8' }));

    expect(measured()).toEqual([
      ['push', 'PushesReceived', 'PushedRevocations'],
      ['push', 'PushesReceived', 'PushedRevocations'],
      ['push', 'PushesReceived'],
      ['push', 'PushesRefused'],
    ]);
  });

  test('logs and counts a push about an unknown order above the limit of the day.', async () => {
    const push = createFunction();
    for (let number = 1; number <= 21; number++) {
      await push(get(LOGIN, { orderNumber: String(number), statusCode: '6' }));
    }

    expect(logged().at(-1)).toMatchObject({ level: 'WARN', outcome: 'limited', orderNumber: '21', httpStatus: 200 });
    expect(measured().at(-1)).toEqual(['push', 'PushesReceived', 'PushesLimited']);
  });

  test('logs an unexpected error as an error, and answers the request.', async () => {
    const throttled = await startAwsJsonEndpoint({
      'AWSStepFunctions.DescribeExecution': () => {
        throw new ServiceError('ThrottlingException', 'Rate exceeded');
      },
    });
    onTestFinished(() => throttled.close());
    vi.stubEnv('AWS_ENDPOINT_URL_SFN', throttled.url);

    expect(await createFunction()(get(LOGIN, issued))).toMatchObject({ statusCode: 500 });

    expect(logged()).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        orderNumber: '1378973013',
        outcome: 'refused',
        httpStatus: 500,
        problem: 'ThrottlingException: Rate exceeded',
      }),
    ]);
    expect(measured()).toEqual([['push']]);
  });

  test('logs no header, no body, no password and no certificate, even if the environment turns on the logging of events.', async () => {
    const push = createFunction();
    const attempts = [
      post(LOGIN, { ...issued, certificate: CERTIFICATE, caCertificate: CERTIFICATE }),
      post(LOGIN, { orderNumber: 'wrong', certificate: CERTIFICATE }),
      get({ ...LOGIN, password: 'guessed' }, issued),
      request({ authorization: 'Bearer guessed', query: 'orderNumber=1' }),
      request({ path: `/${GUESSED_PATH}`, query: 'orderNumber=1' }),
      request({ method: 'PUT', path: `/${GUESSED_PATH}`, authorization: basic(LOGIN) }),
    ];
    const answers = [];
    for (const attempt of attempts) {
      answers.push(await push(attempt));
    }

    expect(logged().map(({ httpStatus }) => httpStatus)).toEqual([200, 200, 401, 401, 401, 405]);
    const secretTexts = [
      LOGIN.username,
      LOGIN.password,
      'guessed',
      GUESSED_PATH,
      basic(LOGIN).slice('Basic '.length),
      'lambda-url',
      'BEGIN',
      'MIIE',
    ];
    const written = output.text() + JSON.stringify(answers);
    expect(secretTexts.filter((text) => written.includes(text))).toEqual([]);
  });

  test.each(['STATE_MACHINE_ARN', 'PUSH_SECRET_ARN'])('does not start without %s.', (missing) => {
    const environment = { COLLECTOR: 'acme', STATE_MACHINE_ARN: ARN, PUSH_SECRET_ARN: SECRET, [missing]: undefined };

    expect(() => createHandler(environment)).toThrow(missing);
  });
});
