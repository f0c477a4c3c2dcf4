import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { buildChain } from '../../../../functions/certificate/path/chain.ts';
import { type KnownAnchor, TRUST_ANCHORS } from '../../../../functions/certificate/path/trust-anchors.ts';
import { InvalidChainError, readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { basicConstraints, type Extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { der, identifier, sequence, tagged } from '../der.ts';
import { AT } from '../finding-case.ts';
import {
  authorityKeyIdentifier,
  certify,
  commonName,
  type Fields,
  fingerprint,
  ISSUING_EXTENSIONS,
  LEAF_EXTENSIONS,
  name,
  newKey,
  opensslVerify,
  pss,
  publicHalf,
  ROOT_EXTENSIONS,
  rsa,
  STRING,
  string,
  subjectKeyIdentifier,
  time,
} from './hand-made.ts';

const [leafKey, issuingKey, rootKey, otherKey] = [newKey(), newKey(), newKey(), newKey()];
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const [ISSUING, ROOT] = [commonName('Issuing CA'), commonName('Root CA')];

interface Changes {
  readonly leaf?: Partial<Fields>;
  readonly issuing?: Partial<Fields>;
  readonly root?: Partial<Fields>;
}

/** Leaf, issuing CA and root, with changes. */
function chainOf({ leaf, issuing, root }: Changes = {}): readonly [leaf: Buffer, issuing: Buffer, root: Buffer] {
  return [
    certify({
      subject: commonName('Brand'),
      issuer: ISSUING,
      publicKey: publicHalf(leafKey),
      signedBy: issuingKey,
      extensions: LEAF_EXTENSIONS,
      ...leaf,
    }),
    certify({
      subject: ISSUING,
      issuer: ROOT,
      publicKey: publicHalf(issuingKey),
      signedBy: rootKey,
      extensions: ISSUING_EXTENSIONS,
      ...issuing,
    }),
    certify({
      subject: ROOT,
      issuer: ROOT,
      publicKey: publicHalf(rootKey),
      signedBy: rootKey,
      extensions: ROOT_EXTENSIONS,
      ...root,
    }),
  ];
}

/** The ids of the errors, in their order, or InvalidChain; `none` if the chain is publishable. */
async function errorsOf(delivered: readonly Uint8Array[], trusted: readonly Uint8Array[]): Promise<string> {
  try {
    const expectations = { at: AT, trustAnchors: trusted.map(fingerprint) };
    const { report } = await readMarkCertificate(Buffer.from(pem(delivered)), expectations);
    const errors = report.findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);
    return errors.join(' ') || 'none';
  } catch (error) {
    return error instanceof InvalidChainError ? error.name : String(error);
  }
}

/** Adds extensions to those of a leaf. */
const leafWith = (...more: readonly Extension[]) => ({ leaf: { extensions: [...LEAF_EXTENSIONS, ...more] } });
const issuingWith = (...more: readonly Extension[]) => ({ extensions: [...ISSUING_EXTENSIONS, ...more] });
const constraints = (permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): Extension => {
  const subtrees = (number: number, bases: readonly Uint8Array[]) =>
    bases.length > 0 ? [tagged(number, ...bases.map((base) => sequence(base)))] : [];
  return {
    oid: '2.5.29.30',
    critical: true,
    value: sequence(...subtrees(0, permitted), ...subtrees(1, excluded)),
  };
};
const generalName = (form: number, contents: string | Uint8Array) =>
  der(form === 4 ? 0xa4 : 0x80 | form, Buffer.from(contents));
const alternativeNames = (...names: readonly Uint8Array[]): Partial<Fields> => ({
  extensions: [
    ...LEAF_EXTENSIONS.filter((each) => each.oid !== oid.subjectAltName),
    { oid: oid.subjectAltName, value: sequence(generalName(2, 'example.com'), ...names) },
  ],
});
const email = '1.2.840.113549.1.9.1';
const organized = (text: string, tag?: number) =>
  name([[oid.organizationName, string(text, tag)]], [[oid.commonName, string('Brand')]]);

describe('A path is publishable, and OpenSSL accepts it,', () => {
  const CASES: Readonly<Record<string, Changes>> = {
    'if nothing is special.': {},
    'if names differ in case.': { leaf: { issuer: commonName('ISSUING ca') } },
    'if names differ in spaces.': { leaf: { issuer: commonName('  Issuing \t  CA ') } },
    'if a name is a PrintableString.': { leaf: { issuer: commonName('Issuing CA', STRING.printable) } },
    'if a name is a BMPString.': { leaf: { issuer: commonName('Issuing CA', STRING.bmp) } },
    'if a name is a UniversalString.': { leaf: { issuer: commonName('Issuing CA', STRING.universal) } },
    'if a name is a TeletexString.': { leaf: { issuer: commonName('Issuing CA', STRING.teletex) } },
    'if both names are empty.': { leaf: { issuer: name() }, issuing: { subject: name() } },
    'if the order in an RDN differs, and both are equal sets.': {
      leaf: {
        issuer: name([
          [oid.commonName, string('A')],
          [oid.organizationName, string('B')],
        ]),
      },
      issuing: {
        subject: name([
          [oid.organizationName, string('b')],
          [oid.commonName, string('a ')],
        ]),
      },
    },
    'if a TeletexString and a UTF8String have the same letters outside ASCII.': {
      leaf: { issuer: commonName('Grün', STRING.teletex) },
      issuing: { subject: commonName('Grün') },
    },
    'if the key identifiers agree.': {
      ...leafWith(authorityKeyIdentifier({ keyIdentifier: Buffer.of(1), issuer: ROOT, serialNumber: 1 })),
      issuing: issuingWith(subjectKeyIdentifier(Buffer.of(1))),
    },
    'if name constraints permit the directory name of the leaf.': {
      leaf: { subject: organized('Brand') },
      issuing: issuingWith(constraints([generalName(4, name([[oid.organizationName, string('BRAND', STRING.bmp)]]))])),
    },
    'if the network of its address is permitted.': {
      leaf: alternativeNames(generalName(7, Buffer.of(192, 0, 2, 7))),
      issuing: issuingWith(constraints([generalName(7, Buffer.of(192, 0, 2, 0, 255, 255, 255, 0))])),
    },
    'if the host of its URI is permitted.': {
      leaf: alternativeNames(generalName(6, 'https://www.example.com:8443/path')),
      issuing: issuingWith(constraints([generalName(6, '.example.com')])),
    },
    'if its mailbox is permitted.': {
      leaf: alternativeNames(generalName(1, 'Info@EXAMPLE.com')),
      issuing: issuingWith(constraints([generalName(1, 'Info@example.com')])),
    },
    'if only forms are constrained that it does not have.': {
      issuing: issuingWith(constraints([generalName(1, 'example.org'), generalName(8, Buffer.of(42))])),
    },
    'if an RSA-PSS signature uses SHA-256.': {
      leaf: { signedBy: rsaKey, signing: pss('sha256') },
      issuing: { publicKey: publicHalf(rsaKey) },
    },
    'if a root has version 3 and is valid beyond 2049.': { root: { notAfter: time(new Date('2051-01-01T00:00:00Z')) } },
  };

  test.each(Object.entries(CASES))('%s', async (_, changes) => {
    const [leaf, issuing, root] = chainOf(changes);

    expect(await errorsOf([leaf, issuing, root], [root])).toBe('none');
    expect(opensslVerify(leaf, { trusted: [root], untrusted: [issuing] })).toBe('OK');
  });
});

describe('A path is not publishable', () => {
  const CASES: Readonly<Record<string, Changes & { readonly errors: string; readonly openssl: RegExp }>> = {
    'if names differ in a letter.': {
      leaf: { issuer: commonName('Issuing CB') },
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if names differ in the case of a letter outside ASCII.': {
      leaf: { issuer: commonName('GRÜN') },
      issuing: { subject: commonName('grün') },
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if names differ in the order of RDNs.': {
      leaf: { issuer: name([[oid.commonName, string('A')]], [[oid.organizationName, string('B')]]) },
      issuing: { subject: name([[oid.organizationName, string('B')]], [[oid.commonName, string('A')]]) },
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if a NumericString and a PrintableString have the same digits.': {
      leaf: { issuer: commonName('12', STRING.numeric) },
      issuing: { subject: commonName('12', STRING.printable) },
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if only one name is empty.': {
      leaf: { issuer: name() },
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if the key identifiers contradict.': {
      ...leafWith(authorityKeyIdentifier({ keyIdentifier: Buffer.of(1) })),
      issuing: issuingWith(subjectKeyIdentifier(Buffer.of(2))),
      errors: 'InvalidChain',
      openssl: /unable to get local issuer|issuer key identifier mismatch/,
    },
    'if the serial number of the issuer contradicts.': {
      ...leafWith(authorityKeyIdentifier({ issuer: ROOT, serialNumber: 2 })),
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if the name of the issuer of the issuer contradicts.': {
      ...leafWith(authorityKeyIdentifier({ issuer: commonName('Another Root'), serialNumber: 1 })),
      errors: 'InvalidChain',
      openssl: /unable to get local issuer/,
    },
    'if the leaf was signed with another key.': {
      leaf: { signedBy: otherKey },
      errors: 'InvalidChain',
      openssl: /signature failure/,
    },
    'if the algorithm inside the signed part differs.': {
      leaf: { innerAlgorithm: sequence(identifier('1.2.840.10045.4.3.3')) },
      errors: 'InvalidChain',
      openssl: /signature failure/,
    },
    'if a date has no seconds.': {
      leaf: { notBefore: der(0x17, Buffer.from('2601010000Z')) },
      errors: 'InvalidChain',
      openssl: /./,
    },
    'if a path length does not allow a CA that is not self-issued.': {
      root: { extensions: [pathLength(0), ...ROOT_EXTENSIONS.slice(1)] },
      errors: 'ca-flags',
      openssl: /path length constraint exceeded/,
    },
    'if another directory name is permitted.': {
      leaf: { subject: organized('Brand') },
      issuing: issuingWith(constraints([generalName(4, organized('Other'))])),
      errors: 'ca-flags',
      openssl: /permitted subtree violation/,
    },
    'if its directory name is excluded.': {
      leaf: { subject: organized('Brand') },
      issuing: issuingWith(constraints([], [generalName(4, name([[oid.organizationName, string('bRAND ')]]))])),
      errors: 'ca-flags',
      openssl: /excluded subtree violation/,
    },
    'if the root excludes the name of the issuing CA.': {
      root: { extensions: [...ROOT_EXTENSIONS, constraints([], [generalName(4, ISSUING)])] },
      errors: 'ca-flags',
      openssl: /excluded subtree violation/,
    },
    'if an address is outside the permitted network.': {
      leaf: alternativeNames(generalName(7, Buffer.of(192, 0, 3, 7))),
      issuing: issuingWith(constraints([generalName(7, Buffer.of(192, 0, 2, 0, 255, 255, 255, 0))])),
      errors: 'ca-flags',
      openssl: /permitted subtree violation/,
    },
    'if the host of a URI is excluded.': {
      leaf: alternativeNames(generalName(6, 'https://www.example.com/')),
      issuing: issuingWith(constraints([], [generalName(6, 'www.example.com')])),
      errors: 'ca-flags',
      openssl: /excluded subtree violation/,
    },
    'if the mailbox of the subject is excluded.': {
      leaf: { subject: name([[email, string('a@example.com', STRING.ia5)]]) },
      issuing: issuingWith(constraints([], [generalName(1, 'example.com')])),
      errors: 'ca-flags',
      openssl: /excluded subtree violation/,
    },
    'if a form that cannot be compared is constrained and present.': {
      leaf: alternativeNames(generalName(8, Buffer.of(42))),
      issuing: issuingWith(constraints([generalName(8, Buffer.of(42))])),
      errors: 'ca-flags',
      openssl: /unsupported name constraint type/,
    },
    'if name constraints cannot be read.': {
      issuing: issuingWith({ oid: '2.5.29.30', critical: true, value: Buffer.of(5, 0) }),
      errors: 'critical-extension',
      openssl: /./,
    },
    'if two CAs have one name, and one could be taken for the other.': {
      issuing: { subject: ROOT },
      leaf: { issuer: ROOT },
      errors: 'ca-flags',
      openssl: /self-signed certificate|signature failure/,
    },
  };

  test.each(Object.entries(CASES))('%s', async (_, { errors, openssl, ...changes }) => {
    const [leaf, issuing, root] = chainOf(changes);

    expect(await errorsOf([leaf, issuing, root], [root])).toBe(errors);
    expect(opensslVerify(leaf, { trusted: [root], untrusted: [issuing] })).toMatch(openssl);
    expect(opensslVerify(leaf, { trusted: [root], untrusted: [issuing] })).not.toBe('OK');
  });

  // The verify command of OpenSSL accepts them at its lowest security level.
  test.each([
    ['MD5', rsa('1.2.840.113549.1.1.4', 'md5')],
    ['RSA-PSS with MD5', pss('md5')],
  ])('if the leaf was signed with %s.', async (_, signing) => {
    const [leaf, issuing, root] = chainOf({
      leaf: { signedBy: rsaKey, signing },
      issuing: { publicKey: publicHalf(rsaKey) },
    });

    expect(new X509Certificate(leaf).verify(publicHalf(rsaKey))).toBe(true);
    expect(await errorsOf([leaf, issuing, root], [root])).toBe('InvalidChain');
  });

  test.each([
    ['of version 1 has extensions.', { leaf: { version: 0 } }, 'InvalidChain'],
    [
      'has a GeneralizedTime before 2050.',
      { leaf: { notAfter: der(0x18, Buffer.from('20270101000000Z')) } },
      'validity',
    ],
  ])('if a certificate %s OpenSSL accepts it.', async (_, changes: Changes, errors) => {
    const [leaf, issuing, root] = chainOf(changes);

    expect(await errorsOf([leaf, issuing, root], [root])).toBe(errors);
    expect(opensslVerify(leaf, { trusted: [root], untrusted: [issuing] })).toBe('OK');
  });
});

const pathLength = (limit: number) => basicConstraints({ cA: true, pathLenConstraint: limit });

describe('A known root', () => {
  const known: KnownAnchor = {
    displayName: 'Root CA',
    name: [['CN', 'Root CA']],
    fingerprintSha256: fingerprint(chainOf()[2]),
    key: publicHalf(rootKey).export({ type: 'spki', format: 'der' }).toString('base64'),
  };

  function build(delivered: readonly Uint8Array[]) {
    const certificates = delivered.map((each) => new X509Certificate(each));
    const built = buildChain(certificates, { known: [known], pinned: [] }, AT);
    return { ...built, chain: built.certificates.map(({ certificate }) => certificate.raw) };
  }

  test('validates a chain without its certificate.', () => {
    const [leaf, issuing] = chainOf();

    expect(build([issuing, leaf])).toMatchObject({
      chain: [leaf, issuing],
      rootDelivered: false,
      trustAnchor: { subject: 'CN=Root CA', delivered: false, source: 'known' },
    });
  });

  test('validates a chain with another certificate of its name and key.', () => {
    const [leaf, issuing, root] = chainOf({ root: { serialNumber: 7 } });

    expect(build([root, issuing, leaf])).toMatchObject({
      chain: [leaf, issuing, root],
      rootDelivered: true,
      trustAnchor: { fingerprintSha256: known.fingerprintSha256, delivered: false, source: 'known' },
    });
  });

  test('validates a chain whose root is damaged, and the damaged one is left out.', () => {
    const [leaf, issuing, root] = chainOf({ root: { serialNumber: 7, signedBy: otherKey } });

    expect(build([root, issuing, leaf])).toMatchObject({ chain: [leaf, issuing], trustAnchor: { delivered: false } });
  });

  test('validates a cross-signed chain, which continues to the other root.', () => {
    const other = commonName('Other Root');
    const [leaf, issuing] = chainOf();
    const [, , otherRoot] = chainOf({
      root: { subject: other, issuer: other, publicKey: publicHalf(otherKey), signedBy: otherKey },
    });
    const [, , cross] = chainOf({ root: { issuer: other, signedBy: otherKey } });

    expect(build([otherRoot, cross, issuing, leaf])).toMatchObject({
      chain: [leaf, issuing, cross, otherRoot],
      trustAnchor: { fingerprintSha256: known.fingerprintSha256, delivered: false },
    });
  });

  test('validates a leaf that it issued itself.', () => {
    const [leaf] = chainOf({ leaf: { issuer: ROOT, signedBy: rootKey } });

    expect(build([leaf])).toMatchObject({ chain: [leaf], trustAnchor: { delivered: false } });
  });

  test.each([
    ['its name but not its key', { issuing: { signedBy: otherKey } }],
    ['its key but not its name', { issuing: { issuer: commonName('Root CB') } }],
  ])('does not validate a chain with %s.', (_, changes) => {
    const [leaf, issuing] = chainOf(changes);

    expect(build([leaf, issuing]).trustAnchor).toBeNull();
  });
});

test.each(TRUST_ANCHORS.map(({ displayName, ...anchor }) => [displayName, anchor] as const))(
  'A forged %s validates nothing, with and without its certificate, and nobody is advised to trust it.',
  async (displayName, { name: attributes }) => {
    const types = { C: '2.5.4.6', ST: '2.5.4.8', L: '2.5.4.7', O: '2.5.4.10', OU: '2.5.4.11', CN: '2.5.4.3' };
    const forged = name(...attributes.map(([type, value]) => [[types[type], string(value)] as const]));
    const [leaf, issuing, root] = chainOf({ issuing: { issuer: forged }, root: { subject: forged, issuer: forged } });

    for (const delivered of [
      [leaf, issuing, root],
      [leaf, issuing],
    ]) {
      const { report } = await readMarkCertificate(Buffer.from(pem(delivered)), { at: AT });
      const [finding] = report.findings;

      expect(report).toMatchObject({ publishable: false, trustAnchor: null });
      expect(finding).toMatchObject({ id: 'untrusted-root', message: expect.stringContaining(displayName) });
      expect(finding?.message).not.toMatch(/[0-9a-f]{64}/);
    }
    const [alone] = chainOf({ leaf: { issuer: forged } });
    await expect(readMarkCertificate(Buffer.from(pem([alone, root])), { at: AT })).rejects.toThrow(InvalidChainError);
  },
);
