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
      typeof logo !== 'string' && withDetails('receivers do not accept the size of the logo', logo.problems.size),
  },
  'svg-look': {
    severity: 'warning',
    check: ({ logo }) => typeof logo !== 'string' && withDetails('the logo may look bad', logo.problems.look),
  },
  // Sources: the ASN.1 of bimi-helper (rspamd) and of Halon's plugin, which need NULL and read one hash.
  'receiver-asn1': {
    severity: 'notice',
    check: ({ logo }) =>
      typeof logo !== 'string' &&
      logo.hashes.length > 0 &&
      !logo.hasOneHashWithNull &&
      "the logotype has several hashes, or a hash without NULL parameters: rspamd's helper and Halon's plugin cannot read it",
  },
} as const satisfies FindingTable;

function checkHashes({ hashes }: Logo): string | undefined {
  const different = hashes.filter(({ matches }) => !matches).map(({ algorithm }) => algorithm);
  if (hashes.length === 0) {
    return 'the logotype contains no hash of a known algorithm';
  }
  return withDetails('the logo does not match the hash in the logotype', different);
}
