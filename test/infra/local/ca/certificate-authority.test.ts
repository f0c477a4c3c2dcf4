import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { sctsOf } from '../../../../functions/certificate/transparency/sct.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type IssuedMarkCertificate,
} from '../../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, type Pkcs7Form, pem, pkcs7 } from '../../../../infra/local/ca/containers.ts';
import { logotype, logotypeImage, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { authorityFile, openAuthority } from '../../../authority.ts';

const DAY = 24 * 60 * 60 * 1000;

let folder: string;
let authority: CertificateAuthority;
let usual: IssuedMarkCertificate;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'certificate-authority-'));
  authority = await openAuthority();
  usual = authority.issue({ domains: ['example.com', 'xn--bcher-kva.example'] });
});

afterAll(() => rmSync(folder, { recursive: true }));

function openssl(args: readonly string[], input: Uint8Array | string = ''): string {
  return execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

function text(certificate: Uint8Array): string {
  return openssl(['x509', '-inform', 'DER', '-noout', '-text'], certificate);
}

function file(name: string, content: string | Uint8Array): string {
  const place = path.join(folder, name);
  writeFileSync(place, content);
  return place;
}

/** @throws with the output of openssl if openssl rejects the chain. */
function opensslVerify({ leaf, issuing, root }: IssuedMarkCertificate, ...options: string[]): string {
  const [rootFile, issuingFile, leafFile] = [root, issuing, leaf].map((der, i) => file(`verify-${i}.pem`, pem([der])));
  return openssl(['verify', ...options, '-CAfile', `${rootFile}`, '-untrusted', `${issuingFile}`, `${leafFile}`]);
}

/** The SVG of the data URI in a leaf, found without ASN.1. */
function embeddedSvg(leaf: Uint8Array): Buffer {
  const uri = /data:image\/svg\+xml;base64,([A-Za-z0-9+/]+=*)/.exec(Buffer.from(leaf).toString('latin1'));
  return gunzipSync(Buffer.from(uri?.[1] ?? '', 'base64'));
}

describe('An issued chain', () => {
  test('is valid from link to link up to a self-signed root.', () => {
    const [leaf, issuing, root] = usual.chain.map((der) => new X509Certificate(der));

    expect(leaf?.checkIssued(issuing ?? leaf)).toBe(true);
    expect(issuing && leaf?.verify(issuing.publicKey)).toBe(true);
    expect(root && issuing?.checkIssued(root)).toBe(true);
    expect(root && issuing?.verify(root.publicKey)).toBe(true);
    expect(root?.verify(root.publicKey)).toBe(true);
  });

  test('is accepted by openssl with its strictest checks.', () => {
    expect(opensslVerify(usual, '-x509_strict')).toMatch(/: OK\n$/);
  });

  test('is rejected by openssl if one bit of the leaf is wrong.', () => {
    const leaf = Uint8Array.from(usual.leaf);
    leaf.set([(leaf.at(-1) ?? 0) ^ 1], leaf.length - 1);

    expect(() => opensslVerify({ ...usual, leaf })).toThrow(/signature/);
  });

  test('has an RSA-4096 root, an RSA-3072 issuing CA and a P-256 leaf, all signed with SHA-256.', async () => {
    // The authority that all tests share has shorter keys.
    const { root, issuing, leaf, chain } = (await createCertificateAuthority()).issue({ domains: ['example.com'] });
    expect(text(root)).toMatch(/Public-Key: \(4096 bit\)/);
    expect(text(issuing)).toMatch(/Public-Key: \(3072 bit\)/);
    expect(text(leaf)).toMatch(/NIST CURVE: P-256/);
    for (const certificate of chain) {
      expect(text(certificate)).toMatch(/Signature Algorithm: sha256WithRSAEncryption/);
    }
  });

  test('marks its authorities as local.', () => {
    for (const certificate of [usual.root, usual.issuing]) {
      expect(new X509Certificate(certificate).subject).toMatch(/Local Look-alike.*\n.*made on this machine/);
    }
  });

  test('allows the issuing CA to sign leaves for BIMI, but no other authority.', () => {
    const issuing = text(usual.issuing);

    expect(issuing).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(issuing).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(issuing).toMatch(
      /Extended Key Usage: *\s+(Brand Indicator for Message Identification|1\.3\.6\.1\.5\.5\.7\.3\.31)\n/,
    );
  });
});

describe('A leaf', () => {
  test('has the extensions of a real one in the same order, and only basic constraints are critical.', () => {
    const structure = openssl(['asn1parse', '-inform', 'DER'], usual.leaf);
    const extensions = structure.slice(structure.lastIndexOf('cont [ 3 ]'));
    const types = [...extensions.matchAll(/d=5 .*prim: OBJECT +:(.+)\n/g)].map(([, type]) => type);

    expect(types).toEqual([
      'X509v3 Basic Constraints',
      'X509v3 Authority Key Identifier',
      'Authority Information Access',
      'X509v3 Subject Alternative Name',
      'X509v3 Certificate Policies',
      'X509v3 Extended Key Usage',
      'X509v3 CRL Distribution Points',
      'X509v3 Subject Key Identifier',
      '1.3.6.1.5.5.7.1.12',
      'CT Precertificate SCTs',
    ]);
    expect(text(usual.leaf).match(/: critical/g)).toHaveLength(1);
    expect(text(usual.leaf)).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
  });

  test('is for BIMI only, and has the general policy, an http revocation list and one SCT.', () => {
    const leaf = text(usual.leaf);

    expect(leaf).toMatch(
      /Extended Key Usage: *\s+(Brand Indicator for Message Identification|1\.3\.6\.1\.5\.5\.7\.3\.31)\n/,
    );
    expect(leaf).toMatch(/Policy: 1\.3\.6\.1\.4\.1\.53087\.1\.1\n/);
    expect(leaf).toMatch(/CRL Distribution Points: *\s+Full Name:\s+URI:http:\/\//);
    expect(leaf.match(/Signed Certificate Timestamp:\s+Version +: v1/g)).toHaveLength(1);
  });

  test('has an SCT that the log of the authority signed, also after its extensions were changed.', () => {
    const { der: issuerKey } = readFields(new X509Certificate(usual.issuing)).publicKeyInfo;
    const changed = authority.issue({ domains: ['example.com'], extensions: (usual) => usual.toReversed() });
    for (const { leaf } of [usual, changed]) {
      const fields = readFields(new X509Certificate(leaf));
      const context = { issuerKey, at: new Date(), ctLogs: [authority.log.key] };
      expect(sctsOf(fields, context).map(({ status }) => status)).toEqual(['valid']);
    }
  });

  test('covers the domains exactly as requested.', () => {
    expect(new X509Certificate(usual.leaf).subjectAltName).toBe('DNS:example.com, DNS:xn--bcher-kva.example');
  });

  test('is valid for 365 days from now.', () => {
    const { validFromDate, validToDate } = new X509Certificate(usual.leaf);

    expect(validFromDate.getTime()).toBeLessThanOrEqual(Date.now());
    expect(validToDate.getTime() - validFromDate.getTime()).toBe(365 * DAY);
  });

  test('contains the logo as gzip in a data URI, and its SHA-256.', () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><title>T</title></svg>';
    const { leaf } = authority.issue({ domains: ['example.com'], svg });
    const hash = createHash('sha256').update(svg).digest();

    expect(embeddedSvg(leaf).toString()).toBe(svg);
    expect(Buffer.from(leaf).includes(hash)).toBe(true);
  });

  test('has by default a logo in SVG Tiny PS, with the owner as its title.', () => {
    const { leaf, svg } = authority.issue({ domains: ['example.com'], owner: 'Nuts & Bolts <Ltd>' });

    expect(embeddedSvg(leaf)).toEqual(Buffer.from(svg));
    expect(embeddedSvg(leaf).toString()).toMatch(/<svg [^>]*version="1.2" baseProfile="tiny-ps"/);
    expect(embeddedSvg(leaf).toString()).toContain('<title>Nuts &amp; Bolts &lt;Ltd></title>');
    expect(new X509Certificate(leaf).subject).toMatch(/^O=Nuts & Bolts /m);
  });

  test('contains text as UTF8String, and countries and the serial number as PrintableString.', () => {
    const structure = openssl(
      ['asn1parse', '-inform', 'DER'],
      authority.issue({ domains: [], owner: 'Bücher AG' }).leaf,
    );
    const printable = [...structure.matchAll(/OBJECT +:(\w+)\n.*PRINTABLESTRING/g)].map(([, type]) => type);

    expect(new Set(printable)).toEqual(new Set(['countryName', 'serialNumber', 'jurisdictionCountryName']));
    expect(structure).toMatch(/OBJECT +:organizationName\n.*UTF8STRING/);
    expect(structure).toMatch(/OBJECT +:1\.3\.6\.1\.4\.1\.53087\.1\.13\n.*UTF8STRING +:Registered Mark/);
  });

  test('has a unique serial number.', () => {
    const serials = [usual, authority.issue({ domains: ['example.com'] })].map(
      ({ leaf }) => new X509Certificate(leaf).serialNumber,
    );

    expect(new Set(serials).size).toBe(2);
  });

  test.each([
    [
      {},
      'Registered Mark',
      [oid.trademarkCountry, oid.trademarkOffice, oid.trademarkIdentifier, oid.legalEntityIdentifier],
    ],
    [{ product: 'VMC' }, 'Registered Mark', [oid.trademarkIdentifier]],
    [{ product: 'CMC' }, 'Prior Use Mark', [oid.priorUseSourceUrl]],
    [{ markType: 'Government Mark' }, 'Government Mark', [oid.statuteCountry, oid.statuteCitation]],
    [{ markType: 'Modified Registered Mark' }, 'Modified Registered Mark', [oid.trademarkIdentifier]],
  ] as const)('for %o is a %s with the attributes that prove the right to it.', (request, markType, attributes) => {
    const { subject } = new X509Certificate(authority.issue({ domains: ['example.com'], ...request }).leaf);

    expect(subject).toContain(`${oid.markType}=${markType}\n`);
    for (const attribute of attributes) {
      expect(subject).toMatch(new RegExp(`^${attribute}=.`, 'm'));
    }
    expect(subject).not.toMatch(/^CN=/m);
  });
});

describe('A certificate with a fault', () => {
  test('has the changed extensions of its request: removed, replaced and added ones.', () => {
    const { leaf } = authority.issue({
      domains: ['example.com'],
      extensions: (extensions) => [
        ...extensions.filter(({ oid: type }) => type !== oid.sctList && type !== oid.logotype),
        logotype(logotypeImage(Buffer.from('<svg/>'), ['SHA-1', 'SHA-384'])),
        { oid: '1.3.6.1.4.1.53087.4.1', value: Uint8Array.of(0x05, 0x00), critical: true },
      ],
    });

    expect(text(leaf)).not.toContain('Signed Certificate Timestamp');
    expect(text(leaf)).toMatch(/1\.3\.6\.1\.4\.1\.53087\.4\.1: critical/);
    expect(embeddedSvg(leaf).toString()).toBe('<svg/>');
    for (const algorithm of ['sha1', 'sha384']) {
      expect(Buffer.from(leaf).includes(createHash(algorithm).update('<svg/>').digest())).toBe(true);
    }
  });

  test('has the changed attributes of its request, including repeated ones.', () => {
    const { leaf } = authority.issue({
      domains: ['example.com'],
      attributes: (attributes) => [...attributes, { oid: oid.markType, value: 'Provisional Mark' }],
    });

    expect(new X509Certificate(leaf).subject.match(/53087\.1\.13=\w+ Mark/g)).toEqual([
      '53087.1.13=Registered Mark',
      '53087.1.13=Provisional Mark',
    ]);
  });

  test('can be expired, which openssl confirms.', () => {
    const past = authority.issue({
      domains: ['example.com'],
      notBefore: new Date('2020-01-01T00:00:00Z'),
      notAfter: new Date('2020-12-31T23:59:59Z'),
    });

    expect(new X509Certificate(past.leaf).validTo).toBe('Dec 31 23:59:59 2020 GMT');
    expect(() => opensslVerify(past)).toThrow(/expired/);
  });

  test('can contain a weak key and a SHA-1 signature, and its signature is still valid.', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const { leaf, issuing } = authority.issue({ domains: ['example.com'], publicKey, signatureHash: 'SHA-1' });

    expect(text(leaf)).toMatch(/Public-Key: \(1024 bit\)/);
    expect(text(leaf)).toMatch(/Signature Algorithm: sha1WithRSAEncryption/);
    expect(new X509Certificate(leaf).verify(new X509Certificate(issuing).publicKey)).toBe(true);
  });

  test('can be the issuing CA, with the same keys and root.', () => {
    const other = authority.with({
      issuing: { extensions: (all) => all.filter(({ oid: type }) => type !== oid.keyUsage) },
    });
    const chain = other.issue({ domains: ['example.com'] });

    expect(chain.root).toEqual(usual.root);
    expect(text(chain.issuing)).not.toContain('Certificate Sign');
    expect(new X509Certificate(chain.leaf).verify(new X509Certificate(chain.issuing).publicKey)).toBe(true);
    expect(new X509Certificate(chain.leaf).verify(new X509Certificate(usual.issuing).publicKey)).toBe(true);
  });

  test('can be the root: openssl rejects a chain whose root allows no authority below it.', () => {
    const chain = authority
      .with({
        root: {
          extensions: ([, ...others]) => [
            // SEQUENCE { BOOLEAN TRUE, INTEGER 0 }: a CA with a path length of 0.
            { oid: oid.basicConstraints, value: Uint8Array.of(0x30, 6, 1, 1, 0xff, 2, 1, 0), critical: true },
            ...others,
          ],
        },
      })
      .issue({ domains: ['example.com'] });

    expect(chain.root).not.toEqual(usual.root);
    expect(() => opensslVerify(chain)).toThrow(/path length constraint exceeded/);
  });
});

