import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDownload } from '../../../functions/download.ts';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { readWatchedChecks, WATCHED_CHECKS_KEY } from '../../../functions/store/watched-checks.ts';
import { FILE_RULES } from '../../../functions/survey/look-up.ts';
import { writeOverview } from '../../../functions/survey/overview.ts';
import type {
  BrokenWatchedDomain,
  WatchedReminder,
  WatchedRevocation,
  WatchedSurvey,
} from '../../../functions/survey/watched.ts';
import { WATCHED_DIFFERENCES } from '../../../functions/survey/watched-differences.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { type NameServer, type Records, startNameServer } from './name-server.ts';
import { type PublicSite, page, startPublicSite } from './public-site.ts';
import { COLLECTOR, later, manifestOf, NOON, publicationOf, statusOf } from './samples.ts';
import {
  BUCKET,
  type RunOptions,
  recordingObserver,
  runSurvey,
  type SurveyServers,
  startSurveyServers,
} from './survey-run.ts';

const CHAIN_TYPE = 'application/pem-certificate-chain';
const SVG_TYPE = 'image/svg+xml';

const authority = await openLongstandingAuthority();
const issue = (domain: string, notBefore = '2026-01-01T00:00:00Z') =>
  authority.issue({ domains: [domain], notBefore: new Date(notBefore), nullParameters: true });
const issued = issue('example.com');
const fingerprintOf = ([leaf = new Uint8Array()]: readonly Uint8Array[]) =>
  createHash('sha256').update(leaf).digest('hex');
const FINGERPRINT = fingerprintOf(issued.chain);

let servers: SurveyServers;
let site: PublicSite;
let server: NameServer;
let zone: Record<string, Records>;

beforeAll(async () => {
  [servers, site] = await Promise.all([startSurveyServers(), startPublicSite()]);
});

afterAll(() => Promise.all([servers.close(), site.close()]));

beforeEach(async () => {
  site.pages.clear();
  zone = {};
  server = await startNameServer(zone);
});

afterEach(() => {
  server.close();
  servers.clear();
});

/** A watched domain that is as it should be. */
async function watch(domain = 'example.com', { chain, svg } = issued, changes: object = {}): Promise<void> {
  serve(domain, { chain, svg });
  const watched = { schemaVersion: 1, collector: COLLECTOR, domain, selector: 'default', since: NOON, ...changes };
  await servers.put(`watched/${domain}/${watched.selector}.json`, JSON.stringify(watched));
}

function serve(domain: string, { chain, svg }: { chain: readonly Uint8Array[]; svg: Uint8Array }): void {
  site.pages.set(`/${domain}.pem`, page(200, CHAIN_TYPE, pem(chain)));
  site.pages.set(`/${domain}.svg`, page(200, SVG_TYPE, Buffer.from(svg)));
  zone[`default._bimi.${domain}`] = { TXT: [`v=BIMI1; l=${site.url}/${domain}.svg; a=${site.url}/${domain}.pem`] };
  zone[`_dmarc.${domain}`] = { TXT: ['v=DMARC1; p=reject'] };
}

const survey = (changes: Partial<WatchedSurvey> = {}): WatchedSurvey => ({
  resolver: server.resolver(),
  limitMilliseconds: 5_000,
  totalMilliseconds: 60_000,
  allowLoopback: true,
  download: createDownload(FILE_RULES, { allowLoopback: true }),
  downloadCrls: crlDownload([], async () => authority),
  trustAnchors: [createHash('sha256').update(authority.root).digest('hex')],
  ctLogs: [authority.log.key],
  ...changes,
});

const run = (changes: Partial<WatchedSurvey> = {}, options: RunOptions = {}) =>
  runSurvey(servers, { withExecutions: false, ...options, watched: survey(changes) });

const reports = () => servers.detailsOf<BrokenWatchedDomain>('Mark Certificate Publication Broken');
const reminders = () => servers.detailsOf<WatchedReminder>('Mark Certificate Expiring');
const revocations = () => servers.detailsOf<WatchedRevocation>('Mark Certificate Revoked');
const stored = async () => Object.fromEntries(await readWatchedChecks(s3Storage(servers.s3, BUCKET)));
const revoked = () => crlDownload([{ certificate: issued.chain[0] ?? new Uint8Array() }], async () => authority);

