import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import type { PublicationRecord } from '../../../functions/survey/records.ts';
import { secondsUntilTurn } from '../../../functions/survey/renewal-turns.ts';
import {
  becameValid,
  endsWithoutSuccessor,
  RenewalChecksNotStartedError,
  type RenewalRecords,
} from '../../../functions/survey/renewals.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { COLLECTOR, later, manifestOf, NOON, ORDER, pairOf, recordOf, statusOf } from './samples.ts';
import { type RunOptions, runSurvey, type SurveyServers, startSurveyServers } from './survey-run.ts';

const VALIDITY = {
  id: 'validity',
  severity: 'error',
  message: 'the chain is not valid at the time of the check',
} as const;

/** A certificate that was received before it was valid, and has been valid for an hour at NOON. */
const WAITED: Partial<StoredManifest> = {
  publishable: false,
  findings: [VALIDITY],
  collectedAt: '2026-11-20T08:00:00.000Z',
  notBefore: '2026-11-23T11:00:00.000Z',
  notAfter: '2027-11-23T11:00:00.000Z',
};
const EXECUTION = `order-${ORDER}-renewal-20261123`;

describe('A certificate that was not valid yet is checked again', () => {
  const NEWER = { notBefore: later(NOON, { seconds: -60 }) };

  test.each<[when: string, isChecked: boolean, changes: Partial<StoredManifest>]>([
    ['it has become valid', true, {}],
    ['it becomes valid in this moment', true, { notBefore: NOON }],
    [
      'it has warnings too',
      true,
      { findings: [VALIDITY, { id: 'policy', severity: 'warning', message: 'no policy' }] },
    ],
    ['it has been valid for a month', true, { notBefore: later(NOON, { days: -30 }) }],
    ['it has been valid for longer', false, { notBefore: later(NOON, { days: -30, seconds: -1 }) }],
    ['it is not valid yet', false, { notBefore: later(NOON, { seconds: 1 }) }],
    ['it has expired', false, { notAfter: later(NOON, { seconds: -1 }) }],
    ['it is publishable', false, { publishable: true, findings: [] }],
    [
      'it lacks one of the ordered domains',
      true,
      { findings: [VALIDITY, { id: 'domain-coverage', severity: 'error', message: 'example.net' }] },
    ],
    [
      'it only lacks one of the ordered domains',
      false,
      { findings: [{ id: 'domain-coverage', severity: 'error', message: 'example.net' }] },
    ],
    ['it has another error', false, { findings: [VALIDITY, { id: 'sct', severity: 'error', message: 'wrong' }] }],
    ['it has only another error', false, { findings: [{ id: 'sct', severity: 'error', message: 'wrong' }] }],
  ])('if %s: %s.', (_, isChecked, changes) => {
    const manifest = recordOf(ORDER, { ...WAITED, ...changes });
    const good = recordOf(ORDER, { notBefore: '2025-01-01T00:00:00.000Z' });
    expect(becameValid([manifest], [], new Date(NOON))).toEqual(isChecked ? [manifest] : []);
    expect(becameValid([good], [manifest], new Date(NOON))).toEqual(isChecked ? [manifest] : []);
  });

  test.each<[title: string, isChecked: boolean, current: Partial<StoredManifest>[]]>([
    ['an older one is current', true, [{}]],
    ['a newer one is current', false, [NEWER]],
    ['one of the same second is current', false, [{ notBefore: String(WAITED.notBefore) }]],
    ['a newer one is current, which is not publishable', true, [{ ...NEWER, publishable: false }]],
    ['none is current', true, []],
  ])('if %s: %s.', (_, isChecked, current) => {
    const manifest = recordOf(ORDER, WAITED);
    const manifests = [...current.map((changes) => recordOf(ORDER, changes)), recordOf('7')];
    expect(becameValid(manifests, [manifest], new Date(NOON))).toEqual(isChecked ? [manifest] : []);
  });

  test('once for an order with several, the latest first.', () => {
    const manifests = [1, 3, 2].map((days) => recordOf(ORDER, { ...WAITED, notBefore: later(NOON, { days: -days }) }));
    const other = recordOf('7', WAITED);
    expect(becameValid([], [...manifests, other], new Date(NOON))).toEqual([other, manifests[0]]);
  });
});

