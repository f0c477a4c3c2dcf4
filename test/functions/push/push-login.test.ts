import { describe, expect, onTestFinished, test } from 'vitest';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { basic, get, request } from './request.ts';

test.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
  'The method %s is refused before anything else is read.',
  async (method) => {
    const { send, secretReads, records } = await prepare();

    const answer = await send(request({ method }));

    expect(answer).toMatchObject({ statusCode: 405, headers: { allow: 'GET, POST' } });
    expect(secretReads()).toBe(0);
    expect(records).toMatchObject([{ outcome: 'refused', httpStatus: 405 }]);
  },
);

describe('A request is refused with', () => {
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
  ])('%s.', async (_, authorization) => {
    const { send, started, records } = await prepare();

    const answer = await send(request({ authorization, query: String(new URLSearchParams(issued)) }));

    expect(answer).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': 'Basic realm="mark-certificate-collector", charset="UTF-8"' },
      body: 'the user name or the password is missing or wrong',
    });
    expect(started()).toEqual([]);
    expect(records).toEqual([
      { outcome: 'refused', httpStatus: 401, problem: 'the user name or the password is missing or wrong' },
    ]);
  });

  test('a wrong password whatever its fields and its size are.', async () => {
    const { send } = await prepare();
    const authorization = basic({ ...LOGIN, password: 'wrong' });

    expect(await send(request({ authorization }))).toMatchObject({ statusCode: 401 });
    expect(await send(request({ authorization, method: 'POST', body: 'A'.repeat(262_145) }))).toMatchObject({
      statusCode: 401,
    });
  });
});

describe('The password', () => {
  test.each([
    ['can contain colons', LOGIN],
    ['can contain characters beyond ASCII', { username: 'zürich', password: 'pässword 🪶' }],
    ['can be as long as the secret allows', { username: 'n'.repeat(128), password: 'p'.repeat(256) }],
  ])('%s.', async (_, login) => {
    const { send } = await prepare({ secret: JSON.stringify(login) });

    expect(await send(get(login, issued))).toMatchObject({ statusCode: 200 });
  });

  test.each(['basic', 'BASIC', 'Basic  '])('is accepted if the scheme is written "%s".', async (scheme) => {
    const { send } = await prepare();
    const authorization = basic(LOGIN).replace('Basic', scheme);

    expect(await send(request({ authorization, query: `orderNumber=${ORDER}` }))).toMatchObject({ statusCode: 200 });
  });

  test('is read from the secret once in five minutes, so that a new one takes effect after that.', async () => {
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

describe('If the secret cannot be used, the CA must repeat the push, and only the log contains the reason:', () => {
  test.each([
    ['It is not JSON', { secret: 'hunter2' }, 'the secret is not JSON; accepted: {"username": "…", "password": "…"}'],
    ['It is not an object', { secret: '"hunter2"' }, 'a JSON object with username and password'],
    ['It has no password', { secret: '{"username": "hunter2"}' }, 'password is missing'],
    ['It has an empty password', { secret: '{"username": "hunter2", "password": ""}' }, 'password is not accepted'],
    ['The name contains a colon', { secret: '{"username": "hunter2:", "password": "x"}' }, 'username is not accepted'],
    [
      'It contains the placeholder',
      { secret: '{"username": "hunter2", "password": "REPLACE-ME"}' },
      'the secret still contains the placeholder; replace it with the login that the CA sends with its pushes',
    ],
    ['It does not exist', { secretId: 'another' }, 'the secret cannot be read: ResourceNotFoundException'],
  ])('%s.', async (_, preparation, problem) => {
    const { send, started, records } = await prepare(preparation);

    const answer = await send(get({ username: 'hunter2', password: 'REPLACE-ME' }, issued));

    expect(answer).toMatchObject({ statusCode: 503, body: 'not ready; try again' });
    expect(started()).toEqual([]);
    expect(records).toEqual([{ outcome: 'refused', httpStatus: 503, problem: expect.stringContaining(problem) }]);
    expect(JSON.stringify([answer, records])).not.toContain('hunter2');
  });
});

describe('The CA must repeat the push after a temporary error:', () => {
  test('Step Functions throttles the call.', async () => {
    const { send, started, records, throttle } = await prepare();
    throttle(true);

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 500, body: 'internal error; try again' });
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
    expect(await send(get(LOGIN, issued))).toMatchObject({
      statusCode: 200,
      body: 'accepted: CollectMC is asked at once',
    });
    expect(started()).toHaveLength(1);
  });

  test('Secrets Manager is down.', async () => {
    const down = await startAwsJsonEndpoint({
      'secretsmanager.GetSecretValue': () => {
        throw new ServiceError('InternalServiceError', 'down');
      },
    });
    onTestFinished(() => down.close());
    const { send, started, records } = await prepare({ secretsUrl: down.url });

    expect(await send(get(LOGIN, issued))).toMatchObject({ statusCode: 500, body: 'internal error; try again' });
    expect(started()).toEqual([]);
    expect(records).toEqual([{ outcome: 'refused', httpStatus: 500, problem: 'InternalServiceError: down' }]);
  });
});
