import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { writeOverview } from '../../../functions/survey/overview.ts';
import type { PublicationChecks } from '../../../functions/survey/publications.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import {
  COLLECTOR,
  failureOf,
  later,
  manifestOf,
  NOON,
  ORDER,
  publicationOf,
  servePublication,
  sha256Of,
  statusOf,
} from './samples.ts';
import {
  BUCKET,
  type RunOptions,
  recordingObserver,
  runSurvey,
  type SurveyServers,
  startSurveyServers,
} from './survey-run.ts';
import { resolverOf, type Zone } from './zone.ts';

let servers: SurveyServers;

beforeAll(async () => {
  servers = await startSurveyServers();
});
afterEach(() => servers.clear());
afterAll(() => servers.close());

/** Orders in several states, and a logo. */
async function seed(): Promise<void> {
  const logo = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const { objects } = manifestOf('4');
  const listed = { key: 'orders/4/logo.svg', size: logo.length, sha256: sha256Of(logo) };
  await servers.storeStatus(statusOf('1', { updatedAt: NOON }));
  await servers.storeStatus(failureOf('2', { account: 'brand-a', reportedAt: NOON }));
  await servers.storeStatus(statusOf('4', { state: 'issued', reason: undefined }));
  await servers.store('4', { objects: { ...objects, logo: listed } });
  await servers.put('orders/4/logo.svg', logo);
}

const run = (options: RunOptions = {}) => runSurvey(servers, { writesOverview: true, ...options });

/** Writes only the overview, as some minutes after an outcome. */
async function refresh(now = NOON, { publishes = false, readAt = now } = {}) {
  const { observe, records } = recordingObserver();
  const times = [readAt];
  await writeOverview({
    s3: servers.s3,
    bucket: BUCKET,
    collector: COLLECTOR,
    remindBeforeDays: 30,
    observe,
    publishes,
    // The first time is that of the reading.
    now: () => new Date(times.shift() ?? now),
  });
  return records.overviews;
}

const bodyOf = (name: string) => servers.server.peek(`overview/${name}`)?.body.toString() ?? '';
const orders = () => v.parse(overviewSchema, JSON.parse(bodyOf('orders.json'))).orders;
const writes = () =>
  servers.server.requests
    .filter(({ method, key }) => method !== 'GET' && key.startsWith('overview/'))
    .map(({ key }) => key);

