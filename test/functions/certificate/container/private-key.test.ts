import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { searchForPrivateKey } from '../../../../functions/certificate/container/private-key.ts';
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';
import { identifier, integer, NULL, octetString, sequence, tagged } from '../der.ts';
import { archiveOf, entryOf, repeatedEntry } from './archives.ts';
import { changed, withWrongChecksum } from './damage.ts';

const MEBIBYTE = 1024 * 1024;

let usual: IssuedMarkCertificate;

beforeAll(async () => {
  usual = (await openAuthority()).issue({ domains: ['example.com'] });
});

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const dsa = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const secret = { cipher: 'aes-256-cbc', passphrase: 'secret' };

const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const pkcs8Der = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'der' });
const encryptedDer = () => rsa.privateKey.export({ type: 'pkcs8', format: 'der', ...secret });

const chain = () => pem(usual.chain);

const MANY_FILES = Array.from({ length: 300 }, (_, n) => entryOf(`${n}`, Buffer.of(n)));
const LARGE_FILE = repeatedEntry('a.bin', new Uint8Array(MEBIBYTE), 3);

function block(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

/** Keys in DER, each of which stands for a structure. */
const STRUCTURES: readonly (readonly [string, Buffer])[] = [
  ['PKCS#8 of RSA', pkcs8Der(rsa.privateKey)],
  ['PKCS#8 of a curve', pkcs8Der(ec.privateKey)],
  ['PKCS#8 of Ed25519, which is short', pkcs8Der(ed25519)],
  ['PKCS#8 of DSA', pkcs8Der(dsa)],
  ['PKCS#1', rsa.privateKey.export({ type: 'pkcs1', format: 'der' })],
  ['SEC 1', ec.privateKey.export({ type: 'sec1', format: 'der' })],
  ['encrypted PKCS#8', encryptedDer()],
  ['encrypted PKCS#8 of Ed25519', ed25519.export({ type: 'pkcs8', format: 'der', ...secret })],
];

/** Other texts that are keys. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['PKCS#8', pkcs8(ec.privateKey)],
  ['PKCS#1', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
  ['SEC 1', ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString()],
  ['encrypted PKCS#8', ec.privateKey.export({ type: 'pkcs8', format: 'pem', ...secret }).toString()],
  [
    'encrypted by OpenSSL, with its headers',
    ec.privateKey.export({ type: 'sec1', format: 'pem', ...secret }).toString(),
  ],
  ['PEM without an end', pkcs8(ec.privateKey).slice(0, 110)],
  ['PEM with four dashes', pkcs8(ec.privateKey).replaceAll('-----', '----')],
  ['PEM with a tab in its boundary', pkcs8(ec.privateKey).replaceAll('BEGIN ', 'BEGIN\t')],
  ['PEM under the label of a certificate', block('CERTIFICATE', base64Lines(pkcs8Der(ec.privateKey)))],
  ['PEM in a mail that quotes it', pkcs8(ec.privateKey).replaceAll(/^/gm, '> ')],
  ['PEM in JSON', JSON.stringify({ key: pkcs8(rsa.privateKey) })],
  ['plain base64', base64Lines(pkcs8Der(rsa.privateKey))],
  ['plain base64 after a word', `The key is ${base64Lines(pkcs8Der(ec.privateKey))}`],
  ['hex', pkcs8Der(ec.privateKey).toString('hex')],
  ['hex with colons', (pkcs8Der(ec.privateKey).toString('hex').match(/../g) ?? []).join(':')],
  [
    'an array of bytes',
    [...pkcs8Der(ec.privateKey)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', '),
  ],
  ['JWK of a curve', JSON.stringify(ec.privateKey.export({ format: 'jwk' }))],
  ['JWK of RSA', JSON.stringify(rsa.privateKey.export({ format: 'jwk' }), null, 2)],
  ['OpenSSH', block('OPENSSH PRIVATE KEY', base64Lines(Buffer.from(`openssh-key-v1\0${'k'.repeat(100)}`)))],
  [
    'PuTTY',
    `PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: a\nPublic-Lines: 1\n${'A'.repeat(44)}\nPrivate-Lines: 1\n${'B'.repeat(44)}\n`,
  ],
  ['PGP', `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 2\n\n${'lQOYBF'.repeat(20)}\n`],
  [
    'the words of OpenSSL',
    `Private-Key: (256 bit)\npriv:\n    ${'4a:5b:6c:7d:8e:9f:a0:b1:'.repeat(4)}\npub:\n    04:00`,
  ],
];

/** PKCS#12 (RFC 7292, 4) with an encrypted key in its content. */
function pkcs12(): Buffer {
  const data = sequence(identifier('1.2.840.113549.1.7.1'), tagged(0, octetString(Buffer.alloc(40, 7))));
  return sequence(integer(3), data);
}

/** A key store of Java with one key: JKS encrypts it with a special algorithm. */
function javaKeyStore(): Buffer {
  const key = sequence(sequence(identifier('1.3.6.1.4.1.42.2.17.1.1'), NULL), octetString(Buffer.alloc(80, 7)));
  return Buffer.concat([Buffer.from('feedfeed000000020000000100000001000161', 'hex'), Buffer.alloc(8), key]);
}

/** Where a key can be in a file: a function of its bytes. */
const PLACES: readonly (readonly [string, (key: Buffer) => Uint8Array])[] = [
  ['alone', (key) => key],
  ['before a chain', (key) => Buffer.concat([key, Buffer.from(`\n${chain()}`)])],
  ['behind a chain', (key) => Buffer.concat([Buffer.from(chain()), key])],
  ['behind PKCS#7', (key) => Buffer.concat([pkcs7(usual.chain), key])],
  ['behind the end of a ZIP', (key) => Buffer.concat([zip(usual.chain), key])],
  ['before a ZIP', (key) => Buffer.concat([key, zip(usual.chain)])],
  ['in a ZIP, stored', (key) => zipSync({ 'a.pem': Buffer.from(chain()), key }, { level: 0 })],
  ['in a ZIP, deflated', (key) => zipSync({ 'a.pem': Buffer.from(chain()), key }, { level: 9 })],
  ['in a ZIP in a ZIP', (key) => zipSync({ 'a.pem': Buffer.from(chain()), 'b.zip': zipSync({ key }) })],
  ['in a gzip file in a ZIP', (key) => zipSync({ 'a.pem': Buffer.from(chain()), 'b.gz': gzipSync(key) })],
  ['in a gzip file', (key) => gzipSync(key)],
  ['in the comment of a ZIP', (key) => withComment(zip(usual.chain), key)],
  ['in the extra field of a file in a ZIP', (key) => zipSync({ a: [Buffer.from('a'), { extra: { 7: key } }] })],
  ['in a ZIP without its directory', (key) => withoutDirectory(zipSync({ a: Buffer.from('a'), key }))],
  [
    'in a ZIP behind a file of 3 MiB',
    (key) => archiveOf([LARGE_FILE, entryOf('b.pem', Buffer.from(chain())), entryOf('key', key)]),
  ],
  ['among 300 files', (key) => archiveOf([...MANY_FILES, entryOf('key', key)])],
  [
    'in a ZIP beside a file with a wrong checksum',
    (key) => withWrongChecksum(zipSync({ 'a.pem': Buffer.from(chain()), key }, { level: 0 })),
  ],
  ['in base64 of a ZIP', (key) => Buffer.from(`2\n${base64Lines(zipSync({ a: Buffer.from('a'), key }))}`)],
  ['in UTF-16', (key) => Buffer.from(key.toString('latin1'), 'utf16le')],
];

function withComment(archive: Uint8Array, comment: Buffer): Buffer {
  const bytes = Buffer.from(archive);
  bytes.writeUInt16LE(comment.length, bytes.length - 2);
  return Buffer.concat([bytes, comment]);
}

function withoutDirectory(archive: Uint8Array): Uint8Array {
  return archive.subarray(0, Buffer.from(archive).indexOf('PK\x01\x02', 0, 'latin1'));
}

describe('A private key is found', () => {
  describe.each(PLACES)('%s:', (place, put) => {
    // The bytes of DER are not a text.
    const structures = place === 'in UTF-16' ? [] : STRUCTURES;
    test.each([...structures, ...TEXTS.map(([name, text]) => [name, Buffer.from(text)] as const)])('%s.', (_, key) => {
      expect(searchForPrivateKey(put(key))).toBe('found');
    });
  });

  test.each<[string, () => Uint8Array]>([
    ['PKCS#12', pkcs12],
    ['a key store of Java', javaKeyStore],
    ['base64 of PKCS#12', () => Buffer.from(base64Lines(pkcs12()))],
    ['base64 of a key store of Java', () => Buffer.from(base64Lines(javaKeyStore()))],
    ['the certificates of PKCS#7', () => pkcs7([...usual.chain, pkcs8Der(ec.privateKey)])],
    ['PEM of PKCS#7', () => Buffer.from(armouredPkcs7([...usual.chain, pkcs8Der(rsa.privateKey)]))],
    [
      'a PEM block with a certificate before it',
      () => Buffer.from(block('CERTIFICATE', base64Lines(Buffer.concat([usual.leaf, pkcs8Der(ec.privateKey)])))),
    ],
    [
      'BER with an OCTET STRING in several parts',
      () => {
        const bytes = encryptedDer();
        const algorithm = bytes.subarray(4, 6 + bytes.readUInt8(5));
        const open = (tag: number) => Buffer.of(tag, 0x80);
        return Buffer.concat([
          open(0x30),
          algorithm,
          open(0x24),
          bytes.subarray(4 + algorithm.length),
          Buffer.alloc(4),
        ]);
      },
    ],
  ])('in %s.', (_, content) => {
    expect(searchForPrivateKey(content())).toBe('found');
  });

  test.each([
    ['PKCS#8', pkcs8Der(rsa.privateKey)],
    ['PKCS#1', rsa.privateKey.export({ type: 'pkcs1', format: 'der' })],
    ['encrypted PKCS#8', encryptedDer()],
  ])('although it is cut off, or damaged behind its beginning: %s.', (_, whole) => {
    for (const length of [whole.length - 1, 600, 400]) {
      expect(searchForPrivateKey(whole.subarray(0, length))).toBe('found');
      expect(searchForPrivateKey(Buffer.concat([whole.subarray(0, length), Buffer.alloc(500, 0xff)]))).toBe('found');
    }
  });

  test('although the archive is damaged behind it, or cut off in it.', () => {
    const key = Buffer.from(`${'A note. '.repeat(50)}${pkcs8(rsa.privateKey)}${Buffer.alloc(5000, 'x')}`);
    const archive = zipSync({ key });
    const at = archive.length - 200;
    expect(searchForPrivateKey(changed(archive, at))).toBe('found');
    expect(searchForPrivateKey(archive.subarray(0, at))).toBe('found');
  });

  test('although the local header of a deflated file says that it is stored.', () => {
    const archive = Buffer.from(zipSync({ key: Buffer.from(pkcs8(rsa.privateKey)) }));
    archive.writeUInt16LE(0, 8);
    expect(searchForPrivateKey(archive)).toBe('found');
  });

  test.each(TEXTS)('and the chain beside it is refused, and the message does not quote it: %s.', async (_, key) => {
    const archive = zipSync({ 'chain.pem': Buffer.from(chain()), 'notes.txt': Buffer.from(key) });
    const error: unknown = await readMarkCertificate(archive, { at: new Date() }).catch((thrown: unknown) => thrown);
    expect(String(error)).toBe('InvalidChain: the file contains a private key');
  });

  test('in a gzip file, although no program may change `Error`.', () => {
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? {};
    Object.defineProperty(Error, 'stackTraceLimit', { ...limit, writable: false });
    try {
      expect(searchForPrivateKey(gzipSync(pkcs8(ec.privateKey)))).toBe('found');
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', limit);
    }
  });
});

describe('No private key is found in', () => {
  const { publicKey } = rsa;
  test.each<[string, () => string | Uint8Array]>([
    ['a chain', chain],
    ['a chain in PKCS#7', () => pkcs7(usual.chain)],
    ['a chain in ZIP', () => zip(usual.chain)],
    ['a broken chain', () => pkcs7(usual.chain).subarray(0, -1)],
    ['a damaged archive', () => zip(usual.chain).subarray(0, -10)],
    ['a public key', () => publicKey.export({ type: 'spki', format: 'pem' })],
    ['a public key of PKCS#1', () => publicKey.export({ type: 'pkcs1', format: 'pem' })],
    ['a public key of PKCS#1 in DER', () => publicKey.export({ type: 'pkcs1', format: 'der' })],
    ['a public key of a curve', () => ec.publicKey.export({ type: 'spki', format: 'der' })],
    ['a public key as JWK', () => JSON.stringify(publicKey.export({ format: 'jwk' }))],
    ['parameters of DH', () => sequence(integer(Buffer.alloc(128, 0x61)), integer(2))],
    ['parameters of DH with a small first number', () => sequence(integer(1), integer(2))],
    ['parameters of DSA', () => sequence(...[128, 20, 128].map((n) => integer(Buffer.alloc(n, 0x61))))],
    [
      'a digest with its algorithm',
      () => sequence(sequence(identifier('2.16.840.1.101.3.4.2.1')), octetString(Buffer.alloc(32, 1))),
    ],
    ['a SEQUENCE of one number', () => Buffer.from('3003020105', 'hex')],
    ['a SET of numbers', () => Buffer.from('3106020100020101', 'hex')],
    ['text that begins with the tag of a SEQUENCE', () => `0 s:CN = leaf\n${chain()}`],
    ['a page that mentions a PRIVATE KEY', () => '<html>Keep your PRIVATE KEY private.</html>'],
    ['a note that quotes the header of a key', () => `Do not send -----BEGIN PRIVATE KEY----- to us.\n${chain()}`],
    ['a note that quotes an empty key', () => `${block('RSA PRIVATE KEY', '...')}${chain()}`],
    [
      'a note that quotes the beginning of a key',
      () => `${block('PRIVATE KEY', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC')}${chain()}`,
    ],
    [
      'a note that quotes a header with encryption',
      () => block('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0123456789ABCDEF'),
    ],
    ['a note about PuTTY', () => 'PuTTY-User-Key-File-2 has the field Private-Lines: a number.'],
    ['base64 noise under the label of a key', () => block('PRIVATE KEY', base64Lines(Buffer.alloc(300, 'noise')))],
    ['a certificate request', () => block('CERTIFICATE REQUEST', base64Lines(certificateRequest()))],
    ['nothing', () => ''],
  ])('%s.', (_, content) => {
    expect(searchForPrivateKey(Buffer.from(content()))).toBe('none');
  });

  test('10 MiB of random bytes, in parts of 1 MiB.', () => {
    let state = 1;
    for (let part = 0; part < 10; part += 1) {
      const numbers = new Uint32Array(MEBIBYTE / 4);
      for (let at = 0; at < numbers.length; at += 1) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        numbers[at] = (state ^ (state >>> 15)) >>> 0;
      }
      const noise = Buffer.from(numbers.buffer);
      expect(searchForPrivateKey(noise)).toBe('none');
      expect(searchForPrivateKey(Buffer.from(noise.subarray(0, MEBIBYTE / 2).toString('base64')))).toBe('none');
    }
  });

  /** CertificationRequestInfo begins with a version, as a private key does. */
  function certificateRequest(): Buffer {
    const key = publicKey.export({ type: 'spki', format: 'der' });
    return sequence(
      sequence(integer(0), sequence(), key, tagged(0)),
      sequence(identifier('1.2.840.113549.1.1.11')),
      Buffer.of(3, 1, 0),
    );
  }
});

