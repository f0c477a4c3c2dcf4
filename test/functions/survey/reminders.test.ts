import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readMarkCertificate } from '../../../functions/certificate/report.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { CAA_KEY } from '../../../functions/store/caa.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { findSuperseded } from '../../../functions/store/supersession.ts';
import { certificateRecord } from '../../../functions/survey/records.ts';
import { isDue, RemindersNotSentError, sendReminders } from '../../../functions/survey/reminders.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';
import { COLLECTOR, later, manifestOf, NOON, ORDER } from './samples.ts';
import {
  BUCKET,
  BUS,
  ordersOf,
  recordingObserver,
  runSurvey,
  type SurveyServers,
  startSurveyServers,
} from './survey-run.ts';

const TWO_DOMAINS = ['example.com', 'example.org'];
const RENEWAL = { notBefore: '2026-11-20T00:00:00.000Z', notAfter: '2027-11-20T23:59:59.000Z' };

/** Days left, the day of the first reminder, and whether a reminder is due. */
const DUE: [daysLeft: number, remindBeforeDays: number, due: boolean][] = [
  [31, 30, false],
  [30, 30, true],
  [29, 30, false],
  [15, 30, false],
  [14, 30, true],
  [13, 30, false],
  [8, 30, false],
  [7, 30, true],
  [6, 30, true],
  [5, 30, true],
  [4, 30, true],
  [3, 30, true],
  [2, 30, true],
  [1, 30, true],
  [0, 30, true],
  [-1, 30, true],
  [-7, 30, true],
  [-8, 30, false],
  [-14, 30, false],
  // The first reminder is later than some fixed days: these have none, and no day has two.
  [30, 14, false],
  [14, 14, true],
  [14, 10, false],
  [10, 10, true],
  [7, 10, true],
  [14, 7, false],
  [7, 7, true],
  [7, 3, false],
  [3, 3, true],
  [2, 3, true],
  [-1, 3, true],
  // The first reminder is earlier than 30 days.
  [60, 60, true],
  [30, 60, false],
  [14, 60, true],
];

/** The names of a certificate and of its renewal, and whether the renewal covers everything that it covers. */
const RENAMED: readonly [expected: boolean, before: readonly string[], after: readonly string[]][] = [
  [true, ['default._bimi.example.com'], ['example.com']],
  [true, ['winter._bimi.example.com'], ['example.com']],
  [true, ['default._bimi.example.com', 'winter._bimi.example.com'], ['example.com']],
  [true, ['default._bimi.example.com', 'example.com'], ['example.com']],
  [true, ['default._bimi.example.com', 'default._bimi.example.net'], ['example.net', 'example.com', 'example.org']],
  [true, ['default._bimi.mail.example.com'], ['mail.example.com']],
  [true, ['default._bimi.xn--bcher-kva.example'], ['xn--bcher-kva.example']],
  [true, ['Default._BIMI.Example.COM'], ['example.com']],
  [true, ['default._bimi.example.com.'], ['Example.com']],
  [true, ['EXAMPLE.com'], ['example.com.']],
  [true, ['default._bimi.example.com'], ['DEFAULT._bimi.example.com']],
  [false, ['example.com'], ['default._bimi.example.com']],
  [false, ['default._bimi.example.com'], ['winter._bimi.example.com']],
  [false, ['default._bimi.example.com', 'default._bimi.example.net'], ['example.com']],
  [false, ['default._bimi.mail.example.com'], ['example.com']],
  [false, ['default._bimi.example.com'], ['*.example.com']],
  [false, ['default._bimi.example.com'], ['com']],
];

