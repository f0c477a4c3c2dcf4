import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, paginateGetExecutionHistory } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executionArn } from '../../../functions/executions.ts';
import type { Credentials } from '../../../infra/local/ca/collectmc-simulator.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { startNameServer } from '../../functions/survey/name-server.ts';
import { type Typed, type, typePrinted } from '../command-line.ts';
import { createInbox, type Inbox } from '../inbox.ts';
import { type CollectorOfOtherApp, deployOtherApp } from '../other-app/deploy.ts';
import { expectWithoutPasswords } from '../passwords.ts';
import {
  ACCOUNT_LOGIN,
  answersTo,
  CHANGED_LOGIN,
  callsOf,
  certificate,
  cloud,
  error,
  issued,
  PROCESSING,
  subscribe,
  table,
  testOrder,
  WRONG_LOGIN,
} from '../suite.ts';

/** The status of an order that is collected. Its execution ends after the status is stored. */
const ISSUED = { exitCode: 0, state: 'issued', executionStatus: 'SUCCEEDED' } as const;

export function describeCommandLineOperating(): void {
  describe('a collector in the stack of another app, operated by the command line alone', () => {
    let lab: CollectorOfOtherApp;
    /** The folder in which the commands are typed: not the repository. */
    let folder: string;
    let bus: Inbox;
    let messages: Inbox;
    const printed: object[] = [];
    const executions = new Set<string>();

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'operator-'));
      cloud.ca.setCredentials(CHANGED_LOGIN);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    /** Types a command about the collector `lab`. */
    async function typeHere(args: readonly string[], input?: string): Promise<Typed> {
      const typed = await type([...args, '--collector', 'lab'], { folder, ...(input !== undefined && { input }) });
      printed.push({ args, ...typed });
      return typed;
    }

    /** Types a command with `--json`, which must end with this code, and returns what it printed. */
    async function json(exitCode: number, args: readonly string[], input?: string) {
      const typed = await typeHere([...args, '--json'], input);
      expect({ args, ...typed }).toMatchObject({ args, exitCode });
      return JSON.parse(typed.out);
    }

    /** Types what another command printed as the next step. */
    async function followUp(command: string, input: string): Promise<Typed> {
      const typed = await typePrinted(command, { folder, input });
      printed.push({ command, ...typed });
      return typed;
    }

    /** Types `status` until it is as expected, as somebody who waits does. */
    async function statusOf(order: string, expected: object) {
      for (;;) {
        const { exitCode, out } = await typeHere(['status', order, '--json']);
        const status = { exitCode, ...JSON.parse(out) };
        if (Object.entries(expected).every(([key, value]) => status[key] === value)) {
          executions.add(status.execution.name);
          return status;
        }
      }
    }

    test('Its stack has two collectors, which the commands find by their names.', async () => {
      const began = performance.now();
      const collectors = await deployOtherApp();
      table.note(`cdk deploy of two collectors in one stack: ${((performance.now() - began) / 1000).toFixed(1)} s`);
      lab = collectors.lab ?? expect.unreachable();
      const { queues } = cloud.clients;
      const { AlarmTopicArn } = lab.outputs;
      messages = await subscribe(AlarmTopicArn, 'lab-operator');
      bus = await createInbox(queues, AlarmTopicArn, 'lab-consumer', 'events.amazonaws.com');
      const rule = ['--rule', 'lab-consumer', '--event-bus-name', lab.settings.eventBusName];
      const pattern = JSON.stringify({ source: [{ prefix: 'mark-certificate' }] });
      await cloud.aws('events', 'put-rule', '--name', ...rule.slice(1), '--event-pattern', pattern);
      await cloud.aws('events', 'put-targets', ...rule, '--targets', `Id=lab-consumer,Arn=${bus.arn}`);
      // The emulator ignores the concurrency in a template.
      const { Functions } = (await cloud.aws('lambda', 'list-functions')) as {
        readonly Functions: readonly { readonly FunctionName: string }[];
      };
      const collect =
        Functions.find(({ FunctionName }) => FunctionName.startsWith('Brand-LabCollectF'))?.FunctionName ?? '';
      await cloud.aws(
        ...['lambda', 'put-function-concurrency', '--function-name', collect],
        ...['--reserved-concurrent-executions', '1'],
      );
      expect(await json(0, ['orders'])).toEqual([]);
      expect(await typeHere(['orders'])).toMatchObject({ exitCode: 0, err: expect.stringContaining('has no orders') });
    });

    testOrder('An order is corrected, waits for the right login, is issued and downloaded.', async (order) => {
      cloud.ca.order(order, [PROCESSING]);
      const ordered = ['order', order, '--domain', 'exmaple.com', '--product', 'VMC'];
      const wrong = await typeHere(['order', order, '--product', 'XMC', '--account', 'No such']);
      expect(wrong).toMatchObject({
        exitCode: 64,
        out: '',
        err: expect.stringMatching(/--account: No such[\s\S]*--help/),
      });
      expect(await typeHere(['status', order])).toMatchObject({ exitCode: 2, out: '' });
      expect(await json(0, ordered)).toEqual({
        orderNumber: order,
        result: 'started',
        execution: `order-${order}`,
      });
      const again = await typeHere(ordered);
      expect(again).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('with these options') });

      const { nextCommand } = await statusOf(order, { exitCode: 3, reason: 'credentials' });
      const stored = await followUp(nextCommand, asLines(WRONG_LOGIN));
      expect(stored).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('The login of the default') });
      await expect.poll(() => answersTo(order), { timeout: 60_000 }).toEqual(['error -16']);
      const rejected = await json(0, ['login'], asLines(WRONG_LOGIN));
      expect(rejected).toMatchObject({ account: null, result: 'updated', sameLogin: 'rejected' });
      const file = join(folder, 'login.json');
      await writeFile(file, JSON.stringify(CHANGED_LOGIN), { mode: 0o600 });
      expect(await typeHere(['login', '--file', file])).toMatchObject({ exitCode: 0, err: '' });
      await rm(file);
      await statusOf(order, { exitCode: 3, reason: 'processing', nextCommand: null });

      expect(await json(3, ['status', order])).toMatchObject({
        execution: { name: `order-${order}`, runs: true },
        nextCheckAt: expect.stringMatching(/^\d{4}-.*Z$/),
      });

      const corrected = await json(0, ['order', order, '--domain', 'example.com']);
      expect(corrected).toMatchObject({ result: 'corrected', changes: expect.stringContaining('exmaple.com') });
      expect(await json(3, ['retry', order])).toMatchObject({ result: 'waiting', execution: `order-${order}` });
      expect(await typeHere(['fetch', order])).toMatchObject({ exitCode: 3, out: '' });
      const waiting = await json(0, ['orders', '--waiting']);
      expect(waiting.map(({ orderNumber }: { orderNumber: string }) => orderNumber)).toEqual([order]);

      const one = certificate();
      cloud.ca.order(order, [issued(one)]);
      expect(await statusOf(order, ISSUED)).toMatchObject({
        execution: { name: `order-${order}`, runs: false },
        certificate: { publishable: true },
      });
      expect(await typeHere(['fetch', order])).toMatchObject({ exitCode: 0, err: '' });
      expect((await readdir(join(folder, order))).toSorted()).toEqual([
        'certificate.json',
        'chain.pem',
        'logo.svg',
        'report.html',
        'response.p7b',
      ]);
      const files = await Promise.all(['chain.pem', 'logo.svg'].map((name) => readFile(join(folder, order, name))));
      expect(files).toEqual([Buffer.from(pem(one.chain)), Buffer.from(one.svg)]);
      const { url, what } = await json(0, ['open', order]);
      const { pathname, search } = new URL(url);
      const { body } = await cloud.send(url, pathname + search, { method: 'GET', headers: {}, body: undefined });
      expect(what).toBe('report');
      expect(body.toString()).toContain('<!doctype html>');
      return 'login, order, status, retry, orders, fetch, open';
    });

    testOrder(
      'An order with its certificate is collected again by the command that the error names.',
      async (order) => {
        cloud.ca.order(order, [issued(certificate())]);
        await json(0, ['order', order, '--domain', 'example.com']);
        await statusOf(order, ISSUED);
        expect(await json(0, ['order', order])).toMatchObject({ result: 'collected', execution: `order-${order}` });
        expect(await json(0, ['retry', order])).toMatchObject({ result: 'collected', execution: `order-${order}` });
        const { length } = callsOf(order);
        const { error: refused } = await json(1, ['order', order, '--product', 'VMC']);
        expect(callsOf(order)).toHaveLength(length);
        const started = await followUp(`${refused.next} --json`, '');
        const { execution } = JSON.parse(started.out);
        expect(execution).toMatch(`order-${order}-again-`);
        await expect.poll(() => callsOf(order).length, { timeout: 60_000 }).toBe(length + 1);
        executions.add(execution);
        return 'collected again';
      },
    );

    testOrder('The order of another account waits for its login, for which a secret is created.', async (order) => {
      cloud.ca.order(order, [PROCESSING]);
      await json(0, ['order', order, '--account', 'brand-b']);
      const { nextCommand } = await statusOf(order, { exitCode: 3, reason: 'credentials', account: 'brand-b' });
      const { result, secret } = JSON.parse((await followUp(`${nextCommand} --json`, asLines(ACCOUNT_LOGIN))).out);
      expect([result, secret]).toEqual(['created', 'lab/accounts/brand-b']);
      await expect.poll(() => answersTo(order), { timeout: 60_000 }).toEqual(['error -16']);
      await json(0, ['login', '--account', 'brand-b'], JSON.stringify(CHANGED_LOGIN));
      expect(await json(0, ['retry', order, '--now'])).toMatchObject({ result: 'asked' });
      cloud.ca.order(order, [issued(certificate())]);
      await statusOf(order, ISSUED);
      return 'login --account, retry --now';
    });

    testOrder('A failed order is started again, because the emulator has no redrive.', async (order) => {
      cloud.ca.order(order, [error(-20)]);
      await json(0, ['order', order, '--domain', 'example.com']);
      await statusOf(order, { exitCode: 1, state: 'failed', error: 'OrderRejected', executionStatus: 'FAILED' });
      cloud.ca.order(order, [issued(certificate())]);
      // On AWS, and in test/infra/command-line/retry.test.ts, the result is `redriven`.
      const { result, reason } = await json(0, ['retry', order]);
      expect([result, reason]).toEqual(['started', expect.stringContaining('does not redrive')]);
      await statusOf(order, ISSUED);
      return 'retry';
    });

    test('A domain is checked, listed and no longer watched.', async () => {
      const names = await startNameServer({ '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject'] } });
      const watched = await typeHere(['watch', 'example.com', '--name-server', names.address]);
      names.close();
      expect(watched).toMatchObject({ exitCode: 1, out: expect.stringContaining('record-missing') });
      const listed = await typeHere(['watch', '--json']);
      expect(JSON.parse(listed.out)).toMatchObject([{ domain: 'example.com', selector: 'default' }]);
      expect(await json(0, ['unwatch', 'example.com'])).toEqual({ domain: 'example.com', selector: 'default' });
      expect((await typeHere(['unwatch', 'example.com'])).exitCode).toBe(2);
    });

    testOrder(
      'The collector is emptied of waiting orders, and the other one in its stack is not touched.',
      async (order) => {
        cloud.ca.order(order, [PROCESSING]);
        await json(0, ['order', order]);
        await statusOf(order, { exitCode: 3, reason: 'processing' });
        expect(await typeHere(['down'])).toMatchObject({ exitCode: 64, err: expect.stringContaining('--yes') });
        const { out, err, exitCode } = await typeHere(['down', '--yes', '--json']);
        expect(exitCode).toBe(0);
        expect(err).toContain('the collector lab from the stack Brand');
        expect(JSON.parse(out)).toEqual({
          outcome: 'stopped',
          stackName: 'Brand',
          waiting: [`order-${order}`],
          next: 'npx cdk deploy Brand',
        });
        const stopped = await cloud.clients.states.send(
          new DescribeExecutionCommand({ executionArn: executionArn(lab.outputs.StateMachineArn, `order-${order}`) }),
        );
        expect(stopped).toMatchObject({ status: 'ABORTED', error: 'CollectorRemoved' });
        await statusOf(order, { exitCode: 1, state: 'waiting' });
        await messages.receive();
        expect(messages.messages.filter((each) => each.includes(order))).toEqual([]);
        const shop = await type(['orders', '--collector', 'shop', '--json'], { folder });
        expect(shop).toMatchObject({ exitCode: 0, out: '[]\n' });
        return 'down';
      },
    );

    // The last case of the suite reads the logs and the environments of all functions.
    test('No output, event, message or execution contains a password.', async () => {
      await Promise.all([bus.receive(), messages.receive()]);
      const histories = await Promise.all([...executions].map((name) => historyOf(lab, name)));
      expect(JSON.stringify(histories)).toContain('ExecutionSucceeded');
      expect(bus.messages).not.toEqual([]);
      expect(messages.messages).not.toEqual([]);
      const passwords = [WRONG_LOGIN, CHANGED_LOGIN, ACCOUNT_LOGIN].map(({ loginPassword }) => loginPassword);
      expectWithoutPasswords([printed, histories, bus.messages, messages.messages], passwords);
    });
  });
}

const asLines = ({ loginName, loginPassword }: Credentials) => `${loginName}\n${loginPassword}\n`;

async function historyOf({ outputs }: CollectorOfOtherApp, name: string): Promise<readonly object[]> {
  const input = { executionArn: executionArn(outputs.StateMachineArn, name), includeExecutionData: true };
  const history: object[] = [];
  for await (const { events = [] } of paginateGetExecutionHistory({ client: cloud.clients.states }, input)) {
    history.push(...events);
  }
  return history;
}
