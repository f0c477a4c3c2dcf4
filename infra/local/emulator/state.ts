import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isReachable } from './emulator.ts';

/** The folder of everything that belongs to the emulator that `local:up` started. Git ignores it. */
export const LOCAL_UP_DIRECTORY = join(import.meta.dirname, '..', '..', '..', '.local', 'up');

const FILE = join(LOCAL_UP_DIRECTORY, 'running.json');

/** What `local:up` started and deployed. */
export interface RunningEmulator {
  /** The process that runs the emulator and the simulated CA. */
  readonly pid: number;
  readonly url: string;
  readonly certificateFile: string;
  /** Environment variables for commands: how to reach AWS, and the variables in the runbook's commands. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Records the running emulator for the other commands. */
export async function saveRunning(running: RunningEmulator): Promise<void> {
  await writeFile(FILE, JSON.stringify(running, null, 2), { mode: 0o600 });
}

/** @returns undefined if no emulator runs. A process id can be reused, so the emulator must also answer. */
export async function readRunning(): Promise<RunningEmulator | undefined> {
  try {
    const running = JSON.parse(await readFile(FILE, 'utf8')) as RunningEmulator;
    process.kill(running.pid, 0);
    return (await isReachable(running)) ? running : undefined;
  } catch {
    return undefined;
  }
}

/** Deletes the record of the running emulator. */
export async function clearRunning(): Promise<void> {
  await rm(FILE, { force: true });
}
