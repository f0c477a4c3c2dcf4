import { setTimeout as wait } from 'node:timers/promises';
import { isReachable } from '../local/emulator/emulator.ts';
import { clearRunning, readRunning } from '../local/emulator/state.ts';

const running = await readRunning(isReachable);
if (running === undefined) {
  console.log('It is not up.');
} else {
  process.kill(running.pid, 'SIGTERM');
  while ((await readRunning(isReachable)) !== undefined) {
    await wait(100);
  }
  console.log('It is down. What the emulator held is gone with it.');
}
await clearRunning();
