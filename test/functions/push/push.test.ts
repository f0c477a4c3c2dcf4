import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PUSH_LOGIN_FORM } from '../../../functions/push/authentication.ts';
import { createPush, type PushRecord } from '../../../functions/push/push.ts';
import { createSecretReader } from '../../../functions/secret.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { basic, get, type Login, post, type RequestParts, request } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
const LOGIN = { username: 'ca', password: 'kestrel:at:dawn' };
const ORDER = '1378973013';
const FORM = 'application/x-www-form-urlencoded';
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIEgTCCA2mgAwIBAgI\n-----END CERTIFICATE-----\n';

interface Preparation {
  readonly secret?: string;
  readonly secretId?: string;
  /** Where Secrets Manager answers, in place of a secret. */
  readonly secretsUrl?: string;
}

/** The Lambda's work, with Step Functions and Secrets Manager on loopback. */
async function prepare({ secret = JSON.stringify(LOGIN), secretId = SECRET, secretsUrl }: Preparation = {}) {
  let time = Date.parse('2026-11-23T10:00:00Z');
  let throttled = false;
  let ending = Promise.withResolvers<void>();
  const machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: async () => {
      await ending.promise;
      return {};
    },
    waitMilliseconds: () => 0,
  });
  const forward = (action: string) => async (input: Record<string, unknown>) => {
    if (throttled) {
      throw new ServiceError('ThrottlingException', 'Rate exceeded');
    }
    const headers = { 'x-amz-target': `AWSStepFunctions.${action}` };
    const response = await fetch(machine.url, { method: 'POST', headers, body: JSON.stringify(input) });
    const output = (await response.json()) as Record<string, unknown>;
    if (!response.ok) {
      throw new ServiceError(String(output.__type), String(output.message));
    }
    return output;
  };
  const describeExecution = forward('DescribeExecution');
  // The machine, which can be throttled, and tells the input of an execution as AWS does.
  const states = await startAwsJsonEndpoint({
    'AWSStepFunctions.StartExecution': forward('StartExecution'),
    'AWSStepFunctions.DescribeExecution': async (input) => {
      const output = await describeExecution(input);
      return { ...output, input: JSON.stringify(machine.executions.get(String(output.name))?.input) };
    },
  });
  const secrets = await startSecretsEndpoint({ [secretId]: secret });
  const common = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  };
  const sfn = new SFNClient({ ...common, endpoint: states.url });
  const secretsManager = new SecretsManagerClient({ ...common, endpoint: secretsUrl ?? secrets.url });
  onTestFinished(async () => {
    ending.resolve();
    sfn.destroy();
    secretsManager.destroy();
    await Promise.all([machine.close(), states.close(), secrets.close()]);
  });

  const records: PushRecord[] = [];
  const push = createPush({
    stateMachineArn: ARN,
    sfn,
    login: createSecretReader(secretsManager, SECRET, PUSH_LOGIN_FORM, () => time),
    observe: (record) => records.push(record),
    now: () => new Date(time),
  });
  return {
    records,
    async send(event: LambdaFunctionURLEvent) {
      const { statusCode, headers, body } = await push(event);
      return { statusCode, headers, body: body?.trimEnd() };
    },
    /** Name and input of every execution, in the order of their start. */
    started: () => [...machine.executions.values()].map(({ name, input }) => [name, input]),
    secretReads: () => secrets.reads,
    putSecret: (login: Login) =>
      secretsManager.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString: JSON.stringify(login) })),
    startByHand: (name: string, input: object) =>
      sfn.send(new StartExecutionCommand({ stateMachineArn: ARN, name, input: JSON.stringify(input) })),
    throttle(on: boolean) {
      throttled = on;
    },
    wait(milliseconds: number) {
      time += milliseconds;
    },
    /** Lets the executions that run now end. */
    async end() {
      ending.resolve();
      ending = Promise.withResolvers();
      await Promise.all([...machine.executions.values()].map(({ ended }) => ended));
    },
  };
}

const DAY = 24 * 60 * 60_000;
const issued = { orderNumber: ORDER, certificateID: '7654321', eventType: 'Certificate', statusCode: '6' };

