import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EmulatorError, withAwsVariables } from './emulator.ts';

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const CDK = join(PROJECT, 'node_modules', '.bin', 'cdk');

/** Lines of cdk's output that an error contains. */
const ERROR_LINES = 30;

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
  return {
    /** `npx cdk bootstrap`, which an account needs once. */
    bootstrap: () => cdk('bootstrap'),
    /** `npm run deploy`, with settings as `-c` gives them. */
    async deploy(settings: Readonly<Record<string, unknown>>): Promise<Outputs> {
      const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
      const context = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const outputs = join(directory, 'outputs.json');
      try {
        await cdk(
          ...['deploy', '--require-approval', 'never'],
          ...['--output', join(directory, 'cdk.out'), '--outputs-file', outputs],
          ...context,
        );
        const stacks = JSON.parse(await readFile(outputs, 'utf8')) as Readonly<Record<string, Outputs>>;
        return stacks.MarkCertificateCollector ?? {};
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    /** `npx cdk destroy`. */
    destroy: () => cdk('destroy', '--force'),
  };
}
