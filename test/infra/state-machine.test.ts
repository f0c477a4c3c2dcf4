import { beforeAll, describe, expect, test } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
import { EVENTS_FOR_REFUSALS, EVENTS_PER_CHECK } from '../../infra/settings.ts';
import { busyPolicy } from '../bench/machine.ts';
import { type Load, simulate } from '../bench/simulation.ts';
import { DAY, only, type Retrier, SETTINGS, type State, type SynthesizedStack, synthesize } from './synthesized.ts';

let byDefault: SynthesizedStack;
let withSettings: SynthesizedStack;
let publishing: SynthesizedStack;

beforeAll(() => {
  byDefault = synthesize();
  withSettings = synthesize(SETTINGS);
  publishing = synthesize({ publish: 'true' });
});

describe('the state machine', () => {
  test('is written in JSONPath and begins with Collect', () => {
    expect(byDefault.machine).toMatchObject({ QueryLanguage: 'JSONPath', StartAt: 'Collect' });
    expect(Object.keys(byDefault.machine.States).toSorted()).toEqual(
      ['Announce issued', 'Collect', 'Collected', 'Issued?', 'Wait'].toSorted(),
    );
  });

  test('catches nothing and has no state that fails: an execution fails in Collect, where a redrive asks again', () => {
    for (const state of [byDefault, publishing].flatMap(({ machine }) => Object.values(machine.States))) {
      expect(state).not.toHaveProperty('Catch');
      expect(state.Type).not.toBe('Fail');
    }
  });

  test('tells Collect the order, the name of the execution and when it began, and keeps the answer beside the order', () => {
    expect(stateOf('Collect')).toMatchObject({
      Type: 'Task',
      Resource: '<CollectFunction.Arn>',
      Parameters: { 'order.$': '$', 'execution.$': '$$.Execution.Name', 'startedAt.$': '$$.Execution.StartTime' },
      ResultPath: '$.collection',
      Next: 'Issued?',
    });
    expect(stateOf('Collect')).not.toHaveProperty('OutputPath');
  });

  test('gives Collect more time than its function has', () => {
    const { Timeout } = only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties;
    expect(stateOf('Collect').TimeoutSeconds).toBeGreaterThan(Number(Timeout));
  });

  test('waits while the order waits, announces a certificate that is new, and ends', () => {
    expect(stateOf('Issued?')).toEqual({
      Type: 'Choice',
      Choices: [
        { Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' },
        { Variable: '$.collection.certificate.changed', BooleanEquals: true, Next: 'Announce issued' },
      ],
      Default: 'Collected',
    });
    expect(stateOf('Collected')).toEqual({ Type: 'Succeed' });
  });

  test('waits as long as Collect says, and asks again', () => {
    expect(stateOf('Wait')).toEqual({ Type: 'Wait', SecondsPath: '$.collection.waitSeconds', Next: 'Collect' });
  });

  test('announces the certificate of the order on the bus', () => {
    const { Resource, Parameters, ResultPath, Next } = stateOf('Announce issued');
    expect({ Resource, ResultPath, Next }).toEqual({
      Resource: 'arn:<AWS::Partition>:states:::events:putEvents',
      ResultPath: null,
      Next: 'Collected',
    });
    expect(Parameters).toEqual({
      Entries: [
        {
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Issued',
          Detail: { 'orderNumber.$': '$.orderNumber', 'certificate.$': '$.collection.certificate' },
          EventBusName: 'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default',
        },
      ],
    });
    expect(JSON.stringify(withSettings.machine.States['Announce issued'])).toContain(':event-bus/orders"');
  });

  test.each([
    { settings: 'the defaults', stack: () => byDefault, giveUpAfter: 90 * DAY, pollEvery: 3 * 3600 },
    { settings: 'others', stack: () => withSettings, giveUpAfter: 200 * DAY, pollEvery: 6 * 3600 },
  ])('outlives the deadline by more than the longest wait, with $settings', ({ stack, giveUpAfter, pollEvery }) => {
    expect(stack().machine.TimeoutSeconds).toBeGreaterThan(giveUpAfter + 2 * pollEvery);
    // A standard execution ends after a year.
    expect(stack().machine.TimeoutSeconds).toBeLessThan(365 * DAY);
  });

  test('is traced, and logs its errors without the data of executions', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties).toMatchObject({
      RoleArn: '<StateMachineRole.Arn>',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: {
        Level: 'ERROR',
        IncludeExecutionData: false,
        Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: '<StateMachineLogs.Arn>' } }],
      },
    });
    expect(only(byDefault, 'AWS::Logs::LogGroup', 'StateMachineLogs').Properties).toEqual({ RetentionInDays: 90 });
  });

  test('is a standard one: an express execution ends after five minutes', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties.StateMachineType ?? 'STANDARD').toBe(
      'STANDARD',
    );
  });
});

