import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FINDINGS } from '../../../functions/certificate/findings.ts';
import type { MarkCertificate } from '../../../functions/certificate/report.ts';
import { type Collection, createCollect } from '../../../functions/collect/collect.ts';
import { EVENT_SOURCE, ISSUED } from '../../../functions/events.ts';
import { parseInput } from '../../../functions/input.ts';
import { orderSchema } from '../../../functions/order.ts';
import { type PublishResult, publish } from '../../../functions/publish/publish.ts';
import { type Archive, openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { jsonBytes, STATE_BUDGET, STATE_LIMIT, truncate } from '../../../functions/text.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { BUCKET, NOW, type PublishedBucket, sha256, startBucket } from '../publish/published-bucket.ts';
import { createReports } from './reports.ts';
import { fixedCredentials } from './secret-manager.ts';

/** A tenth of the limit stays free. */
const LIMIT = STATE_LIMIT * 0.9;

const NUMBER = '9'.repeat(16);
const LABEL = 'a'.repeat(63);

/** A domain of 253 characters, the most that a domain can have. */
const longDomain = (kind: string, index: number) =>
  `${`${kind}${index}-`.padEnd(63, 'x')}.${LABEL}.${LABEL}.${'b'.repeat(61)}`;

/** The largest order that start accepts. */
const ORDER = parseInput(
  orderSchema,
  {
    orderNumber: NUMBER,
    domains: Array.from({ length: 100 }, (_, index) => longDomain('d', index)),
    product: 'VMC',
    request: 'r'.repeat(32),
    selector: 's'.repeat(63),
    replace: false,
  },
  'the order',
);
const { domains: ORDERED = [] } = ORDER;

/** The longest execution name: the request, a date and a number. */
const EXECUTION = `order-${NUMBER}-${ORDER.request}-20261231-10`;
/** The longest host name that the setting publishDomainName accepts. */
const PUBLISHED_URL = `https://${longDomain('p', 0)}`;

let authority: Awaited<ReturnType<typeof openLongstandingAuthority>>;
let bucket: PublishedBucket;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
  bucket = await startBucket();
});

afterAll(() => bucket.close());

/** Runs the last check of an order. The CA sends a certificate for these domains. */
function collect(domains: readonly string[], store: (archive: Archive) => Archive['store']): Promise<Collection> {
  const { chain } = authority.issue({ domains, notBefore: new Date('2026-05-01T00:00:00Z') });
  const body = Buffer.from(`2\n${pem(chain)}`);
  const s3 = bucket.clientOf('collect');
  const check = createCollect({
    ...createReports().dependencies,
    // The state contains every option again if one of them was corrected.
    readOptions: async (_, { options }) => ({ ...options, replace: true }),
    url: 'https://ca.example/CollectMC',
    format: 'pem',
    pollSeconds: 10_800,
    giveUpSeconds: 360 * 86_400,
    bucket: BUCKET.padEnd(63, 'x'),
    trustAnchors: [sha256(authority.root)],
    ctLogs: [authority.log.key],
    publishedUrl: PUBLISHED_URL,
    credentials: fixedCredentials(() => ({
      version: 'v'.repeat(64),
      stages: [],
      loginName: 'brand',
      loginPassword: 'secret',
    })),
    http: async () => ({ status: 200, headers: {}, read: async () => body, discard: () => {} }),
    // The result of the store is the one of the test.
    downloadCrls: () => Promise.reject(new Error('the test has no network')),
    archive: async (orderNumber) => {
      const archive = openArchive(s3Storage(s3, BUCKET), orderNumber);
      return { ...archive, store: store(archive) };
    },
    observe: () => {},
    now: () => new Date(NOW),
    random: () => 0,
  });
  const previous = { outcome: 'waiting', status: -16, reason: 'credentials', checks: 2_880, consecutive: 2_880 };
  const collection = { ...previous, waitSeconds: 10_800, rejectedCredentialsVersion: 'v'.repeat(63) };
  return check({ order: { ...ORDER, collection }, execution: EXECUTION, startedAt: NOW }, () => 60_000);
}

/** Publishes the stored certificate with the state after the check as input, as Step Functions does. */
function publishAll(collection: Collection): Promise<PublishResult> {
  const dependencies = { s3: bucket.clientOf('publish'), bucket: BUCKET, publishedUrl: PUBLISHED_URL };
  return publish({ order: { ...ORDER, collection } }, { ...dependencies, observe: () => {}, now: () => new Date(NOW) });
}

