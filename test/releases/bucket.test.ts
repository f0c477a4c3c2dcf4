import { createHash } from 'node:crypto';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MarkCertificate, readMarkCertificate } from '../../functions/certificate/report.ts';
import type { HttpClient } from '../../functions/http.ts';
import { publish } from '../../functions/publish/publish.ts';
import { revoke } from '../../functions/revoke/revoke.ts';
import { openArchive } from '../../functions/store/archive.ts';
import { parseManifest, type StoredManifest } from '../../functions/store/manifest.ts';
import type { StoredObject } from '../../functions/store/objects.ts';
import { type Publication, parsePublication, publishedKeys } from '../../functions/store/publication.ts';
import { s3Storage } from '../../functions/store/s3-storage.ts';
import type { SurveyDependencies } from '../../functions/survey/parts.ts';
import { survey } from '../../functions/survey/survey.ts';
import type { CertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../authority.ts';
import { type EventBus, startEventBus } from '../functions/survey/event-bus.ts';
import { AT, EVENTS, readSample, type SampleBucket, startSampleBucket, TRUST_ANCHORS, VERSIONS } from './samples.ts';

const PUBLISHED_URL = 'https://d111111abcdef8.cloudfront.net';
const now = () => new Date(AT);

/** The stored object versions whose key matches, with their bytes. */
const stored = (key: RegExp) =>
  VERSIONS.flatMap(({ file, ...version }) =>
    file && key.test(version.key) ? [{ ...version, bytes: readSample(file) }] : [],
  );
const MANIFESTS = stored(/^orders\/.*\/certificate\.json$/);
const PUBLICATIONS = stored(/^published\/.*\.json$/);

function manifestIn(bytes: Uint8Array, key: string): StoredManifest {
  const result = parseManifest(bytes, key);
  expect(result.issues).toBeUndefined();
  return result.output as StoredManifest;
}

function publicationIn(bytes: Uint8Array): Publication {
  const result = parsePublication(JSON.parse(Buffer.from(bytes).toString()));
  expect(result.issues).toBeUndefined();
  return result.output as Publication;
}

/** Expects that a manifest or a publication lists a version that the bucket has. */
function expectListed({ key, versionId, size, sha256 }: StoredObject) {
  expect(VERSIONS).toContainEqual(expect.objectContaining({ key, versionId, size, sha256 }));
}

const bytesOf = (versionId: string | undefined) =>
  readSample(VERSIONS.find((version) => version.versionId === versionId)?.file ?? '');

const CONTAINERS = { p7b: 'pkcs7', zip: 'zip', pem: 'pem' } as const;
function containerOf(key: string) {
  return CONTAINERS[key.split('.').at(-1) as keyof typeof CONTAINERS];
}

let bucket: SampleBucket;
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});
beforeEach(async () => {
  bucket = await startSampleBucket();
});
afterEach(() => bucket.close());

/** A certificate that is issued after the upgrade, newer than every certificate of the samples. */
async function issueToday(domains: readonly string[]): Promise<{ body: Uint8Array; certificate: MarkCertificate }> {
  const { chain } = authority.issue({
    domains,
    owner: 'Example Brand Limited',
    notBefore: new Date('2026-11-22T00:00:00.000Z'),
  });
  const body = pkcs7(chain);
  const trustAnchors = [createHash('sha256').update(authority.root).digest('hex')];
  return { body, certificate: await readMarkCertificate(body, { at: now(), trustAnchors, domains }) };
}

async function readJson<T>(key: string): Promise<T> {
  const response = await fetch(`${bucket.server.url}/${bucket.bucket}/${key}`);
  return (await response.json()) as T;
}

async function currentPublication(domain: string): Promise<Publication> {
  const description = await readJson<object>(publishedKeys(domain, 'default').description);
  return publicationIn(Buffer.from(JSON.stringify(description)));
}

