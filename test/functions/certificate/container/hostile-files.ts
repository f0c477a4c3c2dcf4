import { zipSync } from 'fflate';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { base64Lines, pem, pkcs7 } from '../../../../infra/local/ca/containers.ts';
import {
  bitString,
  der,
  extension,
  header,
  identifier,
  integer,
  octetString,
  sequence,
  setOf,
  tagged,
} from '../der.ts';
import { archiveOf, deflatedRepeatedly, repeatedEntry } from './archives.ts';

const MEBIBYTE = 1024 * 1024;

/** The part of a name that is a common name. */
const commonName = (text: string) => setOf(sequence(identifier('2.5.4.3'), der(0x0c, Buffer.from(text))));

const time = (text: string) => der(0x17, Buffer.from(text));

const ALGORITHM = sequence(identifier('1.2.840.10045.4.3.2'));
const SUBJECT = sequence(commonName('hostile'));
const VALIDITY = sequence(time('260101000000Z'), time('270101000000Z'));

/** The key of a certificate with a prime curve that is given by its parameters. */
const EXPLICIT_CURVE = sequence(
  sequence(
    identifier('1.2.840.10045.2.1'),
    sequence(
      integer(1),
      sequence(identifier('1.2.840.10045.1.1'), integer(Buffer.alloc(4000, 0x7f))),
      sequence(octetString(Buffer.alloc(4000, 1)), octetString(Buffer.alloc(4000, 2))),
      octetString(Buffer.alloc(8001, 4)),
      integer(Buffer.alloc(4000, 0x7f)),
      integer(1),
    ),
  ),
  bitString(Buffer.alloc(65, 4)),
);

/** An RSA key of 16,384 bits, whose exponent is as long as its modulus. */
const LONG_RSA = sequence(
  sequence(identifier('1.2.840.113549.1.1.1')),
  bitString(sequence(integer(Buffer.alloc(2048, 0x7f)), integer(Buffer.alloc(2048, 0x7f)))),
);

const key = sequence(
  sequence(identifier('1.2.840.10045.2.1'), identifier('1.2.840.10045.3.1.7')),
  bitString(Buffer.alloc(65, 4)),
);

const anyExtensions = [extension('2.5.29.19', sequence())];

/** A SAN with so many names. */
const names = (count: number) =>
  extension('2.5.29.17', sequence(...repeated(count, (name) => der(0x82, Buffer.from(`${name}.example.com`)))));

/** A file, made from a usual certificate. */
type Content = (usual: IssuedMarkCertificate) => Uint8Array;

