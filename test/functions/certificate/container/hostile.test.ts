import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { openAuthority } from '../../../authority.ts';
import { HOSTILE_FILES } from './hostile-files.ts';
import type { HostileRequest, HostileResult } from './hostile-process.ts';

/** Each takes at most a quarter on an idle computer. Machines of a CI are slow, and tests run side by side. */
const MILLISECONDS_LIMIT = 1500;
const MEBIBYTES_LIMIT = 300;

let usual: IssuedMarkCertificate;
let reader: ChildProcess;

beforeAll(async () => {
  usual = (await openAuthority()).issue({ domains: ['example.com'] });
  reader = fork(join(import.meta.dirname, 'hostile-process.ts'), { serialization: 'advanced', execArgv: [] });
});

afterAll(() => reader.kill());

describe('A file that costs much work in a reader without limits costs little here:', () => {
  test.each(HOSTILE_FILES.map(([title], index) => [title, index] as const))('%s.', async (_, index) => {
    reader.send({ index, usual } satisfies HostileRequest);
    const [{ bytes, outcome, milliseconds, mebibytes }] = (await once(reader, 'message')) as [HostileResult];

    expect(bytes).toBeGreaterThan(0);
    expect(outcome).toContain('InvalidChain: ');
    expect(milliseconds).toBeLessThan(MILLISECONDS_LIMIT);
    expect(mebibytes).toBeLessThan(MEBIBYTES_LIMIT);
  });
});
