import { beforeAll, describe, expect, test } from 'vitest';
import { searchForPrivateKey } from '../../../../functions/certificate/container/private-key.ts';
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { openAuthority } from '../../../authority.ts';
import { HOSTILE_FILES } from './hostile-files.ts';

/** Each takes at most a quarter on an idle computer. Machines of a CI are slow, and tests run side by side. */
const MILLISECONDS_LIMIT = 2000;
const MEBIBYTES_LIMIT = 300;

let usual: IssuedMarkCertificate;

beforeAll(async () => {
  usual = (await openAuthority()).issue({ domains: ['example.com'] });
});

describe('A file that costs much work in a reader without limits costs little here:', () => {
  test.each(HOSTILE_FILES)('%s.', async (_, content) => {
    const bytes = content(usual);
    expect(bytes.length).toBeGreaterThan(0);

    const memory = process.resourceUsage().maxRSS;
    const started = process.cpuUsage();
    searchForPrivateKey(bytes);
    const outcome = await readMarkCertificate(bytes, { at: new Date() }).catch(String);
    const { user, system } = process.cpuUsage(started);

    expect(outcome).toContain('InvalidChain: ');
    expect((user + system) / 1000).toBeLessThan(MILLISECONDS_LIMIT);
    expect((process.resourceUsage().maxRSS - memory) / 1024).toBeLessThan(MEBIBYTES_LIMIT);
  });
});
