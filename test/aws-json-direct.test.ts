import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsJsonEndpoint, ServiceError, startAwsJsonEndpoint } from '../infra/local/cloud/aws-json-endpoint.ts';
import { createSecrets } from '../infra/local/cloud/secrets.ts';
import { withoutHttp } from './aws-json-direct.ts';

const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const EXECUTION = 'arn:aws:states:us-east-1:000000000000:execution:Collector:order-1';
const OPTIONS = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' }, maxAttempts: 1 };

/** What the endpoint received. */
const inputs: unknown[] = [];
let endpoint: AwsJsonEndpoint;

beforeAll(async () => {
  const { operations } = createSecrets({ login: 'kestrel at dawn' }, () => Date.parse('2026-11-23T12:00:00Z'));
  const secrets = Object.entries(operations).map(([name, action]) => [`secretsmanager.${name}`, action] as const);
  const execution = { executionArn: EXECUTION, stateMachineArn: MACHINE, name: 'order-1', status: 'SUCCEEDED' };
  const dates = { startDate: 1_790_000_000, stopDate: 1_790_000_000.5 };
  endpoint = withoutHttp(
    await startAwsJsonEndpoint({
      ...Object.fromEntries(secrets),
      'AWSEvents.PutEvents': (input) => {
        inputs.push(input);
        return {
          FailedEntryCount: 1,
          Entries: [{ EventId: '1' }, { ErrorCode: 'InternalFailure', ErrorMessage: 'x' }],
        };
      },
      'AWSStepFunctions.DescribeExecution': () => ({ ...execution, ...dates, input: '{}', output: '{"é":1}' }),
      'AWSStepFunctions.ListExecutions': () => ({ executions: [{ ...execution, ...dates }], nextToken: 'next' }),
      'AWSStepFunctions.StartExecution': () => {
        throw new ServiceError('ExecutionAlreadyExists', 'Execution Already Exists: order-1');
      },
      'AWSStepFunctions.StopExecution': () => {
        throw new TypeError('a mistake in the endpoint');
      },
    }),
  );
});

afterAll(() => endpoint.close());

/** What the functions read of an answer or an error. */
async function outcomeOf(client: object, command: object): Promise<object> {
  try {
    const { $metadata, ...answer } = await (client as { send(command: object): Promise<Answer> }).send(command);
    return { answer, status: $metadata.httpStatusCode };
  } catch (error) {
    const { name, message, $fault, $metadata } = error as Error & Answer & { readonly $fault: string };
    return { name, message, $fault, status: $metadata.httpStatusCode, isError: error instanceof Error };
  }
}

interface Answer {
  readonly $metadata: { readonly httpStatusCode: number };
}

const entry = {
  EventBusName: 'bus',
  Source: 's',
  DetailType: 't',
  Detail: '{"é":1}',
  Time: new Date(1_790_000_000_000),
};

describe('A client of AWS without HTTP', () => {
  test.each([
    ['sends events', EventBridgeClient, new PutEventsCommand({ Entries: [entry, entry] })],
    ['describes an execution', SFNClient, new DescribeExecutionCommand({ executionArn: EXECUTION })],
    ['lists executions', SFNClient, new ListExecutionsCommand({ stateMachineArn: MACHINE, statusFilter: 'RUNNING' })],
    ['starts an execution that exists', SFNClient, new StartExecutionCommand({ stateMachineArn: MACHINE })],
    ['gets an error without a name', SFNClient, new StopExecutionCommand({ executionArn: EXECUTION })],
    ['reads a secret', SecretsManagerClient, new GetSecretValueCommand({ SecretId: 'login' })],
    ['lists versions', SecretsManagerClient, new ListSecretVersionIdsCommand({ SecretId: 'login' })],
    ['reads no secret', SecretsManagerClient, new GetSecretValueCommand({ SecretId: 'none' })],
    [
      'reads a version that does not exist',
      SecretsManagerClient,
      new GetSecretValueCommand({ SecretId: 'login', VersionStage: 'AWSPREVIOUS' }),
    ],
    ['writes no secret', SecretsManagerClient, new PutSecretValueCommand({ SecretId: 'none', SecretString: 'x' })],
  ])('sends the same and gets the same if it %s.', async (_, Client, command) => {
    const outcomes: object[] = [];
    // The endpoint is direct under its own URL only.
    for (const url of [endpoint.url.replace('127.0.0.1', 'localhost'), endpoint.url]) {
      inputs.length = 0;
      const client = new Client({ ...OPTIONS, endpoint: url });
      outcomes.push({ outcome: await outcomeOf(client, command), inputs: [...inputs] });
      client.destroy();
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});
