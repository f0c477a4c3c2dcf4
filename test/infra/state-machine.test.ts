import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
import { EVENTS_FOR_REFUSALS, EVENTS_PER_CHECK } from '../../infra/duration-problems.ts';
import { createStateMachine } from '../../infra/state-machine.ts';
import { busyPolicy } from '../bench/machine.ts';
import { type Load, simulate } from '../bench/simulation.ts';
import { DAY, only, type Retrier, SETTINGS, type State, type SynthesizedStack, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);
const publishing = synthesize({ publish: 'true' });

describe('the state machine', () => {
  test('The definition uses JSONPath and starts at Collect, unless the input has a delay.', () => {
    expect(byDefault.machine).toMatchObject({ QueryLanguage: 'JSONPath', StartAt: 'Later?' });
    expect(stateOf('Later?')).toEqual({
      Type: 'Choice',
      Choices: [{ Variable: '$.delaySeconds', IsPresent: true, Next: 'Wait for its time' }],
      Default: 'Collect',
    });
    expect(stateOf('Wait for its time')).toEqual({ Type: 'Wait', SecondsPath: '$.delaySeconds', Next: 'Collect' });
    expect(Object.keys(byDefault.machine.States).toSorted()).toEqual(
      ['Announce issued', 'Collect', 'Collected', 'Issued?', 'Later?', 'Wait', 'Wait for its time'].toSorted(),
    );
  });

  test('No state has a Catch or is a Fail state: an execution fails in Collect, where a redrive asks again.', () => {
    for (const state of [byDefault, publishing].flatMap(({ machine }) => Object.values(machine.States))) {
      expect(state).not.toHaveProperty('Catch');
      expect(state.Type).not.toBe('Fail');
    }
  });

  test('Collect receives the order, the name and the start of the execution; its result is stored next to the order.', () => {
    expect(stateOf('Collect')).toMatchObject({
      Type: 'Task',
      Resource: '<CollectFunction.Arn>',
      Parameters: { 'order.$': '$', 'execution.$': '$$.Execution.Name', 'startedAt.$': '$$.Execution.StartTime' },
      ResultPath: '$.collection',
      Next: 'Issued?',
    });
    expect(stateOf('Collect')).not.toHaveProperty('OutputPath');
  });

  test('The timeout of the state Collect is longer than that of its function.', () => {
    const { Timeout } = only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties;
    expect(stateOf('Collect').TimeoutSeconds).toBeGreaterThan(Number(Timeout));
  });

  test('The machine waits for a waiting order, announces a new certificate, and ends.', () => {
    expect(stateOf('Issued?')).toEqual({
      Type: 'Choice',
      Choices: [
        { Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' },
        { Variable: '$.collection.outcome', StringEquals: 'ended', Next: 'Collected' },
        { Variable: '$.collection.certificate.changed', BooleanEquals: true, Next: 'Announce issued' },
      ],
      Default: 'Collected',
    });
    expect(stateOf('Collected')).toEqual({ Type: 'Succeed' });
  });

  test('The machine waits for the seconds that Collect returned, then runs Collect again.', () => {
    expect(stateOf('Wait')).toEqual({ Type: 'Wait', SecondsPath: '$.collection.waitSeconds', Next: 'Collect' });
  });

  test('The announcement is an event on the bus with the order and the certificate.', () => {
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
          Detail: {
            collector: 'mark-certificate-collector',
            'orderNumber.$': '$.orderNumber',
            'account.$': '$.collection.account',
            'domains.$': '$.collection.certificate.domains',
            'certificate.$': '$.collection.certificate',
          },
          EventBusName: 'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default',
        },
      ],
    });
    expect(JSON.stringify(withSettings.machine.States['Announce issued'])).toContain(':event-bus/orders"');
  });

  test('The timeout of the machine is a year, so that another deadline also applies to orders that wait already.', () => {
    expect(byDefault.machine.TimeoutSeconds).toBe(365 * DAY);
    expect(withSettings.machine.TimeoutSeconds).toBe(365 * DAY);
  });

  test('The machine logs errors without the data of executions, and is not traced.', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties).toMatchObject({
      RoleArn: '<StateMachineRole.Arn>',
      LoggingConfiguration: {
        Level: 'ERROR',
        IncludeExecutionData: false,
        Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: '<StateMachineLogs.Arn>' } }],
      },
    });
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties).not.toHaveProperty('TracingConfiguration');
    expect(only(byDefault, 'AWS::Logs::LogGroup', 'StateMachineLogs').Properties).toMatchObject({
      RetentionInDays: 90,
    });
  });

  test('The log group of the machine has the prefix that keeps it out of the resource policy of the account.', () => {
    expect(nameOfLogGroup(['Stack', 'Collector'])).toMatch(
      /^\/aws\/vendedlogs\/states\/Stack-Collector-.{8}-StateMachineLogs$/,
    );
  });

  test('Each collector has its own log group: two in one stack, and in two stacks.', () => {
    const names = [
      ['One', 'Collector'],
      ['Two', 'Collector'],
      ['One', 'Other'],
    ].map(nameOfLogGroup);
    expect(new Set(names).size).toBe(names.length);
  });

  test('The machine is a standard one, because an express execution ends after five minutes.', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties.StateMachineType ?? 'STANDARD').toBe(
      'STANDARD',
    );
  });
});

