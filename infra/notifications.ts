import { ArnFormat, Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/** Creates the topic of the operators, to which the alarms publish. */
export function createAlarmTopic(scope: Construct, key: IKey | undefined, { alarmEmail }: Settings): Topic {
  const topic = new Topic(scope, 'AlarmTopic', { enforceSSL: true, ...(key && { masterKey: key }) });
  grantAlarmPublish(topic);
  if (alarmEmail !== undefined) {
    topic.addSubscription(new EmailSubscription(alarmEmail));
  }
  return topic;
}

/** `enforceSSL` replaces the default policy of the topic, which lets the alarms of the account publish. */
function grantAlarmPublish(topic: Topic): void {
  const stack = Stack.of(topic);
  const alarms = {
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  };
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: { 'aws:SourceArn': stack.formatArn(alarms) },
        StringEquals: { 'aws:SourceAccount': stack.account },
      },
    }),
  );
}

/** What the rule for failed executions matches, and the topic that it publishes to. */
export interface FailedExecutionsProps {
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  readonly topic: ITopic;
}

/**
 * Publishes a message for each failed, timed-out or aborted execution. The cause of an execution that failed in Collect
 * states the order, what happened and the next step.
 */
export function notifyFailedExecutions(
  scope: Construct,
  { stateMachine, deadLetterQueue, topic }: FailedExecutionsProps,
): void {
  const detail = (field: string) => EventField.fromPath(`$.detail.${field}`);
  new Rule(scope, 'OrderFailed', {
    description: 'The collection of an order failed: send a message that people can read',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    },
    targets: [
      new SnsTopic(topic, {
        deadLetterQueue,
        message: RuleTargetInput.fromText(
          `The execution ${detail('name')} ended with status ${detail('status')}: ${detail('error')}. ${detail('cause')} ` +
            `To redrive the execution after the cause is fixed: aws stepfunctions redrive-execution --execution-arn ${detail('executionArn')} ` +
            'Runbook: docs/runbook.md#an-order-failed',
        ),
      }),
    ],
  });
}
