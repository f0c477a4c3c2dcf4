import type { RevokedDetail } from '../../../functions/events.ts';
import { type RevokedRecord, revoke } from '../../../functions/revoke/revoke.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { BUCKET, DOMAIN, type Issue, issueBy, type PublishedBucket } from '../publish/published-bucket.ts';

export const COLLECTOR = 'acme';

/** Order numbers. */
export const ORDER = '1002';
export const RENEWAL = '1003';
export const DOMAINS = [DOMAIN, 'example.net'];

/** When the collector learned of the revocation, a day after the publication. */
export const REVOKED_AT = '2026-06-02T08:00:00.000Z';
export const LATER = '2026-06-09T08:00:00.000Z';

/** A certificate that is revoked in the tests, and its renewal. */
export async function issueCertificates(): Promise<Readonly<Record<'issue' | 'renewal', Issue>>> {
  const authority = await openLongstandingAuthority();
  return {
    issue: await issueBy(authority, '2026-03-01T00:00:00Z', { domains: DOMAINS }),
    renewal: await issueBy(authority, '2026-05-01T00:00:00Z', { domains: DOMAINS }),
  };
}

/** The event that Collect sends when CollectMC reports a revocation, as EventBridge passes it. */
export const revoked = (changes: Partial<RevokedDetail> = {}) => ({
  version: '0',
  id: '315c1398-40ff-a850-213b-158f73e60175',
  'detail-type': 'Mark Certificate Revoked',
  source: 'mark-certificate-collector',
  account: '000000000000',
  time: '2026-06-02T08:00:00Z',
  region: 'us-east-1',
  detail: {
    collector: COLLECTOR,
    orderNumber: ORDER,
    account: null,
    domains: DOMAINS,
    confirmed: true,
    source: 'collect-mc',
    text: `Order ${ORDER}: the CA answered -21 (the certificate was revoked).`,
    knownSince: REVOKED_AT,
    execution: `order-${ORDER}-push-8-20260602`,
    ...changes,
  } satisfies RevokedDetail,
});

/** Runs revoke once and returns what it reported. */
export async function run(
  bucket: PublishedBucket,
  event: unknown = revoked(),
  { unpublish = false, client = 'revoker' } = {},
) {
  const records: RevokedRecord[] = [];
  const damaged: { key: string; problem: string }[] = [];
  await revoke(event, {
    collector: COLLECTOR,
    s3: bucket.clientOf(client),
    bucket: BUCKET,
    unpublish,
    observe: {
      revoked: (record) => records.push(record),
      damaged: (key, problem) => damaged.push({ key, problem }),
    },
  });
  return { records, damaged };
}
