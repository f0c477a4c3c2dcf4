import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';
import type { Publication } from '../../../functions/store/publication.ts';
import {
  type BrokenPublication,
  type PublicationChecks,
  PublicationsNotReportedError,
} from '../../../functions/survey/publications.ts';
import type { TxtResolver } from '../../../functions/survey/txt.ts';
import { type PublicSite, page, startPublicSite } from './public-site.ts';
import { COLLECTOR, NOON, ORDER, pairOf, publicationOf, servePublication } from './samples.ts';
import {
  BUS,
  CERTIFICATES_ONLY,
  type RunOptions,
  runSurvey,
  type SurveyServers,
  startSurveyServers,
} from './survey-run.ts';
import { resolverOf, type Zone } from './zone.ts';

let servers: SurveyServers;
let site: PublicSite;
let zone: Zone;

beforeAll(async () => {
  servers = await startSurveyServers();
});

beforeEach(async () => {
  site = await startPublicSite();
  zone = {};
});

afterEach(() => {
  servers.clear();
  return site.close();
});

afterAll(() => servers.close());

/**
 * Makes a publication that is as it should be everywhere: bucket, public address, DNS. A test then changes something.
 */
async function publish(domain = 'example.com', changes: Partial<Publication> = {}): Promise<void> {
  const publication = publicationOf(site.url, domain, changes);
  servePublication(site, zone, publication);
  await servers.put(`published/${domain}/${publication.selector}.json`, JSON.stringify(publication));
}

const run = (
  { now = () => new Date(NOON), ...checks }: Pick<RunOptions, 'now'> & Partial<PublicationChecks> = {},
  options: RunOptions = {},
) =>
  runSurvey(servers, {
    now,
    withExecutions: false,
    ...options,
    publications: {
      url: site.url,
      http: sendHttp,
      resolver: resolverOf(zone),
      limitMilliseconds: 10_000,
      totalMilliseconds: 60_000,
      ...checks,
    },
  });

const idsOf = ({ differences }: BrokenPublication) => differences.map(({ id }) => id);
const reportedIds = () => servers.reports().map((report) => [report.domain, ...idsOf(report)]);
const domainsOf = (count: number) => Array.from({ length: count }, (_, index) => `brand${100 + index}.example`);

