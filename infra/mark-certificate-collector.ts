import { ArnFormat, Duration, RemovalPolicy, SecretValue, Stack, Token } from 'aws-cdk-lib';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { PLACEHOLDER } from '../functions/collect/credentials.ts';
import { FAILED, REVOKED, WAITING } from '../functions/events.ts';
import { accountSecretName } from '../functions/order.ts';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import { createAlarms } from './alarms.ts';
import { createDashboard } from './dashboard.ts';
import { createFunction } from './functions.ts';
import { grantCredentials, grantPutEvents } from './grants.ts';
import { allowServices } from './key-policy.ts';
import { createNotify, createTopics } from './notifications.ts';
import { createPublication, createPublish, type PublicationEndpoint } from './publication.ts';
import { createQueries } from './queries.ts';
import { collisionsOf, InvalidSettingsError, readSettings, type Settings, type SettingsInput } from './settings.ts';
import { createStateMachine } from './state-machine.ts';
import { createPush, createRevoke, createStart, createSurvey, runSurvey } from './triggers.ts';

/**
 * Collects mark certificates: from the event "Mark Certificate Ordered" to the validated chain in a bucket.
 *
 * @throws {InvalidSettingsError} if settings cannot be used, or if another collector of the app has the same name, or
 * takes the same events. The message lists all of them.
 */
export class MarkCertificateCollector extends Construct {
  /**
   * Contains `orders/<orderNumber>/` (response, chain, logo, manifest), with `publish` the folder `published/`, and with
   * `push` the folder `pushes/`.
   */
  readonly bucket: Bucket;
  /** Runs the collection of each order in an execution whose name begins with `order-<orderNumber>`. */
  readonly stateMachine: StateMachine;
  /** The login at the CA: `{"loginName": "…", "loginPassword": "…"}`; placeholders until an operator stores it. */
  readonly credentials: Secret;
  /** Events and invocations that no function could handle. */
  readonly deadLetterQueue: Queue;
  /** Receives the alarms, and a message for each order that waits for a person or failed. */
  readonly alarmTopic: Topic;
  /** Receives a message for each event about a certificate. Without `notifyEmail`, it is the topic of the alarms. */
  readonly notifyTopic: Topic;
  /** The URL for pushes of the CA, and the credentials that the CA sends; undefined if the setting `push` is off. */
  readonly push: { readonly url: string; readonly credentials: Secret } | undefined;
  /** The address that serves the bucket's folder `published/`; undefined if the setting `publish` is off. */
  readonly publication: PublicationEndpoint | undefined;
  /** The settings in effect, with their defaults. */
  readonly settings: Settings;

