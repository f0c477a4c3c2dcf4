import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { printable, printableLines } from '../../functions/text.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { describeCode } from './system-error.ts';

/** Where a command reads and writes, and how it waits. Tests pass their own. */
export interface Terminal {
  /** Standard input. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Prints results on standard output. What is not printable in the text is escaped. */
  readonly print: (text: string) => void;
  /** Prints results that may contain colours. The caller escapes what is not printable in texts from outside. */
  readonly printStyled: (text: string) => void;
  /** Prints progress, notes and errors on standard error. What is not printable in the text is escaped. */
  readonly note: (text: string) => void;
  /** Shows one line of progress in place of the one before; an empty text removes it. Nothing happens without a terminal. */
  readonly progress: (text: string) => void;
  /** The width of standard output in characters; undefined if it is not a terminal. */
  readonly columns: number | undefined;
  /** Whether a person can answer questions: both standard input and standard error are a terminal. */
  readonly isInteractive: boolean;
  /** The folder in which the user typed the command. */
  readonly folder: string;
  /** Waits for a time in milliseconds. It rejects if the signal is aborted before. */
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** The terminal of this process. It does not write with `console`, which ignores that a disk is full. */
export function openTerminal(): Terminal {
  return {
    // Reading `process.stdin` opens it, and most commands do not need it.
    get input() {
      return process.stdin;
    },
    print: (text) => process.stdout.write(`${printableLines(text)}\n`),
    printStyled: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${printableLines(text)}\n`),
    progress: (text) => {
      if (process.stderr.isTTY) {
        process.stderr.clearLine(0);
        process.stderr.cursorTo(0);
        process.stderr.write(printable(text));
      }
    },
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    get isInteractive() {
      return Boolean(process.stdin.isTTY && process.stderr.isTTY);
    },
    // npm runs the scripts of the repository in its own folder.
    folder: process.env.INIT_CWD ?? process.cwd(),
    wait,
  };
}

/** Waits in real time. */
export function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return setTimeout(milliseconds, undefined, { signal });
}

/** What a shell returns for a program that SIGPIPE ended: 128 and the number of the signal. */
const READER_ENDED = 141;

/**
 * Ends this process if its output cannot be written. If the reader has ended, as in `| head -1`, nobody needs the rest:
 * the process ends without a message, like other programs. Node ignores SIGPIPE.
 */
export function endWithoutOutput(): void {
  const endIfReaderEnded = ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') {
      process.exit(READER_ENDED);
    }
  };
  // A note that cannot be written changes no result.
  process.stderr.on('error', endIfReaderEnded);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    endIfReaderEnded(error);
    const reason = describeCode(error) ?? error.message;
    process.stderr.write(
      `Standard output cannot be written: ${reason}.\nNext: Write to another file or disk, and type the command again.\n`,
    );
    process.exit(EXIT_CODES.unavailable);
  });
}

/** A terminal without a person: it shows nothing, and its standard input is empty. */
export function silentTerminal(): Terminal {
  const ignore = () => {};
  return {
    input: Readable.from([]),
    print: ignore,
    printStyled: ignore,
    note: ignore,
    progress: ignore,
    columns: undefined,
    isInteractive: false,
    folder: '',
    wait,
  };
}
