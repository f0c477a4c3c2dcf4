import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContent } from '../../../functions/push/fields.ts';
import { readNotification } from '../../../functions/push/notification.ts';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { basic, get, post, type RequestParts, request } from './request.ts';

const FORM = 'application/x-www-form-urlencoded';
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIEgTCCA2mgAwIBAgI\n-----END CERTIFICATE-----\n';
const form = String(new URLSearchParams(issued));
const json = JSON.stringify(issued);

/** A POST with a valid login. */
const posted = (body: string, contentType?: string, more: RequestParts = {}) =>
  request({ method: 'POST', authorization: basic(LOGIN), body, contentType, ...more });

const multipart = (fields: Readonly<Record<string, string>>) =>
  `${Object.entries(fields)
    .map(([name, value]) => `--b0\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    .join('')}--b0--\r\n`;

describe('A push is understood', () => {
  test.each<[string, RequestParts]>([
    ['as a form', { body: form, contentType: FORM }],
    ['as a form with a charset', { body: form, contentType: 'Application/X-WWW-Form-URLEncoded; charset=UTF-8' }],
    ['as a form without a type', { body: form }],
    ['as a form with an empty type', { body: form, contentType: '' }],
    ['as a form of the type text/plain', { body: form.replaceAll('&', '\r\n'), contentType: 'text/plain' }],
    ['as a form with the type of JSON', { body: form, contentType: 'application/json' }],
    ['as a form that Lambda has encoded', { body: btoa(form), base64: true, contentType: FORM }],
    ['as JSON', { body: json, contentType: 'application/json' }],
    ['as JSON with the type of a form', { body: json, contentType: FORM }],
    ['as JSON without a type, with a byte order mark', { body: `\ufeff${json}` }],
    ['as JSON that Lambda has encoded', { body: btoa(json), base64: true, contentType: 'application/vnd.ca+json' }],
    ['as JSON in a field of a form', { body: `payload=${encodeURIComponent(json)}`, contentType: FORM }],
    ['as multipart', { body: multipart(issued), contentType: 'multipart/form-data; boundary=b0' }],
    ['as multipart with JSON', { body: multipart({ event: json }), contentType: 'Multipart/Form-Data; boundary="b0"' }],
    ['in the query of a POST', { query: form }],
    ['in the query of a POST with XML', { query: form, body: '<event/>', contentType: 'text/xml' }],
    ['partly in the query', { query: `orderNumber=${ORDER}&statusCode=12`, body: '{"statusCode": 6}' }],
  ])('%s.', async (_, parts) => {
    const { send, started, records, pushes, order } = await prepare();
    await order();

    expect(await send(request({ method: 'POST', authorization: basic(LOGIN), ...parts }))).toMatchObject({
      statusCode: 200,
      body: 'accepted: CollectMC is asked at once',
    });

    expect(records).toMatchObject([{ orderNumber: ORDER, statusCode: 6, outcome: 'started' }]);
    expect(started()).toMatchObject([[expect.any(String), { request: 'push-6-20261123' }]]);
    expect(await pushes()).toEqual({});
  });

  test('from the body of a GET too.', async () => {
    const { send, started } = await prepare();
    await send(request({ authorization: basic(LOGIN), body: form, contentType: FORM }));
    expect(started()).toHaveLength(1);
  });

  test.each<[string, unknown]>([
    ['names in another case', { ORDERNUMBER: ORDER, statuscode: 6, EventType: 'Certificate' }],
    ['names with underscores', { order_number: ORDER, status_code: '6' }],
    ['names with hyphens', { 'order-number': ORDER, 'Status-Code': 6 }],
    ['numbers', { orderNumber: Number(ORDER), statusCode: 6 }],
    ['spaces around values', { orderNumber: ` ${ORDER} `, statusCode: ' 6 ' }],
    ['an object around it', { event: { orderNumber: ORDER, statusCode: 6 } }],
    ['fields in several objects', { data: { order: { orderNumber: ORDER }, certificate: { statusCode: 6 } } }],
    ['names in two parts', { order: { number: ORDER }, status: { code: '6' } }],
    ['a list', [{ orderNumber: ORDER, statusCode: 6 }]],
    ['a list in an object', { events: [{ orderNumber: ORDER, statusCode: 6 }], sentAt: '2026-11-23' }],
    ['fields around a list', { statusCode: 6, orders: [{ orderNumber: ORDER }] }],
    ['an empty list beside it', { orderNumber: ORDER, statusCode: 6, errors: [] }],
    ['null and other fields', { orderNumber: ORDER, statusCode: 6, x: null, y: [null, 1], z: { a: { b: true } } }],
    [
      'a key that objects inherit',
      JSON.parse(`{"__proto__": {"orderNumber": "1"}, "orderNumber": "${ORDER}", "statusCode": 6}`),
    ],
  ])('as JSON with %s.', async (_, value) => {
    const { send, records, pushes, order } = await prepare();
    await order();

    await send(posted(JSON.stringify(value), 'application/json'));

    expect(records).toMatchObject([{ orderNumber: ORDER, statusCode: 6, outcome: 'started' }]);
    expect(await pushes()).toEqual({});
  });

  test.each<[string, unknown]>([
    [
      'a list',
      [
        { orderNumber: 1, statusCode: 6 },
        { orderNumber: 2, statusCode: 14 },
      ],
    ],
    [
      'a list with common fields',
      {
        eventType: 'Certificate',
        events: [
          { orderNumber: 1, statusCode: 6 },
          { orderNumber: 2, statusCode: 14 },
        ],
      },
    ],
    [
      'objects beside each other',
      { first: { orderNumber: 1, statusCode: 6 }, second: { orderNumber: 2, statusCode: 14 } },
    ],
  ])('with several notifications: %s.', async (_, value) => {
    const { send, started, records } = await prepare();

    expect(await send(posted(JSON.stringify(value)))).toMatchObject({ statusCode: 200 });

    expect(started().map(([name]) => name)).toEqual(['order-1-push-20261123', 'order-2-push-20261123']);
    expect(records).toMatchObject([
      { orderNumber: '1', statusCode: 6 },
      { orderNumber: '2', statusCode: 14 },
    ]);
  });
});

describe('The fields of a push', () => {
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

  test('do not include the certificates, which are in no record, response, execution or object.', async () => {
    const { send, started, records, pushes } = await prepare();

    const fields = { ...issued, certificate: CERTIFICATE, caCertificate: CERTIFICATE };
    const answers = [await send(post(LOGIN, fields)), await send(posted(JSON.stringify(fields)))];

    expect(answers).toMatchObject(Array(2).fill({ statusCode: 200, body: 'accepted: CollectMC is asked at once' }));
    expect(started()).toHaveLength(1);
    expect(JSON.stringify([answers, records, started(), await pushes()])).not.toMatch(/BEGIN|MIIE|"c(aC)?ertificate"/);
  });

  test('are read from a body of several megabytes.', async () => {
    const { send, started } = await prepare();
    await send(posted(`${form}&certificate=`.padEnd(5_000_000, 'A'), FORM));
    expect(started()).toHaveLength(1);
  });
});

describe('Reading a request', () => {
  const read = async (body: string, contentType?: string, query = '') =>
    readContent({ query, body: Buffer.from(body), contentType });

  test('never fails, whatever the request contains.', async () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ orderNumber: value, events: [value] })),
      fc.string().map((text) => `--b0\r\n${text}\r\n--b0--`),
    );
    const type = fc.option(fc.oneof(fc.string(), fc.constant('multipart/form-data; boundary=b0')), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(anything, type, anything, async (body, contentType, query) => {
        const { notifications } = await read(body, contentType, query);
        for (const fields of notifications) {
          readNotification(fields, (text) => text);
        }
      }),
    );
  });

  test('stops at a depth and at a number of notifications.', async () => {
    const deep = `${'['.repeat(200_000)}${'{"a":'.repeat(200_000)}`;
    expect((await read(deep)).notifications).toHaveLength(1);
    expect((await read(`${'{"a":'.repeat(20)}{"orderNumber":1}${'}'.repeat(20)}`)).notifications).toHaveLength(1);
    const many = await read(JSON.stringify(Array.from({ length: 51 }, (_, index) => ({ orderNumber: index + 1 }))));
    expect([many.notifications.length, many.hasMore]).toEqual([50, true]);
  });
});
