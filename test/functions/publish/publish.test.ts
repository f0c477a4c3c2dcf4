import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PublicationRecord, publish } from '../../../functions/publish/publish.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { S3Request } from '../../s3-server.ts';
import { issueCertificates, logo, NEWER, NEWEST, OLDER, OTHER } from './certificates.ts';
import {
  BASE,
  DOMAIN,
  type Issue,
  issueBy,
  isWrite,
  JSON_KEY,
  logoOf,
  NOW,
  options,
  PEM,
  type PublishedBucket,
  publishedResult,
  RECORD,
  refusedResult,
  SVG,
  sha256,
  startBucket,
} from './published-bucket.ts';

let authority: CertificateAuthority;
let older: Issue;
let newer: Issue;
let newest: Issue;
let twin: Issue;
let shorter: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ authority, older, newer, newest, twin, shorter } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

describe('The first certificate of a domain', () => {
  test('The first certificate is published at its address, and the result contains the complete record.', async () => {
    expect(await bucket.publishOrder(NEWER, newer)).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
    expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG]);
  });

  test('The SVG is written before the PEM, and the PEM before the JSON.', async () => {
    await bucket.store(NEWER, newer);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([SVG, PEM, JSON_KEY]);
  });

  test('The description contains the certificate, the time, the order, the expiry and the owner.', async () => {
    await bucket.publishOrder(NEWER, newer);
    const { report } = newer.certificate;
    expect(await bucket.description()).toEqual({
      schemaVersion: 1,
      domain: DOMAIN,
      selector: 'default',
      bimiRecord: RECORD,
      live: {
        orderNumber: NEWER,
        since: NOW,
        collectedAt: NOW,
        fingerprintSha256: report.fingerprintSha256,
        notBefore: '2026-03-01T00:00:00.000Z',
        notAfter: report.notAfter,
        owner: 'Example Brand Limited',
        domains: [DOMAIN],
        objects: { logo: expect.objectContaining({ key: SVG }), chain: expect.objectContaining({ key: PEM }) },
      },
      revokedAt: null,
      served: true,
      previous: [],
    });
  });

  test('Caches keep chain and logo for 30 seconds with their content types, and never keep the description.', async () => {
    await bucket.store(NEWER, newer);
    const requests = await bucket.requestsOf(() => bucket.publish(NEWER));
    const headers = requests
      .filter(isWrite)
      .map(({ key, headers }) => [key, headers['content-type'], headers['cache-control']]);
    expect(headers).toEqual([
      [SVG, 'image/svg+xml', 'public, max-age=30'],
      [PEM, 'application/pem-certificate-chain', 'public, max-age=30'],
      [JSON_KEY, 'application/json', 'no-store'],
    ]);
  });

  test('The folder of the order stays as it is.', async () => {
    await bucket.store(NEWER, newer);
    const before = await bucket.keys('orders/');
    await bucket.publish(NEWER);
    expect(await bucket.keys('orders/')).toEqual(before);
  });
});

describe('Every write', () => {
  const conditions = (requests: readonly S3Request[]) =>
    requests.filter(isWrite).map(({ headers }) => [headers['if-match'], headers['if-none-match']]);

  test('A write replaces nothing, or exactly the object that was read.', async () => {
    await bucket.store(OLDER, older);
    await bucket.store(NEWER, newer);
    const first = await bucket.requestsOf(() => bucket.publish(OLDER));
    expect(conditions(first)).toEqual([1, 2, 3].map(() => [undefined, '*']));
    const etags = await Promise.all(
      [SVG, PEM, JSON_KEY].map(async (key) => (await fetch(`${bucket.server.url}/x/${key}`)).headers.get('etag')),
    );
    expect(new Set(etags).size).toBe(3);
    expect(conditions(await bucket.requestsOf(() => bucket.publish(NEWER)))).toEqual(
      etags.map((etag) => [etag, undefined]),
    );
  });

  test('A write that restores an object has a condition and a checksum too.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    await bucket.remove(SVG);
    await bucket.overwrite(PEM, 'damage');
    const requests = await bucket.requestsOf(() => bucket.publish(OLDER));
    expect(conditions(requests)).toEqual([
      [undefined, '*'],
      [expect.stringMatching(/^"[0-9a-f]{32}"$/), undefined],
    ]);
    const checksums = requests.filter(isWrite).map(({ headers }) => headers['x-amz-checksum-sha256']);
    expect(checksums).toEqual(
      [logoOf(newer.certificate), newer.certificate.chainPem].map((bytes) =>
        Buffer.from(sha256(bytes), 'hex').toString('base64'),
      ),
    );
  });
});

