import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stackNameOf } from '../../stack-names.ts';
import { EmulatorError, withAwsVariables } from './emulator.ts';

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const CDK = join(PROJECT, 'node_modules', '.bin', 'cdk');
const COMMANDS = join(PROJECT, 'infra', 'commands');

/** Lines of a command's output that an error contains. */
const ERROR_LINES = 30;

/** Settings of a stack, by name. */
export type DeploymentSettings = Readonly<Record<string, unknown>>;

/** The outputs of the stack, by name. */
export type Outputs = Readonly<Record<string, string>>;

/**
 * Runs the commands with which users deploy and delete a stack, against the AWS that the environment variables select.
 * Each run uses a separate cloud assembly. `remove` is what a command may remove.
 *
 * If a command fails, the function rejects with an {@link EmulatorError} that contains the end of the output.
 */
export function createDeployer(environment: Readonly<Record<string, string>>) {
  async function run(command: string, ...args: readonly string[]): Promise<string> {
    const child = spawn(command, [...args], {
      cwd: PROJECT,
      env: { ...withAwsVariables(process.env, environment), CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, errors, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    const all = `${output}\n${errors}`.trim();
    if (exitCode !== 0) {
      const lines = all.split('\n').slice(-ERROR_LINES).join('\n');
      throw new EmulatorError(`${command} ${args.join(' ')} failed with exit code ${exitCode}:\n${lines}`);
    }
    return all;
  }

  const runCommand = (file: string, ...args: readonly string[]) => run(process.execPath, join(COMMANDS, file), ...args);

  /** Runs a command with the options for these settings, and with a directory for its files. */
  async function runWithSettings<T>(
    settings: DeploymentSettings,
    remove: readonly string[],
    use: (directory: string, options: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
    try {
      return await use(directory, [
        ...['--output', join(directory, 'cdk.out')],
        ...remove.flatMap((each) => ['--remove', each]),
        ...Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : ['-c', `${name}=${value}`])),
      ]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  return {
    /** `npx cdk bootstrap`, which an account needs once. */
    bootstrap: () => run(CDK, 'bootstrap'),

    /** `npm run deploy`. */
    async deploy(settings: DeploymentSettings, remove: readonly string[] = []): Promise<Outputs> {
      return runWithSettings(settings, remove, async (directory, options) => {
        const file = join(directory, 'outputs.json');
        await runCommand('deploy.ts', '--require-approval', 'never', '--outputs-file', file, ...options);
        const stacks = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, Outputs>>;
        return stacks[stackNameOf(settings.name)] ?? {};
      });
    },

    /** `npm run down`, without its question. Returns what it prints. */
    down: (settings: DeploymentSettings, remove: readonly string[] = []): Promise<string> =>
      runWithSettings(settings, remove, (_, options) => runCommand('down.ts', '--yes', ...options)),
  };
}
