/** The completion scripts in the shells themselves. test/infra/command-line/completion.test.ts tests bash. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../infra/command-line/commands.ts';
import { run } from '../infra/command-line/run.ts';

/** The folder with the scripts, and the folder in which a person types. */
let scripts: string;
let folder: string;

beforeAll(async () => {
  scripts = mkdtempSync(join(tmpdir(), 'completion-'));
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'chain.pem'), '');
  for (const shell of ['zsh', 'fish']) {
    writeFileSync(join(scripts, shell), (await run(['completion', shell])).out);
  }
  writeFileSync(join(scripts, 'type.zsh'), TYPE_IN_ZSH);
});

afterAll(() => {
  rmSync(scripts, { recursive: true });
  rmSync(folder, { recursive: true });
});

/** Types a text and a tab into an interactive zsh, and prints the command line after it. */
const TYPE_IN_ZSH = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source $1; zstyle ':completion:*' menu no; unsetopt beep; \\
report() { print -r -- \\"LINE<\\$BUFFER>\\"; BUFFER= }; zle -N report; bindkey '^X' report; print READY"
zpty -r -m z out '*READY*'
zpty -w -n z "$2"$'\\t\\x18'
zpty -r -m z out '*LINE<*>*'
print -r -- "\${\${out##*LINE<}%>*}"
zpty -d z
`;

function runShell(shell: 'zsh' | 'fish', args: readonly string[]): string {
  const { stdout, status, error, stderr } = spawnSync(shell, args, { cwd: folder, encoding: 'utf8', timeout: 30_000 });
  if (error && 'code' in error && error.code === 'ENOENT') {
    throw new Error(`${shell} is not installed; install it, for example with: apt-get install ${shell}`);
  }
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

test.each([
  ['insp', 'inspect '],
  ['inspect --prod', 'inspect --product='],
  ['inspect --product V', 'inspect --product VMC '],
  ['inspect --product=C', 'inspect --product=CMC '],
  ['inspect --csv --fail-on w', 'inspect --csv --fail-on warning '],
  ['inspect c', 'inspect chain.pem '],
  ['inspect chain.pem a', 'inspect chain.pem a-folder/'],
  ['inspect --out ', 'inspect --out a-folder/'],
  ['completion z', 'completion zsh '],
  ['--ver', '--version '],
])('zsh completes "%s" to "%s".', (typed, expected) => {
  const out = runShell('zsh', ['-f', join(scripts, 'type.zsh'), join(scripts, 'zsh'), `mark-certificates ${typed}`]);
  expect(out).toBe(`mark-certificates ${expected}\n`);
});

test.each([
  ['', COMMANDS.map(({ name }) => name)],
  ['insp', ['inspect']],
  ['inspect --prod', ['--product']],
  ['inspect --product ', ['VMC', 'CMC']],
  ['inspect --product=C', ['--product=CMC']],
  ['inspect --at ', []],
  ['inspect ', ['a-folder/', 'chain.pem']],
  ['inspect --out ', ['a-folder/']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['--', ['--help', '--version']],
])('fish completes "%s" as %j.', (typed, expected) => {
  const out = runShell('fish', [
    '--no-config',
    '-c',
    'source $argv[1]; complete -C "$argv[2]"',
    join(scripts, 'fish'),
    `mark-certificates ${typed}`,
  ]);
  const words = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0]);
  expect(words.toSorted()).toEqual(expected.toSorted());
});
