import { type FindingTable, withDetails } from '../checked-chain.ts';

/** Findings about the file in which the chain was delivered. */
export const CONTAINER_FINDINGS = {
  'ignored-content': {
    severity: 'warning',
    check: ({ ignored }) => withDetails('the file contains more than the chain, which was ignored', ignored),
  },
} as const satisfies FindingTable;
