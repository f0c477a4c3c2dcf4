import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PROGRAM } from '../../infra/command-line/program.ts';
import { withAwsVariables } from '../../infra/local/emulator/emulator.ts';
import { cloud } from './suite.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const MAIN = join(PROJECT, 'infra', 'command-line', 'main.ts');

/** What a command printed, and how it ended. */
export interface Typed {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface TypeOptions {
  /** Standard input. */
  readonly input?: string;
  /** The folder in which the command is typed; default: the repository. */
  readonly folder?: string;
}

/** Runs a command in another process with the environment of the emulator, as a person would type it. */
export function type(args: readonly string[], options: TypeOptions = {}): Promise<Typed> {
  return runNode([MAIN, ...args], options);
}

/** Types a command that another one printed as the next step. */
export function typePrinted(command: string, options: TypeOptions = {}): Promise<Typed> {
  const [program, ...args] = command.split(' ');
  if (program !== PROGRAM) {
    throw new Error(`The next step is not a command of ${PROGRAM}: ${command}`);
  }
  return type(args, options);
}

/** Runs a file with Node in another process with the environment of the emulator. */
export function runNode(args: readonly string[], { input = '', folder = PROJECT }: TypeOptions): Promise<Typed> {
  // npm sets the folder of the user for its scripts.
  const { INIT_CWD: _, ...environment } = withAwsVariables(process.env, cloud.environment);
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: folder, env: environment, maxBuffer: 64 * 1024 * 1024 },
      (error, out, err) => {
        const exitCode = error ? error.code : 0;
        if (typeof exitCode === 'number') {
          resolve({ exitCode, out, err });
        } else {
          reject(error);
        }
      },
    );
    child.stdin?.end(input);
  });
}
