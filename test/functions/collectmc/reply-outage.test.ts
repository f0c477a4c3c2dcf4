import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readReply } from '../../../functions/collectmc/reply.ts';
import { armouredPkcs7, base64Lines, pem } from '../../../infra/local/ca/containers.ts';
import { identifier, integer, sequence } from '../certificate/der.ts';
import {
  answered,
  archive,
  certificates,
  certsOnly,
  commentedArchive,
  indefinite,
  NO_REPLY,
  outage,
  PAGE,
  PLAIN,
  SIGNED_DATA,
  unreadable,
} from './replies.ts';

describe('An outage', () => {
  test.each([
    ['nothing', ''],
    ['one newline', '\n'],
    ['blanks', ' \r\n\t '],
    ['a byte order mark alone', '\uFEFF'],
  ])('is read from an empty body: %s.', (_, body) => {
    expect(answered(body)).toEqual(outage('an empty body'));
  });

  test.each([
    ['a page', PAGE],
    ['a page after blank lines', `\r\n\r\n${PAGE}`],
    ['a page after a byte order mark', `\uFEFF${PAGE}`],
    ['a page that shows a PEM', `${PAGE}<pre>${pem(certificates)}</pre>`],
    ['a page that shows a PKCS#7', `<html><pre>\n${armouredPkcs7(certificates)}</pre></html>`],
    ['XML', `<?xml version="1.0"?>\n<status>0</status>`],
  ])('is read from an HTML page: %s.', (_, body) => {
    expect(answered(body)).toEqual(unreadable('an HTML page'));
    expect(answered(body, { 'content-type': 'text/html' })).toEqual(unreadable('an HTML page'));
  });

  test.each([
    ['a page', PAGE],
    ['a page that shows a PEM', `<html>${pem(certificates)}</html>`],
    ['text', 'Your certificates will follow.'],
    ['armour that never ends', pem(certificates).slice(0, -40)],
    ['base64 that is cut off', base64Lines(certsOnly).slice(0, -100)],
    ['base64 of nothing known', Buffer.from('nothing known').toString('base64')],
    ['base64 with url-safe digits', certsOnly.toString('base64url')],
    ['another status', '2'],
  ])('is read from the status 2 with %s.', (_, text) => {
    expect(answered(`2\n${text}`)).toEqual(unreadable('status 2 without readable certificates'));
  });

  test.each([
    ['plain words', 'Service unavailable'],
    ['one word that could be base64', 'Unavailable'],
    ['JSON', '{"status":0}'],
    ['words with an equals sign', 'error=1'],
    ['base64 with something after its end', `${base64Lines(certsOnly)}=\nThank you.`],
    ['percent-encoded armour', encodeURIComponent(pem(certificates))],
    ['an armour that only begins', '-----BEGIN CERTIFICATE-----\nMIIB\n'],
    ['an armour that only ends', 'MIIB\n-----END CERTIFICATE-----\n'],
    ['an armour with six dashes and three', '---BEGIN CERTIFICATE---\nMIIB\n---END CERTIFICATE---'],
    ['the last of several blocks cut off', pem(certificates).slice(0, -40)],
    ['a PKCS#7 armour cut off', armouredPkcs7(certificates).slice(0, -40)],
  ])('is read from a text that is not a reply: %s.', (_, body) => {
    expect(answered(body)).toEqual(unreadable(NO_REPLY));
  });

  test.each([
    ['a DER with a byte too few', certsOnly.subarray(0, -1)],
    ['a DER with a byte too many', Buffer.concat([certsOnly, Buffer.of(0)])],
    ['a DER and half of another', Buffer.concat([certsOnly, certsOnly.subarray(0, certsOnly.length / 2)])],
    ['half a DER', certsOnly.subarray(0, certsOnly.length / 2)],
    ['the first byte of a length', Buffer.of(0x30, 0x82)],
    ['a DER that begins with a number', sequence(integer(7))],
    ['a text that is also a SEQUENCE in a SEQUENCE', Buffer.from(`0.0${'.'.repeat(45)}`)],
    ['a DER of another type', sequence(identifier('1.2.840.113549.1.1.1'))],
    ['a DER of the right length with anything in it', sequence(Buffer.alloc(200, 7))],
    ['a DER whose length is no count of length bytes', Buffer.of(0x30, 0x01, 0x03, 1, 2, 3)],
    ['a SET', Buffer.concat([Buffer.of(0x31), certsOnly.subarray(1)])],
    ['a length of five bytes', Buffer.concat([Buffer.of(0x30, 0x85, 0, 0, 0, 0, 200), Buffer.alloc(200, SIGNED_DATA)])],
    ['a reserved length', Buffer.concat([Buffer.of(0x30, 0xff), Buffer.alloc(200, SIGNED_DATA)])],
    ['the first two bytes of a BER', Buffer.of(0x30, 0x80)],
    ['a BER with anything in it', Buffer.concat([Buffer.of(0x30, 0x80), Buffer.alloc(124, 7), Buffer.of(0, 0)])],
    ['half a BER', indefinite.subarray(0, indefinite.length / 2)],
    ['a BER that lacks all its ends', indefinite.subarray(0, -6)],
    ['a BER that ends in one zero', Buffer.concat([indefinite, Buffer.of(1, 0)])],
    ['a BER that ends in a zero before something else', Buffer.concat([indefinite, Buffer.of(1)])],
    ['half a ZIP', archive.subarray(0, archive.length / 2)],
    ['a ZIP without its last byte', archive.subarray(0, -1)],
    ['a ZIP without its record of the end', archive.subarray(0, -22)],
    ['a ZIP with a part of its record of the end', archive.subarray(0, -10)],
    ['a ZIP without the whole of its comment', commentedArchive.subarray(0, -1)],
    ['an empty ZIP', archive.subarray(-22)],
    ['a ZIP after something else', Buffer.concat([Buffer.from('?'), archive])],
    ['a local file header alone', Buffer.from('PK\x03\x04')],
    ['a local file header and zeros', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40)])],
  ])('is read from a binary body that is incomplete or has another format: %s.', (_, body) => {
    expect(answered(body)).toEqual(unreadable(NO_REPLY));
  });

  test('states how many bytes could not be read.', () => {
    expect(answered('Grüße')).toEqual(unreadable('7 bytes that are not a reply of CollectMC'));
  });

  const statuses = [0, 100, 201, 204, 206, 299, 301, 302, 304, 307, 400, 404, 408, 429, 500, 502, 503, 504];
  const bodies = ['', '0', '1\n', '-20\nRejected', 'errorCode=-21', certsOnly, archive, `2\n${pem(certificates)}`];

  test.each(statuses)('is read from HTTP %i with any body.', (status) => {
    for (const body of bodies) {
      expect(readReply(status, PLAIN, Buffer.from(body))).toEqual(
        body === '' ? outage(`HTTP ${status}`) : unreadable(`HTTP ${status}`),
      );
    }
  });

  test.each([
    ['seconds', '120', 120],
    ['no seconds', '0', 0],
    ['as many digits as are read', '999999', 999_999],
  ])('contains the value of Retry-After: %s.', (_, value, retryAfter) => {
    const reply = readReply(503, { 'retry-after': value }, new Uint8Array());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'HTTP 503', retryAfter });
  });

  test.each([
    ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT'],
    ['a negative number', '-1'],
    ['a fraction', '1.5'],
    ['nothing', ''],
    ['a number too long to be meant', '1234567'],
    ['a number and something else', '120 seconds'],
    ['two values', ['120', '240']],
    ['a list of one', ['120']],
    ['no header', undefined],
  ])('contains no value of Retry-After for %s.', (_, value) => {
    expect(readReply(503, { 'retry-after': value }, new Uint8Array())).toEqual(outage('HTTP 503'));
  });

  test('contains a value of Retry-After for HTTP errors only.', () => {
    const reply = answered(PAGE, { 'retry-after': '120' });

    expect(reply).toEqual(unreadable('an HTML page'));
  });
});

