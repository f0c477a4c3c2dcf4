import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PublicationRecord } from '../../../functions/publish/publish.ts';
import { jsonBytes, STATE_BUDGET } from '../../../functions/text.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { NEWER, OTHER } from './certificates.ts';
import { type Issue, issueBy, type PublishedBucket, startBucket } from './published-bucket.ts';

/** 100 different domains of the maximum length. */
const LONG = Array.from(
  { length: 100 },
  (_, index) =>
    `${[60, 60, 60].map((length) => 'a'.repeat(length)).join('.')}.${'b'.repeat(54)}${100 + index}.example.net`,
);

const SELECTOR = 's'.repeat(63);

let authority: CertificateAuthority;
let bucket: PublishedBucket;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

/** Publishes at all domains and expects a complete log and a result within the budget. */
async function publishAll(domains: readonly string[], issue: Issue) {
  const records: PublicationRecord[] = [];
  await bucket.store(OTHER, issue);
  const orderOptions = { domains, selector: SELECTOR };
  const result = await bucket.publish(OTHER, orderOptions, { observe: (record) => records.push(record) });
  expect(records.map(({ domain }) => domain)).toEqual(domains);
  expect(result.published.length + result.notPublished.length + (result.omitted ?? 0)).toBe(domains.length);
  expect(jsonBytes(result)).toBeLessThanOrEqual(STATE_BUDGET.publications);
  return { records, result };
}

describe('The state of an execution', () => {
  test('The result for the 100 longest domains is within the budget and states how many are omitted.', async () => {
    const issue = await issueBy(authority, '2026-05-01T00:00:00Z', { domains: LONG });
    const { records, result } = await publishAll(LONG, issue);
    expect(records.map(({ outcome }) => outcome)).toEqual(Array(100).fill('published'));
    expect(result.notPublished).toEqual([]);
    expect(result.published.length).toBeGreaterThan(35);
    expect(result.omitted).toBe(100 - result.published.length);
  });

  test('Refusals are kept before publications, because an operator must act on them.', async () => {
    const covered = LONG.slice(0, 70);
    const issue = await issueBy(authority, '2026-05-01T00:00:00Z', { domains: covered });
    const { result } = await publishAll(LONG, issue);
    expect(result.notPublished).toHaveLength(30);
    expect(result.published.length).toBeGreaterThan(0);
    expect(result.omitted).toBe(70 - result.published.length);
  });

  test('A result that is within the budget omits nothing and has no field for it.', async () => {
    const domains = Array.from({ length: 100 }, (_, index) => `brand-${index}.example.net`);
    const issue = await issueBy(authority, '2026-05-01T00:00:00Z', { domains });
    await bucket.store(OTHER, issue);
    const result = await bucket.publish(OTHER, { domains });
    expect(result.published).toHaveLength(100);
    expect(result).not.toHaveProperty('omitted');
  });

  test.each([
    ['not-covered', () => issueBy(authority, '2026-03-01T00:00:00Z', { domains: LONG }), {}],
    [
      'other-owner',
      () => issueBy(authority, '2026-05-01T00:00:00Z', { owner: '"\\Ü'.repeat(20), domains: LONG }),
      { live: 'Ω\\'.repeat(60) },
    ],
    ['damaged', () => issueBy(authority, '2026-05-01T00:00:00Z', { domains: LONG }), { damage: true }],
  ])('100 of the longest refusals are within the budget: %s.', async (reason, made, { live: owner, damage }: Scene) => {
    const domains = reason === 'not-covered' ? LONG.map((name) => name.replace('.example.', '.another.')) : LONG;
    const describeAddress = async (domain: string) => {
      const key = `published/${domain}/${SELECTOR}.json`;
      if (damage) {
        await bucket.overwrite(key, '{}');
      } else if (owner) {
        await bucket.overwrite(key, foreignDescription(domain, SELECTOR, owner));
      }
    };
    await Promise.all(domains.map(describeAddress));
    const { records, result } = await publishAll(domains, await made());
    expect(records.map((each) => each.reason)).toEqual(Array(100).fill(reason));
    expect(result.notPublished.length).toBeGreaterThan(40);
    expect(result.notPublished.map((each) => each.reason)).toEqual(Array(result.notPublished.length).fill(reason));
  });
});

interface Scene {
  readonly live?: string;
  readonly damage?: boolean;
}

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
