/** Events as the collector and Step Functions send them, for the tests of the messages. */

import { bimiRecord } from '../../../functions/bimi.ts';
import { FAILURE_NEXT_STEPS, type FailureName, WAITING_NEXT_STEPS } from '../../../functions/errors.ts';
import {
  EVENT_SOURCE,
  EXPIRING,
  FAILED,
  type FailedDetail,
  ISSUED,
  PUBLICATION_BROKEN,
  REVOKED,
  type RevokedDetail,
  WAITING,
  type WaitingDetail,
} from '../../../functions/events.ts';
import type { Deployment } from '../../../functions/notify/commands.ts';
import type { Order } from '../../../functions/order.ts';
import type { BrokenWatchedDomain, WatchedReminder, WatchedRevocation } from '../../../functions/survey/watched.ts';

export const COLLECTOR = 'mark-certificate-collector';
export const ORDER_NUMBER = '1378973013';
export const EXECUTION = `order-${ORDER_NUMBER}`;
export const DOMAINS = ['example.com', 'example.net'];
export const STARTED_AT = '2026-11-02T09:30:00.000Z';
export const UPDATED_AT = '2026-11-26T05:17:00.000Z';
export const RUNBOOK_URL = 'https://wiki.example.com/runbook.md';

export const DEPLOYMENT: Deployment = {
  collector: COLLECTOR,
  region: 'us-east-1',
  bucket: 'certificates-111122223333',
  stateMachineArn: 'arn:aws:states:us-east-1:111122223333:stateMachine:StateMachine-1a2b3c',
};

/** The order as the input of its execution contains it. */
export const ORDER: Order = { orderNumber: ORDER_NUMBER, domains: DOMAINS, product: 'VMC', selector: 'brand' };

const order = { collector: COLLECTOR, orderNumber: ORDER_NUMBER, account: null, domains: DOMAINS };
const status = { ...order, execution: EXECUTION, startedAt: STARTED_AT, updatedAt: UPDATED_AT };

/** An event as EventBridge delivers it. */
export function eventOf(detailType: string, detail: object) {
  return {
    id: '6f1a2b3c-0000-4000-8000-000000000001',
    time: '2026-11-26T05:17:02Z',
    source: EVENT_SOURCE,
    'detail-type': detailType,
    detail,
  };
}

/** What Collect reports about an order that needs a person, by reason. */
export const WAITING_TEXTS: Readonly<Record<WaitingDetail['reason'], string>> = {
  credentials: 'the CA answered -16 (User authentication failed!)',
  payment: 'the CA answered -22 (awaiting payment)',
  permission: 'the CA answered -91 (Permission denied!)',
  outage: 'connect ECONNREFUSED 91.199.212.132:443',
  storage: 'the reply of the CA could not be stored or reported: SlowDown: Please reduce your request rate.',
  deadline: 'the CA answered 0 (the order is being processed)',
};

/** The other texts of an order that waits for credentials. */
export const CREDENTIALS_TEXTS = {
  missing:
    'the secret mark-certificate-collector/accounts/brand-a cannot be read: ResourceNotFoundException; store its ' +
    'login with mark-certificates login --account brand-a (runbook: Add an account)',
  placeholder: 'the secret still contains the placeholder; replace it with the login at the CA',
  doubtful: 'the CA may have rejected the login, and it is tried again once a day: HTTP 403: Access denied',
  'doubtful-before':
    'the CA may have rejected these credentials today; one order tries them again tomorrow (UTC), and all orders use newer ' +
    'ones as soon as there are any',
};

export function waiting(reason: WaitingDetail['reason'], changes: Partial<WaitingDetail> = {}) {
  return eventOf(WAITING, {
    ...status,
    reason,
    text: WAITING_TEXTS[reason],
    since: '2026-11-25T23:10:00.000Z',
    nextStep: WAITING_NEXT_STEPS[reason].text,
    ...changes,
  } satisfies WaitingDetail);
}

