import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { WaitingReason } from '../functions/collectmc/codes.ts';
import {
  COLLECT_METRICS,
  PUBLISH_METRICS,
  REVOKE_METRICS,
  SURVEY_METRICS,
  WAITING_METRICS,
} from '../functions/metrics.ts';
import { functionMetric } from './metrics.ts';
import type { Settings } from './settings.ts';

export interface AlarmsProps {
  readonly collect: IFunction;
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  readonly key: IKey | undefined;
  readonly settings: Settings;
}

/** One alarm: what it means, and under which heading of docs/runbook.md to read on. */
interface AlarmDefinition {
  readonly heading: string;
  readonly meaning: string;
  readonly metric: IMetric;
  /** The alarm rings at this value and above, or below it where `below` is said. */
  readonly threshold: number;
  readonly below?: true;
  readonly evaluationPeriods?: number;
  /** As many of the periods have to breach; all of them when left out. */
  readonly datapointsToAlarm?: number;
  readonly missing?: TreatMissingData;
}

const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

/** Every alarm goes to one topic; so does every failed order, in words. */
export function createAlarms(scope: Construct, props: AlarmsProps): Topic {
  const topic = new Topic(scope, 'AlarmTopic', { enforceSSL: true, ...(props.key && { masterKey: props.key }) });
  grantAlarmPublish(topic);
  if (props.settings.alarmEmail !== undefined) {
    topic.addSubscription(new EmailSubscription(props.settings.alarmEmail));
  }
  for (const [id, definition] of Object.entries(definitions(props))) {
    const { heading, meaning, metric, threshold, below, evaluationPeriods = 1, datapointsToAlarm } = definition;
    new Alarm(scope, `${id}Alarm`, {
      alarmDescription: `${meaning} Read on: docs/runbook.md#${heading}`,
      metric,
      threshold,
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods,
      ...(datapointsToAlarm !== undefined && { datapointsToAlarm }),
      treatMissingData: definition.missing ?? TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(topic));
  }
  notifyFailedExecutions(scope, props, topic);
  return topic;
}

/** A topic with a policy has lost the one that SNS gives by itself, which lets the alarms of its account in. */
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

function definitions({
  collect,
  stateMachine,
  deadLetterQueue,
  settings,
}: AlarmsProps): Readonly<Record<string, AlarmDefinition>> {
  // An order is checked once in a poll interval, spread by 10 %: twice that long always holds a check of each. A period is
  // whole minutes, and a day at the most: of a longer time, one breaching day of up to four is enough.
  const minutes = Math.ceil((2 * settings.pollEvery.toSeconds()) / 60);
  const rounds = Duration.minutes(Math.min(minutes, DAY.toMinutes()));
  const inRounds = { evaluationPeriods: Math.ceil(minutes / DAY.toMinutes()), datapointsToAlarm: 1 };
  const waiting = (reason: WaitingReason, period: Duration) =>
    functionMetric('collect', WAITING_METRICS[reason], Stats.SUM, period);
  return {
    OrderFailed: {
      heading: 'an-order-failed',
      meaning:
        'The collection of an order ended without a certificate; the message about it names order, error and next step.',
      metric: stateMachine.metricFailed({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    OrderTimedOut: {
      heading: 'an-order-timed-out',
      meaning: 'An execution ran out of time: none of its last checks succeeded.',
      metric: stateMachine.metricTimedOut({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    OrderAborted: {
      heading: 'an-order-was-aborted',
      meaning: 'Somebody stopped an execution; its order is not collected any more.',
      metric: stateMachine.metricAborted({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    CollectErrors: {
      heading: 'collect-fails',
      meaning: 'The function Collect failed three times within an hour; the state machine repeats it for some hours.',
      metric: collect.metricErrors({ statistic: Stats.SUM, period: HOUR }),
      threshold: 3,
    },
    CollectThrottled: {
      heading: 'collect-is-throttled',
      meaning: 'Checks wait in line for more than three hours: one call at a time is too few for the orders there are.',
      metric: collect.metricThrottles({ statistic: Stats.SUM, period: HOUR }),
      threshold: 100,
      evaluationPeriods: 3,
    },
    WaitingForCredentials: {
      heading: 'orders-wait-for-credentials',
      meaning:
        'The CA rejects the login, or the secret holds none. No order is asked for until the secret has a new version.',
      metric: waiting('credentials', rounds),
      threshold: 1,
      ...inRounds,
    },
    WaitingForPayment: {
      heading: 'orders-wait-for-payment',
      meaning: 'The CA waits for the payment of an order.',
      metric: waiting('payment', rounds),
      threshold: 1,
      ...inRounds,
    },
    WaitingForPermission: {
      heading: 'orders-wait-for-permission',
      meaning: 'The CA denies the account permission for an order.',
      metric: waiting('permission', rounds),
      threshold: 1,
      ...inRounds,
    },
    CaDown: {
      heading: 'the-ca-is-down',
      meaning: 'For six hours the CA was called and gave no answer of use. Orders wait by themselves.',
      // 1 or 0 with every call: the largest below 1 says that there were calls, and none of them of use.
      metric: functionMetric('collect', COLLECT_METRICS.reached, Stats.MAXIMUM, Duration.hours(6)),
      threshold: 1,
      below: true,
    },
    OrderIsOld: {
      heading: 'an-order-waits-for-long',
      meaning:
        'The oldest waiting order has used three quarters of the time after which its collection fails as overdue.',
      metric: functionMetric('collect', COLLECT_METRICS.waitingDays, Stats.MAXIMUM, rounds),
      threshold: (settings.giveUpAfter.toSeconds() / 86_400) * 0.75,
      ...inRounds,
    },
    DeadLetters: {
      heading: 'the-dead-letter-queue-is-not-empty',
      meaning: 'An event or an invocation could not be handled and waits in the dead-letter queue, for 14 days.',
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
    },
    CertificateExpires: {
      heading: 'a-certificate-expires',
      meaning: 'A certificate that no newer one replaces ends within a week.',
      metric: functionMetric('survey', SURVEY_METRICS.daysToExpiry, Stats.MINIMUM, DAY),
      threshold: 8,
      below: true,
    },
    ManifestDamaged: {
      heading: 'a-manifest-is-damaged',
      meaning: 'The survey found a certificate.json that it cannot read; its certificate is not watched.',
      metric: functionMetric('survey', SURVEY_METRICS.damaged, Stats.MAXIMUM, DAY),
      threshold: 1,
    },
    SurveyMissing: {
      heading: 'the-survey-did-not-run',
      meaning: 'The daily look for certificates that expire did not run, or did not end.',
      metric: functionMetric('survey', SURVEY_METRICS.runs, Stats.SUM, DAY),
      threshold: 1,
      below: true,
      missing: TreatMissingData.BREACHING,
    },
    ...(settings.publish && ofPublications),
  };
}

/** Alarms that are there only where something is published. */
const ofPublications: Readonly<Record<string, AlarmDefinition>> = {
  PublicationRefused: {
    heading: 'a-certificate-was-not-published',
    meaning: 'A certificate was issued and not published at a domain of its order; the log of Publish says why.',
    metric: functionMetric('publish', PUBLISH_METRICS.refused, Stats.SUM, Duration.minutes(5)),
    threshold: 1,
  },
  PublishedRevoked: {
    heading: 'a-published-certificate-was-revoked',
    meaning: 'The CA revoked a certificate to which BIMI records point, or pushed that it revoked one.',
    metric: functionMetric('revoke', REVOKE_METRICS.revoked, Stats.SUM, Duration.minutes(5)),
    threshold: 1,
  },
  PublicationBroken: {
    heading: 'a-publication-is-broken',
    meaning: 'What is published, or the DNS that points at it, is not as it should be; the event about it says what.',
    metric: functionMetric('survey', SURVEY_METRICS.broken, Stats.MAXIMUM, DAY),
    threshold: 1,
  },
};

/**
 * EventBridge's own status-change event, which tells of failed, timed-out and aborted executions alike, as one sentence. The
 * cause of an execution that failed in Collect names the order, what happened and the next step.
 */
function notifyFailedExecutions(scope: Construct, { stateMachine, deadLetterQueue }: AlarmsProps, topic: Topic): void {
  const detail = (field: string) => EventField.fromPath(`$.detail.${field}`);
  new Rule(scope, 'OrderFailed', {
    description: 'The collection of an order ended without a certificate: say so in words',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    },
    targets: [
      new SnsTopic(topic, {
        deadLetterQueue,
        message: RuleTargetInput.fromText(
          `The execution ${detail('name')} ended as ${detail('status')}: ${detail('error')}. ${detail('cause')} ` +
            `After mending, ask again: aws stepfunctions redrive-execution --execution-arn ${detail('executionArn')} ` +
            'Read on: docs/runbook.md#an-order-failed',
        ),
      }),
    ],
  });
}