describe('A survey', () => {
  let servers: SurveyServers;
  beforeAll(async () => {
    servers = await startSurveyServers();
  });
  afterEach(() => servers.clear());
  afterAll(() => servers.close());

  const run = (options?: RunOptions) => runSurvey(servers, options);

  test('starts one quiet check of the order, with everything that is known of it.', async () => {
    await servers.store(ORDER, { account: 'brand-a' });
    await servers.storeSuperseded(ORDER, 'beef', WAITED);
    await servers.put(
      `orders/${ORDER}/order.json`,
      JSON.stringify({
        schemaVersion: 1,
        collector: COLLECTOR,
        orderNumber: ORDER,
        options: { account: 'brand-b', domains: ['example.com'], product: 'CMC', selector: 'winter', replace: true },
        execution: `order-${ORDER}`,
        orderedAt: '2026-11-01T00:00:00.000Z',
        updatedAt: '2026-11-01T00:00:00.000Z',
      }),
    );

    const { error, renewalChecks, damaged, surveyed } = await run();

    expect(error).toBeUndefined();
    expect(damaged).toEqual([]);
    expect(surveyed).toMatchObject([{ kept: 1 }]);
    expect(renewalChecks).toEqual([{ orderNumber: ORDER, fingerprintSha256: 'beef', execution: EXECUTION }]);
    expect([...servers.executions.started]).toEqual([
      [
        EXECUTION,
        {
          orderNumber: ORDER,
          account: 'brand-b',
          domains: ['example.com'],
          product: 'CMC',
          selector: 'winter',
          once: true,
        },
      ],
    ]);
  });

  test('knows the order by its manifest or status if nothing else is stored.', async () => {
    await servers.store(ORDER, {
      ...WAITED,
      account: 'brand-a',
      ordered: { domains: ['example.org'], selector: null, product: null },
    });
    await servers.store('7', WAITED);
    await servers.storeStatus(statusOf('7', { account: 'brand-c', state: 'issued', reason: undefined }));

    await run();

    expect(servers.executions.started.get(EXECUTION)).toEqual({
      orderNumber: ORDER,
      account: 'brand-a',
      domains: ['example.org'],
      once: true,
    });
    expect(servers.executions.started.get('order-7-renewal-20261123')).toMatchObject({
      account: 'brand-c',
      once: true,
    });
  });

  test('starts one check a day, also after a deployment, until the certificate is publishable.', async () => {
    await servers.store(ORDER, WAITED);

    const checksOf = async (options: RunOptions) =>
      (await run(options)).renewalChecks.map(({ execution }) => execution);
    expect(await checksOf({ sendDailyEvents: false })).toEqual([EXECUTION]);
    expect(await checksOf({})).toEqual([]);
    const tomorrow = () => new Date(later(NOON, { days: 1 }));
    expect(await checksOf({ now: tomorrow })).toEqual([`order-${ORDER}-renewal-20261124`]);
    await servers.store(ORDER, { ...WAITED, publishable: true, findings: [] });
    expect(await checksOf({ now: () => new Date(later(NOON, { days: 2 })) })).toEqual([]);
  });

  test('starts no other after the CA has revoked the certificate, because each would report it again.', async () => {
    await servers.store(ORDER, { ...WAITED, notBefore: later(NOON, { days: -6 }) });
    const end = (day: string, status: number) =>
      servers.executions.ended.push({
        name: `order-${ORDER}-renewal-${day}`,
        status: 'SUCCEEDED',
        startDate: NOON,
        stopDate: NOON,
        output: JSON.stringify({ orderNumber: ORDER, collection: { outcome: 'ended', status, checks: 1 } }),
      });
    const checksOn = async (days: number) =>
      (await run({ now: () => new Date(later(NOON, { days })) })).renewalChecks.map(({ execution }) => execution);

    end('20261118', -21);
    end('20261119', 0);
    expect(await checksOn(0)).toEqual([EXECUTION]);
    end('20261123', -21);
    expect(await checksOn(1)).toEqual([]);
    expect(await checksOn(20)).toEqual([]);
  });

  test('starts none while another execution of the order runs, because that one judges the certificate too.', async () => {
    await servers.store(ORDER, WAITED);
    await servers.store('7', WAITED);
    servers.executions.running.add(`order-${ORDER}-again`);

    await run();

    expect([...servers.executions.started.keys()]).toEqual(['order-7-renewal-20261123']);
  });

  test('starts none without executions, and needs no list of executions without a certificate.', async () => {
    await servers.store(ORDER, WAITED);
    await run({ withExecutions: false });
    expect(servers.executions.started.size).toBe(0);

    await servers.store(ORDER);
    const { requests } = servers.executions;
    const before = requests;
    await run();
    // The comparison of statuses lists them once.
    expect(servers.executions.requests - before).toBe(1);
  });

  test('starts a limited number, the newest first, and reports the rest.', async () => {
    const orders = Array.from({ length: 103 }, (_, index) => String(1000 + index));
    for (const [index, orderNumber] of orders.entries()) {
      await servers.store(orderNumber, { ...WAITED, notBefore: later(NOON, { seconds: -index }) });
    }

    const { error } = await run();

    expect(error).toBeInstanceOf(RenewalChecksNotStartedError);
    expect(error).toMatchObject({ message: '3 more orders are left for the next survey' });
    expect([...servers.executions.started.keys()].toSorted()).toEqual(
      orders.slice(0, 100).map((orderNumber) => `order-${orderNumber}-renewal-20261123`),
    );
  });

  test('continues after a check that cannot be started, and reports it.', async () => {
    await servers.store('1', WAITED);
    await servers.store('2', WAITED);
    servers.executions.beforeStart = (name) => {
      if (name.startsWith('order-1-')) {
        throw new ServiceError('ExecutionLimitExceeded', 'too many executions');
      }
    };

    const { error } = await run();

    expect(error).toMatchObject({
      name: 'RenewalChecksNotStartedError',
      message: expect.stringContaining('order-1-renewal-20261123 could not be started (ExecutionLimitExceeded'),
    });
    expect([...servers.executions.started.keys()]).toEqual(['order-2-renewal-20261123']);
  });

  test('ignores a superseded manifest in the folder of another certificate, and reports it as damaged.', async () => {
    await servers.store(ORDER);
    await servers.put(`orders/${ORDER}/superseded/other/certificate.json`, JSON.stringify(manifestOf(ORDER, WAITED)));

    const { damaged } = await run();

    expect(damaged).toMatchObject([{ key: `orders/${ORDER}/superseded/other/certificate.json` }]);
    expect(servers.executions.started.size).toBe(0);
  });
});

