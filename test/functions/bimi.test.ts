import { describe, expect, test } from 'vitest';
import { bimiRecord, covers, coversName, publishedUrls, recordText } from '../../functions/bimi.ts';

describe('A certificate', () => {
  test.each([
    ['its exact name', ['example.com'], true],
    ['its exact name beside other names', ['example.org', 'example.com'], true],
    ['the name of the record of this selector', ['brand._bimi.example.com'], true],
    ['the name of the record of another selector', ['default._bimi.example.com'], false],
    ['the name of the record of a subdomain', ['brand._bimi.mail.example.com'], false],
    ['the name of the record of another domain', ['brand._bimi.example.org'], false],
    ['a record name without a selector', ['_bimi.example.com'], false],
    ['a record name with a selector of two labels', ['a.brand._bimi.example.com'], false],
    ['a subdomain', ['mail.example.com'], false],
    ['the parent domain', ['com'], false],
    ['a wildcard', ['*.example.com', '*.com'], false],
    ['a name that ends with the domain', ['notexample.com'], false],
    ['a name that begins with the domain', ['example.com.example.org'], false],
    ['no name', [], false],
  ])('with %s covers example.com for the selector brand: %j → %s.', (_, names, expected) => {
    expect(covers(names, 'example.com', 'brand')).toBe(expected);
  });

  test('for a domain does not cover its subdomains.', () => {
    expect(covers(['example.com'], 'mail.example.com', 'default')).toBe(false);
  });

  test.each([
    ['a domain', 'example.com', ['example.com'], true],
    ['a domain, but has only the name of a record', 'example.com', ['default._bimi.example.com'], false],
    ['a domain, but has only a subdomain', 'example.com', ['mail.example.com'], false],
    ['a record, by the same name', 'brand._bimi.example.com', ['brand._bimi.example.com'], true],
    ['a record, by its domain', 'brand._bimi.example.com', ['example.com'], true],
    [
      'a record, but has only that of another selector',
      'brand._bimi.example.com',
      ['default._bimi.example.com'],
      false,
    ],
    ['a name without a selector', '_bimi.example.com', ['_bimi.example.com'], true],
    ['a name without a selector, but has only the domain', '_bimi.example.com', ['example.com'], false],
  ])('must cover %s: %s in %j → %s.', (_, name, names, expected) => {
    expect(coversName(names, name)).toBe(expected);
  });
});

describe('The URLs of a publication', () => {
  test.each([
    ['https://d111.cloudfront.net', 'https://d111.cloudfront.net/example.com/default'],
    ['https://d111.cloudfront.net/', 'https://d111.cloudfront.net/example.com/default'],
    ['https://logos.example.net/bimi', 'https://logos.example.net/bimi/example.com/default'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/example.com/default'],
  ])('below %s begin with %s.', (base, address) => {
    expect(publishedUrls(base, 'example.com', 'default')).toEqual({ chain: `${address}.pem`, logo: `${address}.svg` });
  });

  test('are in the TXT record of the domain.', () => {
    expect(bimiRecord('https://d111.cloudfront.net', 'example.com', 'brand')).toBe(
      'brand._bimi.example.com. TXT "v=BIMI1; l=https://d111.cloudfront.net/example.com/brand.svg; a=https://d111.cloudfront.net/example.com/brand.pem"',
    );
  });
});

describe('A record', () => {
  /** A domain with this number of characters. */
  const domainOf = (length: number) => `${'a.'.repeat(length).slice(0, length - 9)}a.example`;
  const stringsIn = (record: string) => Array.from(record.matchAll(/"([^"]*)"/g), ([, text = '']) => text);

  test.each(Array.from({ length: 245 }, (_, index) => index + 10))(
    'of a domain with %i characters is one line of strings that a TXT record allows.',
    (length) => {
      const domain = domainOf(length);
      const record = bimiRecord('https://logos.example.net/bimi', domain, 'brand');
      const { logo, chain } = publishedUrls('https://logos.example.net/bimi', domain, 'brand');
      const text = `v=BIMI1; l=${logo}; a=${chain}`;

      expect(record).toBe(
        `brand._bimi.${domain}. TXT ${stringsIn(record)
          .map((each) => `"${each}"`)
          .join(' ')}`,
      );
      expect(stringsIn(record).join('')).toBe(text);
      expect(recordText(record)).toBe(text);
      expect(Math.max(...stringsIn(record).map((each) => Buffer.byteLength(each)))).toBeLessThanOrEqual(255);
      expect(stringsIn(record).length).toBe(text.length <= 255 ? 1 : Math.max(2, stringsIn(record).length));
      expect(stringsIn(record)).not.toContain('');
    },
  );

  test('with 255 octets is one string, and a longer one is two, which begin with a tag.', () => {
    // The record contains the domain twice, so its length is always odd.
    const withLength = (length: number) => {
      const domain = Array.from({ length: 150 }, (_, index) => domainOf(index + 20)).find(
        (each) => recordText(bimiRecord('https://a.example/', each, 'brand')).length === length,
      );
      return stringsIn(bimiRecord('https://a.example/', domain ?? 'none', 'brand'));
    };
    expect(withLength(255)).toEqual([expect.stringMatching(/^v=BIMI1; l=.*; a=.*$/)]);
    expect(withLength(257)).toEqual([expect.stringMatching(/^v=BIMI1; l=.*; $/), expect.stringMatching(/^a=/)]);
  });

  test.each(['%C3%A9', '%F0%9F%98%80', '%20'])('is not split within the character %s.', (character) => {
    for (let length = 200; length < 220; length += 1) {
      const base = `https://a.example/${'x'.repeat(length)}${character.repeat(30)}`;
      const strings = stringsIn(bimiRecord(base, 'example.com', 'default'));
      expect(strings.length).toBeGreaterThan(2);
      expect(strings.map((text) => text.replaceAll(character, '')).filter((text) => text.includes('%'))).toEqual([]);
    }
  });

  test('of release 0.1.0 with more than 255 octets in one string has the same text.', () => {
    const record = bimiRecord('https://logos.example.net/bimi', domainOf(200), 'default');
    const old = `default._bimi.${domainOf(200)}. TXT "${recordText(record)}"`;
    expect(record).not.toBe(old);
    expect(recordText(old)).toBe(recordText(record));
  });
});
