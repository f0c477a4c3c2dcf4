import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as asn1 from '@peculiar/asn1-x509';
import { Constructed, IA5String, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding, FindingId } from '../../../functions/certificate/findings.ts';
import {
  type CertificateReport,
  type Expectations,
  readMarkCertificate,
} from '../../../functions/certificate/report.ts';
import {
  type CertificateAuthority,
  type CertificateChanges,
  type Change,
  createCertificateAuthority,
  type IssuedMarkCertificate,
  type MarkCertificateRequest,
  type SubjectAttribute,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import {
  type Extension,
  extension,
  type LogotypeImage,
  logotype,
  logotypeImage,
  oid,
} from '../../../infra/local/ca/mark-extensions.ts';

const DAY = 24 * 60 * 60 * 1000;

/** The usual leaf lives 365 days from here on, its issuers from 2020 to 2045 and 2030. */
const ISSUED = new Date('2026-01-01T00:00:00Z');
const EXPIRES = new Date(ISSUED.getTime() + 365 * DAY);
const AT = new Date('2026-06-01T00:00:00Z');
const DOMAIN = 'example.com';

/** A chain, by what sets it apart from a clean one. */
interface Case {
  readonly of: string;
  readonly leaf?: Partial<MarkCertificateRequest>;
  readonly issuing?: CertificateChanges;
  readonly root?: CertificateChanges;
  /** The moment it is checked at. */
  readonly at?: Date;
  readonly domains?: readonly string[];
  readonly product?: 'VMC' | 'CMC';
  /** Which certificates are in the file; default all three. */
  readonly delivered?: (issued: IssuedMarkCertificate) => readonly Uint8Array[];
  /** Which one is pinned; default the root. */
  readonly pinned?: 'root' | 'issuing' | 'nothing';
  /** Where OpenSSL has a reason of its own to refuse the chain, its words; otherwise it has to accept it. */
  readonly refusal?: RegExp;
  /** Further options for OpenSSL. */
  readonly openssl?: readonly string[];
}

let folder: string;
let authority: CertificateAuthority;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'findings-'));
  authority = await createCertificateAuthority();
});

afterAll(() => rmSync(folder, { recursive: true }));

function issue({ leaf, issuing, root }: Case): IssuedMarkCertificate {
  const notBefore = new Date('2020-01-01T00:00:00Z');
  return authority
    .with({ root: { notBefore, ...root }, issuing: { notBefore, ...issuing } })
    .issue({ domains: [DOMAIN], notBefore: ISSUED, ...leaf });
}

async function check(issued: IssuedMarkCertificate, of: Case): Promise<CertificateReport> {
  const { at = AT, domains = [DOMAIN], product, delivered = ({ chain }) => chain, pinned = 'root' } = of;
  const expectations: Expectations = {
    at,
    domains,
    product,
    trustAnchors: pinned === 'nothing' ? [] : [fingerprint(issued[pinned])],
  };
  return (await readMarkCertificate(Buffer.from(pem(delivered(issued))), expectations)).report;
}

function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

function ids(findings: readonly Finding[]): FindingId[] {
  return findings.map(({ id }) => id);
}

