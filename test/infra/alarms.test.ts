import { describe, expect, test } from 'vitest';
import { alarmOf, alarmsOf, identityOf, metricOf, NAMESPACE } from './alarm-properties.ts';
import { SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LOOPBACK = 'http://127.0.0.1:8080/CollectMC';

const byDefault = synthesize();
const publishing = synthesize({ publish: 'true' });
const everything = synthesize(SETTINGS);

describe('the alarms', () => {
  test('By default, the stack has these alarms.', () => {
    expect(Object.keys(alarmsOf(byDefault)).toSorted()).toEqual([
      'CaDown',
      'CertificateExpires',
      'CollectErrors',
      'CollectThrottled',
      'DeadLetters',
      'ManifestDamaged',
      'OrderAborted',
      'OrderFailed',
      'OrderIsOld',
      'OrderTimedOut',
      'SurveyMissing',
      'WaitingForCredentials',
      'WaitingForPayment',
      'WaitingForPermission',
    ]);
  });

  test('The stack has three more alarms with publish, and another one with push too.', () => {
    const more = (stack: SynthesizedStack) =>
      Object.keys(alarmsOf(stack))
        .filter((name) => !(name in alarmsOf(byDefault)))
        .toSorted();
    expect(more(publishing)).toEqual(['PublicationBroken', 'PublicationRefused', 'PublishedRevoked']);
    expect(more(everything)).toEqual([...more(publishing), 'PushedRevoked']);
    expect(more(synthesize({ push: 'true' }))).toEqual([]);
  });

  test('Every alarm describes its meaning in sentences, and ends with the section of the runbook.', () => {
    for (const { AlarmDescription } of Object.values(alarmsOf(everything))) {
      expect(AlarmDescription).toMatch(/^[A-Z].+\. Runbook: docs\/runbook\.md#[a-z-]+$/);
    }
  });

  test('Every alarm publishes to the topic.', () => {
    for (const { AlarmActions, ActionsEnabled } of Object.values(alarmsOf(everything))) {
      expect(AlarmActions).toEqual(['<AlarmTopic>']);
      expect(ActionsEnabled).not.toBe(false);
    }
  });

  test('Missing data fires only the alarm for a missing survey.', () => {
    const treated = Object.entries(alarmsOf(everything)).map(([name, { TreatMissingData }]) => [
      name,
      TreatMissingData,
    ]);
    expect(treated.filter(([, missing]) => missing !== 'notBreaching')).toEqual([['SurveyMissing', 'breaching']]);
  });
});

describe('each alarm', () => {
  const OR_MORE = 'GreaterThanOrEqualToThreshold';
  const LESS = 'LessThanThreshold';
  const MACHINE = 'StateMachineArn=<StateMachine>';
  const COLLECTOR = 'collector=mark-certificate-collector';
  const COLLECT = 'FunctionName=<CollectFunction>';

  test.each([
    ['OrderFailed', `AWS/States ExecutionsFailed ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['OrderTimedOut', `AWS/States ExecutionsTimedOut ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['OrderAborted', `AWS/States ExecutionsAborted ${MACHINE}`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['CollectErrors', `AWS/Lambda Errors ${COLLECT}`, 'Sum', HOUR, OR_MORE, 3, 1],
    ['CollectThrottled', `AWS/Lambda Throttles ${COLLECT}`, 'Sum', HOUR, OR_MORE, 100, 3],
    [
      'WaitingForCredentials',
      `${NAMESPACE} WaitingCredentials ${COLLECTOR} service=collect`,
      'Sum',
      6 * HOUR,
      OR_MORE,
      1,
      1,
    ],
    ['WaitingForPayment', `${NAMESPACE} WaitingPayment ${COLLECTOR} service=collect`, 'Sum', 6 * HOUR, OR_MORE, 1, 1],
    [
      'WaitingForPermission',
      `${NAMESPACE} WaitingPermission ${COLLECTOR} service=collect`,
      'Sum',
      6 * HOUR,
      OR_MORE,
      1,
      1,
    ],
    ['CaDown', `${NAMESPACE} CaReached ${COLLECTOR} service=collect`, 'Maximum', 6 * HOUR, LESS, 1, 1],
    ['OrderIsOld', `${NAMESPACE} WaitingDays ${COLLECTOR} service=collect`, 'Maximum', 6 * HOUR, OR_MORE, 67.5, 1],
    [
      'DeadLetters',
      'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=<DeadLetterQueue.QueueName>',
      'Maximum',
      5 * MINUTE,
      OR_MORE,
      1,
      1,
    ],
    ['CertificateExpires', `${NAMESPACE} DaysToExpiry ${COLLECTOR} service=survey`, 'Minimum', DAY, LESS, 8, 1],
    ['ManifestDamaged', `${NAMESPACE} ManifestsDamaged ${COLLECTOR} service=survey`, 'Maximum', DAY, OR_MORE, 1, 1],
    ['SurveyMissing', `${NAMESPACE} SurveyRuns ${COLLECTOR} service=survey`, 'Sum', DAY, LESS, 1, 1],
    ['PublishedRevoked', `${NAMESPACE} PublishedRevoked ${COLLECTOR} service=revoke`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    ['PushedRevoked', `${NAMESPACE} PushedRevocations collector=acme service=push`, 'Sum', 5 * MINUTE, OR_MORE, 1, 1],
    [
      'PublicationRefused',
      `${NAMESPACE} PublicationsRefused ${COLLECTOR} service=publish`,
      'Sum',
      5 * MINUTE,
      OR_MORE,
      1,
      1,
    ],
    ['PublicationBroken', `${NAMESPACE} PublicationsBroken ${COLLECTOR} service=survey`, 'Maximum', DAY, OR_MORE, 1, 1],
  ])('%s uses the metric %s.', (name, metric, statistic, period, comparison, threshold, periods) => {
    const properties = alarmOf(name in alarmsOf(publishing) ? publishing : everything, name);
    expect(identityOf(metricOf(properties))).toBe(metric);
    expect(properties).toMatchObject({
      Statistic: statistic,
      Period: period,
      ComparisonOperator: comparison,
      Threshold: threshold,
      EvaluationPeriods: periods,
    });
  });
});

/** PutMetricAlarm: whole minutes; at most a day in total for short periods, a week for periods of an hour and more. */
describe("CloudWatch's limits", () => {
  const TIMINGS = [
    {},
    { collectUrl: LOOPBACK, pollEvery: 'PT1S', giveUpAfter: 'PT10S' },
    { collectUrl: LOOPBACK, pollEvery: 'PT37S', giveUpAfter: 'PT1H' },
    { pollEvery: 'PT3H7S' },
    { pollEvery: 'PT12H' },
    { pollEvery: 'P1D' },
    { pollEvery: 'P2D', giveUpAfter: 'P360D' },
    { publish: 'true' },
  ];

  test.each(TIMINGS)('Every alarm is within the limits with %j.', (settings: Readonly<Record<string, string>>) => {
    for (const properties of Object.values(alarmsOf(synthesize(settings)))) {
      const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = properties;
      const { Period: period = Number.NaN } = properties;
      expect(period % MINUTE).toBe(0);
      expect(period).toBeGreaterThan(0);
      expect(period).toBeLessThanOrEqual(DAY);
      expect(period * EvaluationPeriods).toBeLessThanOrEqual(period < HOUR ? DAY : 7 * DAY);
      expect(DatapointsToAlarm).toBeGreaterThanOrEqual(1);
      expect(DatapointsToAlarm).toBeLessThanOrEqual(EvaluationPeriods);
      expect(properties.AlarmDescription.length).toBeLessThanOrEqual(1024);
    }
  });
});

describe('an alarm for something that each order reports once in a poll interval', () => {
  const NAMES = ['WaitingForCredentials', 'WaitingForPayment', 'WaitingForPermission', 'OrderIsOld'];

  test.each([
    { pollEvery: 'PT1S', seconds: 1, period: MINUTE, periods: 1 },
    { pollEvery: 'PT31S', seconds: 31, period: 2 * MINUTE, periods: 1 },
    { pollEvery: 'PT3H', seconds: 3 * HOUR, period: 6 * HOUR, periods: 1 },
    { pollEvery: 'PT12H', seconds: 12 * HOUR, period: DAY, periods: 1 },
    { pollEvery: 'PT12H1S', seconds: 12 * HOUR + 1, period: DAY, periods: 2 },
    { pollEvery: 'P2D', seconds: 2 * DAY, period: DAY, periods: 4 },
  ])('The alarm covers two poll intervals: pollEvery=$pollEvery', ({ pollEvery, seconds, period, periods }) => {
    const collectUrl = LOOPBACK;
    const giveUpAfter = seconds < HOUR ? 'PT10M' : 'P90D';
    const stack = synthesize({ collectUrl, pollEvery, giveUpAfter });
    for (const name of NAMES) {
      const { Period, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = alarmOf(stack, name);
      expect({ Period, EvaluationPeriods, DatapointsToAlarm }).toEqual({
        Period: period,
        EvaluationPeriods: periods,
        DatapointsToAlarm: 1,
      });
      expect(period * periods).toBeGreaterThanOrEqual(2 * seconds);
    }
  });

  test.each([
    ['P90D', 67.5],
    ['P8D', 6],
    ['PT12H', 0.375],
  ])('An order is old after three quarters of the deadline: giveUpAfter=%s.', (giveUpAfter, days) => {
    expect(alarmOf(synthesize({ giveUpAfter }), 'OrderIsOld').Threshold).toBe(days);
  });
});