describe('A survey of the watched domains', () => {
  test('sends nothing about a domain that is as it should be, and stores the check.', async () => {
    await watch();
    const { watchedChecked, error } = await run();
    expect(error).toBeUndefined();
    expect(watchedChecked).toEqual([{ watched: 1, published: 0, broken: 0, unchecked: 0 }]);
    expect(servers.bus.calls).toEqual([]);
    expect(await stored()).toEqual({
      'example.com/default': {
        checkedAt: NOON,
        differences: [],
        certificate: { fingerprintSha256: FINGERPRINT, owner: expect.any(String), notAfter: expect.any(String) },
      },
    });
  });

  test('asks nothing and stores nothing without watched domains.', async () => {
    const { watchedChecked } = await run();
    expect(watchedChecked).toEqual([]);
    expect(server.asked).toEqual([]);
    expect(servers.server.keys(WATCHED_CHECKS_KEY)).toEqual([]);
  });

  test.each<[ids: readonly string[], change: () => void]>([
    [['record-missing'], () => delete zone['default._bimi.example.com']],
    [['record-declines'], () => Object.assign(zone, { 'default._bimi.example.com': { TXT: ['v=BIMI1; l=; a='] } })],
    [['dmarc-weak'], () => Object.assign(zone, { '_dmarc.example.com': { TXT: ['v=DMARC1; p=none'] } })],
    [['chain-unreachable'], () => site.pages.delete('/example.com.pem')],
    [['chain-invalid'], () => site.pages.set('/example.com.pem', page(200, CHAIN_TYPE, '<html>'))],
    [
      ['chain-invalid'],
      () => site.pages.set('/example.com.pem', page(200, CHAIN_TYPE, pem(issue('example.org').chain))),
    ],
    [['logo-unreachable'], () => site.pages.delete('/example.com.svg')],
    [
      ['logo-differs', 'logo-invalid'],
      () => site.pages.set('/example.com.svg', page(200, SVG_TYPE, '<svg xmlns="http://www.w3.org/2000/svg"/>')),
    ],
    [[], () => site.pages.set('/example.com.svg', page(200, 'text/plain', Buffer.from(issued.svg)))],
  ])('reports %j every day.', async (ids, change) => {
    await watch();
    change();
    await run();
    await run({}, { now: () => new Date(later(NOON, { days: 1 })) });
    const found = reports().map(({ differences }) => differences.map(({ id }) => id));
    expect(found).toEqual(ids.length === 0 ? [] : [ids, ids]);
    expect((await stored())['example.com/default']?.differences).toEqual(ids);
    for (const report of reports()) {
      expect(report).toMatchObject({
        collector: COLLECTOR,
        domains: ['example.com'],
        watched: true,
        selector: 'default',
      });
      expect(report.differences.every(({ id }) => Object.hasOwn(WATCHED_DIFFERENCES, id))).toBe(true);
    }
  });

  test('contains the record and the addresses in the event.', async () => {
    await watch();
    zone['_dmarc.example.com'] = { TXT: ['v=DMARC1; p=none'] };
    await run();
    expect(reports()).toMatchObject([
      {
        record: `v=BIMI1; l=${site.url}/example.com.svg; a=${site.url}/example.com.pem`,
        chainUrl: `${site.url}/example.com.pem`,
        logoUrl: `${site.url}/example.com.svg`,
        fingerprintSha256: FINGERPRINT,
      },
    ]);
  });

  test('sends no event after a deployment, but stores the check.', async () => {
    await watch();
    delete zone['_dmarc.example.com'];
    await run({}, { sendDailyEvents: false });
    expect(servers.bus.calls).toEqual([]);
    expect((await stored())['example.com/default']?.differences).toEqual(['dmarc-missing']);
  });

  test('does not check a domain of another collector, nor one that this collector publishes.', async () => {
    await watch('example.com');
    await watch('example.org', issued, { collector: 'other' });
    delete zone['_dmarc.example.com'];
    const publication = publicationOf('https://bimi.example.com', 'example.com');
    await servers.put('published/example.com/default.json', JSON.stringify(publication));
    const { watchedChecked } = await run(
      {},
      {
        publications: {
          url: 'https://bimi.example.com',
          http: () => Promise.reject(new Error('no network')),
          resolver: server.resolver(),
          limitMilliseconds: 1000,
          totalMilliseconds: 60_000,
        },
      },
    );
    expect(watchedChecked).toEqual([{ watched: 1, published: 1, broken: 0, unchecked: 0 }]);
    expect(reports().map(({ watched }) => watched)).toEqual([undefined]);
    expect(await stored()).toEqual({});
  });

  test('logs a damaged object and checks the others.', async () => {
    await watch();
    await servers.put('watched/example.net/default.json', '{');
    const { watchedDamaged, watchedChecked, error } = await run();
    expect(watchedDamaged).toMatchObject([{ key: 'watched/example.net/default.json' }]);
    expect(watchedChecked).toMatchObject([{ watched: 1 }]);
    expect(error).toBeUndefined();
  });

  test('forgets a domain that is no longer watched.', async () => {
    await watch('example.com');
    await watch('example.org', issue('example.org'));
    await run();
    expect(Object.keys(await stored())).toEqual(['example.com/default', 'example.org/default']);
    await fetch(`${servers.server.url}/${BUCKET}/watched/example.com/default.json`, { method: 'DELETE' });
    await run();
    expect(Object.keys(await stored())).toEqual(['example.org/default']);
  });

  test('checks many domains, with at most 40 requests at the same time.', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `brand${1000 + index}.example`);
    await Promise.all(names.map((name) => watch(name)));
    let open = 0;
    let most = 0;
    const download = survey().download;
    const { watchedChecked } = await run({
      async download(...args) {
        most = Math.max(most, ++open);
        return download(...args).finally(() => open--);
      },
    });
    expect(watchedChecked).toEqual([{ watched: 60, published: 0, broken: 60, unchecked: 0 }]);
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(40);
  });

  test('downloads a CRL once for all certificates that share it.', async () => {
    const urls: string[] = [];
    await watch('example.com');
    await watch('example.org', issue('example.org'));
    await watch('example.net', issue('example.net'));
    const { downloadCrls } = survey();
    await run({
      downloadCrls(asked, milliseconds) {
        urls.push(...asked);
        return downloadCrls(asked, milliseconds);
      },
    });
    expect(urls.length).toBeGreaterThan(0);
    expect(new Set(urls).size).toBe(urls.length);
  });

  test('downloads no CRL that an unknown CA names.', async () => {
    await watch();
    await run({ trustAnchors: [], downloadCrls: () => Promise.reject(new Error('not allowed')) });
    expect(reports().map(({ differences }) => differences)).toMatchObject([
      [{ id: 'chain-invalid', message: expect.stringContaining('untrusted-root') }],
    ]);
  });
});