describe('the state machine that publishes', () => {
  test('has two states more, and the others as they are but for where they lead', () => {
    expect(Object.keys(publishing.machine.States).toSorted()).toEqual(
      [...Object.keys(byDefault.machine.States), 'New?', 'Publish'].toSorted(),
    );
    for (const name of ['Collect', 'Wait', 'Collected']) {
      expect(stateOf(name, publishing)).toEqual(stateOf(name));
    }
  });

  test('publishes whatever was issued, new or not, and announces only what is new', () => {
    expect(stateOf('Issued?', publishing)).toEqual({
      Type: 'Choice',
      Choices: [{ Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' }],
      Default: 'Publish',
    });
    expect(stateOf('Publish', publishing).Next).toBe('New?');
    expect(stateOf('New?', publishing)).toEqual({
      Type: 'Choice',
      Choices: [{ Variable: '$.collection.certificate.changed', BooleanEquals: true, Next: 'Announce issued' }],
      Default: 'Collected',
    });
    expect(stateOf('Announce issued', publishing).Next).toBe('Collected');
  });

  test('tells the function the order, and the certificate not twice, and keeps the answer beside them', () => {
    const { Timeout } = only(publishing, 'AWS::Lambda::Function', 'PublishFunction').Properties;
    expect(stateOf('Publish', publishing)).toEqual({
      Type: 'Task',
      Resource: '<PublishFunction.Arn>',
      Parameters: { 'order.$': '$' },
      ResultPath: '$.publication',
      TimeoutSeconds: Number(Timeout) + 30,
      Retry: [retriersOf('Collect').at(-1)],
      Next: 'New?',
    });
  });

  test('announces what became of it beside the certificate', () => {
    const detailOf = (stack: SynthesizedStack) => {
      const { Entries } = stateOf('Announce issued', stack).Parameters as { Entries: { Detail: unknown }[] };
      return Entries.map(({ Detail }) => Detail);
    };
    expect(detailOf(publishing)).toEqual([
      {
        'orderNumber.$': '$.orderNumber',
        'certificate.$': '$.collection.certificate',
        'publication.$': '$.publication',
      },
    ]);
    expect(JSON.stringify(detailOf(byDefault))).not.toContain('publication');
  });
});

describe('how Collect is repeated', () => {
  test('never after an error that ends a collection', () => {
    const [first] = retriersOf('Collect');
    expect(first?.MaxAttempts).toBe(0);
    expect(first?.ErrorEquals.toSorted()).toEqual(Object.keys(NEXT_STEPS).toSorted());
  });

  test('with full jitter and a capped delay while Lambda has no room for it', () => {
    const [, second] = retriersOf('Collect');
    expect(second).toMatchObject({ JitterStrategy: 'FULL', MaxDelaySeconds: 600 });
    expect(second?.ErrorEquals.toSorted()).toEqual([
      'Lambda.AWSLambdaException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.SdkClientException',
      'Lambda.ServiceException',
      'Lambda.TooManyRequestsException',
    ]);
  });

  test('for hours after anything else, and that comes last: Step Functions reads no retrier behind States.ALL', () => {
    const retriers = retriersOf('Collect');
    expect(retriers.map(({ ErrorEquals }) => ErrorEquals.includes('States.ALL'))).toEqual([false, false, true]);
    expect(retriers.at(-1)).toMatchObject({
      ErrorEquals: ['States.ALL'],
      JitterStrategy: 'FULL',
      MaxDelaySeconds: 3600,
    });
    const longest = delaysOf(retriers.at(-1)).reduce((sum, delay) => sum + delay, 0);
    expect(longest / 3600).toBeGreaterThan(6);
    expect(longest / 3600).toBeLessThan(12);
  });

  test('as is the announcement', () => {
    expect(retriersOf('Announce issued')).toEqual([retriersOf('Collect').at(-1)]);
  });
});

/** One caller that is busy for so many seconds in each second of the clock, by the benchmark's simulation. */
describe('orders in front of a busy Collect', () => {
  const POLL_SECONDS = 3 * 3600;
  const CA_SECONDS = 3;
  const run = (load: Pick<Load, 'orders' | 'days' | 'begin'>) =>
    simulate(
      { ...load, caSeconds: CA_SECONDS, callers: 1, pollSeconds: POLL_SECONDS, seed: 1, queueing: 'retry' },
      busyPolicy(retriersOf('Collect')),
    );
  const ordersOf = (load: number) => (load * POLL_SECONDS) / CA_SECONDS;

  test('are all asked for at a load of 0.9, with no more events of history than the settings reckon with', () => {
    const [orders, days] = [ordersOf(0.9), 6];
    const { starved, calls, retriesPerCheck } = run({ orders, days, begin: 'spread' });
    const intervals = orders * ((days * DAY) / POLL_SECONDS);

    expect(starved).toBe(0);
    // A repetition adds three: the task is scheduled, started and failed once more.
    expect((calls * (EVENTS_PER_CHECK + 3 * retriesPerCheck)) / intervals).toBeLessThan(
      EVENTS_PER_CHECK + EVENTS_FOR_REFUSALS,
    );
  });

  test('outlast an overload of half as much again for days', () => {
    expect(run({ orders: ordersOf(1.5), days: 4, begin: 'spread' }).starved).toBe(0);
  });

  test('are through in an hour and a half when a thousand come in the same second', () => {
    const { starved, firstRoundSeconds } = run({ orders: 1000, days: 1, begin: 'burst' });
    expect(starved).toBe(0);
    expect(firstRoundSeconds / 3600).toBeLessThan(1.5);
  });
});

/** AWS, "Step Functions execution history": a Lambda task is entered, scheduled, started, succeeded, exited. */
const HISTORY_EVENTS: Readonly<Record<string, number>> = { Task: 5, Choice: 2, Wait: 2 };

describe('one round of the loop', () => {
  test.each([
    { publish: 'off', stack: () => byDefault },
    { publish: 'on', stack: () => publishing },
  ])('costs as many events of history as the settings reckon with, with publish $publish', ({ stack }) => {
    const waiting = stateOf('Issued?', stack()).Choices?.find(({ StringEquals }) => StringEquals === 'waiting');
    const round: string[] = [];
    for (let state: string | undefined = stack().machine.StartAt; state && !round.includes(state); ) {
      round.push(state);
      const { Type, Next }: State = stateOf(state, stack());
      state = Type === 'Choice' ? waiting?.Next : Next;
    }
    expect(round).toEqual(['Collect', 'Issued?', 'Wait']);
    const events = round.map((state) => HISTORY_EVENTS[stateOf(state, stack()).Type] ?? Number.NaN);
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(EVENTS_PER_CHECK);
  });
});

function stateOf(name: string, stack = byDefault): State {
  const state = stack.machine.States[name];
  if (!state) {
    throw new Error(`The definition has no state ${name}`);
  }
  return state;
}

function retriersOf(state: string): readonly Retrier[] {
  return stateOf(state).Retry ?? [];
}

/** The longest delay before each attempt, in seconds. */
function delaysOf({
  IntervalSeconds = 1,
  BackoffRate = 2,
  MaxDelaySeconds,
  MaxAttempts = 3,
}: Partial<Retrier> = {}): number[] {
  return Array.from({ length: MaxAttempts }, (_, attempt) =>
    Math.min(IntervalSeconds * BackoffRate ** attempt, MaxDelaySeconds ?? Number.POSITIVE_INFINITY),
  );
}
