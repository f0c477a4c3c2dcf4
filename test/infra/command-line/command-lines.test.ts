import { expect, test } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { PAGES, read } from '../markdown.ts';
import { commandLinesIn, problemOf } from './command-lines.ts';

test.each(PAGES)('Every command of %s is one that the program accepts.', async (file) => {
  const problems = await Promise.all(
    commandLinesIn(read(file)).map(async (words) => {
      const problem = await problemOf(words);
      return problem === undefined ? [] : [`${words.join(' ')}: ${problem}`];
    }),
  );
  expect(problems.flat()).toEqual([]);
});

test('The pages show every command.', () => {
  const shown = new Set(PAGES.flatMap((file) => commandLinesIn(read(file))).map(([name]) => name));
  expect([...shown]).toEqual(expect.arrayContaining(COMMANDS.map(({ name }) => name)));
});

test.each([
  ['an unknown command in a block', '```sh\nmark-certificates ordre 1378973013\n```', /unknown command/],
  ['an unknown option between backticks', 'Run `mark-certificates status 1 --jsno`.', /unknown option/],
  [
    'an option of another command',
    '```sh\nnpm run -s mark-certificates -- login --domain a.example\n```',
    /unknown option/,
  ],
  ['a missing argument', '1. Run:\n\n   ```sh\n   mark-certificates fetch\n   ```', /missing required argument/],
  ['a missing value', '```sh\nmark-certificates order 1 --domain\n```', /argument missing/],
  ['an argument too many', '```sh\nif x; then mark-certificates retry 1 2; fi\n```', /too many arguments/],
  ['a value that is not one of the choices', '```sh\nmark-certificates order 1 --product Vmc\n```', /--product Vmc/],
  [
    'a line that continues',
    '```sh\nnpx --package p mark-certificates \\\n  order 1 \\\n  --dmain a\n```',
    /unknown option/,
  ],
  ['a command that text wraps', 'Run `mark-certificates\nstatus 1 --now`.', /unknown option/],
  ['a printed command', 'Next:\n\n  npm run local -- mark-certificates orders --all\n', /unknown option/],
])('A text with %s is noticed.', async (_, text, expected) => {
  const [words = [], ...others] = commandLinesIn(text);
  expect(others).toEqual([]);
  expect(await problemOf(words)).toMatch(expected);
});

test.each([
  ['`mark-certificates` is the program; `mark-certificates …` runs it.', []],
  ['`mark-certificates COMMAND --help` explains one, and `mark-certificates fetch` is one.', []],
  ['```sh\nmark-certificates completion zsh >> ~/.zshrc\n```', [['completion', 'zsh']]],
  ['```sh\nmark-certificates orders --csv > a.csv; cat a.csv\n```', [['orders', '--csv']]],
  ['```sh\nmark-certificates order "$ORDER" # again\n```', [['order', '$ORDER']]],
  [
    '```sh\nmark-certificates collect ORDER --login FILE|- [--wait] [OPTION]...\n```',
    [['collect', 'ORDER', '--login', 'FILE', '--wait']],
  ],
  ['The image mark-certificates status 1 is not code.', []],
])('In this text, the commands are found as a shell reads them: %s', async (text, expected) => {
  expect(commandLinesIn(text)).toEqual(expected);
  expect(await Promise.all(commandLinesIn(text).map(problemOf))).toEqual(expected.map(() => undefined));
});

test('No page uses the AWS CLI for what a command does.', () => {
  const replaced =
    /\baws (?:events put-events|secretsmanager (?:create-secret|put-secret-value)|stepfunctions (?:redrive|describe|list)-)/;
  const lines = PAGES.filter((file) => file !== 'CHANGELOG.md').flatMap((file) => read(file).split('\n'));
  // The secret of the push URL has no command.
  const withoutCommand = /"\$PUSH_SECRET"/;
  expect(lines.filter((line) => replaced.test(line) && !withoutCommand.test(line))).toEqual([]);
});
