import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { onTestFinished } from 'vitest';
import { PUSH_LOGIN_FORM } from '../../../functions/push/authentication.ts';
import { createPush, type PushRecord } from '../../../functions/push/push.ts';
import { createSecretReader } from '../../../functions/secret.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { startEventBus } from '../survey/event-bus.ts';
import type { Login } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
export const LOGIN = { username: 'ca', password: 'kestrel:at:dawn' };
export const ORDER = '1378973013';

interface Preparation {
  readonly secret?: string;
  readonly secretId?: string;
  /** The endpoint of Secrets Manager, in place of a secret. */
  readonly secretsUrl?: string;
}

/** The function behind the handler, with Step Functions and Secrets Manager on the loopback interface. */
export async function prepare({ secret = JSON.stringify(LOGIN), secretId = SECRET, secretsUrl }: Preparation = {}) {
  let time = Date.parse('2026-11-23T10:00:00Z');
  let throttled = false;
  let ending = Promise.withResolvers<void>();
  const machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: async () => {
      await ending.promise;
      return {};
    },
    waitMilliseconds: () => 0,
  });
  const forward = (action: string) => async (input: Record<string, unknown>) => {
    if (throttled) {
      throw new ServiceError('ThrottlingException', 'Rate exceeded');
    }
    const headers = { 'x-amz-target': `AWSStepFunctions.${action}` };
    const response = await fetch(machine.url, { method: 'POST', headers, body: JSON.stringify(input) });
    const output = (await response.json()) as Record<string, unknown>;
    if (!response.ok) {
      throw new ServiceError(String(output.__type), String(output.message));
    }
    return output;
  };
  const describeExecution = forward('DescribeExecution');
  // The state machine, which can be throttled and returns the input of an execution like AWS.
  const states = await startAwsJsonEndpoint({
    'AWSStepFunctions.StartExecution': forward('StartExecution'),
    'AWSStepFunctions.DescribeExecution': async (input) => {
      const output = await describeExecution(input);
      return { ...output, input: JSON.stringify(machine.executions.get(String(output.name))?.input) };
    },
  });
  const secrets = await startSecretsEndpoint({ [secretId]: secret });
  const bus = await startEventBus();
  const common = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  };
  const sfn = new SFNClient({ ...common, endpoint: states.url });
  const eventBridge = new EventBridgeClient({ ...common, endpoint: bus.url });
  const secretsManager = new SecretsManagerClient({ ...common, endpoint: secretsUrl ?? secrets.url });
  onTestFinished(async () => {
    ending.resolve();
    sfn.destroy();
    secretsManager.destroy();
    eventBridge.destroy();
    await Promise.all([machine.close(), states.close(), secrets.close(), bus.close()]);
  });

  const records: PushRecord[] = [];
  const push = createPush({
    collector: 'acme',
    bus: { eventBridge, eventBusName: 'brand-events' },
    stateMachineArn: ARN,
    sfn,
    login: createSecretReader(secretsManager, SECRET, PUSH_LOGIN_FORM, () => time),
    observe: (record) => records.push(record),
    now: () => new Date(time),
  });
  return {
    records,
    bus,
    async send(event: LambdaFunctionURLEvent) {
      const { statusCode, headers, body } = await push(event);
      return { statusCode, headers, body: body?.trimEnd() };
    },
    /** Name and input of every execution, in the order of their start. */
    started: () => [...machine.executions.values()].map(({ name, input }) => [name, input]),
    secretReads: () => secrets.reads,
    putSecret: (login: Login) =>
      secretsManager.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString: JSON.stringify(login) })),
    startByHand: (name: string, input: object) =>
      sfn.send(new StartExecutionCommand({ stateMachineArn: ARN, name, input: JSON.stringify(input) })),
    throttle(on: boolean) {
      throttled = on;
    },
    wait(milliseconds: number) {
      time += milliseconds;
    },
    /** Ends the running executions. */
    async end() {
      ending.resolve();
      ending = Promise.withResolvers();
      await Promise.all([...machine.executions.values()].map(({ ended }) => ended));
    },
  };
}

/** The fields of a push that reports an issued certificate. */
export const issued = { orderNumber: ORDER, certificateID: '7654321', eventType: 'Certificate', statusCode: '6' };
