import {
  ExecutionAbortedError,
  ExecutionError,
  StateMachine,
  type StateMachineDefinition,
} from 'aws-local-stepfunctions';
import { executionArn } from '../../../functions/executions.ts';
import { type AwsJsonEndpoint, ServiceError, startAwsJsonEndpoint } from './aws-json-endpoint.ts';

type Json = Parameters<StateMachine['run']>[0];
type Run = ReturnType<StateMachine['run']>;

/** An event of the interpreter. The events of an execution contain the input and the output of every state. */
export type ExecutionEvent = Run['eventLogs'] extends AsyncGenerator<infer Event> ? Event : never;

export interface Execution {
  readonly name: string;
  readonly input: unknown;
  readonly startDate: Date;
  /** Missing while the execution runs. */
  stopDate?: Date | undefined;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  output?: unknown;
  /** Name and message of the error of a failed execution. */
  error?: string;
  cause?: string;
  /** Seconds that the Wait states took in simulated time, which is ahead of the clock by this much. */
  waitedSeconds: number;
  readonly history: ExecutionEvent[];
  /** Resolves when the execution has ended with any status. A redrive replaces this promise. */
  ended: Promise<void>;
}

export interface StateMachineOptions {
  readonly arn: string;
  readonly definition: StateMachineDefinition;
  /** Runs a Task state. Retry matches the name of the error that it throws. */
  readonly task: (state: string, input: unknown, execution: Execution) => Promise<unknown>;
  /** Milliseconds that a wait of so many simulated seconds takes. */
  readonly waitMilliseconds: (seconds: number) => number;
  readonly onEvent?: ((execution: Execution, event: ExecutionEvent) => void) | undefined;
  /** Runs after the end of an execution, before its `ended` resolves. */
  readonly onEnd?: (execution: Execution) => Promise<void>;
}

export interface LocalStateMachine extends AwsJsonEndpoint {
  readonly executions: ReadonlyMap<string, Execution>;
}

/** The maximum delay before a retry, with full jitter, in place of the delay in the retry policy. */
const RETRY_MILLISECONDS = 100;

/**
 * Runs the definition of a state machine in this process, behind the HTTP API of Step Functions: executions can be
 * started, described, listed, stopped and redriven, and their histories read. `waitMilliseconds` shortens a wait; the execution's `waitedSeconds`
 * counts it in full.
 */
export async function startStateMachine(options: StateMachineOptions): Promise<LocalStateMachine> {
  // The interpreter's timer fires at once if the timeout is longer than 24 days.
  const { TimeoutSeconds: _, ...definition } = options.definition;
  // Its validator would compile a schema for each machine. The checkers validate the definition.
  const machine = new StateMachine(definition, { validationOptions: { noValidate: true } });
  const executions = new Map<string, Execution>();
  const runs = new Map<Execution, Run>();

  const run = (execution: Execution, input: Json): void => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    Object.assign(execution, { status: 'RUNNING', stopDate: undefined, error: undefined, cause: undefined, ended });
    const started = machine.run(input, {
      context: { Execution: { Name: execution.name } },
      overrides: overridesFor(execution, options),
    });
    runs.set(execution, started);
    const record = async () => {
      for await (const event of started.eventLogs) {
        execution.history.push(event);
        options.onEvent?.(execution, event);
      }
    };
    const finish = started.result.then(
      (output) => Object.assign(execution, { status: 'SUCCEEDED', output }),
      (error: unknown) =>
        error instanceof ExecutionAbortedError
          ? Object.assign(execution, { status: 'ABORTED' })
          : Object.assign(execution, { status: 'FAILED', ...causeOf(error) }),
    );
    finish.then(() => Object.assign(execution, { stopDate: new Date() }));
    Promise.all([finish, record()])
      .finally(() => runs.delete(execution))
      .then(() => options.onEnd?.(execution))
      .finally(end);
  };

  const start = (name: string, input: Json): Execution => {
    const execution: Execution = {
      name,
      input,
      startDate: new Date(),
      status: 'RUNNING',
      waitedSeconds: 0,
      history: [],
      ended: Promise.resolve(),
    };
    executions.set(name, execution);
    run(execution, input);
    return execution;
  };

  const find = (arn: unknown): Execution => {
    const execution = [...executions.values()].find(({ name }) => executionArn(options.arn, name) === arn);
    if (!execution) {
      throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    }
    return execution;
  };

  const endpoint = await startAwsJsonEndpoint({
    'AWSStepFunctions.StartExecution': ({ name, input }) => {
      const existing = executions.get(String(name));
      if (existing && (existing.status !== 'RUNNING' || JSON.stringify(existing.input) !== input)) {
        throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${name}'`);
      }
      const execution = existing ?? start(String(name), JSON.parse(String(input)));
      return {
        executionArn: executionArn(options.arn, execution.name),
        startDate: execution.startDate.getTime() / 1000,
      };
    },
    'AWSStepFunctions.DescribeExecution': ({ executionArn: arn }) => {
      const { input, output, error, cause, ...execution } = find(arn);
      const summary = summaryOf(execution, options.arn);
      const redriveStatus = execution.status === 'FAILED' ? 'REDRIVABLE' : 'NOT_REDRIVABLE';
      return { ...summary, redriveStatus, input: JSON.stringify(input), output: JSON.stringify(output), error, cause };
    },
    'AWSStepFunctions.GetExecutionHistory': ({ executionArn: arn, reverseOrder, maxResults = 1000 }) => {
      const events = find(arn).history.flatMap((event, index) =>
        event.type === 'StateEntered' ? [enteredEvent(event, index + 1)] : [],
      );
      return { events: (reverseOrder === true ? events.toReversed() : events).slice(0, Number(maxResults)) };
    },
    'AWSStepFunctions.ListExecutions': ({ statusFilter }) => ({
      executions: [...executions.values()]
        .filter(({ status }) => statusFilter === undefined || status === statusFilter)
        .map((execution) => summaryOf(execution, options.arn)),
    }),
    'AWSStepFunctions.StopExecution': ({ executionArn: arn }) => {
      runs.get(find(arn))?.abort();
      return { stopDate: Date.now() / 1000 };
    },
    'AWSStepFunctions.RedriveExecution': ({ executionArn: arn }) => {
      const execution = find(arn);
      const failure = execution.history.findLast(({ type }) => type === 'StateFailed');
      if (execution.status !== 'FAILED' || failure?.type !== 'StateFailed') {
        throw new ServiceError('ExecutionNotRedrivable', `Execution is not redrivable: '${arn}'`);
      }
      // A redrive continues at the failed state, with its input. In this machine, that is Collect, the first state.
      run(execution, failure.state.input);
      return { redriveDate: Date.now() / 1000 };
    },
  });

  return {
    ...endpoint,
    executions,
    async close() {
      const ended = [...runs.keys()].map((execution) => execution.ended);
      for (const { abort } of runs.values()) {
        abort();
      }
      await Promise.all(ended);
      await endpoint.close();
    },
  };
}