describe('A certificate of a watched domain', () => {
  const { notAfter } = manifestOf('1', { notAfter: later('2026-01-01T00:00:00.000Z', { days: 365 }) });
  const end = async () => {
    await run({}, { sendDailyEvents: false });
    return (await stored())['example.com/default']?.certificate?.notAfter ?? notAfter;
  };

  test.each([
    [31, false],
    [30, true],
    [20, false],
    [14, true],
    [8, false],
    [7, true],
    [0, true],
  ])('with %i days left leads to a reminder: %o.', async (days, isDue) => {
    await watch();
    const at = `${later(await end(), { days: -days }).slice(0, 10)}T00:00:00.000Z`;
    await run({}, { now: () => new Date(at) });
    expect(reminders()).toEqual(
      isDue
        ? [
            {
              collector: COLLECTOR,
              domains: ['example.com'],
              watched: true,
              domain: 'example.com',
              selector: 'default',
              owner: expect.any(String),
              fingerprintSha256: FINGERPRINT,
              daysLeft: days,
              notAfter: expect.stringMatching(/Z$/),
            },
          ]
        : [],
    );
    expect(reports()).toEqual([]);
  });

  test('that has expired is a difference every day, and no reminder.', async () => {
    await watch();
    const at = later(await end(), { days: 2 });
    await run({}, { now: () => new Date(at) });
    expect(reminders()).toEqual([]);
    expect(reports().map(({ differences }) => differences.map(({ id }) => id))).toEqual([['expired']]);
  });

  test('of an order leads to the reminder of the order alone.', async () => {
    await watch();
    const at = later(await end(), { days: -30 });
    await servers.store('1', { fingerprintSha256: FINGERPRINT, notAfter: later(at, { days: 30 }) });
    await run({}, { now: () => new Date(at) });
    expect(servers.reminders().map(({ orderNumber }) => orderNumber)).toEqual(['1']);
  });

  test('that another certificate of an order has replaced leads to a reminder.', async () => {
    await watch();
    const at = later(await end(), { days: -30 });
    await servers.store('1', { fingerprintSha256: FINGERPRINT });
    await servers.store('2', {
      fingerprintSha256: 'newer',
      notBefore: later(at, { days: -1 }),
      notAfter: later(at, { days: 300 }),
    });
    await run({}, { now: () => new Date(at) });
    expect(reminders()).toMatchObject([{ watched: true, domain: 'example.com' }]);
  });

  test('that is revoked is reported once as revoked, and as a difference from the next day on.', async () => {
    await watch();
    const downloadCrls = revoked();
    await run({ downloadCrls });
    expect(revocations()).toEqual([
      {
        collector: COLLECTOR,
        domains: ['example.com'],
        watched: true,
        domain: 'example.com',
        selector: 'default',
        owner: expect.any(String),
        fingerprintSha256: FINGERPRINT,
        confirmed: true,
        source: 'crl',
        text: expect.stringContaining('revoked'),
        knownSince: NOON,
      },
    ]);
    expect(reports()).toEqual([]);
    expect((await stored())['example.com/default']).toMatchObject({
      differences: ['revoked'],
      revocationReported: FINGERPRINT,
    });
    await run({ downloadCrls }, { now: () => new Date(later(NOON, { days: 1 })) });
    expect(revocations()).toHaveLength(1);
    expect(reports().map(({ differences }) => differences.map(({ id }) => id))).toEqual([['revoked']]);
  });

  test('that is revoked is reported again if the bus did not accept the event.', async () => {
    await watch();
    const downloadCrls = revoked();
    servers.bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });
    const { error } = await run({ downloadCrls });
    expect(String(error)).toContain(
      '"Mark Certificate Revoked" of default._bimi.example.com (InternalFailure: try again)',
    );
    servers.bus.refuse = () => undefined;
    await run({ downloadCrls });
    await run({ downloadCrls });
    expect(revocations()).toHaveLength(2);
  });

  test('of an order is not reported as revoked, because the order is.', async () => {
    await watch();
    await servers.store('1', { fingerprintSha256: FINGERPRINT });
    await run({ downloadCrls: revoked() });
    expect(revocations()).toEqual([]);
    expect(reports()).toMatchObject([{ differences: [{ id: 'revoked' }] }]);
  });

  test('is accepted if its CRL cannot be downloaded.', async () => {
    await watch();
    await run({ downloadCrls: async (urls) => urls.map((url) => ({ url, problem: 'no answer in time' })) });
    expect(servers.bus.calls).toEqual([]);
  });
});

