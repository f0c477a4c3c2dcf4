import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';

import { type PublicationChecks, PublicationsNotReportedError } from '../../../functions/survey/publications.ts';
import { RemindersNotSentError } from '../../../functions/survey/reminders.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { manifestOf, ORDER, pairOf, publicationOf, servePublication, statusOf } from './samples.ts';
import {
  BUCKET,
  CERTIFICATES_ONLY,
  ordersOf,
  type RunOptions,
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

describe('A survey without publications and executions', () => {
  const run = (options?: RunOptions) => runSurvey(servers, { withExecutions: false, ...options });

  test('of an empty bucket finds nothing and sends nothing.', async () => {
    expect(await run()).toEqual({
      ...CERTIFICATES_ONLY,
      damaged: [],
      surveyed: [{ kept: 0, superseded: 0, damaged: 0, reminders: 0 }],
      reminded: [],
      error: undefined,
    });
    expect(servers.bus.calls).toEqual([]);
  });

  test('reads only manifests.', async () => {
    await servers.store(ORDER);
    for (const name of ['rejected.json', 'chain.pem', 'old/certificate.json', 'certificate.json.bak']) {
      await servers.put(`orders/${ORDER}/${name}`, JSON.stringify(manifestOf('2')));
    }
    await servers.put('orders/certificate.json', JSON.stringify(manifestOf('3')));
    await servers.put('other/1/certificate.json', JSON.stringify(manifestOf('4')));

    const { surveyed } = await run();

    expect(surveyed).toMatchObject([{ kept: 1, damaged: 0 }]);
    expect(servers.server.requests.filter(({ method }) => method === 'GET').map(({ key }) => key)).toEqual([
      '',
      `orders/${ORDER}/certificate.json`,
    ]);
  });

  test('reads more than one page of manifests, fifty at the same time.', async () => {
    const { server, store } = servers;
    const orders = Array.from({ length: 1001 }, (_, index) => String(100_000 + index));
    for (const orderNumber of orders) {
      await store(orderNumber, { domains: [`${orderNumber}.example`], notAfter: '2027-11-20T23:59:59.000Z' });
    }
    await store('100000', { domains: ['first.example'] });
    await store('101000', { domains: ['last.example'] });
    let reading = 0;
    let most = 0;
    const fifty = Promise.withResolvers<void>();
    server.before = async ({ method, key }) => {
      if (method === 'GET' && key !== '') {
        most = Math.max(most, ++reading);
        if (reading === 50) {
          fifty.resolve();
        }
        await fifty.promise;
        await new Promise(setImmediate);
        reading -= 1;
      }
      return undefined;
    };

    const { surveyed } = await run();

    expect(surveyed).toEqual([{ kept: 1001, superseded: 0, damaged: 0, reminders: 2, daysToExpiry: 30 }]);
    expect(ordersOf(servers.reminders())).toEqual(['100000', '101000']);
    expect(server.requests.filter(({ method, key }) => method === 'GET' && key === '')).toHaveLength(2);
    expect(most).toBe(50);
  });

  test.each([
    ['is empty', '', 'the whole object'],
    ['is truncated', JSON.stringify(manifestOf('2')).slice(0, -9), 'the whole object'],
    ['has a later schema', JSON.stringify({ ...manifestOf('2'), schemaVersion: 2 }), 'schemaVersion'],
    ['has no expiry date', JSON.stringify({ ...manifestOf('2'), notAfter: undefined }), 'notAfter'],
    [
      'has a date that is not UTC',
      JSON.stringify(manifestOf('2', { notAfter: '2026-12-23T23:59:59+01:00' })),
      'notAfter',
    ],
    ['has an invalid date', JSON.stringify(manifestOf('2', { notAfter: 'soon' })), 'notAfter'],
  ])('reports a manifest that %s, and continues.', async (_, text, problem) => {
    await servers.store('1', { domains: ['one.example'] });
    await servers.put('orders/2/certificate.json', text);
    await servers.store('3', { domains: ['three.example'] });

    const { damaged, surveyed, error } = await run();

    expect(error).toBeUndefined();
    expect(damaged).toEqual([
      { key: 'orders/2/certificate.json', problem: expect.stringMatching(new RegExp(`^${problem}: `)) },
    ]);
    expect(surveyed).toEqual([{ kept: 2, superseded: 0, damaged: 1, reminders: 2, daysToExpiry: 30 }]);
    expect(ordersOf(servers.reminders())).toEqual(['1', '3']);
  });

  test('fails before it sends an event if S3 does not return an object.', async () => {
    await servers.store('1');
    await servers.store('2');
    servers.server.before = ({ key }) => (key.startsWith('orders/2/') ? { status: 503, code: 'SlowDown' } : undefined);

    const { error, surveyed } = await run();

    expect(error).toMatchObject({ name: 'SlowDown' });
    expect(surveyed).toEqual([]);
    expect(servers.bus.calls).toEqual([]);
  });
});

describe('A survey with publications', () => {
  let site: PublicSite;
  let zone: Zone;
  beforeEach(async () => {
    site = await startPublicSite();
    zone = {};
  });
  afterEach(() => site.close());

  const run = (checks: Partial<PublicationChecks> = {}) =>
    runSurvey(servers, {
      publications: {
        url: site.url,
        http: sendHttp,
        resolver: resolverOf(zone),
        limitMilliseconds: 10_000,
        totalMilliseconds: 60_000,
        ...checks,
      },
    });

  async function publish(...[domain, changes]: [domain: string, changes?: Parameters<typeof publicationOf>[2]]) {
    const publication = publicationOf(site.url, domain, changes);
    servePublication(site, zone, publication);
    await servers.put(`published/${domain}/default.json`, JSON.stringify(publication));
  }

  const failPublications = () => {
    servers.server.before = ({ key }) => (key.startsWith('published/') ? { status: 503, code: 'SlowDown' } : undefined);
  };

  describe('of a certificate with a newer one', () => {
    const domains = ['example.com'];
    const notAfter = '2026-12-07T23:59:59.000Z';
    const reminded = { kept: 2, superseded: 0, reminders: 1, daysToExpiry: 14 };
    const silent = { kept: 2, superseded: 1, reminders: 0, daysToExpiry: 379 };

    beforeEach(async () => {
      await servers.store('1', { domains, notAfter, fingerprintSha256: 'live' });
      await servers.store('2', {
        domains,
        fingerprintSha256: 'newer',
        notBefore: '2026-11-20T00:00:00.000Z',
        notAfter: '2027-12-07T23:59:59.000Z',
      });
    });

    test.each([
      ['sends a reminder and measures it while it is published', { fingerprintSha256: 'live' }, true, reminded],
      ['sends no reminder if the newer one is published', { fingerprintSha256: 'newer' }, true, silent],
      ['sends no reminder if it is no longer served', { fingerprintSha256: 'live' }, false, silent],
    ])('%s.', async (_, live, served, summary) => {
      await publish('example.com', { live: { ...pairOf('example.com'), orderNumber: '1', ...live }, served });

      const { surveyed } = await run();

      expect(surveyed).toMatchObject([summary]);
      expect(ordersOf(servers.reminders())).toEqual(summary === reminded ? ['1'] : []);
    });

    test.each([
      ['sends a reminder while it is published', 'live', reminded, ['1']],
      ['sends no reminder if the newer one is published', 'newer', { ...silent, kept: 1, superseded: 0 }, []],
    ])('of the same order %s.', async (_, fingerprintSha256, summary, reminders) => {
      await servers.store('1', {
        domains,
        fingerprintSha256: 'newer',
        notBefore: '2026-11-20T00:00:00.000Z',
        notAfter: '2027-12-07T23:59:59.000Z',
      });
      await servers.storeSuperseded('1', 'live', { domains, notAfter });
      await servers.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'orders/2/certificate.json' }));
      await publish('example.com', { live: { ...pairOf('example.com'), orderNumber: '1', fingerprintSha256 } });

      const { surveyed } = await run();

      expect(surveyed).toMatchObject([summary]);
      expect(ordersOf(servers.reminders())).toEqual(reminders);
    });

    test('sends the reminders of the others if the descriptions cannot be read.', async () => {
      await publish('example.com', { live: { ...pairOf('example.com'), fingerprintSha256: 'live' } });
      await servers.store('3', { domains: ['3.example'], notAfter });
      failPublications();

      const { surveyed, error } = await run();

      expect(error).toMatchObject({ name: 'SlowDown' });
      expect(surveyed).toMatchObject([{ kept: 3, superseded: 1, reminders: 1 }]);
      expect(ordersOf(servers.reminders())).toEqual(['3']);
    });
  });

  describe('whose parts fail', () => {
    beforeEach(async () => {
      await servers.store('1', { domains: ['1.example'], notAfter: '2026-12-07T23:59:59.000Z' });
      await publish('example.com');
      zone['_dmarc.example.com'] = ['v=DMARC1; p=none'];
    });

    const reportedIds = () => servers.reports().map(({ differences }) => differences.map(({ id }) => id));

    test('sends reminders and reports if none fails.', async () => {
      expect((await run()).error).toBeUndefined();
      expect(ordersOf(servers.reminders())).toEqual(['1']);
      expect(reportedIds()).toEqual([['dmarc-weak']]);
    });

    test('sends everything if neither the public address nor the DNS answers.', async () => {
      await site.close();
      const resolveTxt = () => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' }));

      const { error, reminded } = await run({ resolver: { resolveTxt } });

      expect(error).toBeUndefined();
      expect(ordersOf(reminded)).toEqual(['1']);
      expect(reportedIds()).toEqual([
        ['chain-unreachable', 'logo-unreachable', 'record-unreachable', 'dmarc-unreachable'],
      ]);
    });

    test('sends reminders if S3 does not return a description.', async () => {
      failPublications();

      const { error, publicationsChecked } = await run();

      expect(error).toMatchObject({ name: 'SlowDown' });
      expect(publicationsChecked).toEqual([]);
      expect(ordersOf(servers.reminders())).toEqual(['1']);
    });

    test('reports publications if S3 does not return a manifest.', async () => {
      servers.server.before = ({ key }) => (key.startsWith('orders/') ? { status: 503, code: 'SlowDown' } : undefined);

      const { error } = await run();

      expect(error).toMatchObject({ name: 'SlowDown' });
      expect(servers.reminders()).toEqual([]);
      expect(reportedIds()).toEqual([['dmarc-weak']]);
    });

    test('throws both errors if both fail.', async () => {
      servers.bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });

      const { error } = await run();

      expect(error).toBeInstanceOf(AggregateError);
      expect(error).toMatchObject({
        message:
          'RemindersNotSentError: EventBridge did not accept the reminders of order 1 (InternalFailure: try again); ' +
          'PublicationsNotReportedError: EventBridge did not accept the event of default._bimi.example.com (InternalFailure: try again)',
        errors: [expect.any(RemindersNotSentError), expect.any(PublicationsNotReportedError)],
      });
    });
  });
});