describe('A renewal by another order', () => {
  const later = '2026-06-20T08:00:00.000Z';

  test('A renewal replaces the content of the same addresses.', async () => {
    await bucket.publishOrder(OLDER, older);
    const before = await bucket.keys();
    expect(await bucket.publishOrder(NEWER, newer)).toEqual(publishedResult(true));
    expect(await bucket.keys()).toEqual(before);
    await bucket.expectLive(newer, NEWER);
  });

  test('The description lists the previous pair, whose versions still exist.', async () => {
    await bucket.publishOrder(OLDER, older);
    const { live: before } = await bucket.description();
    await bucket.store(NEWER, newer);
    await bucket.publish(NEWER, options(), { at: later });
    const { previous, live } = await bucket.description();
    expect(live.since).toBe(later);
    expect(previous).toEqual([before]);
    expect(before).toMatchObject({ orderNumber: OLDER, since: NOW });
    await bucket.expectPair(before, older);
  });

  test('The previous pairs are listed with the latest first.', async () => {
    await bucket.publishOrder(OLDER, older);
    await bucket.publishOrder(NEWER, newer);
    await bucket.publishOrder(NEWEST, newest);
    const { previous } = await bucket.expectLive(newest, NEWEST);
    expect(previous.map(({ orderNumber }) => orderNumber)).toEqual([NEWER, OLDER]);
  });

  test('The description lists at most twenty previous pairs.', async () => {
    for (let time = 0; time < 22; time++) {
      const at = new Date(Date.parse(NOW) + time * 1000).toISOString();
      await bucket.store(`20${time}`, await issueBy(authority, '2026-03-01T00:00:00Z'));
      expect(await bucket.publish(`20${time}`, options(), { at })).toEqual(publishedResult(true));
    }
    const { previous } = await bucket.description();
    expect(previous).toHaveLength(20);
    expect(previous[0]).toMatchObject({ orderNumber: '2020', since: '2026-06-01T08:00:20.000Z' });
    expect(previous[19]).toMatchObject({ orderNumber: '201', since: '2026-06-01T08:00:01.000Z' });
  });

  test('A certificate replaces one that was issued in the same second.', async () => {
    await bucket.publishOrder(NEWER, newer);
    expect(await bucket.publishOrder(OTHER, twin)).toEqual(publishedResult(true));
    await bucket.expectLive(twin, OTHER);
  });

  test('A renewal with the same logo writes no second version of the logo.', async () => {
    const sameLogo = await issueBy(authority, '2026-04-01T00:00:00Z', { svg: logo('newer') });
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OTHER, sameLogo);
    expect(await bucket.writesOf(() => bucket.publish(OTHER))).toEqual([PEM, JSON_KEY]);
    await bucket.expectLive(sameLogo, OTHER);
  });
});

