import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Call, callsFor, type Moto, startMoto } from './moto.ts';
import { COMBINATIONS, NAMES, rawTemplate } from './templates.ts';

let moto: Moto;

beforeAll(async () => {
  moto = await startMoto();
});

beforeEach(() => moto.reset());

afterAll(() => moto?.close());

/** The calls that fail, each with its error. */
async function failures(calls: readonly Call[]) {
  const errors = await moto.call(calls);
  return calls.flatMap((call, n) => (errors[n] === null ? [] : [{ ...call, error: errors[n] }]));
}

test.each(NAMES)('AWS accepts alarms, dashboard, rules, schedules and state machine, with %s.', async (name) => {
  const settings: Readonly<Record<string, string>> = COMBINATIONS[name];
  const { eventBusName } = settings;
  const template = rawTemplate(name);
  const calls = callsFor(template);
  for (const operation of ['put_metric_alarm', 'put_rule', 'put_targets', 'create_schedule', 'create_state_machine']) {
    expect(calls.map((call) => call.operation)).toContain(operation);
  }
  const buses = eventBusName === undefined ? [] : [{ Name: eventBusName }];
  const before = buses.map((parameters) => ({ service: 'events', operation: 'create_event_bus', parameters }));
  expect(await failures([...before, ...calls])).toEqual([]);
});

test('The dashboard is checked too.', () => {
  expect(callsFor(rawTemplate('all settings')).map(({ operation }) => operation)).toContain('put_dashboard');
});

const ALARM = { AlarmName: 'a', EvaluationPeriods: 1, ComparisonOperator: 'LessThanThreshold' };
const TARGET = { Id: 'a', Arn: 'arn:aws:sqs:us-east-1:111122223333:a' };
const SCHEDULE = { Name: 'a', ScheduleExpression: 'rate(1 day)', FlexibleTimeWindow: { Mode: 'OFF' } };
const ROLE = 'arn:aws:iam::111122223333:role/a';
const machine = (state: object) => JSON.stringify({ StartAt: 'A', States: { A: { End: true, ...state } } });

/** Calls with a fault that the SDK or moto must report, each with a part of the error. */
const FAULTS: readonly (readonly [string, string, string, string, Readonly<Record<string, unknown>>])[] = [
  ['an unknown parameter of an alarm', 'Treshold', 'cloudwatch', 'put_metric_alarm', { ...ALARM, Treshold: 1 }],
  ['a period that is too short', 'Period', 'cloudwatch', 'put_metric_alarm', { ...ALARM, Period: 0 }],
  [
    'an incomplete warm-up period',
    'WarmUpPeriodDurationInMinutes',
    'cloudwatch',
    'put_metric_alarm',
    { ...ALARM, WarmUpConfiguration: {} },
  ],
  [
    'a metric in an expression without its period',
    'Period',
    'cloudwatch',
    'put_metric_alarm',
    { ...ALARM, Metrics: [{ Id: 'm', MetricStat: { Metric: { MetricName: 'm' }, Stat: 'Sum' } }] },
  ],
  [
    'an unknown statistic',
    'ExtendedStatistic',
    'cloudwatch',
    'put_metric_alarm',
    { ...ALARM, ExtendedStatistic: 'x99' },
  ],
  [
    'an unknown comparison',
    'ComparisonOperator',
    'cloudwatch',
    'put_metric_alarm',
    { ...ALARM, ComparisonOperator: 'LessThan' },
  ],
  [
    'a description that is too long',
    'AlarmDescription',
    'cloudwatch',
    'put_metric_alarm',
    { ...ALARM, AlarmDescription: 'a'.repeat(1025) },
  ],
  [
    'a name with a character that AWS refuses',
    'put_rule.Name',
    'events',
    'put_rule',
    { Name: 'a b', EventPattern: '{"source":["a"]}' },
  ],
  ['a dashboard that is not JSON', 'JSON', 'cloudwatch', 'put_dashboard', { DashboardName: 'a', DashboardBody: '{' }],
  ['an empty list in a pattern', 'Empty', 'events', 'put_rule', { Name: 'a', EventPattern: '{"source":[]}' }],
  [
    'a value that is not a list in a pattern',
    'array',
    'events',
    'put_rule',
    { Name: 'a', EventPattern: '{"source":"a"}' },
  ],
  [
    'a schedule with an unknown unit',
    'ScheduleExpression',
    'events',
    'put_rule',
    { Name: 'a', ScheduleExpression: 'rate(1 week)' },
  ],
  [
    'a schedule on another bus',
    'default event bus',
    'events',
    'put_rule',
    { Name: 'a', ScheduleExpression: 'rate(1 day)', EventBusName: 'orders' },
  ],
  [
    'a bus that does not exist',
    'Event bus',
    'events',
    'put_rule',
    { Name: 'a', EventPattern: '{"source":["a"]}', EventBusName: 'b' },
  ],
  ['a target without a rule', 'does not exist', 'events', 'put_targets', { Rule: 'none', Targets: [TARGET] }],
  [
    'a target that is not an ARN',
    'Arn',
    'events',
    'put_targets',
    { Rule: 'a', Targets: [{ Id: 'a', Arn: '<Queue>' }] },
  ],
  ['a schedule without a target', 'Target', 'scheduler', 'create_schedule', SCHEDULE],
  [
    'a schedule without a role',
    'RoleArn',
    'scheduler',
    'create_schedule',
    { ...SCHEDULE, Target: { Arn: TARGET.Arn } },
  ],
  [
    'a definition with a misspelt field',
    'SecondPath',
    'stepfunctions',
    'create_state_machine',
    { name: 'a', roleArn: ROLE, definition: machine({ Type: 'Wait', SecondPath: '$.a' }) },
  ],
  [
    'a definition with an unknown kind of state',
    'Sleep',
    'stepfunctions',
    'create_state_machine',
    { name: 'a', roleArn: ROLE, definition: machine({ Type: 'Sleep' }) },
  ],
];

describe('The SDK or moto reports', () => {
  let errors: readonly (string | null)[];

  beforeAll(async () => {
    errors = await moto.call(
      FAULTS.map(([, , service, operation, parameters]) => ({ service, operation, parameters })),
    );
  });

  test.each(FAULTS.map(([fault, message], n) => [fault, message, n] as const))('%s.', (_, message, n) => {
    expect(errors[n]).toContain(message);
  });
});
