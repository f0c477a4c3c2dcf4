import { X509Certificate } from 'node:crypto';
import * as asn1 from '@peculiar/asn1-x509';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CheckedChain } from '../../../functions/certificate/checked-chain.ts';
import { FINDINGS, type Finding, type FindingId } from '../../../functions/certificate/findings.ts';
import { readLogo } from '../../../functions/certificate/logo/logotype.ts';
import { domainsOf, nameAttributes } from '../../../functions/certificate/mark/mark.ts';
import { RECEIVER_FACTS, RECEIVERS, receiversOf } from '../../../functions/certificate/receivers.ts';
import { readFields } from '../../../functions/certificate/x509/fields.ts';
import type { CertificateAuthority, MarkCertificateRequest } from '../../../infra/local/ca/certificate-authority.ts';
import {
  type Extension,
  extension,
  logotype,
  logotypeImage,
  oid,
  type SignatureHash,
} from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';
import { also, instead, LOGO, markType, without } from './certificate-changes.ts';
import { CLEAN_VERDICTS } from './clean-verdicts.ts';
import { AT, DOMAIN, ISSUED } from './finding-case.ts';

const DIGICERT = '504386c9ee8932fecc95fade427f69c3e2534b7310489e300fee448e33c46b42';
const ROOTS = {
  'SSL.com (RSA)': '8f9d1b7698886782a599b48510651c66a1aa0c5ca3192097bdc68534154bd30d',
  'SSL.com (ECC)': '1b82e7f4910b51e3e802a493acdc17ff58eac8b9eb7c09b52ac6cd2efb83598c',
  GlobalSign: 'cd122cb877c6928b9017b0f0b80dbd508196300bbd03cd7356c3beef524e7e0b',
  Entrust: '7831d95a47d42508cd5c9e6264f9096bac19f04eb9b7c8bdd35fffc71c189617',
  Sectigo: '0783d68c14cfe5eb1eafda2aa984b7e3a4b8bab000092d2ba02f73757558fdfd',
  GoDaddy: '6ae4f0b06b187a7fc2b5815d252b637629734ae64a409ccbb53b14a352563d61',
  Cybertrust: 'b21a1663d8feb6b17d10d739363b8d147ea6d114966cda584c656a57bae40826',
} as const;

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

interface Situation {
  readonly leaf?: Partial<MarkCertificateRequest>;
  readonly findings?: readonly FindingId[];
  readonly trustAnchor?: Partial<CheckedChain['trustAnchor']>;
}

/** By receiver: the verdict and its reasons, as one text. */
function verdictsOf({ leaf: request, findings = [], trustAnchor }: Situation): Record<string, string> {
  const issued = authority.issue({ domains: [DOMAIN], notBefore: ISSUED, nullParameters: true, ...request });
  const [leaf, ...issuers] = issued.chain.map((der) => readFields(new X509Certificate(der)));
  if (!leaf) {
    throw new Error('the authority issued no leaf');
  }
  const chain = [leaf, ...issuers];
  const checked: CheckedChain = {
    chain,
    path: chain,
    leaf,
    trustAnchor: { subject: 'CN=Root', fingerprintSha256: DIGICERT, delivered: true, source: 'known', ...trustAnchor },
    rootDelivered: true,
    attributes: nameAttributes(leaf.subject),
    domains: domainsOf(leaf),
    logo: readLogo(leaf),
    scts: [],
    revocation: null,
    ignored: [],
    pemBytes: 1,
    at: AT,
    orderedDomains: [DOMAIN],
    selector: 'default',
    orderedProduct: undefined,
  };
  const found = findings.map((id): Finding => ({ id, severity: FINDINGS[id].severity, message: '' }));
  return Object.fromEntries(
    receiversOf(checked, found).map(({ id, shows, because }) => [id, [String(shows), ...because].join(' ')]),
  );
}

/** The logotype of the example logo with one hash for each algorithm. */
function hashes(...algorithms: readonly SignatureHash[]): Extension {
  return logotype(logotypeImage(LOGO, algorithms, { nullParameters: true }));
}

function withPilotExtension(critical: boolean): Partial<MarkCertificateRequest> {
  return { extensions: also({ oid: '1.3.6.1.4.1.53087.4.1', value: Buffer.of(5, 0), critical }) };
}

const NEEDS_VALID_CHAIN = ['gmail', 'apple', 'fastmail', 'rspamd', 'halon'] as const;

