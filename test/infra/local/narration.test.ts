import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import { startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { createNarrator, formatDuration, narratedWaitMilliseconds } from '../../../infra/local/narration.ts';
import { openAuthority } from '../../authority.ts';
import { PROJECT } from '../synthesized.ts';
import { deployCollector, ORDER } from './collector.ts';

test.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [930, '15 min 30 s'],
  [10_800, '3 h'],
  [90_000, '1 d 1 h'],
  [86_400 + 60, '1 d'],
  [345_600, '4 d'],
])('A duration of %i seconds is written with its two largest units: %s.', (seconds, expected) => {
  expect(formatDuration(seconds)).toBe(expected);
});

test.each([
  [60, 30],
  [10_800, 200],
  [21_600, 400],
])('A wait of %i seconds takes %i milliseconds.', (seconds, expected) => {
  expect(narratedWaitMilliseconds(seconds)).toBe(expected);
});

test('The lines for another terminal set what the commands of the runbook read, and reach no server outside.', async () => {
  const { cloud } = await deployCollector({ settings: { push: true } });
  const printed: string[] = [];
  createNarrator(
    (text) => printed.push(text),
    () => cloud,
  ).commands(ORDER, 'http://127.0.0.1:7');
  const [lines = ''] = printed.join('\n').split('For example:');
  const commands = lines.split('\n').filter((line) => line.startsWith('  '));

  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['--norc', '-c', [...commands, 'set -o posix; set'].join('\n')],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, AWS_PROFILE: 'production', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
    },
  );

  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const variables = Object.fromEntries(
    stdout.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1).replaceAll("'", '')]),
  );
  expect(variables).toMatchObject({
    NAME: 'mark-certificate-collector',
    MACHINE: cloud.stateMachineArn,
    BUCKET: cloud.bucket,
    SECRET: cloud.secretId,
    PUSH_URL: cloud.pushUrl,
    AWS_ENDPOINT_URL_S3: cloud.s3Url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: cloud.secretsUrl,
    AWS_ENDPOINT_URL_SFN: cloud.statesUrl,
    AWS_ENDPOINT_URL_EVENTBRIDGE: cloud.eventsUrl,
    AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:7',
  });
  expect(variables).not.toHaveProperty('AWS_PROFILE');
  expect(variables).not.toHaveProperty('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS');
  const { hostname, port } = new URL(variables.AWS_ENDPOINT_URL ?? '');
  await expect(once(connect(Number(port), hostname), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('In another terminal, the command line works on the order: the printed examples, and those of the runbook.', async () => {
  const { cloud, sendOrder, execution } = await deployCollector();
  cloud.ca.order(ORDER, [{ kind: 'error', code: -20 }]);
  const cloudFormation = await startCloudFormation([cloud.stack]);
  onTestFinished(cloudFormation.close);
  await sendOrder();
  await execution();
  const printed: string[] = [];
  createNarrator(
    (text) => printed.push(text),
    () => cloud,
  ).commands(ORDER, cloudFormation.url);
  const [lines = '', examples = ''] = printed.join('\n').split('For example:');
  const setUp = lines.split('\n').filter((line) => line.startsWith('  '));
  const [status = '', fetch = '', open = '', page = ''] = examples
    .split('\n')
    .filter((line) => line.includes('mark-certificates'));
  const typed = (command: string) => bash([...setUp, command].join('\n'));
  // What npm does with the script. One command runs npm itself.
  const npm =
    'npm() { test "$1 $2 $3 $4" = "run -s mark-certificates --" && shift 4 && node infra/command-line/main.ts "$@"; }';
  const typedWithoutNpm = (command: string) => typed(`${npm}\n${command}`);

  const failed = await typed(status);
  expect(failed.out).toContain('failed (OrderRejected)');
  expect(failed.exitCode).toBe(EXIT_CODES.problem);
  expect((await typedWithoutNpm(fetch)).err).toContain('has no certificate');

  const { chain } = (await openAuthority()).issue({ domains: ['example.com'] });
  cloud.ca.order(ORDER, [{ kind: 'issued', certificates: chain }]);
  const retried = await typedWithoutNpm(`npm run -s mark-certificates -- retry ${ORDER} --json`);
  expect(JSON.parse(retried.out)).toMatchObject({ result: 'redriven' });
  await execution();
  const stored = await typedWithoutNpm(`${status} --json`);
  expect(JSON.parse(stored.out)).toMatchObject({ state: 'issued', collector: 'mark-certificate-collector' });
  expect((await typedWithoutNpm(open)).out).toContain(`/orders/${ORDER}/report.html?`);
  const folder = await mkdtemp(join(tmpdir(), 'orders-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'orders.html');
  expect((await typedWithoutNpm(page.replace('.local/orders.html', file))).exitCode).toBe(EXIT_CODES.success);
  expect(await readFile(file, 'utf8')).toContain(ORDER);
});

/** Types a script into a shell. The servers in this process answer meanwhile. */
function bash(script: string): Promise<{ readonly exitCode: unknown; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };
    execFile('bash', ['--norc', '-c', script], { cwd: PROJECT, env }, (error, out, err) =>
      resolve({ exitCode: error ? error.code : 0, out, err }),
    );
  });
}
