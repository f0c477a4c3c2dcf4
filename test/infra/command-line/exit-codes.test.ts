import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { EXIT_CODES, type ExitCode } from '../../../infra/command-line/exit-codes.ts';
import { runProgram } from '../../../infra/command-line/program.ts';
import { silentTerminal } from '../../../infra/command-line/terminal.ts';
import { prepareOrder, processing } from './collect/order.ts';
import { FILES, openFiles } from './inspected-files.ts';
import { judgementFields } from './page.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/command-line.md'), 'utf8');
const { clean, close, trusting, write } = await openFiles();
afterAll(close);

test('docs/command-line.md contains every exit code once.', () => {
  const [, section = ''] = page.split('\n## Exit codes\n');
  const [table = ''] = section.split('\n## ');
  expect([...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))).toEqual(Object.values(EXIT_CODES));
});

/** A command whose standard input fails for a reason that the program does not know. */
async function failInternally(): Promise<ExitCode> {
  const input = new Readable({ read: () => input.destroy(new Error('a fault')) });
  return runProgram(COMMANDS, '', ['inspect', '-'], { ...silentTerminal(), input });
}

const PROVOCATIONS = {
  success: async () => (await trusting([FILES.clean])).status,
  problem: async () => (await trusting([FILES.error])).status,
  unavailable: async () => (await trusting(['missing.pem'])).status,
  waiting: async () => (await (await prepareOrder([processing])).collect()).exitCode,
  usage: async () => (await trusting(['--unknown', FILES.clean])).status,
  internalError: failInternally,
} as const satisfies Record<keyof typeof EXIT_CODES, () => Promise<number | null>>;

test.each(Object.entries(PROVOCATIONS))('A command ends with the exit code "%s".', async (name, provoke) => {
  expect(await provoke()).toBe(EXIT_CODES[name as keyof typeof EXIT_CODES]);
});

/** The same of a value: the first element stands for a list. */
function fieldsOf(value: object): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const first = Array.isArray(inner) ? inner[0] : inner;
      return [name, typeof first === 'object' && first !== null ? Object.keys(first) : []];
    }),
  );
}

test('The JSON of a logo has the documented fields.', async () => {
  write('small.svg', '<svg/>');
  const { stdout } = await trusting(['--json', 'small.svg']);
  expect(fieldsOf(JSON.parse(stdout))).toEqual(judgementFields('a logo'));
});

test('The JSON of a file without a valid chain has the documented fields.', async () => {
  const { stdout } = await trusting(['--json', FILES.broken]);
  const { leaf: _, ...documented } = judgementFields('a file without a valid chain, a URL or a domain without a chain');
  const { leaf, ...fields } = JSON.parse(stdout);
  expect(fieldsOf(fields)).toEqual(documented);
  expect(leaf.fingerprintSha256).toMatch(/^[0-9a-f]{64}$/);
});

test('The JSON of a chain has the fields of a report, and the documented ones.', async () => {
  const { stdout } = await trusting(['--json', FILES.clean]);
  const { file, failures, ...report } = JSON.parse(stdout);
  expect({ file, failures }).toEqual({ file: FILES.clean, failures: [] });
  expect(report.logo.bytes).toBe(clean.svg.length);
  expect(Object.keys(judgementFields('a chain'))).toEqual(['file', 'failures']);
});