describe('The same certificate again', () => {
  beforeEach(() => bucket.publishOrder(NEWER, newer));

  test('The same certificate writes nothing.', async () => {
    expect(
      await bucket.writesOf(async () => expect(await bucket.publish(NEWER)).toEqual(publishedResult(false))),
    ).toEqual([]);
  });

  test('The same certificate of another order writes nothing, and the description keeps the first order.', async () => {
    await bucket.store(OTHER, newer);
    expect(
      await bucket.writesOf(async () => expect(await bucket.publish(OTHER)).toEqual(publishedResult(false))),
    ).toEqual([]);
    await bucket.expectLive(newer, NEWER);
  });

  test.each([
    ['A missing logo', () => bucket.remove(SVG), [SVG]],
    ['A missing chain', () => bucket.remove(PEM), [PEM]],
    ['A damaged logo', () => bucket.overwrite(SVG, 'damage'), [SVG]],
    ['A damaged chain', () => bucket.overwrite(PEM, 'damage'), [PEM]],
    ['A chain with a wrong content type', () => bucket.overwrite(PEM, newer.certificate.chainPem, 'text/plain'), [PEM]],
    ['A logo with a wrong content type', () => bucket.overwrite(SVG, logoOf(newer.certificate), 'text/xml'), [SVG]],
  ])('%s is restored, and the description does not change.', async (_, harm, writes) => {
    const before = await bucket.description();
    await harm();
    const again = () => bucket.publish(NEWER, options(), { at: '2026-07-01T00:00:00.000Z' });
    expect(await bucket.writesOf(async () => expect(await again()).toEqual(publishedResult(false)))).toEqual(writes);
    expect(await bucket.expectLive(newer, NEWER)).toEqual(before);
  });

  test('If the chain is missing, another order restores it with its own chain of the same leaf and describes that chain.', async () => {
    await bucket.store(OTHER, shorter);
    await bucket.remove(PEM);
    expect(await bucket.writesOf(() => bucket.publish(OTHER))).toEqual([PEM, JSON_KEY]);
    await bucket.expectLive(shorter, NEWER);
  });

  test('After another order restored a chain, the order of that chain writes nothing.', async () => {
    await bucket.remove(PEM);
    await bucket.store(OLDER, older);
    await bucket.publish(OLDER);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([]);
  });

  test('If the public address changes, only the record in the description is corrected.', async () => {
    const publishedUrl = 'https://logos.example.net/bimi/';
    const before = await bucket.description();
    const writes = await bucket.writesOf(async () => {
      const { published } = await bucket.publish(NEWER, options(), { publishedUrl });
      expect(published).toMatchObject([{ changed: false }]);
    });
    expect(writes).toEqual([JSON_KEY]);
    const bimiRecord = `default._bimi.${DOMAIN}. TXT "v=BIMI1; l=${publishedUrl}${DOMAIN}/default.svg; a=${publishedUrl}${DOMAIN}/default.pem"`;
    expect(await bucket.description()).toEqual({ ...before, bimiRecord });
  });

  test.each([
    ['not JSON', () => '{"schemaVersion":1,'],
    ['empty', () => ''],
    ['in another schema version', (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 2')],
    ['without a valid date', (text: string) => text.replace(/"notBefore": "[^"]+"/, '"notBefore": "z"')],
    ['a copy of another address', (text: string) => text.replaceAll(DOMAIN, 'example.net')],
  ])(
    'A description that is %s is replaced only with the option replace, and nothing of it is kept.',
    async (_, damage) => {
      await bucket.overwrite(JSON_KEY, damage((await bucket.read(JSON_KEY)).body.toString()));
      const unknown =
        /^the live certificate is unknown: published\/example\.com\/default\.json is damaged: .+; restore an earlier version .* "replace": true/;
      const without = async () => expect(await bucket.publish(NEWER)).toEqual(refusedResult('damaged', unknown));
      expect(await bucket.writesOf(without)).toEqual([]);
      const replacing = async () =>
        expect(await bucket.publish(NEWER, options({ replace: true }))).toEqual(publishedResult(true));
      expect(await bucket.writesOf(replacing)).toEqual([JSON_KEY]);
      await bucket.expectLive(newer, NEWER);
      expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG]);
    },
  );
});

describe('The options of an order', () => {
  test('Each of several domains is published or has the reason why not.', async () => {
    const domains = [DOMAIN, 'example.net', 'example.org', 'bücher.example'];
    const covered = [DOMAIN, 'example.net', 'xn--bcher-kva.example'];
    const wide = await issueBy(authority, '2026-05-01T00:00:00Z', { domains: covered }, [...covered, 'example.org']);
    expect(wide.certificate.report.publishable).toBe(false);
    expect(wide.certificate.report.findings).toMatchObject([{ id: 'domain-coverage' }, { severity: 'notice' }]);
    const foreign = await issueBy(authority, '2026-01-01T00:00:00Z', {
      domains: ['example.net'],
      owner: 'Foreign Brand Limited',
    });
    await bucket.publishOrder(OTHER, foreign, { domains: ['example.net'] });
    await bucket.store(NEWER, wide);
    const records: PublicationRecord[] = [];
    const result = await bucket.publish(NEWER, { domains }, { observe: (record) => records.push(record) });
    expect(result).toMatchObject({
      published: [
        { domain: DOMAIN, changed: true },
        { domain: 'xn--bcher-kva.example', changed: true },
      ],
      notPublished: [
        { domain: 'example.net', reason: 'other-owner' },
        { domain: 'example.org', reason: 'not-covered' },
      ],
    });
    expect(records.map(({ domain, outcome, reason }) => [domain, outcome, reason])).toEqual([
      [DOMAIN, 'published', undefined],
      ['example.net', 'refused', 'other-owner'],
      ['example.org', 'refused', 'not-covered'],
      ['xn--bcher-kva.example', 'published', undefined],
    ]);
    await bucket.expectLive(wide, NEWER);
    await bucket.expectLive(wide, NEWER, 'xn--bcher-kva.example');
    await bucket.expectLive(foreign, OTHER, 'example.net');
  });

  test('An international domain is published under its A-label.', async () => {
    const issue = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: ['xn--bcher-kva.example'] });
    const { published } = await bucket.publishOrder(OTHER, issue, { domains: ['Bücher.Example.'] });
    expect(published).toEqual([
      {
        domain: 'xn--bcher-kva.example',
        selector: 'default',
        bimiRecord: `default._bimi.xn--bcher-kva.example. TXT "v=BIMI1; l=${BASE}/xn--bcher-kva.example/default.svg; a=${BASE}/xn--bcher-kva.example/default.pem"`,
        changed: true,
      },
    ]);
    await bucket.expectLive(issue, OTHER, 'xn--bcher-kva.example');
  });

  test('A domain that an order names twice is published once.', async () => {
    const { published } = await bucket.publishOrder(NEWER, newer, { domains: [DOMAIN, 'EXAMPLE.com'] });
    expect(published).toMatchObject([{ domain: DOMAIN, changed: true }]);
  });

  test('Another selector is published beside the default one.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    expect(await bucket.publish(OLDER, options({ selector: 'brand-2' }))).toEqual({
      announce: true,
      published: [
        {
          domain: DOMAIN,
          selector: 'brand-2',
          bimiRecord: RECORD.replaceAll('default', 'brand-2'),
          changed: true,
        },
      ],
      notPublished: [],
    });
    await bucket.expectLive(older, OLDER, DOMAIN, 'brand-2');
    await bucket.expectLive(newer, NEWER);
  });

  test.each([
    ['no order', {}, 'order is missing'],
    ['no order number', { order: { domains: [DOMAIN] } }, 'order.orderNumber is missing'],
    ['a path for a domain', { order: { orderNumber: '1', domains: ['../orders'] } }, 'order.domains.0: "../orders"'],
    ['a path for a selector', { order: { orderNumber: '1', selector: '../x' } }, 'order.selector: "../x"'],
  ])('A state with %s is an error.', async (_, event, problem) => {
    const dependencies = {
      s3: bucket.clientOf('x'),
      bucket: 'b',
      publishedUrl: BASE,
      observe() {},
      now: () => new Date(),
    };
    await expect(publish(event, dependencies)).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringContaining(problem),
    });
  });
});

