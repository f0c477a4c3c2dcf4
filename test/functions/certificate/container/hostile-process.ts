/** Reads hostile files for `hostile.test.ts` in a process that does nothing else, so that its peak memory is theirs. */
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import type { IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { HOSTILE_FILES } from './hostile-files.ts';

export interface HostileRequest {
  /** The position in `HOSTILE_FILES`. */
  readonly index: number;
  readonly usual: IssuedMarkCertificate;
}

export interface HostileResult {
  readonly bytes: number;
  readonly outcome: string;
  readonly milliseconds: number;
  readonly mebibytes: number;
}

process.on('message', async ({ index, usual }: HostileRequest) => {
  const bytes = HOSTILE_FILES[index]?.[1](usual) ?? new Uint8Array();
  const memory = process.resourceUsage().maxRSS;
  const started = process.cpuUsage();
  // This begins with the search for private keys.
  const outcome = String(await readMarkCertificate(bytes, { at: new Date() }).catch(String));
  const { user, system } = process.cpuUsage(started);
  process.send?.({
    bytes: bytes.length,
    outcome,
    milliseconds: (user + system) / 1000,
    mebibytes: (process.resourceUsage().maxRSS - memory) / 1024,
  } satisfies HostileResult);
});
