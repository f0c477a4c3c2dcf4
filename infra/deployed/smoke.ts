import { randomBytes } from 'node:crypto';
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { type CloudWatchClient, DescribeAlarmsCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetKeyPolicyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { EVENT_SOURCE, FAILED, type FailedDetail, ORDERED } from '../../functions/events.ts';
import { PUSH_LOGIN_FORM } from '../../functions/push/authentication.ts';
import { createSecretReader } from '../../functions/secret.ts';
import { PUBLISHED } from '../../functions/store/publication.ts';
import { keyStatements, missingServices } from '../key-policy.ts';
import { AwsUnavailableError, withAwsErrors } from './aws.ts';
import { findMessage, openInbox, type SmokeInbox } from './smoke-inbox.ts';
import { readStack } from './stacks.ts';

/** The steps in the order in which they run, and what each shows. */
export const SMOKE_STEPS = {
  'key-policy': 'the policy of the key allows the services that use it',
  alarm: 'an alarm reaches the topic of the operators',
  message: 'the function notify turns an event into a message of the topic',
  'push-without-login': 'the push URL refuses a request without a login',
  'push-with-login': 'the push URL accepts a request with the login',
  'published-address': 'the published address answers, with its headers',
  'live-publication': 'a published chain can be fetched',
  'dead-letter': 'an invalid order event reaches the dead-letter queue',
  'clean-up': 'the temporary queue and subscription are deleted',
} as const;

export type SmokeStep = keyof typeof SMOKE_STEPS;

/**
 * - `passed`, `failed`: the step ran.
 * - `skipped`: the step could not run, so nothing is known. It counts as a failure.
 * - `absent`: the stack has nothing that the step could test, because a setting is off.
 */
export type SmokeOutcome = 'passed' | 'failed' | 'skipped' | 'absent';

export interface SmokeResult {
  readonly step: SmokeStep;
  readonly outcome: SmokeOutcome;
  /** What was seen, for a person; for a failure also what to check. */
  readonly text: string;
}

export interface SmokeDependencies {
  readonly stackName: string;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly eventBridge: EventBridgeClient;
  readonly kms: KMSClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  /** Sends requests to the push URL and to the published address. */
  readonly fetch: (url: URL, init: SmokeRequest) => Promise<Response>;
  /** How long to wait until a new queue can be used, in milliseconds. */
  readonly queueMilliseconds: number;
  /** How long to wait for a message, in milliseconds. */
  readonly messageMilliseconds: number;
  /** How long to wait for a dead letter: Lambda repeats a failed invocation after one and after two more minutes. */
  readonly deadLetterMilliseconds: number;
  /** Stops the test. What it created is deleted. */
  readonly signal: AbortSignal;
  readonly observe: (result: SmokeResult) => void;
}

export interface SmokeRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

/** The order of the test messages. No CA issues this number. */
const TEST_ORDER = '1';

/** How long a server may take to answer. */
const HTTP_MILLISECONDS = 20_000;

const TEST = 'This is a test by npm run smoke. Nothing is wrong and there is nothing to do.';

/** The settings that the steps use, as the stack outputs them. */
const settingsSchema = v.object({
  name: v.string(),
  eventSource: v.string(),
  eventBusName: v.string(),
  push: v.boolean(),
  publish: v.boolean(),
  kmsKeyArn: v.optional(v.string()),
});

/** What the steps know about the stack. */
interface TestedStack {
  readonly outputs: Readonly<Record<string, string>>;
  readonly settings: v.InferOutput<typeof settingsSchema>;
  readonly alarmNames: readonly string[];
  readonly deadLetterQueueUrl: string | undefined;
}

interface Context extends SmokeDependencies {
  readonly stack: TestedStack;
  /** A text that only the messages of this run contain; also a valid DNS label. */
  readonly marker: string;
  readonly inbox: SmokeInbox | undefined;
}

type Finding = Pick<SmokeResult, 'outcome' | 'text'>;

const passed = (text: string): Finding => ({ outcome: 'passed', text });
const failed = (text: string): Finding => ({ outcome: 'failed', text });
const skipped = (text: string): Finding => ({ outcome: 'skipped', text });
const absent = (text: string): Finding => ({ outcome: 'absent', text });

/**
 * Tests a deployed stack from outside, as its users and services use it: events, alarms, messages, the push URL and the
 * published address. It does not call the CA. The operators receive the test messages, which are marked as a test.
 *
 * @returns one result for each step.
 * @throws {AwsUnavailableError} if AWS cannot be read, if there is no such stack, or if it has no output `Settings`.
 */
export async function smoke(dependencies: SmokeDependencies): Promise<SmokeResult[]> {
  const { sqs, sns, queueMilliseconds, signal } = dependencies;
  const stack = await describeStack(dependencies);
  const marker = `smoke-test-${randomBytes(4).toString('hex')}`;
  const results: SmokeResult[] = [];
  const run = async (step: SmokeStep, test: () => Promise<Finding>) => {
    const isStopped = signal.aborted && step !== 'clean-up';
    const finding = isStopped ? STOPPED : await test().catch((error) => unexpected(error, signal));
    const result = { step, ...finding };
    results.push(result);
    dependencies.observe(result);
  };

  let inbox: SmokeInbox | undefined;
  let inboxProblem: unknown;
  try {
    inbox = await openInbox({
      ...{ sqs, sns, queueMilliseconds },
      topicArn: stack.outputs.AlarmTopicArn ?? '',
      name: `${marker}-${stack.settings.name}`,
    });
  } catch (error) {
    inboxProblem = error;
  }
  const context: Context = { ...dependencies, stack, marker, inbox };
  const withInbox = (test: (context: Context, inbox: SmokeInbox) => Promise<Finding>) => async () =>
    inbox ? test(context, inbox) : skipped(`The temporary queue cannot be created and subscribed: ${inboxProblem}`);
  try {
    // Sent first, because it arrives last.
    const invalidOrder = sendInvalidOrder(context).then(
      () => undefined,
      (error: unknown) => error,
    );
    await run('key-policy', () => testKeyPolicy(context));
    await run('alarm', withInbox(testAlarm));
    await run('message', withInbox(testMessage));
    await run('push-without-login', () => testPushWithoutLogin(context));
    await run('push-with-login', () => testPushWithLogin(context));
    await run('published-address', () => testPublishedAddress(context));
    await run('live-publication', () => testLivePublication(context));
    await run('dead-letter', () => testDeadLetter(context, invalidOrder));
  } finally {
    const problems = (await inbox?.close()) ?? [];
    await run('clean-up', async () =>
      problems.length === 0 ? passed('Nothing is left.') : failed(`Delete by hand: ${problems.join(', ')}.`),
    );
  }
  return results;
}

const STOPPED = skipped('The test was stopped.');

/** An error of AWS or of the network: the step did not come to a result. */
function unexpected(error: unknown, signal: AbortSignal): Finding {
  return signal.aborted ? STOPPED : skipped(`The step could not run: ${describeError(error)}`);
}

/** `fetch` puts the reason why a connection failed into the cause. */
function describeError(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error
    ? `${error.message} (${error.cause.message})`
    : String(error);
}

async function describeStack({ cloudFormation, stackName }: SmokeDependencies): Promise<TestedStack> {
  const stack = await readStack(cloudFormation, stackName);
  if (stack === undefined) {
    throw new AwsUnavailableError(
      `The stack ${stackName} does not exist in this account and region. Check --collector, --region and --profile.`,
    );
  }
  const settings = v.safeParse(settingsSchema, stack.settings);
  if (!settings.success) {
    throw new AwsUnavailableError(
      `The output Settings of the stack ${stackName} is missing or wrong. Deploy this release first.`,
    );
  }
  const resources: { readonly type: string; readonly id: string; readonly physicalId: string }[] = [];
  await withAwsErrors('The resources of the stack cannot be listed', async () => {
    for await (const page of paginateListStackResources({ client: cloudFormation }, { StackName: stackName })) {
      for (const {
        ResourceType = '',
        LogicalResourceId = '',
        PhysicalResourceId = '',
      } of page.StackResourceSummaries ?? []) {
        resources.push({ type: ResourceType, id: LogicalResourceId, physicalId: PhysicalResourceId });
      }
    }
  });
  const ofType = (wanted: string) => resources.filter(({ type }) => type === wanted);
  return {
    outputs: stack.outputs,
    settings: settings.output,
    alarmNames: ofType('AWS::CloudWatch::Alarm').map(({ physicalId }) => physicalId),
    deadLetterQueueUrl: ofType('AWS::SQS::Queue').find(({ id }) => id.includes('DeadLetterQueue'))?.physicalId,
  };
}

async function testKeyPolicy({ kms, stack: { settings } }: Context): Promise<Finding> {
  const { kmsKeyArn, publish } = settings;
  if (kmsKeyArn === undefined) {
    return absent('The setting kmsKeyArn is not set.');
  }
  const [, partition = '', , region = '', account = ''] = kmsKeyArn.split(':');
  const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId: kmsKeyArn, PolicyName: 'default' }));
  const missing = missingServices(Policy, keyStatements({ partition, region, account, publish }));
  return missing.length === 0
    ? passed('The policy allows every service.')
    : failed(
        `The policy does not allow ${missing.join(', ')} to use the key. docs/settings.md contains the missing statements.`,
      );
}

