import { describe, expect, test } from 'vitest';
import { bimiRecord, covers, coversName, publishedUrls } from '../../functions/bimi.ts';

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