describe('The account of an order', () => {
  const EXPIRING = { notAfter: '2026-12-23T23:59:59.000Z' };

  test.each([
    ['that of the manifest', { account: 'brand-a' }, undefined, 'brand-a'],
    ['that of the manifest if the status has another one', { account: 'brand-a' }, 'brand-b', 'brand-a'],
    ['the default account of the manifest if the status has another one', { account: null }, 'brand-b', null],
    ['that of the status if the manifest is of release 0.1.0', {}, 'brand-b', 'brand-b'],
    ['not known if neither contains it', {}, undefined, null],
  ])('in events is %s.', async (_, manifest, inStatus, account) => {
    const site = await startPublicSite();
    onTestFinished(() => site.close());
    await servers.store(ORDER, { ...EXPIRING, ...manifest });
    if (inStatus !== undefined) {
      await servers.storeStatus(statusOf(ORDER, { account: inStatus, state: 'issued', reason: undefined }));
    }
    const publication = publicationOf(site.url, 'example.com');
    await servers.put('published/example.com/default.json', JSON.stringify(publication));

    const { error } = await runSurvey(servers, {
      publications: {
        url: site.url,
        http: sendHttp,
        resolver: resolverOf({}),
        limitMilliseconds: 2000,
        totalMilliseconds: 60_000,
      },
    });

    expect(error).toBeUndefined();
    expect(servers.reminders()).toMatchObject([{ orderNumber: ORDER, account }]);
    expect(servers.reports()).toMatchObject([{ orderNumber: ORDER, account }]);
  });
});