function summaryOf(
  { name, status, startDate, stopDate }: Pick<Execution, 'name' | 'status' | 'startDate' | 'stopDate'>,
  stateMachineArn: string,
) {
  return {
    executionArn: executionArn(stateMachineArn, name),
    stateMachineArn,
    name,
    status,
    startDate: startDate.getTime() / 1000,
    ...(stopDate && { stopDate: stopDate.getTime() / 1000 }),
  };
}

/** The event of a history. Only those about the begin of a state exist here. */
function enteredEvent({ timestamp, state }: Extract<ExecutionEvent, { type: 'StateEntered' }>, id: number) {
  return {
    id,
    previousEventId: id - 1,
    timestamp: timestamp / 1000,
    type: `${state.type}StateEntered`,
    stateEnteredEventDetails: { name: state.name, input: JSON.stringify(state.input) },
  };
}

function overridesFor(execution: Execution, { definition, task, waitMilliseconds }: StateMachineOptions) {
  const states = Object.keys(definition.States);
  let waitSeconds = 0;
  return {
    taskResourceLocalHandlers: Object.fromEntries(
      states.map((state) => [
        state,
        async (input: Json) => {
          const output = await task(state, input, execution);
          waitSeconds = waitSecondsOf(output);
          return output as Json;
        },
      ]),
    ),
    // The interpreter reads these before every retry and every wait, so that getters can return a new value each time.
    retryIntervalOverrides: new Proxy({}, { get: () => Math.random() * RETRY_MILLISECONDS }),
    waitTimeOverrides: {
      get Wait() {
        execution.waitedSeconds += waitSeconds;
        return waitMilliseconds(waitSeconds);
      },
      get 'Wait for its time'() {
        const { delaySeconds } = execution.input as { readonly delaySeconds: number };
        execution.waitedSeconds += delaySeconds;
        return waitMilliseconds(delaySeconds);
      },
    },
  };
}

function waitSecondsOf(output: unknown): number {
  return typeof output === 'object' && output && 'waitSeconds' in output ? Number(output.waitSeconds) : 0;
}

/** The interpreter wraps the error of a task. */
function causeOf(error: unknown): { error: string; cause: string } {
  const thrown = error instanceof ExecutionError ? error.cause : error;
  return thrown instanceof Error
    ? { error: thrown.name, cause: thrown.message }
    : { error: 'Unknown', cause: String(thrown) };
}