/** Sets an alarm to ALARM, and back to its state. Its actions run as if the alarm had fired. */
async function testAlarm(context: Context, inbox: SmokeInbox): Promise<Finding> {
  const { cloudWatch, stack, marker, messageMilliseconds: milliseconds, signal } = context;
  const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [...stack.alarmNames] }));
  const alarm = MetricAlarms.find(
    ({ StateValue, ActionsEnabled, AlarmActions }) =>
      StateValue !== 'ALARM' && ActionsEnabled && AlarmActions?.includes(stack.outputs.AlarmTopicArn ?? ''),
  );
  if (alarm === undefined) {
    return skipped(
      `None of the ${MetricAlarms.length} alarms of the stack can be tested: each is in ALARM, or does not publish to the topic of the operators. Fix what they report, then try again.`,
    );
  }
  const { AlarmName, StateValue } = alarm;
  const setState = (state: typeof StateValue) =>
    cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue: state, StateReason: `${TEST} (${marker})` }));
  await setState('ALARM');
  try {
    return (await inbox.find(`(${marker})`, { milliseconds, signal }))
      ? passed(`The message of ${AlarmName} arrived.`)
      : failed(
          `No message of ${AlarmName} arrived within ${milliseconds / 1000} s. Check the policies of the topic and of its key: cloudwatch.amazonaws.com must be allowed.`,
        );
  } finally {
    await setState(StateValue);
  }
}

