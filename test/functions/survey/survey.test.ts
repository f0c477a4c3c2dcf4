import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readMarkCertificate } from '../../../functions/certificate/report.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { createHandler } from '../../../functions/survey/handler.ts';
import { type Reminder, RemindersNotSentError, type SurveySummary } from '../../../functions/survey/reminders.ts';
import { survey } from '../../../functions/survey/survey.ts';
import { createCertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';
import { type EventBus, startEventBus } from './event-bus.ts';

const BUCKET = 'certificates';
const BUS = 'brand-events';
const ORDER = '1378973013';
const DAY = 86_400_000;
const NOON = '2026-11-23T12:00:00.000Z';

let server: S3Server;
let bus: EventBus;
let s3: S3Client;
let eventBridge: EventBridgeClient;

beforeEach(async () => {
  server = await startS3Server();
  bus = await startEventBus();
  const config = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' }, maxAttempts: 1 };
  s3 = new S3Client({ ...config, endpoint: server.url, forcePathStyle: true });
  eventBridge = new EventBridgeClient({ ...config, endpoint: bus.url });
});

afterEach(async () => {
  s3.destroy();
  eventBridge.destroy();
  await Promise.all([server.close(), bus.close()]);
});

/** What a manifest says of a certificate that ends 30 days after NOON; a test changes what it is about. */
function manifestOf(orderNumber: string, changes: object = {}) {
  return {
    schemaVersion: 1,
    orderNumber,
    execution: `order-${orderNumber}`,
    collectedAt: '2025-11-24T08:00:00.000Z',
    product: 'VMC',
    markType: 'Registered Mark',
    attributes: { organizationName: ['Example'] },
    domains: ['example.com'],
    fingerprintSha256: 'c0ffee',
    notBefore: '2025-11-24T00:00:00.000Z',
    notAfter: '2026-12-23T23:59:59.000Z',
    publishable: true,
    findings: [],
    objects: {
      response: { key: `orders/${orderNumber}/response.p7b`, size: 1, sha256: 'aa' },
      chain: { key: `orders/${orderNumber}/chain.pem`, size: 1, sha256: 'bb' },
      logo: { key: `orders/${orderNumber}/logo.svg`, size: 1, sha256: 'cc' },
    },
    ...changes,
  };
}

async function put(key: string, body: string): Promise<void> {
  await fetch(`${server.url}/${BUCKET}/${key}`, { method: 'PUT', body });
}

async function keep(orderNumber: string, changes: object = {}): Promise<void> {
  await put(`orders/${orderNumber}/certificate.json`, JSON.stringify(manifestOf(orderNumber, changes)));
}

/** Without a stack that publishes nothing is told of publications. */
function unheard(): never {
  throw new Error('told of publications');
}

/** Runs one survey and tells what it found. The error is given back, for what was seen until then. */
async function run({ at = NOON, remindBeforeDays = 30 } = {}) {
  const damaged: { key: string; problem: string }[] = [];
  const summaries: SurveySummary[] = [];
  const reminded: Reminder[] = [];
  const error = await survey({
    s3,
    bucket: BUCKET,
    eventBridge,
    eventBusName: BUS,
    remindBeforeDays,
    publications: undefined,
    observe: {
      damaged: (key, problem) => damaged.push({ key, problem }),
      surveyed: (summary) => summaries.push(summary),
      reminded: (reminder) => reminded.push(reminder),
      publicationDamaged: unheard,
      publicationsChecked: unheard,
      broken: unheard,
    },
    now: () => new Date(at),
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { damaged, summaries, reminded, error };
}

/** The details of all events on the bus so far. */
function sent(): Reminder[] {
  return bus.calls.flat().map(({ Detail }) => JSON.parse(Detail));
}

const ordersOf = (reminders: readonly Reminder[]) => reminders.map(({ orderNumber }) => orderNumber);

/** The moment some days, and some seconds, before or after a date. */
function later(date: string, { days = 0, seconds = 0 }): string {
  return new Date(Date.parse(date) + days * DAY + seconds * 1000).toISOString();
}

describe('a reminder', () => {
  test.each([
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
    [-1, 30, false],
    [-14, 30, false],
    // Later first reminders: the fixed days before them are left out, and no day comes twice.
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
    // Earlier ones.
    [60, 60, true],
    [30, 60, false],
    [14, 60, true],
  ])('with %i days left, the first being due at %i: %s', async (daysLeft, remindBeforeDays, due) => {
    await keep(ORDER, { notAfter: later(NOON, { days: daysLeft }) });

    const { error, reminded, summaries } = await run({ remindBeforeDays });

    expect(error).toBeUndefined();
    expect(sent().map((reminder) => reminder.daysLeft)).toEqual(due ? [daysLeft] : []);
    expect(reminded).toEqual(sent());
    expect(summaries).toEqual([{ kept: 1, superseded: 0, damaged: 0, reminders: due ? 1 : 0, daysToExpiry: daysLeft }]);
  });

  test.each([
    ['2026-11-22T23:59:59.999Z', 31],
    ['2026-11-23T00:00:00.000Z', 30],
    ['2026-11-23T23:59:59.999Z', 30],
    ['2026-11-24T00:00:00.000Z', 29],
  ])('counts days of the calendar in UTC: at %s there are %i left', async (at, daysLeft) => {
    await keep(ORDER, { notAfter: '2026-12-23T08:30:00.000Z' });

    expect((await run({ at })).summaries).toMatchObject([{ daysToExpiry: daysLeft }]);
  });

  test.each(['00:00:00.000', '05:16:59.000', '05:17:00.000', '05:17:01.000', '23:59:59.000'])(
    'comes once on each of its days while the schedule drifts, for a certificate that ends at %s',
    async (time) => {
      await keep(ORDER, { notAfter: `2026-12-23T${time}Z` });

      for (let day = 0; day <= 34; day++) {
        const seconds = [0, 59, -59, 1, -1][day % 5] ?? 0;
        await run({ at: later('2026-11-20T05:17:00.000Z', { days: day, seconds }) });
      }

      expect(sent().map(({ daysLeft }) => daysLeft)).toEqual([30, 14, 7, 6, 5, 4, 3, 2, 1, 0]);
    },
  );

  test('says which certificate it is, where it lies and how long it is good for', async () => {
    await keep(ORDER);

    await run();

    expect(bus.calls).toEqual([
      [
        {
          EventBusName: BUS,
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Expiring',
          Detail: expect.any(String),
        },
      ],
    ]);
    expect(sent()).toEqual([
      {
        orderNumber: ORDER,
        daysLeft: 30,
        notAfter: '2026-12-23T23:59:59.000Z',
        domains: ['example.com'],
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

  test('leaves out what is not known: product, mark type, logo', async () => {
    const { response, chain } = manifestOf(ORDER).objects;
    await keep(ORDER, { product: null, markType: null, objects: { response, chain } });

    await run();

    const [reminder] = sent();
    expect(Object.keys(reminder ?? {})).toEqual([
      'orderNumber',
      'daysLeft',
      'notAfter',
      'domains',
      'fingerprintSha256',
      'bucket',
      'keys',
    ]);
    expect(Object.keys(reminder?.keys ?? {})).toEqual(['manifest', 'chain']);
  });

  test('comes of a certificate as the archive keeps it', async () => {
    const authority = await createCertificateAuthority();
    const { chain } = authority.issue({ domains: ['example.com'], notBefore: new Date('2026-01-01T00:00:00Z') });
    const body = pkcs7(chain);
    const certificate = await readMarkCertificate(body, { at: new Date('2026-03-02T00:00:00Z') });
    await openArchive(s3, BUCKET, ORDER).store({ container: 'pkcs7', body }, certificate, {
      execution: `order-${ORDER}`,
      collectedAt: '2026-03-02T08:00:00.000Z',
    });
    const { notAfter, domains, product, markType, fingerprintSha256 } = certificate.report;

    const { damaged, summaries } = await run({ at: later(notAfter, { days: -14 }) });

    expect(damaged).toEqual([]);
    expect(summaries).toMatchObject([{ kept: 1, daysToExpiry: 14 }]);
    expect(sent()).toMatchObject([{ orderNumber: ORDER, notAfter, domains, product, markType, fingerprintSha256 }]);
  });
});

describe('a certificate that a newer one replaces is silent', () => {
  const renewed = { notBefore: '2026-11-20T00:00:00.000Z', notAfter: '2027-11-20T23:59:59.000Z' };
  const two = ['example.com', 'example.org'];
  const silent = { kept: 2, superseded: 1, reminders: 0, daysToExpiry: 362 };
  const heard = { kept: 2, superseded: 0, reminders: 1, daysToExpiry: 30 };

  test.each([
    ['of another order for the same domains', {}, renewed, silent],
    [
      'for the same domains in another order of them',
      { domains: two },
      { ...renewed, domains: two.toReversed() },
      silent,
    ],
    ['for more domains', {}, { ...renewed, domains: two }, silent],
    ['of another product', {}, { ...renewed, product: 'CMC' }, silent],
    ['but not when it covers only a part of the domains', { domains: two }, renewed, heard],
    ['but not for other domains', {}, { ...renewed, domains: ['example.net'] }, heard],
    ['but not for a domain below', {}, { ...renewed, domains: ['www.example.com'] }, heard],
    [
      'but not when both were issued in the same second',
      {},
      { ...renewed, notBefore: '2025-11-24T00:00:00.000Z' },
      heard,
    ],
    ['but not when it cannot be published', {}, { ...renewed, publishable: false }, heard],
  ])('%s', async (_, changes, newer, expected) => {
    await keep(ORDER, changes);
    await keep('2', newer);

    const { summaries } = await run();

    expect(summaries).toMatchObject([expected]);
    expect(ordersOf(sent())).toEqual(expected === heard ? [ORDER] : []);
  });

  test('but not when two newer ones cover its domains only together', async () => {
    await keep(ORDER, { domains: two });
    await keep('2', renewed);
    await keep('3', { ...renewed, domains: ['example.org'] });

    expect((await run()).summaries).toMatchObject([{ superseded: 0, daysToExpiry: 30 }]);
    expect(ordersOf(sent())).toEqual([ORDER]);
  });

  test('even after its end, which the metric does not see either', async () => {
    await keep(ORDER, { notAfter: '2026-11-22T23:59:59.000Z' });
    await keep('2', renewed);

    expect((await run()).summaries).toMatchObject([silent]);
    expect(sent()).toEqual([]);
  });

  test('and the newer one is reminded of when its own days come', async () => {
    await keep(ORDER);
    await keep('2', { ...renewed, notAfter: '2026-12-07T23:59:59.000Z' });

    await run();

    expect(sent()).toMatchObject([{ orderNumber: '2', daysLeft: 14 }]);
  });
});

describe('a survey', () => {
  test('of an empty bucket finds nothing and sends nothing', async () => {
    expect(await run()).toEqual({
      damaged: [],
      summaries: [{ kept: 0, superseded: 0, damaged: 0, reminders: 0 }],
      reminded: [],
      error: undefined,
    });
    expect(bus.calls).toEqual([]);
  });

  test('of several certificates reminds of those that are due, and knows the nearest end', async () => {
    for (const [orderNumber, days] of Object.entries({ 1: 30, 2: 200, 3: 0, 4: -5, 5: 14 })) {
      await keep(orderNumber, { domains: [`${orderNumber}.example`], notAfter: later(NOON, { days }) });
    }

    const { summaries } = await run();

    expect(summaries).toEqual([{ kept: 5, superseded: 0, damaged: 0, reminders: 3, daysToExpiry: -5 }]);
    expect(sent().map(({ orderNumber, daysLeft }) => [orderNumber, daysLeft])).toEqual([
      ['1', 30],
      ['3', 0],
      ['5', 14],
    ]);
  });

  test('reads nothing but manifests', async () => {
    await keep(ORDER);
    for (const name of ['rejected.json', 'chain.pem', 'old/certificate.json', 'certificate.json.bak']) {
      await put(`orders/${ORDER}/${name}`, JSON.stringify(manifestOf('2')));
    }
    await put('orders/certificate.json', JSON.stringify(manifestOf('3')));
    await put('other/1/certificate.json', JSON.stringify(manifestOf('4')));

    const { summaries } = await run();

    expect(summaries).toMatchObject([{ kept: 1, damaged: 0 }]);
    expect(server.requests.filter(({ method }) => method === 'GET').map(({ key }) => key)).toEqual([
      '',
      `orders/${ORDER}/certificate.json`,
    ]);
  });

  test('reads more than a page of manifests, ten at once', async () => {
    const orders = Array.from({ length: 1001 }, (_, index) => String(100_000 + index));
    for (const orderNumber of orders) {
      await keep(orderNumber, { domains: [`${orderNumber}.example`], notAfter: '2027-11-20T23:59:59.000Z' });
    }
    await keep('100000', { domains: ['first.example'] });
    await keep('101000', { domains: ['last.example'] });
    let reading = 0;
    let most = 0;
    const ten = Promise.withResolvers<void>();
    server.before = async ({ method, key }) => {
      if (method === 'GET' && key !== '') {
        most = Math.max(most, ++reading);
        if (reading === 10) {
          ten.resolve();
        }
        await ten.promise;
        await new Promise(setImmediate);
        reading -= 1;
      }
      return undefined;
    };

    const { summaries } = await run();

    expect(summaries).toEqual([{ kept: 1001, superseded: 0, damaged: 0, reminders: 2, daysToExpiry: 30 }]);
    expect(ordersOf(sent())).toEqual(['100000', '101000']);
    expect(server.requests.filter(({ method, key }) => method === 'GET' && key === '')).toHaveLength(2);
    expect(most).toBe(10);
  });

  test.each([
    ['is empty', '', 'the whole object'],
    ['is cut off', JSON.stringify(manifestOf('2')).slice(0, -9), 'the whole object'],
    ['is of a later kind', JSON.stringify(manifestOf('2', { schemaVersion: 2 })), 'schemaVersion'],
    ['has no end', JSON.stringify(manifestOf('2', { notAfter: undefined })), 'notAfter'],
    [
      'has a date that is not UTC',
      JSON.stringify(manifestOf('2', { notAfter: '2026-12-23T23:59:59+01:00' })),
      'notAfter',
    ],
    ['has a date that nothing can read', JSON.stringify(manifestOf('2', { notAfter: 'soon' })), 'notAfter'],
  ])('tells of a manifest that %s, and goes on', async (_, text, problem) => {
    await keep('1', { domains: ['one.example'] });
    await put('orders/2/certificate.json', text);
    await keep('3', { domains: ['three.example'] });

    const { damaged, summaries, error } = await run();

    expect(error).toBeUndefined();
    expect(damaged).toEqual([
      { key: 'orders/2/certificate.json', problem: expect.stringMatching(new RegExp(`^${problem}: `)) },
    ]);
    expect(summaries).toEqual([{ kept: 2, superseded: 0, damaged: 1, reminders: 2, daysToExpiry: 30 }]);
    expect(ordersOf(sent())).toEqual(['1', '3']);
  });

  test('fails before it sends anything when S3 does not give an object', async () => {
    await keep('1');
    await keep('2');
    server.before = ({ key }) => (key.startsWith('orders/2/') ? { status: 503, code: 'SlowDown' } : undefined);

    const { error, summaries } = await run();

    expect(error).toMatchObject({ name: 'SlowDown' });
    expect(summaries).toEqual([]);
    expect(bus.calls).toEqual([]);
  });

  test('sends ten reminders a call', async () => {
    const orders = Array.from({ length: 21 }, (_, index) => String(1000 + index));
    for (const orderNumber of orders) {
      await keep(orderNumber);
    }

    const { reminded } = await run();

    expect(bus.calls.map((entries) => entries.length)).toEqual([10, 10, 1]);
    expect(ordersOf(sent())).toEqual(orders);
    expect(ordersOf(reminded)).toEqual(orders);
  });

  test('sends the other reminders when some fail, names those, and sends all when it is repeated', async () => {
    const orders = Array.from({ length: 12 }, (_, index) => String(1000 + index));
    for (const orderNumber of orders) {
      await keep(orderNumber);
    }
    const failing = ['1003', '1011'];
    bus.refuse = ({ Detail }) =>
      failing.includes(JSON.parse(Detail).orderNumber)
        ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }
        : undefined;

    const first = await run();

    expect(first.error).toBeInstanceOf(RemindersNotSentError);
    expect(first.error).toMatchObject({
      name: 'RemindersNotSentError',
      message:
        'EventBridge did not accept the reminder of order 1003 (InternalFailure: try again), order 1011 (InternalFailure: try again)',
    });
    expect(ordersOf(first.reminded)).toEqual(orders.filter((orderNumber) => !failing.includes(orderNumber)));

    bus.refuse = () => undefined;
    const second = await run();
    expect(second.error).toBeUndefined();
    expect(ordersOf(second.reminded)).toEqual(orders);
  });
});

describe('the function', () => {
  let written: string;

  beforeEach(() => {
    written = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
    for (const [name, value] of Object.entries({
      AWS_ENDPOINT_URL_S3: server.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    })) {
      vi.stubEnv(name, value);
    }
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  const variables = { BUCKET_NAME: BUCKET, EVENT_BUS_NAME: BUS, REMIND_BEFORE_DAYS: '30' };
  const context: Context = {
    functionName: 'survey',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:survey',
    memoryLimitInMB: '512',
    awsRequestId: '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b',
    logGroupName: 'survey',
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 60_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };

  /** One invocation by the schedule, as the runtime sees it. */
  const invoke = (handler: ReturnType<typeof createHandler>) => handler({}, context);

  /** Log lines, and the metrics in their own lines. */
  function output() {
    const lines: Record<string, unknown>[] = written
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const logged = lines.filter((line) => 'message' in line);
    const metrics = Object.assign({}, ...lines.filter((line) => '_aws' in line));
    return { logged, metrics };
  }

  test('writes a line for each reminder, for each damaged manifest, one in all, and the metrics', async () => {
    await keep('1', { domains: ['one.example'] });
    await keep('2', { domains: ['two.example'], notAfter: later(NOON, { days: 7 }) });
    await put('orders/3/certificate.json', '{}');

    await invoke(createHandler(variables));

    const { logged, metrics } = output();
    expect(logged).toMatchObject([
      { level: 'ERROR', message: 'manifest damaged', key: 'orders/3/certificate.json' },
      { level: 'INFO', message: 'survey', kept: 2, superseded: 0, damaged: 1, reminders: 2, daysToExpiry: 7 },
      { level: 'INFO', message: 'reminder', orderNumber: '1', daysLeft: 30, domains: ['one.example'] },
      { level: 'INFO', message: 'reminder', orderNumber: '2', daysLeft: 7, domains: ['two.example'] },
    ]);
    expect(metrics).toMatchObject({
      service: 'survey',
      DaysToExpiry: 7,
      CertificatesKept: 2,
      ManifestsDamaged: 1,
      SurveyRuns: 1,
      _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service']] }] },
    });
    expect(bus.calls.flat().map(({ EventBusName }) => EventBusName)).toEqual([BUS, BUS]);
  });

  test('measures an end that has passed as a negative number', async () => {
    await keep(ORDER, { notAfter: later(NOON, { days: -2 }) });

    await invoke(createHandler(variables));

    expect(output().metrics).toMatchObject({ DaysToExpiry: -2, SurveyRuns: 1 });
  });

  test('leaves out DaysToExpiry where there is no certificate', async () => {
    await invoke(createHandler(variables));

    const { metrics } = output();
    expect(metrics).toMatchObject({ CertificatesKept: 0, ManifestsDamaged: 0, SurveyRuns: 1 });
    expect(metrics).not.toHaveProperty('DaysToExpiry');
  });

  test('keeps nothing of one invocation for the next', async () => {
    await keep('1', { notAfter: later(NOON, { days: 20 }) });
    const handler = createHandler(variables);
    await invoke(handler);
    written = '';
    vi.setSystemTime(later(NOON, { days: 1 }));

    await invoke(handler);

    expect(output().metrics).toMatchObject({ DaysToExpiry: 19, CertificatesKept: 1, SurveyRuns: 1 });
  });

  test('fails when a reminder fails: it measures the days all the same, but not a run', async () => {
    await keep(ORDER);
    bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });

    await expect(invoke(createHandler(variables))).rejects.toThrow(`order ${ORDER} (InternalFailure: try again)`);

    const { logged, metrics } = output();
    expect(logged.map(({ message }) => message)).toEqual(['survey']);
    expect(metrics).toMatchObject({ DaysToExpiry: 30, CertificatesKept: 1 });
    expect(metrics).not.toHaveProperty('SurveyRuns');
  });

  test.each(['soon', '-1', '1.5', '30d'])('does not start with REMIND_BEFORE_DAYS %j', (REMIND_BEFORE_DAYS) => {
    expect(() => createHandler({ ...variables, REMIND_BEFORE_DAYS })).toThrow('REMIND_BEFORE_DAYS');
  });

  test.each(Object.keys(variables))('does not start without %s', (name) => {
    expect(() => createHandler({ ...variables, [name]: undefined })).toThrow(`${name}: is missing`);
  });
});
