import { describe, expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { basic, get, post, type RequestParts, request } from './request.ts';

const FORM = 'application/x-www-form-urlencoded';
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIEgTCCA2mgAwIBAgI\n-----END CERTIFICATE-----\n';

describe('The fields of a push', () => {
  test('can have names in any case.', async () => {
    const { send, records } = await prepare();

    await send(get(LOGIN, { ordernumber: ORDER, STATUSCODE: '6', CertificateId: '7', EventType: 'Certificate' }));

    expect(records).toMatchObject([
      { orderNumber: ORDER, statusCode: 6, certificateID: '7', eventType: 'Certificate', outcome: 'started' },
    ]);
  });

  test('are read from the query of a GET and from the form of a POST only.', async () => {
    const { send, started } = await prepare();
    const fields = String(new URLSearchParams(issued));
    const authorization = basic(LOGIN);

    expect(await send(request({ authorization, body: fields, contentType: FORM }))).toMatchObject({ statusCode: 400 });
    expect(await send(request({ method: 'POST', authorization, query: fields }))).toMatchObject({ statusCode: 400 });
    expect(started()).toEqual([]);
  });

  test('are read from a body that Lambda has encoded.', async () => {
    const { send, started } = await prepare();
    const body = Buffer.from(String(new URLSearchParams(issued))).toString('base64');

    const answer = await send(
      request({ method: 'POST', authorization: basic(LOGIN), contentType: FORM, body, base64: true }),
    );

    expect(answer).toMatchObject({ statusCode: 200 });
    expect(started()).toHaveLength(1);
  });

  test('are logged up to 200 bytes each.', async () => {
    const { send, records } = await prepare();

    await send(
      get(LOGIN, {
        ...issued,
        statusDesc: 'd'.repeat(201),
        eventType: 'e'.repeat(200),
        certificateID: '"'.repeat(101),
      }),
    );

    expect(records).toMatchObject([
      { statusDesc: `${'d'.repeat(197)}…`, eventType: 'e'.repeat(200), certificateID: `${'"'.repeat(98)}…` },
    ]);
  });

  test('do not include the certificates, which are in no record, no response and no execution.', async () => {
    const { send, started, records } = await prepare();

    const answer = await send(post(LOGIN, { ...issued, certificate: CERTIFICATE, caCertificate: CERTIFICATE }));

    expect(answer).toMatchObject({ statusCode: 200, body: 'accepted: CollectMC is asked at once' });
    expect(started()).toHaveLength(1);
    expect(JSON.stringify([answer, records, started()])).not.toMatch(/BEGIN|MIIE|"c(aC)?ertificate"/);
  });

  test.each([
    ['no order number', { statusCode: '6' }, /^orderNumber is missing; accepted: the digits/],
    ['an empty order number', { orderNumber: '', statusCode: '6' }, /^orderNumber is missing; accepted: the digits/],
    ['an order number of letters', { orderNumber: 'abc' }, /^orderNumber: "abc" is not accepted; accepted: the digits/],
    ['an order number with a leading zero', { orderNumber: '01' }, /^orderNumber: "01" is not accepted/],
    ['an order number that is too long', { orderNumber: '1'.repeat(17) }, /^orderNumber: "1{17}" is not accepted/],
    [
      'a statusCode in words',
      { orderNumber: ORDER, statusCode: 'issued' },
      /^statusCode: "issued" is not accepted; accepted: a whole number like 6$/,
    ],
    ['two wrong fields', { orderNumber: 'a', statusCode: 'b' }, /^orderNumber: "a".*; statusCode: "b"/],
  ])('with %s are refused with the accepted form.', async (_, fields: Readonly<Record<string, string>>, sentence) => {
    const { send, started, records } = await prepare();

    for (const event of [get(LOGIN, fields), post(LOGIN, fields)]) {
      const answer = await send(event);
      expect(answer).toMatchObject({ statusCode: 400, body: expect.stringMatching(sentence) });
      expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
    }
    expect(started()).toEqual([]);
    expect(records).toMatchObject(Array(2).fill({ outcome: 'refused', httpStatus: 400, problem: expect.anything() }));
  });
});

describe('The body of a POST', () => {
  const send = async (parts: RequestParts) => {
    const prepared = await prepare();
    return prepared.send(
      request({ method: 'POST', authorization: basic(LOGIN), body: `orderNumber=${ORDER}`, ...parts }),
    );
  };
  const ofSize = (bytes: number) => `orderNumber=${ORDER}&certificate=`.padEnd(bytes, 'A');
  const encoded = (text: string) => Buffer.from(text).toString('base64');

  test.each([FORM, `${FORM}; charset=UTF-8`, 'Application/X-WWW-Form-URLEncoded', undefined])(
    'is read as a form if its type is %s.',
    async (contentType) => {
      expect(await send({ contentType })).toMatchObject({ statusCode: 200, body: 'accepted' });
    },
  );

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain', ''])(
    'is refused if its type is "%s".',
    async (contentType) => {
      expect(await send({ contentType })).toMatchObject({
        statusCode: 400,
        body: 'content-type is not accepted; accepted: application/x-www-form-urlencoded',
      });
    },
  );

  test.each([
    ['as text', { body: ofSize(262_144) }, { body: ofSize(262_145) }],
    ['encoded', { body: encoded(ofSize(262_144)), base64: true }, { body: encoded(ofSize(262_145)), base64: true }],
    // Two bytes each in UTF-8.
    ['beyond ASCII', { body: 'é'.repeat(131_072) }, { body: 'é'.repeat(131_073) }],
  ])('can have at most 256 KiB, %s.', async (_, largest, larger) => {
    expect(await send(largest)).not.toMatchObject({ statusCode: 413 });
    expect(await send(larger)).toMatchObject({
      statusCode: 413,
      body: expect.stringMatching(/^the body has 26214[56] bytes; accepted: up to 262144$/),
    });
  });
});
