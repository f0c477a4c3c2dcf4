import { expect, test } from 'vitest';
import { issued, LOGIN, ORDER, prepare } from './prepare.ts';
import { get } from './request.ts';

const revoked = { ...issued, statusCode: '8' };
const EXECUTION = `order-${ORDER}-push-8-20261123`;
const REFUSAL = { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };

test('A reported revocation starts an execution and sends an event that is not confirmed.', async () => {
  const { send, started, bus, startByHand } = await prepare();
  await startByHand(`order-${ORDER}`, { orderNumber: ORDER, domains: ['example.com'] });

  expect(await send(get(LOGIN, { ...revoked, statusDesc: 'pre-revocation' }))).toMatchObject({ statusCode: 200 });

  expect(started().map(([name]) => name)).toEqual([`order-${ORDER}`, EXECUTION]);
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
      account: null,
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
