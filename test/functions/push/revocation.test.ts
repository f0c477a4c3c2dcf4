import { describe, expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { basic, get, request } from './request.ts';

const revoked = { ...issued, statusCode: '8' };
const EXECUTION = `order-${ORDER}-push-20261123`;
const REFUSAL = { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };

test('A reported revocation starts an execution and sends an event that is not confirmed.', async () => {
  const { send, started, bus, order } = await prepare();
  await order({ domains: ['example.com'], account: 'brand-a' });

  expect(await send(get(LOGIN, { ...revoked, statusDesc: 'pre-revocation' }))).toMatchObject({ statusCode: 200 });

  expect(started().map(([name]) => name)).toEqual([EXECUTION]);
  expect(bus.calls).toEqual([
    [
      {
        EventBusName: 'brand-events',
        Source: 'mark-certificate-collector',
        DetailType: 'Mark Certificate Revoked',
        Detail: expect.any(String),
      },
    ],
  ]);
  expect(bus.calls.flat().map(({ Detail }) => JSON.parse(Detail))).toEqual([
    {
      collector: 'acme',
      orderNumber: ORDER,
      account: 'brand-a',
      domains: ['example.com'],
      confirmed: false,
      source: 'push',
      text: `The CA reported by push that it revoked the certificate of order ${ORDER} (pre-revocation)`,
      knownSince: '2026-11-23T10:00:00.000Z',
      execution: EXECUTION,
    },
  ]);
});

test('A reported revocation of an order that has no domains sends an event without a domain.', async () => {
  const { send, bus } = await prepare();
  await send(get(LOGIN, revoked));
  const [detail] = bus.calls.flat().map(({ Detail }) => JSON.parse(Detail));
  expect(detail).toMatchObject({ domains: [], text: expect.stringMatching(/certificate of order 1378973013$/) });
});

test.each(['3', '6', '7', '12', '14'])('A push with statusCode %s sends no event.', async (statusCode) => {
  const { send, bus } = await prepare();
  await send(get(LOGIN, { ...issued, statusCode }));
  expect(bus.calls).toEqual([]);
});

test('If the event is not accepted, the answer is 500, and the repeated push sends it.', async () => {
  const { send, started, records, bus } = await prepare();
  bus.refuse = () => REFUSAL;

  expect(await send(get(LOGIN, revoked))).toMatchObject({ statusCode: 500 });

  expect(started()).toHaveLength(1);
  expect(records).toMatchObject([
    { outcome: 'refused', problem: expect.stringContaining('InternalFailure: try again') },
  ]);
  bus.refuse = () => undefined;
  expect(await send(get(LOGIN, revoked))).toMatchObject({ statusCode: 200 });
  expect(started()).toHaveLength(1);
  expect(bus.calls).toHaveLength(2);
});

describe('An announced revocation', () => {
  const announced = { orderNumber: ORDER, eventType: 'PreRevocationNotification' };
  const reason = {
    revocationReasonCode: 5,
    revocationReasonName: 'cessationOfOperation',
    revocationDate: '2026-12-01T00:00:00Z',
    removedDomains: ['example.com', 'example.org'],
    'bimi-l': 'https://example.com/logo.svg',
    'bimi-a': 'https://example.com/chain.pem',
  };
  const DETAILS =
    'reason cessationOfOperation; reason code 5; removed domains: example.com, example.org; revocationDate 2026-12-01T00:00:00Z';
  const form = (fields: Readonly<Record<string, unknown>>) =>
    String(new URLSearchParams(Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)])));
  const body = JSON.stringify({ ...announced, ...reason });

  test.each([
    ['as JSON', body, DETAILS],
    ['as a form', form({ ...announced, ...reason, removedDomains: 'example.com, example.org' }), DETAILS],
    ['with nothing but its order', form(announced), ''],
    ['in lower case', JSON.stringify({ ordernumber: ORDER, eventtype: 'prerevocationnotification' }), ''],
    ['in another field', JSON.stringify({ order: { orderNumber: ORDER }, event: 'PRE_REVOCATION_NOTIFICATION' }), ''],
    ['as the name of an object', JSON.stringify({ PreRevocationNotification: { orderNumber: Number(ORDER) } }), ''],
    ['with a statusCode', form({ ...announced, statusCode: '12', statusDesc: 'soon' }), 'soon'],
    ['with a code that is not documented', form({ ...announced, statusCode: '77' }), ''],
  ])('is reported at once, and CollectMC is asked: %s.', async (_, sent, details) => {
    const { send, started, bus, order, pushes, records } = await prepare();
    await order({ domains: ['example.com'] });

    expect(await send(request({ method: 'POST', authorization: basic(LOGIN), body: sent }))).toMatchObject({
      statusCode: 200,
      body: 'accepted: CollectMC is asked at once',
    });

    expect(started()).toEqual([
      [EXECUTION, { orderNumber: ORDER, domains: ['example.com'], request: 'push-pre-revocation-20261123' }],
    ]);
    expect(bus.calls.flat().map(({ Detail }) => JSON.parse(Detail))).toEqual([
      {
        ...{ collector: 'acme', orderNumber: ORDER, account: null, domains: ['example.com'] },
        ...{ confirmed: false, source: 'push', knownSince: '2026-11-23T10:00:00.000Z', execution: EXECUTION },
        text: `The CA announced by push that it will revoke the certificate of order ${ORDER}${details && ` (${details})`}`,
      },
    ]);
    expect(await pushes()).toEqual({});
    expect(records).toMatchObject([{ orderNumber: ORDER, outcome: 'started', revocation: true }]);
  });

  test('asks once beside an execution that collects the order.', async () => {
    const { send, started, bus, startByHand } = await prepare();
    await startByHand(`order-${ORDER}`, { orderNumber: ORDER });

    await send(get(LOGIN, announced));

    const request = 'push-pre-revocation-20261123';
    expect(started().at(-1)).toEqual([`order-${ORDER}-${request}`, { orderNumber: ORDER, request, once: true }]);
    expect(bus.calls).toHaveLength(1);
  });

  test('without an order is stored, because nobody can know what it is about.', async () => {
    const { send, bus, pushes } = await prepare();

    await send(get(LOGIN, { eventType: 'PreRevocationNotification', certificateID: '7' }));

    expect(bus.calls).toEqual([]);
    expect(Object.values(await pushes())).toHaveLength(1);
  });

  test('has a text without secrets and of a limited length.', async () => {
    const { send, bus, order } = await prepare();
    await order();
    const revocationReasonName = `${LOGIN.password} ${'r'.repeat(1000)}`;

    await send(get(LOGIN, { ...announced, revocationReasonName, revocationDate: 'd'.repeat(1000) }));

    const [detail] = bus.calls.flat().map(({ Detail }) => JSON.parse(Detail));
    expect(detail.text).toMatch(/^The CA announced .*rrr…; revocationDate d+…\)$/);
    expect(detail.text.length).toBeLessThan(400);
    expect(detail.text).not.toContain(LOGIN.password);
  });
});
