import { createCipheriv, randomUUID, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { type Zippable, zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { unzip as unzipNamed } from '../../../../functions/certificate/container/zip.ts';
import { InvalidChainError } from '../../../../functions/certificate/invalid-chain.ts';
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { base64Lines, pem } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';
import { archiveOf, repeatedEntry } from './archives.ts';

let issued: IssuedMarkCertificate;

/** The files of an archive without their names. */
async function unzip(archive: Uint8Array): Promise<Buffer[]> {
  return (await unzipNamed(archive)).map(({ bytes: file }) => file);
}

beforeAll(async () => {
  issued = (await openAuthority()).issue({ domains: ['example.com'] });
});

/** The chain in a container, leaf first, each certificate in DER. */
async function chainOf(container: Uint8Array | string): Promise<Buffer[]> {
  const { chainPem } = await readMarkCertificate(Buffer.from(container), { at: new Date() });
  const blocks = chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).raw);
}

function whole(): Buffer[] {
  return issued.chain.map((der) => Buffer.from(der));
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** The three certificates with the file names of a case. */
function named(name: (index: number) => string, write: (der: Uint8Array) => Uint8Array = (der) => der): Zippable {
  return Object.fromEntries(issued.chain.map((der, index) => [name(index), write(der)]));
}

const asPem = (der: Uint8Array) => bytes(pem([der]));

/** APPNOTE, 4.3: the offsets of fields in a local header and in a header of the central directory. */
const LOCAL = { signature: 'PK\x03\x04', flags: 6, crc: 14, compressed: 18, size: 22, name: 30 };
const CENTRAL = { signature: 'PK\x01\x02', flags: 8, crc: 16, compressed: 20, size: 24, name: 46 };
const END = { signature: 'PK\x05\x06', entries: 10 };

/** A copy with a change in every header of one kind. */
function patched(
  archive: Uint8Array,
  { signature }: { readonly signature: string },
  patch: (header: Buffer) => void,
): Buffer {
  const copy = Buffer.from(archive);
  let found = 0;
  for (let at = copy.indexOf(signature, 0, 'latin1'); at !== -1; at = copy.indexOf(signature, at + 1, 'latin1')) {
    patch(copy.subarray(at));
    found += 1;
  }
  expect(found).toBeGreaterThan(0);
  return copy;
}

async function refusal(archive: Uint8Array): Promise<string> {
  const reading = unzip(archive);
  await expect(reading).rejects.toBeInstanceOf(InvalidChainError);
  return reading.then(String, (error: Error) => error.message);
}

describe('The files of an archive', () => {
  test.each([0, 6, 9] as const)('are unchanged at compression level %i.', async (level) => {
    const files = [bytes('first'), bytes('second '.repeat(1000)), Buffer.alloc(0)];
    const archive = zipSync(
      { a: files[0] ?? bytes(''), b: files[1] ?? bytes(''), c: files[2] ?? bytes('') },
      { level },
    );
    expect(await unzip(archive)).toEqual(files);
  });

  test('are in the order of the archive, without folders.', async () => {
    const archive = zipSync({ 'z/': new Uint8Array(), 'z/z': bytes('1'), 'a/b/c/d': bytes('2'), a: bytes('3') });
    expect((await unzip(archive)).map(String)).toEqual(['1', '2', '3']);
  });

  test('are unchanged for any content.', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 500 }), { minLength: 1, maxLength: 10 }),
        fc.constantFrom(0, 6),
        async (files, level) => {
          const archive = zipSync(Object.fromEntries(files.map((file, index) => [`f${index}`, file])), { level });
          expect(await unzip(archive)).toEqual(files.map((file) => Buffer.from(file)));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('are none in an empty archive.', async () => {
    expect(await unzip(zipSync({}))).toEqual([]);
  });
});