/** Everything that has the limit, as infra/state-machine.ts composes it. */
function sizes(collection: Collection, publication: PublishResult) {
  const state = { ...ORDER, collection, publication };
  return {
    state: jsonBytes(state),
    inputOfCollect: jsonBytes({ order: state, execution: EXECUTION, startedAt: NOW }),
    inputOfPublish: jsonBytes({ order: state }),
    announcement: jsonBytes({
      Entries: [
        {
          Source: EVENT_SOURCE,
          DetailType: ISSUED,
          EventBusName: 'e'.repeat(256),
          Detail: {
            collector: 'c'.repeat(32),
            orderNumber: NUMBER,
            account: null,
            domains: collection.certificate?.domains,
            certificate: collection.certificate,
            publication,
          },
        },
      ],
    }),
  };
}

function expectBelowLimit(collection: Collection, publication: PublishResult) {
  for (const [name, size] of Object.entries(sizes(collection, publication))) {
    expect(size, name).toBeLessThan(LIMIT);
  }
}

/** The manifest that the archive stores, changed before the state carries it. */
const storeWith =
  (change: (certificate: Pick<MarkCertificate, 'report'>) => Partial<MarkCertificate['report']>) =>
  (archive: Archive): Archive['store'] =>
  async (response, certificate, provenance, records) => {
    const report = { ...certificate.report, ...change(certificate) };
    return archive.store(response, { ...certificate, report }, provenance, records);
  };

describe('The state of the largest order is below the limit with a tenth of it free', () => {
  test('if all of its domains are published.', async () => {
    const collection = await collect(ORDERED, ({ store }) => store);
    expect(collection.certificate).toMatchObject({ publishable: true, domains: ORDERED });
    expect(collection.order).toMatchObject({ domains: ORDERED, replace: true });

    const publication = await publishAll(collection);

    expect(publication.notPublished).toEqual([]);
    expect(publication.published.length + (publication.omitted ?? 0)).toBe(100);
    expectBelowLimit(collection, publication);
  });

  test('if its certificate covers very many other domains, and none of the order is published.', async () => {
    bucket.clear();
    const others = Array.from({ length: 1_000 }, (_, index) => longDomain('other', index));
    const collection = await collect(others, ({ store }) => store);
    const { domains = [], findings = [], bimiRecords = [], publishable } = collection.certificate ?? {};
    expect(publishable).toBe(false);
    expect(findings.map(({ id }) => id)).toEqual(expect.arrayContaining(['domain-coverage', 'size']));
    expect(domains.length).toBeLessThan(others.length);
    expect(domains).toEqual(others.slice(0, domains.length));
    expect(bimiRecords.length).toBeLessThan(100);

    const publication = await publishAll(collection);

    expect(publication.published).toEqual([]);
    expect(publication.notPublished.length + (publication.omitted ?? 0)).toBe(100);
    expectBelowLimit(collection, publication);
  });

  test('if every list of the certificate and of the publication takes its whole budget.', async () => {
    bucket.clear();
    const message = truncate('"é'.repeat(1_000), STATE_BUDGET.message);
    const findings = Object.entries(FINDINGS).map(([id, { severity }]) => {
      return { id: id as keyof typeof FINDINGS, severity, message };
    });
    const others = Array.from({ length: 1_000 }, (_, index) => longDomain('other', index));
    const collection = await collect(
      ORDERED,
      storeWith(() => ({ findings, domains: others, publishable: false })),
    );
    const { certificate } = collection;
    expect(certificate?.findings).toEqual(findings.filter(({ severity }) => severity !== 'notice'));
    expect(jsonBytes(certificate?.domains)).toBeGreaterThan(STATE_BUDGET.domains - 300);
    expect(jsonBytes(certificate?.bimiRecords)).toBeGreaterThan(STATE_BUDGET.bimiRecords - 2_000);

    const refusal = { domain: longDomain('d', 0), selector: ORDER.selector ?? '', reason: 'not-publishable' as const };
    const publication = { published: [], notPublished: [{ ...refusal, message: '' }], omitted: 99 };
    const missing = STATE_BUDGET.publications - jsonBytes(publication);
    const full = { ...publication, notPublished: [{ ...refusal, message: 'x'.repeat(missing) }] };
    expect(jsonBytes(full)).toBe(STATE_BUDGET.publications);

    expectBelowLimit(collection, full);
  });

  test('even if every part takes its whole budget and the order is as large as possible.', () => {
    const { message: _, ...budgets } = STATE_BUDGET;
    const parts = Object.values(budgets).reduce((sum, bytes) => sum + bytes, 2 * jsonBytes(ORDER));
    // Names, keys, hashes and dates.
    expect(parts + 8 * 1024).toBeLessThan(LIMIT);
  });
});
