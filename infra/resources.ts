import { Duration, SecretValue } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { PLACEHOLDER } from '../functions/collect/credentials.ts';
import { OVERVIEW } from '../functions/pages/overview-folder.ts';
import { acknowledge } from './acknowledge.ts';
import type { CollectorConfig } from './collector-config.ts';

/** For how long CloudFront's logs are kept. */
const LOG_RETENTION = Duration.days(30);

/**
 * The overview is made of the other objects and is written again many times: its earlier versions are deleted after this
 * time. Versions of all other objects stay.
 */
const OVERVIEW_VERSIONS = Duration.days(7);

/** The bucket of the orders, if none is given. */
export function createBucket(scope: Construct, { encryptionKey: key, removalPolicy }: CollectorConfig): IBucket {
  const bucket = new Bucket(scope, 'Bucket', {
    versioned: true,
    ...(key ? { encryption: BucketEncryption.KMS, encryptionKey: key } : { encryption: BucketEncryption.S3_MANAGED }),
    bucketKeyEnabled: key !== undefined,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy,
    lifecycleRules: [
      {
        id: 'OverviewVersions',
        prefix: OVERVIEW,
        noncurrentVersionExpiration: OVERVIEW_VERSIONS,
        expiredObjectDeleteMarker: true,
      },
    ],
  });
  acknowledge(
    bucket,
    'AwsSolutions-S1',
    'Only principals of this account can read the bucket; with the setting publish, CloudFront can read the published ' +
      "objects. Certificates and logos are public by design. CloudTrail's data events can record access and name the " +
      'principal; a bucket for access logs would need another log bucket.',
  );
  // The CDK is compiled without exactOptionalPropertyTypes: its classes have optional properties that are undefined.
  return bucket as IBucket;
}

/**
 * The bucket of CloudFront's logs. They contain IP addresses, so they are deleted after 30 days. CloudFront's standard
 * logging (legacy) writes with an ACL, and only to a bucket that allows ACLs. S3's own key encrypts it: with another key
 * whose policy lacks CloudFront's service, the logs would be lost without an error.
 */
export function createLogBucket(scope: Construct, { removalPolicy }: CollectorConfig): IBucket {
  const bucket = new Bucket(scope, 'PublicationLogs', {
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_PREFERRED,
    lifecycleRules: [{ expiration: LOG_RETENTION, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    removalPolicy,
  });
  acknowledge(
    bucket,
    'AwsSolutions-S1',
    'This bucket contains logs. Only the survey reads it, and a log of its reads would need another log bucket.',
  );
  return bucket as IBucket;
}

/** The secret of the login at the CA, if none is given. */
export function createCredentials(scope: Construct, { name, encryptionKey: key }: CollectorConfig): ISecret {
  // Never change the placeholder of a deployed stack: CloudFormation would overwrite the operator's login with it.
  const credentials = new Secret(scope, 'Credentials', {
    secretName: `${name}/credentials`,
    description: 'Login at the CA for CollectMC: {"loginName": "…", "loginPassword": "…"}',
    secretObjectValue: {
      loginName: SecretValue.unsafePlainText(PLACEHOLDER),
      loginPassword: SecretValue.unsafePlainText(PLACEHOLDER),
    },
    ...(key && { encryptionKey: key }),
  });
  acknowledge(
    credentials,
    'AwsSolutions-SMG4',
    'The CA has no interface to change the password: people change it there (docs/runbook.md#rotate-credentials).',
  );
  return credentials as ISecret;
}

/** The secret of the credentials that the CA sends with a push. */
export function createPushCredentials(scope: Construct, { encryptionKey: key }: CollectorConfig): ISecret {
  const credentials = new Secret(scope, 'PushCredentials', {
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
  return credentials as ISecret;
}

/** The queue of the events and invocations that no function could handle. */
export function createDeadLetterQueue(scope: Construct, { encryptionKey: key }: CollectorConfig): Queue {
  const queue = new Queue(scope, 'DeadLetterQueue', {
    ...(key
      ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
      : { encryption: QueueEncryption.SQS_MANAGED }),
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  acknowledge(
    queue,
    'AwsSolutions-SQS3',
    'This queue is itself a dead-letter queue, of functions and rules; the check knows only those of queues.',
  );
  return queue;
}
