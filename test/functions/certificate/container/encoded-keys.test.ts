import { generateKeyPairSync } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { searchForPrivateKey } from '../../../../functions/certificate/container/private-key.ts';
import { base64Lines } from '../../../../infra/local/ca/containers.ts';

const secret = { cipher: 'aes-256-cbc', passphrase: 'secret' };
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** An encrypted key shows what it is only after its first line. */
const PEMS: readonly (readonly [string, string])[] = [
  ['PKCS#8', ec.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ['SEC 1', ec.export({ type: 'sec1', format: 'pem' }).toString()],
  ['PKCS#1', rsa.export({ type: 'pkcs1', format: 'pem' }).toString()],
  ['encrypted PKCS#8', rsa.export({ type: 'pkcs8', format: 'pem', ...secret }).toString()],
  ['encrypted by OpenSSL', ec.export({ type: 'sec1', format: 'pem', ...secret }).toString()],
];

const DERS: readonly (readonly [string, Buffer])[] = [
  ['PKCS#8', ec.export({ type: 'pkcs8', format: 'der' })],
  ['PKCS#1', rsa.export({ type: 'pkcs1', format: 'der' })],
  ['encrypted PKCS#8', rsa.export({ type: 'pkcs8', format: 'der', ...secret })],
];

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64');
const utf16 = (text: string) => Buffer.from(text, 'utf16le');
const utf32 = (text: string) => Buffer.concat([...Buffer.from(text)].map((byte) => Buffer.of(byte, 0, 0, 0)));
const other = Buffer.alloc(20_000, 'Some other text.\n');

/** How programs write a text with a key. */
const TEXT_FORMS: readonly (readonly [string, (pem: string) => string | Uint8Array])[] = [
  ['UTF-16 behind other text', (pem) => Buffer.concat([other, utf16(pem)])],
  ['UTF-16 behind an odd number of bytes', (pem) => Buffer.concat([other, Buffer.of(10), utf16(pem)])],
  ['UTF-32 behind other text', (pem) => Buffer.concat([other, utf32(pem)])],
  ['JSON of PHP, which escapes slashes', (pem) => JSON.stringify({ pem }).replaceAll('/', '\\/')],
  ['JSON with numbers for line ends', (pem) => JSON.stringify({ pem }).replaceAll('\\n', '\\u000a')],
  ['JSON in JSON in JSON', (pem) => JSON.stringify(JSON.stringify(JSON.stringify({ pem })))],
  ['a form of the web', (pem) => `a=b&key=${encodeURIComponent(pem)}`],
  ['HTML with line breaks', (pem) => `<p>${pem.replaceAll('\n', '<br>\r\n')}</p>`],
  ['HTML with a paragraph for each line', (pem) => pem.replaceAll(/^.*$/gm, '<p class="x">$&<o:p></o:p></p>')],
  ['HTML with entities', (pem) => pem.replaceAll('+', '&#43;').replaceAll('/', '&#x2F;').replaceAll('\n', '&#10;')],
  ['quoted-printable', (pem) => pem.replaceAll('=', '=3D').replaceAll('\n', '\r\n')],
  ['lines with a wide indent', (pem) => pem.replaceAll('\n', `\n${' '.repeat(40)}`)],
  ['lines with characters of no width', (pem) => pem.replaceAll('\n', '\u200b\n\u00a0')],
  ['strings of a program', (pem) => pem.replaceAll(/^(.*)\n/gm, '"$1\\n" +\n  ')],
  ['a secret of Kubernetes', (pem) => `data:\n  tls.crt: ${base64(other)}\n  tls.key: ${base64(pem)}\nkind: Secret\n`],
  ['base64 of base64', (pem) => `The key: ${base64(base64(pem))}.`],
  ['base64 of UTF-16', (pem) => `key: ${base64(utf16(pem))}`],
  ['a data URI', (pem) => `see data:application/x-pem-file;base64,${base64(`Our key:\n${pem}`)} and reply`],
  ['hex', (pem) => Buffer.from(pem).toString('hex')],
  ['zlib', (pem) => deflateSync(pem)],
];

/** How programs write bytes. */
const BYTE_FORMS: readonly (readonly [string, (der: Buffer) => string | Uint8Array])[] = [
  ['base64 for URLs', (der) => der.toString('base64url')],
  ['base64 of base64 of base64', (der) => base64(base64(base64(der)))],
  ['base64 of hex', (der) => base64(der.toString('hex'))],
  ['base64 in long lines of quoted-printable', (der) => base64(der).replaceAll(/.{75}/g, '$&=\r\n')],
  ['bytes in a program text', (der) => `"${der.toString('hex').replaceAll(/../g, '\\x$&')}"`],
  [
    'a stream in PDF',
    (der) => Buffer.concat([Buffer.from('%PDF-1.7 stream\n'), deflateSync(`BT ${base64Lines(der)} ET`)]),
  ],
  ['a stored file of a ZIP whose size follows it', (der) => storedBeforeItsSize('key', base64(der))],
  ['such a file with a text like the beginning of a record', (der) => storedBeforeItsSize('key', `PK//${base64(der)}`)],
];

/** APPNOTE, 4.4.4: with bit 3 of the flags, the sizes in the header are zero. */
function storedBeforeItsSize(name: string, content: string): Buffer {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(8, 6);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), Buffer.from(content), Buffer.from('PK\x07\x08')]);
}

