import * as asn1 from '@peculiar/asn1-x509';
import type { REVOCATION_FINDINGS } from '../../../../functions/certificate/revocation/findings.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { crl, instead, without } from '../certificate-changes.ts';
import type { FindingCases } from '../finding-case.ts';

export const REVOCATION_CASES: FindingCases<keyof typeof REVOCATION_FINDINGS> = {
  clean: [
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
  },
};
