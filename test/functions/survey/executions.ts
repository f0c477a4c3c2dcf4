import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { withoutHttp } from '../../aws-json-direct.ts';

export const STATE_MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';

/** An execution that ended, with dates in ISO 8601. */
export interface EndedSample {
  readonly name: string;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  readonly startDate: string;
  readonly stopDate: string;
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface ExecutionsServer {
  readonly url: string;
  /** The names of the running executions. */
  readonly running: Set<string>;
  /** The inputs of the executions that were started, by name. */
  readonly started: ReadonlyMap<string, unknown>;
  /** Runs before an execution is started. It can throw. */
  beforeStart: (name: string) => void;
  /** What ended. */
  readonly ended: EndedSample[];
  /** How many requests for running executions the server received. */
  readonly requests: number;
  /** How many requests for executions that ended the server received. */
  readonly endedRequests: number;
  /** The names of the executions that were described. */
  readonly described: readonly string[];
  /** Runs before each request for running executions, with its number from 1. It can change what runs, or throw. */
  before: (request: number) => void;
  /** Runs before each request for executions that ended, with its number from 1. It can throw. */
  beforeEnded: (request: number) => void;
  /** Runs before an execution is described. It can change the executions, or throw. */
  beforeDescribe: (name: string) => Promise<void> | void;
  /** Forgets all executions and requests. */
  clear(): void;
  close(): Promise<void>;
}

/**
 * ListExecutions, StartExecution and DescribeExecution of Step Functions on loopback, with pages of the requested size. It describes
 * only executions that ended; a running one has no end.
 */
export async function startExecutionsServer(): Promise<ExecutionsServer> {
  const running = new Set<string>();
  const ended: EndedSample[] = [];
  const described: string[] = [];
  const started = new Map<string, unknown>();
  let requests = 0;
  let endedRequests = 0;
  const summaryOf = ({ startDate, stopDate, ...end }: EndedSample) => ({
    ...idOf(end.name),
    ...end,
    startDate: Date.parse(startDate) / 1000,
    stopDate: Date.parse(stopDate) / 1000,
  });
  const runningOf = (name: string) => ({ ...idOf(name), status: 'RUNNING', startDate: 1_790_000_000 });
  const endpoint = await startAwsJsonEndpoint({
    'AWSStepFunctions.ListExecutions': ({ stateMachineArn, statusFilter, maxResults, nextToken }) => {
      if (statusFilter === 'RUNNING') {
        server.before(++requests);
      } else {
        server.beforeEnded(++endedRequests);
      }
      if (stateMachineArn !== STATE_MACHINE_ARN || statusFilter === undefined || Number(maxResults) > 1000) {
        throw new ServiceError('ValidationException', 'the request is not accepted');
      }
      const all =
        statusFilter === 'RUNNING'
          ? [...running].map(runningOf)
          : ended
              .filter(({ status }) => status === statusFilter)
              .map(({ input: _input, output: _output, error: _error, cause: _cause, ...end }) => summaryOf(end));
      const first = Number(nextToken ?? 0);
      const next = first + Number(maxResults);
      return { executions: all.slice(first, next), ...(next < all.length && { nextToken: String(next) }) };
    },
    'AWSStepFunctions.StartExecution': ({ stateMachineArn, name, input }) => {
      const execution = String(name);
      server.beforeStart(execution);
      if (stateMachineArn !== STATE_MACHINE_ARN) {
        throw new ServiceError('StateMachineDoesNotExist', String(stateMachineArn));
      }
      if (started.has(execution)) {
        throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${execution}'`);
      }
      started.set(execution, JSON.parse(String(input)));
      return { ...idOf(execution), startDate: 1_790_000_000 };
    },
    'AWSStepFunctions.DescribeExecution': async ({ executionArn }) => {
      const name = String(executionArn).slice(EXECUTION_ARN.length);
      described.push(name);
      await server.beforeDescribe(name);
      if (running.has(name)) {
        return runningOf(name);
      }
      const end = ended.find((each) => EXECUTION_ARN + each.name === executionArn);
      if (!end) {
        throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      }
      return summaryOf(end);
    },
  });
  const server: ExecutionsServer = {
    ...withoutHttp(endpoint),
    running,
    started,
    ended,
    described,
    get requests() {
      return requests;
    },
    get endedRequests() {
      return endedRequests;
    },
    ...IDLE,
    clear() {
      running.clear();
      started.clear();
      ended.length = 0;
      described.length = 0;
      requests = 0;
      endedRequests = 0;
      Object.assign(server, IDLE);
    },
  };
  return server;
}

const IDLE = { before: () => {}, beforeEnded: () => {}, beforeDescribe: () => {}, beforeStart: () => {} };

const EXECUTION_ARN = `${STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:`;

function idOf(name: string) {
  return { executionArn: EXECUTION_ARN + name, stateMachineArn: STATE_MACHINE_ARN, name };
}
