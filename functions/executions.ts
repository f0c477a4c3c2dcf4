import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type ExecutionListItem,
  type ExecutionStatus,
  paginateListExecutions,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Order } from './order.ts';

/** The state machine and the client to use it. */
export interface Executions {
  readonly stateMachineArn: string;
  readonly sfn: SFNClient;
}

/**
 * Starts the collection of an order.
 *
 * @param name a name that begins with the result of `executionName`.
 * @returns false if an execution of this name exists already. If it is running with the same input, the result is true:
 * Step Functions then repeats its first response and starts nothing.
 */
export async function startExecution(
  { stateMachineArn, sfn }: Executions,
  name: string,
  input: Order & { readonly once?: boolean; readonly delaySeconds?: number },
): Promise<boolean> {
  try {
    await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    return true;
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) {
      return false;
    }
    throw error;
  }
}

/**
 * Reads the input and the outcome of an execution.
 *
 * @throws {ExecutionDoesNotExist} if there is no execution of this name. Step Functions deletes one 90 days after its
 * end.
 */
export function describeExecution(
  { stateMachineArn, sfn }: Executions,
  name: string,
): Promise<DescribeExecutionCommandOutput> {
  return sfn.send(new DescribeExecutionCommand({ executionArn: executionArn(stateMachineArn, name) }));
}

/** {@link describeExecution}; undefined if there is no execution of this name, or none any more. */
export async function findExecution(
  executions: Executions,
  name: string,
): Promise<DescribeExecutionCommandOutput | undefined> {
  try {
    return await describeExecution(executions, name);
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) {
      return undefined;
    }
    throw error;
  }
}

/** Whether an execution runs, so that it calls the CA. */
export function isRunning(execution: { readonly status?: ExecutionStatus | undefined } | undefined): boolean {
  return execution?.status === 'RUNNING' || execution?.status === 'PENDING_REDRIVE';
}

/** The maximum number of executions in one response of ListExecutions. */
const PAGE_SIZE = 1000;

/**
 * Lists the names of all running executions. 10,000 of them take ten requests. AWS allows a burst of 100 requests, and
 * then 2 a second, while it allows DescribeExecution only 250 times, and then 10 times a second (Step Functions,
 * "Service quotas", the smaller regions). The list is "eventually consistent": it may lack very recent changes
 * (ListExecutions).
 */
export async function listRunningExecutions({ stateMachineArn, sfn }: Executions): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const { name } of listExecutions({ stateMachineArn, sfn }, 'RUNNING')) {
    if (name !== undefined) {
      names.add(name);
    }
  }
  return names;
}

/** An execution that failed, timed out or was stopped. */
export interface ListedEnd {
  readonly name: string;
  /** In milliseconds since 1970, like `stopDate`. */
  readonly startDate: number;
  readonly stopDate: number;
}

/**
 * Lists the executions that failed, timed out or were stopped. Step Functions keeps them for 90 days. The list is "sorted
 * by time" (ListExecutions), but not certainly by that of the end, so a recent end can be on any page.
 */
export async function listFailedExecutions(executions: Executions): Promise<ListedEnd[]> {
  const ends: ListedEnd[] = [];
  for (const status of ['FAILED', 'TIMED_OUT', 'ABORTED'] as const) {
    for await (const { name, startDate, stopDate } of listExecutions(executions, status)) {
      if (name !== undefined && startDate && stopDate) {
        ends.push({ name, startDate: startDate.getTime(), stopDate: stopDate.getTime() });
      }
    }
  }
  return ends;
}

async function* listExecutions(
  { stateMachineArn, sfn }: Executions,
  statusFilter: ExecutionStatus,
): AsyncGenerator<ExecutionListItem> {
  const pages = paginateListExecutions({ client: sfn, pageSize: PAGE_SIZE }, { stateMachineArn, statusFilter });
  for await (const { executions = [] } of pages) {
    yield* executions;
  }
}

/** The ARN of an execution of a state machine. */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
