import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PublishResult } from '../../../functions/publish/publish.ts';
import type { OrderFile } from '../../../functions/store/order-file.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { issueCertificates, NEWER, NEWEST, OLDER, OTHER } from './certificates.ts';
import {
  DOMAIN,
  type Issue,
  issueBy,
  NOW,
  options,
  type PublishedBucket,
  publishedResult,
  refusedResult,
  startBucket,
  takeDown,
} from './published-bucket.ts';

const NOTHING = { published: [], notPublished: [] };
const ORDERED = { domains: [DOMAIN], selector: null, product: null };

let authority: CertificateAuthority;
let older: Issue;
let newer: Issue;
let newest: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ authority, older, newer, newest } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

const addressesOf = ({ published }: PublishResult) => published.map(({ domain, selector }) => `${selector} ${domain}`);
const put = (key: string, content: object) => bucket.overwrite(key, JSON.stringify(content));

/** Writes what was ordered last, for this execution. */
const putOrder = (options: OrderFile['options'], execution = `order-${NEWER}`) =>
  put(`orders/${NEWER}/order.json`, {
    schemaVersion: 1,
    collector: 'acme',
    orderNumber: NEWER,
    options,
    execution,
    orderedAt: NOW,
    updatedAt: NOW,
  } satisfies OrderFile);