describe('the overview', () => {
  test('A survey writes the pages and files of all orders, with their logos.', async () => {
    await seed();
    const { overviews, error } = await run();
    expect(error).toBeUndefined();
    expect(servers.server.keys('overview/')).toEqual([
      'overview/account-brand-a.html',
      'overview/default-account.html',
      'overview/index.html',
      'overview/orders.csv',
      'overview/orders.json',
      'overview/state.json',
    ]);
    expect(overviews).toEqual([{ orders: 3, files: 5, written: 5, deleted: 0, isOutdated: false }]);
    expect(orders().map(({ orderNumber }) => orderNumber)).toEqual(['2', '4', '1']);
    expect(bodyOf('index.html')).toContain('data:image/svg+xml;base64,');
    expect(servers.server.peek('overview/index.html')?.contentType).toBe('text/html; charset=utf-8');
  });

  test('A survey without the permission to write it writes none.', async () => {
    await seed();
    expect((await run({ writesOverview: false })).overviews).toEqual([]);
    expect(servers.server.keys('overview/')).toEqual([]);
  });

  test('What is unchanged is not written again on the same day; another day changes the days that are left.', async () => {
    await seed();
    await refresh();
    const before = writes().length;
    expect(await refresh(later(NOON, { seconds: 3600 }))).toMatchObject([{ files: 5, written: 0, deleted: 0 }]);
    expect(writes()).toHaveLength(before);
    await refresh(later(NOON, { days: 1 }));
    expect(orders()[1]?.certificate?.daysLeft).toBe(29);
  });

  test('After a change, only the files in which it shows are written.', async () => {
    await seed();
    await refresh();
    const before = writes().length;
    await servers.storeStatus(failureOf('2', { account: 'brand-a', text: 'something else' }));
    await refresh();
    expect(writes().slice(before)).toEqual(
      ['index.html', 'orders.csv', 'orders.json', 'state.json']
        .map((name) => `overview/${name}`)
        .toSorted((a, b) => ORDER_OF_WRITES.indexOf(a) - ORDER_OF_WRITES.indexOf(b)),
    );
  });

  const ORDER_OF_WRITES = ['overview/orders.csv', 'overview/orders.json', 'overview/index.html', 'overview/state.json'];

  test('A page that no longer exists is deleted; a file that is none of the overview stays.', async () => {
    await seed();
    await servers.put('overview/notes.txt', 'by hand');
    await refresh();
    await servers.storeStatus(failureOf('2', { account: null }));
    expect(await refresh()).toMatchObject([{ deleted: 2 }]);
    expect(servers.server.keys('overview/').map((key) => key.slice(9))).toEqual([
      'index.html',
      'notes.txt',
      'orders.csv',
      'orders.json',
      'state.json',
    ]);
  });

  test('A file that somebody changed or deleted, and a damaged state, are written again.', async () => {
    await seed();
    await refresh();
    const page = bodyOf('index.html');
    await servers.put('overview/index.html', 'changed');
    expect(await refresh()).toMatchObject([{ written: 1 }]);
    expect(bodyOf('index.html')).toBe(page);
    await servers.put('overview/state.json', 'damaged');
    expect(await refresh()).toMatchObject([{ written: 5 }]);
  });

  test('A run that has read earlier than the stored overview writes nothing.', async () => {
    await seed();
    await refresh(later(NOON, { seconds: 60 }));
    await servers.storeStatus(failureOf('2', { account: null }));
    expect(await refresh(NOON)).toMatchObject([{ written: 0, isOutdated: true }]);
  });

  test('Two runs at the same time leave one complete overview.', async () => {
    await seed();
    await Promise.all([refresh(NOON), refresh(later(NOON, { seconds: 1 }))]);
    // Every file has the ETag and the content that the state contains, so nothing has to be written again.
    expect(await refresh(later(NOON, { seconds: 2 }))).toMatchObject([{ orders: 3, files: 5, written: 0, deleted: 0 }]);
  });

  test('A damaged status or manifest is an order that needs someone.', async () => {
    await servers.put('orders/7/status.json', 'damaged');
    await servers.put('orders/8/certificate.json', '{}');
    await run();
    expect(orders()).toMatchObject([
      { orderNumber: '7', state: 'unreadable', needsSomeone: true },
      { orderNumber: '8', state: 'unreadable', needsSomeone: true },
    ]);
  });

  test('The orders of another collector in the same bucket are not in it.', async () => {
    await seed();
    await servers.storeStatus(statusOf('9', { collector: 'other' }));
    await servers.store('9');
    await run();
    expect(orders().map(({ orderNumber }) => orderNumber)).not.toContain('9');
  });

  test('A logo that is missing or has other bytes is not shown, and the overview is written nevertheless.', async () => {
    await seed();
    await servers.put('orders/4/logo.svg', '<svg>another</svg>');
    expect((await run()).error).toBeUndefined();
    expect(bodyOf('index.html')).not.toContain('data:image');
  });
});