/** Files of at most 1 MiB that cost much work in a reader without limits, each with its name. */
export const HOSTILE_FILES: readonly (readonly [string, Content])[] = [
  ['20,000 subject attributes', () => certificate(sequence(...repeated(20_000, commonName)), key, anyExtensions)],
  ['60,000 names in a SAN', () => certificate(SUBJECT, key, [names(60_000)])],
  [
    '30,000 extensions',
    () =>
      certificate(
        SUBJECT,
        key,
        repeated(30_000, () => extension('2.5.29.19', sequence())),
      ),
  ],
  [
    '18 certificates with 1,700 names each',
    () => Buffer.from(pem(repeated(18, (name) => certificate(sequence(commonName(name)), key, [names(1700)])))),
  ],
  ['a key on a curve that is given by its parameters', () => certificate(SUBJECT, EXPLICIT_CURVE, anyExtensions)],
  ['an RSA key of 16,384 bits with a long exponent', () => certificate(SUBJECT, LONG_RSA, anyExtensions)],
  [
    '400 certificates in PKCS#7',
    () => pkcs7(repeated(400, (name) => certificate(sequence(commonName(name)), key, []))),
  ],
  ['a certificate 300 times', ({ leaf }) => pkcs7(repeated(300, () => Buffer.from(leaf)))],
  ['a certificate 300 times in PEM', ({ leaf }) => filled(pem([leaf]))],
  ['beginnings of PEM blocks', () => filled('-----BEGIN X-----')],
  ['beginnings of PEM blocks in lines', () => filled('-----BEGIN CERTIFICATE-----\n')],
  [
    'certificates in PEM that are cut off',
    ({ leaf }) => filled(`-----BEGIN CERTIFICATE-----\n${base64Lines(leaf).slice(0, 300)}\n`),
  ],
  ['short certificates in PEM that are cut off', () => filled(`-----BEGIN CERTIFICATE-----\n${'MIIB'.repeat(11)}\n`)],
  ['PEM blocks that cannot be read', () => filled('-----BEGIN A-----\nMIIB\n-----END A-----\n')],
  ['ends of PEM blocks', () => filled('-----END CERTIFICATE-----')],
  ['line ends', () => filled('\n')],
  ['line ends and a letter', () => Buffer.concat([Buffer.alloc(MEBIBYTE - 1, '\n'), Buffer.from('x')])],
  ['dashes', () => filled('-')],
  ['dashes and spaces', () => filled('----- ')],
  ['zeros', () => Buffer.alloc(MEBIBYTE)],
  ['letters in UTF-16', () => filled('a\0')],
  ['escaped line ends', () => filled('\\n')],
  ['nested SEQUENCEs of indefinite length', () => filled('\x30\x80')],
  ['nested SEQUENCEs', nestedSequences],
  ['nested OCTET STRINGs of indefinite length', () => filled('\x24\x80')],
  [
    'a ZIP of 5,000 files',
    () =>
      zipSync(
        files(5000, () => Buffer.from('x')),
        { level: 0 },
      ),
  ],
  ['a ZIP that states 65,535 files', () => statesFiles(zipSync(files(200, () => Buffer.from('x'))), 0xffff)],
  [
    'a ZIP of 200 files of PEM',
    ({ chain }) => {
      const text = pem(chain);
      return zipSync(
        files(200, (name) => filled(`${name}\n${text}`, 6000)),
        { level: 1 },
      );
    },
  ],
  [
    'a ZIP of 200 cut-off certificates',
    ({ leaf }) => {
      const file = filled(pem([leaf]).slice(0, 700), 5000);
      return zipSync(
        files(200, () => file),
        { level: 1 },
      );
    },
  ],
  [
    'a ZIP of files that inflate to 15 MiB each',
    () => archiveOf(['0', '1', '2'].map((name) => repeatedEntry(name, new Uint8Array(MEBIBYTE), 15))),
  ],
  ['a gzip file that inflates to 1 GiB', () => filled(gzipped(Buffer.alloc(MEBIBYTE), 100).toString('latin1'))],
  ['beginnings of gzip files', () => filled('\x1f\x8b\x08')],
  ['beginnings of gzip files with names', () => filled('\x1f\x8b\x08\x18xxxxxx')],
  ['headers of files in a ZIP', () => filled(localHeader(8))],
  ['headers of stored files in a ZIP', () => filled(localHeader(0))],
  ['headers of stored files that inflate, but are damaged', damagedBombs],
  ['ends of a ZIP', () => filled('PK\x05\x06')],
  ['a directory of a ZIP', () => filled('PK\x01\x02')],
  ['"kty"', () => filled('"kty"')],
  ['"kty" in braces', () => filled('{"kty"}')],
  ['"kty" behind members of keys', () => filled(`"d":"${'A'.repeat(20)}"{"kty"}`)],
  ['members of keys', () => filled(`"d":"${'A'.repeat(20)}"`)],
  ['headers of PuTTY', () => filled('PuTTY-User-Key-File-3')],
  ['headers of encrypted PEM', () => filled('DEK-Info: AES-256-CBC,0123456789ABCDEF\n')],
  ['short headers of encrypted PEM', () => filled('DEK-Info: ')],
  ['headers of PGP', () => filled('BEGIN PGP PRIVATE KEY BLOCK-----')],
  ['headers of PGP and line ends', () => filled(`BEGIN PGP PRIVATE KEY BLOCK-----${'\n'.repeat(400)}`)],
  ['the words before a key', () => filled('priv: ')],
  ['beginnings of keys', () => filled('\x30\x06\x02\x01\x00')],
  ['beginnings of keys of an open length', () => filled('\x30\x80\x02\x01\x01')],
  ['beginnings of encrypted keys', () => filled('\x30\x80\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d')],
  ['versions', () => filled('\x02\x01\x00')],
  ['beginnings of base64', () => filled('MC ')],
  ['short base64', () => filled(`MIIB${'A'.repeat(36)} . `)],
  ['lines of base64', () => filled(`MIIB${'A'.repeat(37)}\n`)],
  ['base64 of base64', () => filled(Buffer.from(filled('MIIBAAAA', MEBIBYTE / 2)).toString('base64'))],
  ['short hex', () => filled(`3082${'0'.repeat(36)} . `)],
  ['beginnings of hex', () => filled('3082.')],
  ['hex', () => filled('30 82 ')],
  ['lines of hex', () => filled(`3082${'0'.repeat(37)}\n`)],
  ...inGzip([
    ['beginnings of keys', '\x30\x06\x02\x01\x00'],
    ['beginnings of keys of an open length', '\x30\x80\x02\x01\x01'],
    ['beginnings of encrypted keys', '\x30\x80\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d'],
    ['versions', '\x02\x01\x00'],
    ['short base64', `MIIB${'A'.repeat(36)} . `],
    ['beginnings of base64', 'MC '],
    ['short hex', `3082${'0'.repeat(36)} . `],
    ['beginnings of hex', '3082.'],
    ['hex', '30 82 '],
    ['"kty"', '"kty"'],
    ['"kty" behind members of keys', `"d":"${'A'.repeat(20)}"{"kty"}`],
    ['headers of PuTTY', 'PuTTY-User-Key-File-3'],
    ['headers of encrypted PEM', 'DEK-Info: AES-256-CBC,0123456789ABCDEF\n'],
    ['beginnings of PEM blocks', '-----BEGIN X-----'],
    ['escaped line ends', '\\n'],
    ['zeros', '\0'],
    ['letters in UTF-16', 'a\0'],
    ['beginnings of gzip files', '\x1f\x8b\x08'],
    ['headers of stored files', localHeader(0)],
    ['line ends', '\n'],
  ]),
];

