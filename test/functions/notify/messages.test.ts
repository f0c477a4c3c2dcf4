import { describe, expect, test } from 'vitest';
import { SHORT_FIXES } from '../../../functions/notify/brand-messages.ts';
import { REFUSED_STEPS } from '../../../functions/notify/refused-steps.ts';
import { WATCHED_WORDS } from '../../../functions/notify/watched-messages.ts';
import { REFUSALS, type RefusalReason } from '../../../functions/publish/refusals.ts';
import { DIFFERENCES } from '../../../functions/survey/differences.ts';
import { WATCHED_DIFFERENCES } from '../../../functions/survey/watched-differences.ts';
import {
  broken,
  brokenWatched,
  CREDENTIALS_TEXTS,
  ended,
  expiring,
  expiringWatched,
  FAILURE_TEXTS,
  failed,
  issued,
  listed,
  ORDER,
  publishedAt,
  revocationAnnounced,
  revoked,
  revokedWatched,
  WAITING_TEXTS,
  waiting,
} from './event-samples.ts';
import { render } from './rendered-message.ts';

const warning = {
  id: 'root-absent',
  severity: 'warning',
  message: 'the file does not contain the root of the chain, which the BIMI helper of rspamd requires',
};
const error = {
  id: 'logo-profile',
  severity: 'error',
  message: 'the logo is not in the SVG profile of BIMI: it contains <script>',
};
const lambdaCause = (errorType: string, errorMessage: string) =>
  JSON.stringify({
    errorType,
    errorMessage,
    trace: [`${errorType}: ${errorMessage}`, '    at Runtime.handler (file:///var/task/index.mjs:1:1)'],
  });
const requestId = '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b';

/** What publish says about a refusal, in short. */
const REFUSED_TEXTS: Readonly<Record<RefusalReason, string>> = {
  'not-yet-valid':
    'the certificate is not valid before 2026-12-03T00:00:00.000Z; the collector asks the CA for it again when it is valid',
  'not-publishable': 'the certificate has findings that are errors: logo-profile (the logo contains <script>)',
  'not-covered': 'the certificate covers neither example.com nor brand._bimi.example.com; it covers example.org',
  expired: 'the certificate expired on 2026-11-25T23:59:59.000Z',
  damaged: 'the live certificate is unknown: published/example.com/brand.json is damaged: it is not JSON',
  revoked: 'the CA revoked this certificate (known since 2026-11-25T23:59:59.000Z)',
  older:
    'the live certificate (order 1378973014) is newer: it is valid from 2026-11-27T00:00:00.000Z, this one from 2026-11-26T00:00:00.000Z',
  'other-owner':
    'the certificate belongs to "Example Limited", but the live certificate (order 5) belongs to "Example Brand"',
  'less-coverage': 'the live certificate (order 5) covers names that this one does not cover: example.net',
};

const WATCHED_DIFFERENCE_IDS = Object.keys(WATCHED_DIFFERENCES) as (keyof typeof WATCHED_DIFFERENCES)[];

