import type { FindingTable } from '../checked-chain.ts';

/** Findings about certificate transparency. */
export const TRANSPARENCY_FINDINGS = {
  'sct-missing': {
    severity: 'error',
    check: ({ scts }) => scts.length === 0 && 'the leaf has no signed certificate timestamp',
  },
} as const satisfies FindingTable;
