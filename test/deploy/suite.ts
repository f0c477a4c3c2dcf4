/** The deployments that all cases share, and what several of them do with them. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'vitest';
import { EVENT_SOURCE } from '../../functions/events.ts';
import type { IssuedMarkCertificate } from '../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import type { Credentials } from '../../infra/local/ca/collectmc-simulator.ts';
import { type Cloud, LOGIN, startCloud } from './cloud.ts';
import { type DeployedCollector, deployCollector, type EndedExecution } from './deployed-collector.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createTable } from './table.ts';

export const PROCESSING: SimulatedResponse = { kind: 'status', status: 0 };
export const error = (code: number): SimulatedResponse => ({ kind: 'error', code });
export const issued = ({ chain }: Pick<IssuedMarkCertificate, 'chain'>): SimulatedResponse => ({
  kind: 'issued',
  certificates: chain,
});

export const WRONG_LOGIN = { ...LOGIN, loginPassword: 'wrong+horse battery%staple' };
/** The login of another account than the default one. The CA does not accept it. */
export const ACCOUNT_LOGIN: Credentials = {
  loginName: 'account@example.com',
  loginPassword: 'account+horse battery%staple',
};
export const CHANGED_LOGIN = { ...LOGIN, loginPassword: 'changed+horse battery%staple' };

const DAY = 86_400_000;

/** A moment so many days from now; negative for the past. */
export const daysFromNow = (days: number) => new Date(Date.now() + days * DAY);

export let cloud: Cloud;
/** The collector with the default name, which publishes and receives pushes. */
export let collector: DeployedCollector;
/** A second collector in the same account, region and event bus, with another name and another source. */
export let other: DeployedCollector;
/** What a consumer's rule on the bus receives: every event of this project, and the end of executions `…-again`. */
export let bus: Inbox;
/** What a subscriber of the alarm topic of `collector` receives. */
export let alarms: Inbox;
/** What a subscriber of the alarm topic of `other` receives. */
export let otherAlarms: Inbox;
export const table = createTable();

/** Deploys the stacks and subscribes to their events and messages. */
export async function setUp(): Promise<void> {
  cloud = await startCloud();
  [collector, other] = await Promise.all([
    deployCollector(cloud, { push: true, publish: true }),
    deployCollector(cloud, { name: 'other', eventSource: 'other-orders' }),
  ]);
  const { aws } = cloud;
  const { AlarmTopicArn = '' } = collector.outputs;
  bus = await createInbox(cloud.clients.queues, AlarmTopicArn, 'consumer', 'events.amazonaws.com');
  // Of the events of Step Functions, only those that a case waits for: receiving all of them takes long.
  const source = ['aws.states'];
  const pattern = {
    $or: [
      { source: [EVENT_SOURCE] },
      { source, detail: { status: ['SUCCEEDED'], name: [{ suffix: '-again' }] } },
      { source, detail: { status: ['ABORTED'] } },
    ],
  };
  await aws('events', 'put-rule', '--name', 'consumer', '--event-pattern', JSON.stringify(pattern));
  await aws('events', 'put-targets', '--rule', 'consumer', '--targets', `Id=consumer,Arn=${bus.arn}`);
  alarms = await subscribe(AlarmTopicArn, 'operator');
  otherAlarms = await subscribe(other.outputs.AlarmTopicArn ?? '', 'other-operator');
}

/** Subscribes a queue to a topic. */
export async function subscribe(topicArn: string, queue: string): Promise<Inbox> {
  const inbox = await createInbox(cloud.clients.queues, topicArn, queue, 'sns.amazonaws.com');
  await cloud.aws(
    ...['sns', 'subscribe', '--topic-arn', topicArn],
    ...['--protocol', 'sqs', '--notification-endpoint', inbox.arn],
  );
  return inbox;
}

export async function tearDown(): Promise<void> {
  table.print();
  await cloud?.close();
}

/** A test with a separate order and a row in the table. The outcome in the row is what `run` returns. */
export function testOrder(title: string, run: (order: string) => Promise<string>): void {
  const order = table.nextOrder();
  test(title, async () => {
    await table.row(
      title,
      () => run(order),
      () => callsOf(order).length,
    );
  });
}

export const callsOf = (order: string) => collector.ca.calls.filter(({ orderNumber }) => orderNumber === order);
export const answersTo = (order: string) => callsOf(order).map(({ answer }) => answer);
export const outcomeOf = ({ status, error: name }: EndedExecution) =>
  name === undefined ? status : `${status} ${name}`;

/** Makes an order known to the CA, sends its event and waits until its execution has ended. */
export async function collect(
  order: string,
  script: readonly SimulatedResponse[],
  detail: object = {},
): Promise<EndedExecution> {
  collector.ca.order(order, script);
  await collector.announce({ orderNumber: order, domains: ['example.com'], product: 'VMC', ...detail });
  return collector.ended(`order-${order}`);
}

