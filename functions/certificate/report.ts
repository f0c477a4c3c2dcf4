import { buildChain, type Chain, oneLine, writeChainPem } from './chain.ts';
import { decodeCertificates } from './decode.ts';

export { InvalidChain } from './invalid-chain.ts';

/** What a reader wants to know of a chain without parsing it. Dates are ISO 8601 UTC, hashes lower-case hex. */
export interface CertificateReport {
  /** Registered and government marks are a VMC, the others a CMC; missing where markType is. */
  readonly product?: 'VMC' | 'CMC';
  readonly markType?: string;
  readonly subject: string;
  /** The DNS names of the subject alternative name: A-labels. */
  readonly domains: readonly string[];
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly fingerprintSha256: string;
  /** Leaf first. */
  readonly chain: readonly { readonly subject: string; readonly fingerprintSha256: string }[];
}

/** A chain that was decoded and proved. */
export interface MarkCertificate {
  readonly report: CertificateReport;
  readonly chainPem: string;
}

/** Mark types of the Mark Certificate Requirements and the product each is sold as. The list is open. */
const PRODUCTS: ReadonlyMap<string, 'VMC' | 'CMC'> = new Map([
  ['Registered Mark', 'VMC'],
  ['Government Mark', 'VMC'],
  ['Prior Use Mark', 'CMC'],
  ['Modified Registered Mark', 'CMC'],
]);

/** markType, an attribute of the subject (Mark Certificate Requirements). OpenSSL has no name for it. */
const MARK_TYPE = /^1\.3\.6\.1\.4\.1\.53087\.1\.13=(.*)$/m;

/**
 * Decodes, proves and describes what the CA sent.
 *
 * @throws {InvalidChain} where no chain can be made of the bytes.
 */
export function readMarkCertificate(bytes: Uint8Array): MarkCertificate {
  const chain = buildChain(decodeCertificates(bytes));
  return { report: describe(chain), chainPem: writeChainPem(chain) };
}

function describe(chain: Chain): CertificateReport {
  const [leaf] = chain;
  const markType = MARK_TYPE.exec(leaf.subject)?.[1];
  const product = markType === undefined ? undefined : PRODUCTS.get(markType);
  return {
    ...(product && { product }),
    ...(markType && { markType }),
    subject: oneLine(leaf.subject),
    domains: dnsNames(leaf.subjectAltName ?? ''),
    issuer: oneLine(leaf.issuer),
    serialNumber: leaf.serialNumber.toLowerCase(),
    notBefore: leaf.validFromDate.toISOString(),
    notAfter: leaf.validToDate.toISOString(),
    fingerprintSha256: hex(leaf.fingerprint256),
    chain: chain.map(({ subject, fingerprint256 }) => ({
      subject: oneLine(subject),
      fingerprintSha256: hex(fingerprint256),
    })),
  };
}

/** OpenSSL writes `DNS:a.example, DNS:b.example`, and quotes what holds a comma, so that nothing can pose as a name. */
function dnsNames(subjectAltName: string): string[] {
  return [...subjectAltName.matchAll(/(?:^|, )DNS:([A-Za-z0-9._*-]+)(?=,|$)/g)].map(([, name = '']) =>
    name.toLowerCase(),
  );
}

function hex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
