import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { WaitingReason } from '../functions/collectmc/codes.ts';
import {
  COLLECT_METRICS,
  PUBLISH_METRICS,
  PUSH_METRICS,
  REVOKE_METRICS,
  SURVEY_METRICS,
  WAITING_METRICS,
} from '../functions/metrics.ts';
import { functionMetric } from './metrics.ts';
import type { Settings } from './settings.ts';

/** What the alarms watch. */
export interface AlarmsProps {
  readonly collect: IFunction;
  readonly stateMachine: StateMachine;
  readonly deadLetterQueue: IQueue;
  /** The topic of the operators. */
  readonly topic: ITopic;
  readonly settings: Settings;
}

/** One alarm: what it means, and the heading of docs/runbook.md that explains it. */
interface AlarmDefinition {
  readonly heading: string;
  readonly meaning: string;
  readonly metric: IMetric;
  /** The alarm fires at this value and above; if `below` is set, below it. */
  readonly threshold: number;
  readonly below?: true;
  readonly evaluationPeriods?: number;
  /** How many of the periods must breach; default: all of them. */
  readonly datapointsToAlarm?: number;
  readonly missing?: TreatMissingData;
}

const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

/** Creates the alarms. They publish to the topic of the operators. */
export function createAlarms(scope: Construct, props: AlarmsProps): void {
  for (const [id, definition] of Object.entries(alarmDefinitions(props))) {
    const { heading, meaning, metric, threshold, below, evaluationPeriods = 1, datapointsToAlarm } = definition;
    new Alarm(scope, `${id}Alarm`, {
      alarmDescription: `${meaning} Runbook: docs/runbook.md#${heading}`,
      metric,
      threshold,
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods,
      ...(datapointsToAlarm !== undefined && { datapointsToAlarm }),
      treatMissingData: definition.missing ?? TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(props.topic));
  }
}

/** The table of alarms, by construct id without the suffix `Alarm`. */
function alarmDefinitions({
  collect,
  stateMachine,
  deadLetterQueue,
  settings,
}: AlarmsProps): Readonly<Record<string, AlarmDefinition>> {
  // An order is checked once in a poll interval, with a jitter of 10 %, so two intervals always contain a check of each
  // order. A period is in whole minutes and at most a day: if two intervals are longer, there are up to four periods of
  // a day, of which one must breach.
  const minutes = Math.ceil((2 * settings.pollEvery.toSeconds()) / 60);
  const twoIntervals = Duration.minutes(Math.min(minutes, DAY.toMinutes()));
  const withinTwoIntervals = { evaluationPeriods: Math.ceil(minutes / DAY.toMinutes()), datapointsToAlarm: 1 };
  const waiting = (reason: WaitingReason, period: Duration) =>
    functionMetric(settings.name, 'collect', WAITING_METRICS[reason], Stats.SUM, period);
  return {
    OrderFailed: {
      heading: 'an-order-failed',
      meaning: 'The collection of an order failed. A separate message states the order, the error and the next step.',
      metric: stateMachine.metricFailed({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    OrderTimedOut: {
      heading: 'an-order-timed-out',
      meaning: 'An execution timed out: no check succeeded after the deadline of its order.',
      metric: stateMachine.metricTimedOut({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    OrderAborted: {
      heading: 'an-order-was-aborted',
      meaning: 'Somebody stopped an execution. Its order is no longer collected.',
      metric: stateMachine.metricAborted({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      threshold: 1,
    },
    CollectErrors: {
      heading: 'collect-fails',
      meaning:
        'The function Collect failed three times within an hour. The state machine retries each check for up to 7 hours.',
      metric: collect.metricErrors({ statistic: Stats.SUM, period: HOUR }),
      threshold: 3,
    },
    CollectThrottled: {
      heading: 'collect-is-throttled',
      meaning:
        'For three hours, at least 100 checks an hour found Collect busy: there are more orders than its concurrency allows.',
      metric: collect.metricThrottles({ statistic: Stats.SUM, period: HOUR }),
      threshold: 100,
      evaluationPeriods: 3,
    },
    WaitingForCredentials: {
      heading: 'orders-wait-for-credentials',
      meaning:
        'The CA rejected the login, or the secret contains no login. The orders continue after you store a login in it.',
      metric: waiting('credentials', twoIntervals),
      threshold: 1,
      ...withinTwoIntervals,
    },
    WaitingForPayment: {
      heading: 'orders-wait-for-payment',
      meaning: 'The CA is waiting for the payment of an order.',
      metric: waiting('payment', twoIntervals),
      threshold: 1,
      ...withinTwoIntervals,
    },
    WaitingForPermission: {
      heading: 'orders-wait-for-permission',
      meaning: 'The CA denies the account the permission to collect an order.',
      metric: waiting('permission', twoIntervals),
      threshold: 1,
      ...withinTwoIntervals,
    },
    CaDown: {
      heading: 'the-ca-is-down',
      meaning: 'For six hours, no call to the CA returned a usable reply. The orders wait and continue by themselves.',
      // Each call writes 1 (usable reply) or 0: a maximum below 1 means that there were calls, and none was usable.
      metric: functionMetric(settings.name, 'collect', COLLECT_METRICS.reached, Stats.MAXIMUM, Duration.hours(6)),
      threshold: 1,
      below: true,
    },
    OrderIsOld: {
      heading: 'an-order-has-waited-for-a-long-time',
      meaning:
        'The oldest waiting order has used three quarters of the time after which its collection fails as overdue.',
      metric: functionMetric(settings.name, 'collect', COLLECT_METRICS.waitingDays, Stats.MAXIMUM, twoIntervals),
      threshold: (settings.giveUpAfter.toSeconds() / 86_400) * 0.75,
      ...withinTwoIntervals,
    },
    DeadLetters: {
      heading: 'the-dead-letter-queue-is-not-empty',
      meaning: 'An event or an invocation could not be handled. The dead-letter queue keeps it for 14 days.',
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
    },
    CertificateExpires: {
      heading: 'a-certificate-expires',
      meaning: 'A certificate without a newer replacement expires within a week, or has expired.',
      metric: functionMetric(settings.name, 'survey', SURVEY_METRICS.daysToExpiry, Stats.MINIMUM, DAY),
      threshold: 8,
      below: true,
    },
    ManifestDamaged: {
      heading: 'a-manifest-is-damaged',
      meaning: 'The survey cannot read a certificate.json. The expiry of its certificate is not monitored.',
      metric: functionMetric(settings.name, 'survey', SURVEY_METRICS.damaged, Stats.MAXIMUM, DAY),
      threshold: 1,
    },
    SurveyMissing: {
      heading: 'the-survey-did-not-run',
      meaning: 'The daily survey of certificates did not run, or did not complete.',
      metric: functionMetric(settings.name, 'survey', SURVEY_METRICS.runs, Stats.SUM, DAY),
      threshold: 1,
      below: true,
      missing: TreatMissingData.BREACHING,
    },
    ...(settings.publish && publicationAlarms(settings)),
    ...(settings.publish && settings.push && pushedPublicationAlarms(settings)),
  };
}

/** Alarms that exist only if the setting `publish` is on. */
const publicationAlarms = (settings: Settings): Readonly<Record<string, AlarmDefinition>> => ({
  PublicationRefused: {
    heading: 'a-certificate-was-not-published',
    meaning:
      'A certificate was issued but not published at a domain of its order. The log of Publish contains the reason.',
    metric: functionMetric(settings.name, 'publish', PUBLISH_METRICS.refused, Stats.SUM, Duration.minutes(5)),
    threshold: 1,
  },
  PublishedRevoked: {
    heading: 'a-published-certificate-was-revoked',
    meaning: 'The CA revoked a published certificate.',
    metric: functionMetric(settings.name, 'revoke', REVOKE_METRICS.revoked, Stats.SUM, Duration.minutes(5)),
    threshold: 1,
  },
  PublicationBroken: {
    heading: 'a-publication-is-broken',
    meaning:
      'A published certificate, a published logo or the DNS of its domain has a fault. An event lists the differences.',
    metric: functionMetric(settings.name, 'survey', SURVEY_METRICS.broken, Stats.MAXIMUM, DAY),
    threshold: 1,
  },
});

/** Alarms that exist only if the settings `publish` and `push` are on. */
const pushedPublicationAlarms = (settings: Settings): Readonly<Record<string, AlarmDefinition>> => ({
  PushedRevoked: {
    heading: 'a-published-certificate-was-revoked',
    meaning: 'The CA reported by push that it revoked a certificate. A check asks CollectMC whether this is correct.',
    metric: functionMetric(settings.name, 'push', PUSH_METRICS.revoked, Stats.SUM, Duration.minutes(5)),
    threshold: 1,
  },
});
