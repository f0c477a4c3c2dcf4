import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import * as local from '../../../infra/commands/local.ts';
import * as localDown from '../../../infra/commands/local-down.ts';
import * as localUp from '../../../infra/commands/local-up.ts';
import * as start from '../../../infra/commands/start.ts';
import { runWithEmulator } from '../../../infra/local/emulator/run.ts';
import { describeStarted } from '../../../infra/local/emulator/up.ts';
import { commandLinesIn, problemOf } from '../command-line/command-lines.ts';
import { read } from '../markdown.ts';
import { runHere, runProcess } from './run.ts';

const { version: VERSION } = JSON.parse(read('package.json'));

const COMMANDS = { 'local.ts': local, 'local-up.ts': localUp, 'local-down.ts': localDown, 'start.ts': start } as const;

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

  test('has the AWS CLI of the emulator on its PATH, before the other folders.', async () => {
    const rest = process.env.PATH ?? '';
    const script = 'case "$PATH" in */.local/emulator/bin:"$0") exit 0;; *) exit 1;; esac';
    expect(await runInEmulator('sh', '-c', script, rest)).toBe(0);
  });

  test('has mark-certificates on its PATH, as in a shell with an installed package.', async () => {
    expect(await runInEmulator('sh', '-c', 'test "$(mark-certificates --version)" = "$0"', VERSION)).toBe(0);
    expect(await runInEmulator('sh', '-c', 'mark-certificates no-such-command 2>&1 | grep -q unknown')).toBe(0);
    expect(await runInEmulator('sh', '-c', 'mark-certificates status 2>/dev/null')).toBe(EXIT_CODES.usage);
  });

  test('determines the exit code.', async () => {
    expect(await runInEmulator('sh', '-c', 'exit 7')).toBe(7);
    expect(await runInEmulator('sh', '-c', 'kill -TERM $$')).toBe(128 + 15);
  });

  test('is an error if it does not exist.', async () => {
    await expect(runInEmulator('no-such-command')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('After npm run local:up, the printed commands collect the first order of the CA.', async () => {
  const printed = describeStarted([
    { orderNumber: '1000000007', description: 'issued' },
    { orderNumber: '1000000008', description: 'never issued' },
  ]);
  expect(printed).toContain('1000000008  never issued');
  const commands = commandLinesIn(printed);
  expect(commands.map(([name, order]) => [name, order])).toEqual(
    ['order', 'status', 'fetch'].map((name) => [name, '1000000007']),
  );
  expect(await Promise.all(commands.map(problemOf))).toEqual(commands.map(() => undefined));
});

describe('The commands of the local emulator', () => {
  test.each([
    ['local.ts', 'npm run local --'],
    ['local-up.ts', 'npm run local:up'],
    ['local-down.ts', 'npm run local:down'],
    ['start.ts', 'npm start --'],
  ])('explain themselves with --help: %s.', async (command, expected) => {
    const { status, stdout, stderr } = await runProcess(command, ['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(expected);
  });

  test.each<[command: keyof typeof COMMANDS, args: string[], expected: string]>([
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
  ])('report wrong usage: %s %j.', async (command, args, expected) => {
    const { status, stdout, stderr } = await runHere(COMMANDS[command], args);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toContain(expected);
  });
});
