import type { X509Certificate } from 'node:crypto';
import { InvalidChainError } from '../invalid-chain.ts';
import {
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

/** One attribute of a subject. */
export interface Attribute {
  readonly oid: string;
  readonly value: string;
}

/**
 * The fields of a certificate that the checks need and Node does not provide. An extension that cannot be read counts
 * as missing.
 */
export interface CertificateFields {
  readonly certificate: X509Certificate;
  readonly subject: readonly Attribute[];
  /** OIDs of the critical extensions. */
  readonly criticalExtensions: readonly string[];
  /** OIDs of the extensions that occur more than once, each named once. RFC 5280, 4.2 forbids them. */
  readonly duplicateExtensions: readonly string[];
  readonly signatureAlgorithm: string;
  readonly basicConstraints: { readonly cA: boolean; readonly pathLength?: number | undefined } | undefined;
  /** Whether the key may sign certificates (RFC 5280, 4.2.1.3). */
  readonly keyCertSign: boolean;
  readonly extendedKeyUsage: readonly string[];
  readonly dnsNames: readonly string[];
  readonly policies: readonly string[];
  readonly crlUrls: readonly string[];
  /** The DER in the extnValue of an extension; of the first one if it occurs more than once. */
  extension(oid: string): Uint8Array | undefined;
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

/** Bit 5 of KeyUsage; bit 0 is the most significant bit of the first octet. */
const KEY_CERT_SIGN = 0x80 >> 5;

/** Choices of GeneralName (RFC 5280, 4.2.1.6). */
const DNS_NAME = primitive(2);
const UNIFORM_RESOURCE_IDENTIFIER = primitive(6);

const latin1 = (contents: Buffer) => contents.toString('latin1');

/**
 * Decoders for the strings in a name (RFC 5280, 4.1.2.4, and IA5String). Like OpenSSL, they read TeletexString as
 * Latin-1.
 */
const STRINGS: ReadonlyMap<number, (contents: Buffer) => string> = new Map([
  [TAG.utf8String, (contents) => contents.toString('utf8')],
  [TAG.printableString, latin1],
  [TAG.teletexString, latin1],
  [TAG.ia5String, latin1],
  [TAG.bmpString, (contents) => Buffer.from(contents).swap16().toString('utf16le')],
]);

/**
 * Reads the fields of a certificate.
 *
 * @throws {InvalidChainError} if the certificate is not DER: OpenSSL accepts some certificates that are not.
 */
export function readFields(certificate: X509Certificate): CertificateFields {
  const { subject, extensions, signatureAlgorithm } = readCertificate(certificate);
  const extension = (oid: string) => extensions.find(({ id }) => id === oid)?.value;
  const read = <T>(oid: string, reader: (element: Element) => T): T | undefined => {
    const der = extension(oid);
    return der && attempt(() => reader(readDer(der)));
  };
  return {
    certificate,
    extension,
    subject,
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ id }) => id),
    duplicateExtensions: duplicatesIn(extensions.map(({ id }) => id)),
    signatureAlgorithm,
    basicConstraints: read(OID.basicConstraints, readBasicConstraints),
    keyCertSign: read(OID.keyUsage, readKeyCertSign) ?? false,
    extendedKeyUsage: read(OID.extendedKeyUsage, (usages) => childrenOf(usages).map(readObjectIdentifier)) ?? [],
    dnsNames: read(OID.subjectAlternativeName, (names) => readNames(childrenOf(names), DNS_NAME)) ?? [],
    policies: read(OID.certificatePolicies, readPolicies) ?? [],
    crlUrls: read(OID.crlDistributionPoints, readCrlUrls) ?? [],
  };
}

interface Extension {
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

interface CertificateParts {
  readonly subject: readonly Attribute[];
  readonly extensions: readonly Extension[];
  readonly signatureAlgorithm: string;
}

/** Certificate and TBSCertificate (RFC 5280, 4.1): version [0] may be absent, and extensions are [3] EXPLICIT. */
function readCertificate({ raw }: X509Certificate): CertificateParts {
  try {
    const [tbsCertificate, algorithm] = childrenOf(readDer(raw));
    const parts = childrenOf(tbsCertificate);
    const [_serialNumber, _signature, _issuer, _validity, subject] = parts.filter(({ tag }) => tag !== constructed(0));
    const extensions = parts.find(({ tag }) => tag === constructed(3));
    return {
      subject: childrenOf(subject).flatMap((rdn) => childrenOf(rdn, TAG.set).map(readAttribute)),
      extensions: extensions ? childrenOf(childrenOf(extensions, constructed(3))[0]).map(readExtension) : [],
      signatureAlgorithm: readObjectIdentifier(childrenOf(algorithm)[0]),
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
  const decode = STRINGS.get(value.tag);
  return {
    oid: readObjectIdentifier(type),
    value: decode ? decode(contentsOf(value, value.tag)) : bytesOf(value).toString('hex'),
  };
}

/** `critical` is false if it is absent. */
function readExtension(extension: Element): Extension {
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

/** RFC 5280, 4.2.1.3. */
function readKeyCertSign(keyUsage: Element): boolean {
  const [first = 0] = readBitString(keyUsage);
  return (first & KEY_CERT_SIGN) !== 0;
}

/** RFC 5280, 4.2.1.4: the policy is the first field of a PolicyInformation. */
function readPolicies(policies: Element): string[] {
  return childrenOf(policies).map((information) => readObjectIdentifier(childrenOf(information)[0]));
}

/** RFC 5280, 4.2.1.13: distributionPoint is a field [0] of a DistributionPoint, and fullName is [0] in it. */
function readCrlUrls(points: Element): string[] {
  const names = childrenOf(points)
    .flatMap((point) => only(constructed(0), childrenOf(point)))
    .flatMap((distributionPoint) => only(constructed(0), childrenOf(distributionPoint, constructed(0))))
    .flatMap((fullName) => childrenOf(fullName, constructed(0)));
  return readNames(names, UNIFORM_RESOURCE_IDENTIFIER);
}

/** The general names of one choice whose type is IA5String. */
function readNames(names: readonly Element[], choice: number): string[] {
  return only(choice, names).map((name) => latin1(contentsOf(name, choice)));
}

function duplicatesIn(oids: readonly string[]): string[] {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const oid of oids) {
    (once.has(oid) ? twice : once).add(oid);
  }
  return [...twice];
}

function only(wanted: number, elements: readonly Element[]): Element[] {
  return elements.filter(({ tag }) => tag === wanted);
}

/** The result of a reader; undefined if it throws because the bytes are malformed. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
