import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  Choice,
  Condition,
  DefinitionBody,
  JitterType,
  JsonPath,
  LogLevel,
  QueryLanguage,
  type RetryProps,
  StateMachine,
  Succeed,
  TaskInput,
  Timeout,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { EventBridgePutEvents, LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { NEXT_STEPS } from '../functions/errors.ts';
import { EVENT_SOURCE, ISSUED } from '../functions/events.ts';
import { PUBLISH_TIMEOUT } from './publication.ts';
import type { Settings } from './settings.ts';

/** The CA's own "no", a chain that cannot be proved, the deadline: repeating brings nothing before somebody acts. */
const NEVER: RetryProps = { errors: Object.keys(NEXT_STEPS), maxAttempts: 0 };

/**
 * The queue before Collect. Each refusal is billed and fills the history, so an order comes back within a minute at first, and
 * then within ten, with full jitter every 5 minutes on average. The numbers were chosen by the simulation of
 * docs/performance.md (Scale). One caller is busy for orders x seconds of an answer / pollEvery:
 *
 * - up to 0.9 of its time no order starves, and a check is refused 4.4 times on average;
 * - 1,000 orders in the same second, 3 s each, are through in 1.3 h, where a line without gaps would take 0.8 h;
 * - 500 repetitions hold out for 42 h on average. At 1.5 of its time a check is refused 21 times on average, and none of a
 *   week's fails; at 3, one in a thousand. Such an execution fails in Collect: it is told of, and can be redriven.
 */
const QUEUE: RetryProps = {
  errors: [
    'Lambda.TooManyRequestsException',
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
  ],
  interval: Duration.seconds(60),
  backoffRate: 10,
  maxDelay: Duration.seconds(600),
  jitterStrategy: JitterType.FULL,
  maxAttempts: 500,
};

/**
 * Everything else, as when S3 refuses a write or the process dies. A repeated check completes what the first left, so it
 * may be tried for long: 1, 2, 4 … 32 minutes and six times an hour are 7 hours at the most, half of that with full jitter.
 */
const UNEXPECTED: RetryProps = {
  errors: ['States.ALL'],
  interval: Duration.seconds(60),
  backoffRate: 2,
  maxDelay: Duration.hours(1),
  jitterStrategy: JitterType.FULL,
  maxAttempts: 12,
};

export interface CollectionStateMachineProps {
  readonly collect: IFunction;
  /** Where the setting `publish` is on. */
  readonly publish: IFunction | undefined;
  readonly eventBus: IEventBus;
  readonly settings: Settings;
}

/**
 * Collect, wait, collect again, until the certificate is there: one execution an order.
 *
 * There is no Catch and no Fail state. An execution fails in Collect itself, so that a redrive asks the CA again, and
 * EventBridge's own status-change event tells of failed, timed-out and aborted executions alike.
 */
export function createStateMachine(
  scope: Construct,
  { collect, publish, eventBus, settings }: CollectionStateMachineProps,
): StateMachine {
  const check = new LambdaInvoke(scope, 'Collect', {
    lambdaFunction: collect,
    payload: TaskInput.fromObject({
      order: JsonPath.entirePayload,
      execution: JsonPath.executionName,
      startedAt: JsonPath.executionStartTime,
    }),
    payloadResponseOnly: true,
    resultPath: '$.collection',
    retryOnServiceExceptions: false,
    // Above the function's own timeout: this one is for an invocation that never comes back.
    taskTimeout: Timeout.duration(Duration.seconds(90)),
  });
  for (const policy of [NEVER, QUEUE, UNEXPECTED]) {
    check.addRetry(policy);
  }

  const wait = new Wait(scope, 'Wait', { time: WaitTime.secondsPath('$.collection.waitSeconds') });

  const announce = new EventBridgePutEvents(scope, 'Announce issued', {
    entries: [
      {
        source: EVENT_SOURCE,
        detailType: ISSUED,
        eventBus,
        detail: TaskInput.fromObject({
          orderNumber: JsonPath.stringAt('$.orderNumber'),
          certificate: JsonPath.objectAt('$.collection.certificate'),
          ...(publish && { publication: JsonPath.objectAt('$.publication') }),
        }),
      },
    ],
    resultPath: JsonPath.DISCARD,
  });
  announce.addRetry(UNEXPECTED);

  const collected = new Succeed(scope, 'Collected');

  const announceNew = (choice: Choice) =>
    choice
      .when(Condition.booleanEquals('$.collection.certificate.changed', true), announce.next(collected))
      .otherwise(collected);
  const issued = new Choice(scope, 'Issued?').when(
    Condition.stringEquals('$.collection.outcome', 'waiting'),
    wait.next(check),
  );
  check.next(
    publish
      ? issued.otherwise(createPublishing(scope, publish).next(announceNew(new Choice(scope, 'New?'))))
      : announceNew(issued),
  );

  const logGroup = new LogGroup(scope, 'StateMachineLogs', {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  return new StateMachine(scope, 'StateMachine', {
    definitionBody: DefinitionBody.fromChainable(check),
    queryLanguage: QueryLanguage.JSON_PATH,
    role: createRole(scope, publish ? [collect, publish] : [collect], eventBus).withoutPolicyUpdates(),
    comment: 'Collects one mark certificate: asks the CA, waits, asks again, stores the chain.',
    // Collect itself finds an order overdue, at its first check after the deadline. This is for an execution in which no
    // check succeeds: the longest wait (twice the poll interval), and a day for repetitions: those of a check, of publishing
    // and of the announcement take 7 hours each. Only in a queue that is overloaded can the last check come later than that.
    timeout: Duration.seconds(settings.giveUpAfter.toSeconds() + 2 * settings.pollEvery.toSeconds() + 86_400),
    tracingEnabled: true,
    logs: {
      destination: logGroup,
      level: LogLevel.ERROR,
      includeExecutionData: false,
    },
  });
}

/**
 * Every execution that has its certificate publishes it, new or not: another one may have stored it and died. A refusal to
 * publish is an answer, kept at `$.publication`; what fails here is repeated for hours, and a redrive begins here again.
 */
function createPublishing(scope: Construct, publish: IFunction): LambdaInvoke {
  const publishing = new LambdaInvoke(scope, 'Publish', {
    lambdaFunction: publish,
    // Whole, though the function reads a few keys: a path to one that an order may leave out fails where it does.
    payload: TaskInput.fromObject({ order: JsonPath.entirePayload }),
    payloadResponseOnly: true,
    resultPath: '$.publication',
    retryOnServiceExceptions: false,
    taskTimeout: Timeout.duration(PUBLISH_TIMEOUT.plus(Duration.seconds(30))),
  });
  publishing.addRetry(UNEXPECTED);
  return publishing;
}

/**
 * Exactly what the states do. CDK's own grants would allow every version and alias of the function. Delivering logs and
 * traces has no resource to name (AWS: Step Functions, Logging; X-Ray, identity-based policies).
 */
function createRole(scope: Construct, functions: readonly IFunction[], eventBus: IEventBus): Role {
  const statements = [
    { actions: ['lambda:InvokeFunction'], resources: functions.map(({ functionArn }) => functionArn) },
    { actions: ['events:PutEvents'], resources: [eventBus.eventBusArn] },
    {
      actions: [
        'logs:CreateLogDelivery',
        'logs:DeleteLogDelivery',
        'logs:DescribeLogGroups',
        'logs:DescribeResourcePolicies',
        'logs:GetLogDelivery',
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:UpdateLogDelivery',
        'xray:GetSamplingRules',
        'xray:GetSamplingTargets',
        'xray:PutTelemetryRecords',
        'xray:PutTraceSegments',
      ],
      resources: ['*'],
    },
  ];
  return new Role(scope, 'StateMachineRole', {
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: {
      states: new PolicyDocument({ statements: statements.map((statement) => new PolicyStatement(statement)) }),
    },
  });
}