describe('An order without domains', () => {
  test('It is published at the domains that its manifest names, with their selector.', async () => {
    const domains = [DOMAIN, 'example.net'];
    const wide = await issueBy(authority, '2026-03-01T00:00:00Z', { domains });
    await bucket.store(NEWER, wide, { ordered: { domains, selector: 'brand', product: null } });
    const result = await bucket.publish(NEWER, {});
    expect(addressesOf(result)).toEqual([`brand ${DOMAIN}`, 'brand example.net']);
    expect(result.announce).toBe(true);
    await bucket.expectLive(wide, NEWER, 'example.net', 'brand');
  });

  test('It is published at the domains in the BIMI records of a manifest of release 0.1.0.', async () => {
    await bucket.store(NEWER, newer);
    const key = `orders/${NEWER}/certificate.json`;
    const manifest = JSON.parse((await bucket.read(key)).body.toString());
    const bimiRecords = [`brand._bimi.${DOMAIN}. TXT "v=BIMI1; l=https://a.example/l.svg; a=https://a.example/a.pem"`];
    await put(key, { ...manifest, bimiRecords });
    expect(addressesOf(await bucket.publish(NEWER, {}))).toEqual([`brand ${DOMAIN}`]);
  });

  test('It is published at the domains that were ordered last.', async () => {
    await bucket.store(NEWER, newer);
    await putOrder({ domains: [DOMAIN], selector: 'brand', replace: true });
    expect(addressesOf(await bucket.publish(NEWER, {}))).toEqual([`brand ${DOMAIN}`]);
  });

  test('It does not inherit the option replace.', async () => {
    const foreign = await issueBy(authority, '2026-01-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await bucket.publishOrder(OTHER, foreign);
    await bucket.store(NEWER, newer, { ordered: ORDERED });
    await putOrder({ domains: [DOMAIN], replace: true }, 'order-1002-another');
    expect(await bucket.publish(NEWER, {})).toEqual(refusedResult('other-owner', /Foreign Brand/));
    expect(await bucket.publish(NEWER, { replace: true })).toEqual(publishedResult(true));
  });

  test('Its replacement is published wherever the order is live, with every selector.', async () => {
    await bucket.publishOrder(NEWER, older);
    await bucket.publish(NEWER, options({ selector: 'brand' }));
    await bucket.store(NEWER, newest);
    const result = await bucket.publish(NEWER, {});
    expect(addressesOf(result)).toEqual([`brand ${DOMAIN}`, `default ${DOMAIN}`]);
    expect(result.published.map(({ changed }) => changed)).toEqual([true, true]);
    await bucket.expectLive(newest, NEWER);
    await bucket.expectLive(newest, NEWER, DOMAIN, 'brand');
  });

  test('The renewal of another order is published where an older certificate of the same owner is live.', async () => {
    await bucket.publishOrder(OLDER, older);
    await bucket.store(NEWER, newer);
    await putOrder({});
    expect(await bucket.publish(NEWER, {})).toEqual(publishedResult(true));
    expect(await bucket.publish(NEWER, {})).toEqual(publishedResult(false));
    await bucket.expectLive(newer, NEWER);
  });

  test('It is published over a certificate that was taken down.', async () => {
    await bucket.publishOrder(OLDER, older);
    await takeDown(bucket);
    await bucket.store(NEWER, newer);
    await putOrder({});
    expect(await bucket.publish(NEWER, {})).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
  });

  test('If it covers less than the live certificate of the same owner, the reason is reported.', async () => {
    const wide = await issueBy(authority, '2026-01-01T00:00:00Z', { domains: [DOMAIN, 'example.net'] });
    await bucket.publishOrder(OLDER, wide);
    await bucket.store(NEWER, newer);
    await putOrder({});
    expect(await bucket.publish(NEWER, {})).toEqual(refusedResult('less-coverage', /example\.net/));
  });

  test('Without an event, for example after the push of an unknown order, it replaces no other order.', async () => {
    await bucket.publishOrder(OLDER, older);
    await bucket.store(NEWER, newer);
    expect(await bucket.publish(NEWER, { once: true })).toEqual(NOTHING);
    await bucket.expectLive(older, OLDER);
  });

  test('If its replacement no longer covers a live domain, the reason is reported.', async () => {
    const domains = [DOMAIN, 'example.net'];
    const wide = await issueBy(authority, '2026-01-01T00:00:00Z', { domains });
    await bucket.publishOrder(NEWER, wide, { domains });
    await bucket.store(NEWER, newer);
    const { published, notPublished, announce } = await bucket.publish(NEWER, {});
    expect(published).toEqual([]);
    expect(notPublished.map(({ domain, reason }) => [domain, reason])).toEqual([
      [DOMAIN, 'less-coverage'],
      ['example.net', 'not-covered'],
    ]);
    expect(announce).toBe(true);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['nothing is published', async () => undefined],
    [
      'the live certificate belongs to another owner',
      async () =>
        bucket.publishOrder(
          OTHER,
          await issueBy(authority, '2026-01-01T00:00:00Z', { owner: 'Foreign Brand Limited' }),
        ),
    ],
    ['the live certificate is newer', () => bucket.publishOrder(NEWEST, newest)],
    [
      'only another domain of the owner is published',
      async () =>
        bucket.publishOrder(OTHER, await issueBy(authority, '2026-01-01T00:00:00Z', { domains: ['example.org'] }), {
          domains: ['example.org'],
        }),
    ],
  ])('If %s, it is published nowhere, and nothing is announced.', async (_, prepare) => {
    await prepare();
    await bucket.store(NEWER, newer);
    expect(await bucket.writesOf(async () => expect(await bucket.publish(NEWER, {})).toEqual(NOTHING))).toEqual([]);
  });

  test('Only the folders of domains that a certificate of the order covers are listed.', async () => {
    await bucket.publishOrder(OTHER, await issueBy(authority, '2026-01-01T00:00:00Z', { domains: ['example.org'] }), {
      domains: ['example.org'],
    });
    await bucket.store(NEWER, newer);
    const requests = await bucket.requestsOf(() => bucket.publish(NEWER, {}));
    const prefixes = requests.flatMap(({ query }) => query.get('prefix') ?? []);
    expect(prefixes).toEqual([`orders/${NEWER}/superseded/`, `published/${DOMAIN}/`]);
  });
});

describe('An order with domains', () => {
  test('Its replacement is also published at the other addresses where the order is live.', async () => {
    const domains = [DOMAIN, 'example.net'];
    await bucket.publishOrder(NEWER, await issueBy(authority, '2026-01-01T00:00:00Z', { domains }), { domains });
    await bucket.publish(NEWER, options({ selector: 'brand' }));
    const replacement = await issueBy(authority, '2026-05-01T00:00:00Z', { domains });
    await bucket.store(NEWER, replacement);
    const result = await bucket.publish(NEWER);
    expect(addressesOf(result)).toEqual([`default ${DOMAIN}`, `brand ${DOMAIN}`, 'default example.net']);
    await bucket.expectLive(replacement, NEWER, DOMAIN, 'brand');
    await bucket.expectLive(replacement, NEWER, 'example.net');
  });

  test('It is published nowhere else, even if it covers more.', async () => {
    const domains = [DOMAIN, 'example.net'];
    const old = await issueBy(authority, '2026-01-01T00:00:00Z', { domains: ['example.net'] });
    await bucket.publishOrder(OLDER, old, { domains: ['example.net'] });
    await bucket.store(NEWER, await issueBy(authority, '2026-05-01T00:00:00Z', { domains }));
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
    await bucket.expectLive(old, OLDER, 'example.net');
  });
});

describe('Corrected options', () => {
  test('The options with which Collect stored the certificate replace those of the input.', async () => {
    await bucket.store(NEWER, newer);
    const call = { corrected: { domains: [DOMAIN], selector: 'brand' } };
    const result = await bucket.publish(NEWER, { domains: ['exmaple.com'] }, call);
    expect(addressesOf(result)).toEqual([`brand ${DOMAIN}`]);
    expect(result.notPublished).toEqual([]);
  });

  test('A correction that arrived after Collect stored the certificate counts too.', async () => {
    await bucket.store(NEWER, newer);
    await putOrder({ domains: [DOMAIN] });

    const result = await bucket.publish(NEWER, { domains: ['exmaple.com'] }, { startedAt: NOW });

    expect(result).toMatchObject({ published: [{ domain: DOMAIN, changed: true }], notPublished: [] });
  });

  test('The option replace of the input does not outlive a correction without it.', async () => {
    const foreign = await issueBy(authority, '2026-01-01T00:00:00Z', { owner: 'Foreign Brand Limited' });
    await bucket.publishOrder(OTHER, foreign);
    await bucket.store(NEWER, newer);
    const corrected = { domains: [DOMAIN] };
    expect(await bucket.publish(NEWER, options({ replace: true }), { corrected })).toEqual(
      refusedResult('other-owner', /Foreign Brand/),
    );
  });
});

describe('Whether the result is announced', () => {
  const later = '2026-06-01T09:00:00.000Z';

  test('A refusal is announced again if the event is sent again.', async () => {
    await bucket.store(NEWER, newer, { collectedAt: NOW });
    const again = { startedAt: later, at: later };
    expect(await bucket.publish(NEWER, { domains: ['example.net'] }, again)).toMatchObject({ announce: true });
  });

  test('A refusal is not announced again by an execution during which another one collected the certificate.', async () => {
    await bucket.store(NEWER, newer, { collectedAt: later });
    const result = await bucket.publish(NEWER, { domains: ['example.net'] }, { startedAt: NOW, at: later });
    expect(result.announce).toBeUndefined();
    expect(result.notPublished).toMatchObject([{ reason: 'not-covered' }]);
  });

  test('A check beside another execution announces no refusal, and announces what it published.', async () => {
    await bucket.store(NEWER, newer);
    const once = { once: true, domains: [DOMAIN, 'example.net'] };
    expect((await bucket.publish(NEWER, { ...once, domains: ['example.net'] })).announce).toBeUndefined();
    expect((await bucket.publish(NEWER, once)).announce).toBe(true);
    expect((await bucket.publish(NEWER, once)).announce).toBeUndefined();
  });
});

describe('A certificate that the CA revoked before it was published', () => {
  const since = '2026-06-02T08:00:00.000Z';
  const status = {
    schemaVersion: 1,
    collector: 'acme',
    orderNumber: NEWER,
    account: null,
    domains: [DOMAIN],
    product: null,
    execution: `order-${NEWER}-push-8-20260602`,
    startedAt: since,
    state: 'failed',
    error: 'CertificateRevoked',
    text: 'the CA answered -21',
    since,
    updatedAt: since,
  } as const satisfies OrderStatus;
  const STATUS = `orders/${NEWER}/status.json`;

  test('It is not published, and the reason is reported.', async () => {
    await bucket.store(NEWER, newer);
    await put(STATUS, status);
    expect(await bucket.publish(NEWER)).toEqual(
      refusedResult('revoked', `the CA revoked this certificate (known since ${since})`),
    );
    expect(await bucket.keys()).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['the certificate was collected after the revocation', {}, '2026-06-02T08:00:00.001Z'],
    ['the order failed for another reason', { error: 'InvalidChain' }, NOW],
    ['the CA has issued it again', { state: 'issued', error: undefined }, NOW],
    ['the status is about another order', { orderNumber: OTHER }, NOW],
  ])('It is published if %s.', async (_, changes, collectedAt) => {
    await bucket.store(NEWER, newer, { collectedAt });
    await put(STATUS, { ...status, ...changes });
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
  });

  test('If it is live already, it stays as it is.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await put(STATUS, status);
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(false));
    await bucket.expectLive(newer, NEWER);
  });
});

test('A certificate that is not yet valid is not published, even if nothing is live.', async () => {
  const early = await issueBy(authority, '2026-06-08T00:00:00Z');
  await bucket.store(NEWER, early);
  expect(await bucket.publish(NEWER)).toEqual(
    refusedResult('not-yet-valid', /^the certificate is not valid before 2026-06-08T00:00:00.000Z; /),
  );
  expect(await bucket.keys()).toEqual([]);
});
