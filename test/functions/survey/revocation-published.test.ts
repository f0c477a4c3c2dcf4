import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCollect } from '../../../functions/collect/collect.ts';
import { sendHttp } from '../../../functions/http.ts';
import { publish } from '../../../functions/publish/publish.ts';
import { revoke } from '../../../functions/revoke/revoke.ts';
import { sendEvents } from '../../../functions/send-events.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { type Publication, publishedKeys } from '../../../functions/store/publication.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { createReports } from '../collect/reports.ts';
import { createSecretsManager, DEFAULT_SECRET } from '../collect/secret-manager.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { dayAfter, type RevocationWorld, revocationOf, startRevocationWorld } from './revocation-world.ts';
import { COLLECTOR, later, NOON, recordText } from './samples.ts';
import { BUCKET, BUS } from './survey-run.ts';
import { resolverOf, type Zone } from './zone.ts';

const DOMAIN = 'brand1.example';
const KEYS = publishedKeys(DOMAIN, 'default');

let world: RevocationWorld;
let site: PublicSite;
/** The events on the bus that revoke has received. */
let handled: number;

beforeAll(async () => {
  [world, site] = await Promise.all([startRevocationWorld(), startPublicSite()]);
});

beforeEach(() => {
  world.serve();
  handled = 0;
});

afterEach(() => {
  world.clear();
  site.clear();
});

afterAll(() => Promise.all([world.close(), site.close()]));

async function publishOrder(orderNumber: string): Promise<void> {
  await publish(
    { order: { orderNumber, domains: [DOMAIN], collection: { outcome: 'issued', checks: 1, waitSeconds: 0 } } },
    { s3: world.servers.s3, bucket: BUCKET, publishedUrl: site.url, observe: () => {}, now: () => new Date(NOON) },
  );
}

/** Passes the new events of revocations to revoke, as the rule of the stack does. */
async function deliver(unpublish = false): Promise<void> {
  for (const detail of world.events().slice(handled)) {
    await revoke(
      { detail },
      {
        ...{ collector: COLLECTOR, s3: world.servers.s3, bucket: BUCKET, unpublish },
        observe: { revoked: () => {}, damaged: (key) => expect.unreachable(key) },
      },
    );
  }
  handled = world.events().length;
}

async function survey(now = NOON, unpublish = false, records: Zone = {}) {
  // The bucket is what the public address serves.
  for (const [file, type] of [
    ['pem', 'application/pem-certificate-chain'],
    ['svg', 'image/svg+xml'],
  ] as const) {
    const path = `/${DOMAIN}/default.${file}`;
    site.pages.set(path, (response) => {
      const body = world.servers.server.peek(`published${path}`)?.body;
      response.writeHead(body ? 200 : 404, { 'content-type': body ? type : 'text/plain' }).end(body);
    });
  }
  const zone = {
    [`default._bimi.${DOMAIN}`]: [recordText(site.url, DOMAIN)],
    [`_dmarc.${DOMAIN}`]: ['v=DMARC1; p=reject'],
    ...records,
  };
  const result = await world.survey({
    now,
    changes: { unpublish },
    publications: {
      ...{ url: site.url, http: sendHttp, resolver: resolverOf(zone) },
      ...{ limitMilliseconds: 10_000, totalMilliseconds: 100_000 },
    },
  });
  expect(result.error).toBeUndefined();
  return result;
}

const description = (): Publication => JSON.parse(String(world.servers.server.peek(KEYS.description)?.body));
const isLive = () => [KEYS.chain, KEYS.logo].map((key) => world.servers.server.peek(key) !== undefined);
const broken = (result: Awaited<ReturnType<typeof survey>>) =>
  result.observed.broken.map(({ differences }) => differences.map(({ id }) => id));

/** Stores and publishes a certificate that no CRL lists, and checks that the survey finds nothing wrong. */
async function storePublished(orderNumber = '1', notBefore?: string): Promise<IssuedMarkCertificate> {
  const issued = world.issue(DOMAIN, notBefore);
  await world.store(orderNumber, issued);
  await publishOrder(orderNumber);
  expect(broken(await survey())).toEqual([]);
  return issued;
}

