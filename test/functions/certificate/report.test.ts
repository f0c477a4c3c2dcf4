import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { InvalidChainError, type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import type {
  CertificateAuthority,
  MarkCertificateRequest,
  MarkType,
} from '../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';

let folder: string;
let authority: CertificateAuthority;
let chain: readonly Uint8Array[];
/** The root and the log of the test authority. One list of logs, because what is prepared for it is kept with it. */
let trust: { readonly trustAnchors: readonly string[]; readonly ctLogs: readonly string[] };

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'report-'));
  authority = await openAuthority();
  chain = authority.issue({ domains: ['example.com'] }).chain;
  trust = { trustAnchors: [fingerprint(authority.root)], ctLogs: [authority.log.key] };
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Checks at the present time and trusts the root of the test authority. */
function read(bytes: string | Uint8Array): Promise<MarkCertificate> {
  return readMarkCertificate(Buffer.from(bytes), { at: new Date(), ...trust });
}

/** The report of a certificate with these changes. */
async function reportOf(changes: Partial<MarkCertificateRequest>) {
  return (await read(pkcs7(authority.issue({ domains: ['example.com'], ...changes }).chain))).report;
}

function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

/** The lines that `openssl x509` prints for a certificate, in the order of the options, without field names. */
function openssl(der: Uint8Array, ...options: readonly string[]): string[] {
  const args = ['x509', '-inform', 'DER', '-noout', '-sha256', ...options];
  const lines = execFileSync('openssl', args, { input: der, encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => line.replace(/^[^=]*= ?/, ''));
}

/** A name with the escapes of RFC 2253, in UTF-8, in the order of the certificate. */
const NAME_OPTIONS = ['-nameopt', 'esc_2253,esc_ctrl,utf8,sname,sep_comma_plus_space'] as const;

describe('A report', () => {
  test('describes the leaf like the openssl command.', async () => {
    const { leaf } = authority.issue({ domains: ['example.com'], owner: 'Grüße, "Söhne" + Co <KG>' });
    const { report } = await read(pem([leaf, authority.issuing, authority.root]));
    const fields = ['-subject', '-issuer', '-serial', '-startdate', '-enddate', '-fingerprint'];
    const [subject, issuer, serial = '', start = '', end = '', digest = ''] = openssl(leaf, ...NAME_OPTIONS, ...fields);

    expect(report).toMatchObject({
      subject,
      issuer,
      serialNumber: serial.toLowerCase(),
      notBefore: new Date(start).toISOString(),
      notAfter: new Date(end).toISOString(),
      fingerprintSha256: digest.replaceAll(':', '').toLowerCase(),
    });
    expect(report.subject).toContain('O=Grüße\\, \\"Söhne\\" \\+ Co \\<KG\\>');
  });

  test('names every certificate of the chain, leaf first, like the openssl command.', async () => {
    const { report } = await read(pkcs7(chain.toReversed()));

    const [leafCrl, issuingCrl] = authority.crls().map(({ url }) => [url]);
    expect(report.chain.map(({ crlUrls }) => crlUrls)).toEqual([leafCrl, issuingCrl, []]);
    expect(report.chain).toMatchObject(
      chain.map((der) => {
        const [subject, digest = ''] = openssl(der, ...NAME_OPTIONS, '-subject', '-fingerprint');
        return { subject, fingerprintSha256: digest.replaceAll(':', '').toLowerCase() };
      }),
    );
  });

  test('contains hashes and the serial number in lower-case hex and dates in UTC.', async () => {
    const { report } = await read(pkcs7(chain));

    expect(report.fingerprintSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(report.serialNumber).toMatch(/^[0-9a-f]{32}$/);
    expect([report.notBefore, report.notAfter]).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/)),
    );
  });

  test.each([
    ['the last second of a UTCTime', '2049-12-31T23:59:59.000Z'],
    ['the first second of a GeneralizedTime', '2050-01-01T00:00:00.000Z'],
    ['no well-defined expiry (RFC 5280, 4.1.2.5)', '9999-12-31T23:59:59.000Z'],
  ])('contains the end of validity to the second: %s.', async (_, notAfter) => {
    expect(await reportOf({ notAfter: new Date(notAfter) })).toMatchObject({ notAfter });
  });

  test.each([
    ['Registered Mark', 'VMC'],
    ['Government Mark', 'VMC'],
    ['Prior Use Mark', 'CMC'],
    ['Modified Registered Mark', 'CMC'],
  ] as const)('describes a %s as a %s.', async (markType: MarkType, product) => {
    expect(await reportOf({ markType })).toMatchObject({ markType, product });
  });

  test.each(['Provisional Mark', 'registered mark', 'Registered Mark ', 'constructor'])(
    'has no product if the mark type is unknown: %s.',
    async (markType) => {
      const report = await reportOf({
        attributes: (usual) => usual.map((each) => (each.oid === oid.markType ? { ...each, value: markType } : each)),
      });

      expect(report).toMatchObject({ markType, product: null });
    },
  );

  test('has neither product nor mark type if the certificate has no mark type.', async () => {
    const report = await reportOf({ attributes: (usual) => usual.filter((each) => each.oid !== oid.markType) });

    expect(report).toMatchObject({ markType: null, product: null });
  });

  test('does not read a mark type from a line in another attribute.', async () => {
    const owner = `Example\n${oid.markType}=Government Mark\nDNS:evil.example`;
    const report = await reportOf({ owner, markType: 'Prior Use Mark' });

    expect(report).toMatchObject({ markType: 'Prior Use Mark', product: 'CMC', domains: ['example.com'] });
    expect(report.subject).not.toContain('\n');
  });

  test.each([
    ['one', ['example.com'], ['example.com']],
    [
      'several, in order',
      ['b.example', 'a.example', 'xn--bcher-kva.example'],
      ['b.example', 'a.example', 'xn--bcher-kva.example'],
    ],
    ['in lower case', ['Example.COM'], ['example.com']],
    ['each once', ['example.com', 'EXAMPLE.com'], ['example.com']],
    ['the name of a record', ['brand._bimi.example.com'], ['brand._bimi.example.com']],
  ])('contains the domains of the subject alternative name: %s.', async (_, domains, expected) => {
    expect((await reportOf({ domains })).domains).toEqual(expected);
  });

  test('does not read a domain inside another name.', async () => {
    const { domains } = await reportOf({ domains: ['example.com, DNS:evil.example'] });

    expect(domains).not.toContain('evil.example');
  });

  test('has no domains if the certificate contains none.', async () => {
    const { domains } = await reportOf({
      extensions: (usual) => usual.filter((each) => each.oid !== oid.subjectAltName),
    });

    expect(domains).toEqual([]);
  });

  test('names the trust anchor that is nearest to the leaf.', async () => {
    const [, issuing, root] = (await read(pkcs7(chain))).report.chain.map(({ crlUrls: _, ...identity }) => identity);
    const anchored = async (...anchors: readonly Uint8Array[]) => {
      const expectations = { at: new Date(), trustAnchors: anchors.map(fingerprint) };
      return (await readMarkCertificate(pkcs7(chain), expectations)).report.trustAnchor;
    };

    const pinned = { delivered: true, source: 'settings' };
    expect(await anchored(authority.root)).toEqual({ ...root, ...pinned });
    expect(await anchored(authority.issuing, authority.root)).toEqual({ ...issuing, ...pinned });
    expect(await anchored()).toBeNull();
    expect(await anchored(Buffer.from(chain[0] ?? ''))).toBeNull();
  });

  test.each([2040, 2060])(
    'describes the chain of the trusted root, even if another root with its name and key is valid until %i.',
    async (year) => {
      const { root: namesake } = authority.with({ root: { notAfter: new Date(Date.UTC(year, 0)) } });

      const { report } = await read(pkcs7([namesake, ...chain]));

      expect(report.chain.map(({ fingerprintSha256 }) => fingerprintSha256)).toEqual(chain.map(fingerprint));
      expect(report.trustAnchor?.fingerprintSha256).toBe(fingerprint(authority.root));
    },
  );

  test.each([
    // The root is a trust anchor. Its fingerprint is known, so its signature is not verified.
    ['with its root', () => chain, 2],
    ['without its root', () => chain.slice(0, 2), 1],
  ])('of a chain %s verifies each signature once.', async (_, delivered, signatures) => {
    const verify = vi.spyOn(X509Certificate.prototype, 'verify');

    await read(pkcs7(delivered()));

    expect(verify).toHaveBeenCalledTimes(signatures);
    verify.mockRestore();
  });

  test('describes the unchanged chain of these tests as publishable.', async () => {
    expect((await read(pkcs7(chain))).report).toMatchObject({ publishable: true, findings: [{ id: 'receiver-asn1' }] });
  });
});