  constructor(scope: Construct, id: string, props: SettingsInput = {}) {
    super(scope, id);
    const settings = readSettings(props);
    this.settings = settings;
    this.refuseCollisions();
    const key = settings.kmsKeyArn === undefined ? undefined : Key.fromKeyArn(this, 'Key', settings.kmsKeyArn);
    const eventBus = EventBus.fromEventBusName(this, 'EventBus', settings.eventBusName);

    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      ...(key ? { encryption: BucketEncryption.KMS, encryptionKey: key } : { encryption: BucketEncryption.S3_MANAGED }),
      bucketKeyEnabled: key !== undefined,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy:
        settings.removalPolicy === 'retain' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
    acknowledge(
      this.bucket,
      'AwsSolutions-S1',
      'Only principals of this account can read the bucket; with the setting publish, CloudFront can read the published ' +
        "objects. Certificates and logos are public by design. CloudTrail's data events can record access and name the " +
        'principal; a bucket for access logs would need another log bucket.',
    );

    // Never change the placeholder of a deployed stack: CloudFormation would overwrite the operator's login with it.
    this.credentials = new Secret(this, 'Credentials', {
      secretName: `${settings.name}/credentials`,
      description: 'Login at the CA for CollectMC: {"loginName": "…", "loginPassword": "…"}',
      secretObjectValue: {
        loginName: SecretValue.unsafePlainText(PLACEHOLDER),
        loginPassword: SecretValue.unsafePlainText(PLACEHOLDER),
      },
      ...(key && { encryptionKey: key }),
    });
    acknowledge(
      this.credentials,
      'AwsSolutions-SMG4',
      'The CA has no interface to change the password: people change it there (docs/runbook.md#rotate-credentials).',
    );

    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      ...(key
        ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
        : { encryption: QueueEncryption.SQS_MANAGED }),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(
      this.deadLetterQueue,
      'AwsSolutions-SQS3',
      'This queue is itself a dead-letter queue, of functions and rules; the check knows only those of queues.',
    );

    const topics = createTopics(this, key, settings);
    this.alarmTopic = topics.operators;
    this.notifyTopic = topics.brand;

    const { name: collector, remindBefore, unpublishRevoked } = settings;
    this.publication = settings.publish ? createPublication(this, this.bucket, settings) : undefined;
    const publishedUrl = this.publication?.url;
    const collect = this.createCollect(settings, eventBus);
    const publish = publishedUrl === undefined ? undefined : createPublish(this, this.bucket, publishedUrl, collector);
    this.stateMachine = createStateMachine(this, { collect, publish, eventBus, settings });
    acknowledge(
      this.stateMachine,
      'AwsSolutions-SF1',
      'Step Functions itself keeps every event of an execution for 90 days, and Collect logs every check. Only errors ' +
        'are logged here; all events would be ten lines for each check of a waiting order.',
    );
    acknowledge(
      this.stateMachine,
      'AwsSolutions-SF2',
      'AWS advises against X-Ray for executions that last for days (docs/decisions/aws.md).',
    );
    const { stateMachine, deadLetterQueue, bucket } = this;
    const start = createStart(this, {
      collector,
      bucket,
      stateMachine,
      deadLetterQueue,
      eventBus,
      eventSource: settings.eventSource,
    });
    const survey = createSurvey(this, {
      collector,
      bucket,
      stateMachine,
      eventBus,
      deadLetterQueue,
      topics: [...new Set([topics.operators, topics.brand])],
      remindBefore,
      publishedUrl,
    });
    runSurvey(this, { survey, deadLetterQueue, key });
    const notify = createNotify(this, { settings, bucket, stateMachine, eventBus, deadLetterQueue, topics });
    const publishing = publish && {
      publish,
      revoke: createRevoke(this, { collector, bucket, eventBus, deadLetterQueue, unpublishRevoked }),
    };
    const pushed = settings.push ? this.createPushWithCredentials(key, eventBus, settings) : undefined;
    this.push = pushed;

    const functions = { collect, start, survey, notify, ...(pushed && { push: pushed.push }), ...publishing };
    if (key) {
      grantKey(key, Object.values(functions));
      allowServices(key, settings.publish);
    }
    acknowledgeWildcard(
      this.node.findChild('StateMachineRole'),
      '*',
      'Actions that deliver logs support no resource in a policy (AWS: Step Functions, Logging).',
    );
    const alarms = createAlarms(this, {
      collect,
      notify,
      push: pushed?.push,
      deadLetterQueue,
      topic: this.alarmTopic,
      settings,
    });
    if (settings.dashboard) {
      createDashboard(this, { alarms, collect, stateMachine, bucket, settings });
    }
    createQueries(this, settings.name, functions);
  }

  /** @throws {InvalidSettingsError} if another collector of this app, for the same account and region, collides. */
  private refuseCollisions(): void {
    const others = this.node.root.node
      .findAll()
      .filter((other) => other instanceof MarkCertificateCollector)
      .filter((other) => other !== this && canShareEnvironment(this, other));
    const problems = others.flatMap((other) =>
      collisionsOf(this.settings, other.settings).map(
        ({ setting, reason }) => `${setting}: ${reason} (${other.node.path} and ${this.node.path})`,
      ),
    );
    if (problems.length > 0) {
      throw new InvalidSettingsError(problems);
    }
  }