describe('A private key is found in', () => {
  describe.each(TEXT_FORMS)('%s:', (_, write) => {
    test.each(PEMS)('%s.', (_name, pem) => {
      expect(searchForPrivateKey(Buffer.from(write(pem)))).toBe('found');
      expect(searchForPrivateKey(zipSync({ key: Buffer.from(write(pem)) }))).toBe('found');
    });
  });

  describe.each(BYTE_FORMS)('%s:', (_, write) => {
    test.each(DERS)('%s.', (_name, der) => {
      expect(searchForPrivateKey(Buffer.from(write(der)))).toBe('found');
    });
  });

  test.each<[string, (jwk: string) => string]>([
    ['in a string', (jwk) => JSON.stringify({ jwk })],
    ['in base64', (jwk) => `JWK: ${base64(jwk)}`],
    ['with single quotation marks', (jwk) => jwk.replaceAll('"', "'")],
    ['without quotation marks', (jwk) => jwk.replaceAll(/"(\w+)":/g, '$1: ')],
    ['in HTML', (jwk) => jwk.replaceAll('"', '&quot;')],
    ['with an object between its members', (jwk) => jwk.replace('{', '{"meta":{"a":{}},').replace('}', ',"b":{}}')],
  ])('JWK %s.', (_, write) => {
    expect(searchForPrivateKey(Buffer.from(write(JSON.stringify(rsa.export({ format: 'jwk' })))))).toBe('found');
  });
});

test.each([
  ['the words of RFC 1421', 'DEK-Info: AES-256-CBC,0123456789ABCDEF\n\nThe data of the key follow after an empty line'],
  ['a public JWK with a long name', '{"kty":"RSA","kid":"abcdefghijklmnopqrstuvwxyz","n":"AQAB"}'],
  ['fingerprints', Array.from({ length: 30 }, (_, n) => `${n}: ${'3082ab'.repeat(10)}abcd`).join('\n')],
  ['a path of a picture', `<path d="M${Array.from({ length: 400 }, (_, n) => n % 100).join(',')}"/>`],
])('A search finds no private key in %s.', (_, text) => {
  expect(searchForPrivateKey(Buffer.from(text))).toBe('none');
});

test.each([
  '"kty" ',
  '"kty" "d" : "abc" ',
  'PuTTY-User-Key-File-3 ',
  'DEK-Info: AES-256-CBC,0123456789ABCDEF\n',
  'MII ',
  'TUlJ ',
  '0x30,0x82,',
  '%41',
  '\\',
  '" + "',
  '00000000: 3082 ',
])('A search in 1 MiB of %j takes less than two seconds on a busy machine.', (text) => {
  const started = performance.now();
  searchForPrivateKey(Buffer.alloc(1024 * 1024, text));
  expect(performance.now() - started).toBeLessThan(2000);
});
