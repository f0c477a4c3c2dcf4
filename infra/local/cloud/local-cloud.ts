import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { RedriveExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { Context } from 'aws-lambda';
import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import { startFauxqs } from 'fauxqs';
import { createHandler as createCollectHandler } from '../../../functions/collect/handler.ts';
import { type CrlDownload, createCrlDownload } from '../../../functions/crl-download.ts';
import type { Environment } from '../../../functions/environment.ts';
import { EVENT_SOURCE } from '../../../functions/events.ts';
import { executionArn } from '../../../functions/executions.ts';
import { createHandler as createNotifyHandler } from '../../../functions/notify/handler.ts';
import { createHandler as createPublishHandler } from '../../../functions/publish/handler.ts';
import { createHandler as createPushHandler } from '../../../functions/push/handler.ts';
import { createHandler as createStartHandler } from '../../../functions/start/handler.ts';
import { createHandler as createSurveyHandler } from '../../../functions/survey/handler.ts';
import type { SettingsInput } from '../../settings.ts';
import { type Credentials, type Simulator, startCollectMcSimulator } from '../ca/collectmc-simulator.ts';
import { type AwsJsonEndpoint, startAwsJsonEndpoint } from './aws-json-endpoint.ts';
import type { ServedStack } from './cloudformation-endpoint.ts';
import { asObject, matches } from './event-pattern.ts';
import { type Execution, type ExecutionEvent, startStateMachine } from './executions.ts';
import { startFunctionUrl } from './function-url.ts';
import type { Endpoint } from './loopback.ts';
import { startPublishedServer, type TlsIdentity } from './published-server.ts';
import { LOCAL_PUSH_LOGIN } from './push-login.ts';
import { startSchedulesEndpoint } from './schedules.ts';
import { startSecretsEndpoint } from './secrets.ts';
import { type DeployedTemplate, deployTemplate } from './template.ts';
import { type PublishedMessage, startTopicsEndpoint } from './topics.ts';

/** The fields of an EventBridge event that rules match. */
export interface BusEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: unknown;
}

/** An event in the dead-letter queue, with the reason. */
export interface DeadLetter {
  readonly event: BusEvent;
  readonly error: Error;
}

export interface LocalCloudOptions {
  /** The login that the CA accepts. */
  readonly credentials: Credentials;
  /** The initial value of the secret; default: the login that the CA accepts. */
  readonly secret?: string | undefined;
  readonly settings?: SettingsInput;
  /** Downloads the CRLs of a collected chain; default: the network, which here includes this machine. */
  readonly downloadCrls?: CrlDownload;
  /** The TLS identity of the public address, with the setting `publish`; default: plain http. */
  readonly tls?: TlsIdentity;
  readonly waitMilliseconds?: (seconds: number) => number;
  readonly onEvent?: (execution: Execution, event: ExecutionEvent) => void;
  /** Starts the server of S3; default: the one from npm. */
  readonly startS3?: (() => Promise<Endpoint>) | undefined;
  /** Receives the endpoints of Step Functions, Secrets Manager and EventBridge before a client uses them. */
  readonly prepareEndpoint?: ((endpoint: AwsJsonEndpoint) => void) | undefined;
  /** Runs before each check of an execution, with its number from 1. */
  readonly beforeCheck?: (check: number) => Promise<void>;
}

/**
 * The deployed stack in one process: its template and its functions, with loopback servers in place of AWS and the CA.
 */
export interface LocalCloud {
  readonly ca: Simulator;
  readonly s3: S3Client;
  readonly s3Url: string;
  readonly secretsUrl: string;
  /** The URL of Step Functions. */
  readonly statesUrl: string;
  readonly eventsUrl: string;
  /** With the setting `push`; its login is {@link LOCAL_PUSH_LOGIN}. */
  readonly pushUrl: string | undefined;
  /** With the setting `publish`: the address of the folder `published/`. */
  readonly publishedUrl: string | undefined;
  /** The stack as CloudFormation describes it. */
  readonly stack: ServedStack;
  readonly stateMachineArn: string;
  readonly secretId: string;
  readonly bucket: string;
  readonly executions: ReadonlyMap<string, Execution>;
  /** The events that the state machine sent. */
  readonly announced: readonly BusEvent[];
  /** The events that the functions sent. */
  readonly reported: readonly BusEvent[];
  /** The messages that people would receive. */
  readonly messages: readonly PublishedMessage[];
  readonly deadLetters: readonly DeadLetter[];
  /** Sends an event to the bus. The functions whose rules match it run; resolves after that. */
  send(event: BusEvent): Promise<void>;
  /** Redrives a failed execution, as `aws stepfunctions redrive-execution` does. */
  redrive(execution: string): Promise<void>;
  /**
   * Runs the schedules that notify created, as if their time had come: survey writes the overview.
   *
   * @returns how many there were.
   */
  runSchedules(): Promise<number>;
  /** Replaces the process of every function: its memory is lost. */
  restartFunctions(): void;
  close(): Promise<void>;
}

/** The time limit of a function, for `getRemainingTimeInMillis`. */
const FUNCTION_MILLISECONDS = 60_000;

