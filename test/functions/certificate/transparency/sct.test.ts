import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateReport, readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { CT_LOGS, type CtLog } from '../../../../functions/certificate/transparency/ct-logs.ts';
import { sctsOf, VERIFICATIONS_LIMIT } from '../../../../functions/certificate/transparency/sct.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';
import type {
  CertificateAuthority,
  IssuedMarkCertificate,
  MarkCertificateRequest,
} from '../../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { createTransparencyLog, generateLogKey } from '../../../../infra/local/ca/transparency-log.ts';
import { openLongstandingAuthority } from '../../../authority.ts';
import { repeated } from '../certificate-changes.ts';
import { AT, DAY, DOMAIN, ISSUED } from '../finding-case.ts';
import { all, ofLog, type Scts, sct } from './scts.ts';

const INTERVAL_KEY = generateLogKey();
const interval = {
  name: 'Log of 2026',
  key: createTransparencyLog(INTERVAL_KEY).key,
  notAfter: ['2026-01-01', '2027-01-01'],
} satisfies CtLog;
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
  // Nobody here has the key of a known log, so the table gets another one until the end of this file.
  const table = CT_LOGS as CtLog[];
  table.push(interval);
  return () => {
    table.pop();
  };
});

function issue(request: Partial<MarkCertificateRequest>): IssuedMarkCertificate {
  return authority.issue({ domains: [DOMAIN], notBefore: ISSUED, nullParameters: true, ...request });
}

async function report(chain: readonly Uint8Array[], ctLogs: readonly string[] = [authority.log.key], at = AT) {
  const trustAnchors = [createHash('sha256').update(authority.root).digest('hex')];
  return (await readMarkCertificate(Buffer.from(pem(chain)), { at, trustAnchors, ctLogs })).report;
}

function statuses({ scts, findings }: CertificateReport) {
  return { scts: scts.map(({ status }) => status), findings: findings.map(({ id }) => id) };
}

describe('An SCT', () => {
  test('is in the report with the id of its log, its name, its moment and its status.', async () => {
    const { chain } = issue({ scts: all(sct(AT), ofLog(INTERVAL_KEY)), notAfter: new Date('2026-12-31T23:59:59Z') });
    const idOf = (key: string) => createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex');
    expect((await report(chain)).scts).toEqual([
      { logId: idOf(authority.log.key), log: null, timestamp: AT.toISOString(), status: 'valid' },
      { logId: idOf(interval.key), log: 'Log of 2026', timestamp: ISSUED.toISOString(), status: 'valid' },
    ]);
  });

  test('of another certificate of the same CA is invalid.', async () => {
    const kept: Uint8Array[] = [];
    issue({
      scts: (precertificate, log) => {
        kept.push(...sct()(precertificate, log));
        return kept;
      },
    });
    const { chain } = issue({ scts: () => kept });
    expect(statuses(await report(chain))).toEqual({ scts: ['invalid'], findings: ['sct'] });
  });

  test('is valid if the issuing CA was certified again with the same key.', async () => {
    const { leaf } = issue({});
    const { issuing, root } = authority.with({ issuing: { notBefore: new Date('2021-01-01T00:00:00Z') } });
    expect(issuing).not.toEqual(authority.issuing);
    expect(statuses(await report([leaf, issuing, root]))).toEqual({ scts: ['valid'], findings: [] });
  });

  test('is invalid in a certificate with two lists of them, because the log cannot have signed both.', async () => {
    const { chain } = issue({ extensions: repeated(oid.sctList) });
    expect(statuses(await report(chain))).toEqual({ scts: ['invalid'], findings: ['duplicate-extension', 'sct'] });
  });

  test('of a log with an RSA key counts if the key is trusted, and has at least 2048 bits.', async () => {
    for (const [modulusLength, status] of [
      [2048, 'valid'],
      [3072, 'valid'],
      [1024, 'invalid'],
    ] as const) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
      const { chain } = issue({ scts: ofLog(privateKey) });
      expect((await report(chain, [createTransparencyLog(privateKey).key])).scts).toMatchObject([{ status }]);
    }
  });

  test.each([
    ['2025-12-31T23:59:59Z', 'other-interval', ['sct-unknown']],
    ['2026-01-01T00:00:00Z', 'valid', []],
    ['2026-12-31T23:59:59Z', 'valid', []],
    ['2027-01-01T00:00:00Z', 'other-interval', ['sct-unknown']],
  ])('of a log for 2026 in a leaf that expires at %s is %s.', async (expiry, status, findings) => {
    const notBefore = new Date(Date.parse(expiry) - 300 * DAY);
    const log = createTransparencyLog(INTERVAL_KEY);
    const scts: Scts = (precertificate) => [log.sign(precertificate, { timestamp: notBefore })];
    const { chain } = issue({ scts, notBefore, notAfter: new Date(expiry) });
    const found = await report(chain, [], notBefore);
    expect(statuses(found)).toEqual({ scts: [status], findings });
    for (const { message } of found.findings) {
      expect(message).toContain(`expire at ${new Date(expiry).toISOString()}: Log of 2026`);
    }
  });

  test('in the future is named by its whole timestamp and its whole log.', async () => {
    const timestamp = new Date('2100-01-01T00:00:00.123Z');
    const { findings, scts } = await report(issue({ scts: sct(timestamp) }).chain);
    expect(findings.map(({ message }) => message)).toEqual([
      `the timestamp of an SCT is later than the time of the check (${AT.toISOString()}): ` +
        `${timestamp.toISOString()} (${scts[0]?.logId})`,
    ]);
  });

  test('of a log of the table keeps its interval if its key is trusted in addition.', async () => {
    const { chain } = issue({ scts: ofLog(INTERVAL_KEY), notAfter: new Date('2027-01-02T00:00:00Z') });
    expect((await report(chain, [interval.key])).scts).toMatchObject([{ status: 'other-interval' }]);
  });

  test('is no longer verified after twenty others.', () => {
    const { leaf } = issue({ scts: all(...Array.from({ length: 500 }, () => sct())) });
    const { der: issuerKey } = readFields(new X509Certificate(authority.issuing)).publicKeyInfo;
    const scts = sctsOf(readFields(new X509Certificate(leaf)), { issuerKey, at: AT, ctLogs: [authority.log.key] });
    const expected = Array.from({ length: 500 }, (_, index) => (index < VERIFICATIONS_LIMIT ? 'valid' : 'unchecked'));
    expect(scts.map(({ status }) => status)).toEqual(expected);
  });
});
