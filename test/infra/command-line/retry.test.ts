import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, test } from 'vitest';
import { executionArn } from '../../../functions/executions.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { LocalCloud } from '../../../infra/local/cloud/local-cloud.ts';
import { openAuthority } from '../../authority.ts';
import { CREDENTIALS, ORDER } from '../local/collector.ts';
import { deployForCommands } from './local-collector.ts';
import { run } from './run.ts';

const PROCESSING = { kind: 'status', status: 0 } as const;
/** An order waits until the end of the test. */
const WAITING = { waitMilliseconds: () => 600_000 };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

const issued = () => ({ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }) as const;

/** Waits until an execution waits for its next check. */
async function untilWaiting({ executions }: LocalCloud, name = `order-${ORDER}`): Promise<void> {
  await expect
    .poll(() => executions.get(name)?.history.at(-1))
    .toMatchObject({ type: 'StateEntered', state: { name: 'Wait' } });
}

async function stop({ stateMachineArn }: LocalCloud): Promise<void> {
  const client = new SFNClient();
  await client.send(new StopExecutionCommand({ executionArn: executionArn(stateMachineArn, `order-${ORDER}`) }));
  client.destroy();
}

describe('retry', () => {
  test('It redrives an execution that failed, which asks the CA again.', async () => {
    const { cloud, execution } = await deployForCommands();
    cloud.ca.order(ORDER, [{ kind: 'error', code: -4 }]);
    await run(['order', ORDER, '--domain', 'example.com']);
    expect(await execution()).toMatchObject({ status: 'FAILED', error: 'InvalidRequest' });
    cloud.ca.order(ORDER, [issued()]);
    const { exitCode, out, err } = await run(['retry', ORDER, '--json']);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ orderNumber: ORDER, result: 'redriven', execution: `order-${ORDER}` });
    expect(await execution()).toMatchObject({ status: 'SUCCEEDED' });

    const collected = await run(['retry', ORDER]);
    expect(collected.exitCode).toBe(0);
    expect(collected.out).toContain(`Order ${ORDER} has its certificate (execution order-${ORDER})`);
    expect(collected.out).toContain(`mark-certificates order ${ORDER} --request again`);
    expect(cloud.executions.size).toBe(1);
  });

  test('It starts an overdue order again with all of its options, and states why.', async () => {
    const { cloud, execution } = await deployForCommands({
      settings: { collectUrl: 'http://127.0.0.1', pollEvery: 'PT1H', giveUpAfter: 'PT2H' },
    });
    cloud.ca.order(ORDER, [PROCESSING]);
    await run(['order', ORDER, '--domain', 'example.com', '--selector', 'mail', '--replace']);
    expect(await execution()).toMatchObject({ status: 'FAILED', error: 'CollectionOverdue' });
    cloud.ca.order(ORDER, [issued()]);
    const { exitCode, out } = await run(['retry', ORDER, '--json']);
    expect(exitCode).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({ result: 'started', reason: expect.stringContaining('its deadline has passed') });
    expect(result.execution).toMatch(/^order-1378973013-again-/);
    expect(await execution(result.execution)).toMatchObject({
      status: 'SUCCEEDED',
      input: { orderNumber: ORDER, domains: ['example.com'], selector: 'mail', replace: true },
    });
  });

  test('It starts an order again that somebody stopped, and states why.', async () => {
    const { cloud, execution } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING, issued()]);
    await run(['order', ORDER]);
    await untilWaiting(cloud);
    await stop(cloud);
    expect(await execution()).toMatchObject({ status: 'ABORTED' });
    const { exitCode, out } = await run(['retry', ORDER]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/started again \(execution order-1378973013-again-\S+\), because .* somebody stopped it/);
  });

  test('An order that waits is not disturbed: the result is the next check, and the exit code 3.', async () => {
    const { cloud } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING]);
    await run(['order', ORDER]);
    await untilWaiting(cloud);
    const text = await run(['retry', ORDER]);
    expect(text.exitCode).toBe(3);
    expect(text.out).toMatch(
      /Order 1378973013 waits: .+\. The next check is 20\d\d-\d\d-\d\d \d\d:\d\d UTC \(in [23] hours\)/,
    );
    const json = await run(['retry', ORDER, '--json']);
    expect(json.exitCode).toBe(3);
    const { nextCheckAt, ...result } = JSON.parse(json.out);
    expect(result).toMatchObject({ orderNumber: ORDER, result: 'waiting', execution: `order-${ORDER}` });
    const seconds = (Date.parse(nextCheckAt) - Date.now()) / 1000;
    // The poll interval of three hours varies by a tenth.
    expect(seconds).toBeGreaterThan(2.6 * 3600);
    expect(seconds).toBeLessThan(3.4 * 3600);
    expect(cloud.executions.size).toBe(1);
    expect(cloud.ca.calls).toHaveLength(1);
  });

  test('With --now it asks the CA once about an order that waits, beside its execution.', async () => {
    const { cloud, execution, objects } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING, issued()]);
    await run(['order', ORDER, '--domain', 'example.com']);
    await untilWaiting(cloud);
    const { exitCode, out } = await run(['retry', ORDER, '--now', '--json']);
    expect(exitCode).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      result: 'asked',
      execution: expect.stringMatching(/^order-1378973013-push-retry-/),
    });
    expect(await execution(result.execution)).toMatchObject({ status: 'SUCCEEDED' });
    expect(Object.keys(await objects())).toContain('chain.pem');
    expect(cloud.executions.get(`order-${ORDER}`)?.status).toBe('RUNNING');
  });

  test('An order that is checked at this moment is not disturbed either.', async () => {
    const { cloud } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [{ kind: 'slow', milliseconds: 3_000, of: PROCESSING }]);
    await run(['order', ORDER]);
    const { exitCode, out } = await run(['retry', ORDER]);
    expect(exitCode).toBe(3);
    expect(out).toContain('The collector checks it now.');
  });

  test('An unknown order is an error with the command that orders it.', async () => {
    await deployForCommands();
    const { exitCode, err } = await run(['retry', '7']);
    expect(exitCode).toBe(2);
    expect(err).toContain(
      'does not know order 7.\nNext: Compare the number with the one at the CA. To collect the order: mark-certificates order 7\n',
    );
  });

  test('After a new login, --now finds out at once whether the CA accepts it.', async () => {
    const secret = JSON.stringify({ ...CREDENTIALS, loginPassword: 'an old password' });
    const { cloud, execution, objects } = await deployForCommands({ ...WAITING, secret });
    cloud.ca.order(ORDER, [issued()]);
    await run(['order', ORDER]);
    await untilWaiting(cloud);
    const stored = await run(['login'], { input: `${CREDENTIALS.loginName}\n${CREDENTIALS.loginPassword}\n` });
    expect(stored.exitCode).toBe(0);
    const { out } = await run(['retry', ORDER, '--now', '--json']);
    await execution(JSON.parse(out).execution);
    expect(Object.keys(await objects())).toContain('chain.pem');
  });

  test('Wrong usage is refused before AWS is asked.', async () => {
    expect(await run(['retry', 'x'])).toMatchObject({ exitCode: 64, err: expect.stringContaining('ORDER: x is not') });
  });
});
