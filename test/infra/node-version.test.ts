import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '..', '..');
const VERSION_CHECK = join(PROJECT, 'infra', 'node-version.js');

/** Starts a program after the version check, in a process that pretends to be another version of Node. */
function startOn(version: string) {
  const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(fake)}`,
      '--import',
      VERSION_CHECK,
      '-e',
      'console.log("ran")',
    ],
    { encoding: 'utf8', env: {} },
  );
  return { status, stdout, stderr };
}

function jsonOf(file: string) {
  return JSON.parse(readFileSync(join(PROJECT, file), 'utf8'));
}

describe('a Node that is too old', () => {
  test.each(['16.20.2', '18.20.8', '20.19.5', '22.9.0', '22.17.1', '23.5.0'])(
    'Node %s prints one line, and runs nothing.',
    (version) => {
      const { status, stdout, stderr } = startOn(version);

      expect(status).toBe(1);
      expect(stdout).toBe('');
      const [line = '', ...rest] = stderr.split('\n');
      expect(rest).toEqual(['']);
      expect(line).toContain('needs Node 22.18 or later');
      expect(line).toContain(`Node ${version} is too old:`);
      expect(line).toContain('npm ci');
    },
  );
});

describe('a Node that is new enough', () => {
  test.each(['22.18.0', '22.130.0', '23.6.0', '24.0.0', '100.1.0'])(
    'Node %s runs the program without a message.',
    (version) => {
      expect(startOn(version)).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
    },
  );
});

describe('the required version', () => {
  test('package.json declares the version that the package requires, which contains no TypeScript.', () => {
    expect(jsonOf('package.json').engines).toEqual({ node: '>=22.13' });
  });

  test('Every command that runs TypeScript checks the version.', () => {
    const { start, inspect, build, pretest } = jsonOf('package.json').scripts;
    for (const command of [start, inspect, build, pretest, jsonOf('cdk.json').app]) {
      expect(command).toMatch(/^node (--import \.\/)?infra\/node-version\.js( |$)/);
    }
  });
});