/** Sends the event about a failed order, which does not exist. */
async function testMessage(context: Context, inbox: SmokeInbox): Promise<Finding> {
  const { stack, marker, messageMilliseconds: milliseconds, signal } = context;
  // The alarm before it was about the marker too.
  const domain = `${marker}.example`;
  const now = new Date().toISOString();
  const detail: FailedDetail = {
    collector: stack.settings.name,
    orderNumber: TEST_ORDER,
    account: null,
    domains: [domain],
    execution: `order-${TEST_ORDER}-${marker}`,
    startedAt: now,
    updatedAt: now,
    error: 'SmokeTest',
    text: TEST,
    nextStep: TEST,
  };
  await putEvent(context, EVENT_SOURCE, FAILED, detail);
  return (await inbox.find(domain, { milliseconds, signal }))
    ? passed('The message arrived.')
    : failed(
        `No message arrived within ${milliseconds / 1000} s. Check the log of notify, the dead-letter queue, and the policy of the key.`,
      );
}

/** No order number has letters, so start refuses the event. */
function sendInvalidOrder(context: Context): Promise<void> {
  return putEvent(context, context.stack.settings.eventSource, ORDERED, { orderNumber: context.marker });
}

async function testDeadLetter(context: Context, invalidOrder: Promise<unknown>): Promise<Finding> {
  const { sqs, stack, marker, deadLetterMilliseconds: milliseconds, signal } = context;
  const problem = await invalidOrder;
  if (problem !== undefined) {
    return skipped(`The event cannot be sent: ${problem}`);
  }
  if (stack.deadLetterQueueUrl === undefined) {
    return skipped('The stack has no dead-letter queue.');
  }
  return (await findMessage(sqs, stack.deadLetterQueueUrl, `"${marker}"`, { milliseconds, signal }))
    ? passed('The event arrived, and was deleted there.')
    : failed(
        `The event did not arrive within ${milliseconds / 1000} s. Check the rule, the log of start, and the policies of the queue and of its key.`,
      );
}

async function putEvent({ eventBridge, stack }: Context, source: string, type: string, detail: object): Promise<void> {
  const { Entries: [entry] = [] } = await eventBridge.send(
    new PutEventsCommand({
      Entries: [
        { EventBusName: stack.settings.eventBusName, Source: source, DetailType: type, Detail: JSON.stringify(detail) },
      ],
    }),
  );
  if (entry?.ErrorCode !== undefined) {
    throw new Error(`${entry.ErrorCode}: ${entry.ErrorMessage}`);
  }
}

const PUSH_OFF = absent('The setting push is off.');
const PUBLISH_OFF = absent('The setting publish is off.');

