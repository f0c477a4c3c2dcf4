import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where `local:up` keeps what `local:down` and a developer's shell need. */
export const UP = join(import.meta.dirname, '..', '..', '..', '.local', 'up');

/** The process that `local:up` left behind, if it is still there. */
export async function running(): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(join(UP, 'pid'), 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
