import { generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as asn1 from '@peculiar/asn1-x509';
import { OctetString } from 'asn1js';
import type { FindingId } from '../../../functions/certificate/findings.ts';
import type {
  CertificateChanges,
  IssuedMarkCertificate,
  MarkCertificateRequest,
  SubjectAttribute,
} from '../../../infra/local/ca/certificate-authority.ts';
import { extension, logotypeImage, oid } from '../../../infra/local/ca/mark-extensions.ts';
import {
  also,
  basicConstraints,
  critical,
  crl,
  ecKey,
  gzipUri,
  hashOf,
  indirectLogotype,
  instead,
  keyUsage,
  LOGO,
  markType,
  repeated,
  svg,
  withHashes,
  withImages,
  without,
  withSha224,
  withUris,
} from './certificate-changes.ts';

export const DAY = 24 * 60 * 60 * 1000;

/** The leaf is valid for 365 days from this moment, the root from 2020 to 2045, the issuing CA from 2020 to 2029. */
export const ISSUED = new Date('2026-01-01T00:00:00Z');
export const EXPIRES = new Date(ISSUED.getTime() + 365 * DAY);
export const AT = new Date('2026-06-01T00:00:00Z');
export const DOMAIN = 'example.com';

/** A chain, described by its differences from a clean one. */
export interface Case {
  /** What is special about the chain, as the end of a test title. */
  readonly of: string;
  readonly leaf?: Partial<MarkCertificateRequest>;
  readonly issuing?: CertificateChanges;
  readonly root?: CertificateChanges;
  /** The moment of the check. */
  readonly at?: Date;
  /** The ordered domains. */
  readonly domains?: readonly string[];
  readonly selector?: string;
  readonly product?: 'VMC' | 'CMC';
  /** The certificates in the file; default all three. */
  readonly delivered?: (issued: IssuedMarkCertificate) => readonly Uint8Array[];
  /** The trusted certificate; default the root. */
  readonly pinned?: 'root' | 'issuing' | 'nothing';
  /** The message of OpenSSL if it refuses the chain too; by default OpenSSL must accept the chain. */
  readonly refusal?: RegExp;
  /** Further options for OpenSSL. */
  readonly openssl?: readonly string[];
}

/** OpenSSL does not search for the issuer of such a certificate. */
const DUPLICATE = /unable to get local issuer certificate/;

const CRLF_LOGO = Buffer.from(svg().replaceAll('\n', '\r\n'));

/** 260 names of 200 bytes are 52,000 bytes and more, and 69,000 in base64. */
export const MANY_DOMAINS = Array.from(
  { length: 260 },
  (_, index) => `${`${'a'.repeat(60)}.`.repeat(3)}n${index}.example`,
);

const PRIOR_USE_FIELDS_SINCE = new Date('2025-04-15T00:00:00Z');

export const CLEAN: readonly Case[] = [
  { of: 'a Registered Mark, ordered as VMC', leaf: { markType: 'Registered Mark' }, product: 'VMC' },
  { of: 'a Government Mark, ordered as VMC', leaf: { markType: 'Government Mark' }, product: 'VMC' },
  { of: 'a Prior Use Mark, ordered as CMC', leaf: { markType: 'Prior Use Mark' }, product: 'CMC' },
  { of: 'a Modified Registered Mark, ordered as CMC', leaf: { markType: 'Modified Registered Mark' }, product: 'CMC' },
  { of: 'a Prior Use Mark without an ordered product', leaf: { markType: 'Prior Use Mark' } },
  { of: 'a trusted issuing CA under an untrusted root', pinned: 'issuing' },
  { of: 'a check at the first moment of the leaf', at: ISSUED },
  {
    of: 'certificates in another order',
    delivered: ({ leaf, root, issuing }) => [root, issuing, leaf],
  },
  { of: 'an issuing CA without a path length', issuing: { extensions: instead(basicConstraints({ cA: true })) } },
  {
    of: 'a root that allows one CA below it',
    root: { extensions: instead(basicConstraints({ cA: true, pathLenConstraint: 1 })) },
  },
  {
    of: 'an issuing CA for mark certificates and something else',
    issuing: {
      extensions: instead(
        extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([asn1.id_kp_serverAuth, oid.brandIndicator])),
      ),
    },
  },
  ...(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'] as const).map((algorithm) => ({
    of: `a logo hashed by ${algorithm} alone`,
    leaf: withHashes(hashOf(algorithm, LOGO)),
  })),
  { of: 'a logo hashed by three algorithms', leaf: withImages(logotypeImage(LOGO, ['SHA-1', 'SHA-256', 'SHA-384'])) },
  { of: 'a logo with CRLF hashed unchanged', leaf: withImages(logotypeImage(CRLF_LOGO)) },
  {
    of: 'a logo with CRLF hashed with LF',
    leaf: withImages({ ...logotypeImage(CRLF_LOGO), hashes: [hashOf('SHA-256', LOGO)] }),
  },
  {
    of: 'a logo with CR alone hashed with LF',
    leaf: withImages({
      ...logotypeImage(Buffer.from(svg().replaceAll('\n', '\r'))),
      hashes: [hashOf('SHA-256', LOGO)],
    }),
  },
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
    of: 'a CRL at an http URL beside one at an LDAP URL',
    leaf: {
      extensions: instead(
        crl(
          new asn1.GeneralName({ uniformResourceIdentifier: 'ldap://ca.test/crl' }),
          new asn1.GeneralName({ uniformResourceIdentifier: 'http://ca.test/crl' }),
        ),
      ),
    },
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
  {
    of: 'a critical key usage in the leaf',
    leaf: { extensions: also(keyUsage(asn1.KeyUsageFlags.digitalSignature)) },
  },
  { of: 'a leaf of 398 days', leaf: { notAfter: new Date(ISSUED.getTime() + 398 * DAY) } },
  {
    of: 'an RSA key of 2048 bits',
    leaf: { publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey },
  },
  { of: 'a key on P-384', leaf: { publicKey: ecKey('P-384') } },
  { of: 'a key on P-521', leaf: { publicKey: ecKey('P-521') } },
  { of: 'a signature with SHA-384', leaf: { signatureHash: 'SHA-384' } },
  {
    of: 'a root that signed itself with SHA-1, because no verifier relies on that signature',
    root: { signatureHash: 'SHA-1' },
  },
];

