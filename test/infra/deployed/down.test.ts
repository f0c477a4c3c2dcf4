import { SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, onTestFinished, test } from 'vitest';
import { down, ExecutionsNotStoppedError } from '../../../infra/deployed/down.ts';
import { readStack } from '../../../infra/deployed/stacks.ts';
import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import type { ServedStack } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { cloudFormationWith, collectorWith, deployedAs, recordingCdk } from './app.ts';

const MACHINE = 'arn:aws:states:eu-central-1:111122223333:stateMachine:Machine';

/** Executions on a Step Functions endpoint. One page has two of them. */
async function stepFunctionsWith({ names, arriving = [], stuck = false, isMachineDeleted = false }: Waiting) {
  const running = [...names];
  const later = [...arriving];
  const stopped: Record<string, unknown>[] = [];
  const endpoint = await startAwsJsonEndpoint({
    'AWSStepFunctions.ListExecutions': ({ stateMachineArn, statusFilter, nextToken }) => {
      expect({ stateMachineArn, statusFilter }).toEqual({ stateMachineArn: MACHINE, statusFilter: 'RUNNING' });
      if (isMachineDeleted) {
        throw new ServiceError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${MACHINE}'`);
      }
      const from = Number(nextToken ?? 0);
      return {
        executions: running.slice(from, from + 2).map((name) => ({
          name,
          executionArn: `${MACHINE.replace('stateMachine', 'execution')}:${name}`,
          startDate: 1_795_000_000,
        })),
        ...(from + 2 < running.length && { nextToken: String(from + 2) }),
      };
    },
    'AWSStepFunctions.StopExecution': (input) => {
      stopped.push(input);
      const name = String(input.executionArn).split(':').at(-1);
      if (!stuck) {
        running.splice(running.indexOf(name ?? ''), 1, ...later.splice(0, 1));
      }
      return { stopDate: 1_795_000_001 };
    },
  });
  const client = new SFNClient({
    endpoint: endpoint.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  onTestFinished(async () => {
    client.destroy();
    await endpoint.close();
  });
  return { client, running, stopped };
}

interface Waiting {
  /** Running executions. */
  readonly names: readonly string[];
  /** Executions that start while others are stopped. */
  readonly arriving?: readonly string[];
  /** Whether executions keep running. */
  readonly stuck?: boolean;
  readonly isMachineDeleted?: boolean;
}

interface Run extends Partial<Waiting> {
  readonly settings?: Readonly<Record<string, string>>;
  readonly isDeployed?: boolean;
  /** What differs in the description of the stack. */
  readonly stack?: Partial<ServedStack>;
  readonly remove?: readonly string[];
  readonly answer?: boolean;
  readonly exitCode?: number;
  readonly isRepository?: boolean;
}

async function run(options: Run) {
  const {
    settings = {},
    isDeployed = true,
    stack = {},
    remove = [],
    answer = true,
    exitCode = 0,
    isRepository = true,
    ...waiting
  } = options;
  const collector = await collectorWith(settings);
  const outputs = { StateMachineArn: MACHINE, PublishedUrl: 'https://d1.cloudfront.net' };
  const { client, running, stopped } = await stepFunctionsWith({ names: [], ...waiting });
  const { cdk, calls } = recordingCdk(exitCode);
  const cloudFormation = await cloudFormationWith(
    ...(isDeployed ? [{ ...deployedAs(collector, outputs), ...stack }] : []),
  );
  const lines: string[] = [];
  let asked = 0;
  const {
    outcome,
    waiting: listed,
    next,
  } = await down({
    stackName: collector.stackName,
    readStack: () => readStack(cloudFormation, collector.stackName),
    sfn: client,
    // The state machine can be deleted only after its last execution.
    destroy: isRepository
      ? () => {
          expect(running).toEqual([]);
          return cdk(['destroy', '--app', collector.assembly]);
        }
      : undefined,
    command: 'npm run down',
    print: (line) => lines.push(line),
    confirm: async () => {
      asked += 1;
      return answer;
    },
    wait: async () => {},
    region: 'eu-central-1',
    remove,
  });
  return { outcome, listed, next, output: lines.join('\n'), calls, asked, stopped, assembly: collector.assembly };
}

describe('The deletion of a collector', () => {
  test('lists and stops every waiting order with an error and a cause, then runs cdk destroy.', async () => {
    const names = ['order-1', 'order-2', 'order-3', 'order-4', 'order-5'];
    const { outcome, output, calls, asked, stopped, assembly } = await run({ names });
    expect({ outcome, asked }).toEqual({ outcome: 'removed', asked: 1 });
    expect(stopped.map(({ executionArn }) => String(executionArn).split(':').at(-1)).toSorted()).toEqual(names);
    expect(stopped).toContainEqual(
      expect.objectContaining({ error: 'CollectorRemoved', cause: expect.stringContaining('send its event again') }),
    );
    expect(calls).toEqual([['destroy', '--app', assembly]]);
    expect(output).toContain('5 waiting orders are stopped');
    expect(output).toContain('order-5, since 2026-11-18');
    expect(output).toContain('The bucket the-bucket stays');
    expect(output).toContain('The bucket the-bucket is still there.');
  });

  test('stops the orders outside of the repository too, and prints the command that deletes the stack.', async () => {
    const { outcome, output, calls, stopped, listed, next } = await run({ names: ['order-1'], isRepository: false });
    expect({ outcome, calls, listed }).toEqual({ outcome: 'stopped', calls: [], listed: ['order-1'] });
    expect(stopped).toHaveLength(1);
    expect(next).toBe('npx cdk destroy MarkCertificateCollector');
    expect(output).toMatch(/^ {2}npx cdk destroy MarkCertificateCollector$/m);
    expect(output).not.toContain('is deleted.\n');
  });

  test('also stops orders that arrive while it stops others.', async () => {
    const { outcome, stopped } = await run({ names: ['order-1'], arriving: ['order-2', 'order-3'] });
    expect(outcome).toBe('removed');
    expect(stopped).toHaveLength(3);
  });

  test('asks for a confirmation even if no order waits, and changes nothing without it.', async () => {
    const { outcome, calls, asked, stopped } = await run({ answer: false });
    expect({ outcome, calls, asked, stopped }).toEqual({ outcome: 'refused', calls: [], asked: 1, stopped: [] });
  });

  test('stops nothing without a confirmation.', async () => {
    expect(await run({ names: ['order-1'], answer: false })).toMatchObject({ outcome: 'refused', stopped: [] });
  });

  test('of one that publishes needs --remove publish, and the refusal contains the loss.', async () => {
    const refused = await run({ settings: { publish: 'true' }, names: ['order-1'] });
    expect(refused).toMatchObject({ outcome: 'refused', asked: 0, stopped: [], calls: [] });
    expect(refused.output).toContain('Refused, because this collector publishes at https://d1.cloudfront.net');
    expect(refused.output).toContain('mailboxes show no logo');
    expect(await run({ settings: { publish: 'true' }, remove: ['publish'] })).toMatchObject({ outcome: 'removed' });
  });

  test('says that a bucket with the setting "destroy" is deleted only if it is empty.', async () => {
    const { output } = await run({ settings: { removalPolicy: 'destroy' } });
    expect(output).toContain('The bucket the-bucket is deleted if it is empty.');
    expect(output).not.toContain('is still there');
  });

  test('does nothing if the stack does not exist, and the message contains stack and region.', async () => {
    const { outcome, output, calls } = await run({ isDeployed: false, settings: { name: 'acme' } });
    expect({ outcome, calls }).toEqual({ outcome: 'missing', calls: [] });
    expect(output).toContain('No stack MarkCertificateCollector-acme is deployed in eu-central-1.');
  });

  test('says how to continue if cdk fails.', async () => {
    const { outcome, output } = await run({ exitCode: 1 });
    expect(outcome).toBe('failed');
    expect(output).toContain('run npm run down again');
  });

  test('can be repeated after a deletion that failed when the state machine was gone.', async () => {
    const stack = { status: 'DELETE_FAILED' };
    for (const attempt of [{ stack, isMachineDeleted: true }, { stack: { ...stack, outputs: {} } }]) {
      const { outcome, output } = await run(attempt);
      expect(outcome).toBe('removed');
      expect(output).toContain('No order is waiting.');
    }
  });

  test('stops nothing if termination protection is on, and the message contains the command that turns it off.', async () => {
    const { outcome, output, calls, asked, stopped } = await run({ names: ['order-1'], stack: { isProtected: true } });
    expect({ outcome, calls, asked, stopped }).toEqual({ outcome: 'refused', calls: [], asked: 0, stopped: [] });
    expect(output).toContain(
      'aws cloudformation update-termination-protection --region eu-central-1 --no-enable-termination-protection --stack-name MarkCertificateCollector',
    );
  });

  test('ends without cdk destroy if an execution keeps running.', async () => {
    const deletion = run({ names: ['order-1'], stuck: true });
    await expect(deletion).rejects.toThrow(ExecutionsNotStoppedError);
    await expect(deletion).rejects.toThrow('1 executions are still running, for example order-1. Nothing was deleted.');
  });
});
