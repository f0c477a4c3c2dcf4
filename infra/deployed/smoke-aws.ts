import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type SmokeDependencies, type SmokeResult, smoke } from './smoke.ts';

/** "You must wait at least one second after the queue is created" (AWS: SQS, CreateQueue). */
const QUEUE_MILLISECONDS = 1_500;

/** An alarm and a message usually arrive within seconds. */
const MESSAGE_MILLISECONDS = 90_000;

/** Lambda repeats a failed invocation after one minute and after two more, and may be late. */
const DEAD_LETTER_MILLISECONDS = 480_000;

/** Which stack to test, and what may differ: a test passes another `fetch` and shorter times. */
export interface SmokeOptions
  extends Pick<SmokeDependencies, 'stackName' | 'signal' | 'observe'>,
    Partial<Pick<SmokeDependencies, 'fetch' | 'messageMilliseconds' | 'deadLetterMilliseconds'>> {}

/** Runs {@link smoke} with AWS's clients, in the account and region that the environment selects. */
export async function smokeOnAws(options: SmokeOptions): Promise<SmokeResult[]> {
  const clients = {
    cloudFormation: new CloudFormationClient(),
    cloudWatch: new CloudWatchClient(),
    eventBridge: new EventBridgeClient(),
    kms: new KMSClient(),
    s3: new S3Client(),
    secrets: new SecretsManagerClient(),
    sns: new SNSClient(),
    sqs: new SQSClient(),
  };
  try {
    return await smoke({
      fetch: (url, init) => fetch(url, init),
      queueMilliseconds: QUEUE_MILLISECONDS,
      messageMilliseconds: MESSAGE_MILLISECONDS,
      deadLetterMilliseconds: DEAD_LETTER_MILLISECONDS,
      ...clients,
      ...options,
    });
  } finally {
    for (const client of Object.values(clients)) {
      client.destroy();
    }
  }
}