describe('An authority that is stored in a folder', () => {
  const storedFile = () => path.join(folder, 'stored', 'certificate-authority.pem');
  const open = () =>
    createCertificateAuthority({ directory: path.dirname(storedFile()), keyBits: { root: 2048, issuing: 2048 } });

  const secondCertificate = (content: string) => content.indexOf('-----BEGIN CERTIFICATE', 1);

  afterEach(() => vi.useRealTimers());

  test('is the same the next time, and issues valid chains.', async () => {
    const first = await open();
    const second = await open();

    expect(second.root).toEqual(first.root);
    expect(second.issuing).toEqual(first.issuing);
    expect(opensslVerify(second.issue({ domains: ['example.com'] }))).toMatch(/: OK\n$/);
  });

  test('is not readable by other users.', async () => {
    await open();

    expect(statSync(storedFile()).mode & 0o077).toBe(0);
  });

  test.each([
    ['truncated', (content: string) => content.slice(0, content.length / 2)],
    ['without the key of its log', (content: string) => content.slice(0, content.lastIndexOf('-----BEGIN'))],
    ['without its issuing CA', (content: string) => content.slice(0, secondCertificate(content))],
    [
      'with the root of another',
      (content: string) => content.replace(/^-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/, pem([authority.root])),
    ],
    [
      'with the root of another and its key',
      (content: string) => {
        const other = readFileSync(authorityFile(), 'utf8');
        return other.slice(0, secondCertificate(other)) + content.slice(secondCertificate(content));
      },
    ],
    [
      'with the key of the root for the issuing CA',
      (content: string) =>
        content.replace(/(-----BEGIN PRIVATE KEY-----[^-]+)([\s\S]+)-----BEGIN PRIVATE KEY-----[^-]+/, '$1$2$1'),
    ],
  ])('is replaced if its file is %s.', async (_, damage) => {
    const before = await open();
    const content = readFileSync(storedFile(), 'utf8');
    writeFileSync(storedFile(), damage(content));
    const after = await open();

    expect(damage(content)).not.toBe(content);
    expect(after.root).not.toEqual(before.root);
    expect(opensslVerify(after.issue({ domains: ['example.com'] }))).toMatch(/: OK\n$/);
    expect((await open()).root).toEqual(after.root);
  });

  test('is replaced if a leaf would expire after it.', async () => {
    const before = await open();
    const nearItsEnd = new Date(new X509Certificate(before.issuing).validToDate.getTime() - 200 * DAY);
    vi.useFakeTimers({ toFake: ['Date'], now: nearItsEnd });
    const after = await open();

    expect(after.root).not.toEqual(before.root);
    expect(new X509Certificate(after.issuing).validToDate.getTime()).toBeGreaterThan(nearItsEnd.getTime() + 365 * DAY);
  });

  test('is an error if the folder cannot be written.', async () => {
    const options = { directory: file('no-directory', ''), keyBits: { root: 2048, issuing: 2048 } };
    await expect(createCertificateAuthority(options)).rejects.toThrow(/EEXIST|ENOTDIR/);
  });
});

