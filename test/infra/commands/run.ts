import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { format } from 'node:util';
import { inject, onTestFinished, vi } from 'vitest';
import { exitCodeOf } from '../../../infra/commands/usage.ts';
import { openAuthority } from '../../authority.ts';
import { PROJECT } from '../synthesized.ts';

/** What a command printed, and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The module of a command in `infra/commands/`. */
export interface Command {
  readonly USAGE: string;
  readonly main: (args: string[]) => Promise<number>;
}

/** Runs a command in this process. */
export async function runHere({ USAGE, main }: Command, args: readonly string[]): Promise<Ended> {
  const printed = { stdout: '', stderr: '' };
  const capture = (stream: 'stdout' | 'stderr', name: 'log' | 'error') => [
    vi.spyOn(console, name).mockImplementation((...values) => {
      printed[stream] += `${format(...values)}\n`;
    }),
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      printed[stream] += String(chunk);
      return true;
    }),
  ];
  const spies = [...capture('stdout', 'log'), ...capture('stderr', 'error')];
  try {
    const status = await exitCodeOf(USAGE, () => main([...args]));
    return { status, ...printed };
  } finally {
    for (const spy of spies) {
      spy.mockRestore();
    }
  }
}

/**
 * Runs a command as a process: what only its file and Node decide. Everything else is tested with {@link runHere}.
 *
 * @param file in `infra/commands/`.
 */
export async function runProcess(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(PROJECT, 'infra', 'commands', file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status, stdout, stderr };
}

/** A folder like `.local`, until the end of the test, with the authority that all tests share. */
export async function makeLocalFolder(): Promise<string> {
  await openAuthority();
  const folder = await mkdtemp(join(tmpdir(), 'local-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(inject('authority'), join(folder, 'ca'), { recursive: true });
  return folder;
}

/** A process of `in-folder.ts` that still runs, and what it has printed. */
export interface Started {
  readonly child: ChildProcess;
  readonly printed: string;
  /** The exit code and the signal, after the end. */
  readonly ended: Promise<unknown[]>;
}

/** Starts a command that keeps its files in a folder, and resolves when it has printed a line that matches. */
export async function startInFolder(
  name: string,
  folder: string,
  args: readonly string[],
  until: RegExp,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Started> {
  const program = join(import.meta.dirname, 'in-folder.ts');
  const child = spawn(process.execPath, [program, name, folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
    cwd: PROJECT,
  });
  const ended = once(child, 'exit');
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    if (until.test(printed)) {
      break;
    }
  }
  return { child, printed, ended };
}