describe('The overview', () => {
  const overview = async () =>
    v.parse(overviewSchema, JSON.parse(String(servers.server.peek('overview/orders.json')?.body)));
  const index = () => String(servers.server.peek('overview/index.html')?.body);

  test('shows the watched domains, those with a problem first, and keeps them when only it is written.', async () => {
    await watch('example.com');
    await watch('example.org', issue('example.org'));
    await servers.put('watched/example.net/default.json', '{');
    delete zone['_dmarc.example.org'];
    await servers.storeStatus(statusOf('1'));
    await run({}, { writesOverview: true });
    const { watched } = await overview();
    expect(watched?.map(({ domain, state, differences }) => [domain, state, differences])).toEqual([
      ['example.org', 'broken', ['dmarc-missing']],
      ['example.net', 'unreadable', []],
      ['example.com', 'good', []],
    ]);
    expect(watched?.[2]).toMatchObject({ checkedAt: NOON, since: NOON, certificate: { daysLeft: expect.any(Number) } });
    expect(index()).toMatch(/<h2 id="watched">Watched domains<\/h2>/);
    expect(index()).toContain('broken</b>: dmarc-missing');
    const { s3 } = servers;
    const at = new Date(later(NOON, { seconds: 60 }));
    const { observe } = recordingObserver();
    const dependencies = { s3, bucket: BUCKET, collector: COLLECTOR, remindBeforeDays: 30, observe, now: () => at };
    await writeOverview({ ...dependencies, publishes: false, watches: true });
    expect((await overview()).watched).toEqual(watched);
  });

  test('has no section without watched domains.', async () => {
    await servers.storeStatus(statusOf('1'));
    await run({}, { writesOverview: true });
    expect((await overview()).watched).toEqual([]);
    expect(index()).not.toContain('Watched domains');
  });
});