/** Whether the newer of two certificates supersedes the older one. */
const SUCCESSORS: [
  when: string,
  supersedes: boolean,
  newer: Partial<StoredManifest>,
  older?: Partial<StoredManifest>,
][] = [
  ['it covers the same domains', true, RENEWAL],
  [
    'it covers the same domains in another order',
    true,
    { ...RENEWAL, domains: TWO_DOMAINS.toReversed() },
    { domains: TWO_DOMAINS },
  ],
  ['it covers more domains', true, { ...RENEWAL, domains: TWO_DOMAINS }],
  ['it is of another product', true, { ...RENEWAL, product: 'CMC' }],
  ...RENAMED.map(([expected, before, after]): (typeof SUCCESSORS)[number] => [
    `it is for ${after.join(' and ')} after ${before.join(' and ')}`,
    expected,
    { ...RENEWAL, domains: [...after] },
    { domains: [...before] },
  ]),
  ['it covers only a part of the domains', false, RENEWAL, { domains: TWO_DOMAINS }],
  ['it covers another domain', false, { ...RENEWAL, domains: ['example.net'] }],
  ['it covers a subdomain', false, { ...RENEWAL, domains: ['www.example.com'] }],
  ['both were issued in the same second', false, { ...RENEWAL, notBefore: '2025-11-24T00:00:00.000Z' }],
  ['it is not publishable', false, { ...RENEWAL, publishable: false }],
  [
    'its only error is an ordered domain that it lacks',
    true,
    {
      ...RENEWAL,
      publishable: false,
      findings: [{ id: 'domain-coverage', severity: 'error' as const, message: 'exmaple.com' }],
    },
  ],
];

describe('isDue', () => {
  test.each(DUE)('With %i days left and the first reminder at %i, it is %s.', (daysLeft, remindBeforeDays, due) => {
    expect(isDue(daysLeft, remindBeforeDays)).toBe(due);
  });
});

/** Whether a certificate is superseded by another one. */
const supersedes = (newer: StoredManifest, older: StoredManifest) => findSuperseded([newer, older]).has(older);

describe('findSuperseded', () => {
  test.each(SUCCESSORS)('If %s, the newer certificate supersedes the older one: %s.', (_, expected, newer, older) => {
    expect(supersedes(manifestOf('2', newer), manifestOf('1', older))).toBe(expected);
  });

  test('A certificate does not supersede itself.', () => {
    expect(supersedes(manifestOf('1'), manifestOf('1'))).toBe(false);
  });

  test('A certificate for a domain supersedes one for a selector of it, but not the other way round.', () => {
    const ofDomain = manifestOf('1', { domains: ['example.com'] });
    const ofSelector = manifestOf('2', { domains: ['winter._bimi.example.com'] });

    expect(supersedes({ ...ofDomain, ...RENEWAL }, ofSelector)).toBe(true);
    expect(supersedes({ ...ofSelector, ...RENEWAL }, ofDomain)).toBe(false);
  });
});

