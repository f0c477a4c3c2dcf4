import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { RECEIVER_FACTS, RECEIVERS } from '../../../functions/certificate/receivers.ts';
import { type CertificateReport, type Revocation, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { describeReport } from '../../../infra/local/report-text.ts';
import { openLongstandingAuthority } from '../../authority.ts';

const AT = new Date('2026-06-01T00:00:00Z');

let report: CertificateReport;

beforeAll(async () => {
  const authority = await openLongstandingAuthority();
  const { chain, root } = authority.issue({ domains: ['example.com'], notBefore: new Date('2026-01-01T00:00:00Z') });
  const trustAnchors = [createHash('sha256').update(root).digest('hex')];
  ({ report } = await readMarkCertificate(Buffer.from(pem(chain)), { at: AT, trustAnchors }));
});

/** The lines of the report with other values. */
function linesOf(changes: Partial<CertificateReport>): readonly string[] {
  return describeReport('file.pem', { ...report, ...changes }, AT).split('\n');
}

/** The value in the row with a label. */
function rowOf(label: string, changes: Partial<CertificateReport>): string | undefined {
  return linesOf(changes)
    .find((line) => line.startsWith(`  ${label} `))
    ?.slice('  SHA-256  '.length);
}

describe('The row about the root', () => {
  const anchor = { subject: 'CN=Root', fingerprintSha256: 'ab'.repeat(32) };

  test.each([
    ['CN=Root (known root)', { delivered: true, source: 'known' }],
    ['CN=Root (known root, not in the file)', { delivered: false, source: 'known' }],
    ['CN=Root (trusted by --trust)', { delivered: true, source: 'settings' }],
    ['CN=Root (trusted by --trust, not in the file)', { delivered: false, source: 'settings' }],
  ] as const)('is "%s" for %j.', (expected, origin) => {
    expect(rowOf('root', { trustAnchor: { ...anchor, ...origin } })).toBe(expected);
  });

  test('names the last certificate if there is no trust anchor.', () => {
    expect(rowOf('root', { trustAnchor: null })).toBe(`not trusted; the chain ends at ${report.chain.at(-1)?.subject}`);
  });
});

describe('The row about SCTs', () => {
  const sct = { logId: 'ab'.repeat(32), log: 'Example Log', timestamp: '2026-01-01T00:00:00.000Z' };

  test.each([
    ['none', []],
    ['Example Log at 2026-01-01T00:00:00.000Z (valid)', [{ ...sct, status: 'valid' }]],
    [
      `Example Log at 2026-01-01T00:00:00.000Z (the signature does not verify); the log ${sct.logId} at 2026-01-01T00:00:00.000Z (not verified, because the log is not known)`,
      [
        { ...sct, status: 'invalid' },
        { ...sct, log: null, status: 'unknown-log' },
      ],
    ],
  ] as const)('is "%s".', (expected, scts) => {
    expect(rowOf('SCTs', { scts })).toBe(expected);
  });
});

describe('The row about revocation', () => {
  const [leaf, issuing] = ['leaf', 'issuing'];
  const good = { url: 'http://crl.example', thisUpdate: null, nextUpdate: null, revokedAt: null, reason: null };
  const revocationOf = (
    status: Revocation['status'],
    certificates: Revocation['certificates'] = [],
  ): Pick<CertificateReport, 'revocation' | 'chain'> => ({
    revocation: { checkedAt: '2026-06-01T00:00:00.000Z', status, certificates },
    chain: [
      { subject: 'O=Example Brand', fingerprintSha256: leaf, crlUrls: [] },
      { subject: 'CN=Issuing CA', fingerprintSha256: issuing, crlUrls: [] },
    ],
  });

  test.each([
    ['without a check', 'not checked (--revocation checks it)', { revocation: null }],
    ['if it is good', 'no, according to the CRLs at 2026-06-01T00:00:00.000Z', revocationOf('good')],
    ['if it is not known', 'not known; see the findings', revocationOf('unknown')],
    [
      'if the leaf is revoked',
      'yes, since 2026-05-01T00:00:00.000Z (keyCompromise): O=Example Brand',
      revocationOf('revoked', [
        {
          ...good,
          fingerprintSha256: leaf,
          status: 'revoked',
          revokedAt: '2026-05-01T00:00:00.000Z',
          reason: 'keyCompromise',
          problem: null,
        },
        { ...good, fingerprintSha256: issuing, status: 'good', problem: null },
      ]),
    ],
    [
      'if the issuing CA is revoked without a reason',
      'yes, since 2026-05-02T00:00:00.000Z: CN=Issuing CA',
      revocationOf('revoked', [
        { ...good, fingerprintSha256: leaf, status: 'unknown', problem: 'no answer' },
        {
          ...good,
          fingerprintSha256: issuing,
          status: 'revoked',
          revokedAt: '2026-05-02T00:00:00.000Z',
          problem: null,
        },
      ]),
    ],
  ] as const)('%s is "%s".', (_, expected, changes) => {
    expect(rowOf('revoked', changes)).toBe(expected);
  });
});

describe('The table of receivers', () => {
  const lineOf = (name: string, receivers: CertificateReport['receivers']) =>
    linesOf({ receivers })
      .find((line) => line.startsWith(`    ${name} `))
      ?.trimStart()
      .slice(name.length)
      .trimStart();

  test('has one line for each receiver.', () => {
    for (const { name } of RECEIVERS) {
      expect(lineOf(name, report.receivers), name).toMatch(/^(shows the logo|does not show the logo|not known)\b.*\.$/);
    }
  });

  test.each([
    ['shows the logo.', { shows: true, because: [] }],
    [
      `shows the logo. ${RECEIVER_FACTS['cmc-without-check-mark']}`,
      { shows: true, because: ['cmc-without-check-mark'] },
    ],
    [
      'does not show the logo because of untrusted-root, sct-missing.',
      { shows: false, because: ['untrusted-root', 'sct-missing'] },
    ],
    [
      `does not show the logo because of receiver-asn1. ${RECEIVER_FACTS['root-unknown-to-receiver']}`,
      { shows: false, because: ['receiver-asn1', 'root-unknown-to-receiver'] },
    ],
    [
      `shows the logo. ${RECEIVER_FACTS['no-certificate-needed']} ${RECEIVER_FACTS.reputation}`,
      { shows: true, because: ['no-certificate-needed', 'reputation'] },
    ],
    [`not known. ${RECEIVER_FACTS['rules-not-published']}`, { shows: null, because: ['rules-not-published'] }],
  ])('states "%s"', (expected, verdict) => {
    expect(lineOf('Gmail', [{ id: 'gmail', ...verdict }])).toBe(expected);
  });
});

test('Each severity of a finding has a symbol.', () => {
  const findings = (['error', 'warning', 'notice'] as const).map((severity) => ({
    id: 'policy' as const,
    severity,
    message: `a message of severity ${severity}`,
  }));
  expect(linesOf({ findings })).toEqual(
    expect.arrayContaining([
      '  ✗ policy: a message of severity error',
      '  ! policy: a message of severity warning',
      '  i policy: a message of severity notice',
    ]),
  );
});