/** Gzip files, which are compressed sooner than archives. */
function inGzip(contents: readonly (readonly [string, string])[]): readonly (readonly [string, () => Uint8Array])[] {
  return contents.flatMap(([name, unit]) =>
    [3, 7, 11].map(
      (size) => [`${size} MiB of ${name} in gzip`, () => gzipped(filled(unit, lengthOf(unit)), size)] as const,
    ),
  );
}

/** The length in bytes of the whole units in a MiB, so that repeated parts of this length are like one text. */
function lengthOf(unit: string): number {
  return MEBIBYTE - (MEBIBYTE % unit.length);
}

/** A gzip file with the same bytes so many times (RFC 1952, 2.3). */
function gzipped(content: Buffer, times: number): Buffer {
  const { compressed, crc } = deflatedRepeatedly(content, times);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(content.length * times, 4);
  return Buffer.concat([Buffer.from('1f8b0800000000000003', 'hex'), compressed, trailer]);
}

/** A text again and again, one byte for each character. */
function filled(unit: string, size = MEBIBYTE): Buffer {
  return Buffer.alloc(size, unit, 'latin1');
}

function repeated(count: number, item: (name: string) => Buffer): Buffer[] {
  return Array.from({ length: count }, (_, index) => item(`n${index}`));
}

function files(count: number, content: (name: string) => Uint8Array): Record<string, Uint8Array> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}`, content(`${index}`)]));
}

/** A certificate without a valid signature. */
function certificate(subject: Buffer, key: Buffer, extensions: readonly Buffer[]): Buffer {
  const version = tagged(0, integer(2));
  const listed = extensions.length > 0 ? [tagged(3, sequence(...extensions))] : [];
  return sequence(
    sequence(version, integer(7), ALGORITHM, SUBJECT, VALIDITY, subject, key, ...listed),
    ALGORITHM,
    bitString(sequence(integer(1), integer(1))),
  );
}

/** As deep as 1 MiB allows, with correct lengths. */
function nestedSequences(): Buffer {
  const bytes = Buffer.alloc(MEBIBYTE);
  let start = MEBIBYTE;
  while (start > 5) {
    const next = header(0x30, MEBIBYTE - start);
    start -= next.length;
    bytes.set(next, start);
  }
  return bytes.subarray(start);
}

function statesFiles(archive: Uint8Array, count: number): Buffer {
  const bytes = Buffer.from(archive);
  bytes.writeUInt16LE(count, bytes.length - 14);
  bytes.writeUInt16LE(count, bytes.length - 12);
  return bytes;
}

/** The header of a file in a ZIP: its signature, and its method. */
function localHeader(method: number): string {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(method, 8);
  header.writeUInt32LE(0x7fffffff, 18);
  return header.toString('latin1');
}

/** Headers of stored files, each before a stream that inflates to 10 MiB and then is damaged. */
function damagedBombs(): Buffer {
  const { compressed: stream } = deflatedRepeatedly(Buffer.alloc(MEBIBYTE), 10);
  return filled(`${localHeader(0)}${stream.subarray(0, -10).toString('latin1')}${'\xff'.repeat(20)}`);
}