describe('A damaged archive is InvalidChain and causes no other error:', () => {
  test('any byte is changed.', async () => {
    const archive = zipSync({ a: bytes('one file '.repeat(20)), b: bytes('another') });
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const copy = Buffer.from(archive);
        copy.writeUInt8((copy[at] ?? 0) ^ difference, at);
        const result = await unzip(copy).catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof InvalidChainError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes follow the signature.', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (tail) => {
        await refusal(Buffer.concat([bytes('PK\x03\x04'), tail]));
      }),
      { numRuns: 200 },
    );
  });

  test('it is cut off anywhere.', async () => {
    const archive = zipSync({ a: bytes('one file '.repeat(20)), b: bytes('another') });
    for (let length = 0; length < archive.length; length += 1) {
      expect(await refusal(archive.subarray(0, length))).toContain('damaged');
    }
  });

  test.each(['central directory and local header', 'central directory'])(
    'the checksum in the %s is wrong.',
    async (place) => {
      const archive = zipSync({ a: bytes('content') });
      const wrong = patched(archive, CENTRAL, (header) => header.writeUInt32LE(1, CENTRAL.crc));
      const both = patched(wrong, LOCAL, (header) => header.writeUInt32LE(1, LOCAL.crc));
      expect(await refusal(place === 'central directory' ? wrong : both)).toContain('checksum');
    },
  );

  test('the content of a stored file is changed.', async () => {
    const archive = Buffer.from(zipSync({ a: bytes('content') }, { level: 0 }));
    archive.write('C', archive.indexOf('content'));
    expect(await refusal(archive)).toContain('checksum');
  });

  test.each([
    ['smaller, of a deflated file', 6, -1],
    ['larger, of a deflated file', 6, 1],
    ['smaller, of a stored file', 0, -1],
    ['larger, of a stored file', 0, 1],
  ] as const)('the stated size is %s.', async (_, level, difference) => {
    const archive = zipSync({ a: bytes('content '.repeat(100)) }, { level });
    const wrong = patched(archive, CENTRAL, (header) =>
      header.writeUInt32LE(header.readUInt32LE(CENTRAL.size) + difference, CENTRAL.size),
    );
    expect(await refusal(wrong)).toContain('damaged');
  });

  test('the compressed size is larger than the file.', async () => {
    const wrong = patched(zipSync({ a: bytes('content '.repeat(100)) }), CENTRAL, (header) =>
      header.writeUInt32LE(1_000_000, CENTRAL.compressed),
    );
    expect(await refusal(wrong)).toContain('damaged');
  });

  test('a file is encrypted.', async () => {
    const archive = zipSync({ a: bytes('content') });
    const flagged = patched(archive, CENTRAL, (header) => header.writeUInt16LE(1, CENTRAL.flags));
    await refusal(patched(flagged, LOCAL, (header) => header.writeUInt16LE(1, LOCAL.flags)));
  });
});

