import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Execution,
  type LocalStateMachine,
  type StateMachineOptions,
  startStateMachine,
} from '../../../../infra/local/cloud/executions.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const ORDER = { orderNumber: '1378973013' };
const NAME = 'order-1378973013';
const ARN_OF_EXECUTION = `arn:aws:states:us-east-1:000000000000:execution:Collector:${NAME}`;
const ISSUED = { outcome: 'issued', waitSeconds: 0 };

/** The loop of the real state machine, with two kinds of retry policy. */
const DEFINITION: StateMachineDefinition = {
  StartAt: 'Collect',
  States: {
    Collect: {
      Type: 'Task',
      Resource: 'arn:aws:lambda:us-east-1:000000000000:function:Collect',
      Parameters: { 'order.$': '$', 'execution.$': '$$.Execution.Name' },
      ResultPath: '$.collection',
      Retry: [
        { ErrorEquals: ['OrderRejected'], MaxAttempts: 0 },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 3600, MaxAttempts: 2 },
      ],
      Next: 'Issued?',
    },
    'Issued?': {
      Type: 'Choice',
      Choices: [{ Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' }],
      Default: 'Collected',
    },
    Wait: { Type: 'Wait', SecondsPath: '$.collection.waitSeconds', Next: 'Collect' },
    Collected: { Type: 'Succeed' },
  },
};

let machine: LocalStateMachine | undefined;
let client: SFNClient | undefined;

afterEach(async () => {
  client?.destroy();
  await machine?.close();
});

async function deploy(
  task: StateMachineOptions['task'],
  options: Partial<StateMachineOptions> = {},
): Promise<
  (name?: string, input?: unknown) => Promise<{ executionArn?: string | undefined; startDate?: Date | undefined }>
> {
  machine = await startStateMachine({ arn: ARN, definition: DEFINITION, task, waitMilliseconds: () => 0, ...options });
  const sfn = new SFNClient({
    endpoint: machine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  client = sfn;
  return (name = NAME, input = ORDER) =>
    sfn.send(new StartExecutionCommand({ stateMachineArn: ARN, name, input: JSON.stringify(input) }));
}

function executionOf(name = NAME): Execution {
  const execution = machine?.executions.get(name);
  if (!execution) {
    throw new Error(`There is no execution ${name}`);
  }
  return execution;
}

async function statusOf(name = NAME) {
  const executionArn = `arn:aws:states:us-east-1:000000000000:execution:Collector:${name}`;
  return (await client?.send(new DescribeExecutionCommand({ executionArn })))?.status;
}

/** A task that returns these results one after the other. */
function answering(...answers: readonly unknown[]): StateMachineOptions['task'] {
  const left = [...answers];
  return async () => left.shift();
}

/** A task whose result the test supplies later. */
function held() {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let calls = 0;
  const task = () => {
    calls += 1;
    return promise;
  };
  return { task, answer: resolve, calls: () => calls };
}

function named(name: string): Error {
  return Object.assign(new Error(`because of ${name}`), { name });
}

describe('StartExecution', () => {
  test('returns the ARN and the time, and runs the definition with the input.', async () => {
    const calls: unknown[] = [];
    const start = await deploy(async (state, input) => {
      calls.push({ state, input });
      return ISSUED;
    });
    const { executionArn, startDate } = await start();
    await executionOf().ended;

    expect(executionArn).toBe(`arn:aws:states:us-east-1:000000000000:execution:Collector:${NAME}`);
    expect(startDate).toEqual(executionOf().startDate);
    expect(calls).toEqual([{ state: 'Collect', input: { order: ORDER, execution: NAME } }]);
    expect(executionOf()).toMatchObject({
      name: NAME,
      input: ORDER,
      status: 'SUCCEEDED',
      output: { ...ORDER, collection: ISSUED },
    });
  });

  test('starts nothing and returns the same result if the same execution is running.', async () => {
    const { task, answer, calls } = held();
    const start = await deploy(task);
    const first = await start();
    const second = await start();
    answer(ISSUED);
    await executionOf().ended;

    expect(second.executionArn).toBe(first.executionArn);
    expect(second.startDate).toEqual(first.startDate);
    expect(calls()).toBe(1);
    expect(machine?.executions.size).toBe(1);
  });

  test('refuses another input for the name of a running execution.', async () => {
    const { task, answer, calls } = held();
    const start = await deploy(task);
    await start();

    await expect(start(NAME, { ...ORDER, product: 'VMC' })).rejects.toThrow(ExecutionAlreadyExists);
    answer(ISSUED);
    await executionOf().ended;
    expect(calls()).toBe(1);
    expect(executionOf().input).toEqual(ORDER);
  });

  test.each([
    { how: 'succeeded', status: 'SUCCEEDED', task: answering(ISSUED) },
    { how: 'failed', status: 'FAILED', task: () => Promise.reject(named('OrderRejected')) },
  ])('refuses the name of an execution that $how, even with the same input.', async ({ status, task }) => {
    const start = await deploy(task);
    await start();
    await executionOf().ended;

    await expect(start()).rejects.toThrow(ExecutionAlreadyExists);
    expect(executionOf().status).toBe(status);
  });

  test('distinguishes executions by their names.', async () => {
    const start = await deploy(async (_, __, { name }) => {
      if (name === 'order-2') {
        throw named('OrderRejected');
      }
      return ISSUED;
    });
    await Promise.all([start('order-1'), start('order-2')]);
    await Promise.all([executionOf('order-1').ended, executionOf('order-2').ended]);

    expect(executionOf('order-1').status).toBe('SUCCEEDED');
    expect(executionOf('order-2').status).toBe('FAILED');
  });
});

describe('DescribeExecution', () => {
  test('returns whether an execution is running and how it ended.', async () => {
    const { task, answer } = held();
    const start = await deploy(task);
    await start();

    expect(await statusOf()).toBe('RUNNING');
    answer(ISSUED);
    await executionOf().ended;
    expect(await statusOf()).toBe('SUCCEEDED');
  });

  test('returns that an execution failed.', async () => {
    const start = await deploy(() => Promise.reject(named('OrderRejected')));
    await start();
    await executionOf().ended;

    expect(await statusOf()).toBe('FAILED');
  });

  test('fails for an execution that was never started.', async () => {
    await deploy(answering());
    await expect(statusOf('order-2')).rejects.toThrow(ExecutionDoesNotExist);
  });
});

describe('RedriveExecution', () => {
  const redrive = (executionArn = ARN_OF_EXECUTION) => client?.send(new RedriveExecutionCommand({ executionArn }));

  test('repeats the failed state with its input, in the same execution.', async () => {
    const inputs: unknown[] = [];
    const answers = [{ outcome: 'waiting', waitSeconds: 60 }, named('OrderRejected'), ISSUED];
    const start = await deploy(async (_, input) => {
      inputs.push(input);
      const answer = answers.shift();
      if (answer instanceof Error) {
        throw answer;
      }
      return answer;
    });
    await start();
    await executionOf().ended;
    expect(executionOf()).toMatchObject({ status: 'FAILED', error: 'OrderRejected' });

    await redrive();
    await executionOf().ended;

    expect(executionOf()).toMatchObject({ status: 'SUCCEEDED', waitedSeconds: 60, error: undefined });
    expect(inputs).toHaveLength(3);
    expect(inputs[2]).toEqual(inputs[1]);
  });

  test('is refused for an execution that has not failed.', async () => {
    const start = await deploy(answering(ISSUED));
    await start();
    await executionOf().ended;

    await expect(redrive()).rejects.toThrow(expect.objectContaining({ name: 'ExecutionNotRedrivable' }));
  });
});

describe('ListExecutions and StopExecution', () => {
  test('list the running executions and stop one.', async () => {
    const { task, answer } = held();
    const start = await deploy(task);
    await start();
    const running = () => client?.send(new ListExecutionsCommand({ stateMachineArn: ARN, statusFilter: 'RUNNING' }));
    expect((await running())?.executions?.map(({ name }) => name)).toEqual([NAME]);

    await client?.send(new StopExecutionCommand({ executionArn: ARN_OF_EXECUTION }));
    answer(ISSUED);
    await executionOf().ended;

    expect(await statusOf()).toBe('ABORTED');
    expect((await running())?.executions).toEqual([]);
  });
});

describe('A wait', () => {
  const waiting = (waitSeconds: number) => ({ outcome: 'waiting', waitSeconds });

  test('is shortened, and waitedSeconds counts its full length.', async () => {
    const shown: number[] = [];
    const start = await deploy(answering(waiting(10_800), waiting(900), waiting(7_776_000), ISSUED), {
      waitMilliseconds: (seconds) => {
        shown.push(seconds);
        return 0;
      },
    });
    await start();
    await executionOf().ended;

    expect(executionOf().status).toBe('SUCCEEDED');
    expect(shown).toEqual([10_800, 900, 7_776_000]);
    expect(executionOf().waitedSeconds).toBe(10_800 + 900 + 7_776_000);
  });

  test('is over when the task runs again with its previous result as input.', async () => {
    const calls: unknown[] = [];
    const answers = [waiting(60), waiting(120), ISSUED];
    const start = await deploy(async (_, input, { waitedSeconds }) => {
      calls.push({ input, waitedSeconds });
      return answers.shift();
    });
    await start();
    await executionOf().ended;

    const input = (collection: object) => ({ order: { ...ORDER, collection }, execution: NAME });
    expect(calls).toEqual([
      { input: { order: ORDER, execution: NAME }, waitedSeconds: 0 },
      { input: input(waiting(60)), waitedSeconds: 60 },
      { input: input(waiting(120)), waitedSeconds: 180 },
    ]);
  });

  test('belongs to one execution only.', async () => {
    const start = await deploy(async (_, __, { name, waitedSeconds }) => {
      const own = name === 'order-1' ? 100 : 7;
      return waitedSeconds < 3 * own ? waiting(own) : ISSUED;
    });
    await Promise.all([start('order-1'), start('order-2')]);
    await Promise.all([executionOf('order-1').ended, executionOf('order-2').ended]);

    expect(executionOf('order-1').waitedSeconds).toBe(300);
    expect(executionOf('order-2').waitedSeconds).toBe(21);
  });

  test('of any length ends when the machine is closed.', async () => {
    const { promise, resolve: reached } = Promise.withResolvers<void>();
    const start = await deploy(answering(waiting(10_800)), {
      waitMilliseconds: (seconds) => {
        reached();
        return seconds * 1000;
      },
    });
    await start();
    await promise;
    await machine?.close();
    const execution = executionOf();
    machine = undefined;
    await execution.ended;

    expect(execution.status).toBe('ABORTED');
  });
});

describe('A task that fails', () => {
  test('is retried at once, as often as its policy allows, and waitedSeconds counts nothing.', async () => {
    let attempts = 0;
    const start = await deploy(async () => {
      attempts += 1;
      if (attempts < 3) {
        throw named('Lambda.TooManyRequestsException');
      }
      return ISSUED;
    });
    await start();
    await executionOf().ended;

    expect(attempts).toBe(3);
    expect(executionOf()).toMatchObject({ status: 'SUCCEEDED', waitedSeconds: 0 });
  });

  test('fails the execution with the name and message of its error after the last attempt.', async () => {
    let attempts = 0;
    const start = await deploy(() => {
      attempts += 1;
      return Promise.reject(named('Lambda.TooManyRequestsException'));
    });
    await start();
    await executionOf().ended;

    expect(attempts).toBe(3);
    expect(executionOf()).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.TooManyRequestsException',
      cause: 'because of Lambda.TooManyRequestsException',
    });
    expect(executionOf()).not.toHaveProperty('output');
  });

  test('is not retried if its policy allows no attempt.', async () => {
    let attempts = 0;
    const start = await deploy(() => {
      attempts += 1;
      return Promise.reject(named('OrderRejected'));
    });
    await start();
    await executionOf().ended;

    expect(attempts).toBe(1);
    expect(executionOf()).toMatchObject({
      status: 'FAILED',
      error: 'OrderRejected',
      cause: 'because of OrderRejected',
    });
  });
});

describe('The history', () => {
  test('contains every state of an execution, and a listener gets the same events.', async () => {
    const events: string[] = [];
    const start = await deploy(answering({ outcome: 'waiting', waitSeconds: 60 }, ISSUED), {
      onEvent: (execution, { type }) => events.push(`${execution.name} ${type}`),
    });
    await start();
    await executionOf().ended;

    const { history } = executionOf();
    const entered = history.flatMap((event) => (event.type === 'StateEntered' ? [event.state.name] : []));
    expect(entered).toEqual(['Collect', 'Issued?', 'Wait', 'Collect', 'Issued?', 'Collected']);
    expect(events).toEqual(history.map(({ type }) => `${NAME} ${type}`));
    expect(history.at(-1)?.type).toBe('ExecutionSucceeded');
  });
});

describe('A definition', () => {
  test('can have a timeout of months, which the interpreter ignores.', async () => {
    // If the interpreter did not ignore it, its timer would overflow and fire before this task ends.
    const task = () => new Promise((resolve) => setTimeout(resolve, 50, ISSUED));
    const start = await deploy(task, { definition: { ...DEFINITION, TimeoutSeconds: 90 * 86_400 } });
    await start();
    await executionOf().ended;

    expect(executionOf().status).toBe('SUCCEEDED');
  });
});
