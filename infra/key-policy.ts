import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';

/** Where the stack is deployed, as text or as tokens. */
export interface KeyPolicyProps {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** Whether CloudFront serves objects of the bucket. */
  readonly publish: boolean;
}

/**
 * What the policy of a customer-managed key must allow to services, in addition to the statement of every new key that
 * lets IAM policies of the account allow its use. Services that work with a role use the key with that role, so they need
 * nothing here: Lambda (S3, Secrets Manager, SNS, and SQS for failed invocations) and EventBridge Scheduler. Nor do SQS
 * and SNS: their senders use the key.
 *
 * - EventBridge sends events that it cannot deliver to the dead-letter queue. It supports no condition on the source: with
 *   one, it would drop them silently (AWS: SNS, Key management, "Enable compatibility between event sources").
 * - CloudWatch publishes alarms to the topic. It supports the conditions, which exclude alarms of other accounts.
 * - CloudFront reads published objects (AWS: CloudFront, Restrict access to an Amazon S3 origin, "SSE-KMS"). The
 *   distribution does not exist yet when the key is prepared, so the condition allows those of the account.
 */
export function keyStatements({ partition, region, account, publish }: KeyPolicyProps): PolicyStatement[] {
  const send = ['kms:Decrypt', 'kms:GenerateDataKey*'];
  return [
    statement('events', send),
    statement('cloudwatch', send, {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
    }),
    ...(publish
      ? [
          statement('cloudfront', ['kms:Decrypt'], {
            ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudfront::${account}:distribution/*` },
          }),
        ]
      : []),
  ];
}

/**
 * Adds {@link keyStatements} to the policy of a key that an app creates. The policy of an imported key cannot be changed
 * here: its owner adds the statements (README, "Settings").
 */
export function allowServices(key: IKey, publish: boolean): void {
  const { partition, region, account } = Stack.of(key);
  for (const each of keyStatements({ partition, region, account, publish })) {
    key.addToResourcePolicy(each);
  }
}

/** A key's policy is about this key only, so the resource is always `*`. */
function statement(service: string, actions: string[], conditions: Record<string, unknown> = {}): PolicyStatement {
  return new PolicyStatement({
    principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
    actions,
    resources: ['*'],
    conditions,
  });
}