async function testPushWithoutLogin(context: Context): Promise<Finding> {
  if (!context.stack.settings.push) {
    return PUSH_OFF;
  }
  const response = await push(context);
  if (response.status !== 401) {
    return failed(`The status is ${response.status} in place of 401. Check the log of push.`);
  }
  // Lambda renames the header of a function URL: a client that waits for a challenge does not find it.
  const names = ['www-authenticate', 'x-amzn-remapped-www-authenticate'];
  const name = names.find((each) => /^Basic realm=/.test(response.headers.get(each) ?? ''));
  return name === undefined
    ? failed('The status is 401, but no header contains the challenge.')
    : passed(`The status is 401, with the challenge in ${name}.`);
}

async function testPushWithLogin(context: Context): Promise<Finding> {
  const { secrets, stack } = context;
  if (!stack.settings.push) {
    return PUSH_OFF;
  }
  const reader = createSecretReader(secrets, stack.outputs.PushCredentialsSecretArn ?? '', PUSH_LOGIN_FORM);
  const login = await reader.read({ fresh: true });
  if (login.problem !== undefined) {
    return failed(`The login of the push URL cannot be used: ${login.problem}`);
  }
  const ways = [
    ['the password', await push(context, { login: `${login.username}:${login.password}` })],
    ...(login.pathSecret === undefined
      ? []
      : [['the secret in the path', await push(context, { path: login.pathSecret })] as const]),
  ] as const;
  for (const [way, response] of ways) {
    const text = (await response.text()).trim().slice(0, 200);
    if (response.status !== 200 || text !== 'accepted') {
      return failed(`With ${way}, the status is ${response.status} in place of 200 (${text}). Check the log of push.`);
    }
  }
  return passed(`The status is 200, with ${ways.map(([way]) => way).join(' and with ')}.`);
}

/** Sends the push "awaiting brand validation" (12), which starts nothing. */
function push(
  { fetch, stack, signal }: Context,
  { login, path = '' }: { readonly login?: string; readonly path?: string } = {},
): Promise<Response> {
  const fields = { orderNumber: TEST_ORDER, eventType: 'certificate', statusCode: '12', statusDesc: 'smoke test' };
  return fetch(new URL(path, stack.outputs.PushUrl ?? ''), {
    method: 'POST',
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_MILLISECONDS)]),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(login !== undefined && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    },
    body: new URLSearchParams(fields).toString(),
  });
}

/** A part of each header that every response must have. */
const PUBLISHED_HEADERS = {
  'content-security-policy': "default-src 'none'",
  'strict-transport-security': 'max-age=',
  'x-content-type-options': 'nosniff',
};

/** Fetches an address at which nothing is published. CloudFront must reach the bucket to know that. */
async function testPublishedAddress(context: Context): Promise<Finding> {
  if (!context.stack.settings.publish) {
    return PUBLISH_OFF;
  }
  const response = await fetchPublished(context, `${context.marker}.example/default.svg`);
  if (response.status !== 403 && response.status !== 404) {
    return failed(
      `The status of a missing object is ${response.status} in place of 403. Check that the DNS of the host name points to the output DistributionDomainName.`,
    );
  }
  const missing = Object.entries(PUBLISHED_HEADERS)
    .filter(([name, part]) => !response.headers.get(name)?.includes(part))
    .map(([name]) => name);
  return missing.length === 0
    ? passed(`A missing object has the status ${response.status}, and the headers are right.`)
    : failed(`These headers are missing or wrong: ${missing.join(', ')}. Deploy again.`);
}

async function testLivePublication(context: Context): Promise<Finding> {
  const { s3, stack } = context;
  if (!stack.settings.publish) {
    return PUBLISH_OFF;
  }
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: stack.outputs.BucketName, Prefix: PUBLISHED }));
  const key = listed.Contents?.map(({ Key = '' }) => Key).find((each) => each.endsWith('.pem'));
  if (key === undefined) {
    return absent('Nothing is published yet.');
  }
  const path = key.slice(PUBLISHED.length);
  const response = await fetchPublished(context, path);
  const type = response.headers.get('content-type');
  return response.status === 200 && type === 'application/pem-certificate-chain'
    ? passed(`${path} has the status 200.`)
    : failed(
        `${path} has the status ${response.status} and the type ${type}, in place of 200 and application/pem-certificate-chain. 403 with a key in kmsKeyArn: its policy does not allow CloudFront.`,
      );
}

function fetchPublished({ fetch, stack, signal }: Context, path: string): Promise<Response> {
  return fetch(new URL(`${stack.outputs.PublishedUrl}/${path}`), {
    method: 'GET',
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_MILLISECONDS)]),
    headers: {},
  });
}