describe('The verdicts', () => {
  test('of a clean Registered Mark: everybody displays it whose rules are known, except Microsoft.', () => {
    expect(verdictsOf({})).toEqual(CLEAN_VERDICTS);
  });

  test.each<[of: string, situation: Situation, differences: Partial<Record<keyof typeof CLEAN_VERDICTS, string>>]>([
    ['a Government Mark', { leaf: { markType: 'Government Mark' } }, {}],
    [
      'a Prior Use Mark',
      { leaf: { markType: 'Prior Use Mark' } },
      { gmail: 'true cmc-without-check-mark', apple: 'false mark-type-not-displayed' },
    ],
    [
      'a Modified Registered Mark',
      { leaf: { markType: 'Modified Registered Mark' } },
      { gmail: 'true cmc-without-check-mark', apple: 'false mark-type-not-displayed' },
    ],
    [
      'an unknown mark type',
      { leaf: { attributes: instead(markType('Provisional Mark')) } },
      { gmail: 'null mark-type-unknown', apple: 'false mark-type-not-displayed' },
    ],
    [
      'two mark types',
      { leaf: { attributes: (usual) => [...usual, markType('Prior Use Mark')] } },
      { gmail: 'null mark-type-unknown', apple: 'false mark-type-not-displayed' },
    ],
    ['the same mark type twice', { leaf: { attributes: (usual) => [...usual, markType('Registered Mark')] } }, {}],
    [
      'no mark type',
      { leaf: { attributes: without(oid.markType) } },
      { gmail: 'true check-mark-unknown', apple: 'false mark-type-not-displayed' },
    ],
    [
      'a hash without NULL',
      {
        leaf: { extensions: instead<Extension>(logotype(logotypeImage(LOGO))) },
        findings: ['receiver-asn1'],
      },
      { rspamd: 'false receiver-asn1', halon: 'false receiver-asn1' },
    ],
    [
      'three hashes with NULL',
      {
        leaf: { extensions: instead<Extension>(hashes('SHA-1', 'SHA-256', 'SHA-384')) },
        findings: ['receiver-asn1'],
      },
      { halon: 'false receiver-asn1' },
    ],
    [
      'a certificate of Entrust from after the cutoff',
      { findings: ['entrust-cutoff'] },
      { apple: 'false entrust-cutoff' },
    ],
    ['a pilot extension', { leaf: withPilotExtension(false), findings: ['pilot-extension'] }, {}],
    [
      'a critical pilot extension',
      { leaf: withPilotExtension(true), findings: ['pilot-extension'] },
      { rspamd: 'false pilot-extension' },
    ],
    ['no root', { findings: ['root-absent'] }, { rspamd: 'false root-absent' }],
    [
      'a domain that is covered for one selector only',
      { findings: ['selector-san'] },
      { fastmail: 'false selector-san', rspamd: 'false selector-san', halon: 'false selector-san' },
    ],
    [
      'a name that is no DNS name',
      {
        leaf: {
          extensions: instead<Extension>(
            extension(
              oid.subjectAltName,
              new asn1.SubjectAlternativeName([
                new asn1.GeneralName({ dNSName: DOMAIN }),
                new asn1.GeneralName({ iPAddress: '192.0.2.1' }),
              ]),
            ),
          ),
        },
      },
      { rspamd: 'false san-not-dns' },
    ],
    ['warnings that no receiver minds', { findings: ['policy', 'lifetime', 'key-strength', 'subject-fields'] }, {}],
    ...(['SSL.com (RSA)', 'SSL.com (ECC)', 'GlobalSign'] as const).map(
      (name): [string, Situation, Partial<Record<keyof typeof CLEAN_VERDICTS, string>>] => [
        `a chain of ${name}`,
        { trustAnchor: { fingerprintSha256: ROOTS[name] } },
        { halon: 'false root-unknown-to-receiver' },
      ],
    ),
    ['a chain of Entrust', { trustAnchor: { fingerprintSha256: ROOTS.Entrust } }, {}],
    ...(['Sectigo', 'GoDaddy', 'Cybertrust'] as const).map(
      (name): [string, Situation, Partial<Record<keyof typeof CLEAN_VERDICTS, string>>] => [
        `a chain of ${name}`,
        { trustAnchor: { fingerprintSha256: ROOTS[name] } },
        { rspamd: 'null root-not-tested', halon: 'null root-not-tested' },
      ],
    ),
    [
      'a chain that only the settings trust',
      { trustAnchor: { fingerprintSha256: '00'.repeat(32), source: 'settings' } },
      Object.fromEntries(NEEDS_VALID_CHAIN.map((id) => [id, 'true own-trust-anchor'])),
    ],
  ])('of %s.', (_, situation, differences) => {
    expect(verdictsOf(situation)).toEqual({ ...CLEAN_VERDICTS, ...differences });
  });

  test.each(
    Object.entries(FINDINGS)
      .filter(([, { severity }]) => severity === 'error')
      .map(([id]) => id as FindingId),
  )('of a chain with the error %s: no receiver displays it that needs a valid chain.', (id) => {
    const yahoo = { 'svg-profile': 'false svg-profile', 'svg-size': 'false svg-size', logotype: 'null logotype' };
    expect(verdictsOf({ findings: [id] })).toEqual({
      ...CLEAN_VERDICTS,
      ...Object.fromEntries(NEEDS_VALID_CHAIN.map((receiver) => [receiver, `false ${id}`])),
      ...Object.fromEntries(
        Object.entries(yahoo).flatMap(([error, verdict]) => (error === id ? [['yahoo', verdict]] : [])),
      ),
    });
  });

  test('name every reason once, and only the reasons for this verdict.', () => {
    const situation: Situation = {
      leaf: { markType: 'Prior Use Mark' },
      findings: ['validity', 'svg-profile', 'root-absent', 'receiver-asn1'],
      trustAnchor: { source: 'settings' },
    };
    expect(verdictsOf(situation)).toEqual({
      ...CLEAN_VERDICTS,
      gmail: 'false validity svg-profile',
      apple: 'false validity svg-profile mark-type-not-displayed',
      yahoo: 'false svg-profile',
      fastmail: 'false validity svg-profile',
      rspamd: 'false validity svg-profile root-absent',
      halon: 'false validity svg-profile receiver-asn1',
    });
  });
});

describe('The table of receivers', () => {
  test('has a source for every receiver.', () => {
    expect(RECEIVERS.map(({ id }) => id)).toEqual(Object.keys(CLEAN_VERDICTS));
    for (const { source } of RECEIVERS) {
      expect(new URL(source).protocol).toBe('https:');
    }
  });

  test('uses every fact.', () => {
    const used = RECEIVERS.flatMap(({ rules }) => rules.map(({ because }) => because as string));
    const facts = Object.keys(RECEIVER_FACTS);
    expect(facts.filter((fact) => !used.includes(fact))).toEqual(['own-trust-anchor']);
  });
});
