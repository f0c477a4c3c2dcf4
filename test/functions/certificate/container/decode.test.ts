import { generateKeyPairSync, type X509Certificate } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeCertificates } from '../../../../functions/certificate/container/decode.ts';
import { InvalidChainError } from '../../../../functions/certificate/invalid-chain.ts';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';
import { octetString, sequence } from '../der.ts';
import { changed, spaced, withoutLengths } from './damage.ts';

const MEBIBYTE = 1_048_576;

let usual: IssuedMarkCertificate;
/** Twenty-one certificates that differ. */
let many: readonly Uint8Array[];

beforeAll(async () => {
  const authority = await openAuthority();
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  usual = authority.issue({ domains: ['example.com'] });
  many = Array.from({ length: 21 }, (_, i) => authority.issue({ domains: [`${i}.example`], publicKey }).leaf);
});

/** The decoded certificates in DER, sorted as in a listing. The decoder's own order is tested below. */
async function decoded(content: string | Uint8Array): Promise<string[]> {
  return listing((await decodeCertificates(Buffer.from(content))).certificates);
}

function listing(certificates: readonly (X509Certificate | Uint8Array)[]): string[] {
  return certificates.map((each) => Buffer.from('raw' in each ? each.raw : each).toString('hex')).toSorted();
}

const text = () => pem(usual.chain);
const blocks = () => usual.chain.map((der) => pem([der]));