/** Waits for the execution whose name has this prefix and a date, on whichever day it was started. */
export async function endedOfDay(prefix: string): Promise<EndedExecution> {
  let name: string | undefined;
  await until(async () => {
    name = (await collector.executions(prefix)).find((each) => /^\d{8}$/.test(each.slice(prefix.length)));
    return name !== undefined;
  });
  return collector.ended(name ?? '');
}

export function certificate(
  changes: { notBefore?: Date; notAfter?: Date; domains?: string[] } = {},
): IssuedMarkCertificate {
  return collector.authority.issue({ domains: ['example.com'], ...changes });
}

export async function manifestOf(order: string) {
  const { 'certificate.json': manifest = Buffer.from('{}') } = await collector.objects(order);
  return JSON.parse(manifest.toString()) as {
    readonly fingerprintSha256: string;
    readonly publishable: boolean;
    readonly objects: Readonly<Record<string, { key: string; size: number; sha256: string; versionId: string }>>;
  };
}

/** The URL of the stack's dead-letter queue. */
export async function deadLetterQueue(): Promise<string> {
  const prefix = `${collector.stackName}-CollectorDeadLetterQueue`;
  const { QueueUrls } = (await collector.aws('sqs', 'list-queues', '--queue-name-prefix', prefix)) as {
    readonly QueueUrls: readonly string[];
  };
  return QueueUrls[0] ?? '';
}

/** The versions of one object of the stack's bucket. */
export async function versionsOf(key: string): Promise<readonly object[]> {
  const { Versions } = (await collector.aws(
    ...['s3api', 'list-object-versions', '--bucket', collector.outputs.BucketName ?? ''],
    ...['--prefix', key],
  )) as { readonly Versions: readonly object[] };
  return Versions;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await wait(100);
  }
}

/** Long enough for several further checks of an order, if there were any. */
export const severalChecks = () => wait(4_000);

/** The ARN of the one function of `collector` whose name contains a text. */
export async function functionArn(part: string): Promise<string> {
  const { Functions } = (await collector.aws('lambda', 'list-functions')) as {
    readonly Functions: readonly { readonly FunctionName: string; readonly FunctionArn: string }[];
  };
  const prefix = `${collector.stackName}-Collector${part}`;
  return Functions.find(({ FunctionName }) => FunctionName.startsWith(prefix))?.FunctionArn ?? '';
}

/** The target of a schedule. */
export interface ScheduleTarget {
  readonly Arn: string;
  readonly RoleArn: string;
  readonly Input?: string;
}

/** Creates a schedule that is due at once, and waits until the emulator has run and deleted it. */
export async function fireOnce(target: ScheduleTarget): Promise<void> {
  const [name, { aws }] = [`once-${crypto.randomUUID()}`, collector];
  await aws(
    ...['scheduler', 'create-schedule', '--name', name, '--schedule-expression', 'at(2026-01-01T00:00:00)'],
    ...['--flexible-time-window', 'Mode=OFF', '--action-after-completion', 'DELETE'],
    ...['--target', JSON.stringify(target)],
  );
  await until(async () => {
    const { Schedules } = (await aws('scheduler', 'list-schedules')) as { readonly Schedules: { Name: string }[] };
    return !Schedules.some(({ Name }) => Name === name);
  });
}

/** Runs the survey of `collector` as its daily schedule does: with the target and the role of this schedule. */
export async function runSurvey(): Promise<void> {
  const { Schedules } = (await collector.aws(
    ...['scheduler', 'list-schedules', '--name-prefix', `${collector.stackName}-CollectorSurvey`],
  )) as { readonly Schedules: readonly { readonly Name: string }[] };
  const { Target } = (await collector.aws(...['scheduler', 'get-schedule', '--name', Schedules[0]?.Name ?? ''])) as {
    readonly Target: ScheduleTarget;
  };
  await fireOnce(Target);
}

/** The generated login of the push URL, as `user:password`. */
export async function pushLogin(): Promise<string> {
  const { SecretString } = (await collector.aws(
    ...['secretsmanager', 'get-secret-value', '--secret-id', collector.outputs.PushCredentialsSecretArn ?? ''],
  )) as { readonly SecretString: string };
  const { username, password } = JSON.parse(SecretString) as { readonly username: string; readonly password: string };
  return `${username}:${password}`;
}

export const isIssuedEvent = (message: string, order: string) =>
  message.includes('"Mark Certificate Issued"') && message.includes(`"${order}"`);

/** Every line that a function or the state machine logged, in the log groups whose name contains a text. */
export async function loggedLines(part = ''): Promise<string[]> {
  const { aws } = collector;
  const { logGroups } = (await aws('logs', 'describe-log-groups')) as {
    readonly logGroups: readonly { readonly logGroupName: string }[];
  };
  const groups = logGroups.filter(({ logGroupName }) => logGroupName.includes(part));
  const lines = groups.map(async ({ logGroupName }) => {
    const { events } = (await aws('logs', 'filter-log-events', '--log-group-name', logGroupName)) as {
      readonly events: readonly { readonly message: string }[];
    };
    return events.map(({ message }) => message);
  });
  return (await Promise.all(lines)).flat();
}