/** One event for each message, by the name of its file. */
const EVENTS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    (Object.keys(WAITING_TEXTS) as (keyof typeof WAITING_TEXTS)[]).map((reason) => [
      `waiting-${reason}`,
      waiting(reason),
    ]),
  ),
  ...Object.fromEntries(
    (Object.keys(FAILURE_TEXTS) as (keyof typeof FAILURE_TEXTS)[]).map((name) => [`failed-${name}`, failed(name)]),
  ),
  ...Object.fromEntries(
    Object.entries(CREDENTIALS_TEXTS).map(([name, text]) => [
      `waiting-credentials-${name}`,
      waiting('credentials', { text, account: 'brand-a' }),
    ]),
  ),
  'failed-push': ended({
    status: 'FAILED',
    error: 'SlowDown',
    name: 'order-1378973013-push-6-20261126',
    input: JSON.stringify({ ...ORDER, account: 'brand-a', request: 'push-6-20261126', once: true }),
    cause: lambdaCause('SlowDown', 'Please reduce your request rate.'),
  }),
  'failed-Runtime.ExitError': ended({
    status: 'FAILED',
    error: 'Runtime.ExitError',
    cause: JSON.stringify({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`,
    }),
  }),
  'failed-Sandbox.Timedout': ended({
    status: 'FAILED',
    error: 'Sandbox.Timedout',
    cause: JSON.stringify({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 60.00 seconds`,
    }),
  }),
  'failed-States.Timeout': ended({ status: 'FAILED', error: 'States.Timeout', cause: null }),
  'failed-AccessDenied': ended({
    status: 'FAILED',
    error: 'AccessDenied',
    cause: lambdaCause(
      'AccessDenied',
      'User: arn:aws:sts::111122223333:assumed-role/Collect is not authorized to perform: s3:PutObject',
    ),
  }),
  'timed-out': ended({ status: 'TIMED_OUT' }),
  aborted: ended({ status: 'ABORTED' }),
  'aborted-with-reason': ended({ status: 'ABORTED', error: 'Cancelled', cause: 'The client cancelled the order.' }),
  'aborted-other-execution': ended({ status: 'ABORTED', name: 'try-1', input: '{"hello": "world"}' }),
  issued: issued({ findings: [warning] }),
  'issued-without-report': issued({ report: false }),
  'issued-published': issued({ publication: publishedAt(['example.com', 'example.net']) }),
  'issued-published-cmc': issued({
    findings: [{ id: 'receiver-asn1', severity: 'notice', message: 'rspamd cannot read the hash' }],
    receivers: [
      { id: 'gmail', shows: true, because: ['cmc-without-check-mark'] },
      { id: 'apple', shows: false, because: ['mark-type-not-displayed'] },
      { id: 'zoho', shows: null, because: ['rules-not-published'] },
    ],
    publication: publishedAt(['example.com', 'example.net']),
  }),
  'issued-published-in-part': issued({
    publication: publishedAt(
      ['example.com'],
      [
        {
          domain: 'example.net',
          selector: 'brand',
          reason: 'not-covered',
          message: 'the certificate covers neither example.net nor brand._bimi.example.net; it covers example.com',
        },
      ],
    ),
  }),
  ...Object.fromEntries(
    Object.entries(REFUSED_TEXTS).map(([reason, message]) => [
      `issued-refused-${reason}`,
      issued({ publication: publishedAt([], [{ domain: 'example.com', selector: 'brand', reason, message }]) }),
    ]),
  ),
  'issued-refused-for-several-reasons': issued({
    publication: publishedAt(
      ['example.com'],
      (['older', 'not-covered', 'other-owner', 'expired'] as const).map((reason) => ({
        domain: `${reason}.example`,
        selector: 'brand',
        reason,
        message: REFUSED_TEXTS[reason],
      })),
    ),
  }),
  'issued-not-yet-valid': issued({
    publishable: false,
    notBefore: '2026-12-03T00:00:00.000Z',
    findings: [
      {
        id: 'validity',
        severity: 'error',
        message:
          'the chain is not valid at 2026-11-26T05:17:00.000Z: the leaf is not valid before 2026-12-03T00:00:00.000Z',
      },
    ],
    publication: publishedAt(
      [],
      [{ domain: 'example.com', selector: 'brand', reason: 'not-yet-valid', message: REFUSED_TEXTS['not-yet-valid'] }],
    ),
  }),
  'issued-before-and-published': issued({ changed: false, publication: publishedAt(['example.com']) }),
  'issued-before-and-refused': issued({
    changed: false,
    publication: publishedAt(
      [],
      [{ domain: 'example.com', selector: 'brand', reason: 'other-owner', message: REFUSED_TEXTS['other-owner'] }],
    ),
  }),
  'issued-without-domains': issued({ publication: publishedAt([]) }),
  'issued-revoked': issued({
    publishable: false,
    findings: [
      {
        id: 'revoked',
        severity: 'error',
        message:
          'a certificate is revoked according to the CRL of its issuer: Example Limited since 2026-11-26T02:00:00.000Z (keyCompromise)',
      },
    ],
  }),
  'issued-revocation-unknown': issued({
    findings: [
      {
        id: 'crl-unknown',
        severity: 'warning',
        message:
          'it is not known whether a certificate is revoked: Example Limited: the CRL at http://crl.example.net/vmc.crl could not be fetched: the name of the server cannot be resolved (ENOTFOUND)',
      },
    ],
    publication: publishedAt(['example.com', 'example.net']),
  }),
  'issued-not-publishable': issued({
    publishable: false,
    findings: [error, warning],
    publication: publishedAt([], []),
  }),
  expiring: expiring(14),
  'expiring-caa': expiring(14, {
    caa: [
      'The CAA records of example.com do not let Sectigo issue a mark certificate: issuevmc "digicert.com". Add the record: example.com. CAA 0 issuevmc "sectigo.com"',
    ],
  }),
  'expiring-today': expiring(0, { report: false }),
  revoked: revoked(true),
  'revoked-by-push': revoked(false),
  'revoked-crl': listed('keyCompromise'),
  'revoked-crl-without-reason': listed(null, { revokedAt: null }),
  'revoked-crl-superseded': listed('superseded'),
  'revoked-crl-hold': listed('certificateHold'),
  'revoked-crl-issuer': listed('cACompromise', { issuer: 'C=GB, O=Example CA Limited, CN=Example VMC CA' }),
  'revocation-announced': revocationAnnounced(),
  'broken-several': broken(
    (['record-differs', 'chain-differs', 'logo-differs', 'dmarc-weak', 'record-unreachable'] as const).map((id) => ({
      id,
      message: DIFFERENCES[id],
    })),
  ),
  ...Object.fromEntries(
    Object.entries(DIFFERENCES).map(([id, message]) => [`broken-${id}`, broken([{ id, message }])]),
  ),
  ...Object.fromEntries(
    WATCHED_DIFFERENCE_IDS.map((id) => [
      `watched-broken-${id}`,
      brokenWatched([{ id, message: WATCHED_DIFFERENCES[id] }]),
    ]),
  ),
  'watched-broken-several': brokenWatched(
    (['record-invalid', 'dmarc-weak', 'logo-unreachable', 'logo-differs', 'chain-invalid', 'expired'] as const).map(
      (id) => ({
        id,
        message: WATCHED_DIFFERENCES[id],
      }),
    ),
    { selector: 'brand' },
  ),
  'watched-broken-without-addresses': brokenWatched(
    [{ id: 'chain-unreachable', message: WATCHED_DIFFERENCES['chain-unreachable'] }],
    { chainUrl: null, logoUrl: null, record: null, owner: 'ブランド' },
  ),
  'watched-expiring': expiringWatched(14),
  'watched-expiring-today': expiringWatched(0, 'brand'),
  'watched-revoked': revokedWatched(),
};

test('Every difference of a watched domain has its own words.', () => {
  expect(Object.keys(WATCHED_WORDS).toSorted()).toEqual(WATCHED_DIFFERENCE_IDS.toSorted());
});

test('Every reason not to publish and every difference has its own next step.', () => {
  expect(Object.keys(REFUSED_STEPS).toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
  expect(Object.keys(SHORT_FIXES).toSorted()).toEqual(Object.keys(DIFFERENCES).toSorted());
});

describe('the message', () => {
  test.each(Object.entries(EVENTS))(
    'about %s is the one in its file. To write the files: npx vitest -u',
    async (name, event) => {
      const [message, ...others] = await render(event);
      expect(others).toEqual([]);
      await expect(`To: ${message?.audience}\nSubject: ${message?.subject}\n\n${message?.body}`).toMatchFileSnapshot(
        `messages/${name}.txt`,
      );
    },
  );
});
