import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { type IEventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FunctionUrlAuthType, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { NEXT_STEPS } from '../functions/errors.ts';
import { ORDERED } from '../functions/events.ts';
import { PUBLISHED } from '../functions/store/publication.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import { createFunction } from './functions.ts';
import { grantPublish } from './publication.ts';

/** Invoked at this time every day, in UTC: before an office opens in Europe, and never near midnight. */
const SURVEY_SCHEDULE = { hour: '5', minute: '17' };

export interface StartProps {
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  readonly eventBus: IEventBus;
  readonly eventSource: string;
}

/** The event "Mark Certificate Ordered" starts an execution; what cannot be started goes to the dead-letter queue. */
export function createStart(scope: Construct, props: StartProps): LambdaFunction {
  const { stateMachine, deadLetterQueue, eventBus, eventSource } = props;
  const start = createFunction(scope, 'StartFunction', {
    folder: 'start',
    description: 'Turns an event that announces an order into an execution',
    timeout: Duration.seconds(30),
    environment: { STATE_MACHINE_ARN: stateMachine.stateMachineArn },
  });
  addDeadLetterQueue(start, deadLetterQueue);
  grantStartExecution(start, stateMachine);
  new Rule(scope, 'Ordered', {
    description: 'A mark certificate was ordered: start to collect it',
    eventBus,
    eventPattern: { source: [eventSource], detailType: [ORDERED] },
    targets: [new LambdaTarget(start, { deadLetterQueue })],
  });
  return start;
}

export interface PushProps {
  readonly stateMachine: StateMachine;
  /** `{"username": "…", "password": "…"}`, what the CA authenticates with. */
  readonly credentials: Secret;
  readonly reservedConcurrency: number | undefined;
}

/** The CA's notifications at a function URL, by basic authentication, start an execution that asks CollectMC at once. */
export function createPush(scope: Construct, { stateMachine, credentials, reservedConcurrency }: PushProps) {
  const push = createFunction(scope, 'PushFunction', {
    folder: 'push',
    description: 'Takes a notification of the CA as a hint to ask for an order at once',
    timeout: Duration.seconds(15),
    reservedConcurrency,
    environment: { STATE_MACHINE_ARN: stateMachine.stateMachineArn, PUSH_SECRET_ARN: credentials.secretArn },
  });
  push.addToRolePolicy(
    new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [credentials.secretArn] }),
  );
  grantStartExecution(push, stateMachine);
  return { push, url: push.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url };
}

export interface SurveyProps {
  readonly bucket: Bucket;
  readonly eventBus: IEventBus;
  readonly deadLetterQueue: IQueue;
  readonly remindBefore: Duration;
  /** Where the setting `publish` is on: what is served there is looked at too. */
  readonly publishedUrl: string | undefined;
}

/** Once a day: how long the certificates in the bucket are still good for. */
export function createSurvey(scope: Construct, props: SurveyProps): LambdaFunction {
  const { bucket, eventBus, deadLetterQueue, remindBefore, publishedUrl } = props;
  const survey = createFunction(scope, 'SurveyFunction', {
    folder: 'survey',
    description: 'Looks once a day for certificates that will expire',
    timeout: Duration.minutes(5),
    environment: {
      BUCKET_NAME: bucket.bucketName,
      EVENT_BUS_NAME: eventBus.eventBusName,
      REMIND_BEFORE_DAYS: String(remindBefore.toDays()),
      PUBLISHED_URL: publishedUrl,
    },
  });
  addDeadLetterQueue(survey, deadLetterQueue);
  for (const [action, resource] of [
    ['s3:ListBucket', bucket.bucketArn],
    ['s3:GetObject', bucket.arnForObjects('orders/*/certificate.json')],
    ['events:PutEvents', eventBus.eventBusArn],
  ] as const) {
    survey.addToRolePolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
  }
  if (survey.role) {
    const reason = 'Reads the manifest of every order, whatever its number, and no other object.';
    acknowledgeWildcard(survey.role, bucket.arnForObjects('orders/*/certificate.json'), reason);
  }
  if (publishedUrl !== undefined) {
    const descriptions = bucket.arnForObjects(`${PUBLISHED}*/*.json`);
    survey.addToRolePolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: [descriptions] }));
    if (survey.role) {
      const reason = 'Reads the description of every publication; chain and logo it fetches as everybody does.';
      acknowledgeWildcard(survey.role, descriptions, reason);
    }
  }
  new Rule(scope, 'Daily', {
    description: 'Look for certificates that will expire',
    schedule: Schedule.cron(SURVEY_SCHEDULE),
    targets: [new LambdaTarget(survey, { deadLetterQueue })],
  });
  return survey;
}

export interface RevokeProps {
  readonly bucket: Bucket;
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  /** Whether to take down what was revoked; otherwise it is only noted. */
  readonly unpublishRevoked: boolean;
}

/** An execution that failed because the CA revoked the certificate: what is published of it says so from then on. */
export function createRevoke(scope: Construct, props: RevokeProps): LambdaFunction {
  const { bucket, stateMachine, deadLetterQueue, unpublishRevoked } = props;
  const revoke = createFunction(scope, 'RevokeFunction', {
    folder: 'revoke',
    description: 'Notes that the CA revoked what is published, or takes it down',
    timeout: Duration.minutes(2),
    environment: { BUCKET_NAME: bucket.bucketName, UNPUBLISH_REVOKED: unpublishRevoked ? 'true' : undefined },
  });
  addDeadLetterQueue(revoke, deadLetterQueue);
  grantPublish(revoke, bucket);
  const error: keyof typeof NEXT_STEPS = 'CertificateRevoked';
  new Rule(scope, 'Revoked', {
    description: 'The CA revoked a certificate: say so of what is published of it',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['FAILED'], error: [error] },
    },
    targets: [new LambdaTarget(revoke, { deadLetterQueue })],
  });
  return revoke;
}

/**
 * An event that failed three times goes to the queue with the reason. CDK's SqsDestination would also allow reading the
 * queue's attributes, and with a key of one's own every form of kms:GenerateDataKey and kms:ReEncrypt.
 */
function addDeadLetterQueue(asynchronous: LambdaFunction, { queueArn }: IQueue): void {
  asynchronous.addToRolePolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queueArn] }));
  asynchronous.configureAsyncInvoke({ onFailure: { bind: () => ({ destination: queueArn }) }, retryAttempts: 2 });
}

function grantStartExecution(starter: LambdaFunction, stateMachine: StateMachine): void {
  stateMachine.grantStartExecution(starter);
  const executions = Stack.of(stateMachine).formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${stateMachine.stateMachineName}:order-*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  starter.addToRolePolicy(new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }));
  if (starter.role) {
    acknowledgeWildcard(
      starter.role,
      executions,
      "Asks how an order's earlier execution ended; the name has the order's number.",
    );
  }
}
