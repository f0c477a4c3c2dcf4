import { beforeAll, describe, expect, test } from 'vitest';
import { REPORT_BYTES, renderReport } from '../../../functions/pages/report.ts';
import type { CertificateSubject, Subject } from '../../../functions/pages/report-view.ts';
import type { StoredFinding } from '../../../functions/store/manifest.ts';
import { attribute, elementsOf } from './parsed.ts';
import { certificateSubject, NOW } from './subjects.ts';

let subject: CertificateSubject;

beforeAll(async () => {
  subject = await certificateSubject();
});

const render = (one: Subject) => renderReport([one], { writtenAt: NOW, writtenBy: 'Collect', collector: 'acme' });

/** Becomes the most bytes of HTML. */
const TEXT = '&'.repeat(2_000);
const many = <Item>(count: number, make: (index: number) => Item) => Array.from({ length: count }, (_, i) => make(i));

const findings = many(
  1_001,
  (index): StoredFinding => ({
    id: index % 2 === 0 ? 'svg-profile' : `other-${index}`,
    severity: index > 900 ? 'error' : 'notice',
    message: TEXT,
  }),
);

type Changes = (base: CertificateSubject) => Partial<CertificateSubject>;
const ofReport =
  (changes: Partial<CertificateSubject['report']>): Changes =>
  ({ report }) => ({ report: { ...report, ...changes } });
const ofOrder =
  (changes: Partial<NonNullable<CertificateSubject['order']>>): Changes =>
  ({ order }) =>
    order ? { order: { ...order, ...changes } } : {};

const link = { subject: TEXT, fingerprintSha256: 'aa', crlUrls: [TEXT, TEXT, TEXT, TEXT] };
const status = {
  fingerprintSha256: TEXT,
  status: 'revoked',
  url: null,
  thisUpdate: null,
  nextUpdate: null,
  revokedAt: TEXT,
  reason: TEXT,
  problem: TEXT,
} as const;

const LISTS: [string, Changes][] = [
  ['findings', () => ({ findings })],
  ['failures', () => ({ failures: many(100, () => TEXT) })],
  [
    'findings of a lookup',
    () => ({ lookup: { domain: TEXT, selector: TEXT, record: TEXT, findings: findings.slice(0, 200) } }),
  ],
  ['receivers', () => ({ receivers: many(30, () => ({ id: TEXT, shows: false, because: many(3, () => TEXT) })) })],
  ['attributes', ofReport({ attributes: Object.fromEntries(many(200, (index) => [`a${index}`, [TEXT]])) })],
  ['values of an attribute', ofReport({ attributes: { organizationName: many(3_000, () => '&') } })],
  ['short domains', ofReport({ domains: many(5_000, () => '&') })],
  ['long domains', ofReport({ domains: many(500, () => TEXT) })],
  [
    'certificates',
    ({ report }) => ({ report: { ...report, chain: many(20, () => ({ ...report.chain[0], ...link })) } }),
  ],
  [
    'timestamps',
    ({ report }) => ({
      report: { ...report, scts: report.scts.flatMap((sct) => many(500, () => ({ ...sct, logId: TEXT, log: TEXT }))) },
    }),
  ],
  [
    'revocations',
    () => ({ revocation: { checkedAt: NOW.toISOString(), status: 'revoked', certificates: many(50, () => status) } }),
  ],
  ['records', ofOrder({ bimiRecords: many(200, (index) => `${index}.example. TXT "${TEXT}"`) })],
  [
    'objects',
    ofOrder({
      objects: Object.fromEntries(many(200, (index) => [`${index}`, { key: `k/${TEXT}`, size: 1, sha256: 'aa' }])),
    }),
  ],
];

describe('A report is below its size and has only links to what is on the page', () => {
  const verify = (page: string) => {
    expect(Buffer.byteLength(page)).toBeLessThan(REPORT_BYTES);
    const elements = elementsOf(page);
    const ids = elements.flatMap((element) => attribute(element, 'id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = elements.flatMap((element) => attribute(element, 'href') ?? []).filter((href) => href !== 'data:,');
    expect(targets.filter((href) => !ids.includes(href.slice(1)))).toEqual([]);
  };

  test.each(LISTS)('with very many %s, and says that it does not list all.', (_, changes) => {
    const page = render({ ...subject, logo: Buffer.alloc(32_768, '<'), ...changes(subject) });
    verify(page);
    expect(page).toMatch(/\d+ more [a-z ]+ (?:is|are) not listed on this page/);
  });

  test('with very many of everything.', () => {
    let everything: CertificateSubject = { ...subject, logo: Buffer.alloc(32_768, '<') };
    for (const [name, changes] of LISTS) {
      // What an order has, a lookup does not have.
      everything = /lookup|failures/.test(name) ? everything : { ...everything, ...changes(everything) };
    }
    verify(render(everything));
  });

  test('of a logo with very many findings.', () => {
    verify(render({ kind: 'logo', source: TEXT, logo: Buffer.alloc(65_536, '<'), sha256: 'aa', findings }));
  });
});

test('If not all findings fit, the errors are on the page, and receivers link to a finding that is there.', () => {
  const receivers = [{ id: 'gmail', shows: false, because: ['other-1', 'other-901'] }];
  const page = render({ ...subject, findings, receivers });
  const ids = elementsOf(page).flatMap((element) => attribute(element, 'id') ?? []);
  expect(ids).toContain('finding-other-901');
  expect(ids).not.toContain('finding-other-1');
  expect(elementsOf(page).flatMap((element) => attribute(element, 'href') ?? [])).toContain('#finding-other-901');
});
