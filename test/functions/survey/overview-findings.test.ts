import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { createHandler } from '../../../functions/survey/handler.ts';
import { captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { accessLog, GMAIL, logLine } from './access-logs.ts';
import { STATE_MACHINE_ARN } from './executions.ts';
import { type NameServer, type Records, startNameServer } from './name-server.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { COLLECTOR, later, NOON, ORDER, publicationOf, servePublication, statusOf } from './samples.ts';
import { BUCKET, BUS, type SurveyServers, startSurveyServers } from './survey-run.ts';
import type { Zone } from './zone.ts';

/** The function survey, from the DNS and CloudFront's log files to the pages that a person opens. */

const FORBIDS = { CAA: [[0, 'issuevmc', '<b>;\u0007']] } satisfies Records;

let servers: SurveyServers;
let site: PublicSite;
let nameServer: NameServer;
let zone: Record<string, Records>;

beforeAll(async () => {
  servers = await startSurveyServers();
});

beforeEach(async () => {
  zone = {};
  [site, nameServer] = await Promise.all([startPublicSite(), startNameServer(zone)]);
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_S3: servers.server.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: servers.bus.url,
    AWS_ENDPOINT_URL_SFN: servers.executions.url,
  });
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  captureOutput();
  // Otherwise waiting orders would be lost.
  servers.executions.running.add('order-1').add('order-2');
});

afterEach(async () => {
  vi.useRealTimers();
  nameServer.close();
  servers.clear();
  await site.close();
});

afterAll(() => servers.close());

/** One daily survey, or another event. */
async function survey(changes: Readonly<Record<string, string>> = {}, event: object = {}): Promise<void> {
  const variables = {
    COLLECTOR,
    BUCKET_NAME: BUCKET,
    EVENT_BUS_NAME: BUS,
    REMIND_BEFORE_DAYS: '30',
    STATE_MACHINE_ARN,
    OVERVIEW: 'true',
    CONTINUES: 'true',
    ...changes,
  };
  const handler = createHandler(variables, nameServer.resolver({ timeout: 500 }));
  await handler(event, lambdaContext('survey', 900_000));
}

async function publish(domain: string): Promise<void> {
  const records: Zone = {};
  const publication = publicationOf(site.url, domain);
  servePublication(site, records, publication);
  for (const [name, texts] of Object.entries(records)) {
    zone[name] = { TXT: Array.isArray(texts) ? texts.flat() : [] };
  }
  await servers.put(`published/${domain}/default.json`, JSON.stringify(publication));
}

const page = (name: string) => servers.server.peek(`overview/${name}`)?.body.toString() ?? '';
const orders = () => v.parse(overviewSchema, JSON.parse(page('orders.json'))).orders;

test('CAA records of a waiting order are on the pages of the same survey, without publications, until they are correct.', async () => {
  zone['brand.example'] = FORBIDS;
  await servers.storeStatus(statusOf('1', { domains: ['shop.brand.example'] }));
  await servers.storeStatus(statusOf('2', { domains: ['good.example'] }));
  await survey();
  expect(page('index.html')).toContain('&lt;b&gt;');
  expect(page('index.html')).toContain('Domains whose CAA records prevent a certificate');
  expect(orders()).toMatchObject([
    { orderNumber: '1', section: 'needs-someone', caa: [{ domain: 'shop.brand.example', name: 'brand.example' }] },
    { orderNumber: '2', section: 'waiting', caa: [] },
  ]);
  zone['brand.example'] = {};
  vi.setSystemTime(new Date(later(NOON, { seconds: 60 })));
  await survey({}, { overview: true });
  expect(orders()[0]).toMatchObject({ orderNumber: '1', section: 'needs-someone' });
  await survey();
  expect(orders()).toMatchObject([{ section: 'waiting' }, { section: 'waiting' }]);
  expect(page('index.html')).not.toContain('CAA records');
});

