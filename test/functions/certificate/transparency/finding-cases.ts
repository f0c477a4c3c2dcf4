import type { TRANSPARENCY_FINDINGS } from '../../../../functions/certificate/transparency/findings.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { instead, without } from '../certificate-changes.ts';
import type { FindingCases } from '../finding-case.ts';

export const TRANSPARENCY_CASES: FindingCases<keyof typeof TRANSPARENCY_FINDINGS> = {
  clean: [],
  found: {
    'sct-missing': [
      { of: 'no SCT list', leaf: { extensions: without(oid.sctList) } },
      {
        of: 'an empty SCT list',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 2, 0, 0) }) },
      },
      {
        of: 'an incomplete SCT list',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 4, 0, 99, 0, 97) }) },
      },
      {
        of: 'an SCT list that is not an OCTET STRING',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(5, 0) }) },
      },
    ],
  },
};
