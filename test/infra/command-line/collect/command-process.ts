import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * The command line as a process that kills itself before a change of the file system: the one with the number in
 * KILL_AT. Of a write, half of the bytes are written. From the change with the number in FULL_AT on, the disk is full.
 * At the end, the process prints the number of changes on standard error.
 */
const killAt = Number(process.env.KILL_AT ?? 0);
const fullAt = Number(process.env.FULL_AT ?? Number.POSITIVE_INFINITY);
let changes = 0;

function kill(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal may arrive a moment later.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('the process was not killed');
}

function isKilledNow(): boolean {
  changes++;
  return changes === killAt;
}

/** What the system reports if it cannot store more. Names can be removed and changed then. */
function requireSpace(name: string): void {
  if (changes >= fullAt && name !== 'rename' && name !== 'unlink') {
    const syscall = name === 'writeFile' ? 'write' : name;
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${syscall}`), { code: 'ENOSPC', syscall });
  }
}

type Action = (...args: unknown[]) => Promise<unknown>;

function count(
  target: Record<string, unknown>,
  name: string,
  isChange: (args: unknown[]) => boolean = () => true,
): void {
  const original = target[name] as Action;
  target[name] = async function (this: unknown, ...args: unknown[]) {
    if (isChange(args)) {
      if (isKilledNow()) {
        kill();
      }
      requireSpace(name);
    }
    return original.apply(this, args);
  };
}

/** A write is killed in the middle. */
function countWrites(target: Record<string, unknown>, name: string, position: number): void {
  const original = target[name] as Action;
  target[name] = async function (this: unknown, ...args: unknown[]) {
    const writeHalf = () => {
      const bytes = Buffer.from(args[position] as Uint8Array);
      return original.apply(this, args.with(position, bytes.subarray(0, bytes.length / 2)));
    };
    if (isKilledNow()) {
      await writeHalf();
      kill();
    }
    if (changes >= fullAt) {
      await writeHalf();
      requireSpace(name);
    }
    return original.apply(this, args);
  };
}

const handle = await fs.open(import.meta.filename, 'r');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
countWrites(prototype, 'writeFile', 0);
const functions = fs as unknown as Record<string, unknown>;
for (const name of ['mkdir', 'rename', 'link', 'unlink']) {
  count(functions, name);
}
countWrites(functions, 'writeFile', 1);
count(functions, 'open', ([, flags]) => flags === 'w');
syncBuiltinESMExports();

const { COMMANDS } = await import('../../../../infra/command-line/commands.ts');
const { runProgram } = await import('../../../../infra/command-line/program.ts');
const { openTerminal } = await import('../../../../infra/command-line/terminal.ts');
process.exitCode = await runProgram(COMMANDS, '1.2.3', process.argv.slice(2), openTerminal());
console.error(`changes: ${changes}`);
