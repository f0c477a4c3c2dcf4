import { randomUUID } from 'node:crypto';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { FAILED, ORDERED } from '../../../functions/events.ts';
import { AwsUnavailableError } from '../../../infra/deployed/aws.ts';
import { SMOKE_STEPS, type SmokeRequest, type SmokeStep, smoke } from '../../../infra/deployed/smoke.ts';
import { keyStatements } from '../../../infra/key-policy.ts';
import { readSettings, type SettingsInput, writeSettings } from '../../../infra/settings.ts';
import { codeIn, read, tableBelow } from '../markdown.ts';
import { KEY_ARN } from '../synthesized.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:111122223333:alarms';
const DEAD_LETTERS = 'https://sqs.example/111122223333/dead-letters';
const ALARMS = ['First', 'Second'];
const LOGIN = { username: 'ca', password: 'the-password', pathSecret: 'the-secret-in-the-path_0123456789' };
const ALL: SettingsInput = { push: true, publish: true, kmsKeyArn: KEY_ARN };

/** Everything that a test can change in the account of {@link createAccount}. */
interface Faults {
  /** Actions that AWS denies. */
  readonly denied?: readonly string[];
  /** What loses its messages. */
  readonly lost?: readonly ('alarm' | 'message' | 'dead-letter')[];
  readonly alarmState?: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  readonly keyPolicy?: string;
  readonly published?: readonly string[];
  /** Changes the answer to a request to the push URL or to the published address. */
  readonly answer?: (url: URL, answer: Answer) => Partial<Answer>;
  readonly outputs?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An account with one stack in memory, behind the real SDK clients. */
function createAccount(settings: SettingsInput, faults: Faults = {}) {
  const queues = new Map<string, { id: string; body: string }[]>([
    [DEAD_LETTERS, [{ id: 'other', body: 'a dead letter of somebody else' }]],
  ]);
  const subscribed = new Map<string, string>();
  const states: string[] = [];
  const outputs = {
    AlarmTopicArn: TOPIC,
    BucketName: 'bucket',
    PushUrl: 'https://push.example/',
    PushCredentialsSecretArn: 'secret',
    PublishedUrl: 'https://bimi.example',
    Settings: JSON.stringify(writeSettings(readSettings({ ...settings }))),
    ...faults.outputs,
  };
  const send = (queue: string, body: string) => queues.get(queue)?.push({ id: randomUUID(), body });
  const publish = (what: 'alarm' | 'message', text: string) => {
    for (const queue of faults.lost?.includes(what) ? [] : subscribed.values()) {
      send(queue, JSON.stringify({ Subject: 'subject', Message: text }));
    }
  };
  const resource = (ResourceType: string, LogicalResourceId: string, PhysicalResourceId = LogicalResourceId) => ({
    ...{ ResourceType, LogicalResourceId, PhysicalResourceId },
    ...{ ResourceStatus: 'CREATE_COMPLETE', LastUpdatedTimestamp: new Date() },
  });
  const actions: Readonly<Record<string, (input: Record<string, unknown>) => object>> = {
    DescribeStacks: () => ({
      Stacks: [
        {
          StackName: 'Stack',
          StackStatus: 'CREATE_COMPLETE',
          Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
        },
      ],
    }),
    ListStackResources: () => ({
      StackResourceSummaries: [
        ...ALARMS.map((name) => resource('AWS::CloudWatch::Alarm', name)),
        resource('AWS::SQS::Queue', 'CollectorDeadLetterQueue1234', DEAD_LETTERS),
      ],
    }),
    DescribeAlarms: () => ({
      MetricAlarms: ALARMS.map((AlarmName) => ({
        ...{ AlarmName, ActionsEnabled: true, AlarmActions: [TOPIC], StateValue: faults.alarmState ?? 'OK' },
      })),
    }),
    SetAlarmState: ({ AlarmName, StateValue, StateReason }) => {
      states.push(`${AlarmName} ${StateValue}`);
      publish('alarm', `${AlarmName} ${StateReason}`);
      return {};
    },
    PutEvents: ({ Entries }) => {
      const [{ DetailType, Detail }] = Entries as [{ readonly DetailType: string; readonly Detail: string }];
      if (DetailType === FAILED) {
        publish('message', `Order 1: ${JSON.parse(Detail).domains}`);
      }
      if (DetailType === ORDERED && !faults.lost?.includes('dead-letter')) {
        send(DEAD_LETTERS, `{"requestPayload":${Detail}}`);
      }
      return { FailedEntryCount: 0, Entries: [{ EventId: '1' }] };
    },
    GetKeyPolicy: () => ({
      Policy:
        faults.keyPolicy ??
        JSON.stringify({
          Statement: keyStatements({ partition: 'aws', region: 'us-east-1', account: '111122223333', publish: true }),
        }),
    }),
    ListObjectsV2: () => ({ Contents: (faults.published ?? []).map((Key) => ({ Key })) }),
    GetSecretValue: () => ({ SecretString: JSON.stringify(LOGIN), VersionId: '1' }),
    CreateQueue: ({ QueueName }) => {
      const QueueUrl = `https://sqs.example/${QueueName}`;
      queues.set(QueueUrl, []);
      return { QueueUrl };
    },
    ReceiveMessage: ({ QueueUrl }) => ({
      Messages: queues.get(String(QueueUrl))?.map(({ id, body }) => ({ ReceiptHandle: id, Body: body })),
    }),
    DeleteMessage: ({ QueueUrl, ReceiptHandle }) => {
      queues.set(String(QueueUrl), queues.get(String(QueueUrl))?.filter(({ id }) => id !== ReceiptHandle) ?? []);
      return {};
    },
    DeleteQueue: ({ QueueUrl }) => {
      queues.delete(String(QueueUrl));
      return {};
    },
    Subscribe: ({ TopicArn, Endpoint }) => {
      expect(Endpoint).toMatch(/^arn:aws:sqs:eu-central-1:111122223333:smoke-test-/);
      subscribed.set(`${TopicArn}:1`, `https://sqs.example/${String(Endpoint).split(':').at(-1)}`);
      return { SubscriptionArn: `${TopicArn}:1` };
    },
    Unsubscribe: ({ SubscriptionArn }) => {
      subscribed.delete(String(SubscriptionArn));
      return {};
    },
  };

  /** Answers every command of a client here, in place of the network. */
  function connect<Client extends { middlewareStack: { add(handler: never, options: never): void } }>(client: Client) {
    const middleware = (_: unknown, { commandName = '' }: { readonly commandName?: string }) => {
      const name = commandName.replace(/Command$/, '');
      return async ({ input }: { readonly input: Record<string, unknown> }) => {
        if (faults.denied?.includes(name)) {
          throw Object.assign(new Error(`${name} is denied`), { name: 'AccessDenied', $metadata: {} });
        }
        return { output: actions[name]?.(input), response: {} };
      };
    };
    client.middlewareStack.add(middleware as never, { step: 'initialize' } as never);
    return client;
  }

  async function fetch(url: URL, { headers }: SmokeRequest): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`;
    const usual: Answer =
      url.host === 'push.example'
        ? headers.authorization === authorization || url.pathname === `/${LOGIN.pathSecret}`
          ? { status: 200, headers: {}, body: 'accepted\n' }
          : { status: 401, headers: { 'x-amzn-remapped-www-authenticate': 'Basic realm="x"' }, body: 'wrong' }
        : {
            status: faults.published?.includes(`published${url.pathname}`) ? 200 : 403,
            headers: {
              'content-security-policy': "default-src 'none'; sandbox",
              'strict-transport-security': 'max-age=31536000',
              'x-content-type-options': 'nosniff',
              'content-type': 'application/pem-certificate-chain',
            },
            body: 'body',
          };
    const { status, headers: sent, body } = { ...usual, ...faults.answer?.(url, usual) };
    return new Response(body, { status, headers: sent });
  }

  const options = { region: 'eu-central-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const stop = new AbortController();
  return {
    queues,
    subscribed,
    states,
    stop,
    dependencies: {
      stackName: 'Stack',
      cloudFormation: connect(new CloudFormationClient(options)),
      cloudWatch: connect(new CloudWatchClient(options)),
      eventBridge: connect(new EventBridgeClient(options)),
      kms: connect(new KMSClient(options)),
      s3: connect(new S3Client(options)),
      secrets: connect(new SecretsManagerClient(options)),
      sns: connect(new SNSClient(options)),
      sqs: connect(new SQSClient(options)),
      fetch,
      queueMilliseconds: 0,
      messageMilliseconds: 30,
      deadLetterMilliseconds: 30,
      signal: stop.signal,
      observe: () => {},
    },
  };
}

/** The outcome of every step. */
async function outcomesWith(settings: SettingsInput, faults: Faults = {}) {
  const account = createAccount(settings, faults);
  const results = await smoke(account.dependencies);
  expect(results.map(({ step }) => step)).toEqual(Object.keys(SMOKE_STEPS));
  const outcomes = Object.fromEntries(results.map(({ step, outcome }) => [step, outcome]));
  const textOf = (step: SmokeStep) => results.find((each) => each.step === step)?.text;
  return { ...account, outcomes, textOf };
}

const LIVE = { published: ['published/example.com/default.json', 'published/example.com/default.pem'] };
const passedExcept = (others: Partial<Record<SmokeStep, string>>) => ({
  ...Object.fromEntries(Object.keys(SMOKE_STEPS).map((step) => [step, 'passed'])),
  ...others,
});

test('The runbook lists every step, and what it shows.', () => {
  const rows = tableBelow(read('docs/runbook.md'), '| step | what it shows | if it fails |');
  expect(rows.map(([step = '', shows]) => [codeIn(step), shows])).toEqual(Object.entries(SMOKE_STEPS));
});

describe('a smoke test', () => {
  test('In an account without faults, every step passes, and nothing stays behind.', async () => {
    const { outcomes, queues, subscribed, states } = await outcomesWith(ALL, LIVE);
    expect(outcomes).toEqual(passedExcept({}));
    expect([...queues.keys()]).toEqual([DEAD_LETTERS]);
    expect(queues.get(DEAD_LETTERS)?.map(({ id }) => id)).toEqual(['other']);
    expect(subscribed.size).toBe(0);
    expect(states).toEqual(['First ALARM', 'First OK']);
  });

  test('A step whose setting is off is absent, which is no failure.', async () => {
    const { outcomes } = await outcomesWith({});
    expect(outcomes).toEqual(
      passedExcept({
        'key-policy': 'absent',
        'push-without-login': 'absent',
        'push-with-login': 'absent',
        'published-address': 'absent',
        'live-publication': 'absent',
      }),
    );
  });

  test('Before the first publication, only the step about it is absent.', async () => {
    expect((await outcomesWith(ALL)).outcomes).toEqual(passedExcept({ 'live-publication': 'absent' }));
  });

  test.each<[title: string, faults: Faults, outcomes: Partial<Record<SmokeStep, string>>]>([
    ['The topic refuses CloudWatch.', { lost: ['alarm'] }, { alarm: 'failed' }],
    ['notify cannot publish.', { lost: ['message'] }, { message: 'failed' }],
    ['The dead-letter queue receives nothing.', { lost: ['dead-letter'] }, { 'dead-letter': 'failed' }],
    ['The key does not allow any service.', { keyPolicy: '{"Statement":[]}' }, { 'key-policy': 'failed' }],
    ['The policy of the key cannot be read.', { denied: ['GetKeyPolicy'] }, { 'key-policy': 'skipped' }],
    ['Every alarm has fired already.', { alarmState: 'ALARM' }, { alarm: 'skipped' }],
    ['No alarm can be set.', { denied: ['SetAlarmState'] }, { alarm: 'skipped' }],
    ['No event can be sent.', { denied: ['PutEvents'] }, { message: 'skipped', 'dead-letter': 'skipped' }],
    ['No queue can be created.', { denied: ['CreateQueue'] }, { alarm: 'skipped', message: 'skipped' }],
    ['The topic cannot be subscribed to.', { denied: ['Subscribe'] }, { alarm: 'skipped', message: 'skipped' }],
    ['The queue cannot be deleted.', { denied: ['DeleteQueue'] }, { 'clean-up': 'failed' }],
    ['The login cannot be read.', { denied: ['GetSecretValue'] }, { 'push-with-login': 'skipped' }],
    ['The bucket cannot be listed.', { denied: ['ListObjectsV2'] }, { 'live-publication': 'skipped' }],
    [
      'The push URL accepts everybody.',
      { answer: ({ host }) => (host === 'push.example' ? { status: 200, body: 'accepted' } : {}) },
      { 'push-without-login': 'failed' },
    ],
    [
      'The response of the push URL contains no challenge.',
      { answer: (_, { status }) => (status === 401 ? { headers: {} } : {}) },
      { 'push-without-login': 'failed' },
    ],
    [
      'The push URL refuses the login.',
      { answer: (_, { status }) => (status === 200 ? { status: 503 } : {}) },
      { 'push-with-login': 'failed', 'live-publication': 'failed' },
    ],
    [
      'The push URL refuses the secret in the path.',
      { answer: ({ pathname }) => (pathname === `/${LOGIN.pathSecret}` ? { status: 401 } : {}) },
      { 'push-with-login': 'failed' },
    ],
    [
      'The published address redirects.',
      { answer: (_, { status }) => (status === 403 ? { status: 301 } : {}) },
      { 'published-address': 'failed' },
    ],
    [
      'The published address sends no headers.',
      { answer: (_, { status }) => (status === 403 ? { headers: {} } : {}) },
      { 'published-address': 'failed' },
    ],
  ])('%s The steps that show it fail or are skipped, and all others pass.', async (_, faults, others) => {
    const { outcomes } = await outcomesWith(ALL, { ...LIVE, ...faults });
    expect(outcomes).toEqual(passedExcept(others));
  });

  test('An alarm that was set gets its state back, even if no message arrives.', async () => {
    const { states } = await outcomesWith({}, { lost: ['alarm'], alarmState: 'INSUFFICIENT_DATA' });
    expect(states).toEqual(['First ALARM', 'First INSUFFICIENT_DATA']);
  });

  test('If the topic cannot be subscribed to, the temporary queue is deleted.', async () => {
    expect([...(await outcomesWith({}, { denied: ['Subscribe'] })).queues.keys()]).toEqual([DEAD_LETTERS]);
  });

  test('A test that is stopped runs no further step, and deletes what it created.', async () => {
    const { dependencies, stop, queues, subscribed, states } = createAccount(ALL, LIVE);
    const results = await smoke({ ...dependencies, observe: ({ step }) => step === 'alarm' && stop.abort() });
    expect(results.map(({ outcome }) => outcome)).toEqual([
      ...['passed', 'passed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'passed'],
    ]);
    expect([...queues.keys()]).toEqual([DEAD_LETTERS]);
    expect(subscribed.size).toBe(0);
    expect(states).toEqual(['First ALARM', 'First OK']);
  });

  test('What cannot be deleted is named, with the reason.', async () => {
    const { textOf } = await outcomesWith({}, { denied: ['DeleteQueue'] });
    expect(textOf('clean-up')).toMatch(/https:\/\/sqs\.example\/smoke-test-[0-9a-f]{8}-.*DeleteQueue is denied/);
  });

  test('A failed step names the service that the key does not allow.', async () => {
    const { textOf } = await outcomesWith(ALL, { keyPolicy: '{"Statement":[]}' });
    expect(textOf('key-policy')).toContain('events.amazonaws.com, cloudwatch.amazonaws.com, cloudfront.amazonaws.com');
  });

  test('A stack of an earlier release, which has no output Settings, is not tested.', async () => {
    const { dependencies, states } = createAccount({}, { outputs: { Settings: '' } });
    await expect(smoke(dependencies)).rejects.toThrow(AwsUnavailableError);
    expect(states).toEqual([]);
  });

  test('A stack that cannot be read is not tested.', async () => {
    const { dependencies } = createAccount({}, { denied: ['DescribeStacks'] });
    await expect(smoke(dependencies)).rejects.toThrow(AwsUnavailableError);
  });
});
