import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildChain, type Chain, endsAtRoot, oneLine, writeChainPem } from '../../../functions/certificate/chain.ts';
import { InvalidChainError } from '../../../functions/certificate/invalid-chain.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type IssuedMarkCertificate,
  type SubjectAttribute,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type Extension, oid } from '../../../infra/local/ca/mark-extensions.ts';

let folder: string;
let authority: CertificateAuthority;
/** The same keys under other names. */
let other: CertificateAuthority;
let usual: IssuedMarkCertificate;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chain-'));
  authority = await createCertificateAuthority();
  other = authority.with({
    root: { attributes: () => named('Other Root') },
    issuing: { attributes: () => named('Other') },
  });
  usual = authority.issue({ domains: ['example.com'] });
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The chain made of these certificates, leaf first, each DER, where none is trusted. */
function chainOf(...ders: readonly Uint8Array[]): Buffer[] {
  return trusting([], ders);
}

/** The chain made of these certificates where some are trusted. */
function trusting(anchors: readonly Uint8Array[], ders: readonly Uint8Array[]): Buffer[] {
  return build(ders, (certificate) => anchors.some((anchor) => certificate.raw.equals(anchor))).map(({ raw }) => raw);
}

function build(ders: readonly Uint8Array[], isTrusted = (_: X509Certificate) => false): Chain {
  return buildChain(
    ders.map((der) => new X509Certificate(der)),
    isTrusted,
  );
}

function buffers(...ders: readonly Uint8Array[]): Buffer[] {
  return ders.map((der) => Buffer.from(der));
}

function named(commonName: string): SubjectAttribute[] {
  return [{ oid: oid.commonName, value: commonName }];
}

function keyOf(der: Uint8Array): KeyObject {
  return new X509Certificate(der).publicKey;
}

/** The subject of a root or an issuing CA as attributes. */
function subjectOf(of: CertificateAuthority, which: 'root' | 'issuing'): readonly SubjectAttribute[] {
  let subject: readonly SubjectAttribute[] = [];
  of.with({
    [which]: {
      attributes: (usually: readonly SubjectAttribute[]) => {
        subject = usually;
        return usually;
      },
    },
  });
  return subject;
}

/** Makes a leaf's extensions those of an authority: SEQUENCE { BOOLEAN TRUE } says so. */
function asAuthority(usually: readonly Extension[]): Extension[] {
  const basicConstraints = {
    oid: oid.basicConstraints,
    critical: true,
    value: Buffer.of(0x30, 0x03, 0x01, 0x01, 0xff),
  };
  return [basicConstraints, ...usually.filter((each) => each.oid === oid.authorityKeyIdentifier)];
}

/** An authority's certificate that the issuing CA of `signer` signs for a name and a key. */
function certified(
  signer: CertificateAuthority,
  attributes: readonly SubjectAttribute[],
  publicKey: KeyObject,
): Uint8Array {
  return signer.issue({ domains: [], publicKey, attributes: () => attributes, extensions: asAuthority }).leaf;
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  return items.length < 2
    ? [[...items]]
    : items.flatMap((first, i) => permutations(items.toSpliced(i, 1)).map((rest) => [first, ...rest]));
}