/** OpenSSL's opinion of the delivered chain under its top: "OK", or its words of refusal. */
function opensslVerify(
  issued: IssuedMarkCertificate,
  { at = AT, delivered = ({ chain }) => chain, openssl = [] }: Case,
) {
  const inFile = delivered(issued);
  const [leafFile = '', ...issuerFiles] = issued.chain
    .filter((der) => inFile.includes(der))
    .map((der, index) => {
      const file = path.join(folder, `${index}.pem`);
      writeFileSync(file, pem([der]));
      return file;
    });
  const [top = '', ...rest] = issuerFiles.reverse();
  const untrusted = rest.flatMap((file) => ['-untrusted', file]);
  const moment = ['-attime', String(at.getTime() / 1000)];
  const args = ['verify', '-partial_chain', ...openssl, '-trusted', top, ...untrusted, ...moment, leafFile];
  try {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' }).trim().split(': ').at(-1);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const without =
  <Item extends { readonly oid: string }>(...oids: readonly string[]): Change<Item> =>
  (usual) =>
    usual.filter((item) => !oids.includes(item.oid));

const also =
  <Item>(...items: readonly NoInfer<Item>[]): Change<Item> =>
  (usual) => [...usual, ...items];

/** In the place of the usual one of the same kind. */
const instead =
  <Item extends { readonly oid: string }>(item: NoInfer<Item>): Change<Item> =>
  (usual) =>
    usual.map((each) => (each.oid === item.oid ? item : each));

const repeated =
  (id: string): Change<Extension> =>
  (usual) =>
    usual.flatMap((each) => (each.oid === id ? [each, each] : [each]));

/** OpenSSL does not even look for the issuer of such a certificate. */
const DUPLICATE = /unable to get local issuer certificate/;

const critical =
  (id: string): Change<Extension> =>
  (usual) =>
    usual.map((each) => (each.oid === id ? { ...each, critical: true } : each));

const basicConstraints = (value: { readonly cA: boolean; readonly pathLenConstraint?: number }) =>
  extension(oid.basicConstraints, new asn1.BasicConstraints(value), true);

const markType = (value: string): SubjectAttribute => ({ oid: oid.markType, value });

const keyUsage = (flags: number) => extension(oid.keyUsage, new asn1.KeyUsage(flags), true);

const crl = (...points: readonly asn1.GeneralName[]) =>
  extension(
    oid.crlDistributionPoints,
    new asn1.CRLDistributionPoints(
      points.map(
        (point) =>
          new asn1.DistributionPoint({ distributionPoint: new asn1.DistributionPointName({ fullName: [point] }) }),
      ),
    ),
  );

function svg(body = '', root = 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"', title = 'Example'): string {
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${root}>`,
    title && `<title>${title}</title>`,
    body,
    '</svg>',
  ];
  return lines.join('\n');
}

const LOGO = Buffer.from(svg());

/** The usual leaf with this logotype. */
function withImages(...images: readonly LogotypeImage[]): Partial<MarkCertificateRequest> {
  return { extensions: instead(logotype(...images)) };
}

function withUris(...uris: readonly string[]): Partial<MarkCertificateRequest> {
  return withImages({ ...logotypeImage(LOGO), uris });
}

function withHashes(...hashes: LogotypeImage['hashes']): Partial<MarkCertificateRequest> {
  return withImages({ ...logotypeImage(LOGO), hashes });
}

function hashOf(algorithm: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512', content: string | Uint8Array) {
  return { algorithm, value: createHash(algorithm).update(content).digest() };
}

/** A logotype whose subject logo is given indirectly, [1], though it be the same inside. */
function indirectLogotype(): Extension {
  const direct = logotype(logotypeImage(LOGO));
  const value = Buffer.from(direct.value);
  value.writeUInt8(0xa1, value.indexOf(Buffer.of(0xa0, 0x82)));
  return { ...direct, value };
}

/** A logotype whose one hash is by an algorithm that the authority does not write: SHA-224, and rightly so. */
function withSha224(): Partial<MarkCertificateRequest> {
  const [uri = ''] = logotypeImage(LOGO).uris;
  const identifier = new Sequence({ value: [new ObjectIdentifier({ value: '2.16.840.1.101.3.4.2.4' })] });
  const value = new OctetString({ valueHex: new Uint8Array(createHash('SHA-224').update(LOGO).digest()) });
  const details = new Sequence({
    value: [
      new IA5String({ value: 'image/svg+xml' }),
      new Sequence({ value: [new Sequence({ value: [identifier, value] })] }),
      new Sequence({ value: [new IA5String({ value: uri })] }),
    ],
  });
  const images = new Sequence({ value: [new Sequence({ value: [details] })] });
  const tagged = (tagNumber: number, content: Sequence | Constructed) =>
    new Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [content] });
  const der = new Sequence({ value: [tagged(2, tagged(0, images))] }).toBER();
  return { extensions: instead({ oid: oid.logotype, value: new Uint8Array(der) }) };
}

function gzipUri(content: Uint8Array): string {
  return `data:image/svg+xml;base64,${gzipSync(content).toString('base64')}`;
}

const CRLF_LOGO = Buffer.from(svg().replaceAll('\n', '\r\n'));

/** 260 names of 200 bytes are 52,000 bytes and more, and 69,000 in base64. */
const MANY_DOMAINS = Array.from({ length: 260 }, (_, index) => `${`${'a'.repeat(60)}.`.repeat(3)}n${index}.example`);

const PRIOR_USE_FIELDS_SINCE = new Date('2025-04-15T00:00:00Z');

const ecKey = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;

const CLEAN: readonly Case[] = [
  { of: 'a Registered Mark, ordered as VMC', leaf: { markType: 'Registered Mark' }, product: 'VMC' },
  { of: 'a Government Mark, ordered as VMC', leaf: { markType: 'Government Mark' }, product: 'VMC' },
  { of: 'a Prior Use Mark, ordered as CMC', leaf: { markType: 'Prior Use Mark' }, product: 'CMC' },
  { of: 'a Modified Registered Mark, ordered as CMC', leaf: { markType: 'Modified Registered Mark' }, product: 'CMC' },
  { of: 'a Prior Use Mark where no product is known', leaf: { markType: 'Prior Use Mark' } },
  { of: 'a pinned issuing CA under a root that nobody pinned', pinned: 'issuing' },
  { of: 'the first moment of the leaf', at: ISSUED },
  {
    of: 'the whole PEM one certificate short of a surplus',
    delivered: ({ leaf, root, issuing }) => [root, issuing, leaf],
  },
  { of: 'an issuing CA without a path length', issuing: { extensions: instead(basicConstraints({ cA: true })) } },
  {
    of: 'a root that allows one issuer below it',
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
  { of: 'a logo with CRLF hashed as it stands', leaf: withImages(logotypeImage(CRLF_LOGO)) },
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
  { of: 'a selector of the ordered domain', leaf: { domains: [`default._bimi.${DOMAIN}`] } },
  { of: 'the ordered domain in capitals', leaf: { domains: ['EXAMPLE.com'] } },
  { of: 'more domains than were ordered', leaf: { domains: ['example.org', DOMAIN] } },
  { of: 'an order that names no domain', domains: [] },
  {
    of: 'a U-label that was ordered, as the A-label it is',
    leaf: { domains: ['xn--bcher-kva.example'] },
    domains: ['xn--bcher-kva.example'],
  },
  {
    of: 'an http CRL beside one of LDAP',
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
    of: 'a Prior Use Mark without its source, of the last second in which it needed none',
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
  { of: 'a root signed by itself with SHA-1, on which nobody relies', root: { signatureHash: 'SHA-1' } },
];

const FOUND: Readonly<Record<FindingId, readonly Case[]>> = {
  'untrusted-root': [{ of: 'a root that is not known', pinned: 'nothing' }],
  'ca-flags': [
    {
      of: 'a root that is no CA',
      root: { extensions: instead(basicConstraints({ cA: false })) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'an issuing CA that is no CA',
      issuing: { extensions: instead(basicConstraints({ cA: false })) },
      refusal: /invalid CA certificate/,
    },
    {
      of: 'a root without basic constraints',
      root: { extensions: without(oid.basicConstraints) },
      // OpenSSL takes a key usage with keyCertSign for the missing basic constraints.
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
      // By RFC 5280 a key without a key usage may do everything, but a CA certificate must have one.
    },
    {
      of: 'a root that allows no issuer below it',
      root: { extensions: instead(basicConstraints({ cA: true, pathLenConstraint: 0 })) },
      refusal: /path length constraint exceeded/,
    },
    { of: 'an issuing CA not for mark certificates', issuing: { extensions: without(oid.extKeyUsage) } },
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
    { of: 'a second before the leaf', at: new Date(ISSUED.getTime() - 1000), refusal: /not yet valid/ },
    { of: 'a second after the leaf', at: new Date(EXPIRES.getTime() + 1000), refusal: /has expired/ },
    {
      of: 'an issuing CA that ends before the leaf',
      issuing: { notAfter: new Date(AT.getTime() - 1000) },
      refusal: /has expired/,
    },
    {
      of: 'an issuing CA that begins after the leaf',
      issuing: { notBefore: new Date(AT.getTime() + 1000) },
      refusal: /not yet valid/,
    },
    { of: 'a root that has ended', root: { notAfter: new Date(AT.getTime() - 1000) }, refusal: /has expired/ },
    {
      of: 'a root that has not begun',
      root: { notBefore: new Date(AT.getTime() + 1000), notAfter: new Date('2045-01-01T00:00:00Z') },
      refusal: /not yet valid/,
    },
  ],
  logotype: [
    { of: 'no logotype', leaf: { extensions: without(oid.logotype) } },
    { of: 'no image', leaf: withImages() },
    { of: 'two images', leaf: withImages(logotypeImage(LOGO), logotypeImage(LOGO)) },
    { of: 'two URIs', leaf: withUris(gzipUri(LOGO), gzipUri(LOGO)) },
    { of: 'an image that stands in a reference', leaf: { extensions: instead(indirectLogotype()) } },
    { of: 'an http URI', leaf: withUris('http://example.com/logo.svg') },
    { of: 'a data URI of another media type', leaf: withUris(gzipUri(LOGO).replace('svg+xml', 'png')) },
    { of: 'a data URI without base64', leaf: withUris(`data:image/svg+xml,${encodeURIComponent(svg())}`) },
    { of: 'no base64', leaf: withUris('data:image/svg+xml;base64,*not*base64*') },
    { of: 'no gzip', leaf: withUris(`data:image/svg+xml;base64,${LOGO.toString('base64')}`) },
    {
      of: 'gzip that is cut off',
      leaf: withUris(`data:image/svg+xml;base64,${gzipSync(LOGO).subarray(0, 60).toString('base64')}`),
    },
    { of: 'an image that inflates to 10 MiB', leaf: withUris(gzipUri(Buffer.alloc(10 * 1024 * 1024))) },
    {
      of: 'an extension that is no logotype',
      leaf: { extensions: instead({ oid: oid.logotype, value: Buffer.of(5, 0) }) },
    },
  ],
  'logo-hash': [
    { of: 'a wrong hash', leaf: withHashes(hashOf('SHA-256', 'another logo')) },
    { of: 'a right and a wrong hash', leaf: withHashes(hashOf('SHA-256', LOGO), hashOf('SHA-1', 'another logo')) },
    { of: 'a wrong and a right hash', leaf: withHashes(hashOf('SHA-384', 'another logo'), hashOf('SHA-256', LOGO)) },
    { of: 'the right hash under another name', leaf: withHashes({ ...hashOf('SHA-256', LOGO), algorithm: 'SHA-512' }) },
    { of: 'the hash of the compressed logo', leaf: withHashes(hashOf('SHA-256', gzipSync(LOGO))) },
    { of: 'a logo with LF hashed with CRLF', leaf: withHashes(hashOf('SHA-256', CRLF_LOGO)) },
    { of: 'no hash', leaf: withHashes() },
    { of: 'only a right hash by an algorithm that is not accepted', leaf: withSha224() },
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
    ['an outside reference', svg('<image xlink:href="https://example.com/a.png"/>')],
    ['32,769 bytes', svg().padEnd(32_769)],
  ].map(([of = '', content = '']) => ({ of, leaf: { svg: content } })),
  'domain-coverage': [
    { of: 'another domain', leaf: { domains: ['example.org'] } },
    { of: 'the domain above the ordered one', domains: [`mail.${DOMAIN}`] },
    { of: 'a domain below the ordered one', leaf: { domains: [`mail.${DOMAIN}`] } },
    { of: 'a name that only ends like the ordered one', leaf: { domains: [`not${DOMAIN}`] } },
    { of: 'a name that is no domain but begins like the ordered one', leaf: { domains: [`${DOMAIN}/x`] } },
    { of: 'a wildcard', leaf: { domains: [`*.${DOMAIN}`] } },
    { of: 'a selector of two labels', leaf: { domains: [`a.b._bimi.${DOMAIN}`] } },
    { of: 'no selector before _bimi', leaf: { domains: [`_bimi.${DOMAIN}`] } },
    { of: 'a selector of another domain', leaf: { domains: ['default._bimi.example.org'] } },
    { of: 'a selector of a domain below', leaf: { domains: [`default._bimi.mail.${DOMAIN}`] } },
    { of: 'one of two ordered domains', domains: [DOMAIN, 'example.net'] },
    { of: 'no alternative name at all', leaf: { extensions: without(oid.subjectAltName) } },
    {
      of: 'an alternative name that is no DNS name',
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
      of: 'only a URL of LDAP',
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
    { of: 'no list', leaf: { extensions: without(oid.sctList) } },
    {
      of: 'an empty list',
      leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 2, 0, 0) }) },
    },
    {
      of: 'a list that is cut off',
      leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 4, 0, 99, 0, 97) }) },
    },
    { of: 'no octets', leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(5, 0) }) } },
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
    { of: 'a mark type that is not known', leaf: { attributes: instead(markType('Provisional Mark')) } },
    { of: 'a mark type in small letters', leaf: { attributes: instead(markType('registered mark')) } },
    { of: 'a Registered Mark where a CMC was ordered', product: 'CMC' },
    { of: 'a Government Mark where a CMC was ordered', leaf: { markType: 'Government Mark' }, product: 'CMC' },
    { of: 'a Prior Use Mark where a VMC was ordered', leaf: { markType: 'Prior Use Mark' }, product: 'VMC' },
    {
      of: 'a Modified Registered Mark where a VMC was ordered',
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
        ['Prior Use Mark', oid.priorUseSourceUrl, 'source'],
      ] as const
    ).map(([type, field, name]) => ({
      of: `a ${type} without its ${name}`,
      leaf: { markType: type, attributes: without<SubjectAttribute>(field) },
    })),
    {
      of: 'a Prior Use Mark without its source, of the first second in which it needed one',
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
      of: 'a critical extension that nobody knows',
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
    { of: '398 days and a second', leaf: { notAfter: new Date(ISSUED.getTime() + 398 * DAY + 1000) } },
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
      of: 'a pinned issuing CA without its root',
      delivered: ({ leaf, issuing }) => [leaf, issuing],
      pinned: 'issuing',
    },
  ],
};

describe('a clean chain', () => {
  test.each(CLEAN)('has no finding: $of', async (of) => {
    const issued = issue(of);
    const { publishable, findings } = await check(issued, of);
    expect(findings).toEqual([]);
    expect(publishable).toBe(true);
    expect(opensslVerify(issued, of)).toBe('OK');
  });

  // OpenSSL takes notAfter as the first moment that is too late, RFC 5280 as the last in time.
  test('has no finding in its last second', async () => {
    const of: Case = { of: '', at: EXPIRES };
    expect((await check(issue(of), of)).findings).toEqual([]);
  });
});

describe.each(Object.entries(FOUND))('the one finding %s', (id, cases) => {
  test.each(cases)('is that of $of', async (of) => {
    const issued = issue(of);
    const { publishable, findings } = await check(issued, of);
    expect(ids(findings)).toEqual([id]);
    expect(findings[0]?.message).toMatch(/\w{2,} \w{2,}/);
    expect(publishable).toBe(findings[0]?.severity === 'warning');
    expect(opensslVerify(issued, of)).toMatch(of.refusal ?? /^OK$/);
  });
});

test('a chain whose root is neither delivered nor pinned has no anchor and no root', async () => {
  const of: Case = { of: '', pinned: 'root', delivered: ({ leaf, issuing }) => [leaf, issuing] };
  const report = await check(issue(of), of);
  expect(ids(report.findings)).toEqual(['untrusted-root', 'root-absent']);
  expect(report.trustAnchor).toBeNull();
});

test('a pinned leaf is no anchor', async () => {
  const issued = issue({ of: '' });
  const { report } = await readMarkCertificate(Buffer.from(pem(issued.chain)), {
    at: AT,
    trustAnchors: [fingerprint(issued.leaf)],
  });
  expect(ids(report.findings)).toEqual(['untrusted-root']);
});

test('a chain is too large from 65,536 bytes of PEM on', async () => {
  const sized = (bytes: number): Case => ({
    of: '',
    leaf: { extensions: also({ oid: '1.3.6.1.4.1.32473.1.9', value: new Uint8Array(bytes) }) },
  });
  // Three bytes are four characters, and 64 characters a line of 65.
  const missing = 65_536 - pem(issue(sized(40_000)).chain).length;
  const nearly = 40_000 + Math.floor((missing * 64 * 3) / (65 * 4));
  const sizes = new Set<boolean>();
  for (let bytes = nearly - 12; bytes <= nearly + 12; bytes += 1) {
    const issued = issue(sized(bytes));
    const large = pem(issued.chain).length >= 65_536;
    expect(ids((await check(issued, sized(bytes))).findings)).toEqual(large ? ['size'] : []);
    sizes.add(large);
  }
  expect(sizes.size).toBe(2);
});

describe('findings say what they found', () => {
  test('the certificate and the extension that it repeats', async () => {
    const leaf = { extensions: repeated(oid.logotype) };
    const issuing = { extensions: repeated(oid.basicConstraints) };
    expect(await messageOf({ of: '', leaf, issuing })).toBe(
      'a certificate contains the same extension more than once: Example Brand Limited repeats 1.3.6.1.5.5.7.1.12; ' +
        '(made on this machine) VMC Issuing RSA CA repeats 2.5.29.19',
    );
  });

  const messageOf = async (of: Case) => (await check(issue(of), of)).findings.map(({ message }) => message).join('\n');

  test('the domains that are not covered, and only those', async () => {
    const message = await messageOf({ of: '', domains: [DOMAIN, 'example.net', 'example.org'] });
    expect(message).toContain('example.net; example.org');
    expect(message).not.toContain(DOMAIN);
  });

  test('every certificate outside its validity, and until when', async () => {
    const at = new Date('2031-01-01T00:00:00Z');
    const message = await messageOf({ of: '', at });
    expect(message).toContain('2031-01-01T00:00:00.000Z');
    expect(message).toContain('Example Brand Limited was valid until 2027-01-01T00:00:00.000Z');
    expect(message).toContain('(made on this machine) VMC Issuing RSA CA was valid until 2029-12-29T00:00:00.000Z');
    expect(message).not.toContain('VMC Root RSA CA');
  });

  test('a name with a comma as people write it', async () => {
    const at = new Date('2028-01-01T00:00:00Z');
    expect(await messageOf({ of: '', at, leaf: { owner: 'Example, Inc.' } })).toContain(
      'Example, Inc. was valid until',
    );
  });

  test('the missing fields of the mark', async () => {
    const leaf = { attributes: without<SubjectAttribute>(oid.trademarkCountry, oid.trademarkIdentifier) };
    expect(await messageOf({ of: '', leaf })).toContain('trademarkCountryOrRegionName; trademarkIdentifier');
  });

  test.each([
    ['an RSA key of 1024 bits', { publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey }],
    ['a key on the curve prime192v1', { publicKey: ecKey('prime192v1') }],
    ['a key on the curve secp256k1', { publicKey: ecKey('secp256k1') }],
    ['a SHA-1 signature', { signatureHash: 'SHA-1' }],
  ] as const)('%s', async (weakness, leaf) => {
    expect(await messageOf({ of: '', leaf })).toContain(`Example Brand Limited has ${weakness}`);
  });

  test('the mark type and both products', async () => {
    expect(await messageOf({ of: '', product: 'CMC' })).toMatch(/"Registered Mark" is a VMC.* CMC was ordered/);
  });
});

describe('the table of findings', () => {
  const TABLE = [
    ['untrusted-root', 'error'],
    ['ca-flags', 'error'],
    ['leaf-eku', 'error'],
    ['validity', 'error'],
    ['logotype', 'error'],
    ['logo-hash', 'error'],
    ['svg-profile', 'error'],
    ['domain-coverage', 'error'],
    ['duplicate-extension', 'error'],
    ['crl-missing', 'error'],
    ['sct-missing', 'error'],
    ['size', 'error'],
    ['mark-type', 'warning'],
    ['policy', 'warning'],
    ['mark-fields', 'warning'],
    ['critical-extension', 'warning'],
    ['lifetime', 'warning'],
    ['key-strength', 'warning'],
    ['root-absent', 'warning'],
  ] as const;

  /** Everything at once, but for what the logotype is. */
  function worst(lastly: Change<Extension>): Case {
    const usages = extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, asn1.id_kp_serverAuth]));
    return {
      of: '',
      pinned: 'nothing',
      delivered: ({ leaf, issuing }) => [leaf, issuing],
      issuing: { extensions: without(oid.extKeyUsage) },
      leaf: {
        domains: MANY_DOMAINS,
        notAfter: new Date(ISSUED.getTime() + 399 * DAY),
        publicKey: ecKey('secp256k1'),
        attributes: (usual) =>
          also<SubjectAttribute>(markType('Government Mark'))(
            without<SubjectAttribute>(oid.trademarkCountry, oid.statuteCountry)(usual),
          ),
        extensions: (usual) => {
          const kept = without<Extension>(oid.crlDistributionPoints, oid.sctList, oid.certificatePolicies)(usual);
          return lastly(
            repeated(oid.authorityKeyIdentifier)(critical(oid.subjectKeyIdentifier)(instead<Extension>(usages)(kept))),
          );
        },
      },
      at: new Date('2020-06-01T00:00:00Z'),
    };
  }

  async function found(of: Case) {
    return (await check(issue(of), of)).findings.map(({ id, severity }) => [id, severity]);
  }

  test('is what a chain has in which all is wrong, in its order', async () => {
    const badLogo = logotype({ ...logotypeImage(Buffer.from('<svg')), hashes: [hashOf('SHA-256', 'another logo')] });
    expect(await found(worst(instead(badLogo)))).toEqual(TABLE.filter(([id]) => id !== 'logotype'));
  });

  test('is what a chain has in which all is wrong and no logo can be taken out', async () => {
    const expected = TABLE.filter(([id]) => id !== 'logo-hash' && id !== 'svg-profile');
    expect(await found(worst(without(oid.logotype)))).toEqual(expected);
  });

  test('has an example above for each of its rows, and no more', () => {
    expect(Object.keys(FOUND)).toEqual(TABLE.map(([id]) => id));
  });
});