/**
 * Deploys the stack into this process. Only one at a time: the SDK clients read their endpoints from the environment.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const ca = await startCollectMcSimulator({ credentials: options.credentials });
  const template = deployTemplate(options.settings ?? {});
  const bucket = String(template.resolve({ Ref: template.resource('AWS::S3::Bucket').id }));
  const secretId = String(
    template.resolve({ Ref: template.resource('AWS::SecretsManager::Secret', 'CollectorCredentials').id }),
  );
  const stateMachine = template.resource('AWS::StepFunctions::StateMachine');

  const s3Server = await (options.startS3 ?? startS3)();
  const s3Url = s3Server.url;
  const pushSecret = options.settings?.push
    ? template.resource('AWS::SecretsManager::Secret', 'PushCredentials')
    : undefined;
  const secrets = await startSecretsEndpoint({
    [secretId]: options.secret ?? JSON.stringify(options.credentials),
    ...(pushSecret && { [String(template.resolve({ Ref: pushSecret.id }))]: JSON.stringify(LOCAL_PUSH_LOGIN) }),
  });
  const topics = await startTopicsEndpoint();
  const scheduler = await startSchedulesEndpoint();
  const announced: BusEvent[] = [];
  const reported: BusEvent[] = [];
  const deadLetters: DeadLetter[] = [];

  const collectFunction = template.resource('AWS::Lambda::Function', 'CollectFunction');
  const startFunction = template.resource('AWS::Lambda::Function', 'StartFunction');
  const notifyFunction = template.resource('AWS::Lambda::Function', 'NotifyFunction');
  const surveyFunction = template.resource('AWS::Lambda::Function', 'SurveyFunction');
  const pushFunction = pushSecret && template.resource('AWS::Lambda::Function', 'PushFunction');
  const publishFunction = options.settings?.publish
    ? template.resource('AWS::Lambda::Function', 'PublishFunction')
    : undefined;
  const concurrency = Number(collectFunction.Properties.ReservedConcurrentExecutions ?? Number.POSITIVE_INFINITY);
  let running = 0;

  const arn = String(template.resolve({ Ref: stateMachine.id }));
  const states = await startStateMachine({
    arn,
    definition: JSON.parse(
      String(template.resolve(stateMachine.Properties.DefinitionString)),
    ) as StateMachineDefinition,
    waitMilliseconds: options.waitMilliseconds ?? (() => 0),
    onEvent: options.onEvent,
    onEnd: (execution) => send(executionEnded(arn, execution)),
    async task(state, input, execution) {
      switch (state) {
        case 'Collect':
          return invokeCollect(input, execution);
        case 'Publish':
          return asJson(await functions.publish?.(input, contextOf('publish')));
        case 'Announce issued':
          return putEvents(input);
        default:
          throw new Error(`The interpreter has no task for the state ${state}`);
      }
    },
  });

  async function invokeCollect(input: unknown, execution: Execution): Promise<unknown> {
    if (running >= concurrency) {
      throw Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' });
    }
    running += 1;
    try {
      await options.beforeCheck?.(1 + Number(asObject(asObject(asObject(input).order).collection).checks ?? 0));
      // Simulated waits move the start of the execution, and the times in its state, into the past.
      const startedAt = before(execution.startDate, execution.waitedSeconds);
      const order = waited(asObject(asObject(input).order));
      const output = await functions.collect({ ...asObject(input), order, startedAt }, contextOf('collect'));
      return asJson(output);
    } finally {
      running -= 1;
    }
  }

  async function putEvents(input: unknown): Promise<object> {
    const { Entries } = input as {
      readonly Entries: readonly { Source: string; DetailType: string; Detail: unknown }[];
    };
    for (const { Source, DetailType, Detail } of Entries) {
      const event = { source: Source, 'detail-type': DetailType, detail: Detail };
      announced.push(event);
      await send(event);
    }
    return { FailedEntryCount: 0 };
  }

  const isMatchedBy = (event: BusEvent, rule: string) =>
    matches(template.resolve(template.resource('AWS::Events::Rule', rule).Properties.EventPattern), event);

  async function send(event: BusEvent): Promise<void> {
    try {
      if (isMatchedBy(event, 'Ordered')) {
        await functions.start(asEventBridgeEvent(event), contextOf('start'));
      }
      if (['Outgoing', 'OrderFailed', 'OrderStopped'].some((rule) => isMatchedBy(event, rule))) {
        await functions.notify(asEventBridgeEvent(event), contextOf('notify'));
      }
    } catch (error) {
      deadLetters.push({ event, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  const events = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': async ({ Entries }) => {
      const entries = Entries as readonly {
        readonly Source: string;
        readonly DetailType: string;
        readonly Detail: string;
      }[];
      for (const { Source, DetailType, Detail } of entries) {
        const event = { source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) };
        if (Source === EVENT_SOURCE) {
          reported.push(event);
        }
        await send(event);
      }
      return { FailedEntryCount: 0, Entries: entries.map(() => ({ EventId: crypto.randomUUID() })) };
    },
  });

  for (const endpoint of [secrets, states, events]) {
    options.prepareEndpoint?.(endpoint);
  }
  const originalEnvironment = { ...process.env };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: s3Url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: events.url,
    AWS_ENDPOINT_URL_SCHEDULER: scheduler.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_SFN: states.url,
    AWS_ENDPOINT_URL_SNS: topics.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  const s3 = new S3Client();
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const published = publishFunction && (await startPublishedServer(s3, bucket, options.tls));
  // The template contains the URL of the real CA, and the host name of a distribution, which does not exist here.
  const withPublished = (environment: Environment): Environment =>
    published ? { ...environment, PUBLISHED_URL: published.url } : environment;
  const collectEnvironment = { ...environmentOf(template, collectFunction.Properties), COLLECT_URL: ca.url };
  const createFunctions = () => ({
    collect: createCollectHandler(withPublished(collectEnvironment), options),
    start: createStartHandler(environmentOf(template, startFunction.Properties)),
    notify: createNotifyHandler(environmentOf(template, notifyFunction.Properties)),
    survey: createSurveyHandler(withPublished(environmentOf(template, surveyFunction.Properties)), undefined, false, {
      // The CRLs of the simulated CA are on this machine.
      downloadCrls: options.downloadCrls ?? createCrlDownload({ allowLoopback: true }),
    }),
    push: pushFunction && createPushHandler(environmentOf(template, pushFunction.Properties)),
    publish:
      publishFunction && createPublishHandler(withPublished(environmentOf(template, publishFunction.Properties))),
  });
  let functions = createFunctions();
  const pushUrl =
    pushFunction &&
    (await startFunctionUrl(
      async (event) => (await functions.push?.(event, contextOf('push'))) ?? { statusCode: 502 },
    ));

  return {
    ca,
    s3,
    s3Url,
    secretsUrl: secrets.url,
    statesUrl: states.url,
    eventsUrl: events.url,
    pushUrl: pushUrl?.url,
    publishedUrl: published?.url,
    stack: { name: template.stackName, description: template.description, outputs: template.outputs },
    stateMachineArn: arn,
    secretId,
    bucket,
    executions: states.executions,
    announced,
    reported,
    messages: topics.messages,
    deadLetters,
    send,
    async redrive(execution) {
      const client = new SFNClient();
      await client.send(new RedriveExecutionCommand({ executionArn: executionArn(arn, execution) }));
      client.destroy();
    },
    async runSchedules() {
      const due = scheduler.schedules.splice(0);
      for (const { request } of due) {
        const input = JSON.parse(String(asObject(request.Target).Input));
        await functions.survey(asObject(input), contextOf('survey'));
      }
      return due.length;
    },
    restartFunctions() {
      functions = createFunctions();
    },
    async close() {
      // The events of the executions that end now still need the other servers.
      await states.close();
      s3.destroy();
      const servers = [
        ca,
        s3Server,
        secrets,
        topics,
        scheduler,
        events,
        ...(pushUrl ? [pushUrl] : []),
        ...(published ? [published] : []),
      ];
      await Promise.all(servers.map((each) => each.close()));
      process.env = originalEnvironment;
    },
  };
}

async function startS3(): Promise<Endpoint> {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop() };
}

/** An order with the times of its collection moved into the past by the wait before this check. */
function waited(order: Record<string, unknown>): Record<string, unknown> {
  const { collection } = order;
  if (collection === undefined) {
    return order;
  }
  const { waitSeconds, ...rest } = asObject(collection);
  const moved = ['since', 'nextCheckAt'].flatMap((name) => {
    const time = rest[name];
    return typeof time === 'string' ? [[name, before(new Date(time), Number(waitSeconds))]] : [];
  });
  return { ...order, collection: { waitSeconds, ...rest, ...Object.fromEntries(moved) } };
}

