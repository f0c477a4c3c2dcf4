/** GnuTLS's certtool, without root rights: the packages of Debian or Ubuntu, unpacked below `.local/`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installPackages } from './debian.ts';

const run = promisify(execFile);

/** How to start certtool. */
export interface Certtool {
  readonly command: string;
  /** The variables with which it regards a moment as now. */
  environmentAt(moment: Date): NodeJS.ProcessEnv;
}

/** libfaketime: certtool compares certificates with the clock only. */
const PACKAGES = { names: ['gnutls-bin', 'libfaketime'], withDependencies: true };

/**
 * Installs certtool, unless it is installed already.
 *
 * @param folder receives the packages.
 * @returns the reason if it cannot be installed on this machine.
 */
export async function installCerttool(folder: string): Promise<Certtool | string> {
  try {
    await installPackages(folder, PACKAGES, async () => run(...versionOf(await certtoolIn(folder))));
  } catch (error) {
    return `apt-get cannot install gnutls-bin: ${lastLine(error)}`;
  }
  return certtoolIn(folder);
}

async function certtoolIn(folder: string): Promise<Certtool> {
  // Debian has a folder for each architecture, for example x86_64-linux-gnu.
  const folders = (await readdir(join(folder, 'usr', 'lib'))).map((name) => join(folder, 'usr', 'lib', name));
  const libraries = folders.find((each) => existsSync(join(each, 'faketime'))) ?? '';
  return {
    command: join(folder, 'usr', 'bin', 'certtool'),
    environmentAt: (moment) => ({
      ...process.env,
      TZ: 'UTC',
      LD_LIBRARY_PATH: libraries,
      LD_PRELOAD: join(libraries, 'faketime', 'libfaketime.so.1'),
      FAKETIME: moment.toISOString().slice(0, 19).replace('T', ' '),
    }),
  };
}

function versionOf({ command, environmentAt }: Certtool): [string, string[], { env: NodeJS.ProcessEnv }] {
  return [command, ['--version'], { env: environmentAt(new Date()) }];
}

/** The first line of `certtool --version`. */
export async function certtoolVersion(certtool: Certtool): Promise<string> {
  const { stdout } = await run(...versionOf(certtool));
  return stdout.split('\n', 1).join('');
}

function lastLine(error: unknown): string {
  return (
    String(error instanceof Error ? error.message : error)
      .trim()
      .split('\n')
      .at(-1) ?? ''
  );
}
