import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as deploy from '../../../infra/commands/deploy.ts';
import * as down from '../../../infra/commands/down.ts';
import { type ServedStack, startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { readSettings, writeSettings } from '../../../infra/settings.ts';
import { STACK_DESCRIPTION } from '../../../infra/stack-names.ts';
import { synthesizeHere } from '../cdk.ts';
import { stubAws } from '../command-line/deployed.ts';
import { runHere, runProcess } from './run.ts';

async function makeTemporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Runs a command as a process with an AWS of these variables only, and the real `cdk`. */
async function run(command: string, args: readonly string[], aws: Readonly<Record<string, string>> = {}) {
  const directory = await makeTemporary();
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const nothing = join(directory, 'nothing');
  return runProcess(command, ['--output', join(directory, 'cdk.out'), ...args], {
    ...Object.fromEntries(others),
    AWS_CONFIG_FILE: nothing,
    AWS_SHARED_CREDENTIALS_FILE: nothing,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...aws,
  });
}

const COMMANDS = { 'deploy.ts': deploy, 'down.ts': down } as const;

/** The real `cdk synth` takes seconds, and on a busy machine a minute. */
const WITH_CDK = { timeout: 180_000 };

const KEYS = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

async function awsWith(...stacks: readonly ServedStack[]) {
  const endpoint = await startCloudFormation(stacks);
  onTestFinished(endpoint.close);
  return { ...KEYS, AWS_ENDPOINT_URL: endpoint.url };
}

describe('npm run deploy', () => {
  test('synthesizes with the real cdk, and refuses to take away what is deployed.', WITH_CDK, async () => {
    const settings = writeSettings(readSettings({ publish: true, push: true }));
    const aws = await awsWith({
      name: 'MarkCertificateCollector',
      description: STACK_DESCRIPTION,
      outputs: { Settings: JSON.stringify(settings) },
      template: { Resources: {} },
    });
    const { status, stdout, stderr } = await run('deploy.ts', ['-c', 'pollEvery=PT6H', '--remove', 'push'], aws);
    expect(status, stderr).toBe(1);
    expect(stdout).toContain(
      'Note: -c is for this deployment only. To keep it, write under "context" in cdk.json: pollEvery',
    );
    expect(stdout).toContain('pollEvery: PT3H → PT6H');
    expect(stdout).toContain('removes what people depend on: publish.');
    expect(stdout).toContain('Nothing was deployed.');
  });

  test('prints the error about a wrong setting, and deploys nothing.', WITH_CDK, async () => {
    const { status, stderr } = await run('deploy.ts', ['-c', 'pollEvery=often'], KEYS);
    expect(stderr).toContain('pollEvery: "often" is not accepted; accepted: an ISO 8601 duration like PT3H');
    expect(stderr).toContain('The stack cannot be synthesized. Nothing was changed.');
    expect(status).toBe(1);
  });

  test('ends with 2 without a region.', async () => {
    stubAws({});
    const { status, stderr } = await runHere(deploy, []);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('No AWS region is selected.') });
  });

  test('ends with 2 without credentials, and the message contains the next step.', async () => {
    stubAws({});
    const { status, stderr } = await runHere(deploy, ['--region', 'eu-central-1']);
    expect(stderr).toContain('AWS cannot be used: ');
    expect(stderr).toContain('There are no AWS credentials. Sign in');
    expect(status).toBe(2);
  });
});

describe('npm run down', () => {
  test('ends with 2 if the stack does not exist.', async () => {
    stubAws(await awsWith());
    const output = await makeTemporary();
    const main = (args: string[]) => down.main([...args, '--output', output], synthesizeHere);
    const { status, stdout } = await runHere({ ...down, main }, ['--yes', '-c', 'name=acme']);
    expect(stdout).toContain('No stack MarkCertificateCollector-acme is deployed in eu-central-1.');
    expect(status).toBe(2);
  });
});

describe('Both commands', () => {
  test.each([
    ['deploy.ts', 'npm run deploy --'],
    ['down.ts', 'npm run down --'],
  ])('explain themselves with --help: %s.', async (command, expected) => {
    const { status, stdout, stderr } = await runProcess(command, ['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(expected);
  });

  test.each<[command: keyof typeof COMMANDS, args: string[], expected: string]>([
    ['deploy.ts', ['--remove'], '--remove needs a value'],
    ['deploy.ts', ['--app', 'other'], '--app is not accepted'],
    ['down.ts', ['--yes', '--remove', 'push'], '--remove: push is not accepted; accepted: publish'],
    ['down.ts', [], 'Without one, add --yes.'],
  ])('report wrong usage: %s %j.', async (command, args, expected) => {
    stubAws(KEYS);
    const { status, stdout, stderr } = await runHere(COMMANDS[command], args);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toContain(expected);
  });
});
