import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  CfnAlarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { COLLECT_METRICS, PUBLISH_METRICS, PUSH_METRICS, SURVEY_METRICS } from '../functions/metrics.ts';
import type { CollectorConfig } from './collector-config.ts';
import { functionMetric } from './metrics.ts';

type AlarmsConfig = Pick<
  CollectorConfig,
  'name' | 'pollEvery' | 'pollEveryWithPush' | 'publish' | 'reservedConcurrency' | 'runbookUrl'
>;

/** What the alarms watch. */
export interface AlarmsProps {
  readonly collect: IFunction;
  readonly notify: IFunction;
  /** Undefined if the prop `push` is off. */
  readonly push: IFunction | undefined;
  readonly deadLetterQueue: IQueue;
  /** The topic of the operators. */
  readonly topic: ITopic;
  readonly config: AlarmsConfig;
}

/** One alarm. */
interface AlarmDefinition {
  /**
   * The end of the alarm's name, after the name of the collector: what is wrong, in words. A section of
   * docs/runbook.md has the same heading.
   */
  readonly title: string;
  /** What the alarm means, in sentences. */
  readonly meaning: string;
  readonly metric: IMetric;
  /** The alarm fires at this value and above; if `below` is set, below it. */
  readonly threshold: number;
  readonly below?: true;
  readonly evaluationPeriods?: number;
  /** How many of the periods must breach; default: all of them. */
  readonly datapointsToAlarm?: number;
  /** Default: not breaching. */
  readonly missing?: TreatMissingData;
  /** For this time a new alarm is not evaluated. */
  readonly warmUp?: Duration;
}

type AlarmDefinitions = Readonly<Record<string, AlarmDefinition>>;

const HOUR = Duration.hours(1);

/** The survey runs daily. Two hours more are for a late or repeated run. */
const SURVEY_HOURS = 26;

/**
 * The retries of a check are up to an hour apart, with full jitter. Four hours always contain three of them, also while
 * CloudWatch does not see the latest one yet. An alarm that needs three therefore stays in ALARM until the fault is over.
 */
const ERROR_PERIOD = Duration.hours(4);

/**
 * How often one busy caller refuses a check on average before the alarm counts the hour. Several callers refuse fewer
 * checks at the same load. Divided by their number, this limit is reached at about three quarters of the load at which
 * they are full, whatever their number is (docs/performance.md, Scale).
 */
const REFUSALS_PER_CHECK = 3;

/** The longest warm-up that CloudWatch accepts (PutMetricAlarm, WarmUpConfiguration). */
const LONGEST_WARM_UP = Duration.days(2);

/** Creates the alarms. They publish to the topic of the operators, also when they are OK again. */
export function createAlarms(scope: Construct, props: AlarmsProps): Alarm[] {
  return Object.entries(alarmDefinitions(props)).map(([id, definition]) =>
    createAlarm(scope, `${id}Alarm`, definition, props),
  );
}

function createAlarm(scope: Construct, id: string, definition: AlarmDefinition, { topic, config }: AlarmsProps): Alarm {
  const { title, meaning, metric, threshold, below, evaluationPeriods = 1, datapointsToAlarm, warmUp } = definition;
  const alarm = new Alarm(scope, id, {
    alarmName: `${config.name}: ${title}`,
    alarmDescription: `${meaning} Runbook: ${config.runbookUrl}#${title.toLowerCase().replaceAll(' ', '-')}`,
    metric,
    threshold,
    comparisonOperator: below
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods,
    ...(datapointsToAlarm !== undefined && { datapointsToAlarm }),
    treatMissingData: definition.missing ?? TreatMissingData.NOT_BREACHING,
  });
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  if (warmUp && alarm.node.defaultChild instanceof CfnAlarm) {
    // Without `only…AfterWarmUp…`, the values of FILL would end the warm-up at once.
    // The oldest aws-cdk-lib that the package accepts has no property for it.
    alarm.node.defaultChild.addPropertyOverride('WarmUpConfiguration', {
      OnlyStartEvaluatingAfterWarmUpPeriodEnds: true,
      WarmUpPeriodDurationInMinutes: warmUp.toMinutes(),
    });
  }
  return alarm;
}

/**
 * A count with 0 for every period without a data point. Without it, an alarm evaluates the latest data point that
 * exists, however old it is, as long as it is in the evaluation range: it would stay in ALARM on an old fault, and the
 * next fault would cause no message.
 */
function filled(count: IMetric, period: Duration): MathExpression {
  return new MathExpression({ expression: 'FILL(count, 0)', usingMetrics: { count }, period });
}

