import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { createNarrator, formatDuration, narratedWaitMilliseconds } from '../../../infra/local/narration.ts';
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

test('The lines for another terminal set what AWS CLI commands need, and reach no server outside.', async () => {
  const { cloud } = await deployCollector({ settings: { push: true } });
  const printed: string[] = [];
  createNarrator(
    (text) => printed.push(text),
    () => cloud,
  ).commands(ORDER);
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
    SOURCE: 'mark-certificates',
    BUS: 'default',
    NAME: 'mark-certificate-collector',
    MACHINE: cloud.stateMachineArn,
    BUCKET: cloud.bucket,
    SECRET: cloud.secretId,
    PUSH_URL: cloud.pushUrl,
    AWS_ENDPOINT_URL_S3: cloud.s3Url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: cloud.secretsUrl,
    AWS_ENDPOINT_URL_SFN: cloud.statesUrl,
    AWS_ENDPOINT_URL_EVENTBRIDGE: cloud.eventsUrl,
  });
  expect(variables).not.toHaveProperty('AWS_PROFILE');
  expect(variables).not.toHaveProperty('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS');
  const { hostname, port } = new URL(variables.AWS_ENDPOINT_URL ?? '');
  await expect(once(connect(Number(port), hostname), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
