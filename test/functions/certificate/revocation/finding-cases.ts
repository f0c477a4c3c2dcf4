import * as asn1 from '@peculiar/asn1-x509';
import type { REVOCATION_FINDINGS } from '../../../../functions/certificate/revocation/findings.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { crl, instead, without } from '../certificate-changes.ts';
import { AT, DAY, type FindingCases } from '../finding-case.ts';

/** A CRL that is valid from two days before the check to five days after it. */
const CURRENT = { thisUpdate: new Date(AT.getTime() - 2 * DAY) };
const SINCE = new Date(AT.getTime() - 3 * DAY);

export const REVOCATION_CASES: FindingCases<keyof typeof REVOCATION_FINDINGS> = {
  clean: [
    { of: 'CRLs that list no certificate', crls: (authority) => authority.crls(CURRENT) },
    {
      of: 'CRLs that list others',
      crls: (authority) => {
        const other = authority.issue({ domains: ['example.net'] });
        return authority.crls({ ...CURRENT, revoked: [{ certificate: other.leaf }, { certificate: other.root }] });
      },
    },
    {
      of: 'CRLs in their last second',
      crls: (authority) => authority.crls({ thisUpdate: new Date(AT.getTime() - 7 * DAY + 1000) }),
    },
    {
      of: 'CRLs of this moment',
      crls: (authority) => authority.crls({ thisUpdate: AT }),
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
  ],
  found: {
    revoked: [
      {
        of: 'a leaf on the CRL of the issuing CA',
        crls: (authority, { leaf }) =>
          authority.crls({ ...CURRENT, revoked: [{ certificate: leaf, since: SINCE, reason: 'keyCompromise' }] }),
        refusal: /certificate revoked/,
      },
      {
        of: 'a leaf on hold',
        crls: (authority, { leaf }) =>
          authority.crls({ ...CURRENT, revoked: [{ certificate: leaf, reason: 'certificateHold' }] }),
        refusal: /certificate revoked/,
      },
      {
        of: 'an issuing CA on the CRL of the root',
        crls: (authority, { issuing }) => authority.crls({ ...CURRENT, revoked: [{ certificate: issuing }] }),
        refusal: /certificate revoked/,
      },
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
      { of: 'an issuing CA without a distribution point', issuing: { extensions: without(oid.crlDistributionPoints) } },
      {
        of: 'an issuing CA without a distribution point, also if the CRL of the leaf is known',
        issuing: { extensions: without(oid.crlDistributionPoints) },
        crls: (authority) => authority.crls(CURRENT),
      },
    ],
    'crl-unknown': [
      {
        of: 'CRLs that could not be fetched',
        crls: (authority) => authority.crls().map(({ url }) => ({ url, problem: 'ENOTFOUND' })),
        refusal: /unable to get certificate CRL/,
      },
      {
        of: 'CRLs that are out of date',
        crls: (authority) => authority.crls({ thisUpdate: new Date(AT.getTime() - 7 * DAY) }),
        refusal: /CRL has expired/,
      },
      {
        of: 'CRLs that are not valid yet',
        crls: (authority) => authority.crls({ thisUpdate: new Date(AT.getTime() + 1000) }),
        refusal: /CRL is not yet valid/,
      },
      {
        of: 'a missing CRL of the root',
        crls: (authority) => authority.crls(CURRENT).slice(0, 1),
        refusal: /unable to get certificate CRL/,
      },
      {
        of: 'CRLs under the URLs of each other',
        crls: (authority) => {
          const [leaf, issuing] = authority.crls(CURRENT);
          return leaf && issuing
            ? [
                { ...leaf, bytes: issuing.bytes },
                { ...issuing, bytes: leaf.bytes },
              ]
            : [];
        },
        // OpenSSL is given the CRLs without their URLs.
        refusal: /^OK$/,
      },
    ],
  },
};
