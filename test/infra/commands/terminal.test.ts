import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { runProgram } from '../../../infra/command-line/program.ts';
import { openTerminal } from '../../../infra/command-line/terminal.ts';
import type { SubjectAttribute } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';
import { captureOutput } from '../../lambda.ts';

const PROGRAM = path.join(import.meta.dirname, '../../../infra/command-line/main.ts');

/** A text that clears the terminal with C0 and C1, reverses the next characters, and forges lines. */
const FOREIGN = 'Brand\x1b[2J\u009b2J\u202Egnp.\u2066\u200b\u2028\u0085\r\n  \u2713 publishable\x07';

/** Every control but the newline, every invisible character and every other line end. */
const RAW = /[^\P{Control}\n]|[\p{Format}\p{Surrogate}\u2028\u2029]/u;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'terminal-'));
  const foreign = (usual: readonly SubjectAttribute[]) => usual.map((each) => ({ ...each, value: FOREIGN }));
  const authority = await openAuthority();
  const { chain, leaf } = authority.with({ root: { attributes: foreign }, issuing: { attributes: foreign } }).issue({
    domains: [`${FOREIGN}.example`],
    attributes: (usual) => [...foreign(usual), { oid: oid.markType, value: FOREIGN }],
    svg: `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><title>x</title><image href="http://\u009b\u202E"/></svg>`,
  });
  writeFileSync(path.join(folder, 'chain.pem'), pem(chain));
  writeFileSync(path.join(folder, 'leaf.pem'), pem([leaf]));
  writeFileSync(path.join(folder, `other${FOREIGN.replaceAll('/', '')}.pem`), pem(chain));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command in this process, on the terminal that the process of the command has. */
async function inspect(...args: readonly string[]): Promise<string> {
  vi.stubEnv('INIT_CWD', folder);
  vi.stubEnv('NO_COLOR', '1');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const output = captureOutput();
  await runProgram(COMMANDS, '', ['inspect', ...args], openTerminal());
  return output.text();
}

function inspectAsProcess(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'inspect', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, INIT_CWD: folder, NO_COLOR: '1' },
  });
  return stdout + stderr;
}

describe('Text from outside is printable on the terminal:', () => {
  const name = `other${FOREIGN}.pem`;
  const expectPrintable = (printed: string) => {
    expect(printed).toMatch(/2J/);
    expect(printed).not.toMatch(RAW);
    expect(printed).not.toMatch(/^ *\u2713 publishable/m);
  };

  test.each([
    ['the report of a chain', ['chain.pem']],
    ['the report as JSON', ['--json', 'chain.pem']],
    ['the report of a leaf without its issuer', ['leaf.pem']],
    ['the same as JSON', ['--json', 'leaf.pem']],
    ['the name of a file', [name]],
    ['the name of a file as JSON', ['--json', name]],
    ['the name of a file that does not exist', [`${FOREIGN}.pem`]],
    ['the value of an option', ['--product', FOREIGN, 'chain.pem']],
    ['the name of an option', [`--${FOREIGN}`, 'chain.pem']],
  ])('in %s.', async (_, args) => {
    expectPrintable(await inspect(...args));
  });

  test('in everything that a process prints.', () => {
    expectPrintable(inspectAsProcess('chain.pem', 'leaf.pem', name, `${FOREIGN}.pem`));
  });
});

test('JSON on the terminal keeps the exact values.', async () => {
  const { attributes } = JSON.parse(await inspect('--json', 'chain.pem'));
  expect(attributes.organizationName).toEqual([FOREIGN]);
});