/** A certificate that ends 20 days after NOON. */
const ENDING = { notBefore: '2025-12-13T12:00:00.000Z', notAfter: later(NOON, { days: 20 }) };

describe('A certificate that ends soon leads to renewal checks', () => {
  const NEWER = { notBefore: later(NOON, { days: -3 }), notAfter: later(NOON, { days: 370 }) };
  const published = (changes: Partial<PublicationRecord>): PublicationRecord => ({
    domain: 'example.com',
    selector: 'default',
    revokedAt: null,
    live: { ...pairOf('example.com'), fingerprintSha256: manifestOf(ORDER).fingerprintSha256 },
    previous: [],
    ...changes,
  });
  const revokedOn = (since: string) =>
    statusOf(ORDER, { state: 'failed', reason: undefined, error: 'CertificateRevoked', since });

  test.each<[when: string, isAsked: boolean, changes: Partial<StoredManifest>, others?: Partial<RenewalRecords>]>([
    ['it ends within the time', true, {}],
    ['it ends at the beginning of the time', true, { notAfter: later(NOON, { days: 45 }) }],
    ['it ends later', false, { notAfter: later(NOON, { days: 45, seconds: 1 }) }],
    ['it ends in this moment', true, { notAfter: NOON }],
    ['it has ended within the time', true, { notAfter: later(NOON, { days: -45 }) }],
    ['it has ended earlier', false, { notAfter: later(NOON, { days: -45, seconds: -1 }) }],
    ['release 0.1.0 stored it', true, { account: undefined, ordered: undefined, receivers: undefined }],
    [
      'it cannot be published',
      true,
      { publishable: false, findings: [{ id: 'sct', severity: 'error', message: 'wrong' }] },
    ],
    [
      'its CRL contains it',
      false,
      { publishable: false, findings: [{ id: 'revoked', severity: 'error', message: 'revoked' }] },
    ],
    ['a check beside others found that it is revoked', false, { revokedAt: NOON }],
    ['its order failed because it is revoked', false, {}, { statuses: [revokedOn(NOON)] }],
    [
      'it was collected after its order failed because the one before is revoked',
      true,
      {},
      { statuses: [revokedOn(later(manifestOf(ORDER).collectedAt, { seconds: -1 }))] },
    ],
    ['its order failed for another reason', true, {}, { statuses: [statusOf(ORDER, { state: 'failed' })] }],
    ['it is published', true, {}, { served: [published({})] }],
    ['it is published and marked as revoked', false, {}, { served: [published({ revokedAt: NOON })] }],
    ['a newer one of its order was received', false, {}, { superseded: [recordOf(ORDER, NEWER)] }],
    [
      'a newer one of its order was received, which cannot be used',
      true,
      {},
      { superseded: [recordOf(ORDER, { ...NEWER, publishable: false, findings: [VALIDITY] })] },
    ],
    ['another order has a newer one for its domains', false, {}, { current: [recordOf('7', NEWER)] }],
    [
      'another order has a newer one for its domains, but it is still published, as for another selector',
      true,
      {},
      { current: [recordOf('7', { ...NEWER, fingerprintSha256: 'beef' })], served: [published({ selector: 'brand' })] },
    ],
    [
      'another order has a newer one for its domains, which is published in its place',
      false,
      {},
      {
        current: [recordOf('7', { ...NEWER, fingerprintSha256: 'beef' })],
        served: [published({ live: { ...published({}).live, orderNumber: '7', fingerprintSha256: 'beef' } })],
      },
    ],
    [
      'another order has a newer one for more domains',
      false,
      {},
      { current: [recordOf('7', { ...NEWER, domains: ['example.net', 'EXAMPLE.com'] })] },
    ],
    [
      'another order has a newer one for other domains',
      true,
      { domains: ['example.com', 'example.org'] },
      { current: [recordOf('7', NEWER)] },
    ],
    [
      'another order has an older one for its domains',
      true,
      {},
      {
        current: [
          recordOf('7', { ...ENDING, notBefore: later(ENDING.notBefore, { days: -1 }), notAfter: NEWER.notAfter }),
        ],
      },
    ],
  ])('if %s: %s.', (_, isAsked, changes, others = {}) => {
    const manifest = recordOf(ORDER, { ...ENDING, ...changes });
    const records = { superseded: [], statuses: [], served: [], ...others };
    const current = [manifest, ...(others.current ?? [])];

    const orders = endsWithoutSuccessor({ ...records, current }, 45, new Date(NOON)).map(
      ({ orderNumber }) => orderNumber,
    );

    expect(orders.includes(ORDER)).toBe(isAsked);
  });

  test('the first end first, and none if the setting is off.', () => {
    const current = [20, -3, 11].map((days, index) =>
      recordOf(String(index + 1), { notAfter: later(NOON, { days }), domains: [`${index}.example`] }),
    );
    const records = { current, superseded: [], statuses: [], served: [] };
    const ordersOf = (days: number) =>
      endsWithoutSuccessor(records, days, new Date(NOON)).map(({ orderNumber }) => orderNumber);

    expect(ordersOf(45)).toEqual(['2', '3', '1']);
    expect(ordersOf(0)).toEqual([]);
  });
});

