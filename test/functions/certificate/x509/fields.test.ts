import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidChainError } from '../../../../functions/certificate/invalid-chain.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';
import { NAME_FORM, textOfDnsName } from '../../../../functions/certificate/x509/general-names.ts';
import type { CertificateAuthority } from '../../../../infra/local/ca/certificate-authority.ts';
import { type Extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../../authority.ts';
import { sequence } from '../der.ts';

let authority: CertificateAuthority;
let chain: readonly Uint8Array[];

beforeAll(async () => {
  authority = await openAuthority();
  chain = authority.issue({ domains: ['example.com', 'example.org'], owner: 'Grüße, Söhne & Co' }).chain;
});

/** The fields that the library reads too. Octets are written in hex. */
type Plain = ReturnType<typeof fieldsOf>;

function fieldsOf(der: Uint8Array) {
  const fields = readFields(new X509Certificate(der));
  const { subject, criticalExtensions, duplicateExtensions, basicConstraints, keyCertSign } = fields;
  const { extendedKeyUsage, dnsNames, policies, crlUrls, notBefore, notAfter } = fields;
  return {
    subject,
    criticalExtensions,
    duplicateExtensions,
    basicConstraints,
    keyCertSign,
    extendedKeyUsage,
    dnsNames,
    policies,
    crlUrls,
    notBefore,
    notAfter,
    signatureAlgorithm: fields.signatureAlgorithm.oid,
    serialNumber: hex(fields.serialNumber),
    publicKey: hex(fields.publicKeyInfo.der),
    subjectKeyIdentifier: hex(fields.subjectKeyIdentifier),
    authorityKeyIdentifier: hex(fields.authorityKeyIdentifier?.keyIdentifier),
  };
}

function hex(octets: Uint8Array | ArrayBuffer | undefined): string | undefined {
  return octets && Buffer.from(octets instanceof ArrayBuffer ? new Uint8Array(octets) : octets).toString('hex');
}

/** The fields as read by the schema classes of a library. An extension that it cannot read counts as missing. */
function byLibrary(der: Uint8Array): Plain {
  const { tbsCertificate, signatureAlgorithm } = AsnConvert.parse(new X509Certificate(der).raw, asn1.Certificate);
  const extensions = tbsCertificate.extensions ?? [];
  const read = <T>(id: string, type: new () => T): T | undefined => {
    try {
      const found = extensions.find(({ extnID }) => extnID === id);
      return found && AsnConvert.parse(found.extnValue.buffer, type);
    } catch {
      return undefined;
    }
  };
  const constraints = read(oid.basicConstraints, asn1.BasicConstraints);
  const usage = read(oid.keyUsage, asn1.KeyUsage)?.toNumber() ?? 0;
  return {
    subject: tbsCertificate.subject.flatMap((rdn) =>
      rdn.map(({ type, value }) => ({ oid: type, value: value.toString() })),
    ),
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ extnID }) => extnID),
    duplicateExtensions: [
      ...new Set(extensions.map(({ extnID }) => extnID).filter((id, index, ids) => ids.indexOf(id) < index)),
    ],
    signatureAlgorithm: signatureAlgorithm.algorithm,
    serialNumber: hex(tbsCertificate.serialNumber),
    publicKey: hex(AsnConvert.serialize(tbsCertificate.subjectPublicKeyInfo)),
    notBefore: tbsCertificate.validity.notBefore.getTime(),
    notAfter: tbsCertificate.validity.notAfter.getTime(),
    subjectKeyIdentifier: hex(read(oid.subjectKeyIdentifier, asn1.SubjectKeyIdentifier)?.buffer),
    authorityKeyIdentifier: hex(read(oid.authorityKeyIdentifier, asn1.AuthorityKeyIdentifier)?.keyIdentifier?.buffer),
    basicConstraints: constraints && { cA: constraints.cA, pathLength: constraints.pathLenConstraint },
    keyCertSign: (usage & asn1.KeyUsageFlags.keyCertSign) !== 0,
    extendedKeyUsage: [...(read(oid.extKeyUsage, asn1.ExtendedKeyUsage) ?? [])],
    dnsNames: (read(oid.subjectAltName, asn1.SubjectAlternativeName) ?? []).flatMap(({ dNSName }) =>
      dNSName === undefined ? [] : textOfDnsName({ form: NAME_FORM.dNSName, contents: Buffer.from(dNSName, 'latin1') }),
    ),
    policies: (read(oid.certificatePolicies, asn1.CertificatePolicies) ?? []).map(
      ({ policyIdentifier }) => policyIdentifier,
    ),
    crlUrls: (read(oid.crlDistributionPoints, asn1.CRLDistributionPoints) ?? [])
      .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
      .flatMap(({ uniformResourceIdentifier }) => uniformResourceIdentifier ?? []),
  };
}

test('The fields of leaf and issuers are the same as those of another library.', () => {
  for (const der of chain) {
    expect(fieldsOf(der)).toEqual(byLibrary(der));
  }
});

