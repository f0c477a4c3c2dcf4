import { attempt, childrenOf, readDer } from '../x509/der.ts';
import type { Attribute, CertificateFields } from '../x509/fields.ts';
import { formOf } from '../x509/general-names.ts';

export type Product = 'VMC' | 'CMC';

/** The extended key usage of a mark certificate: id-kp-BrandIndicatorforMessageIdentification. */
export const BIMI_USAGE = '1.3.6.1.5.5.7.3.31';

/**
 * The mark types of the Mark Certificate Requirements, each with its product. More types can follow, so an unknown type
 * is a warning, not an error.
 */
export const PRODUCTS: ReadonlyMap<string, Product> = new Map([
  ['Registered Mark', 'VMC'],
  ['Government Mark', 'VMC'],
  ['Prior Use Mark', 'CMC'],
  ['Modified Registered Mark', 'CMC'],
]);

/**
 * Names of subject attributes: X.520, the EV guidelines, and the Mark Certificate Requirements (1.3.6.1.4.1.53087), as
 * section 7.1.4.2 of SSL.com's CP/CPS lists them.
 */
const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'commonName',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'countryName',
  '2.5.4.7': 'localityName',
  '2.5.4.8': 'stateOrProvinceName',
  '2.5.4.9': 'streetAddress',
  '2.5.4.10': 'organizationName',
  '2.5.4.11': 'organizationalUnitName',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.97': 'organizationIdentifier',
  '1.3.6.1.4.1.311.60.2.1.1': 'jurisdictionLocalityName',
  '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionStateOrProvinceName',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionCountryName',
  '1.3.6.1.4.1.53087.1.2': 'trademarkOfficeName',
  '1.3.6.1.4.1.53087.1.3': 'trademarkCountryOrRegionName',
  '1.3.6.1.4.1.53087.1.4': 'trademarkIdentifier',
  '1.3.6.1.4.1.53087.1.5': 'legalEntityIdentifier',
  '1.3.6.1.4.1.53087.1.6': 'wordMark',
  '1.3.6.1.4.1.53087.1.13': 'markType',
  '1.3.6.1.4.1.53087.3.2': 'statuteCountryName',
  '1.3.6.1.4.1.53087.3.3': 'statuteStateOrProvinceName',
  '1.3.6.1.4.1.53087.3.4': 'statuteLocalityName',
  '1.3.6.1.4.1.53087.3.5': 'statuteCitation',
  '1.3.6.1.4.1.53087.3.6': 'statuteURL',
  '1.3.6.1.4.1.53087.5.1': 'priorUseMarkSourceURL',
};

/** The values of a subject by attribute name, in their order. An attribute without a name has its OID as its key. */
export type NamedAttributes = Readonly<Record<string, readonly string[]>>;

/** Groups the attributes of a subject by name. */
export function nameAttributes(subject: readonly Attribute[]): NamedAttributes {
  const named: Record<string, string[]> = {};
  for (const { oid, value } of subject) {
    const name = ATTRIBUTE_NAMES[oid] ?? oid;
    const values = named[name];
    if (values) {
      values.push(value);
    } else {
      named[name] = [value];
    }
  }
  return named;
}

/** Whether a certificate is a mark certificate: its usage is BIMI, and it is not that of a CA. */
export function isMarkCertificate({ extendedKeyUsage, basicConstraints }: CertificateFields): boolean {
  return extendedKeyUsage.includes(BIMI_USAGE) && !basicConstraints?.cA;
}

/** The domains of a certificate, each once: A-labels (RFC 5280, 7.2), converted to lower case. */
export function domainsOf({ dnsNames }: CertificateFields): string[] {
  return [...new Set(dnsNames.map((name) => name.toLowerCase()))];
}

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** The kinds of the subject alternative names that are no DNS names, each once, for example `iPAddress`. */
export function otherNameKinds(leaf: CertificateFields): string[] {
  const der = leaf.extension(SUBJECT_ALTERNATIVE_NAME);
  const names = (der && attempt(() => childrenOf(readDer(der)))) || [];
  const kinds = names.map((name) => formOf(name) ?? 'unknown');
  return [...new Set(kinds)].filter((kind) => kind !== 'dNSName');
}
