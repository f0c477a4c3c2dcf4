import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CollectorError } from '../../functions/collector-error.ts';

const executeFile = promisify(execFile);

/** Packages of a lock file cannot be installed. */
export class LockedInstallError extends CollectorError {
  override readonly name = 'LockedInstallError';
}

/** What npm prints and asks for, when a script installs packages. */
export const QUIET = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** Variables that npm sets for the scripts of the project. They would change what npm does in another folder. */
const OF_NPM =
  /^(npm_(package|lifecycle)_.*|npm_command|npm_config_(dry_run|global|prefix|local_prefix|global_prefix)|INIT_CWD|NODE_(ENV|OPTIONS|V8_COVERAGE|COMPILE_CACHE))$/i;

/** The environment variables of this process, without those that npm sets for the scripts of the project. */
export function withoutNpmVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_NPM.test(name)));
}

/**
 * Installs the locked packages of a folder into another one, unless they are installed. So a contributor downloads what
 * only one command needs when that command runs for the first time.
 *
 * @param source the folder with the `package.json` and the lock file.
 * @throws {LockedInstallError} if npm cannot install them, for example without access to its registry.
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
    await executeFile('npm', ['ci', ...QUIET], { cwd: folder, env: withoutNpmVariables() });
  } catch (error) {
    throw new LockedInstallError(
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
