import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidChainError } from '../../../../functions/certificate/invalid-chain.ts';
import { buildChain, type Chain, oneLine, writeChainPem } from '../../../../functions/certificate/path/chain.ts';
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { fingerprintOf } from '../../../../functions/certificate/x509/fingerprint.ts';
import type {
  CertificateAuthority,
  IssuedMarkCertificate,
  SubjectAttribute,
} from '../../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { basicConstraints, type Extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../../authority.ts';
import { identifier, sequence } from '../der.ts';

let folder: string;
let authority: CertificateAuthority;
/** An authority with the same keys and other names. */
let other: CertificateAuthority;
let usual: IssuedMarkCertificate;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chain-'));
  authority = await openAuthority();
  other = authority.with({
    root: { attributes: () => named('Other Root') },
    issuing: { attributes: () => named('Other') },
  });
  usual = authority.issue({ domains: ['example.com'] });
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The chain made from these certificates, leaf first, each in DER. None is trusted. */
function chainOf(...ders: readonly Uint8Array[]): Buffer[] {
  return trusting([], ders);
}

/** The chain made from these certificates. Some are trusted. */
function trusting(pinned: readonly Uint8Array[], ders: readonly Uint8Array[]): Buffer[] {
  return build(ders, pinned).certificates.map(({ certificate }) => certificate.raw);
}

function build(ders: readonly Uint8Array[], pinned: readonly Uint8Array[] = []): Chain {
  return buildChain(
    ders.map((der) => new X509Certificate(der)),
    { known: [], pinned: pinned.map((der) => fingerprintOf(new X509Certificate(der))) },
    new Date(),
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
      attributes: (original: readonly SubjectAttribute[]) => {
        subject = original;
        return original;
      },
    },
  });
  return subject;
}

/** Makes the extensions of a leaf those of a CA. */
function asCa(original: readonly Extension[]): Extension[] {
  return [basicConstraints({ cA: true }), ...original.filter((each) => each.oid === oid.authorityKeyIdentifier)];
}

/** A CA certificate for a name and a key, signed by the issuing CA of `signer`. */
function certified(
  signer: CertificateAuthority,
  attributes: readonly SubjectAttribute[],
  publicKey: KeyObject,
): Uint8Array {
  return signer.issue({ domains: [], publicKey, attributes: () => attributes, extensions: asCa }).leaf;
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  return items.length < 2
    ? [[...items]]
    : items.flatMap((first, i) => permutations(items.toSpliced(i, 1)).map((rest) => [first, ...rest]));
}