/** All containers in which a chain can be sent. */
const containers = {
  'PKCS#7': (ders: readonly Uint8Array[]) => Buffer.from(pkcs7(ders)),
  'PKCS#7 with a signer': (ders: readonly Uint8Array[]) => Buffer.from(pkcs7(ders, 'signed-empty')),
  'PEM of PKCS#7': (ders: readonly Uint8Array[]) => Buffer.from(armouredPkcs7(ders)),
  'base64 of PKCS#7': (ders: readonly Uint8Array[]) => Buffer.from(base64Lines(pkcs7(ders))),
  PEM: (ders: readonly Uint8Array[]) => Buffer.from(pem(ders)),
  'PEM with CRLF': (ders: readonly Uint8Array[]) => Buffer.from(pem(ders).replaceAll('\n', '\r\n')),
  'ZIP of PEM': (ders: readonly Uint8Array[]) => Buffer.from(zip(ders, 'pem')),
  'ZIP of DER': (ders: readonly Uint8Array[]) => Buffer.from(zip(ders, 'der')),
} satisfies Record<string, (ders: readonly Uint8Array[]) => Buffer>;

describe('In every container', () => {
  test('a chain has the same report and PEM, in any order and with surplus and duplicate certificates.', async () => {
    const names = { attributes: () => [{ oid: oid.commonName, value: 'Other' }] };
    const other = authority.with({ root: names, issuing: names });
    const surplus = [other.root, other.issuing, authority.root, ...chain.slice(0, 1)];
    const expected = await read(pkcs7(chain));
    expect(expected.chainPem).toBe(pem(chain));

    const certificates = fc
      .subarray(surplus)
      .chain((more) => fc.shuffledSubarray([...chain, ...more], { minLength: 3 + more.length }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(containers)), certificates, async (write, ders) => {
        const { report, ...rest } = await read(write(ders));
        // The archive also contains a note.
        const findings = report.findings.filter(({ id }) => id !== 'ignored-content');
        expect({ ...rest, report: { ...report, findings } }).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test.each(Object.entries(containers))('a chain without its root is read: %s.', async (_, write) => {
    const { report, chainPem } = await read(write(chain.slice(0, 2)));

    expect(chainPem).toBe(pem(chain.slice(0, 2)));
    expect(report.chain).toHaveLength(2);
  });

  test.each(Object.entries(containers))('a leaf alone is InvalidChain: %s.', async (_, write) => {
    await expect(read(write(chain.slice(0, 1)))).rejects.toThrow(InvalidChainError);
  });
});

describe('A reply that ends between two certificates', () => {
  test.each<[string, (all: readonly Uint8Array[]) => readonly Uint8Array[], RegExp]>([
    [
      'the leaf',
      ([leaf = expect.unreachable()]) => [leaf],
      /a leaf alone: its issuing certificate is missing \(issuer .+\)/,
    ],
    [
      'the leaf and the root',
      ([leaf = expect.unreachable(), , root = expect.unreachable()]) => [leaf, root],
      /the issuer of the mark certificate is missing: .+Issuing RSA CA/,
    ],
    [
      'the issuers',
      (all) => all.slice(1),
      /^the file contains (?=.*an issuing CA's certificate)(?=.*a root certificate).+, but no mark certificate$/,
    ],
  ])('is refused with what is missing: only %s arrived.', async (_, keep, reason) => {
    await expect(read(pem(keep(chain)))).rejects.toThrow(reason);
  });

  test('names a CA that may not sign certificates a CA, not a leaf.', async () => {
    const usage = Buffer.from('03020102', 'hex');
    const { issuing } = authority
      .with({
        issuing: {
          extensions: (usual) => usual.map((each) => (each.oid === oid.keyUsage ? { ...each, value: usage } : each)),
        },
      })
      .issue({ domains: ['example.com'] });
    await expect(read(pem([issuing]))).rejects.toThrow(/an issuing CA's certificate .+ alone, but no mark certificate/);
  });
});

describe('The PEM of a chain', () => {
  test('from every container is accepted by the openssl command.', async () => {
    const rootFile = path.join(folder, 'root.pem');
    const chainFile = path.join(folder, 'chain.pem');
    writeFileSync(rootFile, pem([authority.root]));
    const written = Object.values(containers).map(async (write) => (await read(write(chain.toReversed()))).chainPem);

    // They are equal, so one process is enough.
    for (const chainPem of new Set(await Promise.all(written))) {
      writeFileSync(chainFile, chainPem);
      const args = ['verify', '-CAfile', rootFile, '-untrusted', chainFile, chainFile];

      expect(execFileSync('openssl', args, { encoding: 'utf8' })).toBe(`${chainFile}: OK\n`);
    }
  });

  test('has the same report as the original container.', async () => {
    const { report, chainPem } = await read(pkcs7(chain));

    expect(await read(chainPem)).toMatchObject({ report, chainPem });
  });
});

describe('A damaged certificate', () => {
  let whole: Buffer;

  beforeAll(() => {
    whole = Buffer.from(pkcs7(chain));
  });

  /** The chain in PKCS#7 with one byte of one certificate changed. */
  function damaged(which: number, place: number, change: number): Uint8Array {
    const copy = Buffer.from(whole);
    const der = chain[which] ?? expect.unreachable();
    const at = whole.indexOf(der) + (place % der.length);
    copy.writeUInt8(copy.readUInt8(at) ^ change, at);
    return copy;
  }

  /** The certificate, or undefined for InvalidChain. Any other error is thrown again. */
  async function readOrRefuse(bytes: Uint8Array): Promise<MarkCertificate | undefined> {
    return read(bytes).catch((error: unknown) => {
      if (error instanceof InvalidChainError) {
        return undefined;
      }
      throw error;
    });
  }

  const place = fc.nat({ max: 10_000 });
  const change = fc.integer({ min: 1, max: 255 });

  test('that is the leaf causes InvalidChain, whichever byte is damaged.', async () => {
    await fc.assert(
      fc.asyncProperty(place, change, async (at, bits) => {
        expect(await readOrRefuse(damaged(0, at, bits))).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test('that is an issuer causes InvalidChain or an untrusted chain.', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2), place, change, async (which, at, bits) => {
        const found = await readOrRefuse(damaged(which, at, bits));

        if (found) {
          const delivered = found.report.chain.map(({ fingerprintSha256 }) => fingerprintSha256);
          // No issuer validates the last certificate. All others are validated and therefore unchanged.
          const validated = delivered.slice(0, -1);
          expect(validated).toEqual(chain.slice(0, validated.length).map(fingerprint));
          expect(found.report.fingerprintSha256).toBe(fingerprint(Buffer.from(chain[0] ?? '')));
          expect(found.report).toMatchObject({ trustAnchor: null, publishable: false });
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('Arbitrary bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 500 }),
    fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.of(0x30, 0x80), rest])),
    fc
      .uint8Array({ maxLength: 300 })
      .map((rest) => Buffer.concat([Buffer.of(0x30, 0x82, 0, rest.length & 0xff), rest])),
    fc.uint8Array({ minLength: 130, maxLength: 250 }).map((rest) => Buffer.from(pem([rest]))),
    fc.uint8Array({ minLength: 130, maxLength: 250 }).map((rest) => Buffer.from(pkcs7([rest]))),
    fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.from('PK\x03\x04'), rest])),
    fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.from(base64Lines(rest))),
    fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text)),
  );

  test('are InvalidChain and cause no other error.', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        await expect(read(body)).rejects.toBeInstanceOf(InvalidChainError);
      }),
      { numRuns: 2000 },
    );
  });

  /** The chain in every container. */
  const written = () => Object.values(containers).map((write) => write(chain));

  test('from a changed container are InvalidChain or have the same leaf.', async () => {
    const expected = await read(pkcs7(chain));
    const octet = fc.oneof(fc.constantFrom(0, 2, 4, 6, 0x30, 0x31, 0x80, 0x81, 0x82, 0xa0, 0xff), fc.nat({ max: 255 }));
    // The structure of a container is at its beginning.
    const place = fc.oneof(fc.nat({ max: 80 }), fc.nat({ max: 10_000 }));
    const changes = fc.array(fc.tuple(place, octet), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...written()), changes, async (whole, all) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of all) {
          bytes.writeUInt8(value, at % bytes.length);
        }

        const found = await read(bytes).catch((error: unknown) => error);

        if (!(found instanceof InvalidChainError)) {
          expect(found).toHaveProperty('report.fingerprintSha256', expected.report.fingerprintSha256);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('from parts of a container are InvalidChain or have the same leaf.', async () => {
    const expected = await read(pkcs7(chain));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...written()), fc.nat(), fc.nat(), async (whole, from, to) => {
        const part = Buffer.concat([whole.subarray(0, from % whole.length), whole.subarray(to % whole.length)]);

        const found = await read(part).catch((error: unknown) => error);

        if (!(found instanceof InvalidChainError)) {
          expect(found).toHaveProperty('report.fingerprintSha256', expected.report.fingerprintSha256);
        }
      }),
      { numRuns: 300 },
    );
  });
});
