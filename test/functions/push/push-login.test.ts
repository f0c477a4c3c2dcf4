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
      body: 'the login is missing or wrong',
    });
    expect(started()).toEqual([]);
    expect(records).toEqual([{ outcome: 'refused', httpStatus: 401, problem: 'the login is missing or wrong' }]);
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

describe('The secret in the path', () => {
  const PATH_SECRET = 'heron_by-the-WATER-0123456789-abcd';
  const secret = JSON.stringify({ ...LOGIN, pathSecret: PATH_SECRET });
  const query = String(new URLSearchParams(issued));

  test.each([
    ['alone', `/${PATH_SECRET}`, undefined],
    ['with a slash at the end', `/${PATH_SECRET}/`, undefined],
    ['percent-encoded', `/%68${PATH_SECRET.slice(1)}`, undefined],
    ['with a wrong password', `/${PATH_SECRET}`, basic({ ...LOGIN, password: 'wrong' })],
    ['with another scheme', `/${PATH_SECRET}`, 'Bearer x'],
  ])('is enough: %s.', async (_, path, authorization) => {
    const { send, started } = await prepare({ secret });

    expect(await send(request({ path, authorization, query }))).toMatchObject({ statusCode: 200 });
    expect(started()).toHaveLength(1);
  });

  test('can be missing: the password is enough, with any path.', async () => {
    const { send } = await prepare({ secret });

    for (const path of ['/', '/push', `/${'x'.repeat(40)}`]) {
      expect(await send(request({ path, authorization: basic(LOGIN), query }))).toMatchObject({ statusCode: 200 });
    }
  });

  test('is refused if it is wrong, in the same way as a wrong password.', async () => {
    const { send, started, records } = await prepare({ secret });
    const wrong = [
      `/${PATH_SECRET}x`,
      `/${PATH_SECRET.toLowerCase()}`,
      `/x/${PATH_SECRET}`,
      '/',
      `//${'a'.repeat(32)}`,
    ];

    const answers = [];
    for (const path of wrong) {
      answers.push(await send(request({ path, query })));
    }
    answers.push(await send(request({ authorization: basic({ ...LOGIN, password: 'wrong' }), query })));

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ statusCode: 401 });
    expect(started()).toEqual([]);
    expect(JSON.stringify([answers, records])).not.toMatch(/heron/i);
  });

  test('is read from the secret only if the path has its form, because everybody can call the URL.', async () => {
    const { send, secretReads } = await prepare({ secret });

    for (const path of [
      '/',
      '/favicon.ico',
      '/.env',
      '/wp-login.php',
      `/${'a'.repeat(31)}`,
      `/${'a'.repeat(129)}`,
      '/%',
    ]) {
      expect(await send(request({ path, query }))).toMatchObject({ statusCode: 401 });
    }
    expect(secretReads()).toBe(0);
  });

  test('is in no record, response, execution or object, if the CA repeats it in its push.', async () => {
    const { send, started, records, pushes, bus, order } = await prepare({ secret });
    await order();
    const answers = [];
    for (const text of [PATH_SECRET, LOGIN.password, btoa(PATH_SECRET), encodeURIComponent(LOGIN.password)]) {
      const echo = { eventType: text, certificateID: text, statusDesc: `sent with ${text}` };
      for (const fields of [{ orderNumber: ORDER, statusCode: '8', ...echo }, { orderNumber: text }, echo]) {
        answers.push(await send(request({ path: `/${PATH_SECRET}`, query: String(new URLSearchParams(fields)) })));
      }
    }

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(12).fill(200));
    const everything = JSON.stringify([answers, records, started(), bus.calls, await pushes()]);
    for (const text of [PATH_SECRET, LOGIN.password, btoa(PATH_SECRET), encodeURIComponent(LOGIN.password)]) {
      expect(everything).not.toContain(text);
    }
    expect(Object.keys(await pushes()).length).toBeGreaterThan(1);
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
      'It has a short secret for the path',
      { secret: '{"username": "hunter2", "password": "x", "pathSecret": "hunter2"}' },
      'pathSecret is not accepted; accepted: 32 to 128 letters, digits, "-" and "_"',
    ],
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
