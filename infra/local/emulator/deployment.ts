import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stackNameOf } from '../../settings.ts';
import { EmulatorError, withAwsVariables } from './emulator.ts';

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const CDK = join(PROJECT, 'node_modules', '.bin', 'cdk');

/** Lines of cdk's output that an error contains. */
const ERROR_LINES = 30;

/** Settings of a stack, by name. */
export type DeploymentSettings = Readonly<Record<string, unknown>>;

/** The outputs of the stack, by name. */
export type Outputs = Readonly<Record<string, string>>;

/**
 * Runs the real `cdk` against the AWS that the environment variables select. Each deployment uses its own cloud
 * assembly.
 */
export function createDeployer(environment: Readonly<Record<string, string>>) {
  async function cdk(...args: readonly string[]): Promise<void> {
    const child = spawn(CDK, [...args], {
      cwd: PROJECT,
      env: { ...withAwsVariables(process.env, environment), CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, errors, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    if (exitCode !== 0) {
      const lines = `${output}\n${errors}`.trim().split('\n').slice(-ERROR_LINES).join('\n');
      throw new EmulatorError(`cdk ${args[0]} failed with exit code ${exitCode}:\n${lines}`);
    }
  }
  /** Runs a command of cdk on the app with these settings, in a directory for its cloud assembly and its outputs. */
  async function withApp<T>(
    settings: DeploymentSettings,
    run: (directory: string, options: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
    const context = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    try {
      return await run(directory, ['--output', join(directory, 'cdk.out'), ...context]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  return {
    /** `npx cdk bootstrap`, which an account needs once. */
    bootstrap: () => cdk('bootstrap'),
    /** `npx cdk deploy`, with settings as `-c` gives them. */
    deploy: (settings: DeploymentSettings) =>
      withApp(settings, async (directory, options) => {
        const file = join(directory, 'outputs.json');
        await cdk('deploy', '--require-approval', 'never', '--outputs-file', file, ...options);
        const stacks = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, Outputs>>;
        return stacks[stackNameOf(settings.name)] ?? {};
      }),
    /** `npx cdk destroy`, with the settings of the deployment. */
    destroy: (settings: DeploymentSettings) => withApp(settings, (_, options) => cdk('destroy', '--force', ...options)),
  };
}
