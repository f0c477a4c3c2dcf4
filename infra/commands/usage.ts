import { realpathSync } from 'node:fs';
import { inspect, type ParseArgsConfig, parseArgs } from 'node:util';
import { CollectorError } from '../../functions/collector-error.ts';
import { printable, printableLines } from '../../functions/text.ts';

/** The exit codes of every command. 64 and 70 are those of sysexits.h. */
export const EXIT_CODES = {
  success: 0,
  /** Something is wrong with a certificate, an order or a deployment. */
  problem: 1,
  /** Something cannot be read or reached. */
  unavailable: 2,
  usage: 64,
  internalError: 70,
} as const;

/** The user typed something that the command does not accept. The message names the argument and what is accepted. */
export class UsageError extends CollectorError {
  override readonly name = 'UsageError';
}

/**
 * `parseArgs` of Node, whose errors about the arguments become usage errors.
 *
 * @throws {UsageError} for an unknown option, a missing value and the like.
 */
export function parseArguments<const Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
      // Node adds advice about arguments that begin with a hyphen. The usage follows anyway.
      throw new UsageError(error.message.split(/\.\s/)[0] ?? error.message, { cause: error });
    }
    throw error;
  }
}

/** Options of a command that passes all other arguments on to another program. */
export interface OptionsOfCommand {
  /** Options with a value, by name; each may be repeated. */
  readonly values: Readonly<Record<string, { readonly short?: string }>>;
  /** Options without a value. */
  readonly flags: Readonly<Record<string, { readonly short?: string }>>;
}

/** The options of a command, and the arguments that are not its options, in their order. */
export interface SplitArguments {
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly flags: ReadonlySet<string>;
  readonly others: readonly string[];
}

/**
 * Separates the options of a command from the arguments of the program that it runs.
 *
 * @throws {UsageError} for an option that has no value, or a flag that has one.
 */
export function splitArguments(args: readonly string[], options: OptionsOfCommand): SplitArguments {
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(Object.entries(options.values).map(([name, each]) => [name, { ...each, type: 'string' }])),
      ...Object.fromEntries(Object.entries(options.flags).map(([name, each]) => [name, { ...each, type: 'boolean' }])),
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string[]> = {};
  const flags = new Set<string>();
  const used = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || !(token.name in options.values || token.name in options.flags)) {
      continue;
    }
    used.add(token.index);
    if (token.name in options.flags) {
      if (token.value !== undefined) {
        throw new UsageError(`${token.rawName} takes no value`);
      }
      flags.add(token.name);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
      throw new UsageError(`${token.rawName} needs a value`);
    } else {
      values[token.name] = [...(values[token.name] ?? []), token.value];
      if (!token.inlineValue) {
        used.add(token.index + 1);
      }
    }
  }
  return { values, flags, others: args.filter((_, index) => !used.has(index)) };
}

/**
 * Runs a command and sets the exit code of this process. After a usage error it prints the error and the usage; after
 * any other error, which is a fault of the command itself, it prints the stack.
 *
 * @param main gets the arguments and returns the exit code.
 */
export async function runCommand(usage: string, main: (args: string[]) => Promise<number>): Promise<void> {
  process.exitCode = await exitCodeOf(usage, () => main(process.argv.slice(2)));
}

/** The exit code of a command, which prints its errors like {@link runCommand}. */
export async function exitCodeOf(usage: string, main: () => Promise<number>): Promise<number> {
  try {
    return await main();
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${printable(error.message)}\n\n${usage}`);
      return EXIT_CODES.usage;
    }
    console.error(`Internal error: ${printableLines(inspect(error))}`);
    return EXIT_CODES.internalError;
  }
}

/** Whether Node runs this file (an absolute path) as its program. If not, a test imports it. */
export function isProgram(file: string): boolean {
  const [, program] = process.argv;
  return program !== undefined && realpathSync(program) === file;
}
