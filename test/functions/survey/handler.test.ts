import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../../functions/survey/handler.ts';
import { type CapturedOutput, captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { accessLog, logLine } from './access-logs.ts';
import { STATE_MACHINE_ARN } from './executions.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { COLLECTOR, failureOf, later, NOON, ORDER, publicationOf, servePublication, statusOf } from './samples.ts';
import { BUCKET, BUS, type SurveyServers, startSurveyServers } from './survey-run.ts';
import { startTopics } from './topics.ts';
import { resolverOf, type Zone } from './zone.ts';

const VARIABLES = { BUCKET_NAME: BUCKET, EVENT_BUS_NAME: BUS, REMIND_BEFORE_DAYS: '30' };
const REFUSAL = { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };

let servers: SurveyServers;
let output: CapturedOutput;

beforeAll(async () => {
  servers = await startSurveyServers();
});

beforeEach(() => {
  stubAwsEnvironment({ AWS_ENDPOINT_URL_S3: servers.server.url, AWS_ENDPOINT_URL_EVENTBRIDGE: servers.bus.url });
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  output = captureOutput();
});

afterEach(() => {
  vi.useRealTimers();
  servers.clear();
});

afterAll(() => servers.close());

/** One invocation by the schedule. */
const invoke = (handler: ReturnType<typeof createHandler>) => handler({}, lambdaContext('survey'));

/** The lines of the log, and all metrics in one object. */
function readOutput(lines = output.lines()) {
  return {
    logged: lines.filter((line) => 'message' in line),
    metrics: Object.assign({}, ...lines.filter((line) => '_aws' in line)),
  };
}

describe('The survey function', () => {
  test('logs each damaged manifest, a summary and each reminder, and writes the metrics.', async () => {
    await servers.store('1', { domains: ['one.example'] });
    await servers.store('2', { domains: ['two.example'], notAfter: later(NOON, { days: 7 }) });
    await servers.put('orders/3/certificate.json', '{}');

    await invoke(createHandler(VARIABLES));

    const { logged, metrics } = readOutput();
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
      _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service', 'collector']] }] },
    });
    expect(servers.bus.calls.flat().map(({ EventBusName }) => EventBusName)).toEqual([BUS, BUS]);
  });

  test('measures the days after an expiry as a negative number.', async () => {
    await servers.store(ORDER, { notAfter: later(NOON, { days: -2 }) });

    await invoke(createHandler(VARIABLES));

    expect(readOutput().metrics).toMatchObject({ DaysToExpiry: -2, SurveyRuns: 1 });
  });

  test('does not write DaysToExpiry if there is no certificate.', async () => {
    await invoke(createHandler(VARIABLES));

    const { metrics } = readOutput();
    expect(metrics).toMatchObject({ CertificatesKept: 0, ManifestsDamaged: 0, SurveyRuns: 1 });
    expect(metrics).not.toHaveProperty('DaysToExpiry');
  });

  test.each(['2026-11-23T00:10:00.000Z', '2026-11-23T12:10:00.000Z', '2026-11-23T23:50:00.000Z'])(
    'measures the same days at any hour: at %s.',
    async (now) => {
      vi.setSystemTime(now);
      await servers.store(ORDER, { notAfter: '2026-11-30T12:00:00.000Z' });

      await invoke(createHandler(VARIABLES));

      expect(readOutput().metrics).toMatchObject({ DaysToExpiry: 7 });
      expect(servers.reminders()).toMatchObject([{ daysLeft: 7 }]);
    },
  );

  describe('with watched domains', () => {
    const watched = { schemaVersion: 1, collector: COLLECTOR, domain: 'example.com', selector: 'default', since: NOON };
    const zone: Zone = { '_dmarc.example.com': ['v=DMARC1; p=reject'] };

    test('checks them also in a stack that publishes nothing, and logs what it reported.', async () => {
      await servers.put('watched/example.com/default.json', JSON.stringify(watched));
      await servers.put('watched/example.net/default.json', '{');
      const variables = { ...VARIABLES, COLLECTOR, WATCHED: 'true', OVERVIEW: 'true', TRUST_ANCHORS: 'ab'.repeat(32) };

      await invoke(createHandler(variables, resolverOf(zone)));

      const { logged, metrics } = readOutput();
      expect(logged).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ message: 'watched domain damaged', key: 'watched/example.net/default.json' }),
          expect.objectContaining({ message: 'watched domains', watched: 1, published: 0, broken: 1, unchecked: 0 }),
          expect.objectContaining({
            level: 'WARN',
            message: 'watched domain reported',
            detailType: 'Mark Certificate Publication Broken',
            domain: 'example.com',
          }),
        ]),
      );
      expect(metrics).toMatchObject({ SurveyRuns: 1 });
      expect(servers.detailsOf('Mark Certificate Publication Broken')).toMatchObject([
        { watched: true, domain: 'example.com', differences: [{ id: 'record-missing' }] },
      ]);
      const page = () => String(servers.server.peek('overview/index.html')?.body);
      expect(page()).toContain('broken</b>: record-missing');

      vi.setSystemTime(later(NOON, { seconds: 300 }));
      await createHandler(variables, resolverOf(zone))({ overview: true }, lambdaContext('survey'));
      expect(page()).toContain('broken</b>: record-missing');
    });

    test('finds their servers with its own resolver, which no name server can block, and connects to no private one.', async () => {
      await servers.put('watched/example.com/default.json', JSON.stringify(watched));
      const record = 'v=BIMI1; l=https://files.example.com/logo.svg; a=https://files.example.com/chain.pem';
      const resolver = {
        ...resolverOf({ ...zone, 'default._bimi.example.com': [record] }),
        resolve4: async () => ['10.0.0.1'],
        resolve6: async () => ['::ffff:10.0.0.1'],
      };

      await invoke(createHandler({ ...VARIABLES, COLLECTOR, WATCHED: 'true' }, resolver));

      const message = expect.stringContaining(
        'the server has the address 10.0.0.1, which is not on the public internet',
      );
      expect(servers.detailsOf('Mark Certificate Publication Broken')).toMatchObject([
        {
          differences: [
            { id: 'chain-unreachable', message },
            { id: 'logo-unreachable', message },
          ],
        },
      ]);
    });

    test('asks for none of them without the permission to read them, as in release 0.1.0.', async () => {
      await servers.put('watched/example.com/default.json', JSON.stringify(watched));
      const resolver = resolverOf(zone);

      await invoke(createHandler({ ...VARIABLES, COLLECTOR }, resolver));

      expect(resolver.asked).toEqual([]);
      expect(servers.bus.calls).toEqual([]);
    });
  });

  test('keeps no state between two invocations.', async () => {
    await servers.store('1', { notAfter: later(NOON, { days: 20 }) });
    const handler = createHandler(VARIABLES);
    await invoke(handler);
    const before = output.lines().length;
    vi.setSystemTime(later(NOON, { days: 1 }));

    await invoke(handler);

    const { metrics } = readOutput(output.lines().slice(before));
    expect(metrics).toMatchObject({ DaysToExpiry: 19, CertificatesKept: 1, SurveyRuns: 1 });
  });

  test('fails if a reminder fails. It still measures the days, but not a run.', async () => {
    await servers.store(ORDER);
    servers.bus.refuse = () => REFUSAL;

    await expect(invoke(createHandler(VARIABLES))).rejects.toThrow(`order ${ORDER} (InternalFailure: try again)`);

    const { logged, metrics } = readOutput();
    expect(logged.map(({ message }) => message)).toEqual(['survey', 'the invocation failed']);
    expect(metrics).toMatchObject({ DaysToExpiry: 30, CertificatesKept: 1 });
    expect(metrics).not.toHaveProperty('SurveyRuns');
  });

  test('sends no event again if Lambda repeats a run that failed, but in the next run.', async () => {
    const handler = createHandler(VARIABLES);
    const ordersSent = () => servers.reminders().map(({ orderNumber }) => orderNumber);
    await servers.store('1', { domains: ['one.example'] });
    await servers.store('2', { domains: ['two.example'] });
    servers.bus.refuse = ({ Detail }) => (JSON.parse(Detail).orderNumber === '2' ? REFUSAL : undefined);
    await expect(invoke(handler)).rejects.toThrow('order 2');
    servers.bus.refuse = () => undefined;

    await invoke(handler);
    expect(ordersSent()).toEqual(['1', '2', '2']);
    await handler({}, { ...lambdaContext('survey'), awsRequestId: 'another' });
    expect(ordersSent()).toEqual(['1', '2', '2', '1', '2']);
  });

  test.each(['soon', '-1', '1.5', '30d'])('does not start with REMIND_BEFORE_DAYS %j.', (REMIND_BEFORE_DAYS) => {
    expect(() => createHandler({ ...VARIABLES, REMIND_BEFORE_DAYS })).toThrow('REMIND_BEFORE_DAYS');
  });

  test.each(Object.keys(VARIABLES))('does not start without %s.', (name) => {
    expect(() => createHandler({ ...VARIABLES, [name]: undefined })).toThrow(`${name} is missing`);
  });
});

