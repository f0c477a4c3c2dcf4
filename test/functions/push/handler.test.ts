import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHandler } from '../../../functions/push/handler.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { type LocalStateMachine, startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { type CapturedOutput, captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { basic, get, post, request } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
const LOGIN = { username: 'ca-of-marks', password: 'kestrel:at:dawn' };
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
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_SFN: machine.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    POWERTOOLS_LOGGER_LOG_EVENT: 'true',
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
  });
  output = captureOutput();
  return async () => {
    await Promise.all([machine.close(), secrets.close()]);
  };
});

function createFunction() {
  const handler = createHandler({ COLLECTOR: 'acme', STATE_MACHINE_ARN: ARN, PUSH_SECRET_ARN: SECRET });
  return (event: LambdaFunctionURLEvent) => handler(event, lambdaContext('push'));
}

/** The log lines about requests. */
const logged = () => output.lines().filter(({ message }) => message === 'push');

/** The lines with metrics. */
const measured = () =>
  output
    .lines()
    .filter((line) => '_aws' in line)
    .map(({ service, PushesReceived, PushesRefused, PushedRevocations }) => {
      return { service, PushesReceived, PushesRefused, PushedRevocations };
    });

describe('The function push', () => {
  test('starts an execution with the clients that it creates, and logs and counts the push.', async () => {
    const answer = await createFunction()(get(LOGIN, { ...issued, statusDesc: 'Issued' }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'accepted: CollectMC is asked at once\n' });
    const [execution] = [...machine.executions.keys()];
    expect(execution).toMatch(/^order-1378973013-push-6-\d{8}$/);
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
    expect(measured()).toEqual([{ service: 'push', PushesReceived: 1, PushesRefused: 0, PushedRevocations: 0 }]);
  });

  test.each([
    ['a push that starts nothing', get(LOGIN, { orderNumber: '1' }), 'INFO', 200, 1, 0],
    ['a push that cannot be read', get(LOGIN, { orderNumber: 'x' }), 'WARN', 400, 0, 0],
    ['a wrong password', get({ ...LOGIN, password: 'x' }, issued), 'WARN', 401, 0, 1],
    ['a wrong method', request({ method: 'PUT' }), 'WARN', 405, 0, 0],
  ])('logs and counts %s.', async (_, event, level, httpStatus, received, refused) => {
    expect(await createFunction()(event)).toMatchObject({ statusCode: httpStatus });

    expect(logged()).toEqual([expect.objectContaining({ level, httpStatus })]);
    expect(measured()).toEqual([
      { service: 'push', PushesReceived: received, PushesRefused: refused, PushedRevocations: 0 },
    ]);
  });

  test('counts a revocation under its own service name, if the login is right.', async () => {
    const push = createFunction();
    await push(get(LOGIN, { ...issued, statusCode: '8' }));
    await push(get(LOGIN, issued));
    await push(get({ ...LOGIN, password: 'x' }, { ...issued, statusCode: '8' }));

    expect(measured().map(({ service, PushedRevocations }) => ({ service, PushedRevocations }))).toEqual([
      { service: 'push', PushedRevocations: 1 },
      { service: 'push', PushedRevocations: 0 },
      { service: 'push', PushedRevocations: 0 },
    ]);
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
    expect(measured()).toEqual([{ service: 'push', PushesReceived: 0, PushesRefused: 0, PushedRevocations: 0 }]);
  });

  test('logs no header, no body, no password and no certificate, even if the environment turns on the logging of events.', async () => {
    const push = createFunction();
    const attempts = [
      post(LOGIN, { ...issued, certificate: CERTIFICATE, caCertificate: CERTIFICATE }),
      post(LOGIN, { orderNumber: 'wrong', certificate: CERTIFICATE }),
      get({ ...LOGIN, password: 'guessed' }, issued),
      request({ authorization: 'Bearer guessed', query: 'orderNumber=1' }),
      request({ method: 'PUT', authorization: basic(LOGIN) }),
    ];
    const answers = [];
    for (const attempt of attempts) {
      answers.push(await push(attempt));
    }

    expect(logged().map(({ httpStatus }) => httpStatus)).toEqual([200, 400, 401, 401, 405]);
    const secretTexts = [
      LOGIN.username,
      LOGIN.password,
      'guessed',
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
