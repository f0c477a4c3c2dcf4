import type { LeafDescription } from './invalid-chain.ts';
import type { Logo } from './logo/logotype.ts';
import { domainsOf, nameAttributes, PRODUCTS } from './mark/mark.ts';
import { oneLine } from './path/chain.ts';
import type { CertificateFields } from './x509/fields.ts';
import { fingerprintOf } from './x509/fingerprint.ts';

/**
 * What a leaf says about itself.
 *
 * @param logo the logo, or the reason why it cannot be read.
 */
export function describeLeaf(leaf: CertificateFields, logo: Logo | string): LeafDescription {
  const { certificate } = leaf;
  const attributes = nameAttributes(leaf.subject);
  const [markType = null] = attributes.markType ?? [];
  return {
    subject: oneLine(certificate.subject),
    attributes,
    markType,
    product: (markType !== null && PRODUCTS.get(markType)) || null,
    domains: domainsOf(leaf),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    fingerprintSha256: fingerprintOf(certificate),
    logo: typeof logo === 'string' ? null : { mediaType: logo.mediaType, sha256: logo.sha256, bytes: logo.svg.length },
  };
}
