import { CfnOutput, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { CollectorConfig } from './collector-config.ts';
import type { PublicationEndpoint } from './publication.ts';
import type { PushEndpoint } from './triggers.ts';

/** The parts of a collector that outputs name. */
interface CollectorParts {
  readonly bucket: IBucket;
  readonly stateMachine: IStateMachine;
  readonly credentials: ISecret;
  readonly alarmTopic: ITopic;
  readonly notifyTopic: ITopic;
  readonly push: PushEndpoint | undefined;
  readonly publication: PublicationEndpoint | undefined;
}

/** What a deployed collector consists of, by the names of the outputs of the app's own stack. */
export function outputsOf(collector: CollectorParts): Readonly<Record<string, string>> {
  const { bucket, stateMachine, credentials, alarmTopic, notifyTopic, push, publication } = collector;
  return {
    BucketName: bucket.bucketName,
    StateMachineArn: stateMachine.stateMachineArn,
    CredentialsSecretArn: credentials.secretArn,
    AlarmTopicArn: alarmTopic.topicArn,
    NotifyTopicArn: notifyTopic.topicArn,
    ...(push && { PushUrl: push.url, PushCredentialsSecretArn: push.credentials.secretArn }),
    ...(publication && { PublishedUrl: publication.url, DistributionDomainName: publication.domainName }),
  };
}

/** The id of the output that {@link createCommandLineOutput} creates. */
export const COMMAND_LINE_OUTPUT = 'CommandLine';

/**
 * Adds one output to the stack that contains the collector. The command line finds the collector by it, in a stack of any
 * name that may contain other collectors too.
 */
export function createCommandLineOutput(
  collector: Construct & CollectorParts & { readonly eventBus: IEventBus },
  config: CollectorConfig,
): void {
  const {
    name,
    eventSource,
    pollEvery,
    pollEveryWithPush,
    giveUpAfter,
    remindBefore,
    askAgainBefore,
    trustAnchors,
    ctLogs,
    push,
    publish,
    removalPolicy,
  } = config;
  const iso = (duration: Duration) => duration.toIsoString();
  const settings = {
    name,
    eventSource,
    eventBusName: collector.eventBus.eventBusName,
    pollEvery: iso(pollEvery),
    ...(pollEveryWithPush && { pollEveryWithPush: iso(pollEveryWithPush) }),
    giveUpAfter: iso(giveUpAfter),
    remindBefore: iso(remindBefore),
    askAgainBefore: iso(askAgainBefore),
    ...(trustAnchors && { trustAnchors: trustAnchors.join(',') }),
    ...(ctLogs && { ctLogs: ctLogs.join(',') }),
    push,
    publish: publish !== undefined,
    removalPolicy: removalPolicy === RemovalPolicy.DESTROY ? 'destroy' : 'retain',
  };
  new CfnOutput(collector, COMMAND_LINE_OUTPUT, {
    description: `What the program mark-certificates needs to find the collector ${name}`,
    value: Stack.of(collector).toJsonString({ outputs: outputsOf(collector), settings }),
  });
}
