import { ArnFormat, Duration, RemovalPolicy, SecretValue, Stack } from 'aws-cdk-lib';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { PLACEHOLDER } from '../functions/credentials.ts';
import { createFunction } from './functions.ts';
import { readSettings, type SettingsInput } from './settings.ts';
import { createStateMachine } from './state-machine.ts';

/** The detail type of the events that announce an order. */
export const ORDERED = 'Mark Certificate Ordered';

/**
 * Collects mark certificates: from the event "Mark Certificate Ordered" to the proved chain in a bucket.
 *
 * @throws {Error} where a setting cannot be used; the message lists them all.
 */
export class MarkCertificateCollector extends Construct {
  /** Holds `orders/<orderNumber>/`: response, chain and manifest. */
  readonly bucket: Bucket;
  /** One execution an order, named `order-<orderNumber>`. */
  readonly stateMachine: StateMachine;
  /** `{"loginName": "…", "loginPassword": "…"}` of the CA; a placeholder at first. */
  readonly credentials: Secret;
  /** Events that could not be turned into an execution. */
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: SettingsInput = {}) {
    super(scope, id);
    const settings = readSettings(props);
    const eventBus = EventBus.fromEventBusName(this, 'EventBus', settings.eventBusName);

    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: settings.removalPolicy === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });

    // Never change the placeholder of a deployed stack: CloudFormation would write it over the operator's login.
    this.credentials = new Secret(this, 'Credentials', {
      secretName: settings.credentialsSecretName,
      description: 'Login of the CA for CollectMC: {"loginName": "…", "loginPassword": "…"}',
      secretObjectValue: {
        loginName: SecretValue.unsafePlainText(PLACEHOLDER),
        loginPassword: SecretValue.unsafePlainText(PLACEHOLDER),
      },
    });

    const collect = createFunction(this, 'CollectFunction', {
      folder: 'collect',
      description: 'Asks the CA for one order, and stores its chain once it is issued',
      timeout: Duration.seconds(60),
      reservedConcurrency: settings.reservedConcurrency,
      environment: {
        BUCKET_NAME: this.bucket.bucketName,
        COLLECT_URL: settings.collectUrl,
        CREDENTIALS_SECRET_ARN: this.credentials.secretArn,
        GIVE_UP_SECONDS: String(settings.giveUpAfter.toSeconds()),
        POLL_SECONDS: String(settings.pollEvery.toSeconds()),
        RESPONSE_FORMAT: settings.responseFormat,
        ...(settings.trustAnchors && { TRUST_ANCHORS: settings.trustAnchors.join(',') }),
      },
    });
    collect.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.credentials.secretArn] }),
    );
    collect.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        resources: [this.bucket.arnForObjects('orders/*')],
      }),
    );
    // Without it S3 answers 403 instead of 404 for what is not there, and a condition on the prefix would not match.
    collect.addToRolePolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] }));

    this.stateMachine = createStateMachine(this, { collect, eventBus, settings });

    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const start = createFunction(this, 'StartFunction', {
      folder: 'start',
      description: 'Turns an event that announces an order into an execution',
      timeout: Duration.seconds(30),
      environment: { STATE_MACHINE_ARN: this.stateMachine.stateMachineArn },
    });
    start.configureAsyncInvoke({ onFailure: new SqsDestination(this.deadLetterQueue), retryAttempts: 2 });
    this.stateMachine.grantStartExecution(start);
    start.addToRolePolicy(
      new PolicyStatement({
        actions: ['states:DescribeExecution'],
        resources: [
          Stack.of(this).formatArn({
            service: 'states',
            resource: 'execution',
            resourceName: `${this.stateMachine.stateMachineName}:order-*`,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
      }),
    );

    new Rule(this, 'Ordered', {
      description: 'A mark certificate was ordered: start to collect it',
      eventBus,
      eventPattern: { source: [settings.eventSource], detailType: [ORDERED] },
      targets: [new LambdaTarget(start, { deadLetterQueue: this.deadLetterQueue })],
    });
  }
}