/**
 * The table of alarms, by construct id without the suffix `Alarm`. All alarms are about conditions without an order:
 * each order has separate messages. docs/decisions/operations.md explains the three kinds:
 *
 * - faults are counted: `filled`, and the alarm is OK again after the periods;
 * - a state is measured by a run or a call: without a measurement the alarm keeps its state (`IGNORE`);
 * - a missing run is the fault itself: `filled` in every hour, and `BREACHING`.
 */
function alarmDefinitions(props: AlarmsProps): AlarmDefinitions {
  const { collect, notify, push, deadLetterQueue, config } = props;
  return {
    CollectErrors: {
      title: 'Collect fails',
      meaning:
        'The function Collect failed at least three times within four hours; refusals by the CA do not count. The state machine retries each check for up to 7 hours.',
      // A refusal ends an invocation with a named error, which Lambda counts. Only Lambda counts an invocation that
      // ends without running the handler to its end, so a separate metric of unexpected errors would miss the worst ones.
      metric: new MathExpression({
        expression: 'FILL(errors, 0) - FILL(refusals, 0)',
        usingMetrics: {
          errors: collect.metricErrors({ statistic: Stats.SUM }),
          refusals: functionMetric(config.name, 'collect', COLLECT_METRICS.failed, Stats.SUM, { period: ERROR_PERIOD }),
        },
        period: ERROR_PERIOD,
      }),
      threshold: 3,
    },
    CollectThrottled: collectThrottled(props),
    CaDown: caDown(config),
    DeadLetters: {
      title: 'the dead-letter queue is not empty',
      meaning: 'An event or an invocation could not be handled. The dead-letter queue keeps it for 14 days.',
      // SQS writes this metric only while it considers the queue active. A queue that nobody accesses becomes inactive,
      // even if it contains messages.
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
      missing: TreatMissingData.IGNORE,
    },
    ManifestDamaged: {
      title: 'a manifest is damaged',
      meaning:
        'The survey cannot read a certificate.json, a status.json or a chain, so the expiry or the revocation of that certificate, or the execution of that order, is not monitored.',
      metric: functionMetric(config.name, 'survey', SURVEY_METRICS.damaged, Stats.MAXIMUM, { period: HOUR }),
      threshold: 1,
      missing: TreatMissingData.IGNORE,
    },
    CrlsUnusable: {
      title: 'a CRL cannot be used',
      meaning:
        'For three days, the survey could not use a revocation list of a CA, so it does not notice if the CA revokes a certificate that names this list.',
      metric: functionMetric(config.name, 'survey', SURVEY_METRICS.unusableCrls, Stats.MAXIMUM, { period: HOUR }),
      threshold: 1,
      missing: TreatMissingData.IGNORE,
    },
    SurveyMissing: {
      title: 'the survey did not run',
      meaning: 'For 26 hours, the daily survey of orders and certificates did not run, or did not complete.',
      metric: filled(functionMetric(config.name, 'survey', SURVEY_METRICS.runs, Stats.SUM, { period: HOUR }), HOUR),
      threshold: 1,
      below: true,
      evaluationPeriods: SURVEY_HOURS,
      // If there is no run in the whole evaluation range, FILL may have nothing to fill.
      missing: TreatMissingData.BREACHING,
      warmUp: Duration.hours(SURVEY_HOURS + 1),
    },
    NoSubscription: {
      title: 'nobody receives the messages',
      meaning:
        'A topic of the collector has no confirmed subscription, so its messages reach nobody. You may see this alarm only in CloudWatch, because its message may reach nobody either.',
      // The survey writes a value for each topic.
      metric: functionMetric(config.name, 'survey', SURVEY_METRICS.confirmedSubscriptions, Stats.MINIMUM, {
        period: HOUR,
      }),
      threshold: 1,
      below: true,
      missing: TreatMissingData.IGNORE,
      // The first survey of a new stack runs before somebody can confirm a subscription.
      warmUp: LONGEST_WARM_UP,
    },
    NotifyErrors: {
      title: 'messages are not sent',
      meaning:
        'The function that sends the messages failed at least three times within an hour. Lambda tries each message three times.',
      metric: filled(notify.metricErrors({ statistic: Stats.SUM }), HOUR),
      threshold: 3,
    },
    ...(push && {
      PushErrors: {
        title: 'push fails',
        meaning:
          'At least three requests to the push URL within an hour were answered with a server error. The orders are still checked at the poll interval.',
        metric: filled(push.metric('Url5xxCount', { statistic: Stats.SUM }), HOUR),
        threshold: 3,
      },
      PushRefused: {
        title: 'pushes are refused',
        meaning:
          'At least three requests to the push URL within an hour had no login or a wrong one. The CA repeats a push up to three times. Either the CA has an old login, or somebody else found the URL.',
        metric: pushMetric(config, PUSH_METRICS.refused),
        threshold: 3,
      },
      PushNotUnderstood: {
        title: 'a push is not understood',
        meaning:
          'The CA sent a push that the collector cannot interpret. Its content is in the folder pushes/ of the bucket. The orders are still checked at the poll interval.',
        metric: pushMetric(config, PUSH_METRICS.notUnderstood),
        threshold: 1,
      },
      PushLimited: {
        title: 'too many pushes are about unknown orders',
        meaning:
          'Pushes with a valid login were about more unknown orders than the collector asks the CA about in a day. Orders that were announced by an event are not affected.',
        metric: pushMetric(config, PUSH_METRICS.limited),
        threshold: 1,
      },
    }),
    ...(config.publish && { PublicationRefused: publicationRefused(config) }),
  };
}