describe('A published certificate that a CRL lists', () => {
  test('is marked, and stays live, without "unpublishRevoked".', async () => {
    world.serve([revocationOf(await storePublished())]);

    // The check of the publication in the same survey knows it already, and sends no second message about it.
    const { observed } = await survey(dayAfter(1));
    expect(observed.publicationsChecked).toMatchObject([{ live: 1, broken: 1 }]);
    expect(observed.broken).toEqual([]);
    await deliver();

    expect(description()).toMatchObject({ revokedAt: dayAfter(1), revokedBy: 'crl', served: true });
    expect(isLive()).toEqual([true, true]);
    expect(broken(await survey(dayAfter(2)))).toEqual([['revoked']]);
    expect(world.events()).toHaveLength(1);
  });

  test('is reported as broken on the same day if something else is wrong too.', async () => {
    world.serve([revocationOf(await storePublished())]);
    const weak = { [`_dmarc.${DOMAIN}`]: ['v=DMARC1; p=none'] };
    expect(broken(await survey(dayAfter(1), false, weak))).toEqual([['revoked', 'dmarc-weak']]);
  });

  test('is marked and taken down with "unpublishRevoked", once.', async () => {
    world.serve([revocationOf(await storePublished())]);
    await survey(dayAfter(1), true);
    await deliver(true);
    expect(description()).toMatchObject({ revokedAt: dayAfter(1), served: false });
    expect(isLive()).toEqual([false, false]);

    expect(broken(await survey(dayAfter(2), true))).toEqual([]);
    await deliver(true);
    await survey(dayAfter(3), true);
    expect(world.events()).toHaveLength(1);
  });

  test('is taken down if "unpublishRevoked" is turned on later, by the survey after the deployment.', async () => {
    world.serve([revocationOf(await storePublished())]);
    await survey(dayAfter(1));
    await deliver();
    await survey(dayAfter(2), true);
    await deliver(true);
    expect(isLive()).toEqual([false, false]);
    expect(description()).toMatchObject({ revokedAt: dayAfter(1), served: false });
    const count = world.events().length;
    await survey(dayAfter(3), true);
    expect(world.events()).toHaveLength(count);
  });

  test('is marked by the next survey if the event was lost on its way to revoke.', async () => {
    world.serve([revocationOf(await storePublished())]);
    await survey(dayAfter(1));
    handled = world.events().length;
    await survey(dayAfter(2));
    await deliver();
    expect(description()).toMatchObject({ revokedAt: dayAfter(1), served: true });
  });

  test('is published again after a hold, when the order is collected again.', async () => {
    const issued = await storePublished();
    world.serve([revocationOf(issued, 'certificateHold')]);
    await survey(dayAfter(1), true);
    await deliver(true);
    expect(isLive()).toEqual([false, false]);
    world.serve();
    await survey(dayAfter(2), true);
    await publishOrder('1');
    expect(description()).toMatchObject({ revokedAt: null, served: true });
    expect(broken(await survey(dayAfter(3), true))).toEqual([]);
    expect(isLive()).toEqual([true, true]);
  });
});

describe('A certificate that is only still published', () => {
  test('is marked and reported although its order has a newer one, which was not published.', async () => {
    const older = await storePublished();
    await world.store('1', world.issue(DOMAIN, '2026-07-01T00:00:00Z'), '2026-11-20T08:00:00.000Z');
    world.serve([revocationOf(older, 'superseded')]);

    expect(broken(await survey(dayAfter(1)))[0]).toContain('revoked');
    await deliver();

    expect(world.events()).toMatchObject([{ orderNumber: '1', reason: 'superseded' }]);
    expect(description()).toMatchObject({ revokedAt: dayAfter(1), served: true });
    expect(world.manifest('1')).toMatchObject({ publishable: true });
    const { fingerprintSha256 } = description().live;
    expect(world.manifest('1', `superseded/${fingerprintSha256}/`)).toMatchObject({ publishable: false });
    await survey(dayAfter(2));
    expect(world.events()).toHaveLength(1);
  });

  test('is no longer looked up once the newer one is published.', async () => {
    const older = await storePublished();
    await world.store('1', world.issue(DOMAIN, '2026-07-01T00:00:00Z'), '2026-11-20T08:00:00.000Z');
    await publishOrder('1');
    world.serve([revocationOf(older)]);
    expect(broken(await survey(dayAfter(1)))).toEqual([]);
    expect(world.events()).toEqual([]);
  });
});

describe('Two collectors', () => {
  test('with one bucket each report their own certificates, in either order.', async () => {
    world.serve([revocationOf(await storePublished())]);
    const other = await world.survey({ collector: 'other', now: dayAfter(1) });
    expect(other).toMatchObject({ error: undefined, summaries: [{ certificates: 0 }] });
    expect(world.manifest('1').publishable).toBe(true);

    await survey(dayAfter(1));
    await deliver();

    expect(world.events()).toMatchObject([{ collector: COLLECTOR, orderNumber: '1' }]);
    expect(description()).toMatchObject({ revokedAt: dayAfter(1) });
    await world.survey({ collector: 'other', now: dayAfter(2) });
    expect(world.events()).toHaveLength(1);
  });

  test('each mark their own publications: the event of one changes nothing at the other.', async () => {
    world.serve([revocationOf(await storePublished())]);
    await survey(dayAfter(1));
    const [detail] = world.events();
    await revoke(
      { detail },
      {
        ...{ collector: 'other', s3: world.servers.s3, bucket: BUCKET, unpublish: true },
        observe: { revoked: () => expect.unreachable(), damaged: (key) => expect.unreachable(key) },
      },
    );
    expect(description()).toMatchObject({ revokedAt: null, served: true });
  });
});