describe('a manifest of release 0.1.0', () => {
  test.each(MANIFESTS)(
    '$key in version $versionId is read with every object that it lists.',
    async ({ key, bytes }) => {
      const manifest = manifestIn(bytes, key);
      for (const object of Object.values(manifest.objects)) {
        expectListed(object);
      }
      const { report } = await readMarkCertificate(bytesOf(manifest.objects.response?.versionId), {
        at: now(),
        trustAnchors: TRUST_ANCHORS,
      });
      expect(report).toMatchObject({
        fingerprintSha256: manifest.fingerprintSha256,
        publishable: manifest.publishable,
        notBefore: manifest.notBefore,
        notAfter: manifest.notAfter,
        domains: manifest.domains,
        attributes: manifest.attributes,
      });
    },
  );

  test.each(MANIFESTS.filter(({ isLatest }) => isLatest))(
    '$key stays the manifest of its certificate when the same certificate is stored again.',
    async ({ key, bytes }) => {
      const { orderNumber, objects, ...manifest } = manifestIn(bytes, key);
      const response = objects.response ?? { key: '' };
      const body = bytesOf(objects.response?.versionId);
      const certificate = await readMarkCertificate(body, { at: now(), trustAnchors: TRUST_ANCHORS });
      const archive = openArchive(s3Storage(bucket.s3, bucket.bucket), orderNumber);
      const received = { container: containerOf(response.key), body };
      await archive.storeResponse(received);
      const { current: result } = await archive.store(received, certificate, {
        execution: 'order-again',
        collectedAt: AT,
      });
      const { fingerprintSha256, execution, collectedAt, bimiRecords } = manifest;
      expect(result).toMatchObject({ orderNumber, objects, fingerprintSha256, execution, collectedAt });
      expect(result.bimiRecords).toEqual(bimiRecords);
      // Only the words of a finding may have changed, and with them the manifest.
      expect(bucket.writes().filter((key) => !key.endsWith('/certificate.json'))).toEqual([]);
    },
  );

  test('A newer certificate of the same order becomes current.', async () => {
    const archive = openArchive(s3Storage(bucket.s3, bucket.bucket), '1378973003');
    const { body, certificate } = await issueToday(['renewed.example']);
    const provenance = { execution: 'order-1378973003-renewal', collectedAt: AT };
    const { current: result } = await archive.store({ container: 'pkcs7', body }, certificate, provenance);
    expect(result).toMatchObject({ ...provenance, fingerprintSha256: certificate.report.fingerprintSha256 });
    const folder = 'orders/1378973003/';
    const [before] = MANIFESTS.filter(({ key, isLatest }) => isLatest && key === `${folder}certificate.json`);
    const replaced = JSON.parse((before?.bytes ?? '').toString());
    const superseded = `${folder}superseded/${replaced.fingerprintSha256}/`;
    const names = Object.values<StoredObject>(replaced.objects).map(({ key: name }) => name.slice(folder.length));
    expect(bucket.writes()).toEqual([
      ...[...names, 'certificate.json'].map((name) => superseded + name),
      // The logo is the same.
      ...['response.p7b', 'chain.pem', 'certificate.json'].map((name) => folder + name),
    ]);
    const { objects: _, ...kept }: StoredManifest = await readJson(`${superseded}certificate.json`);
    const { objects: __, ...fields } = replaced;
    expect(kept).toEqual(fields);
  });

  test('An older certificate of the same order replaces nothing, and is kept.', async () => {
    const key = 'orders/1378973005/certificate.json';
    const older = manifestIn(bytesOf('frozen0022'), key);
    const body = bytesOf(older.objects.response?.versionId);
    const certificate = await readMarkCertificate(body, { at: now(), trustAnchors: TRUST_ANCHORS });
    const archive = openArchive(s3Storage(bucket.s3, bucket.bucket), older.orderNumber);
    const provenance = { execution: 'order-again', collectedAt: AT };
    const { current: result } = await archive.store({ container: 'pkcs7', body }, certificate, provenance);
    expect(result).toEqual(manifestIn(readSample(`bucket/${key}`), key));
    const superseded = `orders/${older.orderNumber}/superseded/${older.fingerprintSha256}/`;
    expect(bucket.writes()).toEqual(
      ['response.p7b', 'chain.pem', 'logo.svg', 'certificate.json'].map((name) => superseded + name),
    );
  });
});

describe('a rejection of release 0.1.0', () => {
  test.each(stored(/rejected\.json$/))('$key lists the response that was stored.', ({ bytes }) => {
    const { response } = JSON.parse(bytes.toString());
    if (response) {
      expectListed(response);
    }
  });

  test('It is followed by the certificate when the CA issues a valid chain.', async () => {
    const { body, certificate } = await issueToday(['broken.example']);
    const archive = openArchive(s3Storage(bucket.s3, bucket.bucket), '1378973009');
    const provenance = { execution: 'order-1378973009-20261123', collectedAt: AT };
    await archive.storeResponse({ container: 'pkcs7', body });
    const { current: result } = await archive.store({ container: 'pkcs7', body }, certificate, provenance);
    expect(result).toMatchObject({ ...provenance, publishable: true });
  });
});

