import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { SHELLS } from '../../../infra/command-line/completion/words.ts';
import { listedChoices } from './choices.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
mkdirSync(join(folder, 'a folder'));
writeFileSync(join(folder, 'a chain.pem'), '');
writeFileSync(join(folder, 'b*'), '');
afterAll(() => rmSync(folder, { recursive: true }));

const scripts = mkdtempSync(join(tmpdir(), 'completion-'));
const script = join(scripts, 'bash');
writeFileSync(script, (await run(['completion', 'bash'])).out);
afterAll(() => rmSync(scripts, { recursive: true }));

/** The completions that bash offers at the end of a command line. Its words are separated by spaces and by `=`. */
function complete(line: string): string[] {
  const words = line.split(/ |(=)/).filter((word) => word !== undefined);
  const { stdout, stderr, error } = spawnSync(
    'bash',
    [
      '--noprofile',
      '--norc',
      '-c',
      `source "$0"\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_mark_certificates\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
      script,
      ...words,
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  if (error) {
    throw new Error('bash cannot be started; install it, for example with: apt-get install bash', { cause: error });
  }
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .filter((word) => word !== '')
    .toSorted();
}

describe('bash completes', () => {
  test('the commands.', () => {
    expect(complete('mark-certificates ')).toEqual(COMMANDS.map(({ name }) => name).toSorted());
    expect(complete('mark-certificates insp')).toEqual(['inspect']);
  });

  test.each([
    ['mark-certificates --', ['--help', '--version']],
    ['mark-certificates inspect --min', ['--min-days']],
    ['mark-certificates inspect --product ', ['CMC', 'VMC']],
    ['mark-certificates inspect --product V', ['VMC']],
    ['mark-certificates inspect --product=', ['CMC', 'VMC']],
    ['mark-certificates inspect --product=C', ['CMC']],
    ['mark-certificates inspect --product VMC --fail-on ', ['error', 'warning']],
    ['mark-certificates inspect chain.pem --fail-on=w', ['warning']],
    ['mark-certificates inspect --at ', []],
    ['mark-certificates inspect ', ['a chain.pem', 'a folder', 'b*']],
    ['mark-certificates inspect --at 2026-01-01 --csv first.pem a', ['a chain.pem', 'a folder']],
    ['mark-certificates inspect --out ', ['a folder']],
    ['mark-certificates completion ', ['bash', 'fish', 'zsh']],
    ['mark-certificates completion zsh ', []],
    ['mark-certificates unknown ', []],
  ])('%j as %j.', (line, expected) => {
    expect(complete(line)).toEqual(expected);
  });

  test('every value that the help of a command lists.', async () => {
    const listed = await listedChoices();
    expect(listed.map(({ command, option }) => `${command} ${option}`)).toEqual(
      expect.arrayContaining(['collect --format', 'inspect --fail-on', 'order --product', 'down --remove']),
    );
    for (const { command, option, choices } of listed) {
      for (const joint of [' ', '=']) {
        expect(complete(`mark-certificates ${command} ${option}${joint}`)).toEqual(choices.toSorted());
      }
    }
  });

  test('every option of every command.', async () => {
    for (const { name } of COMMANDS) {
      const { out } = await run([name, '--help']);
      const options = [
        ...new Set(out.match(/^ {2}(?:-\w, )?--[a-z-]+/gm)?.map((line) => line.trim().split(', ').at(-1))),
      ];
      expect(options).toContain('--json');
      expect(complete(`mark-certificates ${name} --`)).toEqual(options.toSorted());
    }
  });
});

test.each(SHELLS)('With --json, the script of %s is in an object.', async (shell) => {
  const { out } = await run(['completion', shell]);
  expect(JSON.parse((await run(['completion', shell, '--json'])).out)).toEqual({ shell, script: out.trimEnd() });
  for (const { name } of COMMANDS) {
    expect(out).toContain(name);
  }
});

test('The scripts of zsh and fish contain every value that the help of a command lists.', async () => {
  const zsh = (await run(['completion', 'zsh'])).out;
  const fish = (await run(['completion', 'fish'])).out.split('\n');
  for (const { command, option, choices } of await listedChoices()) {
    const [, ofCommand = ''] = zsh.split(`\n        ${command})\n`);
    const [specs = ''] = ofCommand.split(';;');
    expect(specs).toMatch(new RegExp(`'\\*${option}=.*:value:\\(${choices.join(' ')}\\)'`));
    const line = fish.find((each) => each.includes(`_command ${command}'`) && each.includes(` -l ${option.slice(2)} `));
    expect(line).toContain(`-x -a '${choices.join(' ')}'`);
  }
});

test('Another shell is wrong usage.', async () => {
  const { exitCode, err } = await run(['completion', 'csh']);
  expect(err).toMatch(/'csh'.*bash, zsh, fish/);
  expect(exitCode).toBe(64);
});