describe('A container', () => {
  const forms: readonly Pkcs7Form[] = ['degenerate', 'signed-empty'];

  test.each(forms)(
    'of PKCS#7 in the form %s contains, for openssl, the certificates in their order, as DER and armoured.',
    (form) => {
      const listed = (args: readonly string[], input: Uint8Array | string) =>
        openssl(['pkcs7', '-print_certs', ...args], input)
          .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g)
          ?.join('');

      expect(listed(['-inform', 'DER'], pkcs7(usual.chain, form))).toBe(pem(usual.chain));
      expect(listed(['-inform', 'PEM'], armouredPkcs7(usual.chain, form))).toBe(pem(usual.chain));
    },
  );

  test.each(forms)('of PKCS#7 in the form %s is DER: the certificates are elements of a constructed [0].', (form) => {
    const structure = openssl(['asn1parse', '-inform', 'DER'], pkcs7(usual.chain, form));
    const certificates = structure.slice(structure.search(/d=3 .*cont \[ 0 \]/));

    expect(certificates).toMatch(/^d=3 .*cons: cont \[ 0 \]/);
    expect(certificates.match(/d=4 .*l= *(?:[5-9]\d\d|\d{4}) cons: SEQUENCE/g)).toHaveLength(usual.chain.length);
  });

  test('of PKCS#7 contains only certificates, or also a digest, an empty content and a signer.', () => {
    const structure = (form: Pkcs7Form) =>
      openssl(['cms', '-cmsout', '-print', '-inform', 'DER'], pkcs7(usual.chain, form));

    expect(structure('degenerate')).toMatch(/digestAlgorithms:\s+<EMPTY>/);
    expect(structure('degenerate')).toMatch(/eContent: <ABSENT>/);
    expect(structure('degenerate')).toMatch(/signerInfos:\s+<EMPTY>/);
    expect(structure('signed-empty')).toMatch(/digestAlgorithms:\s+algorithm: sha256/);
    expect(structure('signed-empty')).toMatch(/eContent: *\n +certificates:/);
    expect(structure('signed-empty').match(/issuerAndSerialNumber/g)).toHaveLength(1);
  });

  test('of PKCS#7 keeps the bytes of an invalid certificate.', () => {
    const damaged = Uint8Array.of(0x30, 0x03, 0xff, 0xff, 0xff);

    expect(Buffer.from(pkcs7([damaged, usual.leaf])).includes(Buffer.concat([damaged, usual.leaf]))).toBe(true);
  });

  test('of PEM has lines of 64 columns and a newline after every block.', () => {
    const lines = pem(usual.chain).split('\n');

    expect(Math.max(...lines.map((line) => line.length))).toBe(64);
    expect(lines.at(-1)).toBe('');
    expect(lines.filter((line) => line === '')).toHaveLength(1);
  });
});
