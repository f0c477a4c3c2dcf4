import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { type DownCommandOptions, runDown } from '../../../infra/command-line/down/run.ts';
import type { Terminal } from '../../../infra/command-line/terminal.ts';
import type { Action } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { MarkCertificateCollector } from '../../../infra/mark-certificate-collector.ts';
import { synthesizeHere } from '../cdk.ts';
import { PROJECT } from '../synthesized.ts';
import { deployed, MACHINE, stackNamed } from './deployed.ts';
import { stackOfOtherApp } from './other-app.ts';
import { run } from './run.ts';

/** The commands with a `cdk` in this process. */
const commands = COMMANDS.map((command) =>
  command.name === 'down'
    ? {
        ...command,
        run: (terminal: Terminal, options: DownCommandOptions) => runDown(terminal, options, synthesizeHere),
      }
    : command,
);

/** Step Functions with executions that run until they are stopped. */
function executionsNamed(...names: readonly string[]) {
  const running = new Set(names);
  const stopped: unknown[] = [];
  const actions: Readonly<Record<string, Action>> = {
    'AWSStepFunctions.ListExecutions': () => ({
      executions: [...running].map((name) => ({ name, executionArn: `${MACHINE}:${name}`, startDate: 1_795_000_000 })),
    }),
    'AWSStepFunctions.StopExecution': ({ executionArn, error }) => {
      stopped.push(error);
      running.delete(String(executionArn).split(':').at(-1) ?? '');
      return { stopDate: 1_795_000_001 };
    },
  };
  return { actions, running, stopped };
}

describe('down', () => {
  test('Outside of the repository it stops the orders, and prints the command that deletes the stack.', async () => {
    const { actions, running, stopped } = executionsNamed('order-1', 'order-2');
    await deployed({ stacks: [stackNamed('acme')], actions });
    const { exitCode, out, err } = await run(['down', '--collector', 'acme', '--yes'], { folder: tmpdir() });
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(out).toContain('2 waiting orders are stopped:\n      order-1, since 2026-11-18');
    expect(out).toContain('  npx cdk destroy MarkCertificateCollector-acme\n');
    expect(running.size).toBe(0);
    expect(stopped).toEqual(['CollectorRemoved', 'CollectorRemoved']);
  });

  test('In another app it stops the orders, and says how to remove the collector and nothing else.', async () => {
    const { actions, stopped } = executionsNamed('order-1');
    const shop = stackOfOtherApp('Shop', (stack) => {
      new MarkCertificateCollector(stack, 'Collector');
    });
    await deployed({ stacks: [{ ...shop, isProtected: true }], actions });
    const { exitCode, out } = await run(['down', '--yes'], { folder: tmpdir() });
    expect(exitCode).toBe(0);
    expect(out).toContain('the collector mark-certificate-collector from the stack Shop in eu-central-1');
    expect(out).toContain('remove the collector from the app');
    expect(out).toContain('  npx cdk deploy Shop\n');
    expect(out).not.toContain('cdk destroy');
    expect(stopped).toEqual(['CollectorRemoved']);
  });

  test('With --json standard output has the result only.', async () => {
    const { actions } = executionsNamed('order-1');
    await deployed({ actions });
    const { out, err } = await run(['down', '--yes', '--json'], { folder: tmpdir() });
    expect(JSON.parse(out)).toEqual({
      outcome: 'stopped',
      stackName: 'MarkCertificateCollector',
      waiting: ['order-1'],
      next: 'npx cdk destroy MarkCertificateCollector',
    });
    expect(err).toContain('This deletes the stack MarkCertificateCollector in eu-central-1');
  });

  test('A collector that publishes, or that is protected, is not touched.', async () => {
    const { actions, running } = executionsNamed('order-1');
    const Settings = JSON.stringify({ name: 'acme', eventSource: 'x', publish: true });
    await deployed({
      stacks: [
        stackNamed('acme', { Settings, PublishedUrl: 'https://d1.cloudfront.net' }),
        { ...stackNamed('safe'), isProtected: true },
      ],
      actions,
    });
    const publishes = await run(['down', '--collector', 'acme', '--yes'], { folder: tmpdir() });
    expect(publishes.exitCode).toBe(1);
    expect(publishes.out).toContain('Then add: --remove publish');
    const isProtected = await run(['down', '--collector', 'safe', '--yes'], { folder: tmpdir() });
    expect(isProtected.exitCode).toBe(1);
    expect(isProtected.out).toContain('termination protection is on');
    expect(running.size).toBe(1);
    const removed = await run(['down', '--collector', 'acme', '--yes', '--remove', 'publish'], { folder: tmpdir() });
    expect(removed.exitCode).toBe(0);
    expect(running.size).toBe(0);
  });

  test('A collector that does not exist is an error.', async () => {
    await deployed();
    const { exitCode, err } = await run(['down', '--collector', 'acme', '--yes'], { folder: tmpdir() });
    expect(exitCode).toBe(2);
    expect(err).toContain('There is no collector acme');
  });

  test('In the repository, a collector that is not deployed is an error.', async () => {
    await deployed({ stacks: [] });
    const { exitCode, err } = await run(['down', '--collector', 'acme', '--yes'], { folder: PROJECT, commands });
    expect(exitCode).toBe(2);
    expect(err).toContain('There is no collector acme in eu-central-1');
  });

  test('In the repository, it also finds a collector in another app.', async () => {
    const { actions, stopped } = executionsNamed('order-1');
    const shop = stackOfOtherApp('Shop', (stack) => {
      new MarkCertificateCollector(stack, 'Collector', { name: 'acme' });
    });
    await deployed({ stacks: [shop], actions });
    const { exitCode, out } = await run(['down', '--collector', 'acme', '--yes'], { folder: PROJECT, commands });
    expect(exitCode).toBe(0);
    expect(out).toContain('the collector acme from the stack Shop in eu-central-1');
    expect(stopped).toHaveLength(1);
  });

  test.each([
    [['down'], 'Without one, add --yes.'],
    [['down', '--yes', '--remove', 'push'], "'push' is invalid. Allowed choices are publish."],
  ])('Wrong usage is refused before AWS is asked: %j.', async (args, message) => {
    expect(await run(args)).toMatchObject({ exitCode: 64, err: expect.stringContaining(message) });
  });
});
