import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import { certificate, collector, fireOnce, functionArn, issued, table } from '../suite.ts';

/** Shows that four extensions of infra/local/emulator/emulator.py do what AWS documents. The other cases need the rest. */
export function describeEmulatorExtensions(): void {
  describe('an extension of the emulator', () => {
    test('A role sends only events that its policy names, and one other entry denies the whole call.', async () => {
      const role = await createRole('event-sender', { AWS: 'arn:aws:iam::000000000000:root' });
      await allow('event-sender', 'events:PutEvents', '*', {
        StringEquals: { 'events:source': 'sender', 'events:detail-type': ['one', 'two'] },
      });
      const events = new EventBridgeClient({ credentials: await assume(role) });
      const send = (...entries: readonly (readonly [source: string, detailType: string])[]) =>
        events.send(
          new PutEventsCommand({
            Entries: entries.map(([Source, DetailType]) => ({ Source, DetailType, Detail: '{}' })),
          }),
        );
      const denied = { name: 'AccessDeniedException' };
      expect(await send(['sender', 'one'], ['sender', 'two'])).toMatchObject({ FailedEntryCount: 0 });
      await expect(send(['sender', 'three'])).rejects.toMatchObject(denied);
      await expect(send(['another', 'one'])).rejects.toMatchObject(denied);
      await expect(send(['sender', 'one'], ['another', 'one'])).rejects.toMatchObject(denied);
      await expect(send(['sender', 'one'], ['sender', 'three'])).rejects.toMatchObject(denied);
      events.destroy();
    });

    test('A role changes only the labels of a secret that its policy names.', async () => {
      const role = await createRole('label-mover', { AWS: 'arn:aws:iam::000000000000:root' });
      await allow('label-mover', 'secretsmanager:UpdateSecretVersionStage', '*', {
        StringLike: { 'secretsmanager:VersionStage': ['REJECTED-*', 'DOUBTED-*'] },
      });
      const owner = new SecretsManagerClient();
      const mover = new SecretsManagerClient({ credentials: await assume(role) });
      const { ARN: SecretId, VersionId } = await owner.send(
        new CreateSecretCommand({ Name: 'label-mover', SecretString: '{}' }),
      );
      const set = (VersionStage: string) =>
        mover.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, MoveToVersionId: VersionId }));
      await set(`REJECTED-${VersionId}`);
      await set('DOUBTED-20261101');
      await expect(set('AWSPENDING')).rejects.toMatchObject({ name: 'AccessDeniedException' });
      await expect(set('MY-REJECTED-1')).rejects.toMatchObject({ name: 'AccessDeniedException' });
      await owner.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
      owner.destroy();
      mover.destroy();
    });

    test('A role creates and reads schedules only in the group that its policy names.', async () => {
      const role = await createRole('schedule-maker', { AWS: 'arn:aws:iam::000000000000:root' });
      await allow('schedule-maker', 'scheduler:*Schedule', 'arn:aws:scheduler:*:*:schedule/permitted/*');
      const owner = new SchedulerClient();
      const maker = new SchedulerClient({ credentials: await assume(role) });
      const [permitted, other] = ['permitted', 'other'];
      for (const Name of [permitted, other]) {
        await owner.send(new CreateScheduleGroupCommand({ Name }));
      }
      const Arn = await functionArn('SurveyFunction');
      const create = (GroupName?: string) =>
        maker.send(
          new CreateScheduleCommand({
            Name: 'in-a-century',
            GroupName,
            ScheduleExpression: 'at(2126-01-01T00:00:00)',
            FlexibleTimeWindow: { Mode: 'OFF' },
            Target: { Arn, RoleArn: role },
          }),
        );
      const get = (GroupName?: string) => maker.send(new GetScheduleCommand({ Name: 'in-a-century', GroupName }));
      const denied = { name: 'AccessDeniedException' };
      await create(permitted);
      expect(await get(permitted)).toMatchObject({ GroupName: permitted });
      for (const group of [other, undefined]) {
        await expect(create(group)).rejects.toMatchObject(denied);
        await expect(get(group)).rejects.toMatchObject(denied);
      }
      for (const Name of [permitted, other]) {
        await owner.send(new DeleteScheduleGroupCommand({ Name }));
      }
      owner.destroy();
      maker.destroy();
    });

    test('A schedule invokes its target only if its role permits that.', async () => {
      const RoleArn = await createRole('schedule', { Service: 'scheduler.amazonaws.com' });
      const Arn = await functionArn('StartFunction');
      const fire = async (orderNumber: string) => {
        collector.ca.order(orderNumber, [issued(certificate())]);
        await fireOnce({ Arn, RoleArn, Input: JSON.stringify({ detail: { orderNumber } }) });
      };
      const [first, second] = [table.nextOrder(), table.nextOrder()];
      await fire(first);
      await allow('schedule', 'lambda:InvokeFunction', Arn);
      await fire(second);
      expect(await collector.ended(`order-${second}`)).toMatchObject({ status: 'SUCCEEDED' });
      expect(await collector.executions(`order-${first}`)).toEqual([]);
    });
  });
}

/** Creates a role and returns its ARN. */
async function createRole(name: string, principal: Readonly<Record<string, string>>): Promise<string> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
  };
  const { Role } = (await collector.aws(
    ...['iam', 'create-role', '--role-name', name, '--assume-role-policy-document', JSON.stringify(trust)],
  )) as { readonly Role: { readonly Arn: string } };
  return Role.Arn;
}

/** The credentials of a session of a role. */
async function assume(role: string) {
  const { Credentials } = (await collector.aws(
    ...['sts', 'assume-role', '--role-arn', role, '--role-session-name', 'test'],
  )) as { readonly Credentials: { AccessKeyId: string; SecretAccessKey: string; SessionToken: string } };
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = Credentials;
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** Gives a role one permission. */
async function allow(role: string, action: string, resource: string, condition: object = {}): Promise<void> {
  const statement = { Effect: 'Allow', Action: action, Resource: resource, Condition: condition };
  await collector.aws(
    ...['iam', 'put-role-policy', '--role-name', role, '--policy-name', 'test'],
    ...['--policy-document', JSON.stringify({ Version: '2012-10-17', Statement: [statement] })],
  );
}
