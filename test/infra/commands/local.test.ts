import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runWithEmulator } from '../../../infra/local/emulator/run.ts';

const COMMANDS = join(import.meta.dirname, '../../../infra/commands');

function run(command: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, [join(COMMANDS, command), ...args], { encoding: 'utf8' });
}

const RUNNING = {
  pid: process.pid,
  url: 'https://127.0.0.1:1',
  certificateFile: '/nowhere',
  environment: { AWS_REGION: 'eu-central-2', BUCKET: 'a-bucket' },
};
const runInEmulator = (...command: readonly string[]) => runWithEmulator(RUNNING, command, import.meta.dirname);

describe('A command that runs with the emulator', () => {
  test('gets the variables of the emulator, its own folder, and no other AWS variable.', async () => {
    process.env.AWS_PROFILE = 'production';
    try {
      const script = 'test "$BUCKET" = a-bucket && test "$AWS_REGION" = eu-central-2 && test -z "$AWS_PROFILE"';
      expect(await runInEmulator('sh', '-c', `${script} && test -f local.test.ts`)).toBe(0);
    } finally {
      delete process.env.AWS_PROFILE;
    }
  });

  test('has the AWS CLI of the emulator first on its PATH.', async () => {
    expect(await runInEmulator('sh', '-c', 'case "$PATH" in */.local/emulator/bin:*) exit 0;; *) exit 1;; esac')).toBe(
      0,
    );
  });

  test('determines the exit code.', async () => {
    expect(await runInEmulator('sh', '-c', 'exit 7')).toBe(7);
    expect(await runInEmulator('sh', '-c', 'kill -TERM $$')).toBe(128 + 15);
  });

  test('is an error if it does not exist.', async () => {
    await expect(runInEmulator('no-such-command')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('The commands of the local emulator', () => {
  test.each([
    ['local.ts', 'npm run local --'],
    ['local-up.ts', 'npm run local:up'],
    ['local-down.ts', 'npm run local:down'],
    ['start.ts', 'npm start --'],
  ])('explain themselves with --help: %s.', (command, expected) => {
    const { status, stdout, stderr } = run(command, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(expected);
  });

  test.each([
    ['local.ts', ['--unknown'], '--unknown'],
    ['local.ts', [''], '""'],
    ['local-up.ts', ['--unknown'], '--unknown'],
    ['local-up.ts', ['-c', 'pollEvery'], '-c: pollEvery is not accepted; accepted: SETTING=VALUE'],
    ['local-down.ts', ['--unknown'], '--unknown'],
    ['start.ts', ['--unknown'], '--unknown'],
    ['start.ts', ['--scenario', 'unknown'], '--scenario: unknown is not accepted; accepted: issued, '],
    ['start.ts', ['--format', 'unknown'], '--format: unknown is not accepted; accepted: pkcs7, '],
    ['start.ts', ['1', '2'], 'only one order number is accepted'],
    ['start.ts', ['--order', '1', '2'], 'only one order number is accepted'],
  ])('report wrong usage: %s %j.', (command, args, expected) => {
    const { status, stdout, stderr } = run(command, ...args);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toContain(expected);
  });
});
