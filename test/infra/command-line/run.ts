import { Readable } from 'node:stream';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import type { ExitCode } from '../../../infra/command-line/exit-codes.ts';
import { type CommandDefinition, runProgram } from '../../../infra/command-line/program.ts';
import { type Terminal, wait as waitInRealTime } from '../../../infra/command-line/terminal.ts';

/** What a command printed, and how it ended. */
export interface Run {
  readonly exitCode: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly commands?: readonly CommandDefinition[];
  /** Standard input. */
  readonly input?: string | Uint8Array;
  /** The folder in which the command runs; default: this one. */
  readonly folder?: string;
  /** The width of the terminal; default: standard output is not a terminal. */
  readonly columns?: number;
  /** How the command waits; default: in real time. See `stopClock`. */
  readonly wait?: Terminal['wait'];
}

/** Runs the program in this process, as if a user had typed the arguments without a terminal. */
export async function run(
  args: readonly string[],
  { commands = COMMANDS, input = '', folder = process.cwd(), columns, wait = waitInRealTime }: RunOptions = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    input: Readable.from([Buffer.from(input)]),
    print: (text) => out.push(`${text}\n`),
    printStyled: (text) => out.push(`${text}\n`),
    note: (text) => err.push(`${text}\n`),
    progress: () => {},
    columns,
    isInteractive: false,
    folder,
    wait,
  };
  const exitCode = await runProgram(commands, '1.2.3', args, terminal);
  return { exitCode, out: out.join(''), err: err.join('') };
}
