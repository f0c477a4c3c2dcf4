import { describe, expect, test } from 'vitest';
import { PUBLICATION_KEY, parsePublication, publishedKeys } from '../../../functions/store/publication.ts';

const stored = (extension: string) => ({
  key: `published/example.com/default.${extension}`,
  size: 1,
  sha256: 'aa',
  versionId: 'v1',
});
const pair = {
  orderNumber: '1378973013',
  since: '2026-06-01T08:00:00.000Z',
  fingerprintSha256: 'c0ffee',
  notBefore: '2026-03-01T00:00:00.000Z',
  notAfter: '2027-03-01T00:00:00.000Z',
  owner: 'Example Brand Limited',
  domains: ['example.com'],
  objects: { logo: stored('svg'), chain: stored('pem') },
};
const publication = {
  schemaVersion: 1,
  domain: 'example.com',
  selector: 'default',
  bimiRecord: 'default._bimi.example.com. TXT "v=BIMI1; l=https://a.example/x.svg; a=https://a.example/x.pem"',
  live: pair,
  revokedAt: null,
  served: true,
  previous: [pair],
};

describe('The keys of a publication', () => {
  test('are those of its chain, logo and description.', () => {
    expect(publishedKeys('example.com', 'brand')).toEqual({
      chain: 'published/example.com/brand.pem',
      logo: 'published/example.com/brand.svg',
      description: 'published/example.com/brand.json',
    });
  });

  test.each([
    ['published/example.com/default.json', ['example.com', 'default']],
    ['published/example.com/default.pem', undefined],
    ['published/example.com/old/default.json', undefined],
    ['published/default.json', undefined],
    ['orders/published/example.com/default.json', undefined],
    ['published//default.json', undefined],
  ])('%s has the domain and the selector %j.', (key, parts) => {
    expect(PUBLICATION_KEY.exec(key)?.slice(1)).toEqual(parts);
  });
});

describe('The description of a publication', () => {
  test('is read as it was written.', () => {
    expect(parsePublication(publication)).toMatchObject({ success: true, output: publication });
  });

  test('may contain objects without versions and the time of a revocation.', () => {
    const { versionId: _, ...chain } = stored('pem');
    const other = {
      ...publication,
      revokedAt: '2026-06-02T08:00:00.000Z',
      live: { ...pair, objects: { ...pair.objects, chain } },
    };
    expect(parsePublication(other)).toMatchObject({ success: true, output: other });
  });

  test.each([
    ['is missing', undefined],
    ['has another schema version', { ...publication, schemaVersion: 2 }],
    ['does not state what is live', { ...publication, live: undefined }],
    ['has no logo', { ...publication, live: { ...pair, objects: { chain: stored('pem') } } }],
    ['has a date without a time zone', { ...publication, live: { ...pair, notBefore: '2026-03-01T00:00:00.000' } }],
    ['has a revocation without a date', { ...publication, revokedAt: true }],
    ['has a damaged previous pair', { ...publication, previous: [{}] }],
    ['does not state whether it is served', { ...publication, served: undefined }],
  ])('is refused if it %s.', (_, description) => {
    expect(parsePublication(description).success).toBe(false);
  });
});
