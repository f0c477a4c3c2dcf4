/** GnuTLS's certtool, without root rights: the packages of Debian or Ubuntu, unpacked below `.local/`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How to start certtool. */
export interface Certtool {
  readonly command: string;
  /** The variables with which it regards a moment as now. */
  environmentAt(moment: Date): NodeJS.ProcessEnv;
}

/** libfaketime: certtool compares certificates with the clock only. */
const PACKAGES = ['gnutls-bin', 'libfaketime'];
/** The C library of another release does not fit the dynamic loader of this machine. */
const OF_THE_MACHINE = /^(?:libc6|libgcc-s1|gcc-\d+-base|libcrypt1)$/;

/**
 * Installs certtool, unless it is installed already.
 *
 * @param folder receives the packages.
 * @returns the reason if it cannot be installed on this machine.
 */
export async function installCerttool(folder: string): Promise<Certtool | string> {
  const marker = join(folder, 'installed');
  if (!existsSync(marker)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    try {
      await unpackPackages(folder);
      await run(...versionOf(await certtoolIn(folder)));
    } catch (error) {
      return `apt-get cannot install gnutls-bin: ${lastLine(error)}`;
    }
    await writeFile(marker, '');
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

async function unpackPackages(folder: string): Promise<void> {
  try {
    await downloadPackages(folder, []);
  } catch {
    // The machine has no package lists, or old ones that name packages which no longer exist.
    const state = join(folder, 'apt');
    await mkdir(join(state, 'lists', 'partial'), { recursive: true });
    await mkdir(join(state, 'cache', 'archives', 'partial'), { recursive: true });
    const options = ['-o', `Dir::State::Lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${join(state, 'cache')}`];
    await run('apt-get', [...options, '-o', 'Debug::NoLocking=1', 'update']);
    await downloadPackages(folder, options);
    await rm(state, { recursive: true });
  }
  for (const name of await readdir(folder)) {
    if (name.endsWith('.deb')) {
      await run('dpkg-deb', ['-x', join(folder, name), folder]);
      await rm(join(folder, name));
    }
  }
}

/** Downloads the packages, and all that they depend on, to a folder. */
async function downloadPackages(folder: string, options: readonly string[]): Promise<void> {
  const others = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (each) => `--no-${each}`,
  );
  const { stdout } = await run('apt-cache', [...options, 'depends', '--recurse', ...others, ...PACKAGES]);
  // A line that is not indented names a package. Virtual packages are in angle brackets.
  const names = stdout.match(/^[a-z0-9][^\s:]*$/gm) ?? [];
  const needed = [...new Set(names)].filter((name) => !OF_THE_MACHINE.test(name));
  await run('apt-get', [...options, 'download', ...needed], { cwd: folder });
}

function lastLine(error: unknown): string {
  return (
    String(error instanceof Error ? error.message : error)
      .trim()
      .split('\n')
      .at(-1) ?? ''
  );
}
