import type { FindingId } from '../../../functions/certificate/findings.ts';
import { CONTAINER_CASES } from './container/finding-cases.ts';
import type { Case } from './finding-case.ts';
import { LOGO_CASES } from './logo/finding-cases.ts';
import { MARK_CASES } from './mark/finding-cases.ts';
import { PATH_CASES } from './path/finding-cases.ts';
import { REVOCATION_CASES } from './revocation/finding-cases.ts';
import { TRANSPARENCY_CASES } from './transparency/finding-cases.ts';

const SUBJECTS = [PATH_CASES, REVOCATION_CASES, TRANSPARENCY_CASES, LOGO_CASES, MARK_CASES, CONTAINER_CASES];

/** Chains without any finding. */
export const CLEAN: readonly Case[] = SUBJECTS.flatMap(({ clean }) => clean);

/** Chains of which one finding is the only one. */
export const FOUND: Readonly<Record<FindingId, readonly Case[]>> = {
  ...PATH_CASES.found,
  ...REVOCATION_CASES.found,
  ...TRANSPARENCY_CASES.found,
  ...LOGO_CASES.found,
  ...MARK_CASES.found,
  ...CONTAINER_CASES.found,
};
