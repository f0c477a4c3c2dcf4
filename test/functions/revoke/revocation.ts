import { type RevokedRecord, revoke } from '../../../functions/revoke/revoke.ts';
import {
  BUCKET,
  DOMAIN,
  type Issue,
  issueBy,
  longstandingAuthority,
  type PublishedBucket,
} from '../publish/published-bucket.ts';

/** Order numbers. */
export const ORDER = '1002';
export const RENEWAL = '1003';
export const DOMAINS = [DOMAIN, 'example.net'];

/** When the execution failed, a day after the publication. */
export const REVOKED_AT = '2026-06-02T08:00:00.000Z';
export const LATER = '2026-06-09T08:00:00.000Z';

/** A certificate that is revoked in the tests, and its renewal. */
export async function issueCertificates(): Promise<Readonly<Record<'issue' | 'renewal', Issue>>> {
  const authority = await longstandingAuthority();
  return {
    issue: await issueBy(authority, '2026-03-01T00:00:00Z', { domains: DOMAINS }),
    renewal: await issueBy(authority, '2026-05-01T00:00:00Z', { domains: DOMAINS }),
  };
}

/** A status-change event of Step Functions, as EventBridge passes it. */
export const failed = (detail: object = {}) => ({
  version: '0',
  id: '315c1398-40ff-a850-213b-158f73e60175',
  'detail-type': 'Step Functions Execution Status Change',
  source: 'aws.states',
  account: '000000000000',
  time: '2026-06-02T08:00:00Z',
  region: 'us-east-1',
  detail: {
    executionArn: `arn:aws:states:us-east-1:000000000000:execution:Collector:order-${ORDER}-push-8-20260602`,
    stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector',
    name: `order-${ORDER}-push-8-20260602`,
    status: 'FAILED',
    startDate: Date.parse(REVOKED_AT) - 2000,
    stopDate: Date.parse(REVOKED_AT),
    input: JSON.stringify({ orderNumber: ORDER, request: 'push-8-20260602' }),
    inputDetails: { included: true },
    output: null,
    error: 'CertificateRevoked',
    cause: `Order ${ORDER}: the CA answered -21 (the certificate was revoked).`,
    ...detail,
  },
});

/** Runs revoke once and returns what it reported. */
export async function run(
  bucket: PublishedBucket,
  event: unknown = failed(),
  { unpublish = false, client = 'revoker', at = LATER } = {},
) {
  const records: RevokedRecord[] = [];
  const damaged: { key: string; problem: string }[] = [];
  await revoke(event, {
    s3: bucket.clientOf(client),
    bucket: BUCKET,
    unpublish,
    observe: {
      revoked: (record) => records.push(record),
      damaged: (key, problem) => damaged.push({ key, problem }),
    },
    now: () => new Date(at),
  });
  return { records, damaged };
}
