import { type FindingTable, withDetails } from '../checked-chain.ts';

/** Findings about the file in which the chain was delivered. */
export const CONTAINER_FINDINGS = {
  'ignored-content': {
    severity: 'warning',
    check: ({ ignored }) => withDetails('parts of the file do not belong to the chain and were ignored', ignored),
  },
} as const satisfies FindingTable;