describe('a push that says how an order ended', () => {
  test.each([
    [3, 'failed', 'GET'],
    [5, 'failed', 'POST'],
    [6, 'issued', 'GET'],
    [6, 'issued', 'POST'],
    [9, 'issued', 'POST'],
    [7, 'rejected', 'GET'],
    [8, 'revoked', 'GET'],
    [14, 'replaced', 'POST'],
  ] as const)('with statusCode %i (%s) has CollectMC asked at once, by %s', async (code, statusDesc, method) => {
    const { send, started, records } = await prepare();

    const answer = await send(
      (method === 'GET' ? get : post)(LOGIN, { ...issued, statusCode: String(code), statusDesc }),
    );

    const execution = `order-${ORDER}-push-${code}-20261123`;
    expect(answer).toMatchObject({ statusCode: 200, body: 'asked for at once' });
    expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
    expect(started()).toEqual([[execution, { orderNumber: ORDER, request: `push-${code}-20261123` }]]);
    expect(records).toEqual([
      { ...issued, statusCode: code, statusDesc, outcome: 'started', httpStatus: 200, execution },
    ]);
  });

  test('starts one execution when it comes ten times at once', async () => {
    const { send, started } = await prepare();

    const answers = await Promise.all(Array.from({ length: 10 }, () => send(get(LOGIN, issued))));

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
    expect(started()).toHaveLength(1);
  });

  test('starts nothing when it comes again on the same day, after its execution has ended', async () => {
    const { send, started, records, wait, end } = await prepare();
    await send(get(LOGIN, issued));
    await end();
    wait(13 * 60 * 60_000);

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200, body: 'asked for at once' });
    expect(started()).toHaveLength(1);
    expect(records.map(({ outcome }) => outcome)).toEqual(['started', 'already-there']);
  });

  test('starts another execution on another day, and for another statusCode', async () => {
    const { send, started, wait } = await prepare();
    await send(get(LOGIN, issued));
    await send(get(LOGIN, { ...issued, statusCode: '8' }));
    wait(DAY);
    await send(get(LOGIN, issued));

    expect(started().map(([name]) => name)).toEqual([
      `order-${ORDER}-push-6-20261123`,
      `order-${ORDER}-push-8-20261123`,
      `order-${ORDER}-push-6-20261124`,
    ]);
  });
});

describe('the execution of a push', () => {
  test('expects the domains and the product that the first execution of the order knows', async () => {
    const { send, started, startByHand } = await prepare();
    const order = { orderNumber: ORDER, domains: ['example.com', 'example.org'], product: 'VMC' };
    await startByHand(`order-${ORDER}`, order);

    await send(get(LOGIN, issued));

    expect(started().at(-1)).toEqual([`order-${ORDER}-push-6-20261123`, { ...order, request: 'push-6-20261123' }]);
  });

  test('does not inherit that a certificate of the first execution should replace what was live', async () => {
    const { send, started, startByHand } = await prepare();
    const order = { orderNumber: ORDER, domains: ['example.com'], selector: 'brand' };
    await startByHand(`order-${ORDER}`, { ...order, replace: true });

    await send(get(LOGIN, issued));

    expect(started().at(-1)?.[1]).toEqual({ ...order, request: 'push-6-20261123' });
  });

  test.each([
    ['is of another order', { orderNumber: '1', domains: ['example.com'] }],
    ['is no order', { hello: 'world' }],
  ])('has the order number alone where the first execution %s', async (_, input) => {
    const { send, started, startByHand } = await prepare();
    await startByHand(`order-${ORDER}`, input);

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200 });
    expect(started().at(-1)?.[1]).toEqual({ orderNumber: ORDER, request: 'push-6-20261123' });
  });
});

describe('a push that says nothing final is noted, and starts nothing', () => {
  test.each([
    ['awaiting brand validation', { statusCode: '12', statusDesc: 'Awaiting brand validation' }],
    ['a code that nobody documents', { statusCode: '99' }],
    ['a negative code', { statusCode: '-1' }],
    ['a domain that was validated', { eventType: 'Domain Validation' }],
    ['an identity that was validated', { eventType: 'Identity Validation', statusCode: '' }],
    ['an order number alone', {}],
  ])('%s', async (_, fields: Readonly<Record<string, string>>) => {
    const { send, started, records } = await prepare();

    const answer = await send(get(LOGIN, { orderNumber: ORDER, ...fields }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'noted' });
    expect(started()).toEqual([]);
    const { statusCode, ...texts } = fields;
    const code = statusCode ? { statusCode: Number(statusCode) } : {};
    expect(records).toEqual([{ orderNumber: ORDER, ...texts, ...code, outcome: 'noted', httpStatus: 200 }]);
  });
});

