import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * The command line as a process that kills itself before a change of the file system: the one with the number in
 * KILL_AT. Of a write, half of the bytes are written. At the end, the process prints the number of changes on standard
 * error.
 */
const killAt = Number(process.env.KILL_AT ?? 0);
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

type Action = (...args: unknown[]) => Promise<unknown>;

function count(
  target: Record<string, unknown>,
  name: string,
  isChange: (args: unknown[]) => boolean = () => true,
): void {
  const original = target[name] as Action;
  target[name] = async function (this: unknown, ...args: unknown[]) {
    if (isChange(args) && isKilledNow()) {
      kill();
    }
    return original.apply(this, args);
  };
}

/** A write is killed in the middle. */
function countWrites(target: Record<string, unknown>, name: string, position: number): void {
  const original = target[name] as Action;
  target[name] = async function (this: unknown, ...args: unknown[]) {
    if (isKilledNow()) {
      const bytes = Buffer.from(args[position] as Uint8Array);
      await original.apply(this, args.with(position, bytes.subarray(0, bytes.length / 2)));
      kill();
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
