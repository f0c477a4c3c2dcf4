import type { CONTAINER_FINDINGS } from '../../../../functions/certificate/container/findings.ts';
import type { FindingCases } from '../finding-case.ts';

export const CONTAINER_CASES: FindingCases<keyof typeof CONTAINER_FINDINGS> = {
  clean: [],
  found: { 'ignored-content': [] },
};
