import { ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import { type IEventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type ITopic, Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { DEFAULT_COLLECTOR } from '../functions/environment.ts';
import { ERRORS_REPORTED_BY_COLLECT } from '../functions/errors.ts';
import { EVENT_SOURCE, EXPIRING, FAILED, ISSUED, PUBLICATION_BROKEN, REVOKED, WAITING } from '../functions/events.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { CollectorConfig } from './collector-config.ts';
import { createFunction } from './functions.ts';
import { addDeadLetterQueue, executionsOf, type OverviewRefresh } from './triggers.ts';

/** The topics of the messages. Without `notifyEmail` and `notifyTopic`, both are the topic of the operators. */
export interface Topics {
  /** Receives the alarms, and what needs an operator. */
  readonly operators: ITopic;
  /** Receives what concerns the brand. */
  readonly brand: ITopic;
}

/** Creates the topics that are not given, and the e-mail subscriptions. */
export function createTopics(scope: Construct, config: TopicsConfig): Topics {
  const { alarmEmail, notifyEmail, encryptionKey: key } = config;
  const create = (id: string) => new Topic(scope, id, { enforceSSL: true, ...(key && { masterKey: key }) });
  const operators = config.alarmTopic ?? create('AlarmTopic');
  subscribe(scope, 'AlarmEmail', operators, alarmEmail);
  grantAlarmPublish(operators);
  const brand = config.notifyTopic ?? (notifyEmail === undefined ? operators : create('NotifyTopic'));
  subscribe(scope, 'NotifyEmail', brand, notifyEmail);
  return { operators, brand };
}

/** A topic that is given may have the subscription already: from the app, or from another collector. */
function subscribe(scope: Construct, id: string, topic: ITopic, email: string | undefined): void {
  if (email === undefined) {
    return;
  }
  if (Token.isUnresolved(email)) {
    // The address cannot be the id of the construct, as it is with EmailSubscription.
    new Subscription(scope, id, { topic, protocol: SubscriptionProtocol.EMAIL, endpoint: email });
  } else if (!topic.node.tryFindChild(email)) {
    topic.addSubscription(new EmailSubscription(email));
  }
}

/** What {@link createTopics} needs. */
type TopicsConfig = Pick<
  CollectorConfig,
  'alarmEmail' | 'alarmTopic' | 'encryptionKey' | 'notifyEmail' | 'notifyTopic'
>;

/**
 * `enforceSSL` replaces the default policy of the topic, which lets the alarms of the account publish. So may the policy of
 * a topic that is given; the policy of an imported one cannot be changed here.
 */
function grantAlarmPublish(topic: ITopic): void {
  const stack = Stack.of(topic);
  const alarms = {
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  };
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: { 'aws:SourceArn': stack.formatArn(alarms) },
        StringEquals: { 'aws:SourceAccount': stack.account },
      },
    }),
  );
}

/** What notify uses. */
export interface NotifyProps {
  readonly config: Pick<CollectorConfig, 'name' | 'runbookUrl'>;
  readonly bucket: IBucket;
  readonly stateMachine: StateMachine;
  readonly eventBus: IEventBus;
  readonly deadLetterQueue: IQueue;
  readonly topics: Topics;
  /** How the overview is written again after an outcome. */
  readonly refresh: OverviewRefresh;
}

/**
 * Sends a message for each event of this collector, and for each execution that ended without a report by Collect. The
 * event of Step Functions is on the default bus.
 */
