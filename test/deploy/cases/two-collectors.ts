import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { PLACEHOLDER } from '../../../functions/collect/credentials.ts';
import { EVENT_SOURCE } from '../../../functions/events.ts';
import type { Credentials } from '../../../infra/local/ca/collectmc-simulator.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type } from '../command-line.ts';
import type { DeployedCollector } from '../deployed-collector.ts';
import {
  alarms,
  bus,
  certificate,
  collector,
  error,
  issued,
  loggedLines,
  other,
  otherAlarms,
  outcomeOf,
  PROCESSING,
  table,
  testOrder,
  until,
} from '../suite.ts';

export function describeTwoCollectors(): void {
  describe('two collectors in one account', () => {
    let login: Credentials;

    test('Each has a secret, a bucket, a state machine and a topic.', async () => {
      for (const name of ['CredentialsSecretArn', 'BucketName', 'StateMachineArn', 'AlarmTopicArn']) {
        expect(other.outputs[name]).toMatch(/./);
        expect(other.outputs[name]).not.toBe(collector.outputs[name]);
      }
      expect(await other.readCredentials()).toEqual({ loginName: PLACEHOLDER, loginPassword: PLACEHOLDER });
      login = await collector.readCredentials();
      await other.putCredentials(login);
    });

    testOrder('Each order is collected by the collector whose source its event has.', async (order) => {
      const otherOrder = table.nextOrder();
      const [one, two] = await Promise.all([collectWith(collector, order), collectWith(other, otherOrder)]);
      expect([one.ended.status, two.ended.status]).toEqual(['SUCCEEDED', 'SUCCEEDED']);
      await expectOnlyIn(collector, order, one.chain, other);
      await expectOnlyIn(other, otherOrder, two.chain, collector);
      for (const [orderNumber, name] of [
        [order, 'mark-certificate-collector'],
        [otherOrder, 'other'],
      ]) {
        const event = JSON.parse(
          await bus.find((message) => message.includes(EVENT_SOURCE) && message.includes(`"${orderNumber}"`)),
        );
        expect(event.detail).toMatchObject({ collector: name, orderNumber });
      }
      return `${outcomeOf(one.ended)}, ${outcomeOf(two.ended)}`;
    });

    testOrder('The message about a failed order goes to the topic of its collector only.', async (order) => {
      const otherOrder = table.nextOrder();
      for (const [each, orderNumber] of [
        [collector, order],
        [other, otherOrder],
      ] as const) {
        each.ca.order(orderNumber, [error(-20)]);
        await each.announce({ orderNumber });
      }
      await Promise.all([
        alarms.find((message) => message.includes(order)),
        otherAlarms.find((message) => message.includes(otherOrder)),
      ]);
      // Time for a message in the wrong topic, if there were one.
      await wait(2_000);
      await Promise.all([alarms.receive(), otherAlarms.receive()]);
      expect(alarms.messages.filter((message) => message.includes(otherOrder))).toEqual([]);
      expect(otherAlarms.messages.filter((message) => message.includes(order))).toEqual([]);
      return 'one message each';
    });

    test('The metrics of each have its name as a dimension.', async () => {
      for (const [{ stackName }, name] of [
        [collector, 'mark-certificate-collector'],
        [other, 'other'],
      ] as const) {
        const names = (await loggedLines(`${stackName}/CollectorCollectFunc`)).flatMap((line) => {
          const metrics = line.startsWith('{') ? JSON.parse(line) : {};
          return '_aws' in metrics && metrics.service === 'collect' ? [String(metrics.collector)] : [];
        });
        expect([...new Set(names)]).toEqual([name]);
      }
    });

    testOrder(
      'A deployment of one keeps its login, starts its survey, and leaves the other unchanged.',
      async (order) => {
        const [before, surveys] = [await resourcesOf(collector), await surveysOfOther()];
        await other.redeploy({ remindBefore: 'P40D', responseFormat: 'pem' });
        await until(async () => (await surveysOfOther()) > surveys);
        expect(await resourcesOf(collector)).toEqual(before);
        expect(await other.readCredentials()).toEqual(login);
        expect(await collector.readCredentials()).toEqual(login);
        const { ended } = await collectWith(other, order);
        expect(Object.keys(await other.objects(order))).toContain('response.pem');
        return outcomeOf(ended);
      },
    );

    test('A deployment without a setting on which people depend is refused, and names it.', async () => {
      const before = await resourcesOf(other);
      await expect(other.redeploy({ trustAnchors: undefined })).rejects.toThrow(/Refused, .*: trustAnchors\./);
      expect(await resourcesOf(other)).toEqual(before);
    });

    testOrder('One is deleted with its waiting orders, and the other collects its orders.', async (order) => {
      const waiting = table.nextOrder();
      other.ca.order(waiting, [PROCESSING]);
      await other.announce({ orderNumber: waiting });
      await until(async () => (await other.executions(`order-${waiting}`, 'RUNNING')).length === 1);
      const { exitCode, out } = await type(['down', '--collector', 'other', '--yes']);
      expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringContaining(`order-${waiting}, since `) });
      const stopped = await bus.find((message) => message.includes(`"order-${waiting}"`));
      expect(JSON.parse(stopped).detail).toMatchObject({ status: 'ABORTED' });
      await otherAlarms.receive();
      expect(otherAlarms.messages.filter((message) => message.includes(waiting))).toEqual([]);
      await expect(other.readCredentials()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
      expect(await collector.readCredentials()).toEqual(login);
      const { ended } = await collectWith(collector, order);
      expect(ended.status).toBe('SUCCEEDED');
      return outcomeOf(ended);
    });
  });
}

/** How often the survey of `other` ran. */
async function surveysOfOther(): Promise<number> {
  const lines = await loggedLines(`${other.stackName}/CollectorSurvey`);
  return lines.filter((line) => line.startsWith('REPORT')).length;
}

/** Lets a collector collect an order that is issued already. */
async function collectWith(by: DeployedCollector, orderNumber: string) {
  const { chain } = certificate();
  by.ca.order(orderNumber, [issued({ chain })]);
  await by.announce({ orderNumber });
  return { chain, ended: await by.ended(`order-${orderNumber}`) };
}

/** Checks that one collector collected an order, and that the other knows nothing of it. */
async function expectOnlyIn(
  by: DeployedCollector,
  orderNumber: string,
  chain: readonly Uint8Array[],
  notBy: DeployedCollector,
): Promise<void> {
  expect((await by.objects(orderNumber))['chain.pem']?.toString()).toBe(pem(chain));
  expect(await notBy.objects(orderNumber)).toEqual({});
  expect(await notBy.executions(`order-${orderNumber}`)).toEqual([]);
  expect(by.ca.calls.filter((call) => call.orderNumber === orderNumber)).toHaveLength(1);
}

/** Everything in a stack, with ids, states and the times of the last changes. */
async function resourcesOf({ aws, stackName }: DeployedCollector): Promise<readonly object[]> {
  const { StackResources } = (await aws('cloudformation', 'describe-stack-resources', '--stack-name', stackName)) as {
    readonly StackResources: readonly object[];
  };
  return StackResources;
}
