import type { Context, LambdaFunctionURLEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHandler } from '../../../functions/push/handler.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { type LocalStateMachine, startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { type SecretsEndpoint, startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { basic, get, post, request } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
const LOGIN = { username: 'ca-of-marks', password: 'kestrel:at:dawn' };
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIEgTCCA2mgAwIBAgI\n-----END CERTIFICATE-----\n';
const issued = { orderNumber: '1378973013', certificateID: '7', eventType: 'Certificate', statusCode: '6' };

let machine: LocalStateMachine;
let secrets: SecretsEndpoint;
let logged: string;
beforeEach(async () => {
  machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: async () => ({}),
    waitMilliseconds: () => 0,
  });
  secrets = await startSecretsEndpoint({ [SECRET]: JSON.stringify(LOGIN) });
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL_SFN: machine.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_MAX_ATTEMPTS: '1',
    POWERTOOLS_LOGGER_LOG_EVENT: 'true',
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
  })) {
    vi.stubEnv(name, value);
  }
  logged = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      logged += String(chunk);
      return true;
    });
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await Promise.all([machine.close(), secrets.close()]);
});

const context: Context = {
  functionName: 'push',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:push',
  memoryLimitInMB: '512',
  awsRequestId: '6a1f1b0e-0000-4000-8000-000000000000',
  logGroupName: 'push',
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 30_000,
  done: () => {},
  fail: () => {},
  succeed: () => {},
};

function createFunction() {
  const handler = createHandler({ STATE_MACHINE_ARN: ARN, PUSH_SECRET_ARN: SECRET });
  return (event: LambdaFunctionURLEvent) => handler(event, context);
}

function lines(): Record<string, unknown>[] {
  return logged
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The lines that tell of a request; the others are metrics. */
const told = () => lines().filter(({ message }) => message === 'push');
const counted = () =>
  lines()
    .filter((line) => '_aws' in line)
    .map(({ service, PushesReceived, PushesRefused }) => ({ service, PushesReceived, PushesRefused }));

describe('the function push', () => {
  test('starts an execution with the clients it makes itself, and tells and counts the push', async () => {
    const answer = await createFunction()(get(LOGIN, { ...issued, statusDesc: 'Issued' }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'asked for at once\n' });
    const [execution] = [...machine.executions.keys()];
    expect(execution).toMatch(/^order-1378973013-push-6-\d{8}$/);
    expect(told()).toEqual([
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
    expect(counted()).toEqual([{ service: 'push', PushesReceived: 1, PushesRefused: 0 }]);
  });

  test.each([
    ['a push that is noted', get(LOGIN, { orderNumber: '1' }), 'INFO', 200, 1, 0],
    ['a push that cannot be read', get(LOGIN, { orderNumber: 'x' }), 'WARN', 400, 0, 0],
    ['a wrong password', get({ ...LOGIN, password: 'x' }, issued), 'WARN', 401, 0, 1],
    ['a wrong method', request({ method: 'PUT' }), 'WARN', 405, 0, 0],
  ])('tells and counts %s', async (_, event, level, httpStatus, received, refused) => {
    expect(await createFunction()(event)).toMatchObject({ statusCode: httpStatus });

    expect(told()).toEqual([expect.objectContaining({ level, httpStatus })]);
    expect(counted()).toEqual([{ service: 'push', PushesReceived: received, PushesRefused: refused }]);
  });

  test('counts a revocation as the function revoke does, by whose alarm it is told, and nothing else', async () => {
    const push = createFunction();
    await push(get(LOGIN, { ...issued, statusCode: '8' }));
    await push(get(LOGIN, issued));
    await push(get({ ...LOGIN, password: 'x' }, { ...issued, statusCode: '8' }));

    const revocations = lines().filter((line) => '_aws' in line && 'PublishedRevoked' in line);
    expect(revocations).toMatchObject([{ service: 'revoke', PublishedRevoked: 1 }]);
  });

  test('tells of an unexpected error as an error, and answers it', async () => {
    const throttled = await startAwsJsonEndpoint({
      'AWSStepFunctions.DescribeExecution': () => {
        throw new ServiceError('ThrottlingException', 'Rate exceeded');
      },
    });
    onTestFinished(() => throttled.close());
    vi.stubEnv('AWS_ENDPOINT_URL_SFN', throttled.url);

    expect(await createFunction()(get(LOGIN, issued))).toMatchObject({ statusCode: 500 });

    expect(told()).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        orderNumber: '1378973013',
        outcome: 'refused',
        httpStatus: 500,
        problem: 'ThrottlingException: Rate exceeded',
      }),
    ]);
    expect(counted()).toEqual([{ service: 'push', PushesReceived: 0, PushesRefused: 0 }]);
  });

  test('logs no header, no body, no password and no certificate, even where the environment asks for events', async () => {
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

    expect(told().map(({ httpStatus }) => httpStatus)).toEqual([200, 400, 401, 401, 405]);
    const secretTexts = [
      LOGIN.username,
      LOGIN.password,
      'guessed',
      basic(LOGIN).slice('Basic '.length),
      'lambda-url',
      'BEGIN',
      'MIIE',
    ];
    const said = logged + JSON.stringify(answers);
    expect(secretTexts.filter((text) => said.includes(text))).toEqual([]);
  });

  test.each(['STATE_MACHINE_ARN', 'PUSH_SECRET_ARN'])('does not start without %s', (missing) => {
    const environment = { STATE_MACHINE_ARN: ARN, PUSH_SECRET_ARN: SECRET, [missing]: undefined };

    expect(() => createHandler(environment)).toThrow(missing);
  });
});
