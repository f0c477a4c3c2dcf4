import type { FindingTable } from '../checked-chain.ts';

/** Findings about certificate revocation lists. */
export const REVOCATION_FINDINGS = {
  'crl-missing': {
    severity: 'error',
    check: ({ leaf }) => !leaf.crlUrls.some((url) => /^http:\/\//i.test(url)) && 'the leaf names no CRL at an http URL',
  },
} as const satisfies FindingTable;
