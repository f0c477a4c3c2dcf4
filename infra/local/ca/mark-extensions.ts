/** The extensions of a test mark certificate and of its issuers, and the OIDs in these certificates. */
import { createHash, type KeyObject } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { Constructed, IA5String, Null, ObjectIdentifier, OctetString as Octets, Sequence } from 'asn1js';
import { childrenOf, readBitString, readDer } from '../../../functions/certificate/x509/der.ts';
import { remembered } from './remembered.ts';

/** The OIDs by the names in the standards. */
export const oid = {
  countryName: '2.5.4.6',
  stateOrProvinceName: '2.5.4.8',
  localityName: '2.5.4.7',
  streetAddress: '2.5.4.9',
  organizationName: '2.5.4.10',
  organizationalUnitName: '2.5.4.11',
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  businessCategory: '2.5.4.15',
  jurisdictionLocalityName: '1.3.6.1.4.1.311.60.2.1.1',
  jurisdictionStateOrProvinceName: '1.3.6.1.4.1.311.60.2.1.2',
  jurisdictionCountryName: '1.3.6.1.4.1.311.60.2.1.3',

  markType: '1.3.6.1.4.1.53087.1.13',
  trademarkOffice: '1.3.6.1.4.1.53087.1.2',
  trademarkCountry: '1.3.6.1.4.1.53087.1.3',
  trademarkIdentifier: '1.3.6.1.4.1.53087.1.4',
  legalEntityIdentifier: '1.3.6.1.4.1.53087.1.5',
  wordMark: '1.3.6.1.4.1.53087.1.6',
  statuteCountry: '1.3.6.1.4.1.53087.3.2',
  statuteState: '1.3.6.1.4.1.53087.3.3',
  statuteLocality: '1.3.6.1.4.1.53087.3.4',
  statuteCitation: '1.3.6.1.4.1.53087.3.5',
  statuteUrl: '1.3.6.1.4.1.53087.3.6',
  priorUseSourceUrl: '1.3.6.1.4.1.53087.5.1',

  basicConstraints: asn1.id_ce_basicConstraints,
  authorityKeyIdentifier: asn1.id_ce_authorityKeyIdentifier,
  authorityInfoAccess: asn1.id_pe_authorityInfoAccess,
  subjectAltName: asn1.id_ce_subjectAltName,
  certificatePolicies: asn1.id_ce_certificatePolicies,
  extKeyUsage: asn1.id_ce_extKeyUsage,
  keyUsage: asn1.id_ce_keyUsage,
  crlDistributionPoints: asn1.id_ce_cRLDistributionPoints,
  subjectKeyIdentifier: asn1.id_ce_subjectKeyIdentifier,
  logotype: '1.3.6.1.5.5.7.1.12',
  sctList: '1.3.6.1.4.1.11129.2.4.2',

  brandIndicator: '1.3.6.1.5.5.7.3.31',
  generalPolicy: '1.3.6.1.4.1.53087.1.1',
  /** In place of the CA's own policy; from the arc that IANA reserves for examples. */
  examplePolicy: '1.3.6.1.4.1.32473.1.3.8',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  cps: '1.3.6.1.5.5.7.2.1',
} as const;

/** One extension. The value is the DER inside extnValue. */
export interface Extension {
  readonly oid: string;
  readonly value: Uint8Array;
  readonly critical?: boolean;
}

export type SignatureHash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/** One hash of a {@link LogotypeImage}. */
export interface LogotypeHash {
  readonly algorithm: SignatureHash;
  readonly value: Uint8Array;
  /** Whether the algorithm has NULL parameters; by default it has none. */
  readonly nullParameters?: boolean;
}

/** One image of a {@link logotype}. Each hash covers the uncompressed content of the URI (RFC 6170). */
export interface LogotypeImage {
  readonly mediaType: string;
  readonly hashes: readonly LogotypeHash[];
  readonly uris: readonly string[];
}

/** The logotype extension (RFC 3709 and 9399) with a direct subject logo of these images. */
export function logotype(...images: readonly LogotypeImage[]): Extension {
  const details = images.map(
    (image) =>
      new Sequence({
        value: [
          new IA5String({ value: image.mediaType }),
          new Sequence({ value: image.hashes.map(hashAlgAndValue) }),
          new Sequence({ value: image.uris.map((value) => new IA5String({ value })) }),
        ],
      }),
  );
  const logotypeData = tagged(0, new Sequence({ value: details.map((each) => new Sequence({ value: [each] })) }));
  return extension(oid.logotype, new Sequence({ value: [tagged(2, logotypeData)] }));
}

