import { describe, expect, test } from 'vitest';
import { alarmOf, alarmsOf, NAMESPACE, queryOf } from './alarm-properties.ts';
import { SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LOOPBACK = 'http://127.0.0.1:8080/CollectMC';

const byDefault = synthesize();
const publishing = synthesize({ publish: 'true' });
const pushing = synthesize({ push: 'true' });
const everything = synthesize(SETTINGS);

describe('the alarms', () => {
  test('By default, the stack has these alarms.', () => {
    expect(Object.keys(alarmsOf(byDefault)).toSorted()).toEqual([
      'CaDown',
      'CollectErrors',
      'CollectThrottled',
      'CrlsUnusable',
      'DeadLetters',
      'ManifestDamaged',
      'NoSubscription',
      'NotifyErrors',
      'SurveyMissing',
    ]);
  });

  test('The stack has one more alarm with publish, and four more with push.', () => {
    const more = (stack: SynthesizedStack) =>
      Object.keys(alarmsOf(stack))
        .filter((name) => !(name in alarmsOf(byDefault)))
        .toSorted();
    expect(more(publishing)).toEqual(['PublicationRefused']);
    expect(more(pushing)).toEqual(['PushErrors', 'PushLimited', 'PushNotUnderstood', 'PushRefused']);
    expect(more(everything)).toEqual([...more(publishing), ...more(pushing)]);
  });

  test('Every alarm has a name in plain words, after the name of the collector.', () => {
    const names = Object.values(alarmsOf(everything)).map(({ AlarmName }) => AlarmName);
    expect(names).toContain('acme: the CA is down');
    expect(names.filter((name) => !/^acme: [A-Za-z -]+$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
    expect(alarmOf(byDefault, 'CaDown').AlarmName).toBe('mark-certificate-collector: the CA is down');
  });

  test('Every alarm describes its meaning in sentences, and ends with a link to the section of the runbook.', () => {
    const link = SETTINGS.runbookUrl.replaceAll(/[./]/g, '\\$&');
    for (const { AlarmDescription } of Object.values(alarmsOf(everything))) {
      expect(AlarmDescription).toMatch(new RegExp(`^[A-Z].+\\. Runbook: ${link}#[a-z-]+$`));
    }
  });

  test('Every alarm publishes to the topic when it fires and when it is OK again.', () => {
    for (const { AlarmActions, OKActions, InsufficientDataActions, ActionsEnabled } of Object.values(
      alarmsOf(everything),
    )) {
      expect({ AlarmActions, OKActions }).toEqual({ AlarmActions: ['<AlarmTopic>'], OKActions: ['<AlarmTopic>'] });
      expect(InsufficientDataActions).toBeUndefined();
      expect(ActionsEnabled).not.toBe(false);
    }
  });

  test('Only alarms about something that a new stack does not have yet have a warm-up, and wait until its end.', () => {
    const warmUps = Object.entries(alarmsOf(everything)).flatMap(([name, { WarmUpConfiguration }]) =>
      WarmUpConfiguration ? [[name, WarmUpConfiguration]] : [],
    );
    expect(Object.fromEntries(warmUps)).toEqual({
      SurveyMissing: { WarmUpPeriodDurationInMinutes: 27 * 60, OnlyStartEvaluatingAfterWarmUpPeriodEnds: true },
      NoSubscription: { WarmUpPeriodDurationInMinutes: 48 * 60, OnlyStartEvaluatingAfterWarmUpPeriodEnds: true },
    });
  });
});

describe('each alarm', () => {
  const OR_MORE = 'GreaterThanOrEqualToThreshold';
  const LESS = 'LessThanThreshold';
  const FILLED = 'FILL(count, 0)';
  const own = (service: string, name: string) =>
    `${NAMESPACE} ${name} collector=mark-certificate-collector service=${service}`;
  const lambda = (name: string, functionId: string) => `AWS/Lambda ${name} FunctionName=<${functionId}>`;

  test.each([
    [
      'CollectErrors',
      'FILL(errors, 0) - FILL(refusals, 0)',
      [`Sum ${lambda('Errors', 'CollectFunction')}`, `Sum ${own('collect', 'OrdersFailed')}`],
      { period: 4 * HOUR, breach: [OR_MORE, 3], points: [1, 1], missing: 'notBreaching' },
    ],
    [
      'CollectThrottled',
      'FILL(throttles, 0) - 3 * FILL(checks, 0)',
      [`Sum ${lambda('Throttles', 'CollectFunction')}`, `Sum ${lambda('Invocations', 'CollectFunction')}`],
      { period: HOUR, breach: [OR_MORE, 100], points: [4, 8], missing: 'notBreaching' },
    ],
    [
      'CaDown',
      'm',
      [`Maximum ${own('collect', 'CaReached')}`],
      { period: 3 * HOUR, breach: [LESS, 1], points: [2, 2], missing: 'ignore' },
    ],
    [
      'DeadLetters',
      'm',
      ['Maximum AWS/SQS ApproximateNumberOfMessagesVisible QueueName=<DeadLetterQueue.QueueName>'],
      { period: 5 * MINUTE, breach: [OR_MORE, 1], points: [1, 1], missing: 'ignore' },
    ],
    [
      'ManifestDamaged',
      'm',
      [`Maximum ${own('survey', 'ManifestsDamaged')}`],
      { period: HOUR, breach: [OR_MORE, 1], points: [1, 1], missing: 'ignore' },
    ],
    [
      'CrlsUnusable',
      'm',
      [`Maximum ${own('survey', 'CrlsUnusable')}`],
      { period: HOUR, breach: [OR_MORE, 1], points: [1, 1], missing: 'ignore' },
    ],
    [
      'SurveyMissing',
      FILLED,
      [`Sum ${own('survey', 'SurveyRuns')}`],
      { period: HOUR, breach: [LESS, 1], points: [26, 26], missing: 'breaching' },
    ],
    [
      'NoSubscription',
      'm',
      [`Minimum ${own('survey', 'ConfirmedSubscriptions')}`],
      { period: HOUR, breach: [LESS, 1], points: [1, 1], missing: 'ignore' },
    ],
    [
      'NotifyErrors',
      FILLED,
      [`Sum ${lambda('Errors', 'NotifyFunction')}`],
      { period: HOUR, breach: [OR_MORE, 3], points: [1, 1], missing: 'notBreaching' },
    ],
    [
      'PublicationRefused',
      FILLED,
      [`Sum ${own('publish', 'PublicationsRefused')}`],
      { period: 5 * MINUTE, breach: [OR_MORE, 1], points: [1, 3], missing: 'notBreaching' },
    ],
    [
      'PushErrors',
      FILLED,
      [`Sum ${lambda('Url5xxCount', 'PushFunction')}`],
      { period: HOUR, breach: [OR_MORE, 3], points: [1, 1], missing: 'notBreaching' },
    ],
    [
      'PushRefused',
      FILLED,
      [`Sum ${own('push', 'PushesRefused')}`],
      { period: HOUR, breach: [OR_MORE, 3], points: [1, 1], missing: 'notBreaching' },
    ],
    [
      'PushNotUnderstood',
      FILLED,
      [`Sum ${own('push', 'PushesNotUnderstood')}`],
      { period: HOUR, breach: [OR_MORE, 1], points: [1, 1], missing: 'notBreaching' },
    ],
    [
      'PushLimited',
      FILLED,
      [`Sum ${own('push', 'PushesLimited')}`],
      { period: HOUR, breach: [OR_MORE, 1], points: [1, 1], missing: 'notBreaching' },
    ],
  ])('%s evaluates %s.', (name, expression, metrics, { period, breach, points, missing }) => {
    const alarm = alarmOf(name.startsWith('Push') ? pushing : publishing, name);
    const query = queryOf(alarm);
    expect({ ...query, metrics: query.metrics.map(({ statistic, identity }) => `${statistic} ${identity}`) }).toEqual({
      expression,
      metrics,
      period,
    });
    const { ComparisonOperator, Threshold, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = alarm;
    expect([ComparisonOperator, Threshold]).toEqual(breach);
    expect([DatapointsToAlarm, EvaluationPeriods]).toEqual(points);
    expect(alarm.TreatMissingData).toBe(missing);
  });
});

describe('the alarm for a throttled Collect', () => {
  test.each([
    { reservedConcurrency: '1', refusals: 3, text: 'more than 3 invocations for each check' },
    { reservedConcurrency: '2', refusals: 1.5, text: 'more than 1.5 invocations for each check' },
    { reservedConcurrency: '3', refusals: 1, text: 'more than 1 invocation for each check' },
    { reservedConcurrency: '7', refusals: 0.429, text: 'more than 0.429 invocations for each check' },
    // Without a limit of Collect, only the limit of the AWS account refuses checks.
    { reservedConcurrency: 'none', refusals: 3, text: 'more than 3 invocations for each check' },
  ])(
    'With reservedConcurrency=$reservedConcurrency, it compares refusals with $refusals times the checks.',
    ({ reservedConcurrency, refusals, text }) => {
      const alarm = alarmOf(synthesize({ reservedConcurrency }), 'CollectThrottled');
      expect(queryOf(alarm).expression).toBe(`FILL(throttles, 0) - ${refusals} * FILL(checks, 0)`);
      expect(alarm.AlarmDescription).toContain(text);
    },
  );
});

describe('the timings that settings accept', () => {
  const TIMINGS = [
    {},
    { collectUrl: LOOPBACK, pollEvery: 'PT1S', giveUpAfter: 'PT10S' },
    { collectUrl: LOOPBACK, pollEvery: 'PT37S', giveUpAfter: 'PT1H' },
    { pollEvery: 'PT3H7S' },
    { pollEvery: 'PT12H' },
    { pollEvery: 'P1D' },
    { pollEvery: 'P2D', giveUpAfter: 'P360D' },
    { publish: 'true', push: 'true' },
    { push: 'true', pollEveryWithPush: 'P1D' },
  ];

  // PutMetricAlarm: whole minutes; at most a day in total for short periods, a week for periods of an hour and more; a
  // warm-up of at most two days; a name of at most 255 characters.
  test.each(TIMINGS)('Every alarm is within the limits of CloudWatch with %j.', (settings) => {
    for (const alarm of Object.values(alarmsOf(synthesize(settings)))) {
      const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, AlarmName, AlarmDescription } = alarm;
      const { period } = queryOf(alarm);
      expect(period % MINUTE).toBe(0);
      expect(period).toBeGreaterThan(0);
      expect(period).toBeLessThanOrEqual(DAY);
      expect(period * EvaluationPeriods).toBeLessThanOrEqual(period < HOUR ? DAY : 7 * DAY);
      expect(DatapointsToAlarm).toBeGreaterThanOrEqual(1);
      expect(DatapointsToAlarm).toBeLessThanOrEqual(EvaluationPeriods);
      expect(AlarmDescription.length).toBeLessThanOrEqual(1024);
      expect(AlarmName.length).toBeLessThanOrEqual(255);
      expect(alarm.WarmUpConfiguration?.WarmUpPeriodDurationInMinutes ?? 1).toBeLessThanOrEqual(2880);
    }
  });

  test.each([
    { pollEvery: 'PT1S', hours: 3 },
    { pollEvery: 'PT3H', hours: 3 },
    { pollEvery: 'PT3H1S', hours: 4 },
    { pollEvery: 'PT12H', hours: 12 },
    { pollEvery: 'P1D', hours: 24 },
    { pollEvery: 'P2D', hours: 24 },
  ])('A period of the alarm for a CA that is down is $hours h with pollEvery=$pollEvery.', ({ pollEvery, hours }) => {
    const giveUpAfter = pollEvery === 'PT1S' ? 'PT10M' : 'P90D';
    const alarm = alarmOf(synthesize({ collectUrl: LOOPBACK, pollEvery, giveUpAfter }), 'CaDown');
    expect(queryOf(alarm).period).toBe(hours * HOUR);
    expect(alarm.AlarmDescription).toContain(`For ${2 * hours} hours, `);
  });

  test.each([
    { pollEveryWithPush: 'PT3H', hours: 3 },
    { pollEveryWithPush: 'PT5H1S', hours: 6 },
    { pollEveryWithPush: 'P1D', hours: 24 },
  ])(
    'With pollEveryWithPush=$pollEveryWithPush it is $hours h, so that it contains a check of every order.',
    (each) => {
      const alarm = alarmOf(synthesize({ push: 'true', pollEveryWithPush: each.pollEveryWithPush }), 'CaDown');
      expect(queryOf(alarm).period).toBe(each.hours * HOUR);
      expect(alarm.AlarmDescription).toContain(`For ${2 * each.hours} hours, `);
    },
  );
});

describe('the cost of the alarms', () => {
  // AWS bills an alarm for each metric that it reads (page "Amazon CloudWatch pricing"): 0.10 dollars a month.
  test.each([
    ['by default', byDefault, 11],
    ['with publish', publishing, 12],
    ['with publish and push', everything, 16],
  ])('The alarms read as many metrics as the page about costs states, %s.', (_, stack, metrics) => {
    const read = Object.values(alarmsOf(stack)).flatMap((alarm) => queryOf(alarm).metrics);
    expect(read.length).toBe(metrics);
  });
});