export const FOUND: Readonly<Record<FindingId, readonly Case[]>> = {
  'untrusted-root': [{ of: 'an untrusted root', pinned: 'nothing' }],
  'ca-flags': [
    {
      of: 'a root that is not a CA',
      root: { extensions: instead(basicConstraints({ cA: false })) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'an issuing CA that is not a CA',
      issuing: { extensions: instead(basicConstraints({ cA: false })) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'a root without basic constraints',
      root: { extensions: without(oid.basicConstraints) },
      // OpenSSL accepts keyCertSign in place of the missing basic constraints.
    },
    {
      of: 'a root that may not sign certificates',
      root: { extensions: instead(keyUsage(asn1.KeyUsageFlags.cRLSign)) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'an issuing CA that may not sign certificates',
      issuing: { extensions: instead(keyUsage(asn1.KeyUsageFlags.cRLSign)) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'an issuing CA without a key usage',
      issuing: { extensions: without(oid.keyUsage) },
      // RFC 5280: a key without key usage may be used for everything, but a CA certificate must contain a key usage.
    },
    {
      of: 'a root that allows no CA below it',
      root: { extensions: instead(basicConstraints({ cA: true, pathLenConstraint: 0 })) },
      refusal: /path length constraint exceeded/,
    },
    { of: 'an issuing CA without the usage for mark certificates', issuing: { extensions: without(oid.extKeyUsage) } },
    {
      of: 'an issuing CA for TLS servers',
      issuing: {
        extensions: instead(extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([asn1.id_kp_serverAuth]))),
      },
    },
  ],
  'leaf-eku': [
    {
      of: 'a leaf for mark certificates and TLS servers',
      leaf: {
        extensions: instead(
          extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, asn1.id_kp_serverAuth])),
        ),
      },
    },
    {
      of: 'a leaf for any usage as well',
      leaf: {
        extensions: instead(extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage(['2.5.29.37.0', oid.brandIndicator]))),
      },
    },
  ],
  validity: [
    {
      of: 'a check one second before the leaf is valid',
      at: new Date(ISSUED.getTime() - 1000),
      refusal: /not yet valid/,
    },
    { of: 'a check one second after the leaf expired', at: new Date(EXPIRES.getTime() + 1000), refusal: /has expired/ },
    {
      of: 'an issuing CA that expired before the leaf',
      issuing: { notAfter: new Date(AT.getTime() - 1000) },
      refusal: /has expired/,
    },
    {
      of: 'an issuing CA that is not yet valid',
      issuing: { notBefore: new Date(AT.getTime() + 1000) },
      refusal: /not yet valid/,
    },
    { of: 'a root that has expired', root: { notAfter: new Date(AT.getTime() - 1000) }, refusal: /has expired/ },
    {
      of: 'a root that is not yet valid',
      root: { notBefore: new Date(AT.getTime() + 1000), notAfter: new Date('2045-01-01T00:00:00Z') },
      refusal: /not yet valid/,
    },
  ],
  logotype: [
    { of: 'no logotype', leaf: { extensions: without(oid.logotype) } },
    { of: 'no image', leaf: withImages() },
    { of: 'two images', leaf: withImages(logotypeImage(LOGO), logotypeImage(LOGO)) },
    { of: 'two URIs', leaf: withUris(gzipUri(LOGO), gzipUri(LOGO)) },
    { of: 'an indirect logotype', leaf: { extensions: instead(indirectLogotype()) } },
    { of: 'an http URI', leaf: withUris('http://example.com/logo.svg') },
    { of: 'a data URI of another media type', leaf: withUris(gzipUri(LOGO).replace('svg+xml', 'png')) },
    { of: 'a data URI without base64', leaf: withUris(`data:image/svg+xml,${encodeURIComponent(svg())}`) },
    { of: 'a data URI with invalid base64', leaf: withUris('data:image/svg+xml;base64,*not*base64*') },
    { of: 'an image without gzip', leaf: withUris(`data:image/svg+xml;base64,${LOGO.toString('base64')}`) },
    {
      of: 'gzip that is cut off',
      leaf: withUris(`data:image/svg+xml;base64,${gzipSync(LOGO).subarray(0, 60).toString('base64')}`),
    },
    { of: 'an image that inflates to 10 MiB', leaf: withUris(gzipUri(Buffer.alloc(10 * 1024 * 1024))) },
    {
      of: 'an extension that is not a logotype',
      leaf: { extensions: instead({ oid: oid.logotype, value: Buffer.of(5, 0) }) },
    },
  ],
  'logo-hash': [
    { of: 'a wrong hash', leaf: withHashes(hashOf('SHA-256', 'another logo')) },
    { of: 'a correct and a wrong hash', leaf: withHashes(hashOf('SHA-256', LOGO), hashOf('SHA-1', 'another logo')) },
    { of: 'a wrong and a correct hash', leaf: withHashes(hashOf('SHA-384', 'another logo'), hashOf('SHA-256', LOGO)) },
    {
      of: 'a correct hash under the wrong algorithm',
      leaf: withHashes({ ...hashOf('SHA-256', LOGO), algorithm: 'SHA-512' }),
    },
    { of: 'the hash of the compressed logo', leaf: withHashes(hashOf('SHA-256', gzipSync(LOGO))) },
    { of: 'a logo with LF hashed with CRLF', leaf: withHashes(hashOf('SHA-256', CRLF_LOGO)) },
    { of: 'no hash', leaf: withHashes() },
    { of: 'only a correct hash of an unknown algorithm', leaf: withSha224() },
  ],
  'svg-profile': [
    ['not well-formed', '<svg'],
    ['another version', svg('', 'version="1.1" baseProfile="tiny-ps"')],
    ['no version', svg('', 'baseProfile="tiny-ps"')],
    ['another profile', svg('', 'version="1.2" baseProfile="tiny"')],
    ['no profile', svg('', 'version="1.2"')],
    ['no title', svg('', undefined, '')],
    ['x on the root', svg('', 'version="1.2" baseProfile="tiny-ps" x="0"')],
    ['y on the root', svg('', 'version="1.2" baseProfile="tiny-ps" y="0"')],
    ['a script', svg('<script>1</script>')],
    ['an animation', svg('<rect><set attributeName="x"/></rect>')],
    ['an external reference', svg('<image xlink:href="https://example.com/a.png"/>')],
    ['32,769 bytes', svg().padEnd(32_769)],
  ].map(([of = '', content = '']) => ({ of, leaf: { svg: content } })),
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
  'duplicate-extension': [
    { of: 'a leaf', leaf: { extensions: repeated(oid.subjectKeyIdentifier) }, refusal: DUPLICATE },
    { of: 'a leaf with two extended key usages', leaf: { extensions: repeated(oid.extKeyUsage) }, refusal: DUPLICATE },
    { of: 'a leaf with two lists of names', leaf: { extensions: repeated(oid.subjectAltName) }, refusal: DUPLICATE },
    { of: 'a leaf with two logotypes', leaf: { extensions: repeated(oid.logotype) } },
    {
      of: 'an issuing CA',
      issuing: { extensions: repeated(oid.basicConstraints) },
      refusal: DUPLICATE,
    },
    { of: 'a root', root: { extensions: repeated(oid.keyUsage) }, refusal: DUPLICATE },
  ],
  'crl-missing': [
    { of: 'no distribution point', leaf: { extensions: without(oid.crlDistributionPoints) } },
    {
      of: 'only an LDAP URL',
      leaf: {
        extensions: instead(crl(new asn1.GeneralName({ uniformResourceIdentifier: 'ldap://ca.test/cn=crl' }))),
      },
    },
    {
      of: 'only a DNS name',
      leaf: { extensions: instead(crl(new asn1.GeneralName({ dNSName: 'http://ca.test' }))) },
    },
  ],
  'sct-missing': [
    { of: 'no SCT list', leaf: { extensions: without(oid.sctList) } },
    {
      of: 'an empty SCT list',
      leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 2, 0, 0) }) },
    },
    {
      of: 'an incomplete SCT list',
      leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 4, 0, 99, 0, 97) }) },
    },
    {
      of: 'an SCT list that is not an OCTET STRING',
      leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(5, 0) }) },
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
  'critical-extension': [
    {
      of: 'an unknown critical extension',
      leaf: { extensions: also({ oid: '1.3.6.1.4.1.53087.4.1', value: Buffer.of(5, 0), critical: true }) },
      openssl: ['-ignore_critical'],
    },
    { of: 'a critical extended key usage', leaf: { extensions: critical(oid.extKeyUsage) } },
    {
      of: 'a critical logotype',
      leaf: { extensions: critical(oid.logotype) },
      openssl: ['-ignore_critical'],
    },
    { of: 'a critical extension of the issuing CA', issuing: { extensions: critical(oid.certificatePolicies) } },
  ],
  lifetime: [
    { of: '398 days and one second', leaf: { notAfter: new Date(ISSUED.getTime() + 398 * DAY + 1000) } },
    { of: 'three years', leaf: { notAfter: new Date(ISSUED.getTime() + 3 * 365 * DAY) } },
  ],
  'key-strength': [
    {
      of: 'an RSA key of 1024 bits',
      leaf: { publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey },
    },
    { of: 'a key on P-192', leaf: { publicKey: ecKey('prime192v1') } },
    { of: 'a key on secp256k1', leaf: { publicKey: ecKey('secp256k1') } },
    { of: 'a leaf signed with SHA-1', leaf: { signatureHash: 'SHA-1' } },
    { of: 'an issuing CA signed with SHA-1', issuing: { signatureHash: 'SHA-1' } },
  ],
  'root-absent': [
    {
      of: 'a trusted issuing CA without its root',
      delivered: ({ leaf, issuing }) => [leaf, issuing],
      pinned: 'issuing',
    },
  ],
};
