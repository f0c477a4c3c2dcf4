import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RevokedDetail } from '../../../functions/events.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { BUCKET, type Issue, JSON_KEY, NOW, type PublishedBucket, startBucket } from '../publish/published-bucket.ts';
import { issueCertificates, LATER, ORDER, REVOKED_AT, revoked, run } from './revocation.ts';

let issue: Issue;
let renewal: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ issue, renewal } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

/** The event about a certificate that a CRL lists. */
const listed = ({ certificate }: Issue, changes: Partial<RevokedDetail> = {}) =>
  revoked({ source: 'crl', fingerprintSha256: certificate.report.fingerprintSha256, ...changes });

/** Collects the certificate again, whose CRLs list it or no longer do. */
async function assess({ body, certificate }: Issue, status: 'good' | 'revoked', checkedAt: string) {
  const archive = openArchive(s3Storage(bucket.clientOf('survey'), BUCKET), ORDER);
  const { report } = certificate;
  const { fingerprintSha256 } = report;
  const findings =
    status === 'good' ? [] : [{ id: 'revoked' as const, severity: 'error' as const, message: 'it is revoked' }];
  const result = {
    fingerprintSha256,
    status,
    url: 'http://crl.example/1.crl',
    thisUpdate: checkedAt,
    nextUpdate: null,
    revokedAt: null,
    reason: null,
    problem: null,
  };
  const assessed = {
    ...report,
    publishable: status === 'good',
    findings: [...report.findings, ...findings],
    revocation: { checkedAt, status, certificates: [result] },
  };
  const provenance = { execution: `order-${ORDER}`, collectedAt: NOW };
  await archive.store({ container: 'pkcs7', body }, { ...certificate, report: assessed }, provenance);
}

describe('A certificate that a CRL lists', () => {
  test('is marked, with what says so.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket, listed(issue));
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, revokedBy: 'crl', served: true });
  });

  test('is not marked if another certificate of the order is live by now, also one that was collected before.', async () => {
    await bucket.publishOrder(ORDER, renewal);
    const before = await bucket.description();
    const { records } = await run(bucket, listed(issue, { knownSince: LATER }));
    expect(records).toEqual([]);
    expect(await bucket.description()).toEqual(before);
  });

  test('is marked if it is only still published, and its order has a newer certificate.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await bucket.store(ORDER, renewal, { collectedAt: LATER });
    const { records } = await run(bucket, listed(issue));
    expect(records).toMatchObject([{ fingerprintSha256: issue.certificate.report.fingerprintSha256, served: true }]);
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT });
  });

  test('is taken down with unpublish, also if it was marked before.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket, listed(issue));
    await run(bucket, listed(issue), { unpublish: true });
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: false });
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test.each([false, true])('is published again after a hold (taken down: %s).', async (unpublish) => {
    await bucket.publishOrder(ORDER, issue);
    await assess(issue, 'revoked', REVOKED_AT);
    await run(bucket, listed(issue), { unpublish });
    expect((await bucket.publish(ORDER)).notPublished).toMatchObject([{ reason: 'not-publishable' }]);

    await assess(issue, 'good', LATER);
    expect((await bucket.publish(ORDER)).published).toMatchObject([{ changed: true }]);

    const description = await bucket.description();
    expect(description).toMatchObject({ revokedAt: null, served: true });
    expect(description).not.toHaveProperty('revokedBy');
    await bucket.expectLive(issue, ORDER);
  });

  test('stays marked if CollectMC reported the revocation first.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket);
    await run(bucket, listed(issue));
    expect(await bucket.description()).not.toHaveProperty('revokedBy');
    await assess(issue, 'good', LATER);
    await bucket.publish(ORDER);
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT });
  });

  test('stays marked if CollectMC reports it later too.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await run(bucket, listed(issue));
    await run(bucket, revoked({ knownSince: LATER }));
    expect(await bucket.description()).not.toHaveProperty('revokedBy');
  });

  test('stays marked if the manifest was judged before the mark, because an execution read it earlier.', async () => {
    await bucket.publishOrder(ORDER, issue);
    await assess(issue, 'good', NOW);
    await run(bucket, listed(issue));
    await bucket.publish(ORDER);
    expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, revokedBy: 'crl' });
  });
});
