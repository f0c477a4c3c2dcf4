import * as asn1 from '@peculiar/asn1-x509';
import { OctetString } from 'asn1js';
import type { MARK_FINDINGS } from '../../../../functions/certificate/mark/findings.ts';
import type { SubjectAttribute } from '../../../../infra/local/ca/certificate-authority.ts';
import { extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { also, instead, markType, without } from '../certificate-changes.ts';
import { DOMAIN, type FindingCases } from '../finding-case.ts';

/** 260 names of 200 bytes are 52,000 bytes and more, and 69,000 in base64. */
export const MANY_DOMAINS = Array.from(
  { length: 260 },
  (_, index) => `${`${'a'.repeat(60)}.`.repeat(3)}n${index}.example`,
);

const PRIOR_USE_FIELDS_SINCE = new Date('2025-04-15T00:00:00Z');

export const MARK_CASES: FindingCases<keyof typeof MARK_FINDINGS> = {
  clean: [
    { of: 'a Registered Mark, ordered as VMC', leaf: { markType: 'Registered Mark' }, product: 'VMC' },
    { of: 'a Government Mark, ordered as VMC', leaf: { markType: 'Government Mark' }, product: 'VMC' },
    { of: 'a Prior Use Mark, ordered as CMC', leaf: { markType: 'Prior Use Mark' }, product: 'CMC' },
    {
      of: 'a Modified Registered Mark, ordered as CMC',
      leaf: { markType: 'Modified Registered Mark' },
      product: 'CMC',
    },
    { of: 'a Prior Use Mark without an ordered product', leaf: { markType: 'Prior Use Mark' } },
    { of: 'the name of the default record of the ordered domain', leaf: { domains: [`default._bimi.${DOMAIN}`] } },
    {
      of: 'the name of the record of the ordered selector',
      leaf: { domains: [`brand._bimi.${DOMAIN}`] },
      selector: 'brand',
    },
    { of: 'the ordered domain itself for any selector', selector: 'brand' },
    { of: 'the ordered domain in upper case', leaf: { domains: ['EXAMPLE.com'] } },
    { of: 'more domains than were ordered', leaf: { domains: ['example.org', DOMAIN] } },
    { of: 'an order that names no domain', domains: [] },
    {
      of: 'the A-label of an internationalized domain',
      leaf: { domains: ['xn--bcher-kva.example'] },
      domains: ['xn--bcher-kva.example'],
    },
    {
      of: 'a Prior Use Mark without a source URL, issued in the last second before one is required',
      leaf: {
        markType: 'Prior Use Mark',
        attributes: without(oid.priorUseSourceUrl),
        notBefore: new Date(PRIOR_USE_FIELDS_SINCE.getTime() - 1000),
      },
      at: new Date('2025-06-01T00:00:00Z'),
    },
  ],
  found: {
    'domain-coverage': [
      { of: 'another domain', leaf: { domains: ['example.org'] } },
      { of: 'the parent of the ordered domain', domains: [`mail.${DOMAIN}`] },
      { of: 'a subdomain of the ordered domain', leaf: { domains: [`mail.${DOMAIN}`] } },
      { of: 'a name that only ends with the ordered domain', leaf: { domains: [`not${DOMAIN}`] } },
      { of: 'a name that only begins with the ordered domain', leaf: { domains: [`${DOMAIN}/x`] } },
      { of: 'a wildcard', leaf: { domains: [`*.${DOMAIN}`] } },
      { of: 'the name of a record with a selector of two labels', leaf: { domains: [`a.b._bimi.${DOMAIN}`] } },
      { of: 'the name of a record without a selector', leaf: { domains: [`_bimi.${DOMAIN}`] } },
      { of: 'the name of a record of another selector', leaf: { domains: [`brand._bimi.${DOMAIN}`] } },
      {
        of: 'the name of the default record if another selector was ordered',
        leaf: { domains: [`default._bimi.${DOMAIN}`] },
        selector: 'brand',
      },
      { of: 'the name of a record of another domain', leaf: { domains: ['default._bimi.example.org'] } },
      { of: 'the name of a record of a subdomain', leaf: { domains: [`default._bimi.mail.${DOMAIN}`] } },
      { of: 'one of two ordered domains', domains: [DOMAIN, 'example.net'] },
      { of: 'no alternative name at all', leaf: { extensions: without(oid.subjectAltName) } },
      {
        of: 'alternative names that are not DNS names',
        leaf: {
          extensions: instead(
            extension(
              oid.subjectAltName,
              new asn1.SubjectAlternativeName([
                new asn1.GeneralName({ uniformResourceIdentifier: `https://${DOMAIN}` }),
                new asn1.GeneralName({ rfc822Name: DOMAIN }),
              ]),
            ),
          ),
        },
      },
    ],
    size: [
      { of: 'very many domains', leaf: { domains: [DOMAIN, ...MANY_DOMAINS] } },
      {
        of: 'a large extension',
        leaf: {
          extensions: also({
            oid: '1.3.6.1.4.1.32473.1.9',
            value: new Uint8Array(new OctetString({ valueHex: new Uint8Array(50_000) }).toBER()),
          }),
        },
      },
    ],
    'mark-type': [
      { of: 'no mark type', leaf: { attributes: without(oid.markType) } },
      { of: 'the same mark type twice', leaf: { attributes: also(markType('Registered Mark')) } },
      { of: 'an unknown mark type', leaf: { attributes: instead(markType('Provisional Mark')) } },
      { of: 'a mark type in lower case', leaf: { attributes: instead(markType('registered mark')) } },
      { of: 'a Registered Mark if a CMC was ordered', product: 'CMC' },
      { of: 'a Government Mark if a CMC was ordered', leaf: { markType: 'Government Mark' }, product: 'CMC' },
      { of: 'a Prior Use Mark if a VMC was ordered', leaf: { markType: 'Prior Use Mark' }, product: 'VMC' },
      {
        of: 'a Modified Registered Mark if a VMC was ordered',
        leaf: { markType: 'Modified Registered Mark' },
        product: 'VMC',
      },
    ],
    policy: [
      { of: 'no policies', leaf: { extensions: without(oid.certificatePolicies) } },
      {
        of: "only the CA's own policy",
        leaf: {
          extensions: instead(
            extension(
              oid.certificatePolicies,
              new asn1.CertificatePolicies([new asn1.PolicyInformation({ policyIdentifier: oid.examplePolicy })]),
            ),
          ),
        },
      },
    ],
    'mark-fields': [
      ...(
        [
          ['Registered Mark', oid.trademarkCountry, 'country'],
          ['Registered Mark', oid.trademarkIdentifier, 'identifier'],
          ['Modified Registered Mark', oid.trademarkCountry, 'country'],
          ['Modified Registered Mark', oid.trademarkIdentifier, 'identifier'],
          ['Government Mark', oid.statuteCountry, "statute's country"],
          ['Government Mark', oid.statuteCitation, "statute's citation"],
          ['Prior Use Mark', oid.priorUseSourceUrl, 'source URL'],
        ] as const
      ).map(([type, field, name]) => ({
        of: `a ${type} without its ${name}`,
        leaf: { markType: type, attributes: without<SubjectAttribute>(field) },
      })),
      {
        of: 'a Prior Use Mark without a source URL, issued in the first second that requires one',
        leaf: {
          markType: 'Prior Use Mark',
          attributes: without(oid.priorUseSourceUrl),
          notBefore: PRIOR_USE_FIELDS_SINCE,
        },
        at: new Date('2025-06-01T00:00:00Z'),
      },
    ],
  },
};
