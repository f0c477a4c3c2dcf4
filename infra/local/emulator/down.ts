import { setTimeout as wait } from 'node:timers/promises';
import { running } from './state.ts';

const pid = await running();
if (pid === undefined) {
  console.log('It is not up.');
} else {
  process.kill(pid, 'SIGTERM');
  while ((await running()) !== undefined) {
    await wait(100);
  }
  console.log('It is down. What the emulator held is gone with it.');
}
