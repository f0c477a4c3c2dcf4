import { Annotations, ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import { type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { type IRole, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { FunctionUrlAuthType, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { CfnScheduleGroup, Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import {
  EVENT_SOURCE,
  EXPIRING,
  FAILED,
  ORDERED,
  PUBLICATION_BROKEN,
  REVOKED,
  SURVEY_CONTINUES,
  WAITING,
} from '../functions/events.ts';
import { OVERVIEW } from '../functions/pages/overview-folder.ts';
import { FAILING_CRLS_KEY } from '../functions/store/failing-crls.ts';
import { FETCHES_KEY, LOG_PREFIX } from '../functions/store/fetches.ts';
import { PUBLISHED } from '../functions/store/publication.ts';
import { progressKey, SURVEY_KINDS } from '../functions/store/survey-progress.ts';
import { WATCHED } from '../functions/store/watched.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import { joined } from './collect.ts';
import type { CollectorConfig } from './collector-config.ts';
import { createFunction } from './functions.ts';
import { grantPutEvents } from './grants.ts';
import { grantPublish } from './publication.ts';

/** The daily time of the survey, in UTC: before office hours in Europe, and never near midnight. */
const SURVEY_SCHEDULE = { hour: '5', minute: '17' };

/** What the function start uses, and the source of the events that start it. */
export interface StartProps {
  /** The name of the collector. */
  readonly collector: string;
  readonly bucket: IBucket;
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  readonly eventBus: IEventBus;
  readonly eventSource: string;
}

/**
 * Starts an execution for each event "Mark Certificate Ordered", or corrects the one that waits. An event that fails goes
 * to the dead-letter queue.
 */
export function createStart(scope: Construct, props: StartProps): LambdaFunction {
  const { collector, bucket, stateMachine, deadLetterQueue, eventBus, eventSource } = props;
  const start = createFunction(scope, 'StartFunction', {
    folder: 'start',
    description: 'Starts the collection of an order when its event arrives, or corrects the order',
    timeout: Duration.seconds(30),
    environment: {
      BUCKET_NAME: bucket.bucketName,
      COLLECTOR: collector,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
    },
  });
  addDeadLetterQueue(start, deadLetterQueue);
  grantStartExecution(start, stateMachine);
  const written = ['order', 'status'].map((name) => bucket.arnForObjects(`orders/*/${name}.json`));
  const manifests = bucket.arnForObjects('orders/*/certificate.json');
  for (const [actions, resources] of [
    // Without it S3 answers 403 instead of 404 for a missing object.
    [['s3:ListBucket'], [bucket.bucketArn]],
    [['s3:GetObject', 's3:PutObject'], written],
    [['s3:GetObject'], [manifests]],
  ] as const) {
    start.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }
  if (start.role) {
    for (const objects of written) {
      acknowledgeWildcard(start.role, objects, 'Writes what was ordered under every number, and corrects its status.');
    }
    acknowledgeWildcard(start.role, manifests, 'Reads the options with which a certificate was collected.');
  }
  new Rule(scope, 'Ordered', {
    description: 'A mark certificate was ordered: start its collection',
    eventBus,
    eventPattern: { source: [eventSource], detailType: [ORDERED] },
    targets: [new LambdaTarget(start, { deadLetterQueue })],
  });
  return start;
}

export interface PushProps {
  /** The name of the collector. */
  readonly collector: string;
  readonly stateMachine: StateMachine;
  readonly eventBus: IEventBus;
  /** Contains the orders, and `pushes/` with what could not be interpreted. */
  readonly bucket: IBucket;
  /** The credentials that the CA sends: `{"username": "…", "password": "…", "pathSecret"?: "…"}`. */
  readonly credentials: ISecret;
  readonly reservedConcurrency: number | undefined;
}

/** Where the CA pushes notifications to. */
export interface PushEndpoint {
  /** The function URL. */
  readonly url: string;
  /** The credentials that the CA sends: `{"username": "…", "password": "…"}`. */
  readonly credentials: ISecret;
}

/** Receives the CA's notifications at a function URL. An outcome starts an execution. */
export function createPush(
  scope: Construct,
  props: PushProps,
): { readonly push: LambdaFunction; readonly endpoint: PushEndpoint } {
  const { collector, stateMachine, eventBus, bucket, credentials, reservedConcurrency } = props;
  const push = createFunction(scope, 'PushFunction', {
    folder: 'push',
    description: 'Receives notifications of the CA, and asks CollectMC about the order at once',
    timeout: Duration.seconds(15),
    reservedConcurrency,
    environment: {
      COLLECTOR: collector,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
      BUCKET_NAME: bucket.bucketName,
      EVENT_BUS_NAME: eventBus.eventBusName,
      PUSH_SECRET_ARN: credentials.secretArn,
    },
  });
  const orders = ['order', 'certificate', 'status'].map((name) => bucket.arnForObjects(`orders/*/${name}.json`));
  const pushes = bucket.arnForObjects('pushes/*');
  for (const [actions, resources] of [
    [['secretsmanager:GetSecretValue'], [credentials.secretArn]],
    [['s3:GetObject'], orders],
    [['s3:PutObject'], [pushes]],
    // Without it S3 answers 403 instead of 404 for a missing object, and a condition on the prefix would not match.
    [['s3:ListBucket'], [bucket.bucketArn]],
  ] as const) {
    push.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }
  if (push.role) {
    for (const order of orders) {
      acknowledgeWildcard(push.role, order, 'Reads what is known of an order, whose number is not known in advance.');
    }
    acknowledgeWildcard(push.role, pushes, 'Stores the pushes that it does not understand, in a folder for each day.');
  }
  grantStartExecution(push, stateMachine);
  grantPutEvents(push, eventBus, [REVOKED]);
  warnWithoutFunctionUrls(push);
  const { url } = push.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  return { push, endpoint: { url, credentials } };
}

/**
 * Regions without function URLs. AWS's documentation lists the first row (Lambda, "Creating and managing Lambda function
 * URLs", read 2026-11). Only AWS's resource schemas, which cfn-lint 1.58.0 contains, lack the type in the second row.
 */
export const REGIONS_WITHOUT_FUNCTION_URLS = [
  ...['ap-east-2', 'ap-south-2', 'ap-southeast-4', 'ap-southeast-5', 'ap-southeast-6', 'ap-southeast-7'],
  ...['ca-west-1', 'eu-central-2', 'eu-south-2', 'il-central-1', 'me-central-1'],
  ...['cn-northwest-1', 'mx-central-1', 'us-gov-east-1', 'us-gov-west-1'],
];

/**
 * Warns at synthesis if the region has no function URLs. A stack without a fixed region is deployed to the region of the
 * CDK command, which CDK passes to the app in this variable. It is read for the warning only: the template stays the
 * same for every region.
 */
function warnWithoutFunctionUrls(push: LambdaFunction): void {
  const { region } = Stack.of(push);
  const target = Token.isUnresolved(region) ? process.env.CDK_DEFAULT_REGION : region;
  if (target !== undefined && REGIONS_WITHOUT_FUNCTION_URLS.includes(target)) {
    Annotations.of(push).addWarningV2(
      'region-without-function-urls',
      `push: true needs a function URL, and AWS lists none for the region ${target}, so the deployment will probably ` +
        'fail; accepted: another region, or push=false, with which every order is still collected by polling',
    );
  }
}

/**
 * The memory with which a function has one CPU (AWS Lambda, "Configure Lambda function memory"). A survey of thousands of
 * certificates needs minutes of CPU, and less than 512 MB. Twice the CPU costs the same as twice the time.
 */
const ONE_CPU_MEGABYTES = 1769;

export interface SurveyProps {
  /** The name of the collector. */
  readonly collector: string;
  readonly bucket: IBucket;
  readonly stateMachine: StateMachine;
  readonly eventBus: IEventBus;
  readonly deadLetterQueue: IQueue;
  /** The topics whose confirmed subscriptions the survey counts. */
  readonly topics: readonly ITopic[];
  readonly remindBefore: Duration;
  readonly askAgainBefore: Duration;
  /** Certificates and logs that are trusted in addition to the known ones, for the chains of watched domains. */
  readonly trusted: Pick<CollectorConfig, 'trustAnchors' | 'ctLogs'>;
  /** The URL of the publications, which the survey checks too; undefined if the setting `publish` is off. */
  readonly publishedUrl: string | undefined;
  /** Whether to unpublish a revoked certificate. */
  readonly unpublishRevoked: boolean;
  /** CloudFront's logs of the published objects; undefined if there are none. */
  readonly logs: { readonly logBucket: IBucket; readonly distributionId: string } | undefined;
}

/** Checks how long the certificates in the bucket are still valid, and what is published: see {@link runSurvey}. */
export function createSurvey(scope: Construct, props: SurveyProps): LambdaFunction {
  const { collector, bucket, stateMachine, eventBus, deadLetterQueue, topics, publishedUrl, logs } = props;
  const { remindBefore, askAgainBefore, unpublishRevoked } = props;
  const topicArns = topics.map(({ topicArn }) => topicArn);
  const survey = createFunction(scope, 'SurveyFunction', {
    folder: 'survey',
    description: 'Checks every day all orders and certificates, and what is served at domains',
    // The longest that Lambda allows: most surveys then need one invocation.
    timeout: Duration.minutes(15),
    memorySize: ONE_CPU_MEGABYTES,
    environment: {
      COLLECTOR: collector,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
      TOPIC_ARNS: topicArns.join(','),
      BUCKET_NAME: bucket.bucketName,
      CONTINUES: 'true',
      EVENT_BUS_NAME: eventBus.eventBusName,
      REMIND_BEFORE_DAYS: String(remindBefore.toDays()),
      ASK_AGAIN_BEFORE_DAYS: String(askAgainBefore.toDays()),
      PUBLISHED_URL: publishedUrl,
      LOG_BUCKET_NAME: logs?.logBucket.bucketName,
      DISTRIBUTION_ID: logs?.distributionId,
      OVERVIEW: 'true',
      WATCHED: 'true',
      TRUST_ANCHORS: joined(props.trusted.trustAnchors),
      CT_LOGS: joined(props.trusted.ctLogs),
      REVOCATIONS: 'true',
      UNPUBLISH_REVOKED: unpublishRevoked ? 'true' : undefined,
    },
  });
  addDeadLetterQueue(survey, deadLetterQueue);
  // What the manifest of a certificate lists. A change of a manifest restores the objects in it.
  const certificates = ['certificate.json', 'chain.pem', 'logo.svg', 'report.html', 'response.*'].map((name) =>
    bucket.arnForObjects(`orders/*/${name}`),
  );
  const statuses = bucket.arnForObjects('orders/*/status.json');
  const orderFiles = bucket.arnForObjects('orders/*/order.json');
  const overview = bucket.arnForObjects(`${OVERVIEW}*`);
  const watched = bucket.arnForObjects(`${WATCHED}*`);
  const executions = executionsOf(stateMachine);
  for (const [actions, resources] of [
    // Without the second one S3 answers 403 instead of 404 for a missing version.
    [['s3:ListBucket', 's3:ListBucketVersions'], [bucket.bucketArn]],
    [['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], certificates],
    [['s3:GetObject', 's3:PutObject'], [statuses]],
    [['s3:GetObject'], [orderFiles]],
    [
      ['s3:GetObject', 's3:PutObject'],
      [...SURVEY_KINDS.map(progressKey), FAILING_CRLS_KEY].map((key) => bucket.arnForObjects(key)),
    ],
    [['s3:GetObject'], [watched]],
    [['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [overview]],
    [['states:ListExecutions', 'states:StartExecution'], [stateMachine.stateMachineArn]],
    [['states:DescribeExecution'], [executions]],
    [['sns:GetTopicAttributes'], topicArns],
  ] as const) {
    survey.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }
  grantPutEvents(survey, eventBus, [EXPIRING, WAITING, FAILED, SURVEY_CONTINUES, REVOKED, PUBLICATION_BROKEN]);
  if (survey.role) {
    for (const objects of certificates) {
      acknowledgeWildcard(survey.role, objects, 'Reads the certificate of every order, and marks it if it is revoked.');
    }
    acknowledgeWildcard(survey.role, orderFiles, 'Reads what was ordered, for the orders that it checks again.');
    acknowledgeWildcard(survey.role, watched, 'Reads the object of every watched domain, which it checks.');
    acknowledgeWildcard(survey.role, overview, 'Writes the overview, whose pages depend on the accounts.');
    acknowledgeWildcard(survey.role, statuses, 'Reads the status of every order, and corrects it if it is wrong.');
    acknowledgeWildcard(survey.role, executions, 'Reads how an execution failed, to report what nobody reported.');
  }
  if (publishedUrl !== undefined) {
    const descriptions = bucket.arnForObjects(`${PUBLISHED}*/*.json`);
    survey.addToRolePolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: [descriptions] }));
    if (survey.role) {
      const reason = 'Reads the description of every publication; it fetches chain and logo from the public address.';
      acknowledgeWildcard(survey.role, descriptions, reason);
    }
  }
  if (logs) {
    grantLogs(survey, bucket, logs);
  }
  return survey;
}

/** Lets the survey read the logs of the distribution, and store what it has read of them. */
function grantLogs(
  survey: LambdaFunction,
  bucket: IBucket,
  { logBucket, distributionId }: NonNullable<SurveyProps['logs']>,
): void {
  const files = logBucket.arnForObjects(`${LOG_PREFIX}${distributionId}.*`);
  for (const [actions, resource] of [
    [['s3:ListBucket'], logBucket.bucketArn],
    [['s3:GetObject'], files],
    [['s3:GetObject', 's3:PutObject'], bucket.arnForObjects(FETCHES_KEY)],
  ] as const) {
    survey.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
  }
  if (survey.role) {
    acknowledgeWildcard(survey.role, files, 'CloudFront chooses the names of its log files.');
  }
}

/**
 * What a function needs to let survey write the overview some minutes later. The schedule that it creates is in a group of
 * the stack: with the stack, AWS deletes the group and the schedules in it, so that none invokes a function that is gone.
 */
export interface OverviewRefresh {
  readonly group: CfnScheduleGroup;
  /** The role of the schedule. */
  readonly role: IRole;
  readonly survey: LambdaFunction;
}

export interface SurveyRunsProps {
  /** The name of the collector. */
  readonly collector: string;
  readonly survey: LambdaFunction;
  readonly eventBus: IEventBus;
  readonly deadLetterQueue: IQueue;
  /** The key of the queue, if it is not AWS's own. */
  readonly key: IKey | undefined;
}

/**
 * Runs the survey once a day and after each deployment. The event of CloudFormation is sent "on a best effort basis" and
 * nothing depends on it: the next daily survey does the same work. Unlike a custom resource, it cannot fail a deployment,
 * and it runs after every deployment, not only after some (docs/decisions/aws.md).
 *
 * A survey that had too little time sends an event, with which the function is invoked again (docs/decisions/survey.md).
 */
export function runSurvey(scope: Construct, props: SurveyRunsProps): OverviewRefresh {
  const { collector, survey, eventBus, deadLetterQueue, key } = props;
  // Without a name, so that CloudFormation makes one that was never used: a group with the name of a deleted one could not
  // be created while its schedules are deleted (EventBridge Scheduler, DeleteScheduleGroup).
  const group = new CfnScheduleGroup(scope, 'OverviewSchedules');
  const role = createScheduleRole(scope, { survey, deadLetterQueue, key }, group);
  // Generated names: schedules of two collectors share the default group and must not collide.
  new Schedule(scope, 'SurveySchedule', {
    description: 'Check once a day which certificates expire soon',
    schedule: ScheduleExpression.cron(SURVEY_SCHEDULE),
    target: new LambdaInvoke(survey, {
      deadLetterQueue,
      role,
    }),
  });
  new Rule(scope, 'Deployed', {
    description: 'The stack was deployed: check the certificates with its new code and settings',
    eventPattern: {
      source: ['aws.cloudformation'],
      detailType: ['CloudFormation Stack Status Change'],
      detail: {
        'stack-id': [Stack.of(scope).stackId],
        'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] },
      },
    },
    targets: [new LambdaTarget(survey, { deadLetterQueue })],
  });
  new Rule(scope, 'SurveyContinues', {
    description: 'A survey had too little time: continue it',
    eventBus,
    eventPattern: { source: [EVENT_SOURCE], detailType: [SURVEY_CONTINUES], detail: { collector: [collector] } },
    targets: [new LambdaTarget(survey, { deadLetterQueue })],
  });
  return { group, role, survey };
}

/**
 * A role with exactly the permissions of the schedules, the daily one and those after an outcome: CDK's grants would allow
 * every version and alias of the function. The scheduler sends to the dead-letter queue with this role, so the role also needs the queue's key (AWS: EventBridge
 * Scheduler, Configuring a dead-letter queue). AWS compares aws:SourceArn with the group of a schedule (Confused deputy
 * prevention in EventBridge Scheduler).
 */
function createScheduleRole(
  scope: Construct,
  { survey, deadLetterQueue, key }: Pick<SurveyRunsProps, 'survey' | 'deadLetterQueue' | 'key'>,
  { attrArn }: CfnScheduleGroup,
): IRole {
  const stack = Stack.of(scope);
  const defaultGroup = stack.formatArn({ service: 'scheduler', resource: 'schedule-group', resourceName: 'default' });
  const statements = [
    { actions: ['lambda:InvokeFunction'], resources: [survey.functionArn] },
    { actions: ['sqs:SendMessage'], resources: [deadLetterQueue.queueArn] },
    ...(key ? [{ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn] }] : []),
  ];
  const role = new Role(scope, 'SurveyScheduleRole', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account, 'aws:SourceArn': [defaultGroup, attrArn] } },
    }),
    inlinePolicies: {
      schedule: new PolicyDocument({ statements: statements.map((statement) => new PolicyStatement(statement)) }),
    },
  });
  return role.withoutPolicyUpdates();
}