describe('a publication of release 0.1.0', () => {
  test.each(PUBLICATIONS)('$key in version $versionId is read with every object that it lists.', ({ key, bytes }) => {
    const { domain, selector, live, previous } = publicationIn(bytes);
    expect(publishedKeys(domain, selector).description).toBe(key);
    for (const { objects } of [live, ...previous]) {
      expectListed(objects.logo);
      expectListed(objects.chain);
    }
  });

  const publishAgain = (orderNumber: string, domain: string) =>
    publish(
      { order: { orderNumber, domains: [domain] } },
      { ...bucket, publishedUrl: PUBLISHED_URL, observe: () => {}, now },
    );

  test.each([
    ['1378973005', 'example.com'],
    ['1378973003', 'renewed.example'],
  ])(
    'Publishing order %s again at %s changes only the time for which caches keep the objects, once.',
    async (orderNumber, domain) => {
      const written = ['svg', 'pem'].map((extension) => `published/${domain}/default.${extension}`);
      for (let time = 1; time <= 2; time++) {
        expect(await publishAgain(orderNumber, domain)).toMatchObject({ published: [{ domain, changed: false }] });
        expect(bucket.writes()).toEqual(written);
      }
    },
  );

  test.each([
    ['1378973002', 'renewed.example', 'older'],
    ['1378973006', 'takendown.example', 'revoked'],
    ['1378973008', 'plain.example', 'not-publishable'],
  ])('Order %s is not published at %s, because it is %s.', async (orderNumber, domain, reason) => {
    expect(await publishAgain(orderNumber, domain)).toMatchObject({
      published: [],
      notPublished: [{ domain, reason }],
    });
    expect(bucket.writes()).toEqual([]);
  });

  test('A certificate that was stored but not published can be published.', async () => {
    expect(await publishAgain('1378973007', 'cmc.example')).toMatchObject({ published: [{ changed: true }] });
    const base = 'published/cmc.example/default';
    expect(bucket.writes()).toEqual([`${base}.svg`, `${base}.pem`, `${base}.json`]);
  });

  test('A renewal by another order replaces it, and the description lists it as previous.', async () => {
    const before = await currentPublication('example.com');
    const { body, certificate } = await issueToday(['example.com']);
    const archive = openArchive(s3Storage(bucket.s3, bucket.bucket), '1378979999');
    const provenance = { execution: 'order-1378979999', collectedAt: AT };
    await archive.store({ container: 'pkcs7', body }, certificate, provenance);
    expect(await publishAgain('1378979999', 'example.com')).toMatchObject({ published: [{ changed: true }] });
    const after = await currentPublication('example.com');
    expect(after.live).toMatchObject({ orderNumber: '1378979999', since: AT });
    expect(after.previous).toEqual([before.live, ...before.previous]);
  });
});

describe('a revocation of release 0.1.0', () => {
  const revokeBy = async (unpublish: boolean) => {
    const revoked: object[] = [];
    const observe = {
      revoked: (record: object) => revoked.push(record),
      damaged: (key: string) => expect.unreachable(`${key} is damaged`),
    };
    const collector = 'acme';
    const { orderNumber } = (await currentPublication('revoked.example')).live;
    const detail = { collector, orderNumber, confirmed: true, knownSince: AT };
    await revoke({ detail }, { ...bucket, collector, unpublish, observe });
    return revoked;
  };

  test("Today's event changes nothing.", async () => {
    const before = await currentPublication('revoked.example');
    expect(await revokeBy(false)).toMatchObject([{ domain: 'revoked.example', served: true }]);
    expect(await currentPublication('revoked.example')).toEqual(before);
    expect(bucket.writes()).toEqual([]);
  });

  test('The certificate is taken down when unpublishRevoked is on.', async () => {
    const { revokedAt } = await currentPublication('revoked.example');
    expect(await revokeBy(true)).toMatchObject([{ domain: 'revoked.example', served: false, revokedAt }]);
    const base = 'published/revoked.example/default';
    expect(bucket.writes().toSorted()).toEqual([`${base}.json`, `DELETE ${base}.pem`, `DELETE ${base}.svg`].toSorted());
  });
});

