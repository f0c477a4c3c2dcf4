import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CollectorError } from '../../functions/collector-error.ts';

const run = promisify(execFile);

/** Packages of Python cannot be installed. */
export class PythonInstallError extends CollectorError {
  override readonly name = 'PythonInstallError';
}

/**
 * Creates a virtual environment with exactly the packages of a requirements.txt, unless it has them already. Nothing is
 * installed outside of it.
 *
 * @param requirements the file, which names every package with its version, those that another one needs too.
 * @param environment the folder of the virtual environment.
 * @throws {PythonInstallError} if Python or one of the packages is not available.
 */
export async function installPython(requirements: string, environment: string): Promise<void> {
  const marker = join(environment, 'requirements.txt');
  const required = await readFile(requirements, 'utf8');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === required) {
    return;
  }
  await rm(environment, { recursive: true, force: true });
  await mkdir(dirname(environment), { recursive: true });
  try {
    await run('python3', ['-m', 'venv', environment]);
    const options = ['--quiet', '--disable-pip-version-check', '-r', requirements];
    await run(join(environment, 'bin', 'pip'), ['install', ...options]);
  } catch (error) {
    await rm(environment, { recursive: true, force: true });
    throw new PythonInstallError(
      `The packages of ${requirements} cannot be installed. This needs Python 3.10 or later with the module venv, and ` +
        `access to PyPI. ${error}`,
      { cause: error },
    );
  }
  await writeFile(marker, required);
}