describe('A check that receives a certificate again which a CRL lists', () => {
  /** Asks CollectMC once for order 1, which answers with the certificate. */
  async function check(
    issued: IssuedMarkCertificate,
    { execution, once = false, now = NOON }: { execution: string; once?: boolean; now?: string },
  ) {
    const reports = createReports();
    const secrets = createSecretsManager(() => Date.parse(now));
    secrets.store(DEFAULT_SECRET, { loginName: 'default', loginPassword: 'correct horse' });
    const reply = Buffer.from(`2\n${Buffer.from(pkcs7(issued.chain)).toString('base64')}`);
    const collect = createCollect({
      ...reports.dependencies,
      ...{ url: 'https://ca.example/CollectMC', format: 'pkcs7', pollSeconds: 10_800, giveUpSeconds: 90 * 86_400 },
      ...{ bucket: BUCKET, ctLogs: [world.authority.log.key], publishedUrl: undefined },
      trustAnchors: [createHash('sha256').update(issued.root).digest('hex')],
      credentials: secrets.lookup(),
      http: async () => ({ status: 200, headers: {}, read: async () => reply, discard: () => {} }),
      archive: async (orderNumber) => openArchive(s3Storage(world.servers.s3, BUCKET), orderNumber),
      async sendEvent(detailType, detail) {
        const bus = { eventBridge: world.servers.eventBridge, eventBusName: BUS };
        expect(await sendEvents(bus, detailType, [detail], () => {})).toEqual([]);
      },
      downloadCrls: world.crls.download,
      observe: () => {},
      now: () => new Date(now),
      random: () => 0,
    });
    const order = { orderNumber: '1', domains: [DOMAIN], ...(once && { once }) };
    const result = await collect({ order, execution, startedAt: now }, () => 60_000);
    expect(reports.problems).toEqual([]);
    return result;
  }

  test.each([
    ['collected again', { execution: 'order-1-again' }],
    ['asked about because of a push', { execution: 'order-1-push-20261123' }],
  ])('sends the event once, and the survey sends none: the order is %s.', async (_, given) => {
    const issued = await storePublished();
    world.serve([revocationOf(issued)]);

    expect(await check(issued, given)).toMatchObject({ outcome: 'issued', certificate: { publishable: false } });
    await deliver();
    await check(issued, { execution: 'order-1-third', now: later(NOON, { seconds: 60 }) });
    await survey(dayAfter(1));
    await check(issued, { execution: 'order-1-fourth', now: dayAfter(2) });

    expect(world.events()).toMatchObject([
      { source: 'crl', execution: given.execution, knownSince: NOON, reason: 'keyCompromise' },
    ]);
  });

  test('sends none after the survey.', async () => {
    const issued = await storePublished();
    world.serve([revocationOf(issued)]);
    await survey(dayAfter(1));
    await check(issued, { execution: 'order-1-again', now: dayAfter(2) });
    expect(world.events()).toHaveLength(1);
  });

  test('beside another execution downloads no CRL: the survey of the day has looked it up.', async () => {
    const issued = await storePublished();
    world.serve([revocationOf(issued)]);
    await check(issued, { execution: 'order-1-renewal-20261123', once: true });
    expect(world.events()).toEqual([]);
    await survey(dayAfter(1));
    await check(issued, {
      execution: 'order-1-renewal-20261124',
      once: true,
      now: later(NOON, { days: 1, seconds: 60 }),
    });
    expect(world.events()).toMatchObject([{ source: 'crl', knownSince: dayAfter(1) }]);
  });

  test('beside another execution looks up a certificate that it receives first, and sends the event once.', async () => {
    await storePublished();
    const renewal = world.issue(DOMAIN, '2026-11-01T00:00:00Z');
    world.serve([revocationOf(renewal)]);
    await check(renewal, { execution: 'order-1-renewal-20261123', once: true });
    await check(renewal, { execution: 'order-1-renewal-20261124', once: true, now: dayAfter(1) });
    await survey(dayAfter(1));
    expect(world.events()).toMatchObject([{ source: 'crl', execution: 'order-1-renewal-20261123' }]);
    // The good one stays the current one.
    expect(world.manifest('1').publishable).toBe(true);
  });
});
