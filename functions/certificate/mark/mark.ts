import { contentsOf, readDer, TAG } from '../x509/der.ts';
import { type Attribute, attempt, type CertificateFields } from '../x509/fields.ts';

export type Product = 'VMC' | 'CMC';

/** One signed certificate timestamp: the promise of a log to include the certificate. */
export interface Sct {
  /** SHA-256 of the log's key, lower-case hex. */
  readonly logId: string;
  /** ISO 8601 UTC. */
  readonly timestamp: string;
}

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

/** Names of subject attributes: X.520, the EV guidelines, and the Mark Certificate Requirements (1.3.6.1.4.1.53087). */
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
  '1.3.6.1.4.1.53087.3.5': 'statuteCitation',
  '1.3.6.1.4.1.53087.5.1': 'priorUseMarkSourceURL',
};

/** RFC 6962, 3.3. */
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';
const LOG_ID_BYTES = 32;

/** The values of a subject by attribute name, in their order. An attribute without a name has its OID as its key. */
export type NamedAttributes = Readonly<Record<string, readonly string[]>>;

/** Groups the attributes of a subject by name. */
export function nameAttributes(subject: readonly Attribute[]): NamedAttributes {
  const named: Record<string, string[]> = {};
  for (const { oid, value } of subject) {
    const name = ATTRIBUTE_NAMES[oid] ?? oid;
    named[name] = [...(named[name] ?? []), value];
  }
  return named;
}

/** The domains of a certificate, each once: A-labels (RFC 5280, 7.2), converted to lower case. */
export function domainsOf({ dnsNames }: CertificateFields): string[] {
  return [...new Set(dnsNames.map((name) => name.toLowerCase()))];
}

/** The SCTs in a certificate; none if the list cannot be read. */
export function sctsOf(fields: CertificateFields): readonly Sct[] {
  const der = fields.extension(SCT_LIST);
  return (der && attempt(() => readSctList(der))) || [];
}

/**
 * An OCTET STRING that contains TLS vectors. The list and each SCT begin with a length of two bytes; an SCT continues
 * with version, log id and timestamp.
 */
function readSctList(der: Uint8Array): Sct[] {
  const list = contentsOf(readDer(der), TAG.octetString);
  const end = 2 + list.readUInt16BE(0);
  const scts: Sct[] = [];
  for (let at = 2; at < end; ) {
    const sct = list.subarray(at + 2, at + 2 + list.readUInt16BE(at));
    const timestamp = Number(sct.readBigUInt64BE(1 + LOG_ID_BYTES));
    scts.push({
      logId: sct.subarray(1, 1 + LOG_ID_BYTES).toString('hex'),
      timestamp: new Date(timestamp).toISOString(),
    });
    at += 2 + sct.length;
  }
  return scts;
}
