import { setTimeout as wait } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect } from 'vitest';
import { executionArn } from '../../../functions/executions.ts';
import { type OrderStatus, parseStatus, statusKey } from '../../../functions/store/status.ts';
import { messagesAbout } from '../messages.ts';
import {
  certificate,
  cloud,
  collector,
  error,
  issued,
  outcomeOf,
  PROCESSING,
  runSurvey,
  severalChecks,
  testOrder,
  until,
} from '../suite.ts';

export function describeStatusAndMessages(): void {
  describe('the status of an order', () => {
    testOrder(
      'It follows the order from waiting to issued, and each state that needs a person is one message.',
      async (order) => {
        collector.ca.order(order, [PROCESSING, error(-22)]);
        await collector.announce({ orderNumber: order, domains: ['example.com'], product: 'VMC' });
        const paying = await statusWith(
          order,
          ({ reason, reportedAt }) => reason === 'payment' && reportedAt !== undefined,
        );
        expect(paying).toMatchObject({
          schemaVersion: 1,
          collector: 'mark-certificate-collector',
          orderNumber: order,
          account: null,
          domains: ['example.com'],
          product: 'VMC',
          execution: `order-${order}`,
          state: 'waiting',
        });
        await severalChecks();
        expect(await messagesAbout(order, 1)).toHaveLength(1);
        collector.ca.order(order, [issued(certificate())]);
        const ended = await collector.ended(`order-${order}`);
        const collected = await statusWith(order, ({ state }) => state === 'issued');
        expect(collected).not.toHaveProperty('reason');
        expect(await messagesAbout(order, 2)).toHaveLength(2);
        return outcomeOf(ended);
      },
    );

    testOrder('A refused order is one message, and its status is failed and reported.', async (order) => {
      collector.ca.order(order, [error(-20)]);
      await collector.announce({ orderNumber: order });
      const failed = await statusWith(order, ({ reportedAt }) => reportedAt !== undefined);
      expect(failed).toMatchObject({ state: 'failed', error: 'OrderRejected', execution: `order-${order}` });
      expect(await messagesAbout(order, 1)).toHaveLength(1);
      return 'one message';
    });

    testOrder('An execution that somebody stops is one message, and its status is failed.', async (order) => {
      await waitForever(order);
      await stop(order);
      const failed = await statusWith(order, ({ reportedAt }) => reportedAt !== undefined);
      expect(failed).toMatchObject({ state: 'failed', error: 'ExecutionAborted', execution: `order-${order}` });
      expect(await messagesAbout(order, 1)).toHaveLength(1);
      return 'one message';
    });

    testOrder('The survey reports an order whose execution ended without an event.', async (order) => {
      await waitForever(order);
      await setRules('disable');
      await stop(order);
      await until(async () => (await collector.executions(`order-${order}`, 'RUNNING')).length === 0);
      await setRules('enable');
      await makeOlder(order);
      await runSurvey();
      const failed = await statusWith(order, ({ reportedAt, state }) => state === 'failed' && reportedAt !== undefined);
      expect(failed).toMatchObject({ error: 'CollectionLost' });
      expect(await messagesAbout(order, 1)).toHaveLength(1);
      return 'one message';
    });
  });
}

/** Starts the collection of an order that the CA processes, and waits until its status is written. */
async function waitForever(order: string): Promise<void> {
  collector.ca.order(order, [PROCESSING]);
  await collector.announce({ orderNumber: order });
  await statusWith(order, ({ state }) => state === 'waiting');
}

/** Makes the status of a waiting order two hours older. The survey ignores what changed within the last hour. */
async function makeOlder(order: string): Promise<void> {
  const status = await statusWith(order, ({ state }) => state === 'waiting');
  const updatedAt = new Date(Date.parse(status.updatedAt) - 2 * 3_600_000).toISOString();
  await cloud.clients.s3.send(
    new PutObjectCommand({
      Bucket: collector.outputs.BucketName,
      Key: statusKey(order),
      Body: JSON.stringify({ ...status, updatedAt }),
    }),
  );
}

/** Stops the execution of an order, as a person does. */
async function stop(order: string): Promise<void> {
  const arn = executionArn(collector.outputs.StateMachineArn ?? '', `order-${order}`);
  await collector.aws('stepfunctions', 'stop-execution', '--execution-arn', arn);
}

/** Enables or disables the rules of `collector` for executions that end. */
async function setRules(change: 'enable' | 'disable'): Promise<void> {
  const { Rules } = (await collector.aws(
    ...['events', 'list-rules', '--name-prefix', `${collector.stackName}-CollectorOrder`],
  )) as { readonly Rules: readonly { readonly Name: string; readonly EventPattern: string }[] };
  const names = Rules.filter(({ EventPattern }) => EventPattern.includes('aws.states')).map(({ Name }) => Name);
  expect(names).not.toEqual([]);
  for (const name of names) {
    await collector.aws('events', `${change}-rule`, '--name', name);
  }
}

/** The status of an order, as soon as it matches. */
async function statusWith(order: string, matches: (status: OrderStatus) => boolean): Promise<OrderStatus> {
  for (;;) {
    const { 'status.json': bytes } = await collector.objects(order);
    const status = bytes && parseStatus(bytes);
    if (status?.success && matches(status.output)) {
      return status.output;
    }
    await wait(200);
  }
}
