import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';

export const STATE_MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';

export interface RunningExecutions {
  readonly url: string;
  /** The names of the running executions. */
  readonly running: Set<string>;
  /** How many requests the server received. */
  readonly requests: number;
  /** Runs before each request, with its number from 1. It can change what runs, or throw. */
  before: (request: number) => void;
  close(): Promise<void>;
}

/** ListExecutions of Step Functions on loopback, with pages of the requested size. It lists running executions only. */
export async function startRunningExecutions(): Promise<RunningExecutions> {
  const running = new Set<string>();
  let requests = 0;
  const endpoint = await startAwsJsonEndpoint({
    'AWSStepFunctions.ListExecutions': ({ stateMachineArn, statusFilter, maxResults, nextToken }) => {
      server.before(++requests);
      if (stateMachineArn !== STATE_MACHINE_ARN || statusFilter !== 'RUNNING' || Number(maxResults) > 1000) {
        throw new ServiceError('ValidationException', 'the request is not accepted');
      }
      const first = Number(nextToken ?? 0);
      const next = first + Number(maxResults);
      return {
        executions: [...running].slice(first, next).map((name) => ({
          executionArn: `${STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:${name}`,
          stateMachineArn,
          name,
          status: 'RUNNING',
          startDate: 1_790_000_000,
        })),
        ...(next < running.size && { nextToken: String(next) }),
      };
    },
  });
  const server: RunningExecutions = {
    ...endpoint,
    running,
    get requests() {
      return requests;
    },
    before: () => {},
  };
  return server;
}