describe('a survey of what release 0.1.0 stored', () => {
  let bus: EventBus;
  let eventBridge: EventBridgeClient;

  beforeEach(async () => {
    bus = await startEventBus();
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    eventBridge = new EventBridgeClient({ region: 'us-east-1', credentials, endpoint: bus.url });
  });
  afterEach(async () => {
    eventBridge.destroy();
    await bus.close();
  });

  const surveyAt = async (at: string, publications?: SurveyDependencies['publications']) => {
    const observe: SurveyDependencies['observe'] = {
      damaged: (key) => expect.unreachable(`${key} is damaged`),
      surveyed: () => {},
      reminded: () => {},
      publicationDamaged: (key) => expect.unreachable(`${key} is damaged`),
      publicationsChecked: () => {},
      broken: () => {},
      statusDamaged: (key) => expect.unreachable(`${key} is damaged`),
      statusesChecked: () => {},
      statusReported: () => {},
      overviewWritten: () => {},
      renewalChecked: () => {},
      caaChecked: () => expect.unreachable('release 0.1.0 looks up no CAA records'),
      renewalsChecked: () => {},
      fetchesRead: () => expect.unreachable('release 0.1.0 has no logs'),
      subscriptionsCounted: () => {},
      watchedDamaged: () => expect.unreachable('release 0.1.0 checks no watched domains'),
      watchedChecked: () => expect.unreachable('release 0.1.0 checks no watched domains'),
      watchedReported: () => expect.unreachable('release 0.1.0 checks no watched domains'),
    };
    const clock = () => new Date(at);
    const settings = { collector: 'acme', eventBusName: 'default', remindBeforeDays: 30, sendDailyEvents: true };
    const newer = { executions: undefined, topics: undefined, writesOverview: false, askAgainDays: 0 };
    await survey({ ...bucket, ...settings, ...newer, eventBridge, publications, observe, now: clock });
    return bus.calls.flat().map(({ DetailType, Detail }) => ({ type: DetailType, detail: JSON.parse(Detail) }));
  };

  test.each([
    [AT, 0],
    ['2026-12-07T05:17:00.000Z', 1],
  ])('At %s it sends the reminder that 0.1.0 sent.', async (at, index) => {
    const [sent, ...more] = await surveyAt(at);
    expect(sent).toEqual({ type: 'Mark Certificate Expiring', detail: sent?.detail });
    expect(sent?.detail).toMatchObject(EVENTS.expiring[index]?.detail ?? {});
    expect(more).toEqual([]);
  });

  test('It reports a revoked certificate that is still served, with the fields that 0.1.0 sent.', async () => {
    const http: HttpClient = async ({ url }) => {
      const key = `published${url.pathname}`;
      const version = VERSIONS.find((each) => each.key === key && each.isLatest);
      const headers = { 'content-type': version?.contentType ?? '' };
      return { status: 200, headers, read: async () => readSample(version?.file ?? ''), discard: () => {} };
    };
    const resolver = {
      async resolveTxt(name: string): Promise<string[][]> {
        throw Object.assign(new Error(`queryTxt ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
      },
    };
    const checks = { url: PUBLISHED_URL, http, resolver, limitMilliseconds: 10_000, totalMilliseconds: 60_000 };
    const broken = (await surveyAt(AT, checks)).filter(({ type }) => type === 'Mark Certificate Publication Broken');
    const detailOf = (domain: unknown) => broken.find(({ detail }) => detail.domain === domain)?.detail;
    const [sample] = EVENTS.publicationBroken.filter(({ detail }) => detail.domain === 'revoked.example');
    const { differences, ...fields } = sample?.detail ?? {};
    expect(detailOf('revoked.example')).toMatchObject(fields);
    expect(Object.keys(detailOf('revoked.example'))).toEqual(expect.arrayContaining(Object.keys(sample?.detail ?? {})));
    const ids = (detailOf('revoked.example').differences as { id: string }[]).map(({ id }) => id);
    expect(differences).toMatchObject([{ id: 'revoked' }, { id: 'record-differs' }, { id: 'dmarc-missing' }]);
    // The zone of this test has no records.
    expect(ids).toEqual(['revoked', 'record-missing', 'dmarc-missing']);
    expect(broken.map(({ detail }) => detail.domain)).not.toContain('takendown.example');
  });
});
