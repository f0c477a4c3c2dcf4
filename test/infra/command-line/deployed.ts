import { onTestFinished, vi } from 'vitest';
import { type Action, ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { type ServedStack, startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { STACK_DESCRIPTION, stackNameOf } from '../../../infra/stack-names.ts';
import { withoutHttp } from '../../aws-json-direct.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';

export const MACHINE = 'arn:aws:states:eu-central-1:111122223333:stateMachine:Machine';

/** A stack of a collector, as CloudFormation describes it. */
export function stackNamed(name: string, outputs: Readonly<Record<string, string>> = {}): ServedStack {
  return {
    name: stackNameOf(name),
    description: STACK_DESCRIPTION,
    outputs: {
      BucketName: 'the-bucket',
      StateMachineArn: MACHINE,
      CredentialsSecretArn: `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}/credentials-AbCdEf`,
      Settings: JSON.stringify({
        name,
        eventSource: 'mark-certificates',
        eventBusName: 'default',
        pollEvery: 'PT3H',
        giveUpAfter: 'P90D',
      }),
      ...outputs,
    },
  };
}

export interface DeployedOptions {
  /** Default: one collector with the default name. */
  readonly stacks?: readonly ServedStack[];
  /** Whether CloudFormation describes all stacks, or only one by its name. */
  readonly mayListStacks?: boolean;
  /** What Step Functions, EventBridge and Secrets Manager answer, by `X-Amz-Target`. */
  readonly actions?: Readonly<Record<string, Action>>;
}

/** AWS with deployed collectors, which the environment of this process selects until the end of the test. */
export async function deployed({
  stacks = [stackNamed('mark-certificate-collector')],
  mayListStacks = true,
  actions = {},
}: DeployedOptions = {}): Promise<S3Server> {
  const [cloudFormation, s3, services] = await Promise.all([
    startCloudFormation(stacks, { mayListStacks }),
    startDirectS3Server(),
    startAwsJsonEndpoint(actions).then(withoutHttp),
  ]);
  stubAws({
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL: services.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: services.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: services.url,
    AWS_ENDPOINT_URL_SFN: services.url,
    // Clients that repeat requests use HTTP.
    AWS_MAX_ATTEMPTS: '1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'eu-central-1',
  });
  onTestFinished(async () => {
    await Promise.all([cloudFormation.close(), s3.close(), services.close()]);
  });
  return s3;
}

/** Removes the AWS variables of this process and sets others, until the end of the test. */
export function stubAws(environment: Readonly<Record<string, string>>): void {
  const names = Object.keys(process.env).filter((name) => name.startsWith('AWS_'));
  // Commands set these.
  for (const name of [...names, 'AWS_PROFILE', 'AWS_DEFAULT_REGION', 'AWS_REGION']) {
    vi.stubEnv(name, undefined);
  }
  const files = {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  for (const [name, value] of Object.entries({ ...files, ...environment })) {
    vi.stubEnv(name, value);
  }
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

/** Stores an object; an object that is not text or bytes is stored as JSON. */
export async function put(server: S3Server, key: string, content: string | Uint8Array | object): Promise<void> {
  const isRaw = typeof content === 'string' || content instanceof Uint8Array;
  const body = Buffer.from(isRaw ? content : JSON.stringify(content));
  const request = { method: 'PUT', key, query: new URLSearchParams(), headers: {}, client: 'test' };
  await server.receive(request, body);
}

/** Step Functions with executions: what runs, and when each of them asks the CA again. */
export function stepFunctionsWith(
  statuses: Readonly<Record<string, 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED'>>,
  nextCheckAt?: string,
): Readonly<Record<string, Action>> {
  const arnOf = (name: string) => `${MACHINE.replace(':stateMachine:', ':execution:')}:${name}`;
  const summary = (name: string) => ({
    executionArn: arnOf(name),
    stateMachineArn: MACHINE,
    name,
    status: statuses[name],
    startDate: 1_795_000_000,
  });
  return {
    'AWSStepFunctions.DescribeExecution': ({ executionArn }) => {
      const name = Object.keys(statuses).find((each) => arnOf(each) === executionArn);
      if (name === undefined) {
        throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      }
      return summary(name);
    },
    'AWSStepFunctions.ListExecutions': ({ statusFilter }) => ({
      executions: Object.keys(statuses)
        .filter((name) => statuses[name] === statusFilter)
        .map(summary),
    }),
    'AWSStepFunctions.GetExecutionHistory': ({ reverseOrder }) => ({
      events: [
        { id: 7, type: 'TaskStateExited' },
        {
          id: 8,
          type: 'WaitStateEntered',
          stateEnteredEventDetails: {
            name: 'Wait',
            input: JSON.stringify({ orderNumber: '1', collection: { outcome: 'waiting', nextCheckAt } }),
          },
        },
      ].toSorted((a, b) => (reverseOrder ? b.id - a.id : a.id - b.id)),
    }),
  };
}