describe('the fields of a push', () => {
  test('may be written in any case', async () => {
    const { send, records } = await prepare();

    await send(get(LOGIN, { ordernumber: ORDER, STATUSCODE: '6', CertificateId: '7', EventType: 'Certificate' }));

    expect(records).toMatchObject([
      { orderNumber: ORDER, statusCode: 6, certificateID: '7', eventType: 'Certificate', outcome: 'started' },
    ]);
  });

  test('come from the query of a GET and the form of a POST, never from the other', async () => {
    const { send, started } = await prepare();
    const fields = String(new URLSearchParams(issued));
    const authorization = basic(LOGIN);

    expect(await send(request({ authorization, body: fields, contentType: FORM }))).toMatchObject({ statusCode: 400 });
    expect(await send(request({ method: 'POST', authorization, query: fields }))).toMatchObject({ statusCode: 400 });
    expect(started()).toEqual([]);
  });

  test('are read from a body that Lambda has encoded', async () => {
    const { send, started } = await prepare();
    const body = Buffer.from(String(new URLSearchParams(issued))).toString('base64');

    const answer = await send(
      request({ method: 'POST', authorization: basic(LOGIN), contentType: FORM, body, base64: true }),
    );

    expect(answer).toMatchObject({ statusCode: 200 });
    expect(started()).toHaveLength(1);
  });

  test('are logged up to 200 characters each', async () => {
    const { send, records } = await prepare();

    await send(get(LOGIN, { ...issued, statusDesc: 'd'.repeat(201), eventType: 'e'.repeat(200) }));

    expect(records).toMatchObject([{ statusDesc: 'd'.repeat(200), eventType: 'e'.repeat(200) }]);
  });

  test('do not include the certificates, which are in no record, no answer and no execution', async () => {
    const { send, started, records } = await prepare();

    const answer = await send(post(LOGIN, { ...issued, certificate: CERTIFICATE, caCertificate: CERTIFICATE }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'asked for at once' });
    expect(started()).toHaveLength(1);
    expect(JSON.stringify([answer, records, started()])).not.toMatch(/BEGIN|MIIE|"c(aC)?ertificate"/);
  });

  test.each([
    ['no order number', { statusCode: '6' }, /^orderNumber: is missing; accepted: the digits/],
    ['an empty order number', { orderNumber: '', statusCode: '6' }, /^orderNumber: is missing; accepted: the digits/],
    ['an order number of letters', { orderNumber: 'abc' }, /^orderNumber: "abc" is not accepted; accepted: the digits/],
    ['an order number with a leading zero', { orderNumber: '01' }, /^orderNumber: "01" is not accepted/],
    ['an order number that is too long', { orderNumber: '1'.repeat(17) }, /^orderNumber: "1{17}" is not accepted/],
    [
      'a statusCode in words',
      { orderNumber: ORDER, statusCode: 'issued' },
      /^statusCode: "issued" is not accepted; accepted: a whole number like 6$/,
    ],
    ['two wrong fields', { orderNumber: 'a', statusCode: 'b' }, /^orderNumber: "a".*; statusCode: "b"/],
  ])(
    'with %s are answered by what would be accepted',
    async (_, fields: Readonly<Record<string, string>>, sentence) => {
      const { send, started, records } = await prepare();

      for (const event of [get(LOGIN, fields), post(LOGIN, fields)]) {
        const answer = await send(event);
        expect(answer).toMatchObject({ statusCode: 400, body: expect.stringMatching(sentence) });
        expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
      }
      expect(started()).toEqual([]);
      expect(records).toMatchObject(Array(2).fill({ outcome: 'refused', httpStatus: 400, problem: expect.anything() }));
    },
  );
});