describe('the overview and the rest of a survey', () => {
  test('If the overview cannot be written, all events are sent, and the survey fails.', async () => {
    await servers.store('4', { notAfter: later(NOON, { days: 7 }) });
    servers.server.before = ({ key, method }) =>
      key.startsWith('overview/') && method === 'PUT' ? { status: 500, code: 'InternalError' } : undefined;
    const { error } = await run();
    expect(error).toMatchObject({ name: 'InternalError' });
    expect(servers.reminders()).toHaveLength(1);
  });

  test('If events cannot be sent, the overview is written.', async () => {
    await seed();
    await servers.store('4', { notAfter: later(NOON, { days: 7 }) });
    servers.bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'unavailable' });
    await run();
    expect(bodyOf('index.html')).toContain('7 days left');
  });

  test('If the statuses cannot be read, the stored overview stays as it is.', async () => {
    await seed();
    await refresh();
    const before = writes().length;
    servers.server.before = ({ key }) =>
      key.endsWith('/status.json') ? { status: 403, code: 'AccessDenied' } : undefined;
    const { error } = await run();
    expect(error).toBeDefined();
    expect(writes()).toHaveLength(before);
  });

  test('The run after an outcome sends no event and changes no order.', async () => {
    await seed();
    await servers.store('5', { notAfter: later(NOON, { days: 7 }) });
    await servers.storeStatus(failureOf('6'));
    await refresh();
    expect(servers.bus.calls).toEqual([]);
    const changed = servers.server.requests.filter(
      ({ method, key, client }) => method !== 'GET' && client !== '' && !key.startsWith('overview/'),
    );
    expect(changed).toEqual([]);
  });
});

describe('the publications in the overview', () => {
  let site: PublicSite;
  let zone: Zone;

  beforeEach(async () => {
    site = await startPublicSite();
    zone = {};
    const publication = publicationOf(site.url, 'example.com');
    servePublication(site, zone, publication);
    await servers.put('published/example.com/default.json', JSON.stringify(publication));
    await servers.store(ORDER, { notBefore: publication.live.notBefore, notAfter: publication.live.notAfter });
  });
  afterEach(() => site.close());

  const checks = (): PublicationChecks => ({
    url: site.url,
    http: sendHttp,
    resolver: resolverOf(zone),
    limitMilliseconds: 10_000,
    totalMilliseconds: 60_000,
  });
  const stateNow = () => orders()[0]?.addresses?.map(({ state, differences }) => [state, ...differences]);

  test('A survey writes the differences that it found, and the next refresh keeps them, without a check.', async () => {
    zone['default._bimi.example.com'] = 'ENOTFOUND';
    await run({ publications: checks() });
    expect(stateNow()).toEqual([['broken', 'record-missing']]);
    const requests = site.requests.length;
    await refresh(later(NOON, { days: 1 }), { publishes: true });
    expect(stateNow()).toEqual([['broken', 'record-missing']]);
    expect(site.requests).toHaveLength(requests);
  });

  test('Of a survey beside a run after an outcome, the differences are written, whenever that run reads.', async () => {
    zone['default._bimi.example.com'] = 'ENOTFOUND';
    const resolver = resolverOf(zone);
    let seconds = 0;
    const now = () => new Date(later(NOON, { seconds }));
    const resolveTxt: typeof resolver.resolveTxt = async (name) => {
      if (seconds === 0) {
        seconds = 60;
        await servers.storeStatus(failureOf('2', { reportedAt: NOON }));
        await refresh(later(NOON, { seconds: 30 }), { publishes: true });
      }
      return resolver.resolveTxt(name);
    };
    const { error } = await run({ publications: { ...checks(), resolver: { ...resolver, resolveTxt } }, now });
    expect(error).toBeUndefined();
    expect(seconds).toBe(60);
    const published = orders().find(({ orderNumber }) => orderNumber === ORDER);
    expect(published?.addresses).toMatchObject([{ state: 'broken', differences: ['record-missing'] }]);
    expect(orders().map(({ orderNumber }) => orderNumber)).toContain('2');
  });

  test('A survey that finds no difference removes the earlier one.', async () => {
    const record = zone['default._bimi.example.com'] ?? [];
    zone['default._bimi.example.com'] = 'ENOTFOUND';
    await run({ publications: checks() });
    zone['default._bimi.example.com'] = record;
    await run({ publications: checks(), now: () => new Date(later(NOON, { seconds: 60 })) });
    expect(stateNow()).toEqual([['published']]);
  });
});