describe('An archive over a limit is refused:', () => {
  const MIB = 1024 * 1024;

  test('one file of 100 MiB in a small archive.', async () => {
    const bomb = archiveOf([repeatedEntry('a', new Uint8Array(MIB), 100)]);
    expect(bomb.length).toBeLessThan(MIB);
    expect(await refusal(bomb)).toContain('inflates to more than 1048576 bytes');
    await expect(chainOf(bomb)).rejects.toBeInstanceOf(InvalidChainError);
  });

  test('one large file whose stated size is small.', async () => {
    const bomb = archiveOf([repeatedEntry('a', new Uint8Array(MIB), 10)]);
    const wrong = patched(bomb, CENTRAL, (header) => header.writeUInt32LE(100, CENTRAL.size));
    await refusal(patched(wrong, LOCAL, (header) => header.writeUInt32LE(100, LOCAL.size)));
  });

  test('many files that are too large together.', async () => {
    const files = Array.from({ length: 5 }, (_, index) => [`${index}`, new Uint8Array(MIB / 4)]);
    expect(await refusal(zipSync(Object.fromEntries(files)))).toContain('inflates to more than');
  });

  test('one byte more than the limit, but not the limit itself.', async () => {
    const files = Array.from({ length: 4 }, (_, index) => [`${index}`, new Uint8Array(MIB / 4)]);
    expect(await unzip(zipSync(Object.fromEntries(files)))).toHaveLength(4);
    const more = zipSync({ ...Object.fromEntries(files), more: bytes('x') });
    expect(await refusal(more)).toContain('inflates to more than');
  });

  test.each([
    [200, true],
    [201, false],
  ])('%i files, accepted: %s.', async (count, accepted) => {
    const archive = zipSync(Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}`, bytes('x')])));
    if (accepted) {
      expect(await unzip(archive)).toHaveLength(count);
    } else {
      expect(await refusal(archive)).toContain(`${count} entries`);
    }
  });

  test('a number of files that is only stated.', async () => {
    const stated = patched(zipSync({ a: bytes('x') }), END, (end) => end.writeUInt16LE(60_000, END.entries));
    expect(await refusal(stated)).toContain('60000 entries');
  });
});

describe('A chain in an archive', () => {
  const names: readonly [string, (index: number) => string][] = [
    ['plain names', (index) => `${index}.crt`],
    ['no extensions', (index) => `certificate${index}`],
    ['misleading extensions', (index) => `${index}.txt`],
    ['nested folders', (index) => `a/b${index}/c/d.cer`],
    ['names that are not ASCII', (index) => `Zertifikät-${index}-証明書.pem`],
    ['names of another system', (index) => `certificates\\${index}.pem`],
  ];

  test.each(names)('is read with %s, as DER and as PEM, stored and deflated.', async (_, name) => {
    for (const level of [0, 6] as const) {
      for (const write of [(der: Uint8Array) => der, asPem]) {
        expect(await chainOf(zipSync(named(name, write), { level }))).toEqual(whole());
      }
    }
  });

  test('is read from entries in DER and PEM together.', async () => {
    const { leaf, issuing, root } = issued;
    expect(await chainOf(zipSync({ root: asPem(root), leaf, issuing: asPem(issuing) }))).toEqual(whole());
  });

  test('is read from a single entry.', async () => {
    expect(await chainOf(zipSync({ 'chain.pem': bytes(pem(issued.chain)) }))).toEqual(whole());
  });

  test.each([
    ['climb out of the folder', '../../climbed'],
    ['climb out of the folder on another system', '..\\climbed'],
    ['are absolute', '/tmp/climbed'],
  ])('is read with names that %s, because names are not used.', async (_, name) => {
    expect(await chainOf(zipSync(named((index) => `${name}-${index}`)))).toEqual(whole());
  });

  test('writes nothing to the disk, whatever the names are.', async () => {
    const place = `climbed-${randomUUID()}`;
    const folders = [process.cwd(), path.resolve('..'), path.resolve('../..'), tmpdir()];
    for (const name of [place, `../${place}`, `../../${place}`, path.join(tmpdir(), place)]) {
      await chainOf(zipSync({ [name]: bytes('text'), ...named((index) => `${index}`) })).catch(() => undefined);
    }
    expect(folders.filter((folder) => existsSync(path.join(folder, place)))).toEqual([]);
  });

  test.each([
    ['a note to the customer', bytes('Install these in order.\n')],
    ['a note that begins with 0', bytes('0. Install these in order.\n')],
    ['a note that is only a 0', bytes('0')],
    // `0` is the tag of a SEQUENCE, and a letter that is not ASCII may be a length.
    ['a note that looks like DER at first', Buffer.from('0\u0082 Zertifikate', 'latin1')],
    ['an empty file', Buffer.alloc(0)],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['a web page', bytes('<!DOCTYPE html><title>-----BEGIN-----</title>')],
  ])('is read beside %s.', async (_, file) => {
    expect(await chainOf(zipSync({ 'README.txt': file, ...named((index) => `${index}`) }))).toEqual(whole());
  });

  test('is read if it contains each certificate twice.', async () => {
    const twice = { ...named((index) => `der/${index}`), ...named((index) => `pem/${index}`, asPem) };
    expect(await chainOf(zipSync(twice))).toEqual(whole());
  });

  test.each<[string, (base64: string) => string]>([
    ['alone', (base64) => base64],
    ['after the status line 2', (base64) => `2\n${base64}`],
    ['after the status line 2 with CRLF', (base64) => `2\r\n${base64.replaceAll('\n', '\r\n')}`],
    ['on one line', (base64) => `2\n${base64.replaceAll('\n', '')}`],
    ['without a final newline', (base64) => `2\n${base64.trimEnd()}`],
  ])('is read as base64 %s.', async (_, write) => {
    expect(await chainOf(write(base64Lines(zipSync(named((index) => `${index}`)))))).toEqual(whole());
  });

  test('is refused if one file is damaged.', async () => {
    const archive = Buffer.from(
      zipSync(
        named((index) => `${index}`),
        { level: 0 },
      ),
    );
    archive.writeUInt8((archive[200] ?? 0) ^ 1, 200);
    await expect(chainOf(archive)).rejects.toThrow('checksum');
  });

  test('is refused without its certificates.', async () => {
    await expect(chainOf(zipSync({ 'README.txt': bytes('Soon.') }))).rejects.toBeInstanceOf(InvalidChainError);
    await expect(chainOf(zipSync({ leaf: issued.leaf }))).rejects.toThrow(
      'a leaf alone: its issuing certificate is missing',
    );
  });
});

/**
 * The same archive as ZIP64 (APPNOTE, 4.3.14 and 4.3.15).
 *
 * @param isMarked whether the fields of the usual end say that ZIP64 has them.
 */
function toZip64(archive: Uint8Array, isMarked: boolean): Buffer {
  const at = archive.length - 22;
  const end = Buffer.from(archive.subarray(at));
  const end64 = Buffer.alloc(56);
  end64.write('PK\x06\x06', 'latin1');
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(end.readUInt16LE(8)), 24);
  end64.writeBigUInt64LE(BigInt(end.readUInt16LE(10)), 32);
  end64.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  end64.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(at), 8);
  locator.writeUInt32LE(1, 16);
  if (isMarked) {
    end.fill(0xff, 8, 20);
  }
  return Buffer.concat([archive.subarray(0, at), end64, locator, end]);
}

describe('A chain in a ZIP64 archive is read', () => {
  test.each([
    ['alone', '', ''],
    ['with a newline after it', '', '\n'],
    ['with a note before it', 'MZ a note', ''],
    ['with bytes before and after it', 'MZ a note', 'and an end'],
  ])('%s.', async (_, before, after) => {
    for (const isMarked of [true, false]) {
      const archive = toZip64(zipSync(named((index) => `${index}`)), isMarked);
      expect(await chainOf(Buffer.concat([bytes(before), archive, bytes(after)]))).toEqual(whole());
    }
  });
});

test('Encrypted bytes in place of a certificate are InvalidChain.', async () => {
  const stream = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16));
  const archive = zipSync({ a: stream.update(issued.leaf), b: issued.issuing, c: issued.root });
  await expect(chainOf(archive)).rejects.toThrow('no mark certificate');
});
