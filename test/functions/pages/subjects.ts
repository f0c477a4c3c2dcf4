/** Certificates for pages, with texts that somebody else chose. */

import { readMarkCertificate } from '../../../functions/certificate/report.ts';
import { type CertificateSubject, subjectOf } from '../../../functions/pages/report-view.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';

export const NOW = new Date('2026-06-01T08:00:00Z');

const digest = (byte: string) => byte.repeat(32);

/** A certificate of an order that is published. */
export async function certificateSubject(): Promise<CertificateSubject> {
  const authority = await openLongstandingAuthority();
  const { chain } = authority.issue({
    domains: ['example.com', 'www.example.com'],
    notBefore: new Date('2026-01-01T00:00:00Z'),
  });
  const { report, logo } = await readMarkCertificate(pkcs7(chain), { at: NOW, ctLogs: [authority.log.key] });
  const record = (domain: string) =>
    `default._bimi.${domain}. TXT "v=BIMI1; l=https://bimi.example.net/${domain}/default.svg; " "a=https://bimi.example.net/${domain}/default.pem"`;
  const object = (name: string, byte: string) => ({
    key: `orders/1378973013/${name}`,
    size: 5000,
    sha256: digest(byte),
  });
  return {
    ...subjectOf(report, logo),
    findings: report.findings.filter(({ id }) => id !== 'untrusted-root'),
    report: { ...report, publishable: true },
    revocation: {
      checkedAt: NOW.toISOString(),
      status: 'good',
      certificates: report.chain.slice(0, 2).map(({ fingerprintSha256 }) => ({
        fingerprintSha256,
        status: 'good',
        url: 'http://crl.example/ca.crl',
        thisUpdate: '2026-05-31T00:00:00.000Z',
        nextUpdate: '2026-06-07T00:00:00.000Z',
        revokedAt: null,
        reason: null,
        problem: null,
      })),
    },
    order: {
      orderNumber: '1378973013',
      account: 'brand-a',
      collector: 'acme',
      execution: 'order-1378973013',
      collectedAt: NOW.toISOString(),
      ordered: { domains: ['example.com'], selector: 'default', product: 'VMC' },
      bimiRecords: ['example.com', 'www.example.com'].map(record),
      objects: {
        response: object('response.p7b', 'aa'),
        chain: object('chain.pem', 'bb'),
        logo: object('logo.svg', 'cc'),
      },
    },
  };
}

/** The same value with another text in place of every text in it, except where the code compares texts. */
export function withTexts<Value>(value: Value, text: string, kept: ReadonlySet<string> = KEPT): Value {
  const replace = (each: unknown, key: string): unknown => {
    if (typeof each === 'string') {
      return kept.has(key) ? each : text;
    }
    if (Array.isArray(each)) {
      return each.map((item) => replace(item, key));
    }
    if (each instanceof Uint8Array || typeof each !== 'object' || each === null) {
      return each;
    }
    return Object.fromEntries(Object.entries(each).map(([name, item]) => [name, replace(item, name)]));
  };
  return replace(value, '') as Value;
}

const KEPT = new Set(['kind', 'severity', 'status', 'notBefore', 'notAfter']);
