import { inspect } from 'node:util';
import { Command, CommanderError, Help, type Option, type OptionValues } from 'commander';
import { printable, printableJson } from '../../functions/text.ts';
import { CommandError, UsageError } from './errors.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** The name that users type. */
export const PROGRAM = 'mark-certificates';

const EXIT_CODES_HELP = `
Exit codes:
  0   done, and nothing is wrong
  1   something is wrong with a certificate, an order or a deployment
  2   something cannot be read, written or reached
  3   the order still waits, for the CA or for a person
  64  wrong usage
  70  internal error`;

interface Example {
  readonly line: string;
  readonly does: string;
}

/** A command without its action: what help and completion show. Actions are loaded when the command runs. */
export interface CommandDefinition<Arguments extends readonly unknown[] = readonly unknown[]> {
  /** Adds arguments and options. */
  readonly define: (command: Command) => Command;
  readonly name: string;
  readonly description: string;
  /** Command lines without the name of the program, each with what it does. At least two. */
  readonly examples: readonly Example[];
  /** Runs the command. The arguments are those that `define` added, and then the options. */
  run(terminal: Terminal, ...values: Arguments): Promise<ExitCode>;
}

/**
 * The program with its commands. Only definitions are loaded.
 *
 * @param finish receives the exit code of the command that ran.
 */
export function createProgram(
  commands: readonly CommandDefinition[],
  version: string,
  terminal: Terminal,
  finish: (exitCode: ExitCode) => void,
): Command {
  const program = new Command(PROGRAM)
    .description('Collects and checks mark certificates: the certificates behind the logo beside an e-mail (BIMI).')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText(
      'after',
      `${EXIT_CODES_HELP}\n\nTo see the options and examples of a command: ${PROGRAM} COMMAND --help`,
    );
  for (const definition of commands) {
    const { name, description, examples } = definition;
    const command = definition
      .define(new Command(name))
      .description(description)
      .option('--json', 'print the result as JSON')
      .helpOption('-h, --help', 'print this help')
      .addHelpText(
        'after',
        () =>
          `\nExamples:\n${examples.map((example) => describeExample(example, terminal)).join('\n')}\n${EXIT_CODES_HELP}`,
      )
      // The last argument is the command itself.
      .action(async (...values) => finish(await definition.run(terminal, ...values.slice(0, -1))));
    program.addCommand(command);
  }
  return configure(program, terminal);
}

/** An example of the help: the line to type as it is, and below it what it does, in lines that fit into the terminal. */
function describeExample({ line, does }: Example, { columns = DEFAULT_COLUMNS }: Terminal): string {
  const lines = new Help().boxWrap(does, columns - INDENT.length).split('\n');
  return [`  ${PROGRAM} ${line}`, ...lines.map((each) => INDENT + each)].join('\n');
}

/** The width of a help without a terminal, as commander has it. */
const DEFAULT_COLUMNS = 80;
const INDENT = ' '.repeat(6);

/** Errors are thrown, and nothing is written past the terminal. */
function configure(program: Command, { print, note }: Terminal): Command {
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => print(text.trimEnd()),
        writeErr: (text) => note(text.trimEnd()),
        // The handler of errors prints them.
        outputError: () => {},
      })
      .allowExcessArguments(false);
  }
  return program;
}

/** Runs the program with the arguments of a user. It never rejects. */
export async function runProgram(
  commands: readonly CommandDefinition[],
  version: string,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.success;
  try {
    const program = createProgram(commands, version, terminal, (code) => {
      exitCode = code;
    });
    if (args.length === 0) {
      program.outputHelp();
      return EXIT_CODES.usage;
    }
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const command = commands.find(({ name }) => name === args[0])?.name;
    return reportError(error, command, args.includes('--json'), terminal);
  }
}

function reportError(
  error: unknown,
  command: string | undefined,
  asJson: boolean,
  { print, note }: Terminal,
): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) {
    // Help or version was printed.
    return EXIT_CODES.success;
  }
  const { exitCode, name, message, next } = describe(error, command);
  if (asJson) {
    print(printableJson(JSON.stringify({ error: { name, message, next } })));
  } else {
    note(`${message}${next === undefined ? '' : `\nNext: ${next}`}`);
  }
  return exitCode;
}

interface Failure {
  readonly exitCode: ExitCode;
  readonly name: string;
  readonly message: string;
  readonly next?: string | undefined;
}

function describe(error: unknown, command: string | undefined): Failure {
  const help = [PROGRAM, ...(command === undefined ? [] : [command]), '--help'].join(' ');
  if (error instanceof CommanderError) {
    return {
      exitCode: EXIT_CODES.usage,
      name: 'UsageError',
      message: inOneLine(error.message),
      next: help,
    };
  }
  if (error instanceof UsageError) {
    return { exitCode: EXIT_CODES.usage, name: error.name, message: error.message, next: help };
  }
  if (error instanceof CommandError) {
    return error;
  }
  return { exitCode: EXIT_CODES.internalError, name: 'InternalError', message: `Internal error: ${inspect(error)}` };
}

/** A message of commander: it quotes what the user typed, and its advice is on a separate line. */
function inOneLine(message: string): string {
  return printable(message.replace(/^error: /, '').replace(/\n(\(Did you mean [^\n]*\))$/, ' $1'));
}

/** Values for the help and the completion of an option that the command checks itself, together with other options. */
export function withChoices(option: Option, choices: readonly string[]): Option {
  option.argChoices = [...choices];
  return option;
}

/** An option that every command about a deployed collector has. */
export interface CollectorOptions extends OptionValues {
  readonly collector?: string | undefined;
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

/** Adds the options that select a deployed collector. */
export function withCollectorOptions(command: Command): Command {
  return command
    .option(
      '--collector <name>',
      'the name of the collector (default: that in cdk.json, or mark-certificate-collector)',
    )
    .option('--profile <profile>', 'the AWS profile (default: AWS_PROFILE, or the credentials in the environment)')
    .option('--region <region>', 'the AWS region (default: AWS_REGION, or the region of the profile)');
}
