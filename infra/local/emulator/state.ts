import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where `local:up` keeps what `local:down` and a developer's shell need. */
export const LOCAL_UP_DIRECTORY = join(import.meta.dirname, '..', '..', '..', '.local', 'up');

const FILE = join(LOCAL_UP_DIRECTORY, 'running.json');

/** What `local:up` left behind: a process, and where its emulator answers, by which it is told from a later one of its number. */
export interface Running {
  readonly pid: number;
  readonly url: string;
  readonly certificateFile: string;
}

export async function saveRunning(running: Running): Promise<void> {
  await writeFile(FILE, JSON.stringify(running));
}

/** What was noted, if its process is there. Numbers of processes come again, so only one whose emulator answers is meant. */
export async function readRunning(answers: (running: Running) => Promise<boolean>): Promise<Running | undefined> {
  try {
    const running = JSON.parse(await readFile(FILE, 'utf8')) as Running;
    process.kill(running.pid, 0);
    return (await answers(running)) ? running : undefined;
  } catch {
    return undefined;
  }
}

export async function clearRunning(): Promise<void> {
  await rm(FILE, { force: true });
}
