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
import type { Settings } from './settings.ts';

/** The CA's own "no", a chain that cannot be proved, the deadline: repeating brings nothing before somebody acts. */
const NEVER: RetryProps = { errors: Object.keys(NEXT_STEPS), maxAttempts: 0 };

/**
 * The queue before Collect. One call at a time of 3 s each drains a burst of 1,000 orders in 3,000 s. The delay doubles
 * from 2 s to its cap of 300 s; with full jitter an order comes back every 150 s on average, 20 times until the burst has
 * drained, and five times as often before it gives up.
 */
const QUEUE: RetryProps = {
  errors: [
    'Lambda.TooManyRequestsException',
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
  ],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxDelay: Duration.seconds(300),
  jitterStrategy: JitterType.FULL,
  maxAttempts: 100,
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
  { collect, eventBus, settings }: CollectionStateMachineProps,
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
        }),
      },
    ],
    resultPath: JsonPath.DISCARD,
  });
  announce.addRetry(UNEXPECTED);

  const collected = new Succeed(scope, 'Collected');

  check.next(
    new Choice(scope, 'Issued?')
      .when(Condition.stringEquals('$.collection.outcome', 'waiting'), wait.next(check))
      .when(Condition.booleanEquals('$.collection.certificate.changed', true), announce.next(collected))
      .otherwise(collected),
  );

  const logGroup = new LogGroup(scope, 'StateMachineLogs', {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  return new StateMachine(scope, 'StateMachine', {
    definitionBody: DefinitionBody.fromChainable(check),
    queryLanguage: QueryLanguage.JSON_PATH,
    role: createRole(scope, collect, eventBus).withoutPolicyUpdates(),
    comment: 'Collects one mark certificate: asks the CA, waits, asks again, stores the chain.',
    // Collect itself finds an order overdue, at its first check after the deadline. This is for an execution in which no
    // check succeeds: the longest wait (twice the poll interval), and a day for repetitions.
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
 * Exactly what the states do. CDK's own grants would allow every version and alias of the function. Delivering logs and
 * traces has no resource to name (AWS: Step Functions, Logging; X-Ray, identity-based policies).
 */
function createRole(scope: Construct, collect: IFunction, eventBus: IEventBus): Role {
  const statements = [
    { actions: ['lambda:InvokeFunction'], resources: [collect.functionArn] },
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
