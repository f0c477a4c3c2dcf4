import { assertionName, covers } from '../../bimi.ts';
import { type CheckedChain, type FindingTable, withDetails } from '../checked-chain.ts';
import { type NamedAttributes, otherNameKinds, PRODUCTS } from './mark.ts';
import { kindOfName } from './names.ts';

const GENERAL_POLICY = '1.3.6.1.4.1.53087.1.1';
/** The PEM file must have fewer bytes. */
const PEM_LIMIT = 65_536;
/** The Mark Certificate Requirements demand the source URL of a prior use since this day. */
const SOURCE_URL_SINCE = new Date('2025-04-15T00:00:00Z');

/** Findings about the owner, the mark and the domains. */
export const MARK_FINDINGS = {
  'domain-missing': {
    severity: 'error',
    check: ({ domains }) => domains.length === 0 && 'the certificate contains no domain (dNSName)',
  },
  'domain-coverage': {
    severity: 'error',
    check: ({ orderedDomains, selector, domains }) =>
      domains.length > 0 &&
      withDetails(
        'the certificate does not cover these ordered domains',
        orderedDomains.filter((domain) => !covers(domains, domain, selector)),
      ),
  },
  size: {
    severity: 'error',
    check: ({ pemBytes }) =>
      pemBytes >= PEM_LIMIT && `the PEM file has ${pemBytes} bytes, but must have fewer than ${PEM_LIMIT}`,
  },
  'mark-type': { severity: 'warning', check: checkMarkType },
  policy: {
    severity: 'warning',
    check: ({ leaf }) =>
      !leaf.policies.includes(GENERAL_POLICY) &&
      `the leaf does not contain the general policy of mark certificates (${GENERAL_POLICY})`,
  },
  'mark-fields': { severity: 'warning', check: checkMarkFields },
  'subject-fields': { severity: 'warning', check: checkSubjectFields },
  san: {
    severity: 'warning',
    check: ({ leaf, domains }) =>
      withDetails('the certificate contains names that are not public domains', [
        ...otherNameKinds(leaf).map((kind) => `a name of the type ${kind}`),
        ...domains.flatMap((name) => {
          const kind = kindOfName(name);
          return kind ? [`the ${kind} "${name}"`] : [];
        }),
      ]),
  },
  'selector-san': {
    severity: 'notice',
    check: (checked) =>
      withDetails(
        'some verifiers refuse the certificate, because it covers a domain for one selector only',
        selectorNames(checked),
      ),
  },
} as const satisfies FindingTable;

function checkMarkType({ attributes: { markType = [] }, orderedProduct }: CheckedChain): string | undefined {
  const [type, ...others] = markType;
  if (type === undefined || others.length > 0) {
    return type === undefined
      ? 'the certificate contains no mark type'
      : `the certificate contains ${markType.length} mark types, but exactly one is allowed`;
  }
  const product = PRODUCTS.get(type);
  if (product === undefined) {
    return `the mark type ${JSON.stringify(type)} is unknown`;
  }
  return orderedProduct && orderedProduct !== product
    ? `a certificate with the mark type ${JSON.stringify(type)} is a ${product}, but a ${orderedProduct} was ordered`
    : undefined;
}

/** The attributes of one or two mark types. No other mark type may have them. */
interface MarkAttributes {
  readonly markTypes: readonly string[];
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

/**
 * Source: the Mark Certificate Requirements, as SSL.com's CP/CPS restates them in 7.1.4.2.2 (o to x).
 * `legalEntityIdentifier` and `wordMark` belong to every mark type.
 */
const MARK_ATTRIBUTES: readonly MarkAttributes[] = [
  {
    markTypes: ['Registered Mark', 'Modified Registered Mark'],
    required: ['trademarkCountryOrRegionName', 'trademarkIdentifier'],
    optional: ['trademarkOfficeName'],
  },
  {
    markTypes: ['Government Mark'],
    required: ['statuteCountryName', 'statuteCitation'],
    optional: ['statuteStateOrProvinceName', 'statuteLocalityName', 'statuteURL'],
  },
  { markTypes: ['Prior Use Mark'], required: ['priorUseMarkSourceURL'], optional: [] },
];

/** A mark type that is missing or unknown is another finding, so only known ones are checked. */
function checkMarkFields({ attributes, leaf: { certificate } }: CheckedChain): string | undefined {
  const types = attributes.markType ?? [];
  if (types.length === 0 || !types.every((type) => PRODUCTS.has(type))) {
    return undefined;
  }
  const problems = MARK_ATTRIBUTES.flatMap(({ markTypes, required, optional }) => {
    if (!markTypes.some((type) => types.includes(type))) {
      const foreign = [...required, ...optional].filter((name) => attributes[name]);
      return foreign.map((name) => `${name} belongs to another mark type`);
    }
    return required
      .filter((name) => !hasValue(attributes, name))
      .filter((name) => name !== 'priorUseMarkSourceURL' || certificate.validFromDate >= SOURCE_URL_SINCE)
      .map((name) => `${name} is missing`);
  });
  return withDetails(`the subject does not fit the mark type ${[...new Set(types)].join(', ')}`, problems);
}

/** The EV guidelines, 4.1.1, which the Mark Certificate Requirements adopt. */
const BUSINESS_CATEGORIES = [
  'Private Organization',
  'Government Entity',
  'Business Entity',
  'Non-Commercial Entity',
] as const satisfies readonly string[];

const SUBJECT_ATTRIBUTES = [
  'organizationName',
  'streetAddress',
  'countryName',
  'businessCategory',
  'serialNumber',
  'jurisdictionCountryName',
] as const;

/** Source: the Mark Certificate Requirements and the EV guidelines, as SSL.com's CP/CPS restates them in 7.1.4.2.2. */
function checkSubjectFields({ attributes }: CheckedChain): string | undefined {
  const has = (name: string) => hasValue(attributes, name);
  const categories = attributes.businessCategory?.filter((value) => !isBusinessCategory(value)) ?? [];
  return withDetails('the subject does not describe the owner as required', [
    ...SUBJECT_ATTRIBUTES.filter((name) => !has(name)).map((name) => `${name} is missing`),
    ...(has('localityName') || has('stateOrProvinceName')
      ? []
      : ['localityName and stateOrProvinceName are both missing']),
    ...['jurisdiction', 'statute']
      .filter((prefix) => has(`${prefix}LocalityName`) && !has(`${prefix}StateOrProvinceName`))
      .map((prefix) => `${prefix}LocalityName has no ${prefix}StateOrProvinceName`),
    ...categories.filter((value) => value.trim()).map((value) => `businessCategory is ${JSON.stringify(value)}`),
  ]);
}

function isBusinessCategory(value: string): boolean {
  return BUSINESS_CATEGORIES.some((category) => category === value);
}

function hasValue(attributes: NamedAttributes, name: string): boolean {
  return attributes[name]?.some((value) => value.trim() !== '') ?? false;
}

/**
 * The names of records by which alone a domain is covered: an ordered domain for its selector, or any domain if none was
 * ordered.
 */
function selectorNames({ domains, orderedDomains, selector }: CheckedChain): string[] {
  const known = new Set(domains);
  if (orderedDomains.length > 0) {
    return orderedDomains
      .filter((domain) => !known.has(domain))
      .map((domain) => assertionName(domain, selector))
      .filter((name) => known.has(name));
  }
  return domains.filter((name) => {
    const [, domain] = /^.+?\._bimi\.(.+)$/.exec(name) ?? [];
    return domain !== undefined && !known.has(domain);
  });
}
