import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Expectations, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';

const PROJECT = path.join(import.meta.dirname, '../../..');
const PROGRAM = path.join(import.meta.dirname, 'library-process.ts');

/** Runs a program that may read files below the given folders of the project, and do nothing else with files. */
function runWithoutPermissions(program: readonly string[], folders: readonly string[], input = '') {
  const readable = folders.map((folder) => `--allow-fs-read=${path.join(PROJECT, folder)}`);
  const args = ['--permission', '--no-warnings', ...readable, ...program];
  return spawnSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8', input });
}

test('The library needs no files, no network and no clock.', async () => {
  const authority = await openAuthority();
  const issued = authority.issue({ domains: ['example.com'] });
  const at = new Date();
  const expectations = { domains: ['example.com', 'example.org'], product: 'CMC' } satisfies Partial<Expectations>;
  const files = [pem(issued.chain), pkcs7(issued.chain), zip(issued.chain), pem(issued.chain.slice(0, 2))];
  const inputs = [...files, 'no chain'].map((file) => ({
    base64: Buffer.from(file).toString('base64'),
    at: at.toISOString(),
    expectations,
  }));

  const { stdout, stderr } = runWithoutPermissions(
    [PROGRAM],
    ['functions', 'node_modules', 'package.json', 'test/functions/certificate/library-process.ts'],
    JSON.stringify(inputs),
  );

  expect(stderr).toBe('');
  const results: readonly unknown[] = JSON.parse(stdout);
  const expected = await Promise.all(
    files.map(async (file) => (await readMarkCertificate(Buffer.from(file), { at, ...expectations })).report),
  );
  expect(results).toEqual([...expected, { error: expect.stringMatching(/\w/) }]);
});

test.each([
  ['a file', "await import('node:fs').then((fs) => fs.readFileSync('README.md'))", 'ERR_ACCESS_DENIED'],
  ['a process', "await import('node:child_process').then((it) => it.spawnSync('true'))", 'ERR_ACCESS_DENIED'],
])('The process that proves it fails if it uses %s.', (_, script, error) => {
  const { stderr, status } = runWithoutPermissions(['--input-type=module', '--eval', script], ['functions']);
  expect(stderr).toContain(error);
  expect(status).toBe(1);
});