describe('the state machine that publishes', () => {
  test('With publish, the machine has two more states, and leaves Collect, Wait and Collected unchanged.', () => {
    expect(Object.keys(publishing.machine.States).toSorted()).toEqual(
      [...Object.keys(byDefault.machine.States), 'New?', 'Publish'].toSorted(),
    );
    for (const name of ['Collect', 'Wait', 'Collected']) {
      expect(stateOf(name, publishing)).toEqual(stateOf(name));
    }
  });

  test('The machine publishes every issued certificate, and announces what is new or needs a person.', () => {
    expect(stateOf('Issued?', publishing)).toEqual({
      Type: 'Choice',
      Choices: [
        { Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' },
        { Variable: '$.collection.outcome', StringEquals: 'ended', Next: 'Collected' },
      ],
      Default: 'Publish',
    });
    expect(stateOf('Publish', publishing).Next).toBe('New?');
    expect(stateOf('New?', publishing)).toEqual({
      Type: 'Choice',
      Choices: [
        {
          And: [
            { Variable: '$.publication.announce', IsPresent: true },
            { Variable: '$.publication.announce', BooleanEquals: true },
          ],
          Next: 'Announce issued',
        },
        { Variable: '$.collection.certificate.changed', BooleanEquals: true, Next: 'Announce issued' },
      ],
      Default: 'Collected',
    });
    expect(stateOf('Announce issued', publishing).Next).toBe('Collected');
  });

  test('Publish receives the whole state once; its result is stored next to the order and the certificate.', () => {
    const { Timeout } = only(publishing, 'AWS::Lambda::Function', 'PublishFunction').Properties;
    expect(stateOf('Publish', publishing)).toEqual({
      Type: 'Task',
      Resource: '<PublishFunction.Arn>',
      Parameters: { 'order.$': '$', 'execution.$': '$$.Execution.Name', 'startedAt.$': '$$.Execution.StartTime' },
      ResultPath: '$.publication',
      TimeoutSeconds: Number(Timeout) + 30,
      Retry: [retriersOf('Collect').at(-1)],
      Next: 'New?',
    });
  });

  test('The announcement contains the result of publishing.', () => {
    const detailOf = (stack: SynthesizedStack) => {
      const { Entries } = stateOf('Announce issued', stack).Parameters as { Entries: { Detail: unknown }[] };
      return Entries.map(({ Detail }) => Detail);
    };
    expect(detailOf(publishing)).toEqual([
      {
        collector: 'mark-certificate-collector',
        'account.$': '$.collection.account',
        'domains.$': '$.collection.certificate.domains',
        'orderNumber.$': '$.orderNumber',
        'certificate.$': '$.collection.certificate',
        'publication.$': '$.publication',
      },
    ]);
    expect(JSON.stringify(detailOf(byDefault))).not.toContain('publication');
  });
});

describe('the retries', () => {
  test('Collect is never retried after an error that ends a collection.', () => {
    const [first] = retriersOf('Collect');
    expect(first?.MaxAttempts).toBe(0);
    expect(first?.ErrorEquals.toSorted()).toEqual(Object.keys(NEXT_STEPS).toSorted());
  });

  test('Collect is retried with full jitter and a limited delay while Lambda has no capacity.', () => {
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

  test('Collect is retried for hours after other errors; States.ALL is last, because Step Functions ignores later entries.', () => {
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

  test('The announcement is retried like Collect after other errors.', () => {
    expect(retriersOf('Announce issued')).toEqual([retriersOf('Collect').at(-1)]);
  });
});

/** The benchmark's simulation of one caller; its load is the part of the time in which it is busy. */
describe('orders in front of a busy Collect', () => {
  const POLL_SECONDS = 3 * 3600;
  const CA_SECONDS = 3;
  const run = (load: Pick<Load, 'orders' | 'days' | 'begin'>) =>
    simulate(
      {
        ...load,
        certificates: 0,
        caSeconds: CA_SECONDS,
        callers: 1,
        pollSeconds: POLL_SECONDS,
        seed: 1,
        queueing: 'retry',
      },
      busyPolicy(retriersOf('Collect')),
    );
  const ordersOf = (load: number) => (load * POLL_SECONDS) / CA_SECONDS;

  test('At a load of 0.9, all orders are checked, with no more history events than the settings assume.', () => {
    const [orders, days] = [ordersOf(0.9), 6];
    const { starved, calls, retriesPerCheck } = run({ orders, days, begin: 'spread' });
    const intervals = orders * ((days * DAY) / POLL_SECONDS);

    expect(starved).toBe(0);
    // A retry adds three events: the task is scheduled, started and failed once more.
    expect((calls * (EVENTS_PER_CHECK + 3 * retriesPerCheck)) / intervals).toBeLessThan(
      EVENTS_PER_CHECK + EVENTS_FOR_REFUSALS,
    );
  });

  test('At a load of 1.5, no order fails for days.', () => {
    expect(run({ orders: ordersOf(1.5), days: 4, begin: 'spread' }).starved).toBe(0);
  });

  test('A thousand orders in the same second are all checked within an hour and a half.', () => {
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
  ])('A round causes as many history events as the settings assume, with publish $publish', ({ stack }) => {
    const waiting = stateOf('Issued?', stack()).Choices?.find(({ StringEquals }) => StringEquals === 'waiting');
    const round: string[] = [];
    for (let state: string | undefined = 'Collect'; state && !round.includes(state); ) {
      round.push(state);
      const { Type, Next }: State = stateOf(state, stack());
      state = Type === 'Choice' ? waiting?.Next : Next;
    }
    expect(round).toEqual(['Collect', 'Issued?', 'Wait']);
    const events = round.map((state) => HISTORY_EVENTS[stateOf(state, stack()).Type] ?? Number.NaN);
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(EVENTS_PER_CHECK);
  });
});

/** The name of the log group of a state machine in this stack and this construct. */
function nameOfLogGroup([stackName = '', constructName = '']: readonly string[]): string {
  const stack = new Stack(new App(), stackName);
  const collector = new Construct(stack, constructName);
  const collect = LambdaFunction.fromFunctionArn(
    stack,
    'Function',
    'arn:aws:lambda:eu-west-1:111122223333:function:collect',
  );
  const eventBus = EventBus.fromEventBusName(stack, 'Bus', 'default');
  createStateMachine(collector, { collect, publish: undefined, eventBus, collector: 'acme' });
  const groups = Object.values(Template.fromStack(stack).findResources('AWS::Logs::LogGroup'));
  return groups.map(({ Properties }) => String(Properties.LogGroupName)).join();
}

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
