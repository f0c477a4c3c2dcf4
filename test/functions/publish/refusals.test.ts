import { describe, expect, test } from 'vitest';
import { type Candidate, findRefusal, ownerOf, REFUSALS } from '../../../functions/publish/refusals.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { Publication, PublishedPair } from '../../../functions/store/publication.ts';
import { jsonBytes, STATE_BUDGET } from '../../../functions/text.ts';

const NOW = new Date('2026-06-01T08:00:00.000Z');
const stored = (key: string) => ({ key, size: 1, sha256: 'aa', versionId: 'v1' });

const manifest: StoredManifest = {
  schemaVersion: 1,
  orderNumber: '1002',
  execution: 'order-1002',
  collectedAt: '2026-03-02T00:00:00.000Z',
  product: 'VMC',
  markType: 'Registered Mark',
  attributes: { organizationName: ['Example Brand Limited'] },
  domains: ['example.com'],
  fingerprintSha256: 'bb',
  notBefore: '2026-03-01T00:00:00.000Z',
  notAfter: '2027-03-01T00:00:00.000Z',
  publishable: true,
  findings: [],
  objects: {},
};

const pair: PublishedPair = {
  orderNumber: '1001',
  since: '2026-01-02T00:00:00.000Z',
  fingerprintSha256: 'aa',
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2027-01-01T00:00:00.000Z',
  owner: 'Example Brand Limited',
  domains: ['example.com'],
  objects: {
    logo: stored('published/example.com/default.svg'),
    chain: stored('published/example.com/default.pem'),
  },
};

/** A description whose live pair is `pair` with changes. */
function published(live: Partial<PublishedPair> = {}, changes: Partial<Publication> = {}): Publication {
  return {
    schemaVersion: 1,
    domain: 'example.com',
    selector: 'default',
    bimiRecord: '',
    live: { ...pair, ...live },
    revokedAt: null,
    served: true,
    previous: [],
    ...changes,
  };
}

const sameCertificate = { fingerprintSha256: manifest.fingerprintSha256, notBefore: manifest.notBefore };

/** A renewal that may be published over `pair`, with changes. */
function candidate({
  manifest: changes,
  ...rest
}: Partial<Omit<Candidate, 'manifest'>> & {
  readonly manifest?: Partial<StoredManifest>;
} = {}): Candidate {
  return {
    manifest: { ...manifest, ...changes },
    domain: 'example.com',
    selector: 'default',
    replace: false,
    current: published(),
    damage: undefined,
    revokedSince: undefined,
    at: NOW,
    ...rest,
  };
}

const error = (id: string, message = 'a message') => ({ id, severity: 'error' as const, message });
const ADVICE = 'send the event again with "replace": true and another "request"';

describe('An accepted certificate', () => {
  test.each<[string, Candidate]>([
    ['at a new address', candidate({ current: undefined })],
    ['over an older certificate', candidate()],
    ['with a warning', candidate({ manifest: { findings: [{ ...error('lifetime'), severity: 'warning' }] } })],
    ['if only another domain is not covered', candidate({ manifest: { findings: [error('domain-coverage')] } })],
    [
      'if it names the selector',
      candidate({ manifest: { domains: ['default._bimi.example.com'] }, current: undefined }),
    ],
    ['if it is valid five minutes later', candidate({ manifest: { notBefore: '2026-06-01T08:05:00.000Z' } })],
    [
      'over a newer one that has expired',
      candidate({
        current: published({ notBefore: '2026-05-01T00:00:00.000Z', notAfter: '2026-06-01T07:59:59.000Z' }),
      }),
    ],
    [
      'again after the CA revoked it, while it is still live',
      candidate({ current: published(sameCertificate), revokedSince: '2026-05-01T00:00:00.000Z' }),
    ],
    ['in its last millisecond', candidate({ at: new Date(manifest.notAfter) })],
    ['again', candidate({ current: published(sameCertificate) })],
    ['over one of the same second', candidate({ current: published({ notBefore: manifest.notBefore }) })],
    [
      'over a damaged description, with replace',
      candidate({ damage: 'is damaged: x', current: undefined, replace: true }),
    ],
    ['over another owner, with replace', candidate({ current: published({ owner: 'Foreign Brand' }), replace: true })],
    [
      'over more coverage, with replace',
      candidate({ current: published({ domains: ['example.com', 'example.net'] }), replace: true }),
    ],
    [
      'over a certificate that was taken down',
      candidate({ current: published({}, { served: false, revokedAt: '2026-05-01T00:00:00.000Z' }) }),
    ],
  ])('A certificate may be published %s.', (_, accepted) => {
    expect(findRefusal(accepted)).toBeUndefined();
  });
});

