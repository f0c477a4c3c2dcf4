import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { issueCertificates, NEWER, NEWEST, OLDER, OTHER } from './certificates.ts';
import {
  DOMAIN,
  type Issue,
  issueBy,
  isWrite,
  JSON_KEY,
  NOW,
  options,
  PEM,
  type PublishedBucket,
  publishedResult,
  refusedResult,
  SVG,
  startBucket,
  takeDown,
} from './published-bucket.ts';

let authority: CertificateAuthority;
let older: Issue;
let newer: Issue;
let newest: Issue;
let twin: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ authority, older, newer, newest, twin } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

describe('A refused certificate writes nothing', () => {
  /** Expects that publishing an order gives this result and writes nothing. */
  async function expectRefusal(orderNumber: string, orderOptions: object, expected: object, at = NOW) {
    const writes = await bucket.writesOf(async () =>
      expect(await bucket.publish(orderNumber, orderOptions, { at })).toEqual(expected),
    );
    expect(writes).toEqual([]);
  }

  test('not-publishable: a certificate with error findings is refused, and the message names them.', async () => {
    const broken = await issueBy(authority, '2026-03-01T00:00:00Z', {
      extensions: (usual) => usual.filter((each) => each.oid !== oid.sctList && each.oid !== oid.crlDistributionPoints),
    });
    await bucket.store(OTHER, broken);
    await expectRefusal(
      OTHER,
      options({ replace: true }),
      refusedResult(
        'not-publishable',
        'the certificate has findings that are errors: crl-missing (the leaf contains no http URL of a CRL); ' +
          'sct-missing (the leaf contains no signed certificate timestamp (SCT))',
      ),
    );
    expect(await bucket.keys()).toEqual([]);
  });

  test('not-publishable: a certificate without a logo is refused.', async () => {
    const bare = await issueBy(authority, '2026-03-01T00:00:00Z', {
      extensions: (usual) => usual.filter((each) => each.oid !== oid.logotype),
    });
    await bucket.store(OTHER, bare);
    await expectRefusal(OTHER, options(), refusedResult('not-publishable', /logotype \(/));
  });

  test('A certificate with warnings is published.', async () => {
    const odd = await issueBy(authority, '2026-03-01T00:00:00Z', { notAfter: new Date('2027-12-01T00:00:00Z') });
    expect(odd.certificate.report.findings).toMatchObject([
      { id: 'lifetime', severity: 'warning' },
      { severity: 'notice' },
    ]);
    expect(await bucket.publishOrder(OTHER, odd)).toEqual(publishedResult(true));
  });

  test('not-covered: a certificate for other domains is refused, and the message names them.', async () => {
    const elsewhere = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: ['example.net', `www.${DOMAIN}`] });
    await bucket.store(OTHER, elsewhere);
    await expectRefusal(
      OTHER,
      options({ replace: true }),
      refusedResult(
        'not-covered',
        'the certificate covers neither example.com nor default._bimi.example.com; it covers example.net, www.example.com',
      ),
    );
  });

  test('not-covered: a certificate for another selector alone is refused.', async () => {
    const brand = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: [`brand._bimi.${DOMAIN}`] });
    await bucket.store(OTHER, brand);
    await expectRefusal(OTHER, options(), refusedResult('not-covered', /default\._bimi/));
    expect((await bucket.publish(OTHER, options({ selector: 'brand' }))).published).toMatchObject([{ changed: true }]);
  });

  test('expired: a certificate is refused after its last second.', async () => {
    await bucket.store(NEWER, newer);
    const { notAfter } = newer.certificate.report;
    const later = (milliseconds: number) => new Date(Date.parse(notAfter) + milliseconds).toISOString();
    await expectRefusal(NEWER, options(), refusedResult('expired', `the certificate expired on ${notAfter}`), later(1));
    expect(await bucket.publish(NEWER, options(), { at: later(0) })).toEqual(publishedResult(true));
    await expectRefusal(NEWER, options(), refusedResult('expired', /expired on/), later(1));
  });

  test('older: a certificate from before the live one is refused, even with the option replace.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OLDER, older);
    const message =
      'the live certificate (order 1002) is newer: it is valid from 2026-03-01T00:00:00.000Z, this one from 2026-01-01T00:00:00.000Z';
    await expectRefusal(OLDER, options(), refusedResult('older', message));
    await expectRefusal(OLDER, options({ replace: true }), refusedResult('older', message));
    await bucket.expectLive(newer, NEWER);
  });

  test('older: a certificate that one of the same second replaced is refused, even with the option replace.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.publishOrder(OTHER, twin);
    const message =
      'the live certificate (order 1009) has already replaced this one: both are valid from 2026-03-01T00:00:00.000Z';
    await expectRefusal(NEWER, options(), refusedResult('older', message, false));
    await expectRefusal(NEWER, options({ replace: true }), refusedResult('older', message, false));
    await bucket.publishOrder(NEWEST, newest);
    await expectRefusal(OTHER, options(), refusedResult('older', /it is valid from 2026-05-01/, false));
    await bucket.expectLive(newest, NEWEST);
  });

  test.each([
    ['an older certificate', () => [OLDER, older] as const],
    ['the same certificate', () => [NEWER, newer] as const],
    ['a newer certificate', () => [NEWEST, newest] as const],
    [
      'a certificate of another owner',
      async () =>
        [OTHER, await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' })] as const,
    ],
  ])('damaged: %s is refused if the description was deleted, unless it has the option replace.', async (_, made) => {
    const [orderNumber, issue] = await made();
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(orderNumber, issue);
    await bucket.remove(JSON_KEY);
    const deleted =
      /^the live certificate is unknown: published\/example\.com\/default\.json was deleted, .* "replace": true/;
    await expectRefusal(orderNumber, options(), refusedResult('damaged', deleted));
    expect(await bucket.keys()).toEqual([PEM, SVG]);
    expect(await bucket.publish(orderNumber, options({ replace: true }))).toEqual(publishedResult(true));
    await bucket.expectLive(issue, orderNumber);
  });

  test('If the first run ended before its description was written, a second certificate is published.', async () => {
    await bucket.store(OLDER, older);
    await bucket.store(NEWER, newer);
    bucket.server.before = (request) =>
      isWrite(request) && request.key === JSON_KEY ? { status: 500, code: 'InternalError' } : undefined;
    await expect(bucket.publish(OLDER)).rejects.toThrow();
    bucket.server.before = () => undefined;
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
  });

  test('At an address that was emptied by hand, an older certificate is published.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await Promise.all([JSON_KEY, PEM, SVG].map((key) => bucket.remove(key)));
    expect(await bucket.publishOrder(OLDER, older)).toEqual(publishedResult(true));
  });

  test('other-owner: a certificate of another organization is refused, unless it has the option replace.', async () => {
    const foreign = await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OTHER, foreign);
    await expectRefusal(
      OTHER,
      options(),
      refusedResult(
        'other-owner',
        /^the certificate belongs to "Foreign Brand Limited", but the live certificate \(order 1002\) belongs to "Example Brand Limited"; .*"replace": true/,
      ),
    );
    await expectRefusal(OTHER, options({ replace: false }), refusedResult('other-owner', /Foreign/));
    await bucket.expectLive(newer, NEWER);
    expect(await bucket.publish(OTHER, options({ replace: true }))).toEqual(publishedResult(true));
    const { live: pair } = await bucket.expectLive(foreign, OTHER);
    expect(pair.owner).toBe('Foreign Brand Limited');
  });

  test('less-coverage: a certificate that covers less is refused, unless it has the option replace.', async () => {
    const wide = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: [DOMAIN, 'example.net', 'example.org'] });
    await bucket.publishOrder(NEWER, wide);
    await bucket.store(NEWEST, newest);
    await expectRefusal(
      NEWEST,
      options(),
      refusedResult(
        'less-coverage',
        /^the live certificate \(order 1002\) covers names that this one does not cover: example\.net, example\.org; .*"replace": true/,
      ),
    );
    await bucket.expectLive(wide, NEWER);
    expect(await bucket.publish(NEWEST, options({ replace: true }))).toEqual(publishedResult(true));
    await bucket.expectLive(newest, NEWEST);
  });

  test('less-coverage: a certificate for one selector does not replace one for the whole domain, but the reverse is published.', async () => {
    const narrow = { domains: [`default._bimi.${DOMAIN}`] };
    const selectorOnly = await issueBy(authority, '2026-02-01T00:00:00Z', narrow);
    const narrower = await issueBy(authority, '2026-04-01T00:00:00Z', narrow);
    expect(await bucket.publishOrder(OTHER, selectorOnly)).toEqual(publishedResult(true));
    expect(await bucket.publishOrder(NEWER, newer)).toEqual(publishedResult(true));
    await bucket.store('1010', narrower);
    await expectRefusal('1010', options(), refusedResult('less-coverage', /does not cover: example\.com; /));
  });

  test('revoked: the same certificate is refused after it was taken down.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await takeDown(bucket);
    await expectRefusal(
      NEWER,
      options({ replace: true }),
      refusedResult(
        'revoked',
        'the CA revoked this certificate (known since 2026-06-02T00:00:00.000Z), and it was taken down',
      ),
    );
    await bucket.store(OLDER, older);
    await expectRefusal(OLDER, options(), refusedResult('older', /2026-01-01/));
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('The length of a message is limited.', async () => {
    const domains = Array.from({ length: 100 }, (_, index) => `${'a'.repeat(60)}${index}.example.net`);
    await bucket.store(OTHER, await issueBy(authority, '2026-03-01T00:00:00Z', { domains }));
    const { notPublished } = await bucket.publish(OTHER);
    expect(notPublished[0]?.message).toMatch(/^the certificate covers neither .*, and 95 more$/);
    expect(notPublished[0]?.message.length).toBeLessThan(600);
  });
});

