import { describe, expect, test } from 'vitest';
import { CommandError, UsageError } from '../../../infra/command-line/errors.ts';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import type { CommandDefinition } from '../../../infra/command-line/program.ts';
import { run } from './run.ts';

const ask: CommandDefinition<[string, { color?: string }]> = {
  name: 'ask',
  description: 'Asks something.',
  examples: [
    { line: 'ask why', does: 'asks why' },
    { line: 'ask how --color red', does: 'asks in red' },
  ],
  define: (command) => command.argument('<question>').option('--color <color>', 'a color'),
  async run({ print }, question, { color }) {
    if (question === 'never') {
      throw new CommandError('There is no answer.', { exitCode: EXIT_CODES.waiting, next: 'wait' });
    }
    if (question === 'wrong') {
      throw new UsageError('question: wrong is not accepted; accepted: why, how');
    }
    if (question === 'broken') {
      throw new TypeError('a fault');
    }
    print(`${question} ${color}`);
    return EXIT_CODES.problem;
  },
};
const runAsk = (...args: string[]) => run(args, { commands: [ask] });

describe('The program', () => {
  test('It runs a command with its arguments and options, and ends with its exit code.', async () => {
    expect(await runAsk('ask', 'how', '--color', 'red')).toEqual({ exitCode: 1, out: 'how red\n', err: '' });
  });

  test('Without a command it prints the help and ends as wrong usage.', async () => {
    const { exitCode, out } = await runAsk();
    expect(exitCode).toBe(EXIT_CODES.usage);
    expect(out).toContain('ask');
    expect(out).toContain('Asks something.');
  });

  test.each([[['--help']], [['ask', '--help']], [['--version']]])('It ends normally after %j.', async (args) => {
    const { exitCode, out, err } = await runAsk(...args);
    expect(exitCode).toBe(EXIT_CODES.success);
    expect(out).not.toBe('');
    expect(err).toBe('');
  });

  test('The help of a command contains its examples with the name of the program, and --json.', async () => {
    const { out } = await runAsk('ask', '--help');
    expect(out).toContain('  mark-certificates ask how --color red\n      asks in red\n');
    expect(out).toContain('--json');
  });

  test.each([
    [['ask'], /question/],
    [['ask', 'how', 'why'], /too many arguments/],
    [['ask', 'how', '--colour'], /--colour/],
    [['ask', 'how', '--color'], /argument missing/],
    [['answer'], /answer/],
    [['ask', 'wrong'], /question: wrong is not accepted; accepted: why, how/],
  ])('Wrong usage is an error that names what is wrong, and the help: %j', async (args, message) => {
    const { exitCode, out, err } = await runAsk(...args);
    expect(exitCode).toBe(EXIT_CODES.usage);
    expect(out).toBe('');
    expect(err).toMatch(message);
    expect(err).toContain(`Next: mark-certificates ${args[0] === 'ask' ? 'ask ' : ''}--help`);
  });

  test.each([
    [['ask', 'how', '--colr'], "unknown option '--colr' (Did you mean --color?)"],
    [['ask', '--a\nb\u{1B}[2J'], "unknown option '--a\\u{A}b\\u{1B}[2J'"],
    [['as\n\u202Ek'], "unknown command 'as\\u{A}\\u{202E}k' (Did you mean ask?)"],
  ])('A message about wrong usage is one printable line: %j', async (args, message) => {
    const { err } = await runAsk(...args);
    expect(err.split('\n')).toEqual([message, expect.stringMatching(/^Next: mark-certificates /), '']);
  });

  test('An error states the next step, and determines the exit code.', async () => {
    expect(await runAsk('ask', 'never')).toEqual({
      exitCode: EXIT_CODES.waiting,
      out: '',
      err: 'There is no answer.\nNext: wait\n',
    });
  });

  test('With --json, an error is a JSON object on standard output.', async () => {
    const { exitCode, out, err } = await runAsk('ask', 'never', '--json');
    expect(exitCode).toBe(EXIT_CODES.waiting);
    expect(JSON.parse(out)).toEqual({ error: { name: 'CommandError', message: 'There is no answer.', next: 'wait' } });
    expect(err).toBe('');
  });

  test('A fault of the program is an internal error with its stack.', async () => {
    const { exitCode, err } = await runAsk('ask', 'broken');
    expect(exitCode).toBe(EXIT_CODES.internalError);
    expect(err).toMatch(/Internal error: TypeError: a fault\n {4}at /);
  });
});
