/** What the package contains. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FUNCTION_FOLDERS } from '../../infra/bundles.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const MEGABYTE = 1024 * 1024;
const tarball = inject('tarball');

let folder: string;
let packed: readonly string[];

const contents = (path: string) => readFileSync(join(folder, 'package', path), 'utf8');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  packed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace('package/', ''));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('It contains what is published, and nothing else.', () => {
    const others = packed
      .filter((path) => !/^dist\/bin\/[\w-]+\.mjs$/.test(path))
      .filter(
        (path) => !FUNCTION_FOLDERS.some((name) => path.startsWith(`dist/functions/${name}/`) && path.endsWith('.mjs')),
      );
    expect(others.toSorted()).toEqual(
      [
        ...['API.md', 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'],
        ...['certificate.cjs', 'certificate.d.cts', 'index.cjs', 'index.d.cts', 'third-party-licenses.txt'].map(
          (name) => `dist/${name}`,
        ),
      ].toSorted(),
    );
    for (const name of FUNCTION_FOLDERS) {
      expect(readdirSync(join(folder, 'package', 'dist', 'functions', name))).toContain('index.mjs');
    }
  });

  test('It has at most 3 MB.', () => {
    expect(statSync(tarball).size).toBeLessThan(3 * MEGABYTE);
  });

  test('It has no dependencies, and its peers are optional.', () => {
    const {
      dependencies = {},
      peerDependencies,
      peerDependenciesMeta,
      private: isPrivate,
    } = JSON.parse(contents('package.json'));
    expect(dependencies).toEqual({});
    expect(isPrivate).toBeUndefined();
    expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
    expect(peerDependenciesMeta).toEqual({ 'aws-cdk-lib': { optional: true }, constructs: { optional: true } });
  });

  test('No file contains a path of this machine, or a source of the tests.', () => {
    const found = packed.filter((path) => {
      const content = contents(path);
      return (
        content.includes(PROJECT) ||
        content.includes(`${homedir()}/`) ||
        /fauxqs|vitest\/|startCollectMcSimulator/.test(path.endsWith('.md') || path === 'package.json' ? '' : content)
      );
    });
    expect(found).toEqual([]);
  });

  test('API.md is the committed one, and describes every prop.', () => {
    expect(execFileSync('git', ['status', '--porcelain', 'API.md'], { cwd: PROJECT, encoding: 'utf8' })).toBe('');
    expect(contents('API.md')).toMatch(
      /\| `pollEvery` \| `Duration` \| `Duration\.hours\(3\)` \| The time between two checks/,
    );
  });
});
