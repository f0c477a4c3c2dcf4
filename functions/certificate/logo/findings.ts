import { type FindingTable, withDetails } from '../checked-chain.ts';
import type { Logo } from './logotype.ts';

/** Findings about the logo. */
export const LOGO_FINDINGS = {
  logotype: { severity: 'error', check: ({ logo }) => typeof logo === 'string' && logo },
  'logo-hash': { severity: 'error', check: ({ logo }) => typeof logo !== 'string' && checkHashes(logo) },
  'svg-profile': {
    severity: 'error',
    check: ({ logo }) =>
      typeof logo !== 'string' && withDetails('the logo does not conform to SVG Tiny PS', logo.problems.profile),
  },
  'svg-size': {
    severity: 'error',
    check: ({ logo }) =>
      typeof logo !== 'string' && withDetails('receivers refuse the logo because of its size', logo.problems.size),
  },
  'svg-look': {
    severity: 'warning',
    check: ({ logo }) =>
      typeof logo !== 'string' &&
      withDetails('the logo does not follow the recommendations for BIMI logos', logo.problems.look),
  },
  'receiver-asn1': { severity: 'notice', check: ({ logo }) => typeof logo !== 'string' && checkEncoding(logo) },
} as const satisfies FindingTable;

function checkHashes({ hashes }: Logo): string | undefined {
  const known = hashes.flatMap(({ algorithm, matches }) => (algorithm ? [{ algorithm, matches }] : []));
  if (known.length === 0) {
    return 'the logotype contains no hash of a known algorithm';
  }
  return withDetails(
    'the logo does not match the hash in the logotype',
    known.filter(({ matches }) => !matches).map(({ algorithm }) => algorithm),
  );
}

/** Sources: the ASN.1 of bimi-helper (rspamd), which needs NULL, and of Halon's plugin, which also reads only one hash. */
function checkEncoding({ hashes }: Logo): string | undefined {
  if (hashes.some(({ hasNull }) => !hasNull)) {
    return (
      "the BIMI helper of rspamd and Halon's plugin cannot read the logotype, because the algorithm of a hash " +
      'has no NULL parameters'
    );
  }
  return hashes.length > 1 ? "Halon's plugin cannot read the logotype, because it contains several hashes" : undefined;
}
