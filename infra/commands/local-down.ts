import { setTimeout as wait } from 'node:timers/promises';
import { isAnswering } from '../local/emulator/emulator.ts';
import { forgetRunning, readRunning } from '../local/emulator/state.ts';

const running = await readRunning(isAnswering);
if (running === undefined) {
  console.log('It is not up.');
} else {
  process.kill(running.pid, 'SIGTERM');
  while ((await readRunning(isAnswering)) !== undefined) {
    await wait(100);
  }
  console.log('It is down. What the emulator held is gone with it.');
}
await forgetRunning();
