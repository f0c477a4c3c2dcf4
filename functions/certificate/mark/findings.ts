import { covers } from '../../bimi.ts';
import { type CheckedChain, type FindingTable, withDetails } from '../checked-chain.ts';
import { PRODUCTS } from './mark.ts';

const GENERAL_POLICY = '1.3.6.1.4.1.53087.1.1';
/** The PEM file must have fewer bytes. */
const PEM_LIMIT = 65_536;
/** The Mark Certificate Requirements demand the source URL of a prior use since this day. */
const SOURCE_URL_SINCE = new Date('2025-04-15T00:00:00Z');

/** Findings about the owner, the mark and the domains. */
export const MARK_FINDINGS = {
  'domain-coverage': {
    severity: 'error',
    check: ({ orderedDomains, selector, domains }) =>
      withDetails(
        'the certificate does not cover these ordered domains',
        orderedDomains.filter((domain) => !covers(domains, domain, selector)),
      ),
  },
  size: {
    severity: 'error',
    check: ({ pemBytes }) =>
      pemBytes >= PEM_LIMIT && `the PEM file has ${pemBytes} bytes, but must have less than ${PEM_LIMIT}`,
  },
  'mark-type': { severity: 'warning', check: checkMarkType },
  policy: {
    severity: 'warning',
    check: ({ leaf }) =>
      !leaf.policies.includes(GENERAL_POLICY) &&
      `the leaf does not contain the general policy of mark certificates (${GENERAL_POLICY})`,
  },
  'mark-fields': { severity: 'warning', check: checkMarkFields },
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

function checkMarkFields({ attributes, leaf }: CheckedChain): string | undefined {
  const registered = ['trademarkCountryOrRegionName', 'trademarkIdentifier'];
  const required: ReadonlyMap<string, readonly string[]> = new Map([
    ['Registered Mark', registered],
    ['Modified Registered Mark', registered],
    ['Government Mark', ['statuteCountryName', 'statuteCitation']],
    ['Prior Use Mark', leaf.certificate.validFromDate >= SOURCE_URL_SINCE ? ['priorUseMarkSourceURL'] : []],
  ]);
  const missing = (attributes.markType ?? [])
    .flatMap((type) => required.get(type) ?? [])
    .filter((name) => !attributes[name]);
  return withDetails('the subject lacks attributes that its mark type requires', missing);
}
