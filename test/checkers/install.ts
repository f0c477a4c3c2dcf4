/** The checkers that are written in Python, below `.local/`. */
import { join } from 'node:path';
import { installPython } from '../../infra/local/python.ts';

const ENVIRONMENT = join(import.meta.dirname, '..', '..', '.local', 'checkers');

/** The folder of Python and of the commands of the checkers. */
export const BIN = join(ENVIRONMENT, 'bin');

/** Installs the checkers once, before all tests. */
export async function setup(): Promise<void> {
  await installPython(join(import.meta.dirname, 'requirements.txt'), ENVIRONMENT);
}