/** What the collector reports about a failure, by the name of the error. */
export const FAILURE_TEXTS: Readonly<Record<FailureName, string>> = {
  OrderRejected: 'the CA answered -20 (The certificate request was rejected!)',
  CertificateRevoked: 'the CA answered -21 (The certificate has been revoked!)',
  CertificateExpired: 'the CA answered -35 (the certificate has expired)',
  InvalidRequest: "the CA answered -4 (The value of the 'orderNumber' argument is invalid!)",
  UnknownRefusal: 'the CA answered -77 (Quota of the reseller exceeded), 8 times in a row',
  InvalidChain:
    'no certificate in the response is a mark certificate: none has the extended key usage 1.3.6.1.5.5.7.3.31',
  CollectionOverdue: 'no certificate after 90 days and 724 checks; the last reply: 0 (the order is being processed)',
  InvalidInput:
    'the input of the check is wrong: domains: "example" is not accepted; accepted: a list of 1 to 100 domain names, like ["example.com"]',
  CollectionLost: 'the order waits, but its execution does not run any more',
};

export function failed(error: FailureName, changes: Partial<FailedDetail> = {}) {
  return eventOf(FAILED, {
    ...status,
    error,
    text: FAILURE_TEXTS[error],
    nextStep: FAILURE_NEXT_STEPS[error].text,
    ...changes,
  } satisfies FailedDetail);
}

export function revoked(confirmed: boolean) {
  return eventOf(REVOKED, {
    ...order,
    confirmed,
    source: confirmed ? 'collect-mc' : 'push',
    text: confirmed ? FAILURE_TEXTS.CertificateRevoked : 'the CA pushed the status code 8 (revoked)',
    knownSince: UPDATED_AT,
  } satisfies RevokedDetail);
}

/** A revocation that a CRL states, of the certificate or of its issuing CA. */
export function listed(reason: string | null, changes: Partial<RevokedDetail> = {}) {
  const revokedAt = '2026-11-25T16:05:00.000Z';
  return eventOf(REVOKED, {
    ...order,
    confirmed: true,
    source: 'crl',
    text: `The revocation list http://crl.example.net/vmc.crl contains the certificate, revoked since ${revokedAt} (${reason ?? 'without a reason'})`,
    knownSince: UPDATED_AT,
    fingerprintSha256: 'c0ffee',
    revokedAt,
    reason,
    issuer: null,
    ...changes,
  } satisfies RevokedDetail);
}

/** A push that announces a revocation. */
export function revocationAnnounced() {
  const event = revoked(false);
  const text = `The CA announced by push that it will revoke the certificate of order ${ORDER_NUMBER} (key compromise)`;
  return { ...event, detail: { ...event.detail, text } };
}

/** The DNS record of a domain, as the stack publishes it. */
export function recordOf(domain: string): string {
  return bimiRecord('https://bimi.example.com', domain, 'brand');
}

interface IssuedChanges {
  readonly changed?: boolean;
  readonly publishable?: boolean;
  readonly domains?: readonly string[];
  readonly notBefore?: string;
  readonly findings?: readonly { readonly id: string; readonly severity: string; readonly message: string }[];
  readonly receivers?: readonly object[];
  readonly publication?: object;
  /** False: as of a certificate that a release before 0.2.0 stored. */
  readonly report?: boolean;
}

export function issued({
  changed = true,
  publishable = true,
  domains = DOMAINS,
  notBefore = '2026-11-26T00:00:00.000Z',
  findings = [],
  receivers,
  publication,
  report = true,
}: IssuedChanges = {}) {
  const key = (file: string) => `orders/${ORDER_NUMBER}/${file}`;
  return eventOf(ISSUED, {
    ...order,
    certificate: {
      changed,
      bucket: DEPLOYMENT.bucket,
      keys: {
        response: key('response.p7b'),
        chain: key('chain.pem'),
        logo: key('logo.svg'),
        ...(report && { report: key('report.html') }),
      },
      fingerprintSha256: 'ab'.repeat(32),
      domains,
      notBefore,
      notAfter: '2027-11-26T23:59:59.000Z',
      publishable,
      findings,
      ...(receivers && { receivers }),
    },
    ...(publication && { publication }),
  });
}

