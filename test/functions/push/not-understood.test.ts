import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { basic, get, type RequestParts, request } from './request.ts';

const posted = (body: string | undefined, parts: RequestParts = {}) =>
  request({ method: 'POST', authorization: basic(LOGIN), body, ...parts });

describe('A push that is not understood', () => {
  test.each<[string, RequestParts, RegExp]>([
    ['no order number', { body: 'statusCode=6' }, /^orderNumber is missing; accepted: the digits/],
    ['an empty order number', { body: 'orderNumber=&statusCode=6' }, /^orderNumber is missing/],
    ['an order number of letters', { body: 'orderNumber=abc&statusCode=6' }, /^orderNumber: "abc" is not accepted/],
    ['an order number with a leading zero', { body: '{"orderNumber": "01"}' }, /^orderNumber: "01" is not accepted/],
    ['an order number that is too long', { body: `orderNumber=${'1'.repeat(17)}` }, /"1{17}" is not accepted/],
    [
      'an order number that JSON rounds',
      { body: '{"orderNumber": 9007199254740993, "statusCode": 6}' },
      /not accepted/,
    ],
    ['two order numbers in one field', { body: 'orderNumber=1&orderNumber=2' }, /"1, 2" is not accepted/],
    ['an order number alone', { body: `orderNumber=${ORDER}` }, /not understood: no statusCode and no eventType$/],
    ['a code that is not documented', { body: `orderNumber=${ORDER}&statusCode=99` }, /: statusCode "99"$/],
    ['a negative code', { body: `{"orderNumber": ${ORDER}, "statusCode": -1}` }, /: statusCode "-1"$/],
    ['an unknown event', { body: `orderNumber=${ORDER}&eventType=Party` }, /: eventType "Party"$/],
    [
      'XML',
      { body: '<event><orderNumber>1</orderNumber></event>', contentType: 'text/xml' },
      /^orderNumber is missing/,
    ],
    ['JSON without an end', { body: `{"orderNumber": "${ORDER}", "statusCode": 6` }, /^orderNumber is missing/],
    ['a list without objects', { body: '[1, "2"]' }, /^orderNumber is missing/],
    [
      'a broken multipart',
      { body: '--x\r\n', contentType: 'multipart/form-data; boundary=b0' },
      /^orderNumber is missing/,
    ],
    [
      'binary data',
      { body: Buffer.from([0, 255, 254, 1]).toString('base64'), base64: true },
      /^orderNumber is missing/,
    ],
  ])('with %s is accepted, stored and logged.', async (_, parts, problem) => {
    const { send, started, records, pushes } = await prepare();

    expect(await send(request({ method: 'POST', authorization: basic(LOGIN), ...parts }))).toMatchObject({
      statusCode: 200,
      body: 'accepted',
    });

    expect(started()).toEqual([]);
    const [[key, content] = [], ...others] = Object.entries(await pushes());
    expect(others).toEqual([]);
    const sent = Buffer.from(parts.body ?? '', parts.base64 ? 'base64' : 'utf8').toString('latin1');
    expect(content).toBe(sent);
    expect(key).toMatch(/^pushes\/20261123\/[0-9a-f]{32}\.(json|txt)$/);
    expect(key?.endsWith('.json')).toBe(/^[[{]/.test(sent) && !sent.endsWith('6'));
    expect(records).toEqual([
      { outcome: 'not-understood', httpStatus: 200, problem: expect.stringMatching(problem), stored: key },
    ]);
  });

  test('in a query is stored as well, with the body if there is one.', async () => {
    const { send, pushes } = await prepare();

    await send(get(LOGIN, { hello: 'world' }));
    await send(posted('<a/>', { query: 'x=1' }));

    expect(Object.values(await pushes()).toSorted()).toEqual(['hello=world', 'x=1\n\n<a/>']);
  });

  test('without any content is counted, and there is nothing to store.', async () => {
    const { send, records, pushes } = await prepare();

    expect(await send(get(LOGIN, {}))).toMatchObject({ statusCode: 200 });

    expect(records).toMatchObject([{ outcome: 'not-understood' }]);
    expect(await pushes()).toEqual({});
  });

  test('and is repeated is stored once, and counted each time.', async () => {
    const { send, records, pushes, s3 } = await prepare();
    for (let count = 0; count < 3; count++) {
      await send(posted('hello'));
    }
    await Promise.all([send(posted('world')), send(posted('world'))]);

    expect(Object.values(await pushes()).toSorted()).toEqual(['hello', 'world']);
    expect(records.map(({ outcome }) => outcome)).toEqual(Array(5).fill('not-understood'));
    const puts = s3.requests.filter(({ method }) => method === 'PUT');
    expect(puts.map(({ headers }) => headers['if-none-match'])).toEqual(puts.map(() => '*'));
  });

  test('beside one that is understood is reported too.', async () => {
    const { send, started, records } = await prepare();

    await send(
      posted(JSON.stringify([{ orderNumber: 1, statusCode: 6 }, { orderNumber: 2, statusCode: 77 }, { a: 1 }])),
    );

    expect(started()).toHaveLength(1);
    expect(records.map(({ outcome }) => outcome)).toEqual(['started', 'not-understood']);
    expect(records[1]?.problem).toMatch(/order 2 is not understood: statusCode "77"; orderNumber is missing/);
  });

  test('is stored up to 64 KiB.', async () => {
    const { send, pushes } = await prepare();

    await send(posted(JSON.stringify({ a: 'x'.repeat(3_000_000) })));

    const [[key = '', content = ''] = []] = Object.entries(await pushes());
    expect(content).toBe(`{"a":"${'x'.repeat(65_536 - 6)}`);
    expect(key).toMatch(/\.txt$/);
  });

  test('is not accepted if it cannot be stored, so that the CA repeats it.', async () => {
    const { send, records, pushes, s3 } = await prepare();
    s3.before = ({ method }) => (method === 'PUT' ? { status: 500, code: 'InternalError' } : undefined);

    expect(await send(posted('hello'))).toMatchObject({ statusCode: 500, body: 'internal error; try again' });

    expect(records).toMatchObject([
      { outcome: 'refused', httpStatus: 500, problem: expect.stringContaining('InternalError') },
    ]);
    s3.before = () => undefined;
    expect(await send(posted('hello'))).toMatchObject({ statusCode: 200 });
    expect(Object.values(await pushes())).toEqual(['hello']);
  });

  test('is only logged and counted in a stack of release 0.1.0.', async () => {
    const { send, records } = await prepare({ bucket: false });

    expect(await send(posted('hello'))).toMatchObject({ statusCode: 200 });

    expect(records).toEqual([
      { outcome: 'not-understood', httpStatus: 200, problem: expect.stringMatching(/^orderNumber is missing/) },
    ]);
  });
});

describe('The stored content', () => {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const base64 = privateKey.split('\n').slice(1, -2).join('');

  test.each<[string, string, RequestParts?]>([
    ['itself', privateKey],
    ['in a form', String(new URLSearchParams({ certificate: privateKey }))],
    ['in JSON', JSON.stringify({ certificate: privateKey })],
    ['in JSON with escapes', JSON.stringify({ key: privateKey }).replaceAll('PRIVATE', '\\u0050RIVATE')],
    ['in JSON without its label', JSON.stringify({ nested: [{ key: base64 }] })],
    ['in a name', JSON.stringify({ [privateKey]: 1 })],
    ['after 64 KiB', JSON.stringify({ a: 'x'.repeat(100_000), key: privateKey })],
    ['in the query', '', { query: String(new URLSearchParams({ key: privateKey })) }],
    [
      'in a file of multipart',
      `--b0\r\ncontent-disposition: form-data; name="f"; filename="k"\r\n\r\n${base64}\r\n--b0--\r\n`,
      { contentType: 'multipart/form-data; boundary=b0' },
    ],
  ])('is never a private key: %s.', async (_, body, parts = {}) => {
    const { send, records, pushes } = await prepare();

    expect(await send(posted(body, parts))).toMatchObject({ statusCode: 200 });

    expect(await pushes()).toEqual({});
    expect(records).toMatchObject([
      { outcome: 'not-understood', stored: 'nothing: the content contains a private key' },
    ]);
    expect(JSON.stringify(records)).not.toContain(base64.slice(0, 20));
  });

  test('never contains the password, as other tests show for the secret in the path.', async () => {
    const { send, pushes, records } = await prepare();
    const header = basic(LOGIN);

    await send(posted(JSON.stringify({ headers: { authorization: header }, password: LOGIN.password })));

    const [content = ''] = Object.values(await pushes());
    expect(content).toContain('authorization');
    expect(JSON.stringify([content, records])).not.toContain(LOGIN.password);
    expect(content).not.toContain(header.slice(10));
  });

  test('is limited in number, so that the bucket does not fill up.', async () => {
    const { send, pushes, records, store } = await prepare();
    await Promise.all(Array.from({ length: 500 }, (_, index) => store(`pushes/20261123/${index}.txt`, {})));

    expect(await send(posted('hello'))).toMatchObject({ statusCode: 200 });

    expect(Object.keys(await pushes())).toHaveLength(500);
    expect(records).toMatchObject([{ stored: 'nothing: the folder of the day has too many objects' }]);
  });

  test('does not stop other pushes.', async () => {
    const { send, started } = await prepare();
    await send(posted('hello'));
    await send(get(LOGIN, issued));
    expect(started()).toHaveLength(1);
  });
});

test.each<[place: string, fields: (padded: string) => Readonly<Record<string, string>>]>([
  ['an order number', (padded) => ({ orderNumber: padded, statusCode: '6' })],
  ['a code', (padded) => ({ orderNumber: ORDER, statusCode: padded })],
  ['an event', (padded) => ({ orderNumber: ORDER, eventType: padded })],
  ['the text of a status', (padded) => ({ ...issued, statusDesc: padded })],
  ['the reason of a revocation', (padded) => ({ ...issued, statusCode: '8', revocationReasonName: padded })],
  ['the date of a revocation', (padded) => ({ ...issued, statusCode: '8', revocationDate: padded })],
])('No part of the password in %s of a push survives, wherever the text is cut.', async (_, fields) => {
  const { send, records, bus, pushes } = await prepare();
  const parts = Array.from({ length: LOGIN.password.length - 3 }, (_, start) => LOGIN.password.slice(start, start + 4));
  for (const limit of [100, 120, 202, 1000, 4096]) {
    for (let length = limit - 40; length < limit + 20; length += 8) {
      await send(get(LOGIN, fields(`${'x'.repeat(length)}${LOGIN.password}${'y'.repeat(300)}`)));
    }
  }
  const left = JSON.stringify([records, bus.calls, await pushes()]);
  expect(parts.filter((part) => left.includes(part))).toEqual([]);
});
