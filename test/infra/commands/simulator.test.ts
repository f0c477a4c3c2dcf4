import { expect, test } from 'vitest';
import * as simulator from '../../../infra/commands/simulator.ts';
import { makeTemporary } from '../command-line/collect/order.ts';
import { run } from '../command-line/run.ts';
import { makeLocalFolder, runHere, startInFolder } from './run.ts';

test('The simulated CA prints the command that collects its order, and ends with Ctrl-C.', async () => {
  const { child, printed, ended } = await startInFolder('simulator', await makeLocalFolder(), [], /--log \S+\n/);
  const [, command = ''] = /npm run -s mark-certificates -- ([\s\S]*)/.exec(printed) ?? [];
  const args = command.replaceAll('\\\n', ' ').trim().split(/\s+/);
  const out = await makeTemporary();
  const { exitCode, out: text } = await run([...args, '--poll-every', 'PT1S', '--out', out]);
  child.kill('SIGINT');
  expect([exitCode, text]).toEqual([0, expect.stringContaining('It can be published.')]);
  expect(await ended).toEqual([0, null]);
});

test.each([
  [['--scenario', 'wrong-credentials'], 64, /^--scenario: wrong-credentials is not accepted; accepted: issued, /],
  [['--help'], 0, /^$/],
])('Usage: %j', async (args, exitCode, message) => {
  const { status, stderr } = await runHere(simulator, args);
  expect(status).toBe(exitCode);
  expect(stderr).toMatch(message);
});