/**
 * The image of a mark certificate: gzip in a data URI, with one hash for each algorithm. By default the algorithm has
 * no parameters, as in the real leaf.
 */
export function logotypeImage(
  svg: Uint8Array,
  algorithms: readonly SignatureHash[] = ['SHA-256'],
  { nullParameters = false } = {},
): LogotypeImage {
  return {
    mediaType: 'image/svg+xml',
    hashes: algorithms.map((algorithm) => ({ algorithm, value: digest(algorithm, svg), nullParameters })),
    uris: [`data:image/svg+xml;base64,${gzipSync(svg).toString('base64')}`],
  };
}

/** An extension from any value that `@peculiar/asn1-schema` can serialize. */
export function extension(id: string, value: unknown, critical = false): Extension {
  return { oid: id, value: new Uint8Array(AsnConvert.serialize(value)), critical };
}

export function basicConstraints(value: { readonly cA: boolean; readonly pathLenConstraint?: number }): Extension {
  return extension(oid.basicConstraints, new asn1.BasicConstraints(value), true);
}

export function subjectAltNames(domains: readonly string[]): Extension {
  const names = domains.map((dNSName) => new asn1.GeneralName({ dNSName }));
  return extension(oid.subjectAltName, new asn1.SubjectAlternativeName(names));
}

export function subjectKeyIdentifier(key: KeyObject): Extension {
  return extension(oid.subjectKeyIdentifier, new asn1.SubjectKeyIdentifier(keyIdentifier(key)));
}

/** @param key the public key of the issuer. */
export function authorityKeyIdentifier(key: KeyObject): Extension {
  const value = new asn1.AuthorityKeyIdentifier({ keyIdentifier: new asn1.KeyIdentifier(keyIdentifier(key)) });
  return extension(oid.authorityKeyIdentifier, value);
}

export function certificateSigning(): Extension {
  const usage = new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign | asn1.KeyUsageFlags.cRLSign);
  return extension(oid.keyUsage, usage, true);
}

export function extendedKeyUsage(): Extension {
  return extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator]));
}

export function caIssuers(uniformResourceIdentifier: string): Extension {
  const accessLocation = new asn1.GeneralName({ uniformResourceIdentifier });
  const description = new asn1.AccessDescription({ accessMethod: oid.caIssuers, accessLocation });
  return extension(oid.authorityInfoAccess, new asn1.AuthorityInfoAccessSyntax([description]));
}

export function crlDistributionPoint(uniformResourceIdentifier: string): Extension {
  const fullName = [new asn1.GeneralName({ uniformResourceIdentifier })];
  const point = new asn1.DistributionPoint({ distributionPoint: new asn1.DistributionPointName({ fullName }) });
  return extension(oid.crlDistributionPoints, new asn1.CRLDistributionPoints([point]));
}

export function policies(list: readonly { readonly id: string; readonly statement?: string }[]): Extension {
  const value = list.map(({ id, statement }) => {
    const information = new asn1.PolicyInformation({ policyIdentifier: id });
    if (statement !== undefined) {
      const qualifier = new IA5String({ value: statement }).toBER();
      information.policyQualifiers = [new asn1.PolicyQualifierInfo({ policyQualifierId: oid.cps, qualifier })];
    }
    return information;
  });
  return extension(oid.certificatePolicies, new asn1.CertificatePolicies(value));
}

const HASH_ALGORITHMS = {
  'SHA-1': '1.3.14.3.2.26',
  'SHA-256': '2.16.840.1.101.3.4.2.1',
  'SHA-384': '2.16.840.1.101.3.4.2.2',
  'SHA-512': '2.16.840.1.101.3.4.2.3',
} satisfies Record<SignatureHash, string>;

function hashAlgAndValue({ algorithm, value, nullParameters = false }: LogotypeHash): Sequence {
  const parameters = nullParameters ? [new Null()] : [];
  const identifier = new Sequence({
    value: [new ObjectIdentifier({ value: HASH_ALGORITHMS[algorithm] }), ...parameters],
  });
  return new Sequence({ value: [identifier, new Octets({ valueHex: value })] });
}

function tagged(tagNumber: number, value: Sequence | Constructed): Constructed {
  return new Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] });
}

/** RFC 5280, 4.2.1.2, method 1: the SHA-1 of the BIT STRING in the SubjectPublicKeyInfo. */
const keyIdentifier = remembered((key: KeyObject) => {
  const [, bits] = childrenOf(readDer(key.export({ type: 'spki', format: 'der' })));
  return digest('SHA-1', readBitString(bits));
});

function digest(algorithm: SignatureHash, bytes: Uint8Array): Uint8Array {
  return createHash(algorithm).update(bytes).digest();
}
