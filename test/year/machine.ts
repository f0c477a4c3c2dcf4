import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  ListExecutionsCommand,
  type ListExecutionsCommandInput,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { executionArn } from '../../functions/executions.ts';
import { orderNumberOf } from '../../functions/order.ts';
import { STATE_LIMIT } from '../../functions/text.ts';
import { type Clock, DAY, SECOND } from './clock.ts';
import { applyParameters, choose, type Definition, type Retrier, type Task, valueAt } from './definition.ts';
import type { Random } from './random.ts';

/** Step Functions deletes an execution so long after its end, and its name can be used again. */
const KEPT_MILLISECONDS = 90 * DAY;

/** Step Functions ends an execution at so many events of its history. */
export const HISTORY_LIMIT = 25_000;

/** Executions of one page of a list. Step Functions returns up to 1000; fewer here, so that lists have several pages. */
const PAGE_ENTRIES = 100;

export interface Execution {
  readonly name: string;
  readonly input: string;
  readonly definition: Definition;
  readonly startDate: number;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  stopDate?: number;
  error?: string;
  cause?: string;
  /** The events of its history. */
  events: number;
  /** The state that failed, and its input: a redrive continues there. */
  failedAt?: { readonly state: string; readonly data: unknown };
}

export interface MachineOptions {
  readonly arn: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Runs a Task: `resource` is that of the definition. Retry matches the name of the error that it throws. */
  readonly task: (resource: string, parameters: unknown, execution: Execution) => Promise<unknown>;
  /** Receives all data that Step Functions would store. */
  readonly record: (execution: Execution, what: string, data: string) => void;
  readonly started: (execution: Execution) => void;
  readonly ended: (execution: Execution) => void;
}

/** Runs the definition of the stack in virtual time. */
export class Machine {
  /** The definition with which new executions start. A deployment replaces it. */
  definition: Definition;
  /** All executions ever started, in the order of their start. */
  readonly history: Execution[] = [];
  readonly #executions = new Map<string, Execution>();
  readonly #options: MachineOptions;

  constructor(definition: Definition, options: MachineOptions) {
    this.definition = definition;
    this.#options = options;
  }

  /** Answers a command of the SDK. */
  answer(command: object): object {
    const { arn, clock } = this.#options;
    if (command instanceof StartExecutionCommand) {
      const { name = '', input = '{}' } = command.input;
      const execution = this.#start(name, input);
      return { executionArn: executionArn(arn, name), startDate: new Date(execution.startDate) };
    }
    if (command instanceof DescribeExecutionCommand) {
      const prefix = executionArn(arn, '');
      const execution = this.#find(command.input.executionArn?.slice(prefix.length) ?? '');
      if (!execution) {
        throw new ExecutionDoesNotExist({ message: 'Execution Does Not Exist', $metadata: {} });
      }
      const { name, input, status, startDate, stopDate, error, cause } = execution;
      const dates = { startDate: new Date(startDate), ...(stopDate && { stopDate: new Date(stopDate) }) };
      return { executionArn: executionArn(arn, name), name, input, status, error, cause, ...dates };
    }
    if (command instanceof ListExecutionsCommand) {
      return this.#list(command.input, clock.now);
    }
    throw new Error(`The year does not imitate ${command.constructor.name}`);
  }

  /** Continues a failed execution at the state that failed, as a person does. */
  redrive(name: string): boolean {
    const execution = this.#find(name);
    if (execution?.status !== 'FAILED' || !execution.failedAt) {
      return false;
    }
    const { state, data } = execution.failedAt;
    execution.status = 'RUNNING';
    delete execution.stopDate;
    delete execution.error;
    delete execution.cause;
    this.#options.clock.after(SECOND, () => this.#enter(execution, state, data));
    return true;
  }

  /** Whether an execution of an order runs. */
  isRunning(orderNumber: string): boolean {
    return this.history.some(({ name, status }) => status === 'RUNNING' && orderNumberOf(name) === orderNumber);
  }

