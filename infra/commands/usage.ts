import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CollectorError } from '../../functions/collector-error.ts';

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
      throw new UsageError(error.message.split('. ')[0] ?? error.message, { cause: error });
    }
    throw error;
  }
}

/**
 * Runs a command and sets the exit code of this process. After a usage error it prints the error and the usage; after
 * any other error, which is a fault of the command itself, it prints the stack.
 *
 * @param main gets the arguments and returns the exit code.
 */
export async function runCommand(usage: string, main: (args: string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`);
      process.exitCode = EXIT_CODES.usage;
    } else {
      console.error('Internal error:', error);
      process.exitCode = EXIT_CODES.internalError;
    }
  }
}