/**
 * The alarm for more orders than Collect can check: it fires before the callers are full, as the benchmark proves.
 * Refusals grow with the number of orders, also if all are checked in time. Therefore they are compared with checks.
 */
function collectThrottled({ collect, config }: AlarmsProps): AlarmDefinition {
  const refusals = Number((REFUSALS_PER_CHECK / (config.reservedConcurrency ?? 1)).toFixed(3));
  const limit = refusals === 1 ? '1 invocation' : `${refusals} invocations`;
  return {
    title: 'Collect is throttled',
    meaning:
      `In at least four of the last eight hours, Lambda refused more than ${limit} for each check, because ` +
      'Collect was busy: there are almost as many orders as its concurrency allows, or more.',
    metric: new MathExpression({
      expression: `FILL(throttles, 0) - ${refusals} * FILL(checks, 0)`,
      usingMetrics: {
        throttles: collect.metricThrottles({ statistic: Stats.SUM }),
        checks: collect.metricInvocations({ statistic: Stats.SUM }),
      },
      period: HOUR,
    }),
    // The refusals of a few unlucky orders stay below it.
    threshold: 100,
    // A burst of 90 minutes is in three sliding hours. 1,000 orders at once are all checked after 80 minutes. Of eight
    // hours, so that a quieter hour does not end the alarm, and the next hour fire it again.
    evaluationPeriods: 8,
    datapointsToAlarm: 4,
  };
}

/**
 * The alarm for a CA that is down: in each of the two latest periods with calls, no call had a usable reply. While the
 * CA is down, an order is checked after 1, 2, 4 … minutes, so a single failed call is soon followed by a success.
 *
 * The two periods contain a check of every waiting order, also of those whose outcome the CA pushes, so an order that
 * alone gets no usable reply does not fire the alarm. CloudWatch accepts periods of at most a day: with a `pollEvery` of
 * more than 43 hours, such an order can fire it.
 */
function caDown(config: AlarmsConfig): AlarmDefinition {
  const longestPoll = config.pollEveryWithPush ?? config.pollEvery;
  const pollHours = Math.ceil(longestPoll.toSeconds() / HOUR.toSeconds());
  const hours = Math.min(Math.max(pollHours, 3), 24);
  return {
    title: 'the CA is down',
    meaning: `For ${2 * hours} hours, no call to the CA returned a usable reply. The orders wait and continue by themselves.`,
    // Each call writes 1 (usable reply) or 0: a maximum below 1 means that there were calls, and none was usable.
    metric: functionMetric(config.name, 'collect', COLLECT_METRICS.reached, Stats.MAXIMUM, {
      period: Duration.hours(hours),
    }),
    threshold: 1,
    below: true,
    evaluationPeriods: 2,
    // Without calls nobody knows whether the CA is down.
    missing: TreatMissingData.IGNORE,
  };
}

/** A count of push in an hour. */
function pushMetric(config: AlarmsConfig, name: string): MathExpression {
  return filled(functionMetric(config.name, 'push', name, Stats.SUM, { period: HOUR }), HOUR);
}

/**
 * No event reports a refused publication of a certificate that was already announced. Of three periods, one must
 * breach: a metric may arrive after its period, and is then counted in the next evaluation.
 */
function publicationRefused(config: AlarmsConfig): AlarmDefinition {
  const period = Duration.minutes(5);
  return {
    title: 'a certificate was not published',
    meaning:
      'A certificate was issued but not published at a domain of its order. The log of Publish contains the reason. The alarm is OK again after 15 minutes, so that it can report the next certificate.',
    metric: filled(functionMetric(config.name, 'publish', PUBLISH_METRICS.refused, Stats.SUM, { period }), period),
    threshold: 1,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
  };
}