describe('Mismatched objects of a live certificate', () => {
  test('A refused order restores them too, with content type and Cache-Control, the logo first.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    await bucket.overwrite(PEM, 'damage');
    await bucket.remove(SVG);
    const requests = await bucket.requestsOf(() => bucket.publish(OLDER));
    const headers = requests
      .filter(isWrite)
      .map(({ key, headers }) => [key, headers['content-type'], headers['cache-control']]);
    expect(headers).toEqual([
      [SVG, 'image/svg+xml', 'public, max-age=30'],
      [PEM, 'application/pem-certificate-chain', 'public, max-age=30'],
    ]);
    await bucket.expectLive(newer, NEWER);
  });
});

describe('Objects of release 0.1.0, which caches keep for half an hour', () => {
  /** Stores what is live with the headers of release 0.1.0, as its publish did. */
  async function publishWithEarlierHeaders(orderNumber: string, issue: Issue) {
    await bucket.publishOrder(orderNumber, issue);
    const { live, ...description } = await bucket.description();
    const earlier = async (key: string, type: string) => {
      const { body } = await bucket.read(key);
      const { VersionId } = await bucket.clientOf('reader').send(
        new PutObjectCommand({
          Bucket: 'b',
          Key: key,
          Body: body,
          ContentType: type,
          CacheControl: 'public, max-age=1800',
          ChecksumSHA256: Buffer.from(sha256(body), 'hex').toString('base64'),
        }),
      );
      return VersionId;
    };
    const objects = {
      logo: { ...live.objects.logo, versionId: await earlier(SVG, 'image/svg+xml') },
      chain: { ...live.objects.chain, versionId: await earlier(PEM, 'application/pem-certificate-chain') },
    };
    await bucket.overwrite(JSON_KEY, JSON.stringify({ ...description, live: { ...live, objects } }));
  }
  const cacheControls = () => [SVG, PEM].map((key) => bucket.server.peek(key)?.cacheControl);
  const CURRENT = ['public, max-age=30', 'public, max-age=30'];

  test('The next check of the same certificate corrects them, and changes nothing else.', async () => {
    await publishWithEarlierHeaders(NEWER, newer);
    const description = await bucket.description();
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([SVG, PEM]);
    expect(cacheControls()).toEqual(CURRENT);
    expect(await bucket.description()).toEqual(description);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([]);
  });

  test('A renewal with the same logo corrects the logo too.', async () => {
    await publishWithEarlierHeaders(OLDER, older);
    const renewal = await issueBy(authority, '2026-03-01T00:00:00Z', { svg: logo('older') });
    await bucket.store(NEWER, renewal);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([SVG, PEM, JSON_KEY]);
    expect(cacheControls()).toEqual(CURRENT);
    await bucket.expectLive(renewal, NEWER);
  });

  test('A refused order that restores them gives them the headers of this release, with one write after the other.', async () => {
    await publishWithEarlierHeaders(NEWER, newer);
    await bucket.store(OLDER, older);
    await bucket.overwrite(PEM, 'damage');
    await bucket.remove(SVG);
    const requests = await bucket.requestsOf(() => bucket.publish(OLDER));
    const methods = requests.map(({ method }) => method);
    expect(methods.slice(methods.indexOf('PUT'), methods.lastIndexOf('PUT') + 1)).toEqual(['PUT', 'PUT']);
    expect(cacheControls()).toEqual(CURRENT);
    await bucket.expectLive(newer, NEWER);
  });
});