  private createCollect(settings: Settings, eventBus: IEventBus): LambdaFunction {
    const collect = createFunction(this, 'CollectFunction', {
      folder: 'collect',
      description: 'Asks the CA for one order, and stores the chain when it is issued',
      timeout: Duration.seconds(60),
      reservedConcurrency: settings.reservedConcurrency,
      environment: {
        COLLECTOR: settings.name,
        BUCKET_NAME: this.bucket.bucketName,
        COLLECT_URL: settings.collectUrl,
        CREDENTIALS_SECRET_ARN: this.credentials.secretArn,
        EVENT_BUS_NAME: eventBus.eventBusName,
        GIVE_UP_SECONDS: String(settings.giveUpAfter.toSeconds()),
        POLL_SECONDS: String(settings.pollEvery.toSeconds()),
        RESPONSE_FORMAT: settings.responseFormat,
        PUBLISHED_URL: this.publication?.url,
        TRUST_ANCHORS: settings.trustAnchors?.join(','),
        CT_LOGS: settings.ctLogs?.join(','),
      },
    });
    const objects = this.bucket.arnForObjects('orders/*');
    for (const [actions, resource] of [
      [['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], objects],
      // Without them S3 answers 403 instead of 404 for a missing object or version, and a condition on the prefix would
      // not match. AWS documents this for objects only.
      [['s3:ListBucket', 's3:ListBucketVersions'], this.bucket.bucketArn],
    ] as const) {
      collect.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
    }
    grantPutEvents(collect, eventBus, [WAITING, FAILED, REVOKED]);
    const accounts = Stack.of(this).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: accountSecretName(settings.name, '*'),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    grantCredentials(collect, [this.credentials.secretArn, accounts]);
    if (collect.role) {
      acknowledgeWildcard(
        collect.role,
        accounts,
        'People add accounts without a deployment (docs/runbook.md#add-an-account).',
      );
      acknowledgeWildcard(
        collect.role,
        objects,
        'Every order has its own folder here, and the number of an order is not known in advance.',
      );
    }
    return collect;
  }

  private createPushWithCredentials(key: IKey | undefined, eventBus: IEventBus, settings: Settings) {
    const credentials = new Secret(this, 'PushCredentials', {
      description: 'Credentials that the CA sends with a push: {"username": "…", "password": "…"}',
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: 'ca' }),
        generateStringKey: 'password',
        // Letters and digits only, because a person types it into a form of the CA: 40 of them are more than 200 bits.
        passwordLength: 40,
        excludePunctuation: true,
      },
      ...(key && { encryptionKey: key }),
    });
    acknowledge(
      credentials,
      'AwsSolutions-SMG4',
      'People give the CA the password, so people change it (docs/runbook.md#rotate-credentials).',
    );
    // Anybody can call the URL: requests without the password must not use up the account's concurrency.
    const reservedConcurrency = settings.reservedConcurrency === undefined ? undefined : 5;
    return {
      credentials,
      ...createPush(this, {
        collector: settings.name,
        stateMachine: this.stateMachine,
        eventBus,
        bucket: this.bucket,
        credentials,
        reservedConcurrency,
      }),
    };
  }
}

/** Whether two constructs may be deployed to one account and region: an environment can be open until deployment. */
function canShareEnvironment(one: Construct, other: Construct): boolean {
  const canBeSame = (a: string, b: string) => a === b || Token.isUnresolved(a) || Token.isUnresolved(b);
  const [a, b] = [Stack.of(one), Stack.of(other)];
  return canBeSame(a.account, b.account) && canBeSame(a.region, b.region);
}

/** Allows the functions to use the key. Every new key has a policy that leaves this decision to roles. */
function grantKey(key: IKey, functions: readonly LambdaFunction[]): void {
  for (const each of functions) {
    each.addToRolePolicy(
      new PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn] }),
    );
  }
}
