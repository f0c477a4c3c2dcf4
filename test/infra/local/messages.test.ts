import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { executionArn } from '../../../functions/executions.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { openStatus } from '../../../functions/store/status.ts';
import { deployCollector, type LocalCollector, ORDER } from './collector.ts';

const statusOf = async ({ cloud }: LocalCollector) =>
  (await openStatus(s3Storage(cloud.s3, cloud.bucket), ORDER).read()).current;
const DETAIL = { orderNumber: ORDER, domains: ['example.com'], selector: 'brand' };

describe('the messages of an order, with the deployed rules', () => {
  test('An order that waits for payment and is then rejected causes one message each, and both are reported.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [
      { kind: 'error', code: -22 },
      { kind: 'error', code: -22 },
      { kind: 'error', code: -20 },
    ]);
    await collector.sendOrder(DETAIL);
    await collector.execution();
    expect(collector.cloud.messages).toMatchObject([
      { subject: `example.com, order ${ORDER}: waits for payment` },
      { subject: `example.com, order ${ORDER}: rejected by the CA` },
    ]);
    expect(collector.cloud.messages.at(-1)?.body).toContain('--selector brand');
    expect(await statusOf(collector)).toMatchObject({ state: 'failed', reportedAt: expect.any(String) });
    expect(collector.cloud.deadLetters).toEqual([]);
  });

  test('An execution that somebody stops causes one message, and its status becomes failed.', async () => {
    const { promise: waiting, resolve } = Promise.withResolvers<void>();
    const collector = await deployCollector({
      waitMilliseconds: () => 60_000,
      onEvent: (_, event) => {
        if (event.type === 'StateEntered' && event.state.name === 'Wait') {
          resolve();
        }
      },
    });
    collector.cloud.ca.order(ORDER, [{ kind: 'status', status: 0 }]);
    await collector.sendOrder(DETAIL);
    await waiting;
    const sfn = new SFNClient();
    const name = `order-${ORDER}`;
    await sfn.send(new StopExecutionCommand({ executionArn: executionArn(collector.cloud.stateMachineArn, name) }));
    sfn.destroy();
    await collector.execution();
    expect(collector.cloud.messages).toMatchObject([{ subject: `example.com, order ${ORDER}: stopped by somebody` }]);
    expect(await statusOf(collector)).toMatchObject({
      state: 'failed',
      error: 'ExecutionAborted',
      reportedAt: expect.any(String),
    });
  });
});
