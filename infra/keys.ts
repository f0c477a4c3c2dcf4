import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { CollectorConfig } from './collector-config.ts';
import { allowServices, type KeyService } from './key-policy.ts';

/** The functions that use keys. */
interface KeyUsers {
  readonly all: readonly LambdaFunction[];
  readonly collect: LambdaFunction;
  readonly notify: LambdaFunction;
}

/**
 * Lets functions and services use the key of what the collector creates, and the keys of what it is given. Every new key
 * has a policy that leaves the decision about functions to their roles.
 */
export function grantKeys(config: CollectorConfig, { all, collect, notify }: KeyUsers): void {
  const { encryptionKey, bucket, credentials, alarmTopic, notifyTopic, publish } = config;
  const cloudFront: readonly KeyService[] = publish ? ['cloudfront'] : [];
  const uses: readonly (readonly [IKey | undefined, readonly LambdaFunction[], readonly KeyService[]])[] = [
    [encryptionKey, all, ['events', 'cloudwatch', ...cloudFront]],
    [bucket?.encryptionKey, all, cloudFront],
    [credentials?.encryptionKey, [collect], []],
    [alarmTopic?.masterKey, [notify], ['cloudwatch']],
    [notifyTopic?.masterKey, [notify], []],
  ];
  for (const [index, [key, functions, services]] of uses.entries()) {
    // What uses the first key may use it for everything already.
    if (key && (index === 0 || key !== encryptionKey)) {
      for (const each of functions) {
        each.addToRolePolicy(
          new PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn] }),
        );
      }
      allowServices(key, services);
    }
  }
}