describe('The owner of a mark', () => {
  const named = (owner: string) => issueBy(authority, '2026-05-01T00:00:00Z', { owner });

  test.each([
    ['in another case', 'EXAMPLE brand Limited'],
    ['with other white space', '  Example\u00a0 Brand\tLimited '],
    ['in full-width letters', 'Ｅｘａｍｐｌｅ Brand Limited'],
  ])('The owner is the same %s.', async (_, owner) => {
    await bucket.publishOrder(NEWER, newer);
    expect(await bucket.publishOrder(OTHER, await named(owner))).toEqual(publishedResult(true));
  });

  test('The owner is the same with ß and SS.', async () => {
    await bucket.publishOrder(OLDER, await issueBy(authority, '2026-02-01T00:00:00Z', { owner: 'Straße GmbH' }));
    expect(await bucket.publishOrder(OTHER, await named('STRASSE GMBH'))).toEqual(publishedResult(true));
  });

  test.each(['Example Brand', 'Example Brand Limited & Co', 'Brand Example Limited'])(
    '%s is another owner.',
    async (owner) => {
      await bucket.publishOrder(NEWER, newer);
      expect(await bucket.publishOrder(OTHER, await named(owner))).toEqual(refusedResult('other-owner', /belongs to/));
    },
  );

  test('The owner is the whole subject if it names no organization.', async () => {
    const nameless = (notBefore: string, place: string) =>
      issueBy(authority, notBefore, {
        attributes: (usual) =>
          usual
            .filter((each) => each.oid !== oid.organizationName)
            .map((each) => (each.oid === oid.localityName ? { ...each, value: place } : each)),
      });
    await bucket.publishOrder(OLDER, await nameless('2026-01-01T00:00:00Z', 'Salford'));
    const { live: pair } = await bucket.description();
    expect(pair.owner).toContain('localityName=Salford');
    expect(pair.owner).toContain('serialNumber=01234567');
    expect(await bucket.publishOrder(NEWER, await nameless('2026-03-01T00:00:00Z', 'SALFORD'))).toEqual(
      publishedResult(true),
    );
    const elsewhere = await nameless('2026-05-01T00:00:00Z', 'Leeds');
    expect(await bucket.publishOrder(NEWEST, elsewhere)).toEqual(refusedResult('other-owner', /Leeds.*SALFORD/));
  });
});