const REFUSED: readonly (readonly [keyof typeof REFUSALS, string, Candidate, string])[] = [
  [
    'not-yet-valid',
    'a date more than five minutes ahead',
    candidate({
      manifest: { notBefore: '2026-06-01T08:05:00.001Z', findings: [error('validity', 'not valid')] },
      current: undefined,
    }),
    'the certificate is not valid before 2026-06-01T08:05:00.001Z; the collector asks the CA for it again when it is valid',
  ],
  [
    'not-publishable',
    'error findings',
    candidate({ manifest: { findings: [error('crl-missing', 'no CRL'), error('sct-missing', 'no SCT')] } }),
    'the certificate has findings that are errors: crl-missing (no CRL); sct-missing (no SCT)',
  ],
  [
    'not-covered',
    'other domains',
    candidate({ manifest: { domains: ['example.net', 'www.example.com'] } }),
    'the certificate covers neither example.com nor default._bimi.example.com; it covers example.net, www.example.com',
  ],
  [
    'not-covered',
    'another selector',
    candidate({ manifest: { domains: ['brand._bimi.example.com'] } }),
    'the certificate covers neither example.com nor default._bimi.example.com; it covers brand._bimi.example.com',
  ],
  [
    'expired',
    'a date in the past',
    candidate({ at: new Date('2027-03-01T00:00:00.001Z') }),
    'the certificate expired on 2027-03-01T00:00:00.000Z',
  ],
  [
    'damaged',
    'a damaged description',
    candidate({ current: undefined, damage: 'is damaged: live: no logo' }),
    `the live certificate is unknown: published/example.com/default.json is damaged: live: no logo; restore an earlier version of this object, or ${ADVICE}`,
  ],
  [
    'revoked',
    'a revocation after which it was taken down',
    candidate({ current: published(sameCertificate, { served: false, revokedAt: '2026-05-01T00:00:00.000Z' }) }),
    'the CA revoked this certificate (known since 2026-05-01T00:00:00.000Z), and it was taken down',
  ],
  [
    'revoked',
    'a revocation that was known before it was published',
    candidate({ current: undefined, revokedSince: '2026-05-01T00:00:00.000Z', replace: true }),
    'the CA revoked this certificate (known since 2026-05-01T00:00:00.000Z)',
  ],
  [
    'older',
    'a newer live certificate',
    candidate({ current: published({ orderNumber: '1003', notBefore: '2026-05-01T00:00:00.000Z' }), replace: true }),
    'the live certificate (order 1003) is newer: it is valid from 2026-05-01T00:00:00.000Z, this one from 2026-03-01T00:00:00.000Z',
  ],
  [
    'older',
    'a live certificate of the same second that replaced it',
    candidate({
      current: published(
        { orderNumber: '1009', notBefore: manifest.notBefore },
        { previous: [{ ...pair, fingerprintSha256: manifest.fingerprintSha256 }] },
      ),
    }),
    'the live certificate (order 1009) has already replaced this one: both are valid from 2026-03-01T00:00:00.000Z',
  ],
  [
    'other-owner',
    'another owner',
    candidate({ current: published({ owner: 'Foreign Brand Limited' }) }),
    `the certificate belongs to "Example Brand Limited", but the live certificate (order 1001) belongs to "Foreign Brand Limited"; if the replacement is intended, ${ADVICE}`,
  ],
  [
    'less-coverage',
    'a live certificate that covers more',
    candidate({ current: published({ domains: ['example.com', 'example.net', 'example.org'] }) }),
    `the live certificate (order 1001) covers names that this one does not cover: example.net, example.org; if the replacement is intended, ${ADVICE}`,
  ],
  [
    'less-coverage',
    'a live certificate for the whole domain',
    candidate({ manifest: { domains: ['default._bimi.example.com'] } }),
    `the live certificate (order 1001) covers names that this one does not cover: example.com; if the replacement is intended, ${ADVICE}`,
  ],
];