test('Name servers that fail are on the pages from the second day on.', async () => {
  nameServer.react = ({ type }) => (type === 'CAA' ? { code: 'SERVFAIL' } : undefined);
  await servers.storeStatus(statusOf('1', { domains: ['lame.example'] }));
  await survey();
  expect(orders()).toMatchObject([{ caa: [] }]);
  vi.setSystemTime(new Date(later(NOON, { days: 1 })));
  await survey();
  expect(orders()).toMatchObject([{ section: 'waiting', caa: [{ verdict: 'unknown', since: NOON }] }]);
});

test('A publication is in the section although its order has another domain.', async () => {
  await publish('published.example');
  zone['published.example'] = FORBIDS;
  await survey({ PUBLISHED_URL: site.url });
  expect(page('index.html')).toMatch(/published\.example.*forbids/s);
});

test('Log files of CloudFront, also several an hour, a late one, a cut one and one with IPv6, are on the pages.', async () => {
  await publish('example.com');
  await publish('example.net');
  await servers.store(ORDER, { domains: ['example.com'], notAfter: later(NOON, { days: 200 }) });
  const put = (name: string, file: Buffer) =>
    fetch(`${servers.server.url}/logs/cloudfront/E2EXAMPLE.${name}.gz`, { method: 'PUT', body: new Uint8Array(file) });
  const twice = GMAIL.replaceAll(' ', '%2520');
  const whole = accessLog(
    Array.from({ length: 3000 }, (_, index) =>
      logLine({ agent: `a${(index * 7919) % 9973}`, path: '/example.net/default.pem' }),
    ),
  );
  await put('2026-11-23-08.a1', accessLog([logLine({ agent: twice, time: '08:10:00' }), logLine({ agent: 'x' })]));
  await put(
    '2026-11-23-08.a2',
    accessLog([logLine({ agent: twice, time: '08:12:00', path: '/example.com/default.svg' })]),
  );
  await put('2026-11-23-09.a1', whole.subarray(0, whole.length / 2));
  await put('2026-11-23-09.a2', accessLog([logLine({ address: '2001:db8::1', time: '09:00:00' })]));
  const logs = { PUBLISHED_URL: site.url, LOG_BUCKET_NAME: 'logs', DISTRIBUTION_ID: 'E2EXAMPLE' };
  await survey(logs);
  expect(page('index.html')).toMatch(/example\.com<\/th><td>chain 2026-11-23, logo 2026-11-23<\/td>/);
  expect(page('index.html')).toContain('Gmail, 2026-11-23 08:10 UTC');
  expect(page('index.html')).toMatch(/example\.net<\/th>(<td>never<\/td>){3}<td>chain 2026-11-23<\/td><td>Others/);
  await put('2026-11-22-23.late', accessLog([logLine({ date: '2026-11-22', time: '23:10:00', address: '17.1.2.3' })]));
  vi.setSystemTime(new Date(later(NOON, { days: 1 })));
  await survey(logs);
  expect(page('index.html')).toContain('Apple, 2026-11-22 23:10 UTC');
  expect(orders()[0]?.addresses?.[0]?.fetches).toMatchObject({
    gmail: { first: '2026-11-23T08:10:00.000Z' },
    apple: { chain: '2026-11-22T23:10:00.000Z' },
    other: { chain: '2026-11-23T09:00:00.000Z' },
  });
  expect(page('index.html')).not.toContain('2001:db8::1');
});

test('Without a log file, the page says so, and since when logs are read.', async () => {
  await publish('example.com');
  await survey({ PUBLISHED_URL: site.url, LOG_BUCKET_NAME: 'logs', DISTRIBUTION_ID: 'E2EXAMPLE' });
  expect(page('index.html')).toContain('CloudFront has delivered no log yet');
  expect(page('index.html')).toMatch(/read since <time[^>]*>2026-11-23 12:00 UTC/);
});
