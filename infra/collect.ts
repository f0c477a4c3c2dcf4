import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { FAILED, REVOKED, WAITING } from '../functions/events.ts';
import { accountSecretName } from '../functions/order.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { CollectorConfig } from './collector-config.ts';
import { createFunction } from './functions.ts';
import { grantCredentials, grantPutEvents } from './grants.ts';

/** What Collect uses. */
export interface CollectProps {
  readonly config: CollectorConfig;
  readonly bucket: IBucket;
  readonly credentials: ISecret;
  readonly eventBus: IEventBus;
  /** The URL of the publications; undefined if the prop `publish` is off. */
  readonly publishedUrl: string | undefined;
}

/** The function that asks the CA for one order. */
export function createCollect(scope: Construct, props: CollectProps): LambdaFunction {
  const { config, bucket, credentials, eventBus, publishedUrl } = props;
  const { pollEveryWithPush } = config;
  const collect = createFunction(scope, 'CollectFunction', {
    folder: 'collect',
    description: 'Asks the CA for one order, and stores the chain when it is issued',
    timeout: Duration.seconds(60),
    reservedConcurrency: config.reservedConcurrency,
    environment: {
      COLLECTOR: config.name,
      BUCKET_NAME: bucket.bucketName,
      COLLECT_URL: config.collectUrl,
      CREDENTIALS_SECRET_ARN: credentials.secretArn,
      EVENT_BUS_NAME: eventBus.eventBusName,
      GIVE_UP_SECONDS: String(config.giveUpAfter.toSeconds()),
      POLL_SECONDS: String(config.pollEvery.toSeconds()),
      POLL_WITH_PUSH_SECONDS: pollEveryWithPush && String(pollEveryWithPush.toSeconds()),
      RESPONSE_FORMAT: config.responseFormat,
      PUBLISHED_URL: publishedUrl,
      TRUST_ANCHORS: joined(config.trustAnchors),
      CT_LOGS: joined(config.ctLogs),
    },
  });
  const objects = bucket.arnForObjects('orders/*');
  for (const [actions, resource] of [
    [['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], objects],
    // Without them S3 answers 403 instead of 404 for a missing object or version, and a condition on the prefix would
    // not match. AWS documents this for objects only.
    [['s3:ListBucket', 's3:ListBucketVersions'], bucket.bucketArn],
  ] as const) {
    collect.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
  }
  grantPutEvents(collect, eventBus, [WAITING, FAILED, REVOKED]);
  const accounts = Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: accountSecretName(config.name, '*'),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  grantCredentials(collect, [policyArn(credentials), accounts], pollEveryWithPush !== undefined);
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

/** A list as an environment variable. For an empty list there is none: the function refuses an empty variable. */
export function joined(values: readonly string[] | undefined): string | undefined {
  return values && values.length > 0 ? values.join(',') : undefined;
}

/**
 * The ARN of a secret in a policy. An imported secret may be known by its name only: its ARN ends with a hyphen and six
 * characters that AWS chose (AWS: Secrets Manager, "Find secrets in AWS Secrets Manager", ARN).
 */
function policyArn({ secretArn, secretFullArn }: ISecret): string {
  return secretFullArn ?? `${secretArn}-??????`;
}