describe('After a revoked certificate was taken down', () => {
  beforeEach(async () => {
    await bucket.publishOrder(NEWER, newer);
    await takeDown(bucket);
  });

  test('A newer certificate is published and served, without the mark of the revocation.', async () => {
    expect(await bucket.publishOrder(NEWEST, newest)).toEqual(publishedResult(true));
    const { revokedAt, previous } = await bucket.expectLive(newest, NEWEST);
    expect(revokedAt).toBeNull();
    expect(previous).toMatchObject([{ orderNumber: NEWER }]);
    await bucket.expectPair(previous[0] ?? expect.fail('nothing previous'), newer);
  });

  test('A certificate of another owner is refused, and an unexpected object is deleted.', async () => {
    const foreign = await issueBy(authority, '2026-05-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await bucket.overwrite(PEM, newer.certificate.chainPem);
    expect(await bucket.publishOrder(OTHER, foreign)).toEqual(refusedResult('other-owner', /Foreign/));
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('A revoked certificate that is still served keeps its mark when it is published again.', async () => {
    bucket.clear();
    await bucket.publishOrder(NEWER, newer);
    const revoked = { ...(await bucket.description()), revokedAt: '2026-06-02T00:00:00.000Z' };
    await bucket.overwrite(JSON_KEY, JSON.stringify(revoked));
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(false));
    expect(await bucket.expectLive(newer, NEWER)).toMatchObject({ revokedAt: '2026-06-02T00:00:00.000Z' });
    expect(await bucket.publishOrder(NEWEST, newest)).toEqual(publishedResult(true));
    expect(await bucket.expectLive(newest, NEWEST)).toMatchObject({ revokedAt: null });
  });
});