  #find(name: string): Execution | undefined {
    const execution = this.#executions.get(name);
    const isDeleted = (execution?.stopDate ?? Number.POSITIVE_INFINITY) + KEPT_MILLISECONDS < this.#options.clock.now;
    return isDeleted ? undefined : execution;
  }

  #start(name: string, input: string): Execution {
    const existing = this.#find(name);
    if (existing?.status === 'RUNNING' && existing.input === input) {
      return existing;
    }
    if (existing) {
      throw new ExecutionAlreadyExists({ message: `Execution Already Exists: ${name}`, $metadata: {} });
    }
    const { clock, record, started } = this.#options;
    const { definition } = this;
    const execution: Execution = { name, input, definition, startDate: clock.now, status: 'RUNNING', events: 1 };
    this.#executions.set(name, execution);
    this.history.push(execution);
    record(execution, 'input', input);
    started(execution);
    clock.after(SECOND / 10, () => this.#enter(execution, definition.StartAt, JSON.parse(input)));
    return execution;
  }

  #list({ statusFilter, nextToken = '0' }: ListExecutionsCommandInput, now: number): object {
    const found = this.history
      .filter(
        ({ name, status, stopDate = now }) =>
          status === statusFilter &&
          stopDate + KEPT_MILLISECONDS >= now &&
          this.#executions.get(name)?.status === status,
      )
      .toReversed();
    const from = Number(nextToken);
    const executions = found.slice(from, from + PAGE_ENTRIES).map(({ name, status, startDate, stopDate }) => ({
      name,
      status,
      startDate: new Date(startDate),
      ...(stopDate && { stopDate: new Date(stopDate) }),
    }));
    return { executions, ...(from + PAGE_ENTRIES < found.length && { nextToken: String(from + PAGE_ENTRIES) }) };
  }

  /** Enters a state, and all that follow it without a wait. */
  async #enter(execution: Execution, first: string, input: unknown): Promise<void> {
    const { clock } = this.#options;
    let [name, data] = [first, input];
    for (;;) {
      const state = execution.definition.States[name];
      if (!state) {
        throw new Error(`There is no state ${name}`);
      }
      execution.events += 2;
      const timeout = execution.startDate + execution.definition.TimeoutSeconds * SECOND;
      if (clock.now >= timeout) {
        this.#end(execution, { status: 'TIMED_OUT' });
        return;
      }
      try {
        switch (state.Type) {
          case 'Succeed':
            this.#end(execution, { status: 'SUCCEEDED' });
            return;
          case 'Choice':
            name = choose(state, data);
            break;
          case 'Wait': {
            const seconds = valueAt(state.SecondsPath, data);
            if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 0) {
              throw Object.assign(new Error(`waitSeconds is ${seconds}`), { name: 'States.Runtime' });
            }
            clock.after(Math.min(seconds * SECOND, timeout - clock.now), () =>
              this.#enter(execution, state.Next, data),
            );
            return;
          }
          case 'Task':
            await this.#attempt(execution, name, state, data, new Map());
            return;
        }
      } catch (error) {
        this.#fail(execution, name, data, error);
        return;
      }
    }
  }

  async #attempt(
    execution: Execution,
    name: string,
    state: Task,
    data: unknown,
    attempts: Map<Retrier, number>,
  ): Promise<void> {
    const { clock, random, record, task } = this.#options;
    execution.events += 3;
    let result: unknown;
    try {
      const context = { Execution: { Name: execution.name, StartTime: new Date(execution.startDate).toISOString() } };
      result = await task(state.Resource, applyParameters(state.Parameters ?? {}, data, context), execution);
    } catch (error) {
      const errorName = error instanceof Error ? error.name : 'Unknown';
      const retrier = state.Retry.find(({ ErrorEquals }) =>
        ErrorEquals.some((each) => each === errorName || each === 'States.ALL'),
      );
      const attempt = (retrier && attempts.get(retrier)) ?? 0;
      if (!retrier || attempt >= retrier.MaxAttempts) {
        this.#fail(execution, name, data, error);
        return;
      }
      attempts.set(retrier, attempt + 1);
      const longest = Math.min(retrier.IntervalSeconds * retrier.BackoffRate ** attempt, retrier.MaxDelaySeconds);
      const seconds = retrier.JitterStrategy === 'FULL' ? random.between(0, longest) : longest;
      clock.after(seconds * SECOND, () => this.#attempt(execution, name, state, data, attempts));
      return;
    }
    const next = state.ResultPath === null ? data : { ...(data as object), [state.ResultPath.slice(2)]: result };
    const json = JSON.stringify(next);
    record(execution, 'state', json);
    if (Buffer.byteLength(json) > STATE_LIMIT) {
      this.#fail(execution, name, data, Object.assign(new Error('too large'), { name: 'States.DataLimitExceeded' }));
      return;
    }
    await this.#enter(execution, state.Next, JSON.parse(json));
  }

  #fail(execution: Execution, state: string, data: unknown, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown.name : 'Unknown';
    const cause = JSON.stringify({ errorType: error, errorMessage: thrown instanceof Error ? thrown.message : '' });
    this.#options.record(execution, 'cause', cause);
    execution.failedAt = { state, data };
    this.#end(execution, { status: 'FAILED', error, cause });
  }

  #end(execution: Execution, end: Pick<Execution, 'status' | 'error' | 'cause'>): void {
    execution.events += 1;
    Object.assign(execution, { ...end, stopDate: this.#options.clock.now });
    this.#options.ended(execution);
  }
}