test('The fields of a damaged certificate are the same, are missing or cannot be read.', () => {
  // Two of three places are outside of keys, signatures and pictures, whose bytes are compared as a whole.
  const places = chain.map((der) => {
    const structure = structureOf(Buffer.from(der));
    return fc.oneof(
      { weight: 2, arbitrary: fc.nat({ max: structure.length - 1 }).map((index) => structure[index] ?? 0) },
      { weight: 1, arbitrary: fc.nat({ max: der.length - 1 }) },
    );
  });
  const place = fc
    .nat({ max: chain.length - 1 })
    .chain((which) => fc.tuple(fc.constant(which), places[which] ?? fc.nat(0)));
  const change = fc.oneof(fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128), fc.integer({ min: 1, max: 255 }));
  let compared = 0;
  fc.assert(
    fc.property(place, change, ([which, at], bits) => {
      const copy = Buffer.from(chain[which] ?? '');
      copy.writeUInt8(copy.readUInt8(at) ^ bits, at);
      const ours = read(fieldsOf, copy);
      const theirs = ours && read(byLibrary, copy);
      if (theirs) {
        compared += 1;
        expect(differences(ours, theirs)).toEqual([]);
      }
    }),
    { numRuns: 1000 },
  );
  expect(compared).toBeGreaterThan(250);
});

/** The fields that both readers read, and read differently. */
function differences(ours: Plain, theirs: Plain): (keyof Plain)[] {
  const same = (['subject', 'criticalExtensions', 'signatureAlgorithm'] as const).filter(
    (key) => JSON.stringify(ours[key]) !== JSON.stringify(theirs[key]),
  );
  // Neither reader is always the stricter one, but values that both read are the same.
  const within = (['extendedKeyUsage', 'dnsNames', 'policies', 'crlUrls'] as const).filter((key) => {
    const [fewer = [], more = []] = [ours[key], theirs[key]].sort((a, b) => a.length - b.length);
    return !fewer.every((value) => more.includes(value));
  });
  const [one, other] = [ours.basicConstraints, theirs.basicConstraints];
  return [
    ...same,
    ...within,
    ...(one && other && JSON.stringify(one) !== JSON.stringify(other) ? (['basicConstraints'] as const) : []),
    ...(ours.keyCertSign && !theirs.keyCertSign ? (['keyCertSign'] as const) : []),
  ];
}

/** The places in a certificate that are in no long string of octets or bits. */
function structureOf(der: Buffer): readonly number[] {
  const { publicKeyInfo, extension } = readFields(new X509Certificate(der));
  const long = [publicKeyInfo.der, extension(oid.logotype), extension(oid.sctList), der.subarray(-256)].flatMap(
    (part) => {
      const at = part ? der.indexOf(part) : -1;
      // The beginning of a part is its structure.
      return part && at >= 0 ? [{ from: at + 24, to: at + part.length }] : [];
    },
  );
  return [...der.keys()].filter((at) => !long.some(({ from, to }) => at >= from && at < to));
}

/** Undefined if OpenSSL cannot read the certificate, or if the reader refuses it. */
function read(reader: (der: Uint8Array) => Plain, der: Uint8Array): Plain | undefined {
  try {
    new X509Certificate(der);
  } catch {
    return undefined;
  }
  try {
    return reader(der);
  } catch (error) {
    if (reader === fieldsOf) {
      expect(error).toBeInstanceOf(InvalidChainError);
    }
    return undefined;
  }
}

describe('A name is read', () => {
  /** A leaf whose organization is this string. Its signature is wrong, but is not verified here. */
  function withOwner(tag: number, contents: Buffer): Uint8Array {
    const owner = 'x'.repeat(contents.length);
    const der = Buffer.from(authority.issue({ domains: ['example.com'], owner }).leaf);
    const at = der.indexOf(owner);
    der.writeUInt8(tag, at - 2);
    contents.copy(der, at);
    return der;
  }

  test.each([
    ['a UTF8String', 0x0c, Buffer.from('Grüße'), 'Grüße'],
    ['a PrintableString', 0x13, Buffer.from('Gruesse'), 'Gruesse'],
    ['a TeletexString', 0x14, Buffer.from('Grüße', 'latin1'), 'Grüße'],
    ['an IA5String', 0x16, Buffer.from('Gruesse'), 'Gruesse'],
    ['a BMPString', 0x1e, Buffer.from('Grüße', 'utf16le').swap16(), 'Grüße'],
    ['a UniversalString', 0x1c, Buffer.from('0000004700000072000000fc', 'hex'), 'Grü'],
    ['another type, as its DER in hex', 0x12, Buffer.from('12345'), '12053132333435'],
  ])('from %s.', (_, tag, contents, value) => {
    const der = withOwner(tag, contents);

    expect(fieldsOf(der).subject).toContainEqual({ oid: oid.organizationName, value });
    expect(fieldsOf(der)).toEqual(byLibrary(der));
  });
});

