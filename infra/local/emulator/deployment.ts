import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const CDK = join(PROJECT, 'node_modules', '.bin', 'cdk');

/** The outputs of the stack, by name. */
export type Outputs = Readonly<Record<string, string>>;

/** `cdk` itself, with a cloud assembly of its own, against the AWS of an environment. */
export function createDeployer(environment: Readonly<Record<string, string>>) {
  async function cdk(...args: readonly string[]): Promise<void> {
    const child = spawn(CDK, [...args], {
      cwd: PROJECT,
      env: { ...process.env, ...environment, CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    const [status] = await once(child, 'close');
    if (status !== 0) {
      throw new Error(`cdk ${args[0]} ended with ${status}:\n${said.trim().split('\n').slice(-30).join('\n')}`);
    }
  }
  return {
    /** What `npx cdk bootstrap` does, once for an account. */
    bootstrap: () => cdk('bootstrap'),
    /** What `npm run deploy` does, with settings as `-c` gives them. */
    async deploy(settings: Readonly<Record<string, unknown>>): Promise<Outputs> {
      const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
      const context = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      try {
        const outputs = join(directory, 'outputs.json');
        await cdk(
          'deploy',
          '--require-approval',
          'never',
          '--output',
          join(directory, 'cdk.out'),
          '--outputs-file',
          outputs,
          ...context,
        );
        const stacks = JSON.parse(await readFile(outputs, 'utf8')) as Readonly<Record<string, Outputs>>;
        return stacks.MarkCertificateCollector ?? {};
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    /** What `npx cdk destroy` does. */
    destroy: () => cdk('destroy', '--force'),
  };
}
