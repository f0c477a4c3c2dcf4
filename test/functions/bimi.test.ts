import { describe, expect, test } from 'vitest';
import { bimiRecord, publishedUrls } from '../../functions/bimi.ts';
import { PUBLICATION_KEY, parsePublication, publishedKeys } from '../../functions/store/publication.ts';

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

describe('the address of a publication', () => {
  test('has three keys', () => {
    expect(publishedKeys('example.com', 'brand')).toEqual({
      chain: 'published/example.com/brand.pem',
      logo: 'published/example.com/brand.svg',
      description: 'published/example.com/brand.json',
    });
  });

  test.each([
    ['https://d111.cloudfront.net', 'https://d111.cloudfront.net/example.com/default'],
    ['https://d111.cloudfront.net/', 'https://d111.cloudfront.net/example.com/default'],
    ['https://logos.example.net/bimi', 'https://logos.example.net/bimi/example.com/default'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/example.com/default'],
  ])('below %s is %s', (base, address) => {
    expect(publishedUrls(base, 'example.com', 'default')).toEqual({ chain: `${address}.pem`, logo: `${address}.svg` });
  });

  test('is told as the finished record of the DNS', () => {
    expect(bimiRecord('https://d111.cloudfront.net', 'example.com', 'brand')).toBe(
      'brand._bimi.example.com. TXT "v=BIMI1; l=https://d111.cloudfront.net/example.com/brand.svg; a=https://d111.cloudfront.net/example.com/brand.pem"',
    );
  });

  test.each([
    ['published/example.com/default.json', ['example.com', 'default']],
    ['published/example.com/default.pem', undefined],
    ['published/example.com/old/default.json', undefined],
    ['published/default.json', undefined],
    ['orders/published/example.com/default.json', undefined],
    ['published//default.json', undefined],
  ])('is known by the key of its description: %s', (key, parts) => {
    expect(PUBLICATION_KEY.exec(key)?.slice(1)).toEqual(parts);
  });
});

describe('a description', () => {
  test('is read as it was written', () => {
    expect(parsePublication(publication)).toMatchObject({ success: true, output: publication });
  });

  test('may have objects without versions, and the time of a revocation', () => {
    const { versionId: _, ...chain } = stored('pem');
    const other = {
      ...publication,
      revokedAt: '2026-06-02T08:00:00.000Z',
      live: { ...pair, objects: { ...pair.objects, chain } },
    };
    expect(parsePublication(other)).toMatchObject({ success: true, output: other });
  });

  test.each([
    ['nothing', undefined],
    ['another schema', { ...publication, schemaVersion: 2 }],
    ['no word of what is live', { ...publication, live: undefined }],
    ['no logo', { ...publication, live: { ...pair, objects: { chain: stored('pem') } } }],
    ['a date without its zone', { ...publication, live: { ...pair, notBefore: '2026-03-01T00:00:00.000' } }],
    ['a revocation without a date', { ...publication, revokedAt: true }],
    ['a damaged pair before it', { ...publication, previous: [{}] }],
    ['no word of whether it is served', { ...publication, served: undefined }],
  ])('is damaged with %s', (_, description) => {
    expect(parsePublication(description).success).toBe(false);
  });
});
