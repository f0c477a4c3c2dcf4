import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { startFauxqs } from 'fauxqs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PublicationRecord, type PublishResult, publish } from '../../../functions/publish/publish.ts';
import { revoke } from '../../../functions/revoke/revoke.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { by, interleave } from '../../interleave.ts';
import { type S3Request, startS3Server } from '../../s3-server.ts';
import {
  BASE,
  BUCKET,
  DOMAIN,
  type Issue,
  issueBy,
  isWrite,
  logoOf,
  longstandingAuthority,
  NOW,
  type PublishedBucket,
  sha256,
  startBucket,
} from './published-bucket.ts';

const SVG = `published/${DOMAIN}/default.svg`;
const PEM = `published/${DOMAIN}/default.pem`;
const JSON_KEY = `published/${DOMAIN}/default.json`;
const RECORD = `default._bimi.${DOMAIN}. TXT "v=BIMI1; l=${BASE}/${DOMAIN}/default.svg; a=${BASE}/${DOMAIN}/default.pem"`;

/** Orders by the certificate that the CA gave for them. */
const OLDER = '1001';
const NEWER = '1002';
const NEWEST = '1003';
const OTHER = '1009';

let authority: CertificateAuthority;
let older: Issue;
let newer: Issue;
let newest: Issue;
/** Issued in the same second as `newer`. */
let twin: Issue;
/** `newer` itself, in a chain without its root. */
let shorter: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  authority = await longstandingAuthority();
  older = await issueBy(authority, '2026-01-01T00:00:00Z', { svg: svg('older') });
  newer = await issueBy(authority, '2026-03-01T00:00:00Z', { svg: svg('newer') });
  newest = await issueBy(authority, '2026-05-01T00:00:00Z', { svg: svg('newest') });
  twin = await issueBy(authority, '2026-03-01T00:00:00Z', { svg: svg('twin') });
  const [leaf, issuing] = newer.certificate.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  shorter = { ...newer, certificate: { ...newer.certificate, chainPem: `${leaf}${issuing}` } };
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

