import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './package/command.ts';

/** What npm prints and asks for, when a test installs packages. */
export const QUIET = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/**
 * Installs the locked packages of a folder into another one, unless they are installed.
 *
 * @param source the folder with the `package.json` and the lock file.
 * @throws {Error} if npm cannot install them, for example without access to its registry.
 */
export async function installLocked(source: string, folder: string): Promise<void> {
  const marker = join(folder, 'node_modules', '.installed');
  const lock = digest(await readFile(join(source, 'package-lock.json')));
  if ((await readFile(marker, 'utf8').catch(() => undefined)) === lock) {
    return;
  }
  await mkdir(folder, { recursive: true });
  await cp(source, folder, { recursive: true });
  try {
    await runCommand('npm', ['ci', ...QUIET], { folder });
  } catch (error) {
    throw new Error(
      `The packages of ${source} cannot be installed. This needs access to the npm registry. Connect this machine, or set ` +
        `the registry that it reaches in the configuration of npm, and run the command again. ${error}`,
      { cause: error },
    );
  }
  await writeFile(marker, lock);
}

/** A short digest, for the names of files. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