function before(time: Date, seconds: number): string {
  return new Date(time.getTime() - seconds * 1000).toISOString();
}

function environmentOf(template: DeployedTemplate, properties: Readonly<Record<string, unknown>>): Environment {
  const { Variables } = asObject(template.resolve(properties.Environment));
  return asObject(Variables) as Environment;
}

/** The event of Step Functions about the end of an execution. Only those of failures match a rule. */
function executionEnded(
  stateMachineArn: string,
  { name, status, startDate, input, error, cause }: Execution,
): BusEvent {
  const detail = {
    executionArn: executionArn(stateMachineArn, name),
    stateMachineArn,
    name,
    status,
    startDate: startDate.getTime(),
    stopDate: Date.now(),
    input: JSON.stringify(input),
    error: error ?? null,
    cause: cause ?? null,
  };
  return { source: 'aws.states', 'detail-type': 'Step Functions Execution Status Change', detail };
}

function asEventBridgeEvent(event: BusEvent) {
  return {
    version: '0',
    id: crypto.randomUUID(),
    account: '000000000000',
    region: 'us-east-1',
    time: new Date().toISOString(),
    resources: [],
    ...event,
  };
}

function contextOf(functionName: string): Context {
  const until = Date.now() + FUNCTION_MILLISECONDS;
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId: crypto.randomUUID(),
    logGroupName: functionName,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => until - Date.now(),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

/** The result of a Lambda function is JSON. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