function svg(title: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"><title>${title}</title><circle cx="32" cy="32" r="22" fill="#14324a"/></svg>
`;
}

const wish = (changes: object = {}) => ({ domains: [DOMAIN], ...changes });

/** Collects and publishes an order, without trouble. */
async function publishOrder(orderNumber: string, issue: Issue, wishes: object = wish()) {
  await bucket.store(orderNumber, issue);
  return bucket.publish(orderNumber, wishes);
}

const live = (changed: boolean): PublishResult => ({
  published: [{ domain: DOMAIN, selector: 'default', bimiRecord: RECORD, changed }],
  notPublished: [],
});

const refused = (reason: string, message: string | RegExp) => ({
  published: [],
  notPublished: [
    {
      domain: DOMAIN,
      selector: 'default',
      reason,
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
    },
  ],
});

describe('the first certificate for a domain', () => {
  test('is published at its address, and told with the finished record', async () => {
    expect(await publishOrder(NEWER, newer)).toEqual(live(true));
    await bucket.expectLive(newer, NEWER);
    expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG]);
  });

  test('is written SVG before PEM before JSON', async () => {
    await bucket.store(NEWER, newer);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([SVG, PEM, JSON_KEY]);
  });

  test('is described: what is live, since when, from which order, until when, of whom', async () => {
    await publishOrder(NEWER, newer);
    const { report } = newer.certificate;
    expect(await bucket.description()).toEqual({
      schemaVersion: 1,
      domain: DOMAIN,
      selector: 'default',
      bimiRecord: RECORD,
      live: {
        orderNumber: NEWER,
        since: NOW,
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

  test('is served with the types of its objects, for half an hour, and its description never from a cache', async () => {
    await bucket.store(NEWER, newer);
    const requests = await bucket.requestsOf(() => bucket.publish(NEWER));
    const headers = requests
      .filter(isWrite)
      .map(({ key, headers }) => [key, headers['content-type'], headers['cache-control']]);
    expect(headers).toEqual([
      [SVG, 'image/svg+xml', 'public, max-age=1800'],
      [PEM, 'application/pem-certificate-chain', 'public, max-age=1800'],
      [JSON_KEY, 'application/json', 'no-store'],
    ]);
  });

  test('touches nothing of the order', async () => {
    await bucket.store(NEWER, newer);
    const before = await bucket.keys('orders/');
    await bucket.publish(NEWER);
    expect(await bucket.keys('orders/')).toEqual(before);
  });
});

describe('every write', () => {
  const conditions = (requests: readonly S3Request[]) =>
    requests.filter(isWrite).map(({ headers }) => [headers['if-match'], headers['if-none-match']]);

  test('goes over nothing or over exactly what was seen there', async () => {
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

  test('carries a condition and a checksum also where something is put back', async () => {
    await publishOrder(NEWER, newer);
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

describe('a renewal by another order', () => {
  const later = '2026-06-20T08:00:00.000Z';

  test('changes the content of the same addresses at once', async () => {
    await publishOrder(OLDER, older);
    const before = await bucket.keys();
    expect(await publishOrder(NEWER, newer)).toEqual(live(true));
    expect(await bucket.keys()).toEqual(before);
    await bucket.expectLive(newer, NEWER);
  });

  test('tells what came before, whose versions are still there', async () => {
    await publishOrder(OLDER, older);
    const { live: before } = await bucket.description();
    await bucket.store(NEWER, newer);
    await bucket.publish(NEWER, wish(), { at: later });
    const { previous, live } = await bucket.description();
    expect(live.since).toBe(later);
    expect(previous).toEqual([before]);
    expect(before).toMatchObject({ orderNumber: OLDER, since: NOW });
    await bucket.expectPair(before, older);
  });

  test('comes before what was previous already, the latest first', async () => {
    await publishOrder(OLDER, older);
    await publishOrder(NEWER, newer);
    await publishOrder(NEWEST, newest);
    const { previous } = await bucket.expectLive(newest, NEWEST);
    expect(previous.map(({ orderNumber }) => orderNumber)).toEqual([NEWER, OLDER]);
  });

  test('is remembered twenty times at most', async () => {
    for (let time = 0; time < 22; time++) {
      const at = new Date(Date.parse(NOW) + time * 1000).toISOString();
      await bucket.store(`20${time}`, await issueBy(authority, '2026-03-01T00:00:00Z'));
      expect(await bucket.publish(`20${time}`, wish(), { at })).toEqual(live(true));
    }
    const { previous } = await bucket.description();
    expect(previous).toHaveLength(20);
    expect(previous[0]).toMatchObject({ orderNumber: '2020', since: '2026-06-01T08:00:20.000Z' });
    expect(previous[19]).toMatchObject({ orderNumber: '201', since: '2026-06-01T08:00:01.000Z' });
  });

  test('replaces one of the same second: it is not older', async () => {
    await publishOrder(NEWER, newer);
    expect(await publishOrder(OTHER, twin)).toEqual(live(true));
    await bucket.expectLive(twin, OTHER);
  });

  test('keeps what the two have in common: no second version of the same logo', async () => {
    const sameLogo = await issueBy(authority, '2026-04-01T00:00:00Z', { svg: svg('newer') });
    await publishOrder(NEWER, newer);
    await bucket.store(OTHER, sameLogo);
    expect(await bucket.writesOf(() => bucket.publish(OTHER))).toEqual([PEM, JSON_KEY]);
    await bucket.expectLive(sameLogo, OTHER);
  });
});

describe('the same certificate again', () => {
  beforeEach(() => publishOrder(NEWER, newer));

  test('writes nothing', async () => {
    expect(await bucket.writesOf(async () => expect(await bucket.publish(NEWER)).toEqual(live(false)))).toEqual([]);
  });

  test('writes nothing for another order either, and the first stays named', async () => {
    await bucket.store(OTHER, newer);
    expect(await bucket.writesOf(async () => expect(await bucket.publish(OTHER)).toEqual(live(false)))).toEqual([]);
    await bucket.expectLive(newer, NEWER);
  });

  test.each([
    ['a logo that is missing', () => bucket.remove(SVG), [SVG]],
    ['a chain that is missing', () => bucket.remove(PEM), [PEM]],
    ['a logo that is damaged', () => bucket.overwrite(SVG, 'damage'), [SVG]],
    ['a chain that is damaged', () => bucket.overwrite(PEM, 'damage'), [PEM]],
    ['a chain of another type', () => bucket.overwrite(PEM, newer.certificate.chainPem, 'text/plain'), [PEM]],
    ['a logo of another type', () => bucket.overwrite(SVG, logoOf(newer.certificate), 'text/xml'), [SVG]],
  ])('puts back %s, and leaves its history as it was', async (_, harm, writes) => {
    const before = await bucket.description();
    await harm();
    const again = () => bucket.publish(NEWER, wish(), { at: '2026-07-01T00:00:00.000Z' });
    expect(await bucket.writesOf(async () => expect(await again()).toEqual(live(false)))).toEqual(writes);
    expect(await bucket.expectLive(newer, NEWER)).toEqual(before);
  });

  test('describes the bytes of another order where its own are not there: the same leaf in another chain', async () => {
    await bucket.store(OTHER, shorter);
    await bucket.remove(PEM);
    expect(await bucket.writesOf(() => bucket.publish(OTHER))).toEqual([PEM, JSON_KEY]);
    await bucket.expectLive(shorter, NEWER);
  });

  test('writes nothing after something was put back', async () => {
    await bucket.remove(PEM);
    await bucket.store(OLDER, older);
    await bucket.publish(OLDER);
    expect(await bucket.writesOf(() => bucket.publish(NEWER))).toEqual([]);
  });

  test('corrects the record alone where the public address is another now', async () => {
    const publishedUrl = 'https://logos.example.net/bimi/';
    const before = await bucket.description();
    const writes = await bucket.writesOf(async () => {
      const { published } = await bucket.publish(NEWER, wish(), { publishedUrl });
      expect(published).toMatchObject([{ changed: false }]);
    });
    expect(writes).toEqual([JSON_KEY]);
    const bimiRecord = `default._bimi.${DOMAIN}. TXT "v=BIMI1; l=${publishedUrl}${DOMAIN}/default.svg; a=${publishedUrl}${DOMAIN}/default.pem"`;
    expect(await bucket.description()).toEqual({ ...before, bimiRecord });
  });

  test.each([
    ['no JSON', () => '{"schemaVersion":1,'],
    ['empty', () => ''],
    ['of another schema', (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 2')],
    ['without a date that can be compared', (text: string) => text.replace(/"notBefore": "[^"]+"/, '"notBefore": "z"')],
    ['a copy of another address', (text: string) => text.replaceAll(DOMAIN, 'example.net')],
  ])('replaces a description that is %s only where it shall, and trusts nothing of it', async (_, damage) => {
    await bucket.overwrite(JSON_KEY, damage((await bucket.read(JSON_KEY)).body.toString()));
    const unknown =
      /^the live certificate is unknown: published\/example\.com\/default\.json is damaged: .+; restore an earlier version .* "replace": true/;
    const without = async () => expect(await bucket.publish(NEWER)).toEqual(refused('damaged', unknown));
    expect(await bucket.writesOf(without)).toEqual([]);
    const replacing = async () => expect(await bucket.publish(NEWER, wish({ replace: true }))).toEqual(live(true));
    expect(await bucket.writesOf(replacing)).toEqual([JSON_KEY]);
    await bucket.expectLive(newer, NEWER);
    expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG]);
  });
});

describe('not published, with nothing written, is', () => {
  /** An order whose certificate is refused at an address with or without something live. */
  async function expectRefusal(orderNumber: string, wishes: object, expected: object, at = NOW) {
    const writes = await bucket.writesOf(async () =>
      expect(await bucket.publish(orderNumber, wishes, { at })).toEqual(expected),
    );
    expect(writes).toEqual([]);
  }

  test('not-publishable: one with findings that are errors, which are named', async () => {
    const broken = await issueBy(authority, '2026-03-01T00:00:00Z', {
      extensions: (usual) => usual.filter((each) => each.oid !== oid.sctList && each.oid !== oid.crlDistributionPoints),
    });
    await bucket.store(OTHER, broken);
    await expectRefusal(
      OTHER,
      wish({ replace: true }),
      refused(
        'not-publishable',
        'the certificate has findings that are errors: crl-missing (the leaf names no CRL at an http URL); ' +
          'sct-missing (the leaf has no signed certificate timestamp)',
      ),
    );
    expect(await bucket.keys()).toEqual([]);
  });

  test('not-publishable: one without a logo', async () => {
    const bare = await issueBy(authority, '2026-03-01T00:00:00Z', {
      extensions: (usual) => usual.filter((each) => each.oid !== oid.logotype),
    });
    await bucket.store(OTHER, bare);
    await expectRefusal(OTHER, wish(), refused('not-publishable', /logotype \(/));
  });

  test('but one with warnings is published', async () => {
    const odd = await issueBy(authority, '2026-03-01T00:00:00Z', { notAfter: new Date('2027-12-01T00:00:00Z') });
    expect(odd.certificate.report.findings).toMatchObject([{ id: 'lifetime', severity: 'warning' }]);
    expect(await publishOrder(OTHER, odd)).toEqual(live(true));
  });

  test('not-covered: one for other domains', async () => {
    const elsewhere = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: ['example.net', `www.${DOMAIN}`] });
    await bucket.store(OTHER, elsewhere);
    await expectRefusal(
      OTHER,
      wish({ replace: true }),
      refused(
        'not-covered',
        'the certificate covers neither example.com nor default._bimi.example.com; it covers example.net, www.example.com',
      ),
    );
  });

  test('not-covered: one for another selector alone', async () => {
    const brand = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: [`brand._bimi.${DOMAIN}`] });
    await bucket.store(OTHER, brand);
    await expectRefusal(OTHER, wish(), refused('not-covered', /default\._bimi/));
    expect((await bucket.publish(OTHER, wish({ selector: 'brand' }))).published).toMatchObject([{ changed: true }]);
  });

  test('expired: one whose last second has passed', async () => {
    await bucket.store(NEWER, newer);
    const { notAfter } = newer.certificate.report;
    const later = (milliseconds: number) => new Date(Date.parse(notAfter) + milliseconds).toISOString();
    await expectRefusal(NEWER, wish(), refused('expired', `the certificate expired at ${notAfter}`), later(1));
    expect(await bucket.publish(NEWER, wish(), { at: later(0) })).toEqual(live(true));
    await expectRefusal(NEWER, wish(), refused('expired', /expired at/), later(1));
  });

  test('older: one issued before the live one, even to replace it', async () => {
    await publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    const message =
      'the live certificate, of order 1002, is newer: it is valid from 2026-03-01T00:00:00.000Z, this one from 2026-01-01T00:00:00.000Z';
    await expectRefusal(OLDER, wish(), refused('older', message));
    await expectRefusal(OLDER, wish({ replace: true }), refused('older', message));
    await bucket.expectLive(newer, NEWER);
  });

  test('older: one of the same second as the live one, which came after it, even to replace it', async () => {
    await publishOrder(NEWER, newer);
    await publishOrder(OTHER, twin);
    const message =
      'the live certificate, of order 1009, replaced this one: both are valid from 2026-03-01T00:00:00.000Z';
    await expectRefusal(NEWER, wish(), refused('older', message));
    await expectRefusal(NEWER, wish({ replace: true }), refused('older', message));
    await publishOrder(NEWEST, newest);
    await expectRefusal(OTHER, wish(), refused('older', /it is valid from 2026-05-01/));
    await bucket.expectLive(newest, NEWEST);
  });

  test.each([
    ['an older one', () => [OLDER, older] as const],
    ['the same', () => [NEWER, newer] as const],
    ['a newer one', () => [NEWEST, newest] as const],
    [
      'one of another owner',
      async () =>
        [OTHER, await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' })] as const,
    ],
  ])('damaged: %s where the description of what is live is gone, unless it shall replace', async (_, made) => {
    const [orderNumber, issue] = await made();
    await publishOrder(NEWER, newer);
    await bucket.store(orderNumber, issue);
    await bucket.remove(JSON_KEY);
    const deleted =
      /^the live certificate is unknown: published\/example\.com\/default\.json was deleted, .* "replace": true/;
    await expectRefusal(orderNumber, wish(), refused('damaged', deleted));
    expect(await bucket.keys()).toEqual([PEM, SVG]);
    expect(await bucket.publish(orderNumber, wish({ replace: true }))).toEqual(live(true));
    await bucket.expectLive(issue, orderNumber);
  });

  test('but a first one whose run died before its description hides nothing: there was never any', async () => {
    await bucket.store(OLDER, older);
    await bucket.store(NEWER, newer);
    bucket.server.before = (request) =>
      isWrite(request) && request.key === JSON_KEY ? { status: 500, code: 'InternalError' } : undefined;
    await expect(bucket.publish(OLDER)).rejects.toThrow();
    bucket.server.before = () => undefined;
    expect(await bucket.publish(NEWER)).toEqual(live(true));
    await bucket.expectLive(newer, NEWER);
  });

  test('nor does an address that was emptied by hand', async () => {
    await publishOrder(NEWER, newer);
    await Promise.all([JSON_KEY, PEM, SVG].map((key) => bucket.remove(key)));
    expect(await publishOrder(OLDER, older)).toEqual(live(true));
  });

  test('other-owner: one of another organization, unless it shall replace', async () => {
    const foreign = await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await publishOrder(NEWER, newer);
    await bucket.store(OTHER, foreign);
    await expectRefusal(
      OTHER,
      wish(),
      refused(
        'other-owner',
        /^the certificate belongs to "Foreign Brand Limited", the live one, of order 1002, to "Example Brand Limited"; .*"replace": true/,
      ),
    );
    await expectRefusal(OTHER, wish({ replace: false }), refused('other-owner', /Foreign/));
    await bucket.expectLive(newer, NEWER);
    expect(await bucket.publish(OTHER, wish({ replace: true }))).toEqual(live(true));
    const { live: pair } = await bucket.expectLive(foreign, OTHER);
    expect(pair.owner).toBe('Foreign Brand Limited');
  });

  test('less-coverage: one that does not cover what the live one does, unless it shall replace', async () => {
    const wide = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: [DOMAIN, 'example.net', 'example.org'] });
    await publishOrder(NEWER, wide);
    await bucket.store(NEWEST, newest);
    await expectRefusal(
      NEWEST,
      wish(),
      refused(
        'less-coverage',
        /^the live certificate, of order 1002, covers names that this one does not cover: example\.net, example\.org; .*"replace": true/,
      ),
    );
    await bucket.expectLive(wide, NEWER);
    expect(await bucket.publish(NEWEST, wish({ replace: true }))).toEqual(live(true));
    await bucket.expectLive(newest, NEWEST);
  });

  test('less-coverage: one for a selector where the whole domain is live, but not the other way round', async () => {
    const narrow = { domains: [`default._bimi.${DOMAIN}`] };
    const selectorOnly = await issueBy(authority, '2026-02-01T00:00:00Z', narrow);
    const narrower = await issueBy(authority, '2026-04-01T00:00:00Z', narrow);
    expect(await publishOrder(OTHER, selectorOnly)).toEqual(live(true));
    expect(await publishOrder(NEWER, newer)).toEqual(live(true));
    await bucket.store('1010', narrower);
    await expectRefusal('1010', wish(), refused('less-coverage', /does not cover: example\.com; /));
  });

  test('revoked: the same certificate after it was taken down', async () => {
    await publishOrder(NEWER, newer);
    await takeDown();
    await expectRefusal(
      NEWER,
      wish({ replace: true }),
      refused(
        'revoked',
        'the CA revoked this certificate (known since 2026-06-02T00:00:00.000Z), and it was taken down',
      ),
    );
    await bucket.store(OLDER, older);
    await expectRefusal(OLDER, wish(), refused('older', /2026-01-01/));
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('a message of bounded length, whatever the certificate says', async () => {
    const domains = Array.from({ length: 100 }, (_, index) => `${'a'.repeat(60)}${index}.example.net`);
    await bucket.store(OTHER, await issueBy(authority, '2026-03-01T00:00:00Z', { domains }));
    const { notPublished } = await bucket.publish(OTHER);
    expect(notPublished[0]?.message).toMatch(/^the certificate covers neither .*, and 95 more$/);
    expect(notPublished[0]?.message.length).toBeLessThan(600);
  });

  // What an execution keeps ends at 256 KiB, and the certificate is in it too.
  test.each([
    ['not-covered', () => issueBy(authority, '2026-03-01T00:00:00Z', { domains: LONG }), {}],
    [
      'other-owner',
      () => issueBy(authority, '2026-05-01T00:00:00Z', { owner: '"\\Ü'.repeat(20), domains: LONG }),
      { live: 'Ω\\'.repeat(60) },
    ],
    ['damaged', () => issueBy(authority, '2026-05-01T00:00:00Z', { domains: LONG }), { damage: true }],
  ])(
    'messages that are below 100 KB for the 100 longest domains: %s',
    async (reason, made, { live: owner, damage }: Scene) => {
      const selector = 's'.repeat(63);
      const domains = reason === 'not-covered' ? LONG.map((name) => name.replace('.example.', '.another.')) : LONG;
      const standing = async (domain: string) => {
        const key = `published/${domain}/${selector}.json`;
        if (damage) {
          await bucket.overwrite(key, '{}');
        } else if (owner) {
          await bucket.overwrite(key, foreignDescription(domain, selector, owner));
        }
      };
      await Promise.all(domains.map(standing));
      await bucket.store(OTHER, await made());
      const { notPublished } = await bucket.publish(OTHER, { domains, selector });
      expect(notPublished.map((each) => each.reason)).toEqual(Array(100).fill(reason));
      expect(Buffer.byteLength(JSON.stringify(notPublished))).toBeLessThan(100_000);
    },
  );
});

interface Scene {
  readonly live?: string;
  readonly damage?: boolean;
}

/** As long as names may be, and all different. */
const LONG = Array.from(
  { length: 100 },
  (_, index) =>
    `${[60, 60, 60].map((length) => 'a'.repeat(length)).join('.')}.${'b'.repeat(54)}${100 + index}.example.net`,
);

function foreignDescription(domain: string, selector: string, owner: string): string {
  const listed = (extension: string) => ({ key: `published/${domain}/${selector}.${extension}`, size: 1, sha256: 'x' });
  const date = '2026-01-01T00:00:00.000Z';
  return JSON.stringify({
    schemaVersion: 1,
    domain,
    selector,
    bimiRecord: '',
    live: {
      orderNumber: NEWER,
      since: date,
      fingerprintSha256: 'c0ffee',
      notBefore: date,
      notAfter: date,
      owner,
      domains: [domain],
      objects: { logo: listed('svg'), chain: listed('pem') },
    },
    revokedAt: date,
    served: false,
    previous: [],
  });
}

/** What revoke leaves where a revoked certificate is taken down. */
async function takeDown() {
  const description = await bucket.description();
  const revoked = { ...description, revokedAt: '2026-06-02T00:00:00.000Z', served: false };
  await bucket.overwrite(JSON_KEY, JSON.stringify(revoked));
  await bucket.remove(PEM);
  await bucket.remove(SVG);
}

describe('the owner of a mark', () => {
  const named = (owner: string) => issueBy(authority, '2026-05-01T00:00:00Z', { owner });

  test.each([
    ['in another case', 'EXAMPLE brand Limited'],
    ['with other white space', '  Example\u00a0 Brand\tLimited '],
    ['in full-width letters', 'Ｅｘａｍｐｌｅ Brand Limited'],
  ])('is the same %s', async (_, owner) => {
    await publishOrder(NEWER, newer);
    expect(await publishOrder(OTHER, await named(owner))).toEqual(live(true));
  });

  test('is the same with ß and SS', async () => {
    await publishOrder(OLDER, await issueBy(authority, '2026-02-01T00:00:00Z', { owner: 'Straße GmbH' }));
    expect(await publishOrder(OTHER, await named('STRASSE GMBH'))).toEqual(live(true));
  });

  test.each(['Example Brand', 'Example Brand Limited & Co', 'Brand Example Limited'])(
    'is another: %s',
    async (owner) => {
      await publishOrder(NEWER, newer);
      expect(await publishOrder(OTHER, await named(owner))).toEqual(refused('other-owner', /belongs to/));
    },
  );

  test('is the whole subject where it names no organization', async () => {
    const nameless = (notBefore: string, place: string) =>
      issueBy(authority, notBefore, {
        attributes: (usual) =>
          usual
            .filter((each) => each.oid !== oid.organizationName)
            .map((each) => (each.oid === oid.localityName ? { ...each, value: place } : each)),
      });
    await publishOrder(OLDER, await nameless('2026-01-01T00:00:00Z', 'Salford'));
    const { live: pair } = await bucket.description();
    expect(pair.owner).toContain('localityName=Salford');
    expect(pair.owner).toContain('serialNumber=01234567');
    expect(await publishOrder(NEWER, await nameless('2026-03-01T00:00:00Z', 'SALFORD'))).toEqual(live(true));
    const elsewhere = await nameless('2026-05-01T00:00:00Z', 'Leeds');
    expect(await publishOrder(NEWEST, elsewhere)).toEqual(refused('other-owner', /Leeds.*SALFORD/));
  });
});

describe('after a revoked certificate was taken down', () => {
  beforeEach(async () => {
    await publishOrder(NEWER, newer);
    await takeDown();
  });

  test('a newer one is published, and served, and not revoked', async () => {
    expect(await publishOrder(NEWEST, newest)).toEqual(live(true));
    const { revokedAt, previous } = await bucket.expectLive(newest, NEWEST);
    expect(revokedAt).toBeNull();
    expect(previous).toMatchObject([{ orderNumber: NEWER }]);
    await bucket.expectPair(previous[0] ?? expect.fail('nothing previous'), newer);
  });

  test('one of another owner is not, and what stands astray there is taken away', async () => {
    const foreign = await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await bucket.overwrite(PEM, newer.certificate.chainPem);
    expect(await publishOrder(OTHER, foreign)).toEqual(refused('other-owner', /Foreign/));
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('a certificate that was revoked and left there stays marked when it is published again', async () => {
    await bucket.afresh();
    await publishOrder(NEWER, newer);
    const revoked = { ...(await bucket.description()), revokedAt: '2026-06-02T00:00:00.000Z' };
    await bucket.overwrite(JSON_KEY, JSON.stringify(revoked));
    expect(await bucket.publish(NEWER)).toEqual(live(false));
    expect(await bucket.expectLive(newer, NEWER)).toMatchObject({ revokedAt: '2026-06-02T00:00:00.000Z' });
    expect(await publishOrder(NEWEST, newest)).toEqual(live(true));
    expect(await bucket.expectLive(newest, NEWEST)).toMatchObject({ revokedAt: null });
  });
});

describe('an order', () => {
  test('without domains asks for nothing, and gets nothing', async () => {
    const requests = await bucket.requestsOf(async () =>
      expect(await bucket.publish(NEWER, {})).toEqual({ published: [], notPublished: [] }),
    );
    expect(requests).toEqual([]);
  });

  test('with several domains is published at those where it may be, and told why not at the others', async () => {
    const domains = [DOMAIN, 'example.net', 'example.org', 'bücher.example'];
    const covered = [DOMAIN, 'example.net', 'xn--bcher-kva.example'];
    const wide = await issueBy(authority, '2026-05-01T00:00:00Z', { domains: covered }, [...covered, 'example.org']);
    expect(wide.certificate.report).toMatchObject({ publishable: false, findings: [{ id: 'domain-coverage' }] });
    const foreign = await issueBy(authority, '2026-01-01T00:00:00Z', {
      domains: ['example.net'],
      owner: 'Foreign Brand Limited',
    });
    await publishOrder(OTHER, foreign, { domains: ['example.net'] });
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

  test('with an international domain is published under its A-label', async () => {
    const issue = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: ['xn--bcher-kva.example'] });
    const { published } = await publishOrder(OTHER, issue, { domains: ['Bücher.Example.'] });
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

  test('that names a domain twice publishes it once', async () => {
    const { published } = await publishOrder(NEWER, newer, { domains: [DOMAIN, 'EXAMPLE.com'] });
    expect(published).toMatchObject([{ domain: DOMAIN, changed: true }]);
  });

  test('with a selector is published beside the default', async () => {
    await publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    expect(await bucket.publish(OLDER, wish({ selector: 'brand-2' }))).toEqual({
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
    ['no order', {}, 'order: is missing'],
    ['no order number', { order: { domains: [DOMAIN] } }, 'order.orderNumber: is missing'],
    ['a path for a domain', { order: { orderNumber: '1', domains: ['../orders'] } }, 'order.domains.0: "../orders"'],
    ['a path for a selector', { order: { orderNumber: '1', selector: '../x' } }, 'order.selector: "../x"'],
  ])('of which the state has %s is an error', async (_, event, problem) => {
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

describe("an order's folder that is damaged is a clear error, and nothing is published", () => {
  const MANIFEST = `orders/${NEWER}/certificate.json`;
  const manifest = async () => JSON.parse((await bucket.read(MANIFEST)).body.toString());

  test.each([
    ['no manifest', () => bucket.remove(MANIFEST), `${MANIFEST} is missing`],
    ['a manifest that is no JSON', () => bucket.overwrite(MANIFEST, '{'), `${MANIFEST} is damaged: the whole object: `],
    [
      'a manifest without its domains',
      async () => bucket.overwrite(MANIFEST, JSON.stringify({ ...(await manifest()), domains: undefined })),
      `${MANIFEST} is damaged: domains: `,
    ],
    [
      'a manifest without a logo',
      async () => {
        const { objects, ...rest } = await manifest();
        return bucket.overwrite(MANIFEST, JSON.stringify({ ...rest, objects: { ...objects, logo: undefined } }));
      },
      `${MANIFEST} lists no logo`,
    ],
    [
      'a manifest that lists another version of the chain',
      async () => {
        const other = { ...(await manifest()) };
        other.objects.chain.versionId = other.objects.response.versionId;
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem is missing in the version`,
    ],
    [
      'a manifest that lists another hash of the chain',
      async () => {
        const other = { ...(await manifest()) };
        other.objects.chain.sha256 = sha256('');
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem does not have the SHA-256`,
    ],
  ])('%s', async (_, harm, problem) => {
    await bucket.store(NEWER, newer);
    await harm();
    await expect(bucket.publish(NEWER)).rejects.toMatchObject({
      name: 'CertificateUnreadable',
      message: expect.stringContaining(`Order ${NEWER}: ${problem}`),
    });
    expect(await bucket.keys()).toEqual([]);
  });

  test('but what was written over a key since is no matter: the listed version is read', async () => {
    await bucket.store(NEWER, newer);
    await bucket.overwrite(`orders/${NEWER}/chain.pem`, 'damage');
    await bucket.remove(`orders/${NEWER}/logo.svg`);
    expect(await bucket.publish(NEWER)).toEqual(live(true));
    await bucket.expectLive(newer, NEWER);
  });
});

describe('what is astray under a live certificate', () => {
  test('is put back by whoever comes, with its types, its Cache-Control, and the logo first', async () => {
    await publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    await bucket.overwrite(PEM, 'damage');
    await bucket.remove(SVG);
    const requests = await bucket.requestsOf(() => bucket.publish(OLDER));
    const headers = requests
      .filter(isWrite)
      .map(({ key, headers }) => [key, headers['content-type'], headers['cache-control']]);
    expect(headers).toEqual([
      [SVG, 'image/svg+xml', 'public, max-age=1800'],
      [PEM, 'application/pem-certificate-chain', 'public, max-age=1800'],
    ]);
    await bucket.expectLive(newer, NEWER);
  });
});

/** What may stand when a certificate comes; and it is the newer one that comes, with these wishes. */
const scenes = [
  ['at a new address', async () => undefined, wish()],
  ['over an older certificate', () => publishOrder(OLDER, older), wish()],
  [
    'over a damaged set of itself',
    async () => {
      await publishOrder(NEWER, newer);
      await bucket.remove(PEM);
      await bucket.overwrite(SVG, 'damage');
    },
    wish(),
  ],
  [
    'over a description that cannot be read',
    async () => {
      await publishOrder(OLDER, older);
      await bucket.overwrite(JSON_KEY, '{}');
    },
    wish({ replace: true }),
  ],
  [
    'over one that was taken down',
    async () => {
      await publishOrder(OLDER, older);
      await takeDown();
    },
    wish(),
  ],
] as const;

describe.each(scenes)('trouble while a certificate is published %s', { timeout: 120_000 }, (_, scene, wishes) => {
  async function prepare() {
    await bucket.afresh();
    await bucket.store(NEWER, newer);
    await scene();
  }

  async function rehearse(): Promise<readonly S3Request[]> {
    await prepare();
    return bucket.requestsOf(() => bucket.publish(NEWER, wishes));
  }

  test.each([
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [403, 'AccessDenied'],
  ])('with %i at any request: it ends with that error, and its repetition completes the set', async (status, code) => {
    const requests = await rehearse();
    for (const [index, { method, key }] of requests.entries()) {
      const place = `${method} ${key}, request ${index + 1}`;
      await prepare();
      let count = 0;
      bucket.server.before = () => (count++ === index ? { status, code } : undefined);
      const $metadata = expect.objectContaining({ httpStatusCode: status });
      await expect(bucket.publish(NEWER, wishes), place).rejects.toMatchObject({ $metadata });
      expect(count, place).toBe(index + 1);
      bucket.server.before = () => undefined;
      expect((await bucket.publish(NEWER, wishes)).notPublished, place).toEqual([]);
      await bucket.expectLive(newer, NEWER);
    }
  });

  test('as the process dies between any two requests, its repetition completes the set', async () => {
    const requests = await rehearse();
    const expected = await bucket.description();
    const writes = requests.filter(isWrite).length;
    expect(writes).toBeGreaterThan(0);
    for (let answered = 0; answered <= requests.length; answered++) {
      const place = `dead after ${answered} of ${requests.length} requests`;
      await prepare();
      let count = 0;
      bucket.server.before = ({ client }) => {
        if (client === 'mortal' && count++ >= answered) {
          throw new Error('the process is dead');
        }
        return undefined;
      };
      const died = await bucket.publish(NEWER, wishes, { client: 'mortal' }).then(
        () => false,
        () => true,
      );
      expect(died, place).toBe(answered < requests.length);
      const repeated = await bucket.writesOf(() => bucket.publish(NEWER, wishes));
      const written = requests.slice(0, answered).filter(isWrite).length;
      expect(repeated.length, place).toBe(writes - written);
      expect(await bucket.expectLive(newer, NEWER), place).toEqual(expected);
    }
  });

  test('at any write, before which somebody else was quicker, it is looked at again', async () => {
    const writes = (await rehearse()).filter(isWrite).length;
    for (const conflict of [
      { status: 412, code: 'PreconditionFailed' },
      { status: 409, code: 'ConditionalRequestConflict' },
      { status: 404, code: 'NoSuchKey' },
    ]) {
      for (let nth = 0; nth < writes; nth++) {
        await prepare();
        let count = 0;
        bucket.server.before = (request) => (isWrite(request) && count++ === nth ? conflict : undefined);
        expect((await bucket.publish(NEWER, wishes)).notPublished).toEqual([]);
        expect(count).toBe(writes + 1);
        await bucket.expectLive(newer, NEWER);
      }
    }
  });
});

describe('a run that died is followed by one that is refused', () => {
  test('and what it wrote over the live pair is put back', async () => {
    await bucket.store(OLDER, older);
    await bucket.store(NEWER, newer);
    let writes = 0;
    // The older one dies after its chain; it saw the address empty, and is so slow that the newer one was there meanwhile.
    bucket.server.before = (request) => {
      if (request.client === 'mortal' && isWrite(request) && ++writes === 3) {
        throw new Error('the process is dead');
      }
      return undefined;
    };
    await expect(bucket.publish(OLDER, wish(), { client: 'mortal' })).rejects.toThrow();
    const [logo, chain] = [(await bucket.read(SVG)).body, (await bucket.read(PEM)).body];
    bucket.server.before = () => undefined;
    await bucket.publish(NEWER);
    await bucket.overwrite(SVG, logo);
    await bucket.overwrite(PEM, chain);
    expect(await bucket.publish(OLDER)).toEqual(refused('older', /2026-01-01/));
    await bucket.expectLive(newer, NEWER);
  });
});

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('executions that publish at one address at the same time', { timeout: 120_000 }, () => {
  const writerOf = (orderNumber: string, client: string) => () => bucket.publish(orderNumber, wish(), { client });
  const reasonsOf = (results: readonly PromiseSettledResult<PublishResult>[]) =>
    results.map((result) =>
      result.status === 'fulfilled'
        ? (result.value.notPublished[0]?.reason ?? result.value.published[0]?.changed)
        : result.reason,
    );

  async function prepare(...orders: readonly (readonly [string, Issue])[]) {
    await bucket.afresh();
    for (const [orderNumber, issue] of orders) {
      await bucket.store(orderNumber, issue);
    }
  }

  test.each(['older', 'newer'])('end with the newer one whole, wherever the %s is interrupted', async (name) => {
    const writers = { older: writerOf(OLDER, 'older'), newer: writerOf(NEWER, 'newer') };
    const orders = [[OLDER, older] as const, [NEWER, newer] as const];
    await prepare(...orders);
    const { length } = await bucket.requestsOf(name === 'older' ? writers.older : writers.newer);
    expect(length).toBeGreaterThan(10);
    for (let n = 0; n <= length; n++) {
      await prepare(...orders);
      let turn = 0;
      const results = await interleave(bucket.server, writers, (waiting) =>
        turn++ < n ? name : (waiting.find((other) => other !== name) ?? name),
      );
      const [first, second] = reasonsOf(results);
      expect([true, 'older'], `interrupted at request ${n}`).toContain(first);
      expect(second, `interrupted at request ${n}`).toBe(true);
      await bucket.expectLive(newer, NEWER);
    }
  });

  test('never write over a newer set that is complete, wherever it comes between', async () => {
    await prepare([OLDER, older]);
    const { length } = await bucket.requestsOf(writerOf(OLDER, 'older'));
    for (let n = 0; n < length; n++) {
      await prepare([OLDER, older], [NEWER, newer]);
      let count = 0;
      let complete = Number.POSITIVE_INFINITY;
      bucket.server.before = async ({ client }) => {
        if (client === 'older' && count++ === n) {
          await bucket.publish(NEWER, wish(), { client: 'newer' });
          complete = bucket.server.requests.length;
        }
        return undefined;
      };
      await bucket.publish(OLDER, wish(), { client: 'older' });
      // The next write at most, which is refused. One that went through would be followed by others, and by putting back.
      const writes = bucket.server.requests.slice(complete).filter(isWrite);
      expect(writes.length, `before request ${n + 1}`).toBeLessThanOrEqual(1);
      await bucket.expectLive(newer, NEWER);
    }
  });

  test('end with the newer one of two in whatever order their requests come', async () => {
    const course = async (numbers: readonly number[]) => {
      await prepare([OLDER, older], [NEWER, newer]);
      const writers = { a: writerOf(OLDER, 'a'), b: writerOf(NEWER, 'b') };
      const [first, second] = reasonsOf(await interleave(bucket.server, writers, by(numbers)));
      expect([true, 'older']).toContain(first);
      expect(second).toBe(true);
      const { previous } = await bucket.expectLive(newer, NEWER);
      expect(previous.map(({ orderNumber }) => orderNumber)).toEqual(first === true ? [OLDER] : []);
      await Promise.all(previous.map((pair) => bucket.expectPair(pair, older)));
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('end with the newest of three', async () => {
    const course = async (numbers: readonly number[]) => {
      await prepare([OLDER, older], [NEWER, newer], [NEWEST, newest]);
      const writers = { a: writerOf(NEWEST, 'a'), b: writerOf(OLDER, 'b'), c: writerOf(NEWER, 'c') };
      const results = reasonsOf(await interleave(bucket.server, writers, by(numbers)));
      expect(results[0]).toBe(true);
      expect([true, 'older']).toContain(results[1]);
      expect([true, 'older']).toContain(results[2]);
      await bucket.expectLive(newest, NEWEST);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('end with one of two of the same second, whole', async () => {
    const course = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer], [OTHER, twin]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(OTHER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, by(numbers)))).toEqual([true, true]);
      const { live: pair, previous } = await bucket.description();
      const [won, lost] = pair.orderNumber === NEWER ? [newer, twin] : [twin, newer];
      await bucket.expectLive(won, pair.orderNumber);
      expect(previous).toHaveLength(1);
      await Promise.all(previous.map((each) => bucket.expectPair(each, lost)));
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('with the same certificate publish it once', async () => {
    const course = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(NEWER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, by(numbers))).sort()).toEqual([false, true]);
      expect((await bucket.expectLive(newer, NEWER)).previous).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('with the same leaf in two chains end with one of them, whole', async () => {
    const course = async (numbers: readonly number[]) => {
      await prepare([NEWER, newer], [OTHER, shorter]);
      const writers = { a: writerOf(NEWER, 'a'), b: writerOf(OTHER, 'b') };
      expect(reasonsOf(await interleave(bucket.server, writers, by(numbers))).sort()).toEqual([false, true]);
      const { live: pair } = await bucket.description();
      const whole = pair.objects.chain.size === shorter.certificate.chainPem.length ? shorter : newer;
      expect((await bucket.expectLive(whole, pair.orderNumber)).previous).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('without an end to it are an error, not a loop', async () => {
    await prepare([NEWER, newer]);
    const conflict = { status: 412, code: 'PreconditionFailed' };
    bucket.server.before = (request) => (isWrite(request) && request.key === JSON_KEY ? conflict : undefined);
    await expect(bucket.publish(NEWER)).rejects.toThrow(`Another execution changed ${JSON_KEY}`);
    expect(bucket.server.requests.filter(({ method, key }) => method === 'PUT' && key === JSON_KEY)).toHaveLength(8);
  });
});

describe.each([
  ['a server without checksums', () => startS3Server({ checksums: false })],
  ['a server without versions and checksums', () => startS3Server({ versions: false, checksums: false })],
  [
    'fauxqs, which knows no conditions either',
    async () => {
      const fauxqs = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
      return { url: `http://127.0.0.1:${fauxqs.port}`, close: () => fauxqs.stop() };
    },
  ],
])('on %s', (_, start) => {
  let s3: S3Client;
  let close: () => Promise<unknown>;

  beforeEach(async () => {
    const started = await start();
    close = () => started.close();
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    s3 = new S3Client({ endpoint: started.url, region: 'us-east-1', credentials, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    for (const [orderNumber, { body, certificate }] of [[OLDER, older] as const, [NEWER, newer] as const]) {
      const provenance = { execution: `order-${orderNumber}`, collectedAt: NOW };
      await openArchive(s3, BUCKET, orderNumber).store({ container: 'pkcs7', body }, certificate, provenance);
    }
  });

  afterEach(() => close());

  const publishThere = (orderNumber: string) =>
    publish(
      { order: { orderNumber, domains: [DOMAIN] } },
      { s3, bucket: BUCKET, publishedUrl: BASE, observe() {}, now: () => new Date(NOW) },
    );
  const readThere = async (Key: string) =>
    (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body?.transformToString();

  test('a renewal is published over what was there, and an older one is not', async () => {
    expect(await publishThere(OLDER)).toEqual(live(true));
    expect(await readThere(PEM)).toBe(older.certificate.chainPem);
    expect(await publishThere(NEWER)).toEqual(live(true));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
    expect(await readThere(SVG)).toBe(svg('newer'));
    expect(await publishThere(OLDER)).toEqual(refused('older', /2026-01-01/));
    expect(await publishThere(NEWER)).toEqual(live(false));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
    expect(JSON.parse((await readThere(JSON_KEY)) ?? '')).toMatchObject({
      live: { orderNumber: NEWER },
      previous: [{ orderNumber: OLDER }],
    });
  });

  test('a chain that is missing is put back by its own order', async () => {
    await publishThere(NEWER);
    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: PEM }));
    expect(await publishThere(NEWER)).toEqual(live(false));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
  });

  test('a revoked certificate is taken down', async () => {
    await publishThere(NEWER);
    const detail = { name: `order-${NEWER}`, error: 'CertificateRevoked' };
    const observe = { revoked: () => undefined, damaged: () => undefined };
    await revoke({ detail }, { s3, bucket: BUCKET, unpublish: true, observe, now: () => new Date(NOW) });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'published/' }));
    expect(Contents.map(({ Key }) => Key)).toEqual([JSON_KEY]);
    expect(await publishThere(NEWER)).toEqual(refused('revoked', /taken down/));
  });
});
