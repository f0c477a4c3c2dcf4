import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { armouredPkcs7, pem, pkcs7 } from '../../../infra/local/ca/containers.ts';
import { AT, FILES, fingerprint, openFiles } from './inspected-files.ts';

const { clean, close, folder, inspect, json, root, runProcess, trusting, write } = await openFiles();

afterAll(close);

describe('A chain', () => {
  test.each<[string, (chain: readonly Uint8Array[]) => string | Uint8Array]>([
    ['PEM', pem],
    ['PEM with the root first', (chain) => pem(chain.toReversed())],
    ['PKCS#7 in DER', (chain) => pkcs7(chain)],
    ['armoured PKCS#7', (chain) => armouredPkcs7(chain)],
    ['PKCS#7 with a signer', (chain) => pkcs7(chain, 'signed-empty')],
    ['ZIP', (chain) => zipSync({ 'chain.p7b': pkcs7(chain) })],
    [
      'base64 of a ZIP under a status line',
      (chain) => `2\n${Buffer.from(zipSync({ 'chain.p7b': pkcs7(chain) })).toString('base64')}\n`,
    ],
  ])('is read from standard input as %s.', async (_, contain) => {
    const input = contain(clean.chain);
    expect(await json(['-'], { input })).toMatchObject([
      { file: '-', fingerprintSha256: fingerprint(clean.leaf), findings: [] },
    ]);
  });

  test('is read from standard input and from files in one run.', async () => {
    const reports = await json([FILES.error, '-'], { input: pem(clean.chain) });
    expect(reports).toMatchObject([
      { file: FILES.error, publishable: false },
      { file: '-', publishable: true },
    ]);
  });

  test('is read and written in the folder of the user, although npm runs the command in the project.', async () => {
    mkdirSync(path.join(folder, 'typed-here'));
    write('typed-here/typed.pem', pem(clean.chain));
    const { status, stdout } = runProcess([...AT, '--trust', root, '--json', '--out', 'typed', 'typed.pem'], {
      env: { INIT_CWD: path.join(folder, 'typed-here') },
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: 'typed.pem', publishable: true });
    expect(readdirSync(path.join(folder, 'typed-here')).sort()).toEqual(['typed', 'typed.pem']);
  });

  test('is missing in an empty standard input.', async () => {
    expect((await trusting(['-'])).status).toBe(2);
  });

  test('is read from a file name that begins with a dash, after --.', async () => {
    write('-odd.pem', pem(clean.chain));
    expect(await json(['--', '-odd.pem'])).toMatchObject([{ file: '-odd.pem', publishable: true }]);
  });
});

describe('The exit status', () => {
  const { clean: none, warning, error, broken } = FILES;

  test.each([
    [0, '', ['-']],
    [1, '', ['-', error]],
    [2, '', ['-', broken]],
    [64, '--jsno', ['-', '--jsno']],
  ])('of the process is %i, and standard error contains "%s", for %j.', (status, expected, files) => {
    const run = runProcess([...AT, '--trust', root, ...files], { input: pem(clean.chain) });
    expect(run).toMatchObject({ status, stderr: expect.stringContaining(expected) });
    expect(run.stdout.includes('✓ publishable')).toBe(status !== 64);
    expect(run.stderr === '').toBe(status !== 64);
  });

  test.each([
    [0, [none]],
    [0, [warning]],
    [0, [none, warning]],
    [1, [error]],
    [1, [none, error]],
    [1, [error, none]],
    [2, [broken]],
    [2, [none, broken]],
    [2, [broken, none]],
    [2, [broken, error]],
    [2, [error, broken, none]],
  ])('is %i for %j.', async (status, files) => {
    expect((await trusting(files)).status).toBe(status);
  });

  test('is 2 if a file is missing, and the other files are still inspected.', async () => {
    const { status, stdout, stderr } = await trusting(['missing.pem', none]);
    expect(stdout).toMatch(/^missing\.pem\n {2}✗ UnreadableFile: the file does not exist/);
    expect(stdout).toContain('✓ publishable');
    expect(stderr).toBe('');
    expect(status).toBe(2);
  });

  test('is 2 if a folder contains no chain.', async () => {
    mkdirSync(path.join(folder, 'a-folder'));
    expect(await json(['a-folder'])).toMatchObject([
      { file: 'a-folder', error: { name: 'UnreadableFile', message: 'the folder contains no chain' } },
    ]);
    expect((await trusting(['a-folder'])).status).toBe(2);
  });
});

