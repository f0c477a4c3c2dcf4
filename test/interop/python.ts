/** The verifiers that are written in Python, below `.local/`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { installPython } from '../../infra/local/python.ts';

/** Everything that `npm run test:interop` writes. */
export const FOLDER = join(import.meta.dirname, '..', '..', '.local', 'interop');

const ENVIRONMENT = join(FOLDER, 'python');

/** Installs the packages, unless they are installed already. @throws {PythonInstallError} if that is not possible. */
export async function installPackages(): Promise<void> {
  await installPython(join(import.meta.dirname, 'requirements.txt'), ENVIRONMENT);
}

/** The path of a command of the virtual environment. */
export function commandPath(name: string): string {
  return join(ENVIRONMENT, 'bin', name);
}

/**
 * Runs a script of this folder.
 *
 * @param input what it reads as JSON.
 * @returns what it prints as JSON.
 */
export async function runScript(name: string, args: readonly string[], input: unknown): Promise<unknown> {
  const child = spawn(commandPath('python'), [join(import.meta.dirname, name), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(input));
  const [output, [code]] = await Promise.all([json(child.stdout), once(child, 'exit')]);
  if (code !== 0) {
    throw new Error(`${name} ended with exit code ${code}.`);
  }
  return output;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