/** The publication of every domain. */
export function publishedAt(domains: readonly string[], notPublished: readonly object[] = []) {
  return {
    published: domains.map((domain) => ({ domain, selector: 'brand', bimiRecord: recordOf(domain), changed: true })),
    notPublished,
  };
}

export function expiring(
  daysLeft: number,
  { collector = COLLECTOR, report = true, caa = undefined as readonly string[] | undefined } = {},
) {
  return eventOf(EXPIRING, {
    ...order,
    collector,
    owner: 'Example Limited',
    daysLeft,
    notAfter: '2027-11-26T23:59:59.000Z',
    orderBy: '2027-11-12T00:00:00.000Z',
    caa,
    product: 'VMC',
    markType: 'Registered Mark',
    fingerprintSha256: 'ab'.repeat(32),
    bucket: DEPLOYMENT.bucket,
    keys: {
      manifest: `orders/${ORDER_NUMBER}/certificate.json`,
      ...(report && { report: `orders/${ORDER_NUMBER}/report.html` }),
    },
  });
}

export function broken(
  differences: readonly { readonly id: string; readonly message: string }[],
  domain = 'example.com',
) {
  return eventOf(PUBLICATION_BROKEN, {
    ...order,
    domains: [domain],
    owner: 'Example Limited',
    domain,
    selector: 'brand',
    fingerprintSha256: 'ab'.repeat(32),
    bimiRecord: recordOf(domain),
    differences,
  });
}

const watched = {
  collector: COLLECTOR,
  domains: ['example.com'],
  watched: true,
  domain: 'example.com',
  selector: 'default',
  owner: 'Example Limited',
  fingerprintSha256: 'ab'.repeat(32),
} as const;

/** A watched domain whose logo receivers do not show. */
export function brokenWatched(
  differences: BrokenWatchedDomain['differences'],
  changes: Partial<BrokenWatchedDomain> = {},
) {
  const host = 'https://bimi.example.net/example';
  return eventOf(PUBLICATION_BROKEN, {
    ...watched,
    record: `v=BIMI1; l=${host}.svg; a=${host}.pem`,
    chainUrl: `${host}.pem`,
    logoUrl: `${host}.svg`,
    differences,
    ...changes,
  } satisfies BrokenWatchedDomain);
}

/** A watched domain whose certificate ends soon. */
export function expiringWatched(daysLeft: number, selector = 'default') {
  return eventOf(EXPIRING, {
    ...watched,
    selector,
    daysLeft,
    notAfter: '2027-11-26T23:59:59.000Z',
  } satisfies WatchedReminder);
}

/** A watched domain whose certificate the CA revoked. */
export function revokedWatched() {
  return eventOf(REVOKED, {
    ...watched,
    confirmed: true,
    source: 'crl',
    text: 'The served certificate of example.com is revoked: a certificate is revoked according to the CRL of its issuer: Example Limited since 2026-11-25T10:00:00.000Z (keyCompromise).',
    knownSince: UPDATED_AT,
  } satisfies WatchedRevocation);
}

/** The end of an execution, as Step Functions reports it (AWS: Step Functions, Automating event delivery). */
export function ended(detail: {
  readonly status: 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  readonly error?: string | null;
  readonly cause?: string | null;
  readonly name?: string;
  readonly input?: string | null;
  readonly stateMachineArn?: string;
}) {
  const { name = EXECUTION, stateMachineArn = DEPLOYMENT.stateMachineArn } = detail;
  return {
    version: '0',
    id: '6f1a2b3c-0000-4000-8000-000000000002',
    source: 'aws.states',
    'detail-type': 'Step Functions Execution Status Change',
    account: '111122223333',
    time: '2026-11-26T05:17:01Z',
    region: 'us-east-1',
    resources: [`${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`],
    detail: {
      executionArn: `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`,
      stateMachineArn,
      name,
      startDate: Date.parse(STARTED_AT),
      stopDate: Date.parse(UPDATED_AT),
      input: JSON.stringify(ORDER),
      output: null,
      inputDetails: { included: true },
      outputDetails: null,
      error: null,
      cause: null,
      ...detail,
    },
  };
}
