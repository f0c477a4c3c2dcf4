import { type CheckedChain, type FindingTable, nameOf, withDetails } from '../checked-chain.ts';
import { isSelfIssued } from '../path/links.ts';
import { type CertificateRevocation, isCrlUrl } from './revocation.ts';

/** Findings about certificate revocation lists. */
export const REVOCATION_FINDINGS = {
  revoked: {
    severity: 'error',
    check: (checked) =>
      describeEach(
        'a certificate is revoked according to the CRL of its issuer',
        checked,
        'revoked',
        ({ revokedAt, reason }) => `${revokedAt ? ` since ${revokedAt}` : ''}${reason ? ` (${reason})` : ''}`,
      ),
  },
  'crl-missing': { severity: 'error', check: checkUrls },
  'crl-unknown': {
    severity: 'warning',
    check: (checked) =>
      describeEach(
        'it is not known whether a certificate is revoked',
        checked,
        'unknown',
        ({ problem }) => `: ${problem}`,
      ),
  },
} as const satisfies FindingTable;

/** Whether a finding comes from the contents of CRLs. */
export function isFromCrls({ id }: { readonly id: string }): boolean {
  return id === ('revoked' satisfies FindingId) || id === ('crl-unknown' satisfies FindingId);
}

type FindingId = keyof typeof REVOCATION_FINDINGS;

/** A leaf without a CRL is an error, an issuing CA without one a warning. A root needs none. */
function checkUrls({ leaf, chain }: CheckedChain): ReturnType<FindingTable[string]['check']> {
  const lacksUrl = ({ crlUrls }: CheckedChain['leaf']) => !crlUrls.some(isCrlUrl);
  if (lacksUrl(leaf)) {
    return 'the leaf contains no http URL of a CRL';
  }
  const issuers = chain.slice(1).filter((issuer) => !isSelfIssued(issuer));
  const message = withDetails(
    'the certificate of an issuing CA contains no http URL of a CRL',
    issuers.filter(lacksUrl).map(({ certificate }) => nameOf(certificate)),
  );
  return message === undefined ? undefined : { severity: 'warning', message };
}

/** A message about the certificates of one status. Those without a URL have the finding crl-missing. */
function describeEach(
  beginning: string,
  { chain, revocation }: CheckedChain,
  status: CertificateRevocation['status'],
  describe: (result: CertificateRevocation) => string,
): string | undefined {
  const details = (revocation?.certificates ?? []).flatMap((result, index) => {
    const fields = chain[index];
    return fields && result.status === status && fields.crlUrls.some(isCrlUrl)
      ? [`${nameOf(fields.certificate)}${describe(result)}`]
      : [];
  });
  return details.length > 0 ? `${beginning}: ${details.join('; ')}` : undefined;
}