describe('The survey function with executions and topics', () => {
  const [ALARMS, BRAND] = ['AlarmTopic', 'NotifyTopic'].map((name) => `arn:aws:sns:us-east-1:000000000000:${name}`);
  let topics: Awaited<ReturnType<typeof startTopics>>;
  beforeEach(async () => {
    topics = await startTopics(
      new Map([
        [String(ALARMS), 2],
        [String(BRAND), 0],
      ]),
    );
    stubAwsEnvironment({
      AWS_ENDPOINT_URL_S3: servers.server.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: servers.bus.url,
      AWS_ENDPOINT_URL_SFN: servers.executions.url,
      AWS_ENDPOINT_URL_SNS: topics.url,
    });
  });
  afterEach(() => topics.close());

  const variables = { ...VARIABLES, COLLECTOR, STATE_MACHINE_ARN, TOPIC_ARNS: `${ALARMS},${BRAND}` };

  test('logs each damaged status, a summary and each event, and writes the metrics.', async () => {
    await servers.storeStatus(statusOf('1'));
    await servers.storeStatus(failureOf('2'));
    await servers.put('orders/3/status.json', '{}');
    await servers.put('orders/3/certificate.json', '{}');

    await invoke(createHandler(variables));

    const { logged, metrics } = readOutput();
    const reported = { level: 'WARN', message: 'status reported', detailType: 'Mark Certificate Failed' };
    expect(logged).toMatchObject([
      { level: 'ERROR', message: 'manifest damaged', key: 'orders/3/certificate.json' },
      { level: 'INFO', message: 'survey' },
      { level: 'ERROR', message: 'status damaged', key: 'orders/3/status.json' },
      { level: 'INFO', message: 'statuses', waiting: 1, issued: 0, failed: 1, damaged: 1, lost: 1, unreported: 1 },
      { ...reported, orderNumber: '1', execution: 'order-1', text: expect.stringContaining('no longer runs') },
      { ...reported, orderNumber: '2', execution: 'order-2', text: 'Order 2: the CA rejected it' },
      { level: 'INFO', message: 'subscriptions' },
      { level: 'INFO', message: 'subscriptions' },
    ]);
    expect(metrics).toMatchObject({ ManifestsDamaged: [1, 1], SurveyRuns: 1 });
    expect((metrics.ConfirmedSubscriptions as number[]).toSorted()).toEqual([0, 2]);
  });

  test('sends the reminders of the day only once although it also runs after a deployment.', async () => {
    await servers.store(ORDER);
    await servers.storeStatus(failureOf(ORDER));
    const handler = createHandler(variables);
    const deployed = { source: 'aws.cloudformation', 'detail-type': 'CloudFormation Stack Status Change', detail: {} };

    await handler(deployed, lambdaContext('survey'));

    const { metrics } = readOutput();
    expect(metrics).toMatchObject({ DaysToExpiry: 30, SurveyRuns: 1 });
    expect(servers.reminders()).toEqual([]);
    expect(servers.detailsOf('Mark Certificate Failed')).toHaveLength(1);
    await invoke(handler);
    expect(servers.reminders()).toHaveLength(1);
  });

  test.each([
    ['Step Functions', 'AWS_ENDPOINT_URL_SFN'],
    ['SNS', 'AWS_ENDPOINT_URL_SNS'],
  ])('fails if %s does not answer. It still sends everything else, but does not measure a run.', async (_, name) => {
    vi.stubEnv(name, 'http://127.0.0.1:1');
    await servers.store(ORDER);
    await servers.storeStatus(failureOf(ORDER));

    await expect(invoke(createHandler(variables))).rejects.toThrow(/ECONNREFUSED/);

    expect(servers.reminders()).toHaveLength(1);
    expect(servers.detailsOf('Mark Certificate Failed')).toHaveLength(1);
    expect(readOutput().metrics).not.toHaveProperty('SurveyRuns');
  });
});

