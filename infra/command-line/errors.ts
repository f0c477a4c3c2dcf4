import { CollectorError } from '../../functions/collector-error.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';

/** A command cannot do what the user asked for. */
export class CommandError extends CollectorError {
  override readonly name: string = 'CommandError';
  readonly exitCode: ExitCode;
  /** What the user can do now, as a sentence or as a command to copy. */
  readonly next: string;

  constructor(message: string, { exitCode, next, cause }: { exitCode: ExitCode; next: string; cause?: unknown }) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** The user typed something that the command does not accept. The message names the argument and what is accepted. */
export class UsageError extends CollectorError {
  override readonly name = 'UsageError';
  readonly exitCode = EXIT_CODES.usage;
}
