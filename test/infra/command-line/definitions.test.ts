import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LOOKUP_FINDINGS } from '../../../functions/survey/look-up.ts';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import { type CommandDefinition, createProgram } from '../../../infra/command-line/program.ts';
import { silentTerminal } from '../../../infra/command-line/terminal.ts';
import { problemOf, wordsOf } from './command-lines.ts';
import { stubAws } from './deployed.ts';
import { run } from './run.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/command-line.md'), 'utf8');
const byName = COMMANDS.map((definition) => [definition.name, definition] as const);

/** The part of the page about a command. */
const sectionOf = (name: string) =>
  page.split(/^## /m).find((section) =>
    section
      .split('\n', 1)[0]
      ?.match(/[a-z-]+/g)
      ?.includes(name),
  ) ?? '';

function programOf(commands: readonly CommandDefinition[]) {
  return createProgram(commands, '', silentTerminal(), () => {});
}

test.each(byName)('The command %s has at least two examples, which the program accepts.', async (name, definition) => {
  expect(definition.examples.length).toBeGreaterThanOrEqual(2);
  for (const { line, does } of definition.examples) {
    const words = wordsOf(line);
    expect(words[0]).toBe(name);
    expect(await problemOf(words), line).toBeUndefined();
    expect(does).not.toBe('');
  }
});

test.each(byName)('The help of %s contains its examples.', async (name, { examples }) => {
  const { exitCode, out } = await run([name, '--help']);
  expect(exitCode).toBe(EXIT_CODES.success);
  for (const { line } of examples) {
    expect(out).toContain(`  mark-certificates ${line}\n`);
  }
});

test.each([['the program', []] as const, ...byName.map(([name]) => [name, [name]] as const)])(
  'The help of %s fits into 80 columns, but for command lines to copy.',
  async (_, words) => {
    const { out } = await run([...words, '--help']);
    const lines = out.split('\n').filter((line) => !line.startsWith('  mark-certificates '));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.length).toBeGreaterThan(10);
  },
);

test.each(byName)(
  'docs/command-line.md has a section about %s with two examples and every option.',
  (name, definition) => {
    const section = sectionOf(name);
    expect(section.match(new RegExp(`^mark-certificates ${name}\\b`, 'gm'))?.length).toBeGreaterThanOrEqual(2);
    const [command] = programOf([definition]).commands;
    const common = page.slice(0, page.indexOf('\n## Exit codes'));
    for (const { long } of command?.options ?? []) {
      expect(section + common).toMatch(new RegExp(`${long}(?![a-z-])`));
    }
  },
);

test.each(byName)(
  'Every choice of an option of %s is in the help and in an error about another value.',
  async (name, definition) => {
    const [command] = programOf([definition]).commands;
    const [example] = definition.examples;
    const { out } = await run([name, '--help']);
    for (const { long, argChoices = [] } of command?.options.filter((option) => option.argChoices) ?? []) {
      const { exitCode, err } = await run([...wordsOf(example?.line ?? ''), `${long}=other`]);
      for (const choice of argChoices) {
        expect(out).toContain(`"${choice}"`);
        expect(err).toContain(choice);
        expect(exitCode).toBe(EXIT_CODES.usage);
      }
    }
  },
);

test.each(byName)(
  'An option of %s whose error lists every accepted value has them as choices.',
  async (_, definition) => {
    stubAws({ AWS_REGION: 'eu-central-1' });
    // An option can name a file that the command writes.
    const folder = await mkdtemp(join(tmpdir(), 'definitions-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [command] = programOf([definition]).commands;
    const [example] = definition.examples;
    for (const { long, required, argChoices } of command?.options ?? []) {
      const words = [...wordsOf(example?.line ?? ''), `${long}=other_value`];
      const { err } = required ? await run(words, { folder }) : { err: '' };
      const [, list] = /(?:accepted:|choices are) ([\w-]+(?:, [\w-]+)*)\.?$/m.exec(err) ?? [];
      expect(argChoices, `${long}: ${err}`).toEqual(list?.split(', '));
    }
  },
);

test('docs/command-line.md contains every finding of a look-up with its severity.', () => {
  const rows = [...sectionOf('inspect').matchAll(/^\| `([a-z-]+)` \| (error|warning) \|/gm)];
  expect(Object.fromEntries(rows.map(([, id, severity]) => [id, severity]))).toEqual(LOOKUP_FINDINGS);
});