describe('A survey that asks for the next certificates', () => {
  let servers: SurveyServers;
  beforeAll(async () => {
    servers = await startSurveyServers();
  });
  afterEach(() => servers.clear());
  afterAll(() => servers.close());

  const run = (options?: RunOptions) => runSurvey(servers, { askAgainDays: 45, ...options });
  const started = async (options?: RunOptions) =>
    (await run(options)).renewalChecks.map(({ execution }) => execution).toSorted();
  /** A certificate for a domain that no other one covers. */
  const endingOf = (orderNumber: string): Partial<StoredManifest> => ({
    ...ENDING,
    domains: [`order-${orderNumber}.example`],
  });

  test('starts one quiet check of the order at its time of the day, with everything that is known of it.', async () => {
    await servers.store(ORDER, {
      ...ENDING,
      account: 'brand-a',
      ordered: { domains: ['example.com'], selector: 'winter', product: 'CMC' },
    });

    const { error, renewalChecks, renewals } = await run();

    const delaySeconds = secondsUntilTurn(ORDER, new Date(NOON));
    expect(error).toBeUndefined();
    expect(renewalChecks).toEqual([
      { orderNumber: ORDER, fingerprintSha256: 'c0ffee', execution: EXECUTION, delaySeconds },
    ]);
    expect(renewals).toEqual([{ ending: 1, everyDays: 1, due: 1, blocked: 0 }]);
    expect(servers.executions.started.get(EXECUTION)).toEqual({
      orderNumber: ORDER,
      account: 'brand-a',
      domains: ['example.com'],
      product: 'CMC',
      selector: 'winter',
      once: true,
      delaySeconds,
    });
  });

  test('starts one check a day, whichever survey of the day comes first.', async () => {
    await servers.store(ORDER, ENDING);
    const at = (time: string) => ({ now: () => new Date(time) });

    expect(await started({ ...at('2026-11-23T05:17:00Z'), sendDailyEvents: false })).toEqual([EXECUTION]);
    expect(await started(at('2026-11-23T05:18:00Z'))).toEqual([]);
    expect(await started(at('2026-11-23T23:59:59Z'))).toEqual([]);
    expect(await started(at('2026-11-24T05:17:00Z'))).toEqual([`order-${ORDER}-renewal-20261124`]);
  });

  test('starts none while an execution of the order runs, also the check of the day before.', async () => {
    await servers.store(ORDER, endingOf(ORDER));
    await servers.store('7', endingOf('7'));
    servers.executions.running.add(`order-${ORDER}-renewal-20261122`);

    expect(await started()).toEqual(['order-7-renewal-20261123']);
  });

  test('starts none at once for a certificate that has just become valid, and another one at its time.', async () => {
    await servers.store(ORDER, { ...WAITED, notAfter: ENDING.notAfter });

    const { renewalChecks } = await run();

    expect(renewalChecks).toEqual([{ orderNumber: ORDER, fingerprintSha256: 'c0ffee', execution: EXECUTION }]);
  });

  test.each<[kind: string, isAsked: boolean, changes: Partial<OrderStatus>]>([
    ['waits because its login is rejected', false, { state: 'waiting', reason: 'credentials' }],
    ['waits because of the limit of calls', false, { state: 'waiting', reason: 'call-limit' }],
    ['waits for another reason', true, { state: 'waiting', reason: 'processing' }],
    ['waited, and has failed since', true, { state: 'failed', reason: 'credentials' }],
    ['has another account', true, { state: 'waiting', reason: 'credentials', account: 'brand-b' }],
    ['has the default account', true, { state: 'waiting', reason: 'credentials', account: null }],
    ['belongs to another collector', true, { state: 'waiting', reason: 'credentials', collector: 'other' }],
  ])('if another order of the account %s: %s.', async (_, isAsked, changes) => {
    await servers.store(ORDER, { ...ENDING, account: 'brand-a' });
    await servers.storeStatus(statusOf('7', { account: 'brand-a', ...changes }));
    servers.executions.running.add('order-7');

    const { renewalChecks, renewals } = await run();

    expect(renewalChecks).toHaveLength(isAsked ? 1 : 0);
    expect(renewals).toMatchObject([{ due: 1, blocked: isAsked ? 0 : 1 }]);
  });

  test('leaves the orders of another collector in the same bucket to it.', async () => {
    await servers.store(ORDER, { ...endingOf(ORDER), collector: 'other' });
    await servers.store('7', { ...endingOf('7'), collector: COLLECTOR });
    await servers.store('8', { ...WAITED, domains: ['order-8.example'], collector: 'other' });

    expect(await started()).toEqual(['order-7-renewal-20261123']);
  });

  test('starts none and lists executions for nothing if the setting is off.', async () => {
    await servers.store(ORDER, ENDING);

    expect(await run({ askAgainDays: 0 })).toMatchObject({ error: undefined, renewalChecks: [], renewals: [] });
    // The comparison of statuses lists them once.
    expect(servers.executions.requests).toBe(1);
  });

  test('continues after a check that cannot be started, reports it, and starts only this one if it is repeated.', async () => {
    for (const orderNumber of ['1', '2']) {
      await servers.store(orderNumber, endingOf(orderNumber));
    }
    servers.executions.beforeStart = (name) => {
      if (name.startsWith('order-1-')) {
        throw new ServiceError('ThrottlingException', 'Rate exceeded');
      }
    };

    const { error } = await run();

    expect(error).toMatchObject({ message: expect.stringContaining('order-1-renewal-20261123 could not be started') });
    expect([...servers.executions.started.keys()]).toEqual(['order-2-renewal-20261123']);
    servers.executions.beforeStart = () => {};
    expect(await started()).toEqual(['order-1-renewal-20261123']);
  });
});
