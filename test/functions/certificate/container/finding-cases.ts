import { zipSync } from 'fflate';
import type { CONTAINER_FINDINGS } from '../../../../functions/certificate/container/findings.ts';
import { pem, pkcs7 } from '../../../../infra/local/ca/containers.ts';
import type { FindingCases } from '../finding-case.ts';

const text = (content: string) => Buffer.from(content);

export const CONTAINER_CASES: FindingCases<keyof typeof CONTAINER_FINDINGS> = {
  clean: [
    { of: 'in PKCS#7', container: (chain) => pkcs7(chain) },
    { of: 'in DER, one certificate behind the other', container: (chain) => Buffer.concat(chain) },
    { of: 'in a ZIP', container: (chain) => zipSync({ 'chain.pem': text(pem(chain)) }) },
    { of: 'in PEM under another label', container: (chain) => text(pem(chain).replaceAll('CERTIFICATE', 'PKCS7')) },
  ],
  found: {
    'ignored-content': [
      { of: 'beside a note', container: (chain) => zipSync({ chain: pkcs7(chain), note: text('Install these.') }) },
      { of: 'in PEM with a note', container: (chain) => text(`The chain:\n${pem(chain)}`) },
      { of: 'before a newline', container: (chain) => Buffer.concat([pkcs7(chain), text('\n')]) },
      { of: 'before a block that is cut off', container: (chain) => text(pem([...chain, ...chain]).slice(0, -100)) },
    ],
  },
};
