import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { onTestFinished } from 'vitest';
import { searchForPrivateKey } from '../../../functions/certificate/container/private-key.ts';
import { PUSH_LOGIN_FORM } from '../../../functions/push/authentication.ts';
import { createPush, type PushRecord } from '../../../functions/push/push.ts';
import { openPushStore } from '../../../functions/push/store.ts';
import { createSecretReader } from '../../../functions/secret.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { withoutHttp } from '../../aws-json-direct.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import { startEventBus } from '../survey/event-bus.ts';
import type { Login } from './request.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const SECRET = 'collector/push';
const BUCKET = 'bucket';
export const LOGIN = { username: 'ca', password: 'kestrel:at:dawn' };
export const ORDER = '1378973013';

interface Preparation {
  readonly secret?: string;
  readonly secretId?: string;
  /** The endpoint of Secrets Manager, in place of a secret. */
  readonly secretsUrl?: string;
  /** False: a stack of release 0.1.0, whose function knows no bucket. */
  readonly bucket?: boolean;
}

/** The function behind the handler, with Step Functions, Secrets Manager, S3 and EventBridge on the loopback interface. */
export async function prepare({
  secret = JSON.stringify(LOGIN),
  secretId = SECRET,
  secretsUrl,
  bucket = true,
}: Preparation = {}) {
  let time = Date.parse('2026-11-23T10:00:00Z');
  let throttled = false;
  let ending = Promise.withResolvers<object | Error>();
  const machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    async task() {
      const result = await ending.promise;
      if (result instanceof Error) {
        throw result;
      }
      return result;
    },
    waitMilliseconds: () => 0,
  });
  const forward = (action: string) => async (input: Record<string, unknown>) => {
    if (throttled) {
      throw new ServiceError('ThrottlingException', 'Rate exceeded');
    }
    const { status, output } = await machine.answer(`AWSStepFunctions.${action}`, input);
    if (status !== 200) {
      const { __type: name, message } = output as Record<string, unknown>;
      throw new ServiceError(String(name), String(message));
    }
    return output;
  };
  // The state machine, which can be throttled.
  const states = withoutHttp(
    await startAwsJsonEndpoint({
      'AWSStepFunctions.StartExecution': forward('StartExecution'),
      'AWSStepFunctions.DescribeExecution': forward('DescribeExecution'),
    }),
  );
  const secrets = withoutHttp(await startSecretsEndpoint({ [secretId]: secret }));
  const bus = await startEventBus();
  const server = await startDirectS3Server();
  const common = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  };
  const sfn = new SFNClient({ ...common, endpoint: states.url });
  const eventBridge = new EventBridgeClient({ ...common, endpoint: bus.url });
  const s3 = new S3Client({ ...common, endpoint: server.url, forcePathStyle: true });
  const secretsManager = new SecretsManagerClient({ ...common, endpoint: secretsUrl ?? secrets.url });
  onTestFinished(async () => {
    ending.resolve({});
    s3.destroy();
    sfn.destroy();
    secretsManager.destroy();
    eventBridge.destroy();
    await Promise.all([machine.close(), states.close(), secrets.close(), bus.close(), server.close()]);
  });

  const records: PushRecord[] = [];
  const push = createPush({
    collector: 'acme',
    bus: { eventBridge, eventBusName: 'brand-events' },
    stateMachineArn: ARN,
    sfn,
    store: bucket ? async () => openPushStore(s3, BUCKET) : undefined,
    searchForPrivateKey: async (bytes) => searchForPrivateKey(bytes),
    login: createSecretReader(secretsManager, SECRET, PUSH_LOGIN_FORM, () => time),
    observe: (record) => records.push(record),
    now: () => new Date(time),
  });
  /** Stores an object as JSON. */
  const store = (key: string, content: object) =>
    s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: JSON.stringify(content) }));
  return {
    records,
    bus,
    s3: server,
    store,
    /** Makes an order known: an event with these options was sent for it some time ago. */
    async order(options: object = {}, execution = `order-${ORDER}`, age = 30 * 24 * 60 * 60_000) {
      const at = new Date(time - age).toISOString();
      const file = { schemaVersion: 1, collector: 'acme', orderNumber: ORDER, options, execution };
      await store(`orders/${ORDER}/order.json`, { ...file, orderedAt: at, updatedAt: at });
    },
    /** The text of each object below `pushes/`, by its key. */
    async pushes(): Promise<Record<string, string>> {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'pushes/' }));
      const objects = await Promise.all(
        Contents.map(async ({ Key = '' }) => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
          return [Key, (await Body?.transformToString('latin1')) ?? ''] as const;
        }),
      );
      return Object.fromEntries(objects);
    },
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
    /** Ends the running executions, with an output or an error. */
    async end(result: object | Error = {}) {
      ending.resolve(result);
      ending = Promise.withResolvers();
      await Promise.all([...machine.executions.values()].map(({ ended }) => ended));
    },
  };
}

/** The fields of a push that reports an issued certificate. */
export const issued = { orderNumber: ORDER, certificateID: '7654321', eventType: 'Certificate', statusCode: '6' };