describe('A refused certificate', () => {
  test.each(REFUSED)('A certificate is refused as %s because of %s.', (reason, _, refused, message) => {
    expect(findRefusal(refused)).toMatchObject({ reason, message });
  });

  test('Every reason of the table has a test.', () => {
    expect(new Set(REFUSED.map(([reason]) => reason))).toEqual(new Set(Object.keys(REFUSALS)));
  });

  test('The first reason of the table is reported.', () => {
    const hopeless = candidate({
      manifest: { findings: [error('sct-missing')], domains: ['example.net'] },
      current: published({ owner: 'Foreign Brand Limited', notBefore: '2026-05-01T00:00:00.000Z' }),
      damage: 'is damaged: x',
      at: new Date('2028-01-01T00:00:00.000Z'),
    });
    expect(findRefusal(hopeless)?.reason).toBe('not-publishable');
  });

  test('A refused certificate is superseded only if it was live before.', () => {
    const newer = { notBefore: '2026-05-01T00:00:00.000Z' };
    const previous = [{ ...pair, fingerprintSha256: manifest.fingerprintSha256 }];
    expect(findRefusal(candidate({ current: published(newer) }))?.superseded).toBe(false);
    expect(findRefusal(candidate({ current: published(newer, { previous }) }))?.superseded).toBe(true);
  });
});

describe('The owner of a mark', () => {
  const foreign = (owner: string) => findRefusal(candidate({ current: published({ owner }) }))?.reason;

  test.each([
    ['in another case', 'EXAMPLE brand Limited'],
    ['with other white space', '  Example\u00a0 Brand\tLimited '],
    ['in full-width letters', 'Ｅｘａｍｐｌｅ Brand Limited'],
  ])('The owner is the same %s.', (_, owner) => {
    expect(foreign(owner)).toBeUndefined();
  });

  test('The owner is the same with ß and SS.', () => {
    const current = published({ owner: 'Straße GmbH' });
    const attributes = { organizationName: ['STRASSE GMBH'] };
    expect(findRefusal(candidate({ manifest: { attributes }, current }))).toBeUndefined();
  });

  test.each(['Example Brand', 'Example Brand Limited & Co', 'Brand Example Limited'])(
    'The owner differs from %s.',
    (owner) => {
      expect(foreign(owner)).toBe('other-owner');
    },
  );

  test('The owner is the whole subject if it names no organization.', () => {
    expect(ownerOf({ attributes: { localityName: ['Salford'], serialNumber: ['1', '2'] } })).toBe(
      'localityName=Salford, serialNumber=1+2',
    );
  });
});

describe('The longest messages', () => {
  const longest = (character: string, length: number) =>
    `${[60, 60, 60].map((count) => character.repeat(count)).join('.')}.${character.repeat(length - 195)}.example.net`;
  const domain = longest('a', 253);
  const selector = 's'.repeat(63);
  const long = { domain, selector };
  const names = Array.from({ length: 100 }, (_, index) => longest('b', 250) + index);
  const attributes = { organizationName: ['"\\'.repeat(100)] };
  const live = { orderNumber: '9'.repeat(16), owner: '"\\'.repeat(200), domains: names };

  test.each<[keyof typeof REFUSALS, Candidate, string]>([
    ['not-covered', candidate({ ...long, manifest: { domains: names } }), ''],
    [
      'not-publishable',
      candidate({ ...long, manifest: { findings: names.map((name) => error('finding', name.repeat(9))) } }),
      '',
    ],
    [
      'damaged',
      candidate({ ...long, manifest: { domains: [domain] }, damage: `is damaged: ${'"'.repeat(500)}` }),
      ADVICE,
    ],
    [
      'other-owner',
      candidate({ ...long, manifest: { domains: [domain], attributes }, current: published(live) }),
      ADVICE,
    ],
    [
      'less-coverage',
      candidate({
        ...long,
        manifest: { domains: [domain] },
        current: published({ ...live, owner: 'Example Brand Limited' }),
      }),
      ADVICE,
    ],
  ])('The longest message of %s is within the budget and keeps its next step.', (reason, refused, advice) => {
    const refusal = findRefusal(refused);
    expect(refusal?.reason).toBe(reason);
    expect(jsonBytes(refusal?.message)).toBeLessThanOrEqual(STATE_BUDGET.message);
    expect(refusal?.message.endsWith(advice)).toBe(true);
  });
});
