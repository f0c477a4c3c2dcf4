import { generateKeyPairSync } from 'node:crypto';
import * as asn1 from '@peculiar/asn1-x509';
import type { PATH_FINDINGS } from '../../../../functions/certificate/path/findings.ts';
import { PILOT_EXTENSION } from '../../../../functions/certificate/path/rules.ts';
import { ENTRUST_CUTOFF } from '../../../../functions/certificate/path/trust-anchors.ts';
import { CLOCK_TOLERANCE_MILLISECONDS } from '../../../../functions/days.ts';
import type { SubjectAttribute } from '../../../../infra/local/ca/certificate-authority.ts';
import { basicConstraints, extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import {
  also,
  critical,
  ecKey,
  instead,
  keyUsage,
  nameConstraints,
  repeated,
  without,
} from '../certificate-changes.ts';
import { NULL } from '../der.ts';
import { AT, DAY, EXPIRES, type FindingCases, ISSUED } from '../finding-case.ts';
import { pss } from './hand-made.ts';

const UNHANDLED = /unhandled critical extension/;

const organization = (value: string) => instead<SubjectAttribute>({ oid: oid.organizationName, value });

const ENTRUST_ROOT: readonly SubjectAttribute[] = [
  { oid: oid.countryName, value: 'US' },
  { oid: oid.organizationName, value: 'Entrust, Inc.' },
  { oid: oid.commonName, value: 'Entrust Verified Mark Root Certification Authority - VMCR1' },
];

/** OpenSSL does not search for the issuer of such a certificate. */
const DUPLICATE = /unable to get local issuer certificate/;

export const PATH_CASES: FindingCases<keyof typeof PATH_FINDINGS> = {
  clean: [
    {
      of: 'name constraints of the issuing CA that permit the names of the leaf',
      issuing: { extensions: also(nameConstraints({ permitted: ['example.com'], excluded: ['example.org'] }, true)) },
    },
    {
      of: 'critical extensions that every verifier evaluates',
      leaf: { extensions: critical(oid.extKeyUsage) },
      issuing: { extensions: critical(oid.certificatePolicies) },
    },
    {
      of: 'the pilot extension in a leaf issued during the pilot',
      leaf: { extensions: also({ oid: PILOT_EXTENSION, value: NULL }), notBefore: new Date('2025-03-14T23:59:59Z') },
      at: new Date('2025-06-01T00:00:00Z'),
    },
    {
      of: 'a leaf that Entrust issued in time',
      root: { attributes: () => ENTRUST_ROOT },
      issuing: { attributes: organization('Entrust, Inc.') },
      leaf: { notBefore: ENTRUST_CUTOFF },
      at: new Date('2025-06-01T00:00:00Z'),
    },
    { of: 'a leaf of a brand with the name of Entrust', leaf: { owner: 'Entrust, Inc.' } },
    {
      of: 'a root that allows any usage below it',
      root: { extensions: also(extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage(['2.5.29.37.0']))) },
    },
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
  ],
  found: {
    'untrusted-root': [{ of: 'an untrusted root', pinned: 'nothing' }],
    'ca-flags': [
      {
        of: 'an issuing CA for mark certificates and something else',
        issuing: {
          extensions: instead(
            extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([asn1.id_kp_serverAuth, oid.brandIndicator])),
          ),
        },
      },
      {
        of: 'an issuing CA for mark certificates and any usage',
        issuing: {
          extensions: instead(
            extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, '2.5.29.37.0'])),
          ),
        },
      },
      {
        of: 'a root that only allows TLS servers below it',
        root: { extensions: also(extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([asn1.id_kp_serverAuth]))) },
      },
      {
        of: 'an issuing CA that excludes the domain of the leaf',
        issuing: { extensions: also(nameConstraints({ excluded: ['example.com'] }, true)) },
        refusal: /excluded subtree violation/,
      },
      {
        of: 'a root that permits another domain',
        root: { extensions: also(nameConstraints({ permitted: ['example.org'] })) },
        refusal: /permitted subtree violation/,
      },
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
      {
        of: 'an issuing CA without the usage for mark certificates',
        issuing: { extensions: without(oid.extKeyUsage) },
      },
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
          extensions: instead(
            extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage(['2.5.29.37.0', oid.brandIndicator])),
          ),
        },
      },
    ],
    validity: [
      {
        of: 'a check more than five minutes before the leaf is valid',
        at: new Date(ISSUED.getTime() - CLOCK_TOLERANCE_MILLISECONDS - 1000),
        refusal: /not yet valid/,
      },
      {
        of: 'a check one second after the leaf expired',
        at: new Date(EXPIRES.getTime() + 1000),
        refusal: /has expired/,
      },
      {
        of: 'an issuing CA that expired before the leaf',
        issuing: { notAfter: new Date(AT.getTime() - 1000) },
        refusal: /has expired/,
      },
      {
        of: 'an issuing CA that is not yet valid',
        issuing: { notBefore: new Date(AT.getTime() + CLOCK_TOLERANCE_MILLISECONDS + 1000) },
        refusal: /not yet valid/,
      },
      { of: 'a root that has expired', root: { notAfter: new Date(AT.getTime() - 1000) }, refusal: /has expired/ },
      {
        of: 'a root that is not yet valid',
        root: {
          notBefore: new Date(AT.getTime() + CLOCK_TOLERANCE_MILLISECONDS + 1000),
          notAfter: new Date('2045-01-01T00:00:00Z'),
        },
        refusal: /not yet valid/,
      },
    ],
    'duplicate-extension': [
      { of: 'a leaf', leaf: { extensions: repeated(oid.subjectKeyIdentifier) }, refusal: DUPLICATE },
      {
        of: 'a leaf with two extended key usages',
        leaf: { extensions: repeated(oid.extKeyUsage) },
        refusal: DUPLICATE,
      },
      { of: 'a leaf with two lists of names', leaf: { extensions: repeated(oid.subjectAltName) }, refusal: DUPLICATE },
      { of: 'a leaf with two logotypes', leaf: { extensions: repeated(oid.logotype) } },
      {
        of: 'an issuing CA',
        issuing: { extensions: repeated(oid.basicConstraints) },
        refusal: DUPLICATE,
      },
      { of: 'a root', root: { extensions: repeated(oid.keyUsage) }, refusal: DUPLICATE },
    ],
    'critical-extension': [
      {
        of: 'an unknown critical extension',
        leaf: { extensions: also({ oid: '1.3.6.1.4.1.32473.1.9', value: NULL, critical: true }) },
        refusal: UNHANDLED,
      },
      { of: 'a critical logotype', leaf: { extensions: critical(oid.logotype) }, refusal: UNHANDLED },
      {
        of: 'a critical subject key identifier',
        leaf: { extensions: critical(oid.subjectKeyIdentifier) },
        refusal: UNHANDLED,
      },
      {
        of: 'an unknown critical extension of the issuing CA',
        issuing: { extensions: also({ oid: '1.3.6.1.4.1.32473.1.9', value: NULL, critical: true }) },
        refusal: UNHANDLED,
      },
      {
        of: 'a critical pilot extension of the issuing CA',
        issuing: { extensions: also({ oid: PILOT_EXTENSION, value: NULL, critical: true }) },
        refusal: UNHANDLED,
      },
      {
        of: 'a critical extension of the root',
        root: { extensions: critical(oid.subjectKeyIdentifier) },
        refusal: UNHANDLED,
      },
      {
        of: 'critical constraints of the policies, which the report does not evaluate',
        issuing: { extensions: also({ oid: '2.5.29.36', value: Buffer.from('3003800100', 'hex'), critical: true }) },
      },
      {
        of: 'a leaf that is the certificate of a proxy',
        leaf: { extensions: also({ oid: '1.3.6.1.5.5.7.1.14', value: NULL }) },
        refusal: DUPLICATE,
      },
      {
        of: 'a subject key identifier that cannot be read',
        leaf: { extensions: instead({ oid: oid.subjectKeyIdentifier, value: NULL }) },
        refusal: DUPLICATE,
      },
      {
        of: 'a key usage without any bit, which OpenSSL refuses',
        leaf: { extensions: also({ oid: oid.keyUsage, value: Buffer.from('030100', 'hex') }) },
        refusal: DUPLICATE,
      },
    ],
    'name-constraints': [
      {
        of: 'name constraints on the leaf',
        leaf: { extensions: also(nameConstraints({ permitted: ['example.com'] })) },
      },
      {
        of: 'critical name constraints on the leaf that exclude its name',
        leaf: { extensions: also(nameConstraints({ excluded: ['example.com'] }, true)) },
      },
    ],
    'pilot-extension': [
      {
        of: 'a leaf issued long after the pilot',
        leaf: { extensions: also({ oid: PILOT_EXTENSION, value: NULL }) },
      },
      {
        of: 'a leaf issued on the first day after the pilot',
        leaf: { extensions: also({ oid: PILOT_EXTENSION, value: NULL }), notBefore: new Date('2025-03-15T00:00:00Z') },
        at: new Date('2025-06-01T00:00:00Z'),
      },
      {
        of: 'a critical pilot extension',
        leaf: { extensions: also({ oid: PILOT_EXTENSION, value: NULL, critical: true }) },
        openssl: ['-ignore_critical'],
      },
      {
        of: 'a critical pilot extension of a leaf issued during the pilot',
        leaf: {
          extensions: also({ oid: PILOT_EXTENSION, value: NULL, critical: true }),
          notBefore: new Date('2025-03-14T23:59:59Z'),
        },
        at: new Date('2025-06-01T00:00:00Z'),
        openssl: ['-ignore_critical'],
      },
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
      { of: 'a leaf signed with RSA-PSS', leaf: { signing: pss('sha256') } },
      { of: 'a leaf signed with RSA-PSS and SHA-1', leaf: { signing: pss('sha1') } },
    ],
    'entrust-cutoff': [
      {
        of: 'a leaf of a CA of Entrust',
        issuing: { attributes: organization('Entrust, Inc.') },
      },
      {
        of: 'a leaf under the root of Entrust, one second after the last day',
        root: { attributes: () => ENTRUST_ROOT },
        leaf: { notBefore: new Date(ENTRUST_CUTOFF.getTime() + 1000) },
        at: new Date('2025-06-01T00:00:00Z'),
      },
    ],
    'root-absent': [
      {
        of: 'a trusted issuing CA without its root',
        delivered: ({ leaf, issuing }) => [leaf, issuing],
        pinned: 'issuing',
      },
    ],
  },
};