export function createNotify(scope: Construct, props: NotifyProps): LambdaFunction {
  const { config, bucket, stateMachine, eventBus, deadLetterQueue, topics, refresh } = props;
  const notify = createFunction(scope, 'NotifyFunction', {
    folder: 'notify',
    description: 'Turns each event about an order or a certificate into one message for people',
    timeout: Duration.seconds(30),
    environment: {
      ALARM_TOPIC_ARN: topics.operators.topicArn,
      BUCKET_NAME: bucket.bucketName,
      COLLECTOR: config.name,
      DEAD_LETTER_QUEUE_ARN: deadLetterQueue.queueArn,
      NOTIFY_TOPIC_ARN: topics.brand.topicArn,
      OVERVIEW_SCHEDULE_GROUP: refresh.group.ref,
      OVERVIEW_SCHEDULE_ROLE_ARN: refresh.role.roleArn,
      RUNBOOK_URL: config.runbookUrl,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
      SURVEY_FUNCTION_ARN: refresh.survey.functionArn,
    },
  });
  addDeadLetterQueue(notify, deadLetterQueue);
  grantNotify(notify, props);
  grantRefresh(notify, refresh);
  const target = { targets: [new LambdaTarget(notify, { deadLetterQueue })] };
  new Rule(scope, 'Outgoing', {
    description: 'The collector sent an event: send a message about it',
    eventBus,
    eventPattern: {
      source: [EVENT_SOURCE],
      detailType: [ISSUED, WAITING, FAILED, EXPIRING, REVOKED, PUBLICATION_BROKEN],
      detail: { collector: acceptedNames(config.name) },
    },
    ...target,
  });
  const ended = (detail: Readonly<Record<string, readonly unknown[]>>) => ({
    source: ['aws.states'],
    detailType: ['Step Functions Execution Status Change'],
    detail: { stateMachineArn: [stateMachine.stateMachineArn], ...detail },
  });
  // Two rules, because an execution that timed out or was stopped has the error null, which "anything-but" need not
  // match, and a template cannot contain null (AWS: EventBridge, Matching events on null values).
  new Rule(scope, 'OrderFailed', {
    description: 'An execution failed with an error that Collect does not report: send a message about it',
    eventPattern: ended({ status: ['FAILED'], error: Match.anythingBut(...ERRORS_REPORTED_BY_COLLECT) }),
    ...target,
  });
  new Rule(scope, 'OrderStopped', {
    description: 'An execution timed out, or somebody stopped it: send a message about it',
    eventPattern: ended({ status: ['TIMED_OUT', 'ABORTED'] }),
    ...target,
  });
  return notify;
}

/** Executions that started with release 0.1.0, which had one collector, announce their certificate without its name. */
function acceptedNames(name: string): string[] {
  return name === DEFAULT_COLLECTOR ? Match.anyOf(name, Match.doesNotExist()) : [name];
}

/**
 * Lets notify create the schedules of the overview. Their role is passed to EventBridge Scheduler only (Identity and
 * access management in EventBridge Scheduler).
 */
function grantRefresh(notify: LambdaFunction, { group, role }: OverviewRefresh): void {
  const schedules = Stack.of(notify).formatArn({
    service: 'scheduler',
    resource: 'schedule',
    resourceName: `${group.ref}/overview*`,
  });
  notify.addToRolePolicy(
    new PolicyStatement({ actions: ['scheduler:CreateSchedule', 'scheduler:GetSchedule'], resources: [schedules] }),
  );
  notify.addToRolePolicy(
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [role.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    }),
  );
  if (notify.role) {
    acknowledgeWildcard(notify.role, schedules, 'Creates the schedules of the overview, which have two fixed names.');
  }
}

function grantNotify(notify: LambdaFunction, { bucket, stateMachine, topics }: NotifyProps): void {
  const statuses = bucket.arnForObjects('orders/*/status.json');
  const known = ['order', 'certificate'].map((name) => bucket.arnForObjects(`orders/*/${name}.json`));
  const executions = executionsOf(stateMachine);
  for (const [actions, resources] of [
    [['sns:Publish'], [...new Set([topics.operators.topicArn, topics.brand.topicArn])]],
    [['s3:GetObject', 's3:PutObject'], [statuses]],
    [['s3:GetObject'], known],
    // Without it S3 answers 403 instead of 404 for a missing object, and a condition on the prefix would not match.
    [['s3:ListBucket'], [bucket.bucketArn]],
    [['states:DescribeExecution'], [executions]],
  ] as const) {
    notify.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }
  if (notify.role) {
    acknowledgeWildcard(notify.role, statuses, 'Reads and writes the status of every order.');
    for (const objects of known) {
      acknowledgeWildcard(
        notify.role,
        objects,
        'Reads the options of every order, for the command that orders it again.',
      );
    }
    acknowledgeWildcard(
      notify.role,
      executions,
      'Reads the order in the input of an execution, for the command that sends the order again.',
    );
  }
}