describe('the body of a POST', () => {
  const send = async (parts: RequestParts) => {
    const prepared = await prepare();
    return prepared.send(
      request({ method: 'POST', authorization: basic(LOGIN), body: `orderNumber=${ORDER}`, ...parts }),
    );
  };
  const ofSize = (bytes: number) => `orderNumber=${ORDER}&certificate=`.padEnd(bytes, 'A');
  const encoded = (text: string) => Buffer.from(text).toString('base64');

  test.each([FORM, `${FORM}; charset=UTF-8`, 'Application/X-WWW-Form-URLEncoded', undefined])(
    'is a form when its type is %s',
    async (contentType) => {
      expect(await send({ contentType })).toMatchObject({ statusCode: 200, body: 'noted' });
    },
  );

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain', ''])(
    'is refused when its type is "%s"',
    async (contentType) => {
      expect(await send({ contentType })).toMatchObject({
        statusCode: 400,
        body: 'content-type: is not accepted; accepted: application/x-www-form-urlencoded',
      });
    },
  );

  test.each([
    ['as text', { body: ofSize(262_144) }, { body: ofSize(262_145) }],
    ['encoded', { body: encoded(ofSize(262_144)), base64: true }, { body: encoded(ofSize(262_145)), base64: true }],
    // Two bytes each in UTF-8.
    ['beyond ASCII', { body: 'é'.repeat(131_072) }, { body: 'é'.repeat(131_073) }],
  ])('may have 256 KiB and no byte more, %s', async (_, largest, larger) => {
    expect(await send(largest)).not.toMatchObject({ statusCode: 413 });
    expect(await send(larger)).toMatchObject({
      statusCode: 413,
      body: expect.stringMatching(/^the body has 26214[56] bytes; accepted: up to 262144$/),
    });
  });
});

test.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
  '%s is refused before anything else is looked at',
  async (method) => {
    const { send, secretReads, records } = await prepare();

    const answer = await send(request({ method }));

    expect(answer).toMatchObject({ statusCode: 405, headers: { allow: 'GET, POST' } });
    expect(secretReads()).toBe(0);
    expect(records).toMatchObject([{ outcome: 'refused', httpStatus: 405 }]);
  },
);

describe('a request is refused with', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64');

  test.each([
    ['no password at all', undefined],
    ['an empty header', ''],
    ['another scheme', `Bearer ${encode('ca:kestrel:at:dawn')}`],
    ['a scheme alone', 'Basic'],
    ['base64 that is garbled', 'Basic %%%%'],
    ['base64 with garbage inside', `Basic ${encode('ca:kestrel:at:dawn').replace('Y', 'Y*')}`],
    ['a login in plain text', 'Basic ca:kestrel:at:dawn'],
    ['a login without a colon', `Basic ${encode('ca')}`],
    ['a wrong password of the same length', basic({ ...LOGIN, password: 'kestrel:at:dusk' })],
    ['a longer password', basic({ ...LOGIN, password: 'kestrel:at:dawn!' })],
    ['a shorter password', basic({ ...LOGIN, password: 'kestrel' })],
    ['an empty password', basic({ ...LOGIN, password: '' })],
    ['another name', basic({ ...LOGIN, username: 'cb' })],
    ['no name', basic({ ...LOGIN, username: '' })],
    ['another name and a wrong password', basic({ username: 'cb', password: 'kestrel:at:dusk' })],
    ['name and password exchanged', basic({ username: LOGIN.password, password: LOGIN.username })],
  ])('%s', async (_, authorization) => {
    const { send, started, records } = await prepare();

    const answer = await send(request({ authorization, query: String(new URLSearchParams(issued)) }));

    expect(answer).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': 'Basic realm="mark-certificate-collector", charset="UTF-8"' },
      body: 'user name or password missing or wrong',
    });
    expect(started()).toEqual([]);
    expect(records).toEqual([
      { outcome: 'refused', httpStatus: 401, problem: 'user name or password missing or wrong' },
    ]);
  });

  test('401 whatever its fields and its size are, when the password is wrong', async () => {
    const { send } = await prepare();
    const authorization = basic({ ...LOGIN, password: 'wrong' });

    expect(await send(request({ authorization }))).toMatchObject({ statusCode: 401 });
    expect(await send(request({ authorization, method: 'POST', body: 'A'.repeat(262_145) }))).toMatchObject({
      statusCode: 401,
    });
  });
});

