import { generateKeyPairSync } from 'node:crypto';
import * as asn1 from '@peculiar/asn1-x509';
import type { PATH_FINDINGS } from '../../../../functions/certificate/path/findings.ts';
import { extension, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import {
  also,
  basicConstraints,
  critical,
  ecKey,
  instead,
  keyUsage,
  repeated,
  without,
} from '../certificate-changes.ts';
import { AT, DAY, EXPIRES, type FindingCases, ISSUED } from '../finding-case.ts';

/** OpenSSL does not search for the issuer of such a certificate. */
const DUPLICATE = /unable to get local issuer certificate/;

export const PATH_CASES: FindingCases<keyof typeof PATH_FINDINGS> = {
  clean: [
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
        of: 'a check one second before the leaf is valid',
        at: new Date(ISSUED.getTime() - 1000),
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
  },
};