describe('The text of a reply that cannot be read', () => {
  const beginningOf = (body: string | Uint8Array, secrets: readonly string[] = []) => {
    const reply = readReply(200, PLAIN, Buffer.from(body), secrets);
    return 'text' in reply ? reply.text.replace(/^[^:]*: /, '') : '';
  };

  test('has at most 300 characters of the body.', () => {
    expect(beginningOf('x y '.repeat(100_000))).toHaveLength(300);
    expect(beginningOf('x y '.repeat(100_000))).toMatch(/^(x y )+(x y?)?…$/);
    expect(beginningOf('\u{1f600}'.repeat(1000)).isWellFormed()).toBe(true);
  });

  test('is one line without tags and control characters.', () => {
    expect(beginningOf('<html><style>p{}</style><p>Down &amp;\r\n  <b>out</b></p><!-- x --></html>')).toBe(
      'Down & out',
    );
    expect(beginningOf('Down\u0007\u202e!')).toBe('Down\ufffd!');
  });

  test('does not contain the password, whether the tags or the end cut it.', () => {
    for (const body of [
      '?Secret<b>123!</b>',
      `<p>${'x'.repeat(290)}Secret123!</p>`,
      `${'x'.repeat(16_380)}Secret123!`,
    ]) {
      expect(beginningOf(body, ['Secret123!'])).not.toMatch(/Secr|123!/);
    }
  });

  test('does not contain a private key.', () => {
    expect(beginningOf('?\n-----BEGIN PRIVATE KEY-----\nMIIB')).toBe('? [private key]');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ format: 'der', type: 'pkcs8' });
    const lines = key.toString('base64').replaceAll(/.{64}/g, '$&\n');
    expect(beginningOf(`2\n${key.toString('base64')}`)).toBe('2 [base64]');
    expect(beginningOf(`Key: ${key.toString('base64url')}\nThe end`)).toBe('Key: [base64] The end');
    expect(beginningOf(`Key:\n${lines}\nThe end.`)).toBe('Key: [base64] The end.');
    expect(beginningOf(key)).toBe(`${key.length} bytes that are not a reply of CollectMC`);
  });
});

test.each([
  '<',
  '<a ',
  '&#',
  'login ',
  '-',
  'a',
  'a@',
  '[',
  '{"a":',
  ' x',
  '/a',
  'access to ',
  'user ',
  'url=',
  'a=b&',
  'Aa',
  '1.',
  'https://',
])(
  'The time to read a body is proportional to its length: %j.',
  (unit) => {
    for (const beginning of ['', '<html>']) {
      const body = Buffer.from(beginning + unit.repeat(131_072 / unit.length));
      const started = performance.now();

      readReply(200, PLAIN, body, ['Secret123!']);

      // Far above what a busy machine needs for 128 KiB, and below what a quadratic time would need.
      expect(performance.now() - started).toBeLessThan(20_000);
    }
  },
  50_000,
);