describe('the password', () => {
  test.each([
    ['may hold colons', LOGIN],
    ['may hold what is not ASCII', { username: 'zürich', password: 'pässword 🪶' }],
    ['may be as long as the secret allows', { username: 'n'.repeat(128), password: 'p'.repeat(256) }],
  ])('%s', async (_, login) => {
    const { send } = await prepare({ secret: JSON.stringify(login) });

    expect(await send(get(login, issued))).toMatchObject({ statusCode: 200 });
  });

  test.each(['basic', 'BASIC', 'Basic  '])('is accepted when the scheme is written "%s"', async (scheme) => {
    const { send } = await prepare();
    const authorization = basic(LOGIN).replace('Basic', scheme);

    expect(await send(request({ authorization, query: `orderNumber=${ORDER}` }))).toMatchObject({ statusCode: 200 });
  });

  test('is read from the secret once in five minutes, and a rotated one holds after that', async () => {
    const { send, putSecret, wait, secretReads } = await prepare();
    const rotated = { ...LOGIN, password: 'heron' };
    await send(get(LOGIN, issued));
    await putSecret(rotated);

    wait(5 * 60_000 - 1);
    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200 });
    expect(await send(get(rotated, issued))).toMatchObject({ statusCode: 401 });
    expect(secretReads()).toBe(1);
    wait(1);
    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 401 });
    expect(await send(get(rotated, issued))).toMatchObject({ statusCode: 200 });
    expect(secretReads()).toBe(2);
  });
});

describe('a secret that cannot be used has the CA try again, and only the log says why', () => {
  test.each([
    ['no JSON', { secret: 'hunter2' }, 'the secret is not JSON; accepted: {"username": "…", "password": "…"}'],
    ['no object', { secret: '"hunter2"' }, 'a JSON object with username and password'],
    ['no password', { secret: '{"username": "hunter2"}' }, 'password: is missing'],
    ['an empty password', { secret: '{"username": "hunter2", "password": ""}' }, 'password: is not accepted'],
    ['a name with a colon', { secret: '{"username": "hunter2:", "password": "x"}' }, 'username: is not accepted'],
    [
      'the placeholder',
      { secret: '{"username": "hunter2", "password": "REPLACE-ME"}' },
      'the secret still holds the placeholder: put the login that the CA sends with its pushes there',
    ],
    ['no secret', { secretId: 'another' }, 'the secret cannot be read: ResourceNotFoundException'],
  ])('%s', async (_, preparation, problem) => {
    const { send, started, records } = await prepare(preparation);

    const answer = await send(get({ username: 'hunter2', password: 'REPLACE-ME' }, issued));

    expect(answer).toMatchObject({ statusCode: 503, body: 'not ready; try again' });
    expect(started()).toEqual([]);
    expect(records).toEqual([{ outcome: 'refused', httpStatus: 503, problem: expect.stringContaining(problem) }]);
    expect(JSON.stringify([answer, records])).not.toContain('hunter2');
  });
});

describe('what passes by itself has the CA try again', () => {
  test('Step Functions that are throttled', async () => {
    const { send, started, records, throttle } = await prepare();
    throttle(true);

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 500, body: 'something went wrong; try again' });
    expect(records).toEqual([
      {
        ...issued,
        statusCode: 6,
        outcome: 'refused',
        httpStatus: 500,
        problem: 'ThrottlingException: Rate exceeded',
      },
    ]);

    throttle(false);
    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 200, body: 'asked for at once' });
    expect(started()).toHaveLength(1);
  });

  test('Secrets Manager that is down', async () => {
    const down = await startAwsJsonEndpoint({
      'secretsmanager.GetSecretValue': () => {
        throw new ServiceError('InternalServiceError', 'down');
      },
    });
    onTestFinished(() => down.close());
    const { send, started, records } = await prepare({ secretsUrl: down.url });

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 500, body: 'something went wrong; try again' });
    expect(started()).toEqual([]);
    expect(records).toEqual([{ outcome: 'refused', httpStatus: 500, problem: 'InternalServiceError: down' }]);
  });
});
