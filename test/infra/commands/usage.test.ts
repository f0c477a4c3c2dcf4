import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES, parseArguments, splitArguments, UsageError } from '../../../infra/commands/usage.ts';
import { runHere } from './run.ts';

const MODULE = join(import.meta.dirname, '../../../infra/commands/usage.ts');

/** Runs a command whose main function has this body as a process. */
function runCommand(body: string, args: readonly string[] = []) {
  const program = `
    import { EXIT_CODES, parseArguments, runCommand, UsageError } from '${MODULE}';
    await runCommand('THE USAGE', async (args) => { ${body} });
  `;
  return spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', program, '--', 'script', ...args], {
    encoding: 'utf8',
  });
}

const known = async (args: string[]) => {
  parseArguments({ args, options: { known: { type: 'string' } } });
  return EXIT_CODES.success;
};

const runMain = (main: (args: string[]) => Promise<number>, args: readonly string[] = []) =>
  runHere({ USAGE: 'THE USAGE', main }, args);

describe('A command', () => {
  test('ends with the exit code that its main function returns.', () => {
    expect(runCommand('return EXIT_CODES.problem;')).toMatchObject({ status: 1, stdout: '', stderr: '' });
  });

  test('gets its arguments.', () => {
    expect(runCommand('console.log(args); return 0;', ['one', '--two']).stdout).toBe("[ 'one', '--two' ]\n");
  });

  test('prints a usage error with the usage, without a stack, and ends with 64.', () => {
    const { status, stdout, stderr } = runCommand("throw new UsageError('no FILE is given');");
    expect({ status, stdout, stderr }).toEqual({ status: 64, stdout: '', stderr: 'no FILE is given\n\nTHE USAGE\n' });
  });

  test.each([
    ['an unknown option', ['--unknown'], '--unknown'],
    ['a missing value', ['--known'], '--known'],
    ['a value that begins with a hyphen', ['--known', '-value'], "Option '--known' argument is ambiguous\n\n"],
    ['an unexpected argument', ['extra'], 'extra'],
  ])('ends with 64 for %s.', async (_, args, expected) => {
    const { status, stderr } = await runMain(known, args);
    expect(status).toBe(64);
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/\n\nTHE USAGE\n$/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('ends with 0 for known options.', async () => {
    expect(await runMain(known, ['--known', 'value'])).toMatchObject({ status: 0, stderr: '' });
  });

  test.each<[string, (args: string[]) => unknown, expected: string]>([
    ['a RangeError', () => 'x'.repeat(-1), 'RangeError: Invalid count value: -1'],
    ['an error of Node', (args) => new URL(String(args)), 'ERR_INVALID_URL'],
    [
      'an error with the code of parseArgs from elsewhere',
      () => {
        throw Object.assign(new TypeError('elsewhere'), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' });
      },
      'ERR_PARSE_ARGS_UNKNOWN_OPTION',
    ],
    [
      'a wrong configuration of parseArguments',
      // @ts-expect-error: there is no such type.
      (args) => parseArguments({ args, options: { x: { type: 'number' } } }),
      'ERR_',
    ],
    [
      'a value that is no error',
      () => {
        throw 'a text';
      },
      'a text',
    ],
  ])('prints the stack of an internal error and ends with 70: %s.', async (_, fail, expected) => {
    const { status, stderr } = await runMain(async (args) => {
      fail(args);
      return EXIT_CODES.success;
    });
    expect(status).toBe(70);
    expect(stderr).toMatch(/^Internal error: /);
    expect(stderr).toContain(expected);
    expect(stderr).not.toContain('THE USAGE');
  });

  test('prints the stack of an internal error.', () => {
    expect(runCommand("throw new RangeError('a fault');").stderr).toMatch(/^\s+at /m);
  });
});

describe('Arguments for a command and for the program that it runs', () => {
  const OPTIONS = { values: { remove: {}, context: { short: 'c' } }, flags: { yes: { short: 'y' } } };

  test.each([
    { args: [], values: {}, flags: [], others: [] },
    { args: ['--remove', 'a', '--remove=b'], values: { remove: ['a', 'b'] }, flags: [], others: [] },
    { args: ['-c', 'a=b=c', '-cd=e'], values: { context: ['a=b=c', 'd=e'] }, flags: [], others: [] },
    { args: ['--yes', 'Stack'], values: {}, flags: ['yes'], others: ['Stack'] },
    {
      args: ['--require-approval', 'never', '-c', 'a=b', '-v', '--outputs-file=x'],
      values: { context: ['a=b'] },
      flags: [],
      others: ['--require-approval', 'never', '-v', '--outputs-file=x'],
    },
  ])('are separated, and keep their order: $args.', ({ args, values, flags, others }) => {
    const split = splitArguments(args, OPTIONS);
    expect({ ...split, flags: [...split.flags] }).toEqual({ values, flags, others });
  });

  test.each([
    [['--remove'], '--remove needs a value'],
    [['-c'], '-c needs a value'],
    [['--remove', '--yes'], '--remove needs a value'],
    [['--yes=no'], '--yes takes no value'],
  ])('are refused if a value is missing or unexpected: %j.', (args, message) => {
    expect(() => splitArguments(args, OPTIONS)).toThrow(new UsageError(message));
  });
});
