import { Duration, Names, RemovalPolicy } from 'aws-cdk-lib';
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
import { putEventsStatement } from './grants.ts';
import { PUBLISH_TIMEOUT } from './publication.ts';

/** A refusal by the CA, an invalid chain, the deadline, a wrong input: a retry is useless before a person acts. */
const NO_RETRY: RetryProps = { errors: Object.keys(NEXT_STEPS), maxAttempts: 0 };

/**
 * Retries while Lambda has no capacity for Collect. They replace a queue. Each refused invocation costs money and
 * events of the history, so the first retry follows within a minute and the others within ten minutes, with full jitter
 * every 5 minutes on average. The simulation in docs/performance.md (Scale) determined the numbers. The load of one
 * caller is orders x seconds per reply / (1.05 x pollEvery):
 *
 * - up to a load of 0.9 every order is served, and a check is refused 4.4 times on average;
 * - 1,000 orders in the same second, at 3 s each, are all checked after 1.3 h; a queue without gaps would take 0.8 h;
 * - 500 retries last 42 h on average. At a load of 1.5 a check is refused 21 times on average, and no check of a week
 *   fails; at 3, one in a thousand fails. Such an execution fails in Collect: it is reported and can be redriven.
 */
const BUSY_RETRY: RetryProps = {
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
 * Retries after every other error, for example if S3 refuses a write or the process dies. A retried check completes
 * what the first one left unfinished, so retries may last long: 1, 2, 4 … 32 minutes and then six times an hour are at
 * most 7 hours, and half of that on average with full jitter.
 */
const ERROR_RETRY: RetryProps = {
  errors: ['States.ALL'],
  interval: Duration.seconds(60),
  backoffRate: 2,
  maxDelay: Duration.hours(1),
  jitterStrategy: JitterType.FULL,
  maxAttempts: 12,
};

/** What the state machine invokes and notifies. */
export interface CollectionStateMachineProps {
  readonly collect: IFunction;
  /** Undefined if the setting `publish` is off. */
  readonly publish: IFunction | undefined;
  readonly eventBus: IEventBus;
  /** The name of the collector. */
  readonly collector: string;
}

/**
 * Creates the state machine: it runs Collect and waits, until the certificate is issued. Each execution collects one
 * order.
 *
 * There is no Catch and no Fail state: an execution fails in Collect itself, so that a redrive asks the CA again. Collect
 * reports the failure first. The status-change event of Step Functions reports every other end.
 */
export function createStateMachine(
  scope: Construct,
  { collect, publish, eventBus, collector }: CollectionStateMachineProps,
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
    // Longer than the function's own timeout: this one ends an invocation that never returns.
    taskTimeout: Timeout.duration(Duration.seconds(90)),
  });
  for (const policy of [NO_RETRY, BUSY_RETRY, ERROR_RETRY]) {
    check.addRetry(policy);
  }

  // A check that the survey starts has a time of the day, so that thousands of them are spread over the day.
  const begin = new Choice(scope, 'Later?')
    .when(
      Condition.isPresent('$.delaySeconds'),
      new Wait(scope, 'Wait for its time', { time: WaitTime.secondsPath('$.delaySeconds') }).next(check),
    )
    .otherwise(check);

  const wait = new Wait(scope, 'Wait', { time: WaitTime.secondsPath('$.collection.waitSeconds') });

  const announce = new EventBridgePutEvents(scope, 'Announce issued', {
    entries: [
      {
        source: EVENT_SOURCE,
        detailType: ISSUED,
        eventBus,
        detail: TaskInput.fromObject({
          collector,
          orderNumber: JsonPath.stringAt('$.orderNumber'),
          account: JsonPath.objectAt('$.collection.account'),
          // The domains of the certificate: a JSONPath to those of the order fails if the order has none.
          domains: JsonPath.listAt('$.collection.certificate.domains'),
          certificate: JsonPath.objectAt('$.collection.certificate'),
          ...(publish && { publication: JsonPath.objectAt('$.publication') }),
        }),
      },
    ],
    resultPath: JsonPath.DISCARD,
  });
  announce.addRetry(ERROR_RETRY);

  const collected = new Succeed(scope, 'Collected');

  announce.next(collected);
  const announceNew = (choice: Choice) =>
    choice.when(Condition.booleanEquals('$.collection.certificate.changed', true), announce).otherwise(collected);
  const issued = new Choice(scope, 'Issued?')
    .when(Condition.stringEquals('$.collection.outcome', 'waiting'), wait.next(check))
    // A check beside another execution of the order, which found no certificate.
    .when(Condition.stringEquals('$.collection.outcome', 'ended'), collected);
  check.next(
    publish
      ? issued.otherwise(
          createPublishing(scope, publish).next(
            // A certificate that is not new can be newly published, or be refused for a reason that a person must know.
            announceNew(
              new Choice(scope, 'New?').when(
                Condition.and(
                  Condition.isPresent('$.publication.announce'),
                  Condition.booleanEquals('$.publication.announce', true),
                ),
                announce,
              ),
            ),
          ),
        )
      : announceNew(issued),
  );

  const logGroup = new LogGroup(scope, 'StateMachineLogs', {
    logGroupName: logGroupName(scope),
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  return new StateMachine(scope, 'StateMachine', {
    definitionBody: DefinitionBody.fromChainable(begin),
    queryLanguage: QueryLanguage.JSON_PATH,
    role: createRole(scope, publish ? [collect, publish] : [collect], eventBus).withoutPolicyUpdates(),
    comment: 'Collects one mark certificate: asks the CA, waits, asks again, stores the chain.',
    // Collect itself fails an overdue order, at its first check after the deadline. The deadline is not part of the
    // definition, which an execution keeps for life: a new `giveUpAfter` also applies to orders that wait already. This
    // timeout is the longest time that a standard execution may run (AWS: Step Functions, quotas).
    timeout: Duration.days(365),
    // No X-Ray: AWS advises against it for executions that last for days (docs/decisions/aws.md).
    logs: {
      destination: logGroup,
      level: LogLevel.ERROR,
      includeExecutionData: false,
    },
  });
}

/**
 * A name that contains the stack, the path of the construct and a hash of both, so no two collectors of an account have
 * the same one. Without this prefix, each log group of a state machine takes a line in the account's resource policy for
 * logs. When the 5,120 characters of this policy are used up, deployments fail (AWS: Step Functions, Logging).
 */
function logGroupName(scope: Construct): string {
  const unique = Names.uniqueResourceName(scope, { separator: '-', maxLength: 200 });
  return `/aws/vendedlogs/states/${unique}-StateMachineLogs`;
}

/**
 * Every execution with a certificate publishes it, even if the certificate is not new: the execution that stored it may
 * have ended before it published. A refusal to publish is a result, stored at `$.publication`. An error in this state
 * is retried for hours, and a redrive continues here.
 */
function createPublishing(scope: Construct, publish: IFunction): LambdaInvoke {
  const publishing = new LambdaInvoke(scope, 'Publish', {
    lambdaFunction: publish,
    // The whole order, although the function reads few keys: a JSONPath to an optional key fails if the key is missing.
    payload: TaskInput.fromObject({
      order: JsonPath.entirePayload,
      execution: JsonPath.executionName,
      startedAt: JsonPath.executionStartTime,
    }),
    payloadResponseOnly: true,
    resultPath: '$.publication',
    retryOnServiceExceptions: false,
    taskTimeout: Timeout.duration(PUBLISH_TIMEOUT.plus(Duration.seconds(30))),
  });
  publishing.addRetry(ERROR_RETRY);
  return publishing;
}

/**
 * A role with exactly the permissions that the states need. CDK's grants would allow every version and alias of a
 * function. Actions that deliver logs support no resource (AWS: Step Functions, Logging).
 */
function createRole(scope: Construct, functions: readonly IFunction[], eventBus: IEventBus): Role {
  const statements = [
    { actions: ['lambda:InvokeFunction'], resources: functions.map(({ functionArn }) => functionArn) },
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
      ],
      resources: ['*'],
    },
  ];
  return new Role(scope, 'StateMachineRole', {
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: {
      states: new PolicyDocument({
        statements: [
          ...statements.map((statement) => new PolicyStatement(statement)),
          putEventsStatement(eventBus, [ISSUED]),
        ],
      }),
    },
  });
}
