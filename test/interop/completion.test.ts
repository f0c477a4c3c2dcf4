/** The completion scripts in the shells themselves. test/infra/command-line/completion.test.ts tests bash. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../infra/command-line/commands.ts';
import { beginningOf, listedChoices } from '../infra/command-line/choices.ts';
import { run } from '../infra/command-line/run.ts';
import { installPackages } from './debian.ts';

/** Shells that are not installed are unpacked here. zsh-static contains its modules, and so needs no path to them. */
const SHELLS = join(import.meta.dirname, '..', '..', '.local', 'interop', 'shells');
const PACKAGES = {
  names: ['zsh-static', 'zsh-common', 'fish', 'fish-common', 'libpcre2-32-0'],
  withDependencies: false,
};

const TYPE_IN_ZSH = join(import.meta.dirname, 'type_in_zsh.py');

/** The variables with which the shells are found. */
let environment: NodeJS.ProcessEnv = process.env;
/** The folder with the scripts, and the folder in which a person types. */
let scripts: string;
let folder: string;

const isInstalled = (shell: string) => spawnSync(shell, ['-c', 'true'], { env: environment }).status === 0;

/** @throws {Error} if a shell is neither installed nor can be downloaded. */
async function installShells(): Promise<void> {
  await installPackages(SHELLS, PACKAGES, async () => {
    // fish finds its functions if both folders are beside its own.
    symlinkSync(join(SHELLS, 'etc'), join(SHELLS, 'usr', 'etc'));
    const zsh = ['bin', join('usr', 'bin')].map((path) => join(SHELLS, path, 'zsh-static')).find(existsSync) ?? '';
    symlinkSync(zsh, join(SHELLS, 'usr', 'bin', 'zsh'));
  });
  const libraries = readdirSync(join(SHELLS, 'usr', 'lib')).map((name) => join(SHELLS, 'usr', 'lib', name));
  environment = {
    ...process.env,
    PATH: [join(SHELLS, 'usr', 'bin'), process.env.PATH].join(delimiter),
    LD_LIBRARY_PATH: libraries.join(delimiter),
    FPATH: foldersIn(join(SHELLS, 'usr', 'share', 'zsh', 'functions')).join(delimiter),
  };
}

/** A folder and all folders in it. */
function foldersIn(folder: string): string[] {
  const inner = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isDirectory());
  return [folder, ...inner.map(({ parentPath, name }) => join(parentPath, name))];
}

beforeAll(async () => {
  if (!['zsh', 'fish'].every(isInstalled)) {
    await installShells();
  }
  scripts = mkdtempSync(join(tmpdir(), 'completion-'));
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'chain.pem'), '');
  for (const shell of ['zsh', 'fish']) {
    writeFileSync(join(scripts, shell), (await run(['completion', shell])).out);
  }
});

afterAll(() => {
  rmSync(scripts, { recursive: true });
  rmSync(folder, { recursive: true });
});

function runShell(program: string, args: readonly string[]): string {
  const { stdout, status, stderr } = spawnSync(program, args, {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** The completions that fish offers after the name of the program. */
function completeInFish(typed: string): string[] {
  const out = runShell('fish', [
    '--no-config',
    '-c',
    'source $argv[1]; complete -C "$argv[2]"',
    join(scripts, 'fish'),
    `mark-certificates ${typed}`,
  ]);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '');
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
  const out = runShell('python3', [TYPE_IN_ZSH, join(scripts, 'zsh'), `mark-certificates ${typed}`]);
  expect(out).toBe(`mark-certificates ${expected}\n`);
});

test('zsh completes every value that the help of a command lists.', async () => {
  const cases = (await listedChoices()).flatMap(({ command, option, choices }) =>
    choices.flatMap((choice) => {
      // zsh adds a space if no other value begins like this one.
      const isComplete = choices.every((other) => other === choice || !other.startsWith(choice));
      const line = `mark-certificates ${command} ${option} `;
      return [[line + beginningOf(choice, choices), line + choice + (isComplete ? ' ' : '')] as const];
    }),
  );
  const out = runShell('python3', [TYPE_IN_ZSH, join(scripts, 'zsh'), ...cases.map(([typed]) => typed)]);
  expect(out.split('\n').slice(0, -1)).toEqual(cases.map(([, expected]) => expected));
});

test('fish completes every value that the help of a command lists.', async () => {
  for (const { command, option, choices } of await listedChoices()) {
    expect(completeInFish(`${command} ${option} `).toSorted()).toEqual(choices.toSorted());
  }
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
  expect(completeInFish(typed).toSorted()).toEqual(expected.toSorted());
});
