import { execFile } from 'node:child_process';
import { devNull } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { withoutNpmVariables } from '../../infra/build/install-locked.ts';
import { withAwsVariables } from '../../infra/local/emulator/emulator.ts';

const executeFile = promisify(execFile);

/** Runs programs of consumers with the Node that runs this process, and without the programs of the project. */
function environment(nodeFile: string): NodeJS.ProcessEnv {
  const own = Object.entries(withoutNpmVariables()).filter(([name]) => !name.startsWith('VITEST'));
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return {
    ...withAwsVariables(Object.fromEntries(own), {
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
    PATH: [dirname(nodeFile), ...folders].join(delimiter),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    // Most processes load the CDK, and would compile it for longer than they run (test/compile-cache.ts).
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
  };
}

export interface CommandOptions {
  /** The folder in which the command runs. */
  readonly folder: string;
  /** The binary of Node that is found as `node`; default: the one of this process. */
  readonly node?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** What a command printed. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The error of a command whose exit code is not 0. */
const endedSchema = v.object({ code: v.number(), stdout: v.string(), stderr: v.string() });

/** Runs a command and returns what it printed, whatever its exit code is. */
export async function tryCommand(
  command: string,
  args: readonly string[],
  { folder, node = process.execPath, variables = {} }: CommandOptions,
): Promise<Output> {
  const options = { cwd: folder, env: { ...environment(node), ...variables }, maxBuffer: 64 * 1024 * 1024 };
  try {
    return { exitCode: 0, ...(await executeFile(command === 'node' ? node : command, args, options)) };
  } catch (error) {
    const ended = v.safeParse(endedSchema, error);
    if (!ended.success) {
      throw error;
    }
    const { code, stdout, stderr } = ended.output;
    return { exitCode: code, stdout, stderr };
  }
}

/**
 * Runs a command and returns its standard output.
 *
 * @throws {Error} if its exit code is not 0, with everything that it printed.
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await tryCommand(command, args, options);
  if (exitCode !== 0) {
    throw new Error(`${[command, ...args].join(' ')} ended with exit code ${exitCode}:\n${stdout}\n${stderr}`);
  }
  return stdout;
}