describe('a chain', () => {
  test('is leaf, issuer, root, in whatever order they come', () => {
    const { leaf, issuing, root } = usual;

    for (const order of permutations(usual.chain)) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('needs no root', () => {
    const { leaf, issuing } = usual;

    expect(chainOf(leaf, issuing)).toEqual(buffers(leaf, issuing));
    expect(chainOf(issuing, leaf)).toEqual(buffers(leaf, issuing));
  });

  test('leaves out certificates that are no link of it', () => {
    const { leaf, issuing, root } = usual;
    const { issuing: strangeIssuing, root: strangeRoot } = other;
    const strangeLeaf = other.issue({ domains: ['example.com'], extensions: without(oid.extKeyUsage) }).leaf;

    for (const order of permutations([strangeRoot, leaf, strangeIssuing, issuing, root])) {
      expect(chainOf(strangeLeaf, ...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('ends at the nearest root when the root is cross-signed as well', () => {
    const { leaf, issuing, root } = usual;
    const crossSigned = certified(other, subjectOf(authority, 'root'), keyOf(root));

    for (const order of permutations([leaf, issuing, root, crossSigned, other.issuing])) {
      expect(chainOf(...order, other.root)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('goes on over a cross-signed root when the root itself is not there', () => {
    const { leaf, issuing, root } = usual;
    const crossSigned = certified(other, subjectOf(authority, 'root'), keyOf(root));
    const expected = [leaf, issuing, crossSigned, other.issuing, other.root];

    for (const order of permutations(expected)) {
      expect(chainOf(...order)).toEqual(buffers(...expected));
    }
  });

  test('takes the way to a root, and not the one that leads past it to nowhere', () => {
    const { leaf, issuing, root } = usual;
    const otherIssuing = certified(other, subjectOf(authority, 'issuing'), keyOf(issuing));

    for (const order of permutations([otherIssuing, leaf, issuing, root, other.issuing])) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('leaves out an authority of the issuer’s name that has another key', () => {
    const { leaf, issuing, root } = usual;

    for (const key of foreignKeys()) {
      const impostor = certified(authority, subjectOf(authority, 'issuing'), key);
      for (const order of permutations([impostor, issuing, root])) {
        expect(chainOf(leaf, ...order)).toEqual(buffers(leaf, issuing, root));
      }
    }
  });

  test('is proved by signatures of any usual hash', () => {
    const sha384 = authority.with({ root: { signatureHash: 'SHA-384' }, issuing: { signatureHash: 'SHA-512' } });
    const { leaf, issuing, root } = sha384.issue({ domains: ['example.com'], signatureHash: 'SHA-384' });

    expect(chainOf(root, issuing, leaf)).toEqual(buffers(leaf, issuing, root));
  });
});

/** Keys of kinds that could have signed, and of kinds that could not: OpenSSL refuses to try some of them. */
function foreignKeys(): KeyObject[] {
  return [
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    generateKeyPairSync('ed25519').publicKey,
    generateKeyPairSync('x25519').publicKey,
    // RSA-PSS may not verify PKCS #1 v1.5.
    generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha384', mgf1HashAlgorithm: 'sha384' })
      .publicKey,
  ];
}

function without(...types: readonly string[]): (usually: readonly Extension[]) => Extension[] {
  return (usually) => usually.filter((each) => !types.includes(each.oid));
}

/** The bytes with one bit of the last byte changed: the signature. */
function falselySigned(der: Uint8Array): Uint8Array {
  const copy = Buffer.from(der);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}

describe('no chain', () => {
  const NO_LEAF = /no mark certificate among/;
  const NO_ISSUER = /the issuer of the mark certificate is missing: .*VMC Issuing RSA CA/;
  const NO_ISSUER_OR_FALSE_SIGNATURE = /is missing: |does not verify/;
  const FALSE_SIGNATURE = /the signature of .* does not verify with the key of its issuer/;

  function refusal(...ders: readonly Uint8Array[]): unknown {
    try {
      return chainOf(...ders);
    } catch (error) {
      return error;
    }
  }

  function expectRefusal(ders: readonly Uint8Array[], message: RegExp): void {
    for (const order of permutations(ders)) {
      const refused = refusal(...order);
      expect(refused).toBeInstanceOf(InvalidChainError);
      expect(refused).toMatchObject({ name: 'InvalidChain', message: expect.stringMatching(message) });
    }
  }

  test('is made of nothing', () => expectRefusal([], /the file contains no certificate/));

  test('is made of authorities alone, though one may issue for BIMI', () => {
    expectRefusal([usual.issuing, usual.root], /no mark certificate among 2 certificates/);
  });

  test('is made of a leaf alone', () => expectRefusal([usual.leaf], NO_ISSUER));

  test('is made of a leaf and the root, without what is between', () => {
    expectRefusal([usual.leaf, usual.root], NO_ISSUER);
  });

  test('is made of a leaf and another intermediate', () => {
    expectRefusal([usual.leaf, other.issuing, other.root], NO_ISSUER);
  });

  test('is made of two leaves', () => {
    const second = authority.issue({ domains: ['example.org'] }).leaf;

    expectRefusal([usual.leaf, second, usual.issuing, usual.root], /2 mark certificates among 4 certificates/);
  });

  test('is made of a leaf without extended key usage', () => {
    const { leaf, issuing, root } = authority.issue({ domains: ['example.com'], extensions: without(oid.extKeyUsage) });

    expectRefusal([leaf, issuing, root], NO_LEAF);
  });

  test.each([
    ['TLS servers', '1.3.6.1.5.5.7.3.1'],
    ['a neighbour of BIMI', '1.3.6.1.5.5.7.3.30'],
    ['the other neighbour of BIMI', '1.3.6.1.5.5.7.3.32'],
    ['an arc under BIMI', '1.3.6.1.5.5.7.3.31.1'],
    ['any purpose', '2.5.29.37.0'],
  ])('is made of a leaf for %s', (_, usage) => {
    const { leaf, issuing, root } = authority.issue({
      domains: ['example.com'],
      extensions: (usually) => [...without(oid.extKeyUsage)(usually), extendedKeyUsage(usage)],
    });

    expectRefusal([leaf, issuing, root], NO_LEAF);
  });

  test('is made of a leaf that is its own issuer', () => {
    const { leaf } = authority.issue({
      domains: ['example.com'],
      publicKey: keyOf(authority.issuing),
      attributes: () => subjectOf(authority, 'issuing'),
    });
    expect(new X509Certificate(leaf).verify(createPublicKey(pem([leaf])))).toBe(true);

    expectRefusal([leaf], NO_ISSUER);
    expectRefusal([leaf, authority.root], NO_ISSUER);
  });

  test('is made where the signature on the leaf is false', () => {
    expectRefusal([falselySigned(usual.leaf), usual.issuing, usual.root], FALSE_SIGNATURE);
    expectRefusal([falselySigned(usual.leaf), usual.issuing], FALSE_SIGNATURE);
  });

  test('is made where the signature on the intermediate is false', () => {
    expectRefusal([usual.leaf, falselySigned(usual.issuing), usual.root], FALSE_SIGNATURE);
  });

  test('is made where the signature on the root is false', () => {
    expectRefusal([usual.leaf, usual.issuing, falselySigned(usual.root)], FALSE_SIGNATURE);
  });

  test('is made where the issuer has the right name and another key', () => {
    for (const key of foreignKeys()) {
      const impostor = certified(authority, subjectOf(authority, 'issuing'), key);

      expectRefusal([usual.leaf, impostor, usual.root], NO_ISSUER_OR_FALSE_SIGNATURE);
    }
  });

  test('ends at a root of the right name that has another key', () => {
    const { leaf, issuing } = usual;

    for (const key of foreignKeys()) {
      const impostor = certified(authority, subjectOf(authority, 'root'), key);
      const outcome = refusal(leaf, issuing, impostor);

      // Either way nothing hangs on the impostor: without it the root is absent, which a chain may lack.
      expect(outcome instanceof InvalidChainError ? buffers(leaf, issuing) : outcome).toEqual(buffers(leaf, issuing));
    }
  });

  test('is made where the key of the issuer is of a kind that cannot be read', () => {
    const ed25519 = Buffer.from('06032b6570', 'hex');
    const impostor = Buffer.from(
      certified(authority, subjectOf(authority, 'issuing'), generateKeyPairSync('ed25519').publicKey),
    );
    impostor.writeUInt8(0x7f, impostor.indexOf(ed25519) + ed25519.length - 1);
    expect(() => new X509Certificate(impostor).publicKey).toThrow();

    expectRefusal([usual.leaf, impostor], NO_ISSUER_OR_FALSE_SIGNATURE);
  });

  test('is made where the root is damaged, be it in its own key identifier', () => {
    const subjectKeyIdentifier = Buffer.from('0603551d0e041604', 'hex');
    const root = Buffer.from(usual.root);
    const at = root.indexOf(subjectKeyIdentifier) + subjectKeyIdentifier.length + 1;
    root.writeUInt8(root.readUInt8(at) ^ 1, at);

    expectRefusal([usual.leaf, usual.issuing, root], FALSE_SIGNATURE);
  });

  test('is made of authorities that sign each other in a loop, and the search ends', () => {
    const loop = certified(authority, subjectOf(authority, 'root'), keyOf(usual.root));
    expect(new X509Certificate(loop).verify(keyOf(usual.issuing))).toBe(true);
    expect(new X509Certificate(usual.issuing).verify(keyOf(loop))).toBe(true);

    expect(refusal(usual.leaf, usual.issuing, loop)).toBeInstanceOf(InvalidChainError);
  });

  test('is not what a loop makes impossible: where there is a root as well, it is found', () => {
    const { leaf, issuing, root } = usual;
    const loop = certified(authority, subjectOf(authority, 'root'), keyOf(root));

    for (const order of permutations([loop, leaf, issuing, root])) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });
});

function extendedKeyUsage(usage: string): Extension {
  const arcs = usage.split('.').map(Number);
  const [first = 0, second = 0, ...rest] = arcs;
  const content = Buffer.of(first * 40 + second, ...rest);
  const type = Buffer.concat([Buffer.of(0x06, content.length), content]);
  return { oid: oid.extKeyUsage, value: Buffer.concat([Buffer.of(0x30, type.length), type]) };
}

describe('where cross-signing allows several chains', () => {
  /** The root as the other CA certifies it: leaf, issuing CA, this, the other issuing CA, the other root. */
  const crossSigned = () => certified(other, subjectOf(authority, 'root'), keyOf(usual.root));
  const short = () => [usual.leaf, usual.issuing, usual.root];
  const long = () => [usual.leaf, usual.issuing, crossSignedRoot, other.issuing, other.root];
  let crossSignedRoot: Uint8Array;

  beforeAll(() => {
    crossSignedRoot = crossSigned();
  });

  test('the one with a trust anchor is taken, though it is longer', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([other.root], all)).toEqual(buffers(...long()));
    expect(trusting([other.root], all.toReversed())).toEqual(buffers(...long()));
  });

  test('a trust anchor need not be a root, but the chain goes on to one', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([crossSignedRoot], all)).toEqual(buffers(...long()));
    expect(trusting([other.issuing], all.toReversed())).toEqual(buffers(...long()));
  });

  test('a trust anchor without a root above it is better than a root nobody trusts', () => {
    const [leaf, issuing, , otherIssuing] = long().map((der) => Buffer.from(der));
    const all = [...short(), crossSignedRoot, other.issuing];

    expect(trusting([other.issuing], all)).toEqual([leaf, issuing, Buffer.from(crossSignedRoot), otherIssuing]);
  });

  test('the shorter is taken where both are trusted, and where neither is', () => {
    const all = [...short(), ...long().slice(2)].toReversed();

    expect(trusting([usual.root, other.root], all)).toEqual(buffers(...short()));
    expect(trusting([usual.issuing], all)).toEqual(buffers(...short()));
    expect(trusting([], all)).toEqual(buffers(...short()));
  });

  test('to trust the leaf itself proves nothing', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([usual.leaf, other.root], all)).toEqual(buffers(...long()));
    expect(() => trusting([usual.leaf], [usual.leaf])).toThrow(InvalidChainError);
  });
});

describe('a chain ends at a root', () => {
  test.each([
    ['when its last certificate is signed by itself', () => usual.chain, true],
    ['and not below it', () => [usual.leaf, usual.issuing], false],
    ['and not at a damaged one', () => [usual.leaf, usual.issuing, falselySigned(usual.root)], false],
    ['and not where there is none', () => [], false],
  ])('%s', (_, chain, expected) => {
    expect(endsAtRoot(chain().map((der) => new X509Certificate(der)))).toBe(expected);
  });
});

describe('chain.pem', () => {
  const lines = () => writeChainPem(chain()).split('\n');
  const chain = () => build(usual.chain.toReversed());

  test('is the blocks of the chain, leaf first, as RFC 7468 writes them', () => {
    expect(writeChainPem(chain())).toBe(pem([usual.leaf, usual.issuing, usual.root]));
  });

  test('has the label CERTIFICATE, 64 columns, LF, and a newline at the end', () => {
    const boundaries = lines().filter((line) => line.startsWith('-'));
    const columns = lines().filter((line) => /^[A-Za-z0-9+/=]+$/.test(line));

    expect(boundaries).toEqual(
      Array.from({ length: 3 }, () => ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----']).flat(),
    );
    expect(Math.max(...columns.map((line) => line.length))).toBe(64);
    expect(columns.filter((line) => line.length < 64).length).toBeLessThanOrEqual(3);
    expect(boundaries.length + columns.length + 1).toBe(lines().length);
    expect(lines().at(-1)).toBe('');
  });

  test('is what openssl verifies against the root', () => {
    const [chainFile, rootFile] = ['chain.pem', 'root.pem'].map((name) => path.join(folder, name));
    writeFileSync(`${chainFile}`, writeChainPem(chain()));
    writeFileSync(`${rootFile}`, pem([usual.root]));

    const args = ['verify', '-CAfile', `${rootFile}`, '-untrusted', `${chainFile}`, `${chainFile}`];

    expect(execFileSync('openssl', args, { encoding: 'utf8' })).toBe(`${chainFile}: OK\n`);
  });

  test('has no root where none was delivered', () => {
    expect(writeChainPem(build([usual.issuing, usual.leaf]))).toBe(pem([usual.leaf, usual.issuing]));
  });
});

describe('a distinguished name', () => {
  test('stands on one line', () => {
    expect(oneLine('C=GB\nO=Example\nCN=Name')).toBe('C=GB, O=Example, CN=Name');
  });
});