describe('The survey function with the setting publish', () => {
  let site: PublicSite;
  let zone: Zone;
  beforeEach(async () => {
    site = await startPublicSite();
    zone = {};
  });
  afterEach(() => site.close());

  async function publish(domain: string): Promise<void> {
    const publication = publicationOf(site.url, domain);
    servePublication(site, zone, publication);
    await servers.put(`published/${domain}/default.json`, JSON.stringify(publication));
  }

  test('logs each damaged description, a summary and each broken publication, and writes the metrics.', async () => {
    await publish('example.com');
    await publish('example.net');
    await servers.put('published/example.org/default.json', '{}');
    zone['_dmarc.example.net'] = ['v=DMARC1; p=none'];

    await invoke(createHandler({ ...VARIABLES, PUBLISHED_URL: site.url }, resolverOf(zone)));

    const { logged, metrics } = readOutput();
    expect(logged).toMatchObject([
      { level: 'INFO', message: 'survey', kept: 0 },
      { level: 'ERROR', message: 'publication damaged', key: 'published/example.org/default.json' },
      { level: 'INFO', message: 'publications', live: 2, broken: 2, unchecked: 0 },
      {
        level: 'WARN',
        message: 'publication broken',
        domain: 'example.org',
        differences: [{ id: 'description-damaged' }],
      },
      { level: 'WARN', message: 'publication broken', domain: 'example.net', differences: [{ id: 'dmarc-weak' }] },
    ]);
    expect(metrics).toMatchObject({
      service: 'survey',
      PublicationsLive: 2,
      PublicationsBroken: 2,
      CertificatesKept: 0,
      SurveyRuns: 1,
    });
  });

  test('fails if a report fails. It still measures the broken publications, but not a run.', async () => {
    await publish('example.com');
    await site.close();
    servers.bus.refuse = () => REFUSAL;

    const handler = createHandler({ ...VARIABLES, PUBLISHED_URL: site.url }, resolverOf(zone));

    await expect(invoke(handler)).rejects.toThrow('default._bimi.example.com (InternalFailure: try again)');
    const { metrics } = readOutput();
    expect(metrics).toMatchObject({ PublicationsLive: 1, PublicationsBroken: 1 });
    expect(metrics).not.toHaveProperty('SurveyRuns');
  });

  test('reads the logs of CloudFront, and stores who fetched what is served.', async () => {
    await publish('example.com');
    const Key = 'cloudfront/E2EXAMPLE.2026-11-23-08.a1b2c3d4.gz';
    await servers.s3.send(new PutObjectCommand({ Bucket: 'logs', Key, Body: accessLog([logLine({})]) }));
    const logs = { LOG_BUCKET_NAME: 'logs', DISTRIBUTION_ID: 'E2EXAMPLE' };

    await invoke(createHandler({ ...VARIABLES, ...logs, PUBLISHED_URL: site.url }, resolverOf(zone)));

    const { logged } = readOutput();
    expect(logged).toContainEqual(expect.objectContaining({ message: 'access logs', files: 1, fetches: 1, unread: 0 }));
    expect(servers.server.peek('overview/fetches.json')?.body.toString()).toContain('"chain":');
  });

  test.each([undefined, ''])('checks no publication if PUBLISHED_URL is %j.', async (PUBLISHED_URL) => {
    await publish('example.com');
    const resolver = resolverOf(zone);

    await invoke(createHandler({ ...VARIABLES, PUBLISHED_URL }, resolver));

    const read = servers.server.requests.filter(({ method }) => method === 'GET');
    expect(read.map(({ query }) => query.get('prefix'))).toEqual(['orders/']);
    expect([site.requests, resolver.asked]).toEqual([[], []]);
    const { logged, metrics } = readOutput();
    expect(logged.map(({ message }) => message)).toEqual(['survey']);
    expect(metrics).not.toHaveProperty('PublicationsLive');
    expect(metrics).not.toHaveProperty('PublicationsBroken');
  });

  test.each(['http://d111.cloudfront.net', 'd111.cloudfront.net', 'ftp://127.0.0.1'])(
    'does not start with PUBLISHED_URL %j.',
    (PUBLISHED_URL) => {
      expect(() => createHandler({ ...VARIABLES, PUBLISHED_URL })).toThrow('PUBLISHED_URL');
    },
  );

  test.each(['https://d111.cloudfront.net', 'http://localhost:8080'])(
    'starts with PUBLISHED_URL %j.',
    (PUBLISHED_URL) => {
      expect(() => createHandler({ ...VARIABLES, PUBLISHED_URL })).not.toThrow();
    },
  );
});