test('The option --help explains every option on standard output.', async () => {
  const { status, stdout, stderr } = await inspect(['--help']);
  for (const option of [
    '--json',
    '--at',
    '--domain',
    '--selector',
    '--product',
    '--trust',
    '--log',
    '--out',
    'Exit codes:',
  ]) {
    expect(stdout).toContain(option);
  }
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

describe('Wrong usage', () => {
  test.each([
    ['no file', [], ["argument 'targets'"]],
    ['only options', ['--csv'], ["argument 'targets'"]],
    ['an unknown option', ['--jsno', FILES.clean], ['--jsno']],
    ['an option without its value', [FILES.clean, '--at'], ['--at']],
    ['a value for an option that has none', ['--revocation=yes', FILES.clean], ['--revocation']],
    ['words for a date', ['--at', 'tomorrow', FILES.clean], ['--at: tomorrow', 'ISO 8601', '2026-06-01']],
    ['a month that does not exist', ['--at', '2026-13-01', FILES.clean], ['--at: 2026-13-01', '2026-06-01T12:00:00Z']],
    ['a date in another format', ['--at', '06/01/2026', FILES.clean], ['--at: 06/01/2026', 'ISO 8601']],
    ['a year alone', ['--at', '2026', FILES.clean], ['--at: 2026', 'ISO 8601']],
    ['a day that does not exist', ['--at', '2026-02-30', FILES.clean], ['--at: 2026-02-30', 'ISO 8601']],
    [
      'a mail address for a domain',
      ['--domain', 'a@example.com', FILES.clean],
      ['--domain: a@example.com', 'like example.com'],
    ],
    ['a second domain of one label', ['--domain', 'example.com', '--domain', 'com', FILES.clean], ['--domain: com']],
    ['a selector with a dot', ['--selector', 'a.b', FILES.clean], ['--selector: a.b', 'like default']],
    ['another product', ['--product', 'EV', FILES.clean], ['--product', "'EV'", 'VMC, CMC']],
    ['a product in small letters', ['--product', 'vmc', FILES.clean], ['--product', "'vmc'", 'VMC, CMC']],
    ['a key that is no key', ['--log', 'MFkw', FILES.clean], ['--log: MFkw', 'SubjectPublicKeyInfo in base64']],
    ['a short fingerprint', ['--trust', 'abcd', FILES.clean], ['--trust: abcd', '64 hex digits']],
    [
      'a fingerprint with letters that are not hex digits',
      ['--trust', 'x'.repeat(64), FILES.clean],
      ['--trust: xxx', '64 hex digits'],
    ],
    ['one folder for two files', ['--out', 'two', FILES.clean, FILES.error], ['--out', 'only one chain']],
  ])('of the kind "%s" is reported with what is accepted, and nothing is inspected.', async (_, args, expected) => {
    const { status, stdout, stderr } = await inspect(args);
    const [message = ''] = stderr.split('\n');
    for (const part of expected) {
      expect(message).toContain(part);
    }
    expect(stderr).toContain('\nNext: mark-certificates inspect --help\n');
    expect(stdout).toBe('');
    expect(status).toBe(64);
  });

  test('prints no stack.', async () => {
    expect((await inspect(['--at', 'never', 'missing.pem'])).stderr).not.toMatch(/^\s+at /m);
  });

  test('takes precedence over every problem of a file.', async () => {
    expect((await inspect([FILES.broken, FILES.error, '--product', 'EV'])).status).toBe(64);
  });
});