export interface RevokeProps {
  /** The name of the collector. */
  readonly collector: string;
  readonly bucket: IBucket;
  readonly eventBus: IEventBus;
  readonly deadLetterQueue: IQueue;
  /** Whether to unpublish a revoked certificate; otherwise the function only records the revocation. */
  readonly unpublishRevoked: boolean;
}

/**
 * Records a revocation in each publication of its order. The event is the collector's own: AWS sends the status changes of
 * executions as best effort only. The survey sends the event again for a publication that is not marked.
 */
export function createRevoke(scope: Construct, props: RevokeProps): LambdaFunction {
  const { collector, bucket, eventBus, deadLetterQueue, unpublishRevoked } = props;
  const revoke = createFunction(scope, 'RevokeFunction', {
    folder: 'revoke',
    description: 'Records that the CA revoked a published certificate, or unpublishes it',
    timeout: Duration.minutes(2),
    environment: {
      COLLECTOR: collector,
      BUCKET_NAME: bucket.bucketName,
      UNPUBLISH_REVOKED: unpublishRevoked ? 'true' : undefined,
    },
  });
  addDeadLetterQueue(revoke, deadLetterQueue);
  grantPublish(revoke, bucket);
  new Rule(scope, 'Revoked', {
    description: 'The CA revoked a certificate: record it in the publications of the order',
    eventBus,
    // A revocation that is not confirmed, such as that of a push, takes nothing down.
    eventPattern: {
      source: [EVENT_SOURCE],
      detailType: [REVOKED],
      detail: { collector: [collector], confirmed: [true] },
    },
    targets: [new LambdaTarget(revoke, { deadLetterQueue })],
  });
  return revoke;
}

/**
 * Sends an event that failed three times to the queue, with the reason. CDK's SqsDestination would also allow the
 * function to read the queue's attributes and, with a customer-managed key, kms:GenerateDataKey* and kms:ReEncrypt*.
 */
export function addDeadLetterQueue(lambda: LambdaFunction, { queueArn }: IQueue): void {
  lambda.addToRolePolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queueArn] }));
  lambda.configureAsyncInvoke({ onFailure: { bind: () => ({ destination: queueArn }) }, retryAttempts: 2 });
}

function grantStartExecution(starter: LambdaFunction, stateMachine: StateMachine): void {
  stateMachine.grantStartExecution(starter);
  const executions = executionsOf(stateMachine);
  starter.addToRolePolicy(new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }));
  if (starter.role) {
    acknowledgeWildcard(
      starter.role,
      executions,
      "Reads how an order's earlier execution ended; its name contains the order number.",
    );
  }
}

/** The ARN of every execution of an order. */
export function executionsOf(stateMachine: StateMachine): string {
  return Stack.of(stateMachine).formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${stateMachine.stateMachineName}:order-*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
