import type { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import {
  attempt,
  bytesOf,
  childrenOf,
  constructed,
  contentsOf,
  type Element,
  primitive,
  readBitString,
  readBoolean,
  readDer,
  readInteger,
  readObjectIdentifier,
  TAG,
} from './der.ts';
import { type DistributionPoint, readDistributionPoints, urlsIn } from './distribution-points.ts';
import {
  type GeneralName,
  NAME_FORM,
  type NameConstraints,
  readGeneralNames,
  readNameConstraints,
  textOfDnsName,
} from './general-names.ts';
import { type Name, readName, textOf } from './names.ts';
import { type PublicKeyInfo, readPublicKeyInfo } from './public-key.ts';
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { readTime } from './time.ts';

/** One attribute of a subject. */
export interface Attribute {
  readonly oid: string;
  readonly value: string;
}

/** An authority key identifier (RFC 5280, 4.2.1.1): what the certificate says about its issuer. */
export interface AuthorityKeyIdentifier {
  /** The subject key identifier of the issuer. */
  readonly keyIdentifier: Buffer | undefined;
  /** The name of the issuer's issuer. */
  readonly issuer: Name | undefined;
  /** The serial number of the issuer's certificate. */
  readonly serialNumber: Buffer | undefined;
}

/**
 * The fields of a certificate that the checks need and Node does not provide. An extension that cannot be read counts
 * as missing; `malformedExtensions` names it.
 */
export interface CertificateFields {
  readonly certificate: X509Certificate;
  readonly subject: readonly Attribute[];
  readonly subjectName: Name;
  readonly issuerName: Name;
  /** The octets of the serial number. */
  readonly serialNumber: Buffer;
  /** Undefined if the date is not in the form that RFC 5280 (4.1.2.5) requires. */
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  readonly publicKeyInfo: PublicKeyInfo;
  /** OIDs of the critical extensions. */
  readonly criticalExtensions: readonly string[];
  /** OIDs of the extensions that occur more than once, each named once. RFC 5280, 4.2 forbids them. */
  readonly duplicateExtensions: readonly string[];
  /** OIDs of the extensions of the fields below that cannot be read. */
  readonly malformedExtensions: readonly string[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly basicConstraints: { readonly cA: boolean; readonly pathLength?: number | undefined } | undefined;
  /** Whether the key may sign certificates (RFC 5280, 4.2.1.3). */
  readonly keyCertSign: boolean;
  /** Whether the key may sign CRLs. Without a key usage, a key may be used for everything. */
  readonly crlSign: boolean;
  readonly extendedKeyUsage: readonly string[];
  readonly subjectKeyIdentifier: Buffer | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  /** The subject alternative names. */
  readonly alternativeNames: readonly GeneralName[];
  readonly dnsNames: readonly string[];
  readonly policies: readonly string[];
  readonly crlDistributionPoints: readonly DistributionPoint[];
  /** The URLs in the distribution points. */
  readonly crlUrls: readonly string[];
  /** The DER in the extnValue of an extension; of the first one if it occurs more than once. */
  extension(oid: string): Uint8Array | undefined;
}

/** RFC 5280, 4.2.1. */
const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** The version is 0 for version 1 (RFC 5280, 4.1.2.1). */
const VERSION_3 = 2;

/** Bits 5 and 6 of KeyUsage (RFC 5280, 4.2.1.3); bit 0 is the most significant bit of the first octet. */
const KEY_CERT_SIGN = 0x80 >> 5;
const CRL_SIGN = 0x80 >> 6;

/**
 * Reads the fields of a certificate.
 *
 * @throws {InvalidChainError} if the certificate is not DER: OpenSSL accepts some certificates that are not.
 */
export function readFields(certificate: X509Certificate): CertificateFields {
  const { extensions, ...parts } = readCertificate(certificate);
  const malformedExtensions: string[] = [];
  const extension = (oid: string) => extensions.find(({ id }) => id === oid)?.value;
  const read = <T>(oid: string, reader: (element: Element) => T): T | undefined => {
    const der = extension(oid);
    const value = der && attempt(() => reader(readDer(der)));
    if (der && value === undefined) {
      malformedExtensions.push(oid);
    }
    return value;
  };
  const alternativeNames = read(OID.subjectAlternativeName, (names) => readGeneralNames(names)) ?? [];
  const basicConstraints = read(OID.basicConstraints, readBasicConstraints);
  const crlDistributionPoints = read(OID.crlDistributionPoints, readDistributionPoints) ?? [];
  const keyUsage = read(OID.keyUsage, (usage) => readBitString(usage)[0] ?? 0) ?? 0;
  return {
    ...parts,
    certificate,
    extension,
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ id }) => id),
    duplicateExtensions: duplicatesIn(extensions.map(({ id }) => id)),
    malformedExtensions,
    basicConstraints,
    keyCertSign: (keyUsage & KEY_CERT_SIGN) !== 0,
    crlSign: !extension(OID.keyUsage) || (keyUsage & CRL_SIGN) !== 0,
    extendedKeyUsage: read(OID.extendedKeyUsage, (usages) => childrenOf(usages).map(readObjectIdentifier)) ?? [],
    subjectKeyIdentifier: read(OID.subjectKeyIdentifier, (identifier) => contentsOf(identifier, TAG.octetString)),
    authorityKeyIdentifier: read(OID.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    nameConstraints: read(OID.nameConstraints, readNameConstraints),
    alternativeNames,
    dnsNames: alternativeNames.filter(({ form }) => form === NAME_FORM.dNSName).map(textOfDnsName),
    policies: read(OID.certificatePolicies, readPolicies) ?? [],
    crlDistributionPoints,
    crlUrls: crlDistributionPoints.flatMap(({ names }) => urlsIn(names ?? [])),
  };
}