describe('The certificates of a chain are read from', () => {
  test.each<[string, () => string | Uint8Array]>([
    ['PKCS#7, certificates only', () => pkcs7(usual.chain, 'degenerate')],
    ['PEM whose label has small letters', () => text().replaceAll('CERTIFICATE', 'Certificate')],
    ['PEM whose label has a hyphen', () => text().replaceAll('CERTIFICATE', 'X509-CERTIFICATE')],
    ['PEM whose label has a number in brackets', () => text().replaceAll('CERTIFICATE', 'CERTIFICATE (1.)')],
    ['PEM in a mail in HTML', () => `<html>${text().replaceAll('\n', '<br>\r\n')}</html>`],
    ['PEM in HTML with a paragraph for each line', () => text().replaceAll(/^.*$/gm, '<p class="x">$&</p>')],
    ['PEM in JSON', () => JSON.stringify({ chain: text() })],
    ['PEM in JSON of PHP', () => JSON.stringify({ chain: text() }).replaceAll('/', '\\/')],
    ['PEM in UTF-16 without a byte-order mark', () => Buffer.from(text(), 'utf16le')],
    ['PEM in big-endian UTF-16 without a byte-order mark', () => Buffer.from(text(), 'utf16le').swap16()],
    ['base64 of PEM', () => base64Lines(Buffer.from(text()))],
    ['DER with line ends between', () => Buffer.concat(usual.chain.flatMap((der) => [der, Buffer.from('\r\n')]))],
    ['PKCS#7 with an empty content and a signer', () => pkcs7(usual.chain, 'signed-empty')],
    ['PKCS#7 without lengths (BER)', () => withoutLengths(pkcs7(usual.chain, 'degenerate'))],
    ['PKCS#7 with a signer, without lengths (BER)', () => withoutLengths(pkcs7(usual.chain, 'signed-empty'))],
    ['PEM of PKCS#7', () => armouredPkcs7(usual.chain)],
    ['PEM of PKCS#7 with a signer', () => armouredPkcs7(usual.chain, 'signed-empty')],
    ['PEM of PKCS#7 under the label PKCS #7', () => armouredPkcs7(usual.chain).replaceAll('PKCS7', 'PKCS #7')],
    ['PEM of PKCS#7 under the label PKCS#7', () => armouredPkcs7(usual.chain).replaceAll('PKCS7', 'PKCS#7')],
    ['PEM of PKCS#7 under the label CMS', () => armouredPkcs7(usual.chain).replaceAll('PKCS7', 'CMS')],
    [
      'PEM of PKCS#7 under the label PKCS #7 SIGNED DATA',
      () => armouredPkcs7(usual.chain).replaceAll('PKCS7', 'PKCS #7 SIGNED DATA'),
    ],
    ['PEM of PKCS#7 with spaced boundaries', () => spaced(armouredPkcs7(usual.chain))],
    ['base64 of PKCS#7', () => base64Lines(pkcs7(usual.chain))],
    ['base64 of PKCS#7 after a status line', () => `2\n${base64Lines(pkcs7(usual.chain))}`],
    [
      'base64 of PKCS#7 after a status line with CRLF',
      () => `2\n${base64Lines(pkcs7(usual.chain))}`.replaceAll('\n', '\r\n'),
    ],
    ['ZIP of PEM', () => zip(usual.chain, 'pem')],
    ['ZIP of DER', () => zip(usual.chain, 'der')],
    ['ZIP of a PKCS#7', () => zipSync({ 'chain.p7b': pkcs7(usual.chain) })],
    ['ZIP of one PEM file', () => zipSync({ 'chain.pem': Buffer.from(text()) })],
    ['base64 of ZIP after a status line', () => `2\n${base64Lines(zip(usual.chain))}`],
    ['PEM', text],
    ['PEM, root first', () => pem(usual.chain.toReversed())],
    ['PEM after a status line', () => `2\n${text()}`],
    ['PEM with CRLF', () => text().replaceAll('\n', '\r\n')],
    ['PEM with CR', () => text().replaceAll('\n', '\r')],
    ['PEM without line ends', () => text().replaceAll('\n', '')],
    ['PEM without a newline at its end', () => text().trimEnd()],
    ['PEM whose boundaries touch', () => text().replaceAll('-----\n-----', '----------')],
    ['PEM with blank lines everywhere', () => text().replaceAll('\n', '\n\n')],
    ['PEM with lines of 76 columns', () => text().replaceAll(/[A-Za-z0-9+/=\n]{65,}/g, columns(76))],
    ['PEM with spaces around its lines', () => text().replaceAll(/^|$/gm, '  ')],
    ['PEM with spaced boundaries', () => spaced(text())],
    ['PEM with spaced boundaries and CRLF', () => spaced(text()).replaceAll('\n', '\r\n')],
    ['PEM with four dashes', () => text().replaceAll('-----', '----')],
    ['PEM after a byte order mark', () => `\uFEFF${text()}`],
    ['PEM with comments', () => `# The chain - of example.com\n${blocks().join('\nsubject=C = GB, O = A-B\n')}Grüße\n`],
    ['PEM with a comment that begins with 0x30, the tag of a SEQUENCE', () => `0 s:CN = leaf\n${text()}`],
    ['PEM with a comment that begins with the letters of a ZIP', () => `PK is no archive\n${text()}`],
    ['PEM under the label X509 CERTIFICATE', () => text().replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
    ['PEM under the label TRUSTED CERTIFICATE', () => text().replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    [
      'PEM beside blocks of other labels',
      () => `${block('CERTIFICATE REQUEST', 'MAA=')}${text()}${block('X509 CRL', 'MAA=')}`,
    ],
    [
      'PEM whose blocks begin under one label and end under another',
      () => text().replaceAll('END CERT', 'END X509 CERT'),
    ],
    ['PEM without its last boundary', () => text().slice(0, -26)],
    ['PKCS#7 under the label of a certificate', () => armouredPkcs7(usual.chain).replaceAll('PKCS7', 'CERTIFICATE')],
    ['certificates under the label of PKCS#7', () => text().replaceAll('CERTIFICATE', 'PKCS7')],
    ['certificates under an unknown label', () => text().replaceAll('CERTIFICATE', 'A CHAIN')],
    ['a PEM block with a ZIP', () => block('ZIP', base64Lines(zip(usual.chain)))],
    ['a PEM block with several certificates', () => block('CERTIFICATE', base64Lines(Buffer.concat(usual.chain)))],
    ['DER of several certificates', () => Buffer.concat(usual.chain)],
    ['DER of a certificate before PKCS#7', () => Buffer.concat([usual.leaf, pkcs7([usual.issuing, usual.root])])],
    [
      'DER of a certificate before PEM',
      () => Buffer.concat([usual.leaf, Buffer.from(pem([usual.issuing, usual.root]))]),
    ],
    ['PEM in UTF-16', () => Buffer.from(`\uFEFF${text()}`, 'utf16le')],
    ['PEM in big-endian UTF-16', () => Buffer.from(`\uFEFF${text()}`, 'utf16le').swap16()],
    ['gzip of PEM', () => gzipSync(text())],
    ['gzip of PKCS#7', () => gzipSync(pkcs7(usual.chain))],
    ['gzip of a ZIP', () => gzipSync(zip(usual.chain))],
    ['gzip of a ZIP whose bytes it does not compress', () => gzipSync(zip(usual.chain), { level: 0 })],
    ['gzip in gzip', () => gzipSync(gzipSync(text()), { level: 0 })],
    ['gzip in two members', () => Buffer.concat([gzipSync(text().slice(0, 900)), gzipSync(text().slice(900))])],
    [
      'gzip in more members than are joined',
      () => Buffer.concat([...'\n'.repeat(30), text()].map((part) => gzipSync(part))),
    ],
    ['gzip with a newline behind it', () => Buffer.concat([gzipSync(text()), Buffer.from('\n')])],
    ['a ZIP behind gzip', () => Buffer.concat([gzipSync(pem([usual.leaf])), zip([usual.issuing, usual.root])])],
    ['ZIP in ZIP', () => zipSync({ 'chain.zip': zip(usual.chain) })],
    ['a ZIP behind a program that unpacks it', () => Buffer.concat([Buffer.alloc(500, 'MZ\0'), zip(usual.chain)])],
    ['a ZIP with a newline behind it', () => Buffer.concat([zip(usual.chain), Buffer.from('\n')])],
    ['two ZIPs, one behind the other', () => Buffer.concat([zip([usual.leaf]), zip([usual.issuing, usual.root])])],
    ['PEM beside PKCS#7', () => `${pem([usual.leaf])}${armouredPkcs7([usual.issuing, usual.root])}`],
    ['PEM with each certificate twice', () => `${text()}${text()}`],
    [
      'PEM with each certificate twice, once with bytes after it',
      () => `${text()}${pem(usual.chain.map((der) => Buffer.concat([der, Buffer.alloc(3)])))}`,
    ],
    ['PKCS#7 with each certificate seven times', () => pkcs7(Array.from({ length: 7 }, () => usual.chain).flat())],
    ['ZIP with each certificate twice', () => zipSync({ 'a.pem': Buffer.from(text()), 'b.p7b': pkcs7(usual.chain) })],
    [
      'ZIP with a note and a file of another type',
      () =>
        zipSync({ 'a.pem': Buffer.from(text()), 'b.txt': Buffer.from('Install'), 'c.der': Buffer.alloc(200, '0\x80') }),
    ],
  ])('%s.', async (_, content) => {
    expect(await decoded(content())).toEqual(listing(usual.chain));
  });

  test('one certificate in DER.', async () => {
    expect(await decoded(usual.leaf)).toEqual(listing([usual.leaf]));
  });

  test('PKCS#7 without its attribute certificate.', async () => {
    const attributeCertificate = Buffer.of(0xa2, 0x03, 0x02, 0x01, 0x07);

    expect(await decoded(pkcs7([...usual.chain, attributeCertificate]))).toEqual(listing(usual.chain));
  });

  test('bytes in the middle of a larger buffer.', async () => {
    for (const content of [pkcs7(usual.chain), zip(usual.chain), Buffer.from(text())]) {
      const around = Buffer.concat([Buffer.from('before'), content, Buffer.from('after')]);
      const view = new Uint8Array(around.buffer, around.byteOffset + 6, content.length);

      expect(listing((await decodeCertificates(view)).certificates)).toEqual(listing(usual.chain));
    }
  });
});

function columns(width: number): (base64: string) => string {
  return (base64) => base64.replaceAll('\n', '').replaceAll(new RegExp(`.{1,${width}}`, 'g'), '$&\n');
}

function block(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

describe('The certificates are sorted', () => {
  test('by expiry, the latest first.', async () => {
    const expected = [usual.root, usual.issuing, usual.leaf].map((der) => Buffer.from(der));

    for (const content of [pkcs7(usual.chain), Buffer.from(text()), zip(usual.chain.toReversed())]) {
      expect((await decodeCertificates(content)).certificates.map(({ raw }) => raw)).toEqual(expected);
    }
  });

  test('by fingerprint if they expire together.', async () => {
    const { certificates } = await decodeCertificates(Buffer.from(pem(many.slice(0, 20))));
    const validTo = certificates.map(({ validToDate }) => validToDate.getTime());
    const sameSecond = (i: number) => validTo[i] === validTo[i - 1];

    expect(validTo).toEqual(validTo.toSorted((a, b) => b - a));
    expect(validTo.some((_, i) => sameSecond(i))).toBe(true);
    for (const [i, { fingerprint256 }] of certificates.entries()) {
      const before = certificates[i - 1];
      if (before && sameSecond(i)) {
        expect(before.fingerprint256 < fingerprint256).toBe(true);
      }
    }
  });
});

describe('The reason says that there are no certificates, and what there is, in', () => {
  test.each<[string, () => string | Uint8Array, string]>([
    ['nothing', () => '', 'it is empty'],
    ['white space', () => ' \r\n', 'it is empty'],
    ['text', () => 'Being processed by the CA', 'it is text'],
    ['a web page', () => '<!DOCTYPE html>\n<html></html>', 'it is an HTML page'],
    ['a logo', () => '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', 'it is an SVG picture'],
    ['a PDF', () => '%PDF-1.7\n%', 'it is a PDF document'],
    ['a picture', () => Buffer.from('89504e470d0a1a0a', 'hex'), 'it is a PNG picture'],
    ['JSON', () => '{"status": 1}', 'it is JSON'],
    ['noise', () => Buffer.of(1, 2, 3, 4), 'it is binary data'],
    ['an empty PKCS#7', () => pkcs7([]), 'it is PKCS#7 without certificates'],
    ['PKCS#7 that contains only revocation lists', () => withTag(pkcs7(usual.chain), 0xa1), 'without certificates'],
    [
      'an archive that contains only a note',
      () => zipSync({ 'README.txt': Buffer.from('Nothing yet') }),
      'README.txt (text, 11 bytes)',
    ],
    ['PKCS#7 of another type', () => ofType(pkcs7(usual.chain), 1), 'PKCS#7 of the type 1.2.840.113549.1.7.1'],
    ['encrypted PKCS#7', () => ofType(pkcs7(usual.chain), 6), 'PKCS#7 of the type 1.2.840.113549.1.7.6'],
    ['a public key', () => publicKey(), 'the PEM block PUBLIC KEY (a public key, 91 bytes)'],
    ['PEM with three dashes', () => text().replaceAll('-----', '---'), 'it is text'],
  ])('%s.', async (_, content, reason) => {
    const decoding = decodeCertificates(Buffer.from(content()));

    await expect(decoding).rejects.toThrow(InvalidChainError);
    await expect(decoding).rejects.toThrow('the file contains no certificate: ');
    await expect(decoding).rejects.toThrow(reason);
  });

  /** contentType has 9 bytes; the last is the number of the type. */
  function ofType(container: Uint8Array, type: number): Buffer {
    const copy = Buffer.from(container);
    copy.writeUInt8(type, copy.indexOf(Buffer.from('06092a864886f70d0107', 'hex')) + 10);
    return copy;
  }

  function publicKey(): string {
    const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return key.export({ type: 'spki', format: 'pem' }).toString();
  }

  /** Changes the tag of the set of certificates: [1] is that of revocation lists. */
  function withTag(container: Uint8Array, tag: number): Buffer {
    const copy = Buffer.from(container);
    copy.writeUInt8(tag, copy.indexOf(usual.leaf) - 4);
    return copy;
  }
});

describe('Certificates are found', () => {
  const bom = (content: string) => `\uFEFF${content}`;
  test.each<[string, () => string | Uint8Array]>([
    ['after a byte-order mark, as base64', () => bom(base64Lines(pkcs7(usual.chain)))],
    ['after a byte-order mark and a status line', () => bom(`2\n${base64Lines(zip(usual.chain))}`)],
    ['after a status line that ends in CR', () => `2\r${base64Lines(pkcs7(usual.chain))}`],
    ['as base64 in a file of an archive', () => zipSync({ chain: Buffer.from(base64Lines(pkcs7(usual.chain))) })],
    ['between boundaries that share their dashes', () => text().replaceAll('-----\n-----', '-----')],
    [
      'beside DER that is not a certificate',
      () =>
        zipSync({
          'chain.pem': Buffer.from(text()),
          'request.der': sequence(Buffer.alloc(200, 5)),
        }),
    ],
  ])('%s.', async (_, content) => {
    expect((await decodeCertificates(Buffer.from(content()))).certificates).toHaveLength(3);
  });
});

describe('InvalidChain is thrown for', () => {
  test.each<[string, () => string | Uint8Array, RegExp]>([
    ['PEM that is cut off', () => pem([usual.leaf]).slice(0, -200), /begins but does not end/],
    ['a DER that is cut off', () => pkcs7(usual.chain).subarray(0, -1), /neither PKCS#7 nor a certificate/],
    ['half a DER', () => pkcs7(usual.chain).subarray(0, 2000), /neither PKCS#7 nor a certificate/],
    ['a BER that is cut off', () => withoutLengths(pkcs7(usual.chain)).subarray(0, -2), /neither PKCS#7 nor/],
    ['an empty DER', () => Buffer.concat([Buffer.of(0x30, 0x81, 0x00)]), /neither PKCS#7 nor/],
    ['a length that is too large', () => Buffer.from('3085000000000702010104020102', 'hex'), /neither PKCS#7 nor/],
    ['PKCS#7 with a damaged length', () => changed(pkcs7(usual.chain), 18), /neither PKCS#7 nor/],
    ['endless nesting', () => Buffer.alloc(100_000, Buffer.of(0x30, 0x80)), /./],
    [
      'PKCS#7 with a SEQUENCE that is not a certificate',
      () => pkcs7([sequence(octetString(Buffer.alloc(200)))]),
      /neither PKCS#7 nor/,
    ],
    ['a certificate whose version is broken', () => pem([damaged(usual.leaf)]), /cannot be read/],
    [
      'a block that contains text',
      () => block('CERTIFICATE', Buffer.from(text()).toString('base64')),
      /cannot be read/,
    ],
    ['an empty block', () => block('CERTIFICATE', ''), /cannot be read/],
    ['a block without base64', () => block('CERTIFICATE', '!'), /cannot be read/],
    ['a block with a placeholder', () => block('CERTIFICATE', 'your certificate here'), /cannot be read/],
    ['a ZIP that is cut off', () => zip(usual.chain).subarray(0, -10), /archive is damaged/],
    ['a ZIP with a byte changed', () => changed(zip(usual.chain, 'der'), 200), /archive is damaged|checksum/],
    ['21 certificates in PKCS#7', () => pkcs7(many), /more than 20 certificates/],
    ['21 certificates in PEM', () => pem(many), /more than 20 certificates/],
    ['21 certificates in ZIP', () => zip(many), /more than 20 certificates/],
    ['1 MiB and one byte', () => text().padEnd(MEBIBYTE + 1), /more than 1048576 bytes/],
  ])('%s.', async (_, content, message) => {
    const decoding = decodeCertificates(Buffer.from(content()));

    await expect(decoding).rejects.toThrow(InvalidChainError);
    await expect(decoding).rejects.toThrow(message);
    await expect(decoding).rejects.toHaveProperty('name', 'InvalidChain');
  });

  test('nothing at the limits: 20 certificates or 1 MiB.', async () => {
    const twenty = many.slice(0, 20);

    expect(await decoded(pkcs7(twenty))).toEqual(listing(twenty));
    expect(await decoded(text().padEnd(MEBIBYTE))).toEqual(listing(usual.chain));
  });

  /** Changes the tag of the version, which every reader checks. */
  function damaged(certificate: Uint8Array): Buffer {
    return changed(certificate, 8);
  }
});

describe('What was ignored is named:', () => {
  const archive = () => zipSync({ 'chain.pem': Buffer.from(text()) });
  const notes = Buffer.from('Install these certificates in this order.');
  test.each<[string, () => string | Uint8Array, readonly string[]]>([
    ['nothing in PEM', text, []],
    ['nothing in PKCS#7', () => pkcs7(usual.chain), []],
    ['nothing in a ZIP', () => archive(), []],
    ['nothing in base64 after a status line', () => `2\n${base64Lines(pkcs7(usual.chain))}`, []],
    ['nothing in PEM after a status line', () => `2\n${text()}`, []],
    ['nothing for a certificate that occurs twice', () => `${text()}${text()}`, []],
    [
      'a note beside the chain',
      () => zipSync({ chain: pkcs7(usual.chain), 'README.txt': notes }),
      ['README.txt (text, 41 bytes)'],
    ],
    [
      'a note that quotes a boundary',
      () =>
        zipSync({ chain: pkcs7(usual.chain), note: Buffer.from('Begin with -----BEGIN CERTIFICATE-----, please.') }),
      ['note (text, 47 bytes)'],
    ],
    [
      'a note with a sample',
      () => zipSync({ chain: pkcs7(usual.chain), note: Buffer.from(block('CERTIFICATE', 'MIIC...')) }),
      ['the PEM block CERTIFICATE in note (cannot be read, 3 bytes)'],
    ],
    ['text around PEM', () => `subject=O = A-B\n${text()}`, ['text outside of the PEM blocks (text, 12 bytes)']],
    [
      'blocks of other kinds',
      () => `${text()}${block('X509 CRL', 'MAA=')}`,
      ['the PEM block X509 CRL (the bytes are neither PKCS#7 nor a certificate, 2 bytes)'],
    ],
    [
      'a newline behind a ZIP',
      () => Buffer.concat([archive(), Buffer.from('\n')]),
      ['the bytes after the end of the archive (white space, 1 byte)'],
    ],
    [
      'text behind gzip',
      () => Buffer.concat([gzipSync(text()), notes]),
      ['the bytes after the end of the gzip file (text, 41 bytes)'],
    ],
    [
      'zero bytes behind gzip',
      () => Buffer.concat([gzipSync(text()), Buffer.alloc(512)]),
      ['the bytes after the end of the gzip file (white space, 512 bytes)'],
    ],
    ['text before a ZIP', () => Buffer.concat([notes, archive()]), ['the bytes before the archive (text, 41 bytes)']],
    [
      'bytes behind DER',
      () => Buffer.concat([pkcs7(usual.chain), Buffer.alloc(3)]),
      ['the bytes after the end of the DER (white space, 3 bytes)'],
    ],
    [
      'a public key behind DER',
      () =>
        Buffer.concat([
          pkcs7(usual.chain),
          generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }),
        ]),
      ['the file (a public key, 44 bytes)'],
    ],
    [
      'a block that is cut off',
      () => text().slice(0, -200),
      ['the PEM block CERTIFICATE (begins but does not end, 825 bytes)'],
    ],
    [
      'a page and a picture',
      () => zipSync({ chain: pkcs7(usual.chain), a: Buffer.from('<html></html>'), b: Buffer.from('89504e47', 'hex') }),
      ['a (an HTML page, 13 bytes)', 'b (a PNG picture, 4 bytes)'],
    ],
  ])('%s.', async (_, content, expected) => {
    const { certificates, ignored } = await decodeCertificates(Buffer.from(content()));

    expect(ignored).toEqual(expected);
    expect(certificates.length).toBeGreaterThanOrEqual(2);
  });

  test('at most a hundred parts, and how many others there are.', async () => {
    const { ignored } = await decodeCertificates(Buffer.from(`${text()}${block('A', 'MAAw').repeat(500)}`));
    expect(ignored).toHaveLength(101);
    expect(ignored.at(-1)).toMatch(/^\d+ other parts$/);
  });
});

/** The time must grow linearly with the text. With quadratic growth, reading these would take hours. */
describe('A text that is crafted to be slow is read in linear time', () => {
  test.each<[string, (filler: string) => string]>([
    ['spaces in a boundary', (filler) => `${text()}-----BEGIN A${filler}`],
    ['spaces before a label', (filler) => `${text()}-----${filler}BEGIN`],
    ['newlines', (filler) => `${text()}${filler.replaceAll(' ', '\n')}`],
    ['dashes', (filler) => `${text()}${filler.replaceAll(' ', '-')}`],
    ['boundaries without an end', (filler) => `${text()}${filler.replaceAll(' '.repeat(18), '-----BEGIN A-----\n')}`],
  ])('%s.', async (_, write) => {
    expect(await decoded(write(' '.repeat(900_000)))).toEqual(listing(usual.chain));
  });

  test('newlines after a status line.', async () => {
    await expect(decoded(`2${'\n'.repeat(1_000_000)}?`)).rejects.toThrow(InvalidChainError);
  });
});