describe('sendReminders', () => {
  let servers: SurveyServers;
  beforeAll(async () => {
    servers = await startSurveyServers();
  });
  afterEach(() => servers.clear());
  afterAll(() => servers.close());

  interface SendOptions {
    readonly at?: string;
    readonly remindBeforeDays?: number;
    readonly published?: readonly string[];
    readonly sendDailyEvents?: boolean;
  }

  /** Sends the reminders of some manifests. Returns what was observed, and the error if it failed. */
  async function send(
    manifests: readonly StoredManifest[],
    { at = NOON, remindBeforeDays = 30, published = [], sendDailyEvents = true }: SendOptions = {},
  ) {
    const { observe, records } = recordingObserver();
    const read = manifests.map((manifest) => ({
      key: `orders/${manifest.orderNumber}/certificate.json`,
      content: certificateRecord(manifest),
    }));
    const error = await sendReminders({ read, damaged: [] }, new Set(published), new Map(), {
      collector: COLLECTOR,
      sendDailyEvents,
      eventBridge: servers.eventBridge,
      eventBusName: BUS,
      bucket: BUCKET,
      remindBeforeDays,
      observe,
      now: () => new Date(at),
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { surveyed: records.surveyed, reminded: records.reminded, error };
  }

  test.each(DUE)(
    'With %i days left and the first reminder at %i, a reminder is sent: %s.',
    async (daysLeft, remindBeforeDays, due) => {
      const manifest = manifestOf(ORDER, { notAfter: later(NOON, { days: daysLeft }) });

      const { error, reminded, surveyed } = await send([manifest], { remindBeforeDays });

      expect(error).toBeUndefined();
      expect(servers.reminders().map((reminder) => reminder.daysLeft)).toEqual(due ? [daysLeft] : []);
      expect(reminded).toEqual(servers.reminders());
      expect(surveyed).toEqual([
        { kept: 1, superseded: 0, damaged: 0, reminders: due ? 1 : 0, daysToExpiry: daysLeft },
      ]);
    },
  );

  test.each([
    ['2026-11-22T23:50:00.000Z', 31],
    ['2026-11-22T23:59:59.999Z', 31],
    ['2026-11-23T00:00:00.000Z', 30],
    ['2026-11-23T00:10:00.000Z', 30],
    ['2026-11-23T12:10:00.000Z', 30],
    ['2026-11-23T23:50:00.000Z', 30],
    ['2026-11-23T23:59:59.999Z', 30],
    ['2026-11-24T00:00:00.000Z', 29],
    ['2026-11-24T00:10:00.000Z', 29],
    // The moment of expiry, and those beside it.
    ['2026-12-23T00:10:00.000Z', 0],
    ['2026-12-23T08:29:59.999Z', 0],
    ['2026-12-23T08:30:00.000Z', 0],
    ['2026-12-23T08:30:00.001Z', 0],
    ['2026-12-23T23:50:00.000Z', 0],
    ['2026-12-24T00:00:00.000Z', -1],
  ])('At %s a certificate that expires on 23 December at 08:30 UTC has %i days left.', async (at, daysLeft) => {
    const manifest = manifestOf(ORDER, { notAfter: '2026-12-23T08:30:00.000Z' });

    const { surveyed, reminded } = await send([manifest], { at });

    expect(surveyed).toMatchObject([{ daysToExpiry: daysLeft }]);
    expect(reminded.map((reminder) => reminder.daysLeft)).toEqual([30, 0, -1].filter((due) => due === daysLeft));
  });

  test.each(
    ['00:00:00.000', '05:16:59.000', '05:17:00.000', '05:17:01.000', '23:59:59.000'].flatMap((time) =>
      ['00:10', '05:17', '12:10', '23:50'].map((schedule) => [time, schedule] as const),
    ),
  )(
    'A certificate that expires at %s has one reminder on each of its days although the survey of %s drifts.',
    async (time, schedule) => {
      const manifest = manifestOf(ORDER, { notAfter: `2026-12-23T${time}Z` });

      for (let day = 0; day <= 44; day++) {
        const seconds = [0, 59, -59, 1, -1][day % 5] ?? 0;
        await send([manifest], { at: later(`2026-11-20T${schedule}:00.000Z`, { days: day, seconds }) });
      }

      expect(servers.reminders().map(({ daysLeft }) => daysLeft)).toEqual([
        ...[30, 14, 7, 6, 5, 4, 3, 2, 1, 0],
        ...[-1, -2, -3, -4, -5, -6, -7],
      ]);
    },
  );

  test('A reminder describes the certificate and names its objects.', async () => {
    await send([manifestOf(ORDER)]);

    expect(servers.bus.calls).toEqual([
      [
        {
          EventBusName: BUS,
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Expiring',
          Detail: expect.any(String),
        },
      ],
    ]);
    expect(servers.reminders()).toEqual([
      {
        collector: COLLECTOR,
        orderNumber: ORDER,
        account: null,
        domains: ['example.com'],
        daysLeft: 30,
        notAfter: '2026-12-23T23:59:59.000Z',
        orderBy: '2026-12-09T00:00:00.000Z',
        owner: 'Example',
        product: 'VMC',
        markType: 'Registered Mark',
        fingerprintSha256: 'c0ffee',
        bucket: BUCKET,
        keys: {
          manifest: `orders/${ORDER}/certificate.json`,
          chain: `orders/${ORDER}/chain.pem`,
          logo: `orders/${ORDER}/logo.svg`,
        },
      },
    ]);
  });

  test('A reminder names the report, if the certificate has one.', async () => {
    const { logo, ...objects } = manifestOf(ORDER).objects;
    const report = { key: `orders/${ORDER}/report.html`, size: 1, sha256: 'aa'.repeat(32) };

    await send([manifestOf(ORDER, { objects: { ...objects, ...(logo && { logo }), report } })]);

    expect(servers.reminders()[0]?.keys).toMatchObject({ report: `orders/${ORDER}/report.html` });
  });

  test('A reminder names the CAA records that forbid a renewal, of at most three domains, and none that are unknown.', async () => {
    const domains = ['a.example', 'b.example', 'c.example', 'd.example', 'lame.example'];
    const problems = domains.map((domain) => ({
      domain,
      verdict: domain === 'lame.example' ? ('unknown' as const) : ('forbidden' as const),
      name: domain,
      records: ['0 issuevmc ";"'],
      message: `The CAA records of ${domain} forbid it.`,
      since: '2026-11-20T05:20:00.000Z',
      checkedAt: NOON,
    }));
    await servers.put(
      CAA_KEY,
      JSON.stringify({ schemaVersion: 1, checkedAt: NOON, problems, omitted: { forbidden: 0, unknown: 0 } }),
    );
    await servers.store(ORDER, { domains });
    await runSurvey(servers, { writesOverview: true });
    expect(servers.reminders()[0]?.caa).toEqual(
      domains.slice(0, 3).map((domain) => `The CAA records of ${domain} forbid it.`),
    );
  });

  test('A reminder has no field for an unknown owner, product, mark type or logo.', async () => {
    const { logo: _, ...objects } = manifestOf(ORDER).objects;

    await send([manifestOf(ORDER, { attributes: {}, product: null, markType: null, objects })]);

    const [reminder] = servers.reminders();
    expect(Object.keys(reminder ?? {})).toEqual([
      'collector',
      'orderNumber',
      'account',
      'domains',
      'daysLeft',
      'notAfter',
      'orderBy',
      'fingerprintSha256',
      'bucket',
      'keys',
    ]);
    expect(Object.keys(reminder?.keys ?? {})).toEqual(['manifest', 'chain']);
  });

  test('A certificate as the archive stores it has a reminder.', async () => {
    const authority = await openAuthority();
    const { chain } = authority.issue({ domains: ['example.com'], notBefore: new Date('2026-01-01T00:00:00Z') });
    const body = pkcs7(chain);
    const certificate = await readMarkCertificate(body, { at: new Date('2026-03-02T00:00:00Z') });
    await openArchive(s3Storage(servers.s3, BUCKET), ORDER).store({ container: 'pkcs7', body }, certificate, {
      execution: `order-${ORDER}`,
      collectedAt: '2026-03-02T08:00:00.000Z',
    });
    const { notAfter, domains, product, markType, fingerprintSha256 } = certificate.report;

    const { damaged, surveyed } = await runSurvey(servers, { now: () => new Date(later(notAfter, { days: -14 })) });

    expect(damaged).toEqual([]);
    expect(surveyed).toMatchObject([{ kept: 1, daysToExpiry: 14 }]);
    expect(servers.reminders()).toMatchObject([
      { orderNumber: ORDER, notAfter, domains, product, markType, fingerprintSha256 },
    ]);
  });

  describe('A certificate with a newer one', () => {
    const silent = { kept: 2, superseded: 1, reminders: 0, daysToExpiry: 362 };
    const reminded = { kept: 2, superseded: 0, reminders: 1, daysToExpiry: 30 };

    test.each(SUCCESSORS)('has no reminder if %s: %s.', async (_, superseded, newer, older) => {
      const { surveyed } = await send([manifestOf(ORDER, older), manifestOf('2', newer)]);

      expect(surveyed).toMatchObject([superseded ? silent : reminded]);
      expect(ordersOf(servers.reminders())).toEqual(superseded ? [] : [ORDER]);
    });

    test('is not superseded by two that cover its domains only together.', async () => {
      const { surveyed } = await send([
        manifestOf(ORDER, { domains: TWO_DOMAINS }),
        manifestOf('2', RENEWAL),
        manifestOf('3', { ...RENEWAL, domains: ['example.org'] }),
      ]);

      expect(surveyed).toMatchObject([{ superseded: 0, daysToExpiry: 30 }]);
      expect(ordersOf(servers.reminders())).toEqual([ORDER]);
    });

    test('does not count in the metric after it expired.', async () => {
      const { surveyed } = await send([
        manifestOf(ORDER, { notAfter: '2026-11-22T23:59:59.000Z' }),
        manifestOf('2', RENEWAL),
      ]);

      expect(surveyed).toMatchObject([silent]);
      expect(servers.reminders()).toEqual([]);
    });

    test('leaves the reminders to the newer one.', async () => {
      await send([manifestOf(ORDER), manifestOf('2', { ...RENEWAL, notAfter: '2026-12-07T23:59:59.000Z' })]);

      expect(servers.reminders()).toMatchObject([{ orderNumber: '2', daysLeft: 14 }]);
    });

    test('is not superseded while it is published.', async () => {
      const manifests = [manifestOf(ORDER, { fingerprintSha256: 'live' }), manifestOf('2', RENEWAL)];

      expect((await send(manifests, { published: ['live'] })).surveyed).toMatchObject([reminded]);
      expect((await send(manifests, { published: ['c0ffee'] })).surveyed).toMatchObject([silent]);
    });
  });

  test('Only certificates on one of their days have a reminder, and the metric is the nearest expiry.', async () => {
    const manifests = Object.entries({ 1: 30, 2: 200, 3: 0, 4: -5, 5: 14, 6: -8 }).map(([orderNumber, days]) =>
      manifestOf(orderNumber, { domains: [`${orderNumber}.example`], notAfter: later(NOON, { days }) }),
    );

    const { surveyed } = await send(manifests);

    expect(surveyed).toEqual([{ kept: 6, superseded: 0, damaged: 0, reminders: 4, daysToExpiry: -8 }]);
    expect(servers.reminders().map(({ orderNumber, daysLeft }) => [orderNumber, daysLeft])).toEqual([
      ['1', 30],
      ['3', 0],
      ['4', -5],
      ['5', 14],
    ]);
  });

  test('An expired certificate does not silence the reminders of another one.', async () => {
    const expired = manifestOf('1', { domains: ['1.example'], notAfter: later(NOON, { days: -40 }) });
    const expiring = manifestOf('2', { domains: ['2.example'], notAfter: later(NOON, { days: 3 }) });

    await send([expired, expiring]);

    expect(ordersOf(servers.reminders())).toEqual(['2']);
  });

  test('After days without a survey, the next one sends a reminder of a certificate that expired meanwhile.', async () => {
    const manifest = manifestOf(ORDER, { notAfter: later(NOON, { days: -4 }) });

    await send([manifest]);

    expect(servers.reminders()).toMatchObject([{ orderNumber: ORDER, daysLeft: -4 }]);
  });

  test('After a deployment, reminders are counted but not sent.', async () => {
    const { surveyed } = await send([manifestOf(ORDER)], { sendDailyEvents: false });

    expect(surveyed).toMatchObject([{ kept: 1, reminders: 1, daysToExpiry: 30 }]);
    expect(servers.bus.calls).toEqual([]);
  });

  test('One call sends ten reminders.', async () => {
    const orders = Array.from({ length: 21 }, (_, index) => String(1000 + index));

    const { reminded } = await send(orders.map((orderNumber) => manifestOf(orderNumber)));

    expect(servers.bus.calls.map((entries) => entries.length)).toEqual([10, 10, 1]);
    expect(ordersOf(servers.reminders())).toEqual(orders);
    expect(ordersOf(reminded)).toEqual(orders);
  });

  test('The reminder of a certificate with thousands of names is small enough for EventBridge.', async () => {
    const domains = Array.from({ length: 5000 }, (_, index) => `${'x'.repeat(60)}${index}.example`);

    const { error, reminded } = await send([manifestOf('1000', { domains }), manifestOf('1001')]);

    expect(error).toBeUndefined();
    expect(ordersOf(reminded)).toEqual(['1000', '1001']);
    expect(reminded[0]?.domains).toEqual(domains.slice(0, reminded[0]?.domains.length));
    expect(reminded[0]?.domains.length).toBeGreaterThan(100);
  });

  test('If some reminders are refused, the others are sent, the error names those, and a repetition sends all.', async () => {
    const orders = Array.from({ length: 12 }, (_, index) => String(1000 + index));
    const manifests = orders.map((orderNumber) => manifestOf(orderNumber));
    const failing = ['1003', '1011'];
    servers.bus.refuse = ({ Detail }) =>
      failing.includes(JSON.parse(Detail).orderNumber)
        ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }
        : undefined;

    const first = await send(manifests);

    expect(first.error).toBeInstanceOf(RemindersNotSentError);
    expect(first.error).toMatchObject({
      name: 'RemindersNotSentError',
      message:
        'EventBridge did not accept the reminders of order 1003 (InternalFailure: try again), order 1011 (InternalFailure: try again)',
    });
    expect(ordersOf(first.reminded)).toEqual(orders.filter((orderNumber) => !failing.includes(orderNumber)));

    servers.bus.refuse = () => undefined;
    const second = await send(manifests);
    expect(second.error).toBeUndefined();
    expect(ordersOf(second.reminded)).toEqual(orders);
  });
});
