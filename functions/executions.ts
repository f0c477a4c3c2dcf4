import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ExecutionAlreadyExists,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Order } from './order.ts';

/** The state machine, and the way to it. */
export interface Executions {
  readonly stateMachineArn: string;
  readonly sfn: SFNClient;
}

/**
 * Starts the collection of an order under a name of `executionName`.
 *
 * @returns false where an execution of this name is there already. One that runs with the same input counts as started:
 *   Step Functions then answers as it did the first time, and starts nothing.
 */
export async function startExecution(
  { stateMachineArn, sfn }: Executions,
  name: string,
  input: Order,
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

/** @throws {ExecutionDoesNotExist} where there is none of this name, or none any more: 90 days after its end. */
export function describeExecution(
  { stateMachineArn, sfn }: Executions,
  name: string,
): Promise<DescribeExecutionCommandOutput> {
  return sfn.send(new DescribeExecutionCommand({ executionArn: executionArn(stateMachineArn, name) }));
}

/** The ARN of an execution, made of its state machine's. */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