describe('An extension', () => {
  /** A leaf with this extension, not critical, in place of the original one. */
  function withExtension(id: string, value: string): Plain {
    const instead: Extension = { oid: id, value: Buffer.from(value.replaceAll(' ', ''), 'hex') };
    return fieldsOf(
      authority.issue({
        domains: ['example.com'],
        extensions: (usual) => [...usual.filter((each) => each.oid !== id), instead],
      }).leaf,
    );
  }

  test('that occurs more than once is reported, and the first one is read.', () => {
    const isCa: Extension = { oid: oid.basicConstraints, value: Buffer.from('30030101ff', 'hex') };
    const { leaf } = authority.issue({ domains: ['example.com'], extensions: (usual) => [...usual, isCa, isCa] });

    expect(fieldsOf(leaf)).toMatchObject({
      duplicateExtensions: [oid.basicConstraints],
      basicConstraints: { cA: false },
    });
    expect(fieldsOf(leaf)).toEqual(byLibrary(leaf));
  });

  test.each<[string, keyof Plain, string, string, unknown]>([
    ['basic constraints of another type', 'basicConstraints', oid.basicConstraints, '3103 0101ff', undefined],
    ['basic constraints with bytes after them', 'basicConstraints', oid.basicConstraints, '3003 0101ff 00', undefined],
    ['an indefinite length', 'basicConstraints', oid.basicConstraints, '3080 0101ff 0000', undefined],
    ['a key usage that is not a BIT STRING', 'keyCertSign', oid.keyUsage, '0402 0106', false],
    ['a key usage whose bit is unused', 'keyCertSign', oid.keyUsage, '0302 0306', false],
    [
      'extended key usages with an element that is not an OID',
      'extendedKeyUsage',
      oid.extKeyUsage,
      '3006 06012a 020105',
      [],
    ],
    ['names that are cut off', 'dnsNames', oid.subjectAltName, '3004 8203 6162', []],
    ['policies without an identifier', 'policies', oid.certificatePolicies, '3002 3000', []],
  ])('counts as missing with %s.', (_, field, id, value, expected) => {
    expect(withExtension(id, value)[field]).toEqual(expected);
  });

  test.each<[string, keyof Plain, string, string, unknown]>([
    ['no constraints', 'basicConstraints', oid.basicConstraints, '3000', { cA: false }],
    ['a cA that is false', 'basicConstraints', oid.basicConstraints, '3003 010100', { cA: false }],
    ['a path length without cA', 'basicConstraints', oid.basicConstraints, '3003 020101', { cA: false, pathLength: 1 }],
    ['keyCertSign', 'keyCertSign', oid.keyUsage, '0302 0204', true],
    ['other usages', 'keyCertSign', oid.keyUsage, '0302 01fa', false],
    ['no usage', 'keyCertSign', oid.keyUsage, '0301 00', false],
    ['names of other kinds', 'dnsNames', oid.subjectAltName, '300b 810161 820162 860163 8700', ['b']],
    ['a name relative to the issuer', 'crlUrls', oid.crlDistributionPoints, '3006 3004 a002 a100', []],
    [
      'a point with more than a name',
      'crlUrls',
      oid.crlDistributionPoints,
      '300e 300c a006 a004 8602 6162 8102 0780',
      ['ab'],
    ],
    [
      'a point named relative to its issuer beside one with a URL',
      'crlUrls',
      oid.crlDistributionPoints,
      '3010 3004 a002 a100 3008 a006 a004 8602 6162',
      ['ab'],
    ],
    ['a point without a name', 'crlUrls', oid.crlDistributionPoints, '3006 3004 8102 0780', []],
  ])('is read with %s.', (_, field, id, value, expected) => {
    expect(withExtension(id, value)[field]).toEqual(expected);
  });

  test('is not critical if critical is FALSE.', () => {
    const der = Buffer.from(chain[1] ?? '');
    const critical = Buffer.from('0603551d130101ff', 'hex');
    const before = fieldsOf(der).criticalExtensions;
    der.writeUInt8(0, der.indexOf(critical) + critical.length - 1);

    expect(before).toContain(oid.basicConstraints);
    expect(fieldsOf(der).criticalExtensions).toEqual(before.filter((id) => id !== oid.basicConstraints));
  });

  test('is not read from a certificate that is not DER.', () => {
    const [leaf = Buffer.of()] = chain;
    // OpenSSL reads a tbsCertificate with an indefinite length.
    const content = Buffer.from(leaf).subarray(4);
    const length = content.readUInt16BE(2);
    const tbs = Buffer.concat([Buffer.of(0x30, 0x80), content.subarray(4, 4 + length), Buffer.of(0, 0)]);
    const certificate = new X509Certificate(sequence(tbs, content.subarray(4 + length)));

    expect(() => readFields(certificate)).toThrow(InvalidChainError);
    expect(() => readFields(certificate)).toThrow('one of the certificates cannot be read');
  });
});