/** One extension; `value` is the DER in its extnValue. */
export interface DecodedExtension {
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

type CertificateParts = Pick<
  CertificateFields,
  | 'subject'
  | 'subjectName'
  | 'issuerName'
  | 'serialNumber'
  | 'notBefore'
  | 'notAfter'
  | 'publicKeyInfo'
  | 'signatureAlgorithm'
> & { readonly extensions: readonly DecodedExtension[] };

/** Certificate and TBSCertificate (RFC 5280, 4.1): version [0] may be absent, and extensions are [3] EXPLICIT. */
function readCertificate({ raw }: X509Certificate): CertificateParts {
  try {
    const [tbsCertificate, algorithm] = childrenOf(readDer(raw));
    const all = childrenOf(tbsCertificate);
    const version = all.find(({ tag }) => tag === constructed(0));
    const [serialNumber, _signature, issuer, validity, subject, publicKey] = all.filter((each) => each !== version);
    const extensions = all.find(({ tag }) => tag === constructed(3));
    if (!issuer || !subject) {
      throw new SyntaxError('a name is missing');
    }
    if (extensions && (!version || readInteger(childrenOf(version, constructed(0))[0]) !== VERSION_3)) {
      throw new SyntaxError('a certificate with extensions does not have the version 3');
    }
    const [notBefore, notAfter] = childrenOf(validity);
    return {
      serialNumber: contentsOf(serialNumber, TAG.integer),
      issuerName: readName(issuer),
      notBefore: readTime(notBefore),
      notAfter: readTime(notAfter),
      subject: childrenOf(subject).flatMap((rdn) => childrenOf(rdn, TAG.set).map(readAttribute)),
      subjectName: readName(subject),
      publicKeyInfo: readPublicKeyInfo(publicKey),
      extensions: extensions ? childrenOf(childrenOf(extensions, constructed(3))[0]).map(readExtension) : [],
      signatureAlgorithm: readSignatureAlgorithm(algorithm),
    };
  } catch (cause) {
    throw new InvalidChainError('one of the certificates cannot be read', { cause });
  }
}

/** A value that is not a string is returned as its DER in hex. */
function readAttribute(attribute: Element): Attribute {
  const [type, value] = childrenOf(attribute);
  if (!value) {
    throw new SyntaxError('an attribute has no value');
  }
  return { oid: readObjectIdentifier(type), value: textOf(value) ?? bytesOf(value).toString('hex') };
}

/** Reads an Extension (RFC 5280, 4.1). `critical` is false if it is absent. */
export function readExtension(extension: Element): DecodedExtension {
  const [id, second, third] = childrenOf(extension);
  return {
    id: readObjectIdentifier(id),
    critical: third !== undefined && readBoolean(second),
    value: contentsOf(third ?? second, TAG.octetString),
  };
}

/** RFC 5280, 4.2.1.9: both fields may be absent; `cA` is then false. */
function readBasicConstraints(constraints: Element): CertificateFields['basicConstraints'] {
  const fields = childrenOf(constraints);
  const cA = fields.find(({ tag }) => tag === TAG.boolean);
  const pathLength = fields.find(({ tag }) => tag === TAG.integer);
  return { cA: cA !== undefined && readBoolean(cA), pathLength: pathLength && readInteger(pathLength) };
}

/** RFC 5280, 4.2.1.1: keyIdentifier is [0], authorityCertIssuer [1], authorityCertSerialNumber [2]. */
export function readAuthorityKeyIdentifier(identifier: Element): AuthorityKeyIdentifier {
  const fields = childrenOf(identifier);
  const field = (tag: number) => fields.find((each) => each.tag === tag);
  const [keyIdentifier, issuer, serialNumber] = [field(primitive(0)), field(constructed(1)), field(primitive(2))];
  return {
    keyIdentifier: keyIdentifier && contentsOf(keyIdentifier, primitive(0)),
    issuer:
      issuer && readGeneralNames(issuer, constructed(1)).find(({ directoryName }) => directoryName)?.directoryName,
    serialNumber: serialNumber && contentsOf(serialNumber, primitive(2)),
  };
}

/** RFC 5280, 4.2.1.4: the policy is the first field of a PolicyInformation. */
function readPolicies(policies: Element): string[] {
  return childrenOf(policies).map((information) => readObjectIdentifier(childrenOf(information)[0]));
}

/** The OIDs that occur more than once, each once. */
export function duplicatesIn(oids: readonly string[]): string[] {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const oid of oids) {
    (once.has(oid) ? twice : once).add(oid);
  }
  return [...twice];
}
