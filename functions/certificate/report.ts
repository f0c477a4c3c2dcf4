import type { X509Certificate } from 'node:crypto';
import { DEFAULT_SELECTOR } from '../bimi.ts';
import { buildChain, endsAtRoot, oneLine, writeChainPem } from './chain.ts';
import { decodeCertificates } from './decode.ts';
import { readFields } from './fields.ts';
import { type Finding, findingsOf } from './findings.ts';
import { readLogo } from './logotype.ts';
import { domainsOf, type NamedAttributes, nameAttributes, PRODUCTS, type Product, type Sct, sctsOf } from './mark.ts';
import { holdsPrivateKey, PrivateKeyFoundError } from './private-key.ts';
import { TRUST_ANCHORS } from './trust-anchors.ts';

export { InvalidChainError } from './invalid-chain.ts';
export { holdsPrivateKey } from './private-key.ts';

/** What a reader wants to know of a chain without parsing it. Dates are ISO 8601 UTC, hashes lower-case hex. */
export interface CertificateReport {
  /** No finding is an error. */
  readonly publishable: boolean;
  /** Registered and government marks are a VMC, the others a CMC; null where the mark type says neither. */
  readonly product: Product | null;
  readonly markType: string | null;
  readonly subject: string;
  /** The subject by the names of its attributes. */
  readonly attributes: NamedAttributes;
  /** The DNS names of the subject alternative name, as A-labels. */
  readonly domains: readonly string[];
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly fingerprintSha256: string;
  /** Leaf first. */
  readonly chain: readonly CertificateName[];
  /** The certificate of the chain that is trusted by its fingerprint, nearest to the leaf; null where none is. */
  readonly trustAnchor: CertificateName | null;
  /** The embedded logo; null where it cannot be taken out. */
  readonly logo: { readonly mediaType: string; readonly sha256: string; readonly bytes: number } | null;
  readonly policies: readonly string[];
  readonly crlUrls: readonly string[];
  readonly scts: readonly Sct[];
  readonly findings: readonly Finding[];
}

export interface CertificateName {
  readonly subject: string;
  readonly fingerprintSha256: string;
}

/** A chain that was decoded, proved and checked. */
export interface MarkCertificate {
  readonly report: CertificateReport;
  readonly chainPem: string;
  /** The logo, inflated, byte for byte. */
  readonly logo: Uint8Array | undefined;
}

/** Against what a chain is checked. */
export interface Expectations {
  /** The moment at which it shall be valid. */
  readonly at: Date;
  /** Domains that were ordered, as A-labels in lower case. */
  readonly domains?: readonly string[] | undefined;
  /** The BIMI selector whose record is to point at the certificate; default "default". */
  readonly selector?: string | undefined;
  readonly product?: Product | undefined;
  /** SHA-256 fingerprints that are trusted beside the known roots, lower-case hex. */
  readonly trustAnchors?: readonly string[] | undefined;
}

/**
 * Decodes, proves, checks and describes what the CA sent.
 *
 * @throws {InvalidChain} where no chain can be made of the bytes.
 */
export async function readMarkCertificate(bytes: Uint8Array, expectations: Expectations): Promise<MarkCertificate> {
  const { at, domains: orderedDomains = [], product: orderedProduct, trustAnchors = [] } = expectations;
  const { selector = DEFAULT_SELECTOR } = expectations;
  const isTrusted = (fingerprint: string) => TRUST_ANCHORS.has(fingerprint) || trustAnchors.includes(fingerprint);
  if (await holdsPrivateKey(bytes)) {
    throw new PrivateKeyFoundError();
  }
  const certificates = buildChain(await decodeCertificates(bytes), (each) => isTrusted(fingerprintOf(each)));
  const names = certificates.map(nameOf);
  const chainPem = writeChainPem(certificates);
  const [certificate, ...issuers] = certificates;
  const leaf = readFields(certificate);
  const attributes = nameAttributes(leaf.subject);
  const domains = domainsOf(leaf);
  const logo = readLogo(leaf);
  const scts = sctsOf(leaf);
  const trustAnchor = names.slice(1).find(({ fingerprintSha256 }) => isTrusted(fingerprintSha256)) ?? null;
  const findings = findingsOf({
    chain: [leaf, ...issuers.map(readFields)],
    leaf,
    attributes,
    domains,
    logo,
    scts,
    trustAnchor,
    rootDelivered: endsAtRoot(certificates),
    pemBytes: chainPem.length,
    at,
    orderedDomains,
    selector,
    orderedProduct,
  });
  const [markType = null] = attributes.markType ?? [];
  return {
    chainPem,
    logo: typeof logo === 'string' ? undefined : logo.svg,
    report: {
      publishable: findings.every(({ severity }) => severity !== 'error'),
      product: (markType !== null && PRODUCTS.get(markType)) || null,
      markType,
      ...nameOf(certificate),
      attributes,
      domains,
      issuer: oneLine(certificate.issuer),
      serialNumber: certificate.serialNumber.toLowerCase(),
      notBefore: certificate.validFromDate.toISOString(),
      notAfter: certificate.validToDate.toISOString(),
      chain: names,
      trustAnchor,
      logo:
        typeof logo === 'string' ? null : { mediaType: logo.mediaType, sha256: logo.sha256, bytes: logo.svg.length },
      policies: leaf.policies,
      crlUrls: leaf.crlUrls,
      scts,
      findings,
    },
  };
}

function nameOf(certificate: X509Certificate): CertificateName {
  return { subject: oneLine(certificate.subject), fingerprintSha256: fingerprintOf(certificate) };
}

function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}