describe('A survey of one publication', () => {
  test('counts it and sends nothing if it is as it should be.', async () => {
    await publish();
    const resolver = resolverOf(zone);

    expect(await run({ resolver })).toEqual({
      ...CERTIFICATES_ONLY,
      damaged: [],
      surveyed: [{ kept: 0, superseded: 0, damaged: 0, reminders: 0 }],
      reminded: [],
      publicationsChecked: [{ live: 1, broken: 0, unchecked: 0 }],
      error: undefined,
    });
    expect(servers.bus.calls).toEqual([]);
    expect(site.requests).toEqual([
      { method: 'GET', path: '/example.com/default.pem' },
      { method: 'GET', path: '/example.com/default.svg' },
    ]);
    expect(resolver.asked).toEqual(['default._bimi.example.com', '_dmarc.example.com']);
  });

  test.each(['2026-11-23T00:10:00.000Z', '2026-11-23T12:10:00.000Z', '2026-11-23T23:50:00.000Z'])(
    'has the same result at any hour: at %s.',
    async (at) => {
      await publish();

      expect((await run({ now: () => new Date(at) })).publicationsChecked).toEqual([
        { live: 1, broken: 0, unchecked: 0 },
      ]);
    },
  );

  test('checks the addresses of its selector.', async () => {
    await publish('example.com', { selector: 'winter' });

    expect((await run()).publicationsChecked).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });

  test('reports all differences in one event, which describes the publication.', async () => {
    const expired = { ...pairOf('example.com'), notAfter: '2026-11-23T11:59:59.000Z' };
    await publish('example.com', { live: expired, revokedAt: '2026-11-20T00:00:00.000Z' });
    site.pages.set('/example.com/default.pem', page(200, 'text/plain', 'another'));
    site.pages.set('/example.com/default.svg', page(200, 'text/plain', 'another'));
    delete zone['default._bimi.example.com'];
    delete zone['_dmarc.example.com'];

    const { broken, publicationsChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(publicationsChecked).toEqual([{ live: 1, broken: 1, unchecked: 0 }]);
    expect(servers.bus.calls).toEqual([
      [
        {
          EventBusName: BUS,
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Publication Broken',
          Detail: expect.any(String),
        },
      ],
    ]);
    expect(servers.reports()).toEqual([
      {
        collector: COLLECTOR,
        domains: ['example.com'],
        domain: 'example.com',
        selector: 'default',
        orderNumber: ORDER,
        account: null,
        owner: 'Example',
        fingerprintSha256: 'c0ffee',
        bimiRecord: `default._bimi.example.com. TXT "v=BIMI1; l=${site.url}/example.com/default.svg; a=${site.url}/example.com/default.pem"`,
        differences: [
          'chain-differs',
          'chain-type',
          'logo-differs',
          'logo-type',
          'expired',
          'revoked',
          'record-missing',
          'dmarc-missing',
        ].map((id) => ({ id, message: expect.any(String) })),
      },
    ]);
    expect(broken).toEqual(servers.reports());
  });

  test('sends a small event although others wrote much.', async () => {
    await publish();
    zone['default._bimi.example.com'] = [`v=BIMI1; l=${'x'.repeat(60_000)}`];
    zone['_dmarc.example.com'] = [`v=DMARC1; p=${'x'.repeat(60_000)}`];
    site.pages.set('/example.com/default.pem', page(301, 'text/html', '', { location: 'x'.repeat(10_000) }));

    await run();

    expect(reportedIds()).toEqual([['example.com', 'chain-unreachable', 'record-differs', 'dmarc-weak']]);
    expect(servers.bus.calls[0]?.[0]?.Detail.length).toBeLessThan(3000);
  });
});

describe('A survey of a publication whose order has a newer certificate', () => {
  const newer = { fingerprintSha256: 'beef', notBefore: '2026-11-10T00:00:00.000Z' };

  test('reports it as outdated.', async () => {
    await publish();
    await servers.store(ORDER, newer);

    const { publicationsChecked } = await run();

    expect(publicationsChecked).toEqual([{ live: 1, broken: 1, unchecked: 0 }]);
    expect(servers.reports()).toMatchObject([
      { orderNumber: ORDER, fingerprintSha256: 'c0ffee', differences: [{ id: 'outdated' }] },
    ]);
  });

  test('does not compare it with another order.', async () => {
    await publish();
    await servers.store('2', newer);

    await run();

    expect(reportedIds()).toEqual([]);
  });

  test('reports every address at which the order is outdated.', async () => {
    await publish('example.com');
    await publish('example.org', { live: { ...pairOf('example.org'), fingerprintSha256: 'beef' } });
    await publish('example.net');
    await servers.store(ORDER, newer);

    await run();

    expect(reportedIds()).toEqual([
      ['example.com', 'outdated'],
      ['example.net', 'outdated'],
    ]);
  });

  test('reports nothing if the manifest is damaged.', async () => {
    await publish();
    await servers.put(`orders/${ORDER}/certificate.json`, '{}');

    expect((await run()).publicationsChecked).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });
});

describe('A survey of several publications', () => {
  test('reports only the broken ones, in the order of their keys.', async () => {
    for (const domain of domainsOf(4)) {
      await publish(domain);
    }
    delete zone['_dmarc.brand103.example'];
    site.pages.delete('/brand101.example/default.svg');

    const { publicationsChecked } = await run();

    expect(publicationsChecked).toEqual([{ live: 4, broken: 2, unchecked: 0 }]);
    expect(reportedIds()).toEqual([
      ['brand101.example', 'logo-unreachable'],
      ['brand103.example', 'dmarc-missing'],
    ]);
  });

  test('neither checks nor counts those that are not served.', async () => {
    await publish('brand100.example');
    await publish('brand101.example', { served: false, revokedAt: '2026-11-20T00:00:00.000Z' });
    site.pages.delete('/brand101.example/default.pem');

    const { publicationsChecked } = await run();

    expect(publicationsChecked).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
    expect(site.requests.map(({ path }) => path)).toEqual([
      '/brand100.example/default.pem',
      '/brand100.example/default.svg',
    ]);
  });

  test('has forty open requests and eighty open lookups at the same time.', async () => {
    for (const domain of domainsOf(200)) {
      await publish(domain);
    }
    /** Holds everything until so many are open. */
    const holdUntil = (expected: number) => {
      let open = 0;
      let most = 0;
      const reached = Promise.withResolvers<void>();
      const hold = async () => {
        most = Math.max(most, ++open);
        if (open === expected) {
          reached.resolve();
        }
        await reached.promise;
        await new Promise(setImmediate);
        open -= 1;
      };
      return { hold, most: () => most };
    };
    const [requests, lookups] = [holdUntil(40), holdUntil(80)];
    for (const [path, answer] of site.pages) {
      site.pages.set(path, (response) => void requests.hold().then(() => answer(response)));
    }
    const { resolveTxt } = resolverOf(zone);

    const { publicationsChecked } = await run({
      resolver: { resolveTxt: (name) => lookups.hold().then(() => resolveTxt(name)) },
    });

    expect(publicationsChecked).toEqual([{ live: 200, broken: 0, unchecked: 0 }]);
    expect(site.requests).toHaveLength(400);
    expect([requests.most(), lookups.most()]).toEqual([40, 80]);
  });

  test('is not delayed by one whose lookup hangs.', async () => {
    await publish('example.com');
    await publish('example.org');
    const { resolveTxt } = resolverOf(zone);
    const resolver: TxtResolver = {
      resolveTxt: (name) => (name === '_dmarc.example.com' ? new Promise<never>(() => {}) : resolveTxt(name)),
    };

    const { error, publicationsChecked } = await run({ limitMilliseconds: 1000, resolver });

    expect(error).toBeUndefined();
    expect(publicationsChecked).toEqual([{ live: 2, broken: 1, unchecked: 0 }]);
    expect(reportedIds()).toEqual([['example.com', 'dmarc-unreachable']]);
  });

  test('reads only descriptions.', async () => {
    await publish();
    await servers.put('published/example.com/default.pem', 'chain');
    await servers.put('published/example.com/old/default.json', '{}');
    await servers.put('published/default.json', '{}');

    const { publicationsDamaged, publicationsChecked } = await run();

    expect(publicationsDamaged).toEqual([]);
    expect(publicationsChecked).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
    const read = servers.server.requests.filter(({ method, key }) => method === 'GET' && key);
    expect(read.map(({ key }) => key)).toEqual(['published/example.com/default.json']);
  });

  test.each<[string, () => unknown, string]>([
    ['is empty', () => '', 'the whole object: '],
    [
      'has a later schema',
      () => ({ ...publicationOf(site.url, 'brand101.example'), schemaVersion: 2 }),
      'schemaVersion: ',
    ],
    [
      'describes another address',
      () => publicationOf(site.url, 'brand100.example'),
      'describes published/brand100.example/default.json',
    ],
  ])('reports one whose description %s, and checks the others.', async (_, damage, problem) => {
    await publish('brand100.example');
    await publish('brand102.example');
    const content = damage();
    const key = 'published/brand101.example/default.json';
    await servers.put(key, typeof content === 'string' ? content : JSON.stringify(content));

    const { publicationsDamaged, publicationsChecked, error } = await run();

    expect(error).toBeUndefined();
    expect(publicationsDamaged).toEqual([{ key, problem: expect.stringContaining(problem) }]);
    expect(publicationsChecked).toEqual([{ live: 2, broken: 1, unchecked: 0 }]);
    expect(servers.reports()).toEqual([
      {
        collector: COLLECTOR,
        domains: ['brand101.example'],
        domain: 'brand101.example',
        selector: 'default',
        bimiRecord: publicationOf(site.url, 'brand101.example').bimiRecord,
        differences: [
          {
            id: 'description-damaged',
            message: expect.stringContaining(`The description ${key} cannot be read: ${problem}`),
          },
        ],
      },
    ]);
    expect(site.requests.map(({ path }) => path?.split('/')[1]).toSorted()).toEqual([
      'brand100.example',
      'brand100.example',
      'brand102.example',
      'brand102.example',
    ]);
  });

  test('after a deployment only measures the broken ones.', async () => {
    await publish('brand100.example');
    await site.close();

    const { error, publicationsChecked, broken } = await run({}, { sendDailyEvents: false });

    expect(error).toBeUndefined();
    expect(publicationsChecked).toEqual([{ live: 1, broken: 1, unchecked: 0 }]);
    expect([broken, servers.bus.calls]).toEqual([[], []]);
  });

  test('sends ten events in one call, and its error names those that EventBridge refused.', async () => {
    for (const domain of domainsOf(12)) {
      await publish(domain);
    }
    await site.close();
    const refused = ['brand103.example', 'brand111.example'];
    servers.bus.refuse = ({ Detail }) =>
      refused.includes(JSON.parse(Detail).domain)
        ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }
        : undefined;

    const { error, broken } = await run();

    expect(servers.bus.calls.map((entries) => entries.length)).toEqual([10, 2]);
    expect(error).toBeInstanceOf(PublicationsNotReportedError);
    expect(error).toMatchObject({
      name: 'PublicationsNotReportedError',
      message:
        'EventBridge did not accept the event of default._bimi.brand103.example (InternalFailure: try again); ' +
        'EventBridge did not accept the event of default._bimi.brand111.example (InternalFailure: try again)',
    });
    expect(broken.map(({ domain }) => domain)).toEqual(domainsOf(12).filter((domain) => !refused.includes(domain)));
  });

  test('reports all differences before its error names those for which no time was left.', async () => {
    for (const domain of domainsOf(11)) {
      await publish(domain);
    }
    delete zone['_dmarc.brand100.example'];
    let time = Date.parse(NOON);
    const { resolveTxt } = resolverOf(zone);
    const resolver: TxtResolver = {
      resolveTxt: (name) => {
        time += 60_000;
        return resolveTxt(name);
      },
    };

    const { error, publicationsChecked } = await run({
      resolver,
      now: () => new Date(time),
      totalMilliseconds: 60_000,
    });

    expect(publicationsChecked).toEqual([{ live: 11, broken: 1, unchecked: 10 }]);
    expect(reportedIds()).toEqual([['brand100.example', 'dmarc-missing']]);
    expect(error).toMatchObject({
      name: 'PublicationsNotReportedError',
      message: `no time was left to check ${domainsOf(6)
        .slice(1)
        .map((domain) => `default._bimi.${domain}`)
        .join(', ')}, and 5 more`,
    });
  });
});