describe('A chain', () => {
  test('consists of leaf, issuer and root, whatever the order of the input.', () => {
    const { leaf, issuing, root } = usual;

    for (const order of permutations(usual.chain)) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('needs no root.', () => {
    const { leaf, issuing } = usual;

    expect(chainOf(leaf, issuing)).toEqual(buffers(leaf, issuing));
    expect(chainOf(issuing, leaf)).toEqual(buffers(leaf, issuing));
  });

  test('does not contain surplus certificates.', () => {
    const { leaf, issuing, root } = usual;
    const { issuing: surplusIssuing, root: surplusRoot } = other;
    const surplusLeaf = other.issue({ domains: ['example.com'], extensions: without(oid.extKeyUsage) }).leaf;

    for (const order of permutations([surplusRoot, leaf, surplusIssuing, issuing, root])) {
      expect(chainOf(surplusLeaf, ...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('ends at the nearest root, even if that root is cross-signed too.', () => {
    const { leaf, issuing, root } = usual;
    const crossSigned = certified(other, subjectOf(authority, 'root'), keyOf(root));

    for (const order of permutations([leaf, issuing, root, crossSigned, other.issuing])) {
      expect(chainOf(...order, other.root)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('continues above a cross-signed root if the self-signed root is missing.', () => {
    const { leaf, issuing, root } = usual;
    const crossSigned = certified(other, subjectOf(authority, 'root'), keyOf(root));
    const expected = [leaf, issuing, crossSigned, other.issuing, other.root];

    for (const order of permutations(expected)) {
      expect(chainOf(...order)).toEqual(buffers(...expected));
    }
  });

  test('follows the path to a root instead of an incomplete path.', () => {
    const { leaf, issuing, root } = usual;
    const otherIssuing = certified(other, subjectOf(authority, 'issuing'), keyOf(issuing));

    for (const order of permutations([otherIssuing, leaf, issuing, root, other.issuing])) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });

  test('does not contain a CA with the name of the issuer and another key.', () => {
    const { leaf, issuing, root } = usual;

    for (const key of FOREIGN_KEYS) {
      const impostor = certified(authority, subjectOf(authority, 'issuing'), key);
      for (const order of permutations([impostor, issuing, root])) {
        expect(chainOf(leaf, ...order)).toEqual(buffers(leaf, issuing, root));
      }
    }
  });

  test('may have signatures with SHA-256, SHA-384 and SHA-512.', () => {
    const sha384 = authority.with({ root: { signatureHash: 'SHA-384' }, issuing: { signatureHash: 'SHA-512' } });
    const { leaf, issuing, root } = sha384.issue({ domains: ['example.com'], signatureHash: 'SHA-384' });

    expect(chainOf(root, issuing, leaf)).toEqual(buffers(leaf, issuing, root));
  });
});

/** Keys of several types. OpenSSL throws for some of them instead of verifying a signature. */
const FOREIGN_KEYS: readonly KeyObject[] = [
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  generateKeyPairSync('ed25519').publicKey,
  generateKeyPairSync('x25519').publicKey,
  // An RSA-PSS key must not verify a signature of PKCS #1 v1.5.
  generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha384', mgf1HashAlgorithm: 'sha384' })
    .publicKey,
];

function without(...types: readonly string[]): (original: readonly Extension[]) => Extension[] {
  return (original) => original.filter((each) => !types.includes(each.oid));
}

/** Inverts one bit of the last byte, which belongs to the signature. */
function withWrongSignature(der: Uint8Array): Uint8Array {
  const copy = Buffer.from(der);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}

describe('InvalidChain is thrown', () => {
  const NO_LEAF = /no mark certificate/;
  const NO_ISSUER = /the issuer of the mark certificate is missing: .*VMC Issuing RSA CA/;
  const NO_ISSUER_OR_WRONG_SIGNATURE = /is missing: |does not verify/;
  const WRONG_SIGNATURE = /the signature of .* does not verify with the key of its issuer/;

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

  test('without certificates.', () => expectRefusal([], /the file contains no certificate/));

  test('for CA certificates alone, even if one of them may issue mark certificates.', () => {
    expectRefusal([usual.issuing, usual.root], /2 certificates, but no mark certificate/);
  });

  test('for a leaf alone.', () => expectRefusal([usual.leaf], NO_ISSUER));

  test('for a leaf and the root without the issuing CA.', () => {
    expectRefusal([usual.leaf, usual.root], NO_ISSUER);
  });

  test('for a leaf and another issuing CA.', () => {
    expectRefusal([usual.leaf, other.issuing, other.root], NO_ISSUER);
  });

  test('for two leaves.', () => {
    const second = authority.issue({ domains: ['example.org'] }).leaf;

    expectRefusal([usual.leaf, second, usual.issuing, usual.root], /2 mark certificates, but must contain exactly one/);
  });

  test('for a leaf without extended key usage.', () => {
    const { leaf, issuing, root } = authority.issue({ domains: ['example.com'], extensions: without(oid.extKeyUsage) });

    expectRefusal([leaf, issuing, root], NO_LEAF);
  });

  test.each([
    ['TLS servers', '1.3.6.1.5.5.7.3.1'],
    ['the OID before that of BIMI', '1.3.6.1.5.5.7.3.30'],
    ['the OID after that of BIMI', '1.3.6.1.5.5.7.3.32'],
    ['an OID below that of BIMI', '1.3.6.1.5.5.7.3.31.1'],
    ['any purpose', '2.5.29.37.0'],
  ])('for a leaf with the usage for %s.', (_, usage) => {
    const { leaf, issuing, root } = authority.issue({
      domains: ['example.com'],
      extensions: (original) => [
        ...without(oid.extKeyUsage)(original),
        { oid: oid.extKeyUsage, value: sequence(identifier(usage)) },
      ],
    });

    expectRefusal([leaf, issuing, root], NO_LEAF);
  });

  test('for a self-signed leaf, and the reason says that it is one.', async () => {
    const { leaf } = authority.issue({
      domains: ['example.com'],
      publicKey: keyOf(authority.issuing),
      attributes: () => subjectOf(authority, 'issuing'),
    });
    expect(new X509Certificate(leaf).verify(createPublicKey(pem([leaf])))).toBe(true);

    expectRefusal([leaf], NO_ISSUER);
    expectRefusal([leaf, authority.root], NO_ISSUER);
    await expect(readMarkCertificate(Buffer.from(pem([leaf])), { at: new Date() })).rejects.toThrow(
      /^the mark certificate \(.*VMC Issuing RSA CA\) is self-signed: no CA issued it$/,
    );
  });

  test('if the signature of the leaf is wrong.', () => {
    expectRefusal([withWrongSignature(usual.leaf), usual.issuing, usual.root], WRONG_SIGNATURE);
    expectRefusal([withWrongSignature(usual.leaf), usual.issuing], WRONG_SIGNATURE);
  });

  test('if the signature of the issuing CA is wrong.', () => {
    expectRefusal([usual.leaf, withWrongSignature(usual.issuing), usual.root], WRONG_SIGNATURE);
  });

  test('if the signature of the root is wrong.', () => {
    expectRefusal([usual.leaf, usual.issuing, withWrongSignature(usual.root)], WRONG_SIGNATURE);
  });

  test('if the issuer has the right name and another key.', () => {
    for (const key of FOREIGN_KEYS) {
      const impostor = certified(authority, subjectOf(authority, 'issuing'), key);

      expectRefusal([usual.leaf, impostor, usual.root], NO_ISSUER_OR_WRONG_SIGNATURE);
    }
  });

  test('for a root with the right name and another key, or the root is left out.', () => {
    const { leaf, issuing } = usual;

    for (const key of FOREIGN_KEYS) {
      const impostor = certified(authority, subjectOf(authority, 'root'), key);
      const outcome = refusal(leaf, issuing, impostor);

      // In both cases the impostor has no effect: a chain may lack its root.
      expect(outcome instanceof InvalidChainError ? buffers(leaf, issuing) : outcome).toEqual(buffers(leaf, issuing));
    }
  });

  test('if the key of the issuer has an unknown type.', () => {
    const ed25519 = Buffer.from('06032b6570', 'hex');
    const impostor = Buffer.from(
      certified(authority, subjectOf(authority, 'issuing'), generateKeyPairSync('ed25519').publicKey),
    );
    impostor.writeUInt8(0x7f, impostor.indexOf(ed25519) + ed25519.length - 1);
    expect(() => new X509Certificate(impostor).publicKey).toThrow();

    expectRefusal([usual.leaf, impostor], NO_ISSUER_OR_WRONG_SIGNATURE);
  });

  test('if the root is damaged, even in its key identifier.', () => {
    const subjectKeyIdentifier = Buffer.from('0603551d0e041604', 'hex');
    const root = Buffer.from(usual.root);
    const at = root.indexOf(subjectKeyIdentifier) + subjectKeyIdentifier.length + 1;
    root.writeUInt8(root.readUInt8(at) ^ 1, at);

    expectRefusal([usual.leaf, usual.issuing, root], WRONG_SIGNATURE);
  });

  test('but not for CAs that sign each other in a loop. No root validates their chain.', () => {
    const loop = certified(authority, subjectOf(authority, 'root'), keyOf(usual.root));
    expect(new X509Certificate(loop).verify(keyOf(usual.issuing))).toBe(true);
    expect(new X509Certificate(usual.issuing).verify(keyOf(loop))).toBe(true);

    for (const order of permutations([usual.leaf, usual.issuing, loop])) {
      expect(chainOf(...order)).toEqual(buffers(usual.leaf, usual.issuing, loop));
      expect(build(order)).toMatchObject({ trustAnchor: null, rootDelivered: false });
    }
  });

  test('but not for a loop if there is a root too.', () => {
    const { leaf, issuing, root } = usual;
    const loop = certified(authority, subjectOf(authority, 'root'), keyOf(root));

    for (const order of permutations([loop, leaf, issuing, root])) {
      expect(chainOf(...order)).toEqual(buffers(leaf, issuing, root));
    }
  });
});

describe('If cross-signing allows several chains,', () => {
  /** The root as certified by the other CA. It makes the chain longer by the other issuing CA and the other root. */
  const crossSigned = () => certified(other, subjectOf(authority, 'root'), keyOf(usual.root));
  const short = () => [usual.leaf, usual.issuing, usual.root];
  const long = () => [usual.leaf, usual.issuing, crossSignedRoot, other.issuing, other.root];
  let crossSignedRoot: Uint8Array;

  beforeAll(() => {
    crossSignedRoot = crossSigned();
  });

  test('the one with a trust anchor is used, even if it is longer.', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([other.root], all)).toEqual(buffers(...long()));
    expect(trusting([other.root], all.toReversed())).toEqual(buffers(...long()));
  });

  test('one with a trust anchor that is not a root continues to its root.', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([crossSignedRoot], all)).toEqual(buffers(...long()));
    expect(trusting([other.issuing], all.toReversed())).toEqual(buffers(...long()));
  });

  test('one with a trust anchor and without a root precedes one with an untrusted root.', () => {
    const [leaf, issuing, , otherIssuing] = long().map((der) => Buffer.from(der));
    const all = [...short(), crossSignedRoot, other.issuing];

    expect(trusting([other.issuing], all)).toEqual([leaf, issuing, Buffer.from(crossSignedRoot), otherIssuing]);
  });

  test('the shorter is used if both or neither are trusted.', () => {
    const all = [...short(), ...long().slice(2)].toReversed();

    expect(trusting([usual.root, other.root], all)).toEqual(buffers(...short()));
    expect(trusting([usual.issuing], all)).toEqual(buffers(...short()));
    expect(trusting([], all)).toEqual(buffers(...short()));
  });

  test('trusting the leaf has no effect.', () => {
    const all = [...short(), ...long().slice(2)];

    expect(trusting([usual.leaf, other.root], all)).toEqual(buffers(...long()));
    expect(() => trusting([usual.leaf], [usual.leaf])).toThrow(InvalidChainError);
  });
});

describe('The root is delivered', () => {
  test.each([
    ['if the last certificate of the chain is self-signed.', () => usual.chain, true],
    ['but not if the chain ends at the issuing CA.', () => [usual.leaf, usual.issuing], false],
  ])('%s', (_, delivered, expected) => {
    expect(build(delivered()).rootDelivered).toBe(expected);
  });
});

describe('The PEM of a chain', () => {
  const lines = () => writeChainPem(chain()).split('\n');
  const chain = () => build(usual.chain.toReversed());

  test('contains one block for each certificate, leaf first.', () => {
    expect(writeChainPem(chain())).toBe(pem([usual.leaf, usual.issuing, usual.root]));
  });

  test('has the label CERTIFICATE, 64 columns, LF, and a newline at the end.', () => {
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

  test('is accepted by the openssl command.', () => {
    const [chainFile, rootFile] = ['chain.pem', 'root.pem'].map((name) => path.join(folder, name));
    writeFileSync(`${chainFile}`, writeChainPem(chain()));
    writeFileSync(`${rootFile}`, pem([usual.root]));

    const args = ['verify', '-CAfile', `${rootFile}`, '-untrusted', `${chainFile}`, `${chainFile}`];

    expect(execFileSync('openssl', args, { encoding: 'utf8' })).toBe(`${chainFile}: OK\n`);
  });

  test('has no root if none was delivered.', () => {
    expect(writeChainPem(build([usual.issuing, usual.leaf]))).toBe(pem([usual.leaf, usual.issuing]));
  });
});

describe('A distinguished name', () => {
  test('is written on one line.', () => {
    expect(oneLine('C=GB\nO=Example\nCN=Name')).toBe('C=GB, O=Example, CN=Name');
  });
});
