import { expect, test } from 'vitest';
import { crlUrlsOf } from '../../../../functions/certificate/revocation/revocation.ts';

const named = (name: string, count: number) => Array.from({ length: count }, (_, index) => `http://${name}/${index}`);

test('A certificate with many URLs does not use up the limit of the other certificates.', () => {
  expect(crlUrlsOf([{ crlUrls: named('leaf', 500) }, { crlUrls: ['ldap://x/', ...named('issuing', 2)] }])).toEqual([
    'http://leaf/0',
    'http://issuing/0',
    'http://leaf/1',
    'http://issuing/1',
    'http://leaf/2',
    'http://leaf/3',
  ]);
});

test('A URL that several certificates name is in the list once.', () => {
  expect(crlUrlsOf([{ crlUrls: named('a', 1) }, { crlUrls: named('a', 1) }])).toEqual(['http://a/0']);
});
