import { ExecutionError, StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { type Endpoint, ServiceError, startAwsJsonEndpoint } from './aws-json-endpoint.ts';

type Json = Parameters<StateMachine['run']>[0];
type Run = ReturnType<StateMachine['run']>;

/** What an execution went through, in the interpreter's words: input and output of every state. */
export type ExecutionEvent = Run['eventLogs'] extends AsyncGenerator<infer Event> ? Event : never;

export interface Execution {
  readonly name: string;
  readonly input: unknown;
  readonly startDate: Date;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  output?: unknown;
  /** Name and message of what a failed execution failed with. */
  error?: string;
  cause?: string;
  /** Seconds that its Wait states have let pass: how much later it is for the execution than for this machine. */
  waitedSeconds: number;
  readonly history: ExecutionEvent[];
  /** Resolves when the execution has ended, however. */
  readonly ended: Promise<void>;
}

export interface StateMachineOptions {
  readonly arn: string;
  readonly definition: StateMachineDefinition;
  /** Does the work of a Task state. The name of an error it throws is what Retry matches. */
  readonly task: (state: string, input: unknown, execution: Execution) => Promise<unknown>;
  /** How many milliseconds a wait of so many seconds takes here. */
  readonly shownAs: (seconds: number) => number;
  readonly onEvent?: ((execution: Execution, event: ExecutionEvent) => void) | undefined;
}

export interface LocalStateMachine extends Endpoint {
  readonly executions: ReadonlyMap<string, Execution>;
}

/** The longest delay in milliseconds before a task is repeated here, with full jitter, in place of its retry policy's. */
const RETRY_MILLISECONDS = 100;

/**
 * Runs a state machine's own definition in this process, behind the API of Step Functions: StartExecution and
 * DescribeExecution over HTTP. A wait is shortened to what `shownAs` says, and its real length is added to the execution.
 */
export async function startStateMachine(options: StateMachineOptions): Promise<LocalStateMachine> {
  // The interpreter's timer holds 24 days at the most and fires at once beyond.
  const { TimeoutSeconds: _, ...definition } = options.definition;
  const machine = new StateMachine(definition, { validationOptions: { checkArn: false } });
  const executions = new Map<string, Execution>();
  const runs = new Set<Run>();

  const start = (name: string, input: Json): Execution => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const execution: Execution = {
      name,
      input,
      startDate: new Date(),
      status: 'RUNNING',
      waitedSeconds: 0,
      history: [],
      ended,
    };
    const run = machine.run(input, {
      context: { Execution: { Name: name } },
      overrides: overridesFor(execution, options),
    });
    runs.add(run);
    const record = async () => {
      for await (const event of run.eventLogs) {
        execution.history.push(event);
        options.onEvent?.(execution, event);
      }
    };
    const settle = run.result.then(
      (output) => Object.assign(execution, { status: 'SUCCEEDED', output }),
      (error: unknown) => Object.assign(execution, { status: 'FAILED', ...causeOf(error) }),
    );
    Promise.all([settle, record()]).finally(() => {
      runs.delete(run);
      end();
    });
    return execution;
  };

  const endpoint = await startAwsJsonEndpoint({
    'AWSStepFunctions.StartExecution': ({ name, input }) => {
      const standing = executions.get(String(name));
      if (standing && (standing.status !== 'RUNNING' || JSON.stringify(standing.input) !== input)) {
        throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${name}'`);
      }
      const execution = standing ?? start(String(name), JSON.parse(String(input)));
      executions.set(execution.name, execution);
      return { executionArn: arnOf(options.arn, execution.name), startDate: execution.startDate.getTime() / 1000 };
    },
    'AWSStepFunctions.DescribeExecution': ({ executionArn }) => {
      const execution = [...executions.values()].find(({ name }) => arnOf(options.arn, name) === executionArn);
      if (!execution) {
        throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      }
      const { name, status, startDate, input } = execution;
      return {
        executionArn,
        stateMachineArn: options.arn,
        name,
        status,
        startDate: startDate.getTime() / 1000,
        input: JSON.stringify(input),
      };
    },
  });

  return {
    ...endpoint,
    executions,
    async close() {
      for (const { abort } of runs) {
        abort();
      }
      await endpoint.close();
    },
  };
}

function overridesFor(execution: Execution, { definition, task, shownAs }: StateMachineOptions) {
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
    // The interpreter reads these whenever it repeats a task or enters the Wait state: a getter can answer each time anew.
    retryIntervalOverrides: new Proxy({}, { get: () => Math.random() * RETRY_MILLISECONDS }),
    waitTimeOverrides: {
      get Wait() {
        execution.waitedSeconds += waitSeconds;
        return shownAs(waitSeconds);
      },
    },
  };
}

function waitSecondsOf(output: unknown): number {
  return typeof output === 'object' && output && 'waitSeconds' in output ? Number(output.waitSeconds) : 0;
}

/** The interpreter wraps what a task threw; an aborted run has nothing to wrap. */
function causeOf(error: unknown): { error: string; cause: string } {
  const thrown = error instanceof ExecutionError ? error.cause : error;
  return thrown instanceof Error
    ? { error: thrown.name, cause: thrown.message }
    : { error: 'Unknown', cause: String(thrown) };
}

function arnOf(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
