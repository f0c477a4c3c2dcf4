/** Programs without root rights: the packages of Debian or Ubuntu, unpacked in a folder. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The C library of another release does not fit the dynamic loader of this machine. */
const OF_THE_MACHINE = /^(?:libc6|libgcc-s1|gcc-\d+-base|libcrypt1)$/;

/** The packages to unpack. */
export interface Packages {
  readonly names: readonly string[];
  /** Whether to unpack all that they depend on, too. */
  readonly withDependencies: boolean;
}

/**
 * Unpacks packages into a folder, unless it contains them already.
 *
 * @param verify throws if the programs do not run.
 * @throws {Error} if this machine cannot download them.
 */
export async function installPackages(
  folder: string,
  packages: Packages,
  verify: () => Promise<unknown>,
): Promise<void> {
  const marker = join(folder, 'installed');
  if (!existsSync(marker)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await unpackPackages(folder, packages);
    await verify();
    await writeFile(marker, '');
  }
}

async function unpackPackages(folder: string, packages: Packages): Promise<void> {
  try {
    await downloadPackages(folder, packages, []);
  } catch {
    // The machine has no package lists, or old ones that name packages which no longer exist.
    const state = join(folder, 'apt');
    await mkdir(join(state, 'lists', 'partial'), { recursive: true });
    await mkdir(join(state, 'cache', 'archives', 'partial'), { recursive: true });
    const options = ['-o', `Dir::State::Lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${join(state, 'cache')}`];
    await run('apt-get', [...options, '-o', 'Debug::NoLocking=1', 'update']);
    await downloadPackages(folder, packages, options);
    await rm(state, { recursive: true });
  }
  for (const name of await readdir(folder)) {
    if (name.endsWith('.deb')) {
      await run('dpkg-deb', ['-x', join(folder, name), folder]);
      await rm(join(folder, name));
    }
  }
}

async function downloadPackages(
  folder: string,
  { names, withDependencies }: Packages,
  options: readonly string[],
): Promise<void> {
  const needed = withDependencies ? await dependenciesOf(names, options) : names;
  await run('apt-get', [...options, 'download', ...needed], { cwd: folder });
}

/** The packages, and all that they depend on. */
async function dependenciesOf(packages: readonly string[], options: readonly string[]): Promise<string[]> {
  const others = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (each) => `--no-${each}`,
  );
  const { stdout } = await run('apt-cache', [...options, 'depends', '--recurse', ...others, ...packages]);
  // A line that is not indented names a package. Virtual packages are in angle brackets.
  const names = stdout.match(/^[a-z0-9][^\s:]*$/gm) ?? [];
  return [...new Set(names)].filter((name) => !OF_THE_MACHINE.test(name));
}
