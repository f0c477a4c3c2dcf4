import * as asn1 from '@peculiar/asn1-x509';
import { OctetString } from 'asn1js';
import type { MARK_FINDINGS } from '../../../../functions/certificate/mark/findings.ts';
import type { SubjectAttribute } from '../../../../infra/local/ca/certificate-authority.ts';
import { type Extension, extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { also, instead, markType, without } from '../certificate-changes.ts';
import { DOMAIN, type FindingCases } from '../finding-case.ts';

/** 260 names of 200 bytes are 52,000 bytes and more, and 69,000 in base64. */
/** A name whose bytes in the certificate are those of UTF-8: an IA5String gets one byte for each character. */
const inUtf8 = (name: string) => Buffer.from(name).toString('latin1');

export const MANY_DOMAINS = Array.from(
  { length: 260 },
  (_, index) => `${`${'a'.repeat(60)}.`.repeat(3)}n${index}.example`,
);

const PRIOR_USE_FIELDS_SINCE = new Date('2025-04-15T00:00:00Z');

const alternativeNames = (...names: readonly Partial<asn1.GeneralName>[]): Extension =>
  extension(oid.subjectAltName, new asn1.SubjectAlternativeName(names.map((name) => new asn1.GeneralName(name))));

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
    {
      of: 'the ordered domain and the name of its record',
      leaf: { domains: [`default._bimi.${DOMAIN}`, DOMAIN] },
    },
    {
      of: 'the ordered domain and the name of a record of another domain',
      leaf: { domains: [DOMAIN, 'default._bimi.example.org'] },
    },
    {
      of: 'a domain and the name of its record if none was ordered',
      leaf: { domains: [DOMAIN, `a._bimi.${DOMAIN}`] },
      domains: [],
    },
    { of: 'the ordered domain itself for any selector', selector: 'brand' },
    { of: 'the ordered domain in upper case', leaf: { domains: ['EXAMPLE.com'] } },
    { of: 'more domains than were ordered', leaf: { domains: ['example.org', DOMAIN] } },
    { of: 'an order that names no domain', domains: [] },
    ...['Private Organization', 'Government Entity', 'Business Entity', 'Non-Commercial Entity'].map((value) => ({
      of: `the business category ${value}`,
      leaf: { attributes: instead<SubjectAttribute>({ oid: oid.businessCategory, value }) },
    })),
    { of: 'a locality without a state', leaf: { attributes: without(oid.stateOrProvinceName) } },
    { of: 'a state without a locality', leaf: { attributes: without(oid.localityName) } },
    {
      of: 'a jurisdiction of a country alone',
      leaf: { attributes: without(oid.jurisdictionStateOrProvinceName) },
    },
    {
      of: 'a Government Mark of a locality, with the URL of the statute',
      leaf: {
        markType: 'Government Mark',
        attributes: also<SubjectAttribute>(
          { oid: oid.statuteLocality, value: 'Salford' },
          { oid: oid.statuteState, value: 'England' },
          { oid: oid.statuteUrl, value: 'https://www.legislation.test/' },
        ),
      },
    },
    ...(['Government Mark', 'Prior Use Mark'] as const).map((type) => ({
      of: `a ${type} with a legal entity identifier and a word mark`,
      leaf: {
        markType: type,
        attributes: also<SubjectAttribute>(
          { oid: oid.legalEntityIdentifier, value: '00000000000000000098' },
          { oid: oid.wordMark, value: 'EXAMPLE' },
        ),
      },
    })),
    {
      of: 'names with digits, hyphens and public top-level domains',
      leaf: { domains: [DOMAIN, 'a-1.co.uk', '3com.de', 'localhost.com', 'internal.example.net', 'test.com'] },
    },
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
    'domain-missing': [
      { of: 'no alternative names', leaf: { extensions: without(oid.subjectAltName) } },
      {
        of: 'no alternative names if no domain was ordered',
        leaf: { extensions: without(oid.subjectAltName) },
        domains: [],
      },
      { of: 'an empty list of alternative names', leaf: { domains: [] }, domains: [] },
      {
        of: 'alternative names that cannot be read',
        leaf: { extensions: instead({ oid: oid.subjectAltName, value: Buffer.of(5, 0) }) },
        refusal: /unable to get local issuer certificate|invalid or inconsistent certificate extension/,
      },
    ],
    'domain-coverage': [
      { of: 'another domain', leaf: { domains: ['example.org'] } },
      { of: 'the parent of the ordered domain', domains: [`mail.${DOMAIN}`] },
      { of: 'a subdomain of the ordered domain', leaf: { domains: [`mail.${DOMAIN}`] } },
      { of: 'a name that only ends with the ordered domain', leaf: { domains: [`not${DOMAIN}`] } },
      { of: 'a name that only begins with the ordered domain', leaf: { domains: [`${DOMAIN}.example`] } },
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
      ...(
        [
          ['Registered Mark', oid.statuteCountry],
          ['Registered Mark', oid.statuteState],
          ['Registered Mark', oid.statuteCitation],
          ['Registered Mark', oid.statuteUrl],
          ['Registered Mark', oid.priorUseSourceUrl],
          ['Modified Registered Mark', oid.priorUseSourceUrl],
          ['Government Mark', oid.trademarkOffice],
          ['Government Mark', oid.trademarkIdentifier],
          ['Government Mark', oid.priorUseSourceUrl],
          ['Prior Use Mark', oid.trademarkCountry],
          ['Prior Use Mark', oid.statuteCitation],
        ] as const
      ).map(([type, field]) => ({
        of: `a ${type} with the attribute ${field} of another mark type`,
        leaf: { markType: type, attributes: also<SubjectAttribute>({ oid: field, value: 'GB' }) },
      })),
      {
        of: 'a Registered Mark whose identifier is empty',
        leaf: { attributes: instead<SubjectAttribute>({ oid: oid.trademarkIdentifier, value: ' ' }) },
      },
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
    'subject-fields': [
      ...(
        [
          'organizationName',
          'streetAddress',
          'countryName',
          'businessCategory',
          'serialNumber',
          'jurisdictionCountryName',
        ] as const
      ).map((field) => ({
        of: `a subject without ${field}`,
        leaf: { attributes: without<SubjectAttribute>(oid[field]) },
      })),
      {
        of: 'a subject with neither a locality nor a state',
        leaf: { attributes: without(oid.localityName, oid.stateOrProvinceName) },
      },
      {
        of: 'a jurisdiction with a locality but no state',
        leaf: {
          attributes: (usual) =>
            also<SubjectAttribute>({ oid: oid.jurisdictionLocalityName, value: 'Salford' })(
              without<SubjectAttribute>(oid.jurisdictionStateOrProvinceName)(usual),
            ),
        },
      },
      {
        of: 'a statute with a locality but no state',
        leaf: {
          markType: 'Government Mark',
          attributes: also<SubjectAttribute>({ oid: oid.statuteLocality, value: 'Salford' }),
        },
      },
      ...['private organization', 'Company', 'V1.0, Clause 5.(b)'].map((value) => ({
        of: `the business category ${JSON.stringify(value)}`,
        leaf: { attributes: instead<SubjectAttribute>({ oid: oid.businessCategory, value }) },
      })),
      {
        of: 'a valid and an invalid business category',
        leaf: { attributes: also<SubjectAttribute>({ oid: oid.businessCategory, value: 'Company' }) },
      },
    ],
    san: [
      ...[
        `*.${DOMAIN}`,
        `mail*.${DOMAIN}`,
        'localhost',
        'intranet',
        'mail.local',
        'brand.internal',
        'example.test',
        'mail.home.arpa',
        '192.0.2.1',
        '2001:db8::1',
        `${DOMAIN}/x`,
        `user@${DOMAIN}`,
        `${DOMAIN}.`,
        `mail..${DOMAIN}`,
        'bücher.de',
        inUtf8('bücher.de'),
      ].map((name) => ({ of: `the name ${name}`, leaf: { domains: [DOMAIN, name] } })),
      ...[
        { uniformResourceIdentifier: `https://${DOMAIN}` },
        { rfc822Name: `user@${DOMAIN}` },
        { iPAddress: '192.0.2.1' },
      ].map((name) => ({
        of: `a name of the type ${Object.keys(name).join()}`,
        leaf: { extensions: instead<Extension>(alternativeNames({ dNSName: DOMAIN }, name)) },
      })),
    ],
    'selector-san': [
      { of: 'the name of the default record of the ordered domain', leaf: { domains: [`default._bimi.${DOMAIN}`] } },
      {
        of: 'the name of the record of the ordered selector',
        leaf: { domains: [`brand._bimi.${DOMAIN}`] },
        selector: 'brand',
      },
      {
        of: 'the name of the record of one of two ordered domains',
        leaf: { domains: ['example.org', `default._bimi.${DOMAIN}`] },
        domains: [DOMAIN, 'example.org'],
      },
      {
        of: 'the name of any record if no domain was ordered',
        leaf: { domains: [`brand._bimi.${DOMAIN}`] },
        domains: [],
      },
    ],
  },
};
