import type { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  CertificatePolicies,
  CRLDistributionPoints,
  ExtendedKeyUsage,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';
import { InvalidChain } from './invalid-chain.ts';

/** One attribute of a subject. */
export interface Attribute {
  readonly oid: string;
  readonly value: string;
}

/** What the checks ask of a certificate beside what OpenSSL tells. An extension that cannot be read counts as missing. */
export interface Fields {
  readonly certificate: X509Certificate;
  readonly subject: readonly Attribute[];
  /** Object identifiers of the critical extensions. */
  readonly criticalExtensions: readonly string[];
  readonly signatureAlgorithm: string;
  readonly basicConstraints: { readonly cA: boolean; readonly pathLength?: number | undefined } | undefined;
  readonly mayCertify: boolean;
  readonly extendedKeyUsage: readonly string[];
  readonly dnsNames: readonly string[];
  readonly policies: readonly string[];
  readonly crlUrls: readonly string[];
  /** The DER inside an extension's extnValue. */
  extension(oid: string): ArrayBuffer | undefined;
}

/** RFC 5280, 4.2.1. */
const OID = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
} as const;

/**
 * Reads the fields of a certificate.
 *
 * @throws {InvalidChain} where OpenSSL reads a certificate in it and the ASN.1 library does not.
 */
export function readFields(certificate: X509Certificate): Fields {
  const { tbsCertificate, signatureAlgorithm } = parse(certificate);
  const extensions = tbsCertificate.extensions ?? [];
  const extension = (oid: string) => extensions.find(({ extnID }) => extnID === oid)?.extnValue.buffer;
  const read = <T>(oid: string, type: new () => T): T | undefined => {
    const der = extension(oid);
    return der && attempt(() => AsnConvert.parse(der, type));
  };
  const basicConstraints = read(OID.basicConstraints, BasicConstraints);
  const keyUsage = read(OID.keyUsage, KeyUsage);
  return {
    certificate,
    extension,
    subject: tbsCertificate.subject.flatMap((rdn) =>
      rdn.map(({ type, value }) => ({ oid: type, value: value.toString() })),
    ),
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ extnID }) => extnID),
    signatureAlgorithm: signatureAlgorithm.algorithm,
    basicConstraints: basicConstraints && { cA: basicConstraints.cA, pathLength: basicConstraints.pathLenConstraint },
    mayCertify: keyUsage !== undefined && (keyUsage.toNumber() & KeyUsageFlags.keyCertSign) !== 0,
    extendedKeyUsage: [...(read(OID.extendedKeyUsage, ExtendedKeyUsage) ?? [])],
    dnsNames: (read(OID.subjectAlternativeName, SubjectAlternativeName) ?? []).flatMap(({ dNSName }) => dNSName ?? []),
    policies: (read(OID.certificatePolicies, CertificatePolicies) ?? []).map(
      ({ policyIdentifier }) => policyIdentifier,
    ),
    crlUrls: (read(OID.crlDistributionPoints, CRLDistributionPoints) ?? [])
      .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
      .flatMap(({ uniformResourceIdentifier }) => uniformResourceIdentifier ?? []),
  };
}

function parse(certificate: X509Certificate): Certificate {
  try {
    return AsnConvert.parse(certificate.raw, Certificate);
  } catch (cause) {
    throw new InvalidChain('one of the certificates cannot be read', { cause });
  }
}

/** What a foreign structure holds, or undefined where it is not what it should be. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
