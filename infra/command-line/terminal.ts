import type { Readable } from 'node:stream';
import { printableLines } from '../../functions/text.ts';

/** Where a command reads and writes. Tests give their own. */
export interface Terminal {
  /** Standard input. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Prints results on standard output. What is not printable in the text is escaped. */
  readonly print: (text: string) => void;
  /** Prints progress, notes and errors on standard error. What is not printable in the text is escaped. */
  readonly note: (text: string) => void;
  /** Whether a person can answer questions: both standard input and standard error are a terminal. */
  readonly isInteractive: boolean;
  /** The folder in which the user typed the command. */
  readonly folder: string;
}

/** The terminal of this process. */
export function openTerminal(): Terminal {
  return {
    input: process.stdin,
    print: (text) => console.log(printableLines(text)),
    note: (text) => console.error(printableLines(text)),
    isInteractive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    // npm runs the scripts of the repository in its own folder.
    folder: process.env.INIT_CWD ?? process.cwd(),
  };
}
