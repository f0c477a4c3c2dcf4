import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { format } from 'node:util';
import { vi } from 'vitest';
import { exitCodeOf } from '../../../infra/commands/usage.ts';
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
  const printed = { log: '', error: '' };
  const spies = (['log', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...values) => {
      printed[name] += `${format(...values)}\n`;
    }),
  );
  try {
    const status = await exitCodeOf(USAGE, () => main([...args]));
    return { status, stdout: printed.log, stderr: printed.error };
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