describe('A search is unfinished for', () => {
  test.each<[string, () => Uint8Array]>([
    ['a file of 20 MiB in an archive', () => archiveOf([repeatedEntry('a', new Uint8Array(MEBIBYTE), 20)])],
    ['an encrypted file in an archive', () => flagged(zipSync({ a: Buffer.from(chain()) }), 6, 1)],
    ['a file that is compressed by another method', () => flagged(zipSync({ a: Buffer.from(chain()) }), 8, 14)],
    ['thousands of files', () => manyFiles(5000)],
    ['an archive of another format', () => Buffer.from('377abcaf271c0004', 'hex')],
    [
      'a gzip file in a gzip file, twenty times',
      () => Array.from({ length: 20 }).reduce<Buffer>((inner) => gzipSync(inner), Buffer.from('x')),
    ],
  ])('%s, and the file is refused with a clear reason.', async (_, content) => {
    const bytes = content();
    expect(searchForPrivateKey(bytes)).toBe('unfinished');
    await expect(readMarkCertificate(bytes, { at: new Date() })).rejects.toThrow(
      'cannot be searched for private keys completely',
    );
  });

  test('nothing in 200 files of half a MiB together.', () => {
    const size = Math.floor(MEBIBYTE / 2 / 200);
    const archive = archiveOf(
      Array.from({ length: 200 }, (_, n) => entryOf(`${n}.pem`, Buffer.alloc(size, `${n} ${chain()}`))),
    );
    expect(searchForPrivateKey(archive)).toBe('none');
    expect(searchForPrivateKey(Buffer.from(base64Lines(archive)))).toBe('none');
    expect(searchForPrivateKey(Buffer.from(chain().repeat(MEBIBYTE / 2 / chain().length)))).toBe('none');
  });

  function flagged(archive: Uint8Array, field: number, value: number): Buffer {
    const bytes = Buffer.from(archive);
    bytes.writeUInt16LE(value, field);
    return bytes;
  }

  function manyFiles(count: number): Buffer {
    const header = Buffer.alloc(32);
    header.write('PK\x03\x04', 'latin1');
    header.writeUInt16LE(8, 8);
    return Buffer.concat(Array.from({ length: count }, () => header));
  }
});
