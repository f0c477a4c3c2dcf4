import type { Context } from 'aws-lambda';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandler as createCollectHandler } from '../../functions/collect/handler.ts';
import { createHandler as createPublishHandler } from '../../functions/publish/handler.ts';
import { createHandler as createPushHandler } from '../../functions/push/handler.ts';
import { createHandler as createRevokeHandler } from '../../functions/revoke/handler.ts';
import { createHandler as createSurveyHandler } from '../../functions/survey/handler.ts';
import type { SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import { startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { startAwsJsonEndpoint } from '../../infra/local/cloud/aws-json-endpoint.ts';
import { startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { request } from '../functions/push/request.ts';
import { startS3Server } from '../s3-server.ts';
import { all, only, SETTINGS, type SynthesizedStack, statementsOf, synthesize } from './synthesized.ts';

const OWN = 'MarkCertificateCollector';
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LOOPBACK = 'http://127.0.0.1:8080/CollectMC';

interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
}

interface AlarmProperties extends Partial<Metric> {
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly string[];
  readonly ActionsEnabled?: boolean;
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: string;
  readonly Period?: number;
  readonly Statistic?: string;
}

let byDefault: SynthesizedStack;
let publishing: SynthesizedStack;

beforeAll(() => {
  byDefault = synthesize();
  publishing = synthesize({ publish: 'true' });
});

function alarmsOf(stack: SynthesizedStack): Record<string, AlarmProperties> {
  return Object.fromEntries(
    all(stack, 'AWS::CloudWatch::Alarm').map(({ name, Properties }) => [
      name.replace(/Alarm$/, ''),
      Properties as unknown as AlarmProperties,
    ]),
  );
}

function alarm(name: string, stack = byDefault): AlarmProperties {
  const found = alarmsOf(stack)[name];
  if (!found) {
    throw new Error(`There is no alarm ${name}`);
  }
  return found;
}

function metricOf({ Namespace = '', MetricName = '', Dimensions = [] }: AlarmProperties): Metric {
  return { Namespace, MetricName, Dimensions };
}

/** Namespace, name and dimensions as one text, by which CloudWatch tells metrics apart. */
function identityOf({ Namespace, MetricName, Dimensions = [] }: Metric): string {
  const dimensions = Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).toSorted();
  return [Namespace, MetricName, ...dimensions].join(' ');
}

describe('the alarms', () => {
  test('are these', () => {
    expect(Object.keys(alarmsOf(byDefault)).toSorted()).toEqual([
      'CaDown',
      'CertificateExpires',
      'CollectErrors',
      'CollectThrottled',
      'DeadLetters',
      'ManifestDamaged',
      'OrderAborted',
      'OrderFailed',
      'OrderIsOld',
      'OrderTimedOut',
      'SurveyMissing',
      'WaitingForCredentials',
      'WaitingForPayment',
      'WaitingForPermission',
    ]);
  });

  test('are four more where something is published, whatever the other settings', () => {
    const more = (stack: SynthesizedStack) =>
      Object.keys(alarmsOf(stack))
        .filter((name) => !(name in alarmsOf(byDefault)))
        .toSorted();
    expect(more(publishing)).toEqual(['PublicationBroken', 'PublicationRefused', 'PublishedRevoked', 'PushedRevoked']);
    expect(more(synthesize(SETTINGS))).toEqual(more(publishing));
  });

  test('say what they mean in a sentence, and last of all where to read on', () => {
    for (const { AlarmDescription } of Object.values(alarmsOf(publishing))) {
      expect(AlarmDescription).toMatch(/^[A-Z].+\. Runbook: docs\/runbook\.md#[a-z-]+$/);
    }
  });

  test('go to the topic', () => {
    for (const { AlarmActions, ActionsEnabled } of Object.values(alarmsOf(publishing))) {
      expect(AlarmActions).toEqual(['<AlarmTopic>']);
      expect(ActionsEnabled).not.toBe(false);
    }
  });

  test('are quiet where nothing is measured, but for the survey, whose silence is the alarm', () => {
    const treated = Object.entries(alarmsOf(publishing)).map(([name, { TreatMissingData }]) => [
      name,
      TreatMissingData,
    ]);
    expect(treated.filter(([, missing]) => missing !== 'notBreaching')).toEqual([['SurveyMissing', 'breaching']]);
  });
});

describe('each alarm', () => {
  const OR_MORE = 'GreaterThanOrEqualToThreshold';
  const LESS = 'LessThanThreshold';
  const MACHINE = 'StateMachineArn=<StateMachine>';
  const COLLECT = 'FunctionName=<CollectFunction>';

  test.each([
    ['OrderFailed', `AWS/States ExecutionsFailed ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['OrderTimedOut', `AWS/States ExecutionsTimedOut ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['OrderAborted', `AWS/States ExecutionsAborted ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['CollectErrors', `AWS/Lambda Errors ${COLLECT}`, 'Sum', HOUR, OR_MORE, 3, 1],
    ['CollectThrottled', `AWS/Lambda Throttles ${COLLECT}`, 'Sum', HOUR, OR_MORE, 100, 3],
    ['WaitingForCredentials', `${OWN} WaitingCredentials service=collect`, 'Sum', 6 * HOUR, OR_MORE, 1, 1],
    ['WaitingForPayment', `${OWN} WaitingPayment service=collect`, 'Sum', 6 * HOUR, OR_MORE, 1, 1],
    ['WaitingForPermission', `${OWN} WaitingPermission service=collect`, 'Sum', 6 * HOUR, OR_MORE, 1, 1],
    ['CaDown', `${OWN} CaReached service=collect`, 'Maximum', 6 * HOUR, LESS, 1, 1],
    ['OrderIsOld', `${OWN} WaitingDays service=collect`, 'Maximum', 6 * HOUR, OR_MORE, 67.5, 1],
    [
      'DeadLetters',
      'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=<DeadLetterQueue.QueueName>',
      'Maximum',
      5 * MINUTE,
      OR_MORE,
      1,
      1,
    ],
    ['CertificateExpires', `${OWN} DaysToExpiry service=survey`, 'Minimum', DAY, LESS, 8, 1],
    ['ManifestDamaged', `${OWN} ManifestsDamaged service=survey`, 'Maximum', DAY, OR_MORE, 1, 1],
    ['SurveyMissing', `${OWN} SurveyRuns service=survey`, 'Sum', DAY, LESS, 1, 1],
    ['PublishedRevoked', `${OWN} PublishedRevoked service=revoke`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['PushedRevoked', `${OWN} PushedRevocations service=push`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['PublicationRefused', `${OWN} PublicationsRefused service=publish`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['PublicationBroken', `${OWN} PublicationsBroken service=survey`, 'Maximum', DAY, OR_MORE, 1, 1],
  ])('%s looks at %s', (name, metric, statistic, period, comparison, threshold, periods) => {
    const properties = alarm(name, publishing);
    expect(identityOf(metricOf(properties))).toBe(metric);
    expect(properties).toMatchObject({
      Statistic: statistic,
      Period: period,
      ComparisonOperator: comparison,
      Threshold: threshold,
      EvaluationPeriods: periods,
    });
  });
});

/** PutMetricAlarm: whole minutes; a day in all for short periods, a week for those of an hour and more. */
describe("CloudWatch's limits", () => {
  const rhythms = [
    {},
    { collectUrl: LOOPBACK, pollEvery: 'PT1S', giveUpAfter: 'PT10S' },
    { collectUrl: LOOPBACK, pollEvery: 'PT37S', giveUpAfter: 'PT1H' },
    { pollEvery: 'PT3H7S' },
    { pollEvery: 'PT12H' },
    { pollEvery: 'P1D' },
    { pollEvery: 'P2D', giveUpAfter: 'P360D' },
    { publish: 'true' },
  ];

  test.each(rhythms)('are kept with %j', (settings: Readonly<Record<string, string>>) => {
    for (const properties of Object.values(alarmsOf(synthesize(settings)))) {
      const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = properties;
      const { Period: period = Number.NaN } = properties;
      expect(period % MINUTE).toBe(0);
      expect(period).toBeGreaterThan(0);
      expect(period).toBeLessThanOrEqual(DAY);
      expect(period * EvaluationPeriods).toBeLessThanOrEqual(period < HOUR ? DAY : 7 * DAY);
      expect(DatapointsToAlarm).toBeGreaterThanOrEqual(1);
      expect(DatapointsToAlarm).toBeLessThanOrEqual(EvaluationPeriods);
      expect(properties.AlarmDescription.length).toBeLessThanOrEqual(1024);
    }
  });
});

describe('what is seen once in a poll interval', () => {
  const NAMES = ['WaitingForCredentials', 'WaitingForPayment', 'WaitingForPermission', 'OrderIsOld'];

  test.each([
    { pollEvery: 'PT1S', seconds: 1, period: MINUTE, periods: 1 },
    { pollEvery: 'PT31S', seconds: 31, period: 2 * MINUTE, periods: 1 },
    { pollEvery: 'PT3H', seconds: 3 * HOUR, period: 6 * HOUR, periods: 1 },
    { pollEvery: 'PT12H', seconds: 12 * HOUR, period: DAY, periods: 1 },
    { pollEvery: 'PT12H1S', seconds: 12 * HOUR + 1, period: DAY, periods: 2 },
    { pollEvery: 'P2D', seconds: 2 * DAY, period: DAY, periods: 4 },
  ])('keeps its alarm on for twice as long: pollEvery=$pollEvery', ({ pollEvery, seconds, period, periods }) => {
    const collectUrl = LOOPBACK;
    const giveUpAfter = seconds < HOUR ? 'PT10M' : 'P90D';
    const stack = synthesize({ collectUrl, pollEvery, giveUpAfter });
    for (const name of NAMES) {
      const { Period, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = alarm(name, stack);
      expect({ Period, EvaluationPeriods, DatapointsToAlarm }).toEqual({
        Period: period,
        EvaluationPeriods: periods,
        DatapointsToAlarm: 1,
      });
      expect(period * periods).toBeGreaterThanOrEqual(2 * seconds);
    }
  });

  test.each([
    ['P90D', 67.5],
    ['P8D', 6],
    ['PT12H', 0.375],
  ])('is an old order after three quarters of the deadline: giveUpAfter=%s', (giveUpAfter, days) => {
    expect(alarm('OrderIsOld', synthesize({ giveUpAfter })).Threshold).toBe(days);
  });
});

/** What the functions really write, as CloudWatch would read it. */
describe('every metric of this project in an alarm or on the dashboard', () => {
  const written = new Map<string, readonly string[]>();

  beforeAll(async () => {
    for (const [service, lines] of Object.entries(await runFunctions())) {
      written.set(service, metricsWritten(lines));
    }
  });

  test('is written by the function of its dimension', () => {
    const own = Object.values(alarmsOf(publishing))
      .map(metricOf)
      .filter(({ Namespace }) => Namespace === OWN);
    expect(own.length).toBeGreaterThan(5);
    expect([...written.values()].flat()).toEqual(expect.arrayContaining(own.map(identityOf)));
  });

  test('is the one on the dashboard too', () => {
    const { DashboardBody } = only(publishing, 'AWS::CloudWatch::Dashboard').Properties;
    const { widgets } = JSON.parse(String(DashboardBody)) as {
      widgets: readonly { properties: { metrics: readonly (readonly unknown[])[] } }[];
    };
    const shown = widgets
      .flatMap(({ properties }) => properties.metrics)
      .filter(([namespace]) => namespace === OWN)
      .map(([namespace, name, dimension, value]) => `${namespace} ${name} ${dimension}=${value}`);
    expect(shown.length).toBeGreaterThan(10);
    // What only a certificate brings about is not run here.
    const expected = shown.filter((metric) => metric !== `${OWN} DaysToIssued service=collect`);
    expect([...written.values()].flat()).toEqual(expect.arrayContaining(expected));
  });

  test('has no dimension but the service', () => {
    for (const [service, metrics] of written) {
      expect(metrics).not.toEqual([]);
      expect(metrics.filter((metric) => !metric.endsWith(` service=${service}`))).toEqual([]);
    }
  });
});

describe('the topic', () => {
  test('takes messages only over TLS, from the alarms of this account and from EventBridge', () => {
    expect(statementsOf(byDefault, 'AWS::SNS::TopicPolicy').map(({ Sid: _, ...rest }) => rest)).toEqual([
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
        Condition: {
          ArnLike: {
            'aws:SourceArn': 'arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*',
          },
          StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
        },
      },
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
      },
    ]);
  });

  test('tells the address of the settings, and nobody without one', () => {
    expect(all(byDefault, 'AWS::SNS::Subscription')).toEqual([]);
    expect(all(synthesize(SETTINGS), 'AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([
      { Protocol: 'email', Endpoint: 'operators@example.com', TopicArn: '<AlarmTopic>' },
    ]);
  });
});

describe('the rule for failures', () => {
  let rule: Readonly<Record<string, unknown>>;
  let target: {
    readonly InputTransformer: {
      readonly InputPathsMap: Readonly<Record<string, string>>;
      readonly InputTemplate: string;
    };
  };

  beforeEach(() => {
    rule = only(byDefault, 'AWS::Events::Rule', 'OrderFailed').Properties;
    [target] = rule.Targets as [typeof target];
  });

  test('hears of every execution of this state machine that ended without a certificate, and of no other', () => {
    expect(rule.EventPattern).toEqual({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: ['<StateMachine>'], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    });
    expect(rule.State).toBe('ENABLED');
  });

  test("listens to the default bus, whatever the settings' bus: AWS's own events are nowhere else", () => {
    const other = only(synthesize(SETTINGS), 'AWS::Events::Rule', 'OrderFailed').Properties;
    expect([rule.EventBusName ?? 'default', other.EventBusName ?? 'default']).toEqual(['default', 'default']);
  });

  test('tells the topic alone, and keeps what it cannot tell in the dead-letter queue', () => {
    expect(rule.Targets).toMatchObject([{ Arn: '<AlarmTopic>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } }]);
    expect(rule.Targets).toHaveLength(1);
  });

  test('says in words which execution ended how and why, what to type, and where to read on', () => {
    const detail = {
      name: 'order-1378973013',
      status: 'FAILED',
      error: 'OrderRejected',
      cause: 'Order 1378973013: the CA answered -20. Next: ask the CA why.',
      executionArn: 'arn:aws:states:us-east-1:111122223333:execution:StateMachine:order-1378973013',
    };
    const { InputPathsMap, InputTemplate } = target.InputTransformer;
    const values = Object.entries(InputPathsMap).map(([placeholder, path]) => {
      expect(path).toMatch(/^\$\.detail\./);
      const field = path.replace('$.detail.', '');
      expect(detail).toHaveProperty([field]);
      return [placeholder, Object.entries(detail).find(([name]) => name === field)?.[1] ?? ''] as const;
    });
    const filled = values.reduce((text, [name, value]) => text.replaceAll(`<${name}>`, value), InputTemplate);

    expect(JSON.parse(filled)).toBe(
      `The execution ${detail.name} ended with status FAILED: OrderRejected. ${detail.cause} When the cause is fixed, ask the CA again: ` +
        `aws stepfunctions redrive-execution --execution-arn ${detail.executionArn} ` +
        'Runbook: docs/runbook.md#an-order-failed',
    );
  });

  test("keeps EventBridge's limits: 100 placeholders, each in use, none with a reserved name", () => {
    const { InputPathsMap, InputTemplate } = target.InputTransformer;
    const used = [...InputTemplate.matchAll(/<([^>]+)>/g)].map(([, name = '']) => name);
    expect(used.toSorted()).toEqual(Object.keys(InputPathsMap).toSorted());
    expect(used.length).toBeLessThanOrEqual(100);
    expect(used.filter((name) => /^aws\./i.test(name))).toEqual([]);
    expect(InputTemplate.length).toBeLessThanOrEqual(8192);
  });
});

/** The metrics in lines of the embedded metric format. */
function metricsWritten(lines: readonly string[]): string[] {
  const identities = lines.flatMap((line) => {
    const { _aws, ...values } = JSON.parse(line);
    const groups: readonly { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] =
      _aws?.CloudWatchMetrics ?? [];
    return groups.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name: MetricName }) =>
          identityOf({
            Namespace,
            MetricName,
            Dimensions: names.map((Name) => ({ Name, Value: String(values[Name]) })),
          }),
        ),
      ),
    );
  });
  return [...new Set(identities)];
}

/** Runs each function that measures, with servers on loopback, through all it can find short of a certificate. */
async function runFunctions(): Promise<
  Record<'collect' | 'survey' | 'push' | 'publish' | 'revoke', readonly string[]>
> {
  const credentials = { loginName: 'me', loginPassword: 'right' };
  const ca = await startCollectMcSimulator({ credentials });
  const secrets = await startSecretsEndpoint({
    login: JSON.stringify(credentials),
    push: JSON.stringify({ username: 'ca', password: 'right' }),
  });
  const s3 = await startS3Server();
  const bus = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': () => ({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }),
  });
  let written = '';
  const output = ([process.stdout, process.stderr] as const).map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    }),
  );
  for (const [name, value] of Object.entries({
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
  })) {
    vi.stubEnv(name, value);
  }
  const linesOf = async (run: () => Promise<unknown>) => {
    written = '';
    await run();
    return written.split('\n').filter((line) => line.startsWith('{'));
  };

  try {
    const collect = await linesOf(async () => {
      const handler = createCollectHandler({
        BUCKET_NAME: 'bucket',
        COLLECT_URL: ca.url,
        CREDENTIALS_SECRET_ARN: 'login',
        GIVE_UP_SECONDS: String(DAY),
        POLL_SECONDS: '60',
        RESPONSE_FORMAT: 'pkcs7',
      });
      const answers: readonly SimulatedResponse[] = [
        { kind: 'status', status: 0 },
        { kind: 'status', status: 1 },
        { kind: 'http', status: 503 },
        ...[-42, -22, -91, -16].map((code) => ({ kind: 'error', code }) as const),
      ];
      for (const [index, answer] of answers.entries()) {
        const orderNumber = String(index + 1);
        ca.order(orderNumber, [answer]);
        const startedAt = new Date().toISOString();
        await handler({ order: { orderNumber }, execution: `order-${orderNumber}`, startedAt }, CONTEXT);
      }
    });
    const survey = await linesOf(async () => {
      const manifest = {
        schemaVersion: 1,
        orderNumber: '1',
        execution: 'order-1',
        collectedAt: '2026-01-01T00:00:00.000Z',
        product: 'VMC',
        markType: 'Registered Mark',
        attributes: {},
        domains: ['example.com'],
        fingerprintSha256: 'c0ffee',
        notBefore: '2026-01-01T00:00:00.000Z',
        notAfter: '2099-01-01T00:00:00.000Z',
        publishable: true,
        findings: [],
        objects: {},
      };
      const body = JSON.stringify(manifest);
      await fetch(`${s3.url}/bucket/orders/1/certificate.json`, { method: 'PUT', body });
      const handler = createSurveyHandler({
        BUCKET_NAME: 'bucket',
        EVENT_BUS_NAME: 'default',
        REMIND_BEFORE_DAYS: '30',
        PUBLISHED_URL: s3.url,
      });
      await handler({}, CONTEXT);
    });
    const push = await linesOf(async () => {
      const handler = createPushHandler({ STATE_MACHINE_ARN: 'arn:machine', PUSH_SECRET_ARN: 'push' });
      await handler(request({}), CONTEXT);
    });
    const publish = await linesOf(async () => {
      const handler = createPublishHandler({ BUCKET_NAME: 'bucket', PUBLISHED_URL: s3.url });
      await handler({ order: { orderNumber: '1' } }, CONTEXT);
    });
    const revoke = await linesOf(async () => {
      const handler = createRevokeHandler({ BUCKET_NAME: 'bucket' });
      await handler({ detail: { name: 'order-1', error: 'CertificateRevoked' } }, CONTEXT);
    });
    return { collect, survey, push, publish, revoke };
  } finally {
    for (const each of output) {
      each.mockRestore();
    }
    vi.unstubAllEnvs();
    await Promise.all([ca, secrets, s3, bus].map((server) => server.close()));
  }
}

const CONTEXT: Context = {
  functionName: 'function',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:function',
  memoryLimitInMB: '512',
  awsRequestId: '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b',
  logGroupName: 'function',
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 60_000,
  done: () => {},
  fail: () => {},
  succeed: () => {},
};
