import {
  ExecutionDoesNotExist,
  paginateListExecutions,
  type SFNClient,
  StateMachineDoesNotExist,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { inBatches } from '../../functions/batches.ts';
import { CollectorError } from '../../functions/collector-error.ts';
import { COLLECTOR_REMOVED } from '../../functions/ended-execution.ts';
import { withAwsErrors } from './aws.ts';
import { LOSS_OF_PUBLICATIONS, settingsInOutputs } from './outputs.ts';
import type { DeployedStack } from './stacks.ts';

/** The most waiting orders that are listed by name. */
const LISTED = 50;

/** Step Functions refills 25 calls of StopExecution a second (AWS: Step Functions service quotas, us-east-1). */
const BATCH = 20;

/** How often executions are listed again before the command gives up, and the pause in between. */
const ROUNDS = 60;
const PAUSE_MILLISECONDS = 1_000;

/** Executions are still running although they were stopped. */
export class ExecutionsNotStoppedError extends CollectorError {
  override readonly name = 'ExecutionsNotStoppedError';
}

/** What the deletion of a collector needs. */
export interface DownOptions {
  readonly stackName: string;
  /** Reads the stack; undefined if it is not deployed. */
  readonly readStack: () => Promise<DeployedStack | undefined>;
  readonly sfn: SFNClient;
  /**
   * Runs `cdk destroy` and returns its exit code. Undefined outside of the repository: the owner of the app deletes the
   * collector.
   */
  readonly destroy: (() => Promise<number>) | undefined;
  /** The command that the user typed, for messages: `npm run down`. */
  readonly command: string;
  readonly print: (line: string) => void;
  /** Asks the user. */
  readonly confirm: () => Promise<boolean>;
  readonly wait: (milliseconds: number) => Promise<unknown>;
  readonly region: string;
  /** What the user agrees to remove. */
  readonly remove: readonly string[];
}

/** How the command ended. */
export interface DownResult {
  /** `stopped`: all orders are stopped, and the user deletes the stack with `next`. */
  readonly outcome: 'removed' | 'stopped' | 'missing' | 'refused' | 'failed';
  readonly stackName: string;
  /** The executions that waited, and that were stopped unless the outcome is `refused`. */
  readonly waiting: readonly string[];
  /** A command to type. */
  readonly next?: string;
}

/**
 * Stops the executions of all waiting orders, then deletes the stack. A state machine is deleted only after its last
 * execution has ended, so `cdk destroy` alone would wait for hours (AWS: "Why is my Step Functions state machine stuck
 * in the DELETING status?").
 *
 * @throws {AwsUnavailableError} if AWS cannot be read.
 * @throws {ExecutionsNotStoppedError} if executions run in spite of being stopped.
 */
export async function down(options: DownOptions): Promise<DownResult> {
  const { stackName, readStack, sfn, destroy, command, print, confirm, region, remove } = options;
  const stack = await readStack();
  if (!stack) {
    print(
      `No stack ${stackName} is deployed in ${region}. Select another account or region with --profile and --region.`,
    );
    return { outcome: 'missing', stackName, waiting: [] };
  }
  const settings = stack.settings ?? settingsInOutputs(stack.outputs);
  const waiting = await listRunning(sfn, stack);
  const ended = (outcome: DownResult['outcome'], next?: string): DownResult => ({
    outcome,
    stackName,
    waiting: waiting.map(({ name = '' }) => name),
    ...(next !== undefined && { next }),
  });
  for (const line of describeDeletion(stack, settings, waiting, region)) {
    print(line);
  }
  // Checked first: cdk destroy would fail after every order was stopped.
  if (stack.isProtected && !stack.isOfOtherApp) {
    const next = `aws cloudformation update-termination-protection --region ${region} --no-enable-termination-protection --stack-name ${stack.name}`;
    print(`\nRefused, because termination protection is on for this stack. To turn it off:\n  ${next}`);
    return ended('refused', next);
  }
  if (settings.publish === true && !remove.includes('publish')) {
    print(
      `\nRefused, because this collector publishes at ${stack.outputs.PublishedUrl}: ${LOSS_OF_PUBLICATIONS}.\n` +
        'First remove the BIMI records from the DNS. Then add: --remove publish',
    );
    return ended('refused');
  }
  if (!(await confirm())) {
    print('Nothing was changed.');
    return ended('refused');
  }
  await stopAll(options, stack, waiting);
  if (!destroy) {
    const next = `npx cdk ${stack.isOfOtherApp ? 'deploy' : 'destroy'} ${stack.name}`;
    print(
      stack.isOfOtherApp
        ? 'Now remove the collector from the app that contains it, before another event starts an execution. Then deploy the app, ' +
            `which deletes the collector:\n  ${next}`
        : 'Now delete the stack, before another event starts an execution. In the folder of its app, type:\n' +
            `  ${next}`,
    );
    return ended('stopped', next);
  }
  if ((await destroy()) !== 0) {
    print(`\nThe stack is not deleted completely. Fix the cause above, then run ${command} again.`);
    return ended('failed', command);
  }
  print(
    `\nThe stack ${stack.name} is deleted.${settings.removalPolicy === 'destroy' ? '' : ` The bucket ${stack.outputs.BucketName ?? 'of the stack'} is still there.`}`,
  );
  return ended('removed');
}

function describeDeletion(
  { name, outputs, isOfOtherApp }: DeployedStack,
  settings: NonNullable<DeployedStack['settings']>,
  waiting: readonly Execution[],
  region: string,
): string[] {
  const bucket = outputs.BucketName ?? 'of the stack';
  const stops =
    waiting.length === 0
      ? '  - No order is waiting.'
      : `  - ${waiting.length} waiting ${waiting.length === 1 ? 'order is' : 'orders are'} stopped:`;
  return [
    isOfOtherApp
      ? `This prepares the deletion of the collector ${settings.name} from the stack ${name} in ${region}:`
      : `This deletes the stack ${name} in ${region}:`,
    stops,
    ...waiting
      .slice(0, LISTED)
      .map((each) => `      ${each.name}, since ${each.startDate?.toISOString() ?? 'an unknown time'}`),
    ...(waiting.length > LISTED ? [`      and ${waiting.length - LISTED} more`] : []),
    settings.removalPolicy === 'destroy'
      ? `  - The bucket ${bucket} is deleted if it is empty. If it is not, the deletion fails at the bucket.`
      : `  - The bucket ${bucket} stays, with every certificate and every version.`,
    isOfOtherApp
      ? '  - A login that the collector created is deleted at once, and cannot be restored. What the app passes to the collector stays. Dead letters, logs and alarms are deleted.'
      : '  - The login of the default account at the CA is deleted at once, and cannot be restored. Dead letters, logs and alarms are deleted too.',
    '  - The secrets of other accounts at the CA stay: you created them.',
    ...(settings.push === true ? ['  - The push URL is deleted: notifications of the CA fail from then on.'] : []),
    ...(settings.publish === true
      ? [`  - Everything published at ${outputs.PublishedUrl} is no longer available.`]
      : []),
  ];
}

interface Execution {
  readonly name?: string | undefined;
  readonly executionArn?: string | undefined;
  readonly startDate?: Date | undefined;
}

/** A deletion that failed may have left a stack without the state machine, or without outputs: then nothing runs. */
function listRunning(client: SFNClient, { outputs }: DeployedStack): Promise<Execution[]> {
  return withAwsErrors('The waiting orders cannot be listed', async () => {
    const running: Execution[] = [];
    if (outputs.StateMachineArn === undefined) {
      return running;
    }
    try {
      const request = { stateMachineArn: outputs.StateMachineArn, statusFilter: 'RUNNING' } as const;
      for await (const { executions = [] } of paginateListExecutions({ client }, request)) {
        running.push(...executions);
      }
    } catch (error) {
      if (!(error instanceof StateMachineDoesNotExist)) {
        throw error;
      }
    }
    return running;
  });
}

/** Stops executions until none is left. An event that arrives in between starts another one. */
async function stopAll(
  { sfn, print, wait, command }: DownOptions,
  stack: DeployedStack,
  waiting: readonly Execution[],
): Promise<void> {
  let running = waiting;
  for (let round = 0; running.length > 0; round += 1) {
    if (round === ROUNDS) {
      throw new ExecutionsNotStoppedError(
        `${running.length} executions are still running, for example ${running[0]?.name}. Nothing was deleted. Run ${command} again.`,
      );
    }
    await stop(sfn, running, command);
    running = await listRunning(sfn, stack);
    if (running.length > 0) {
      await wait(PAUSE_MILLISECONDS);
      running = await listRunning(sfn, stack);
    }
  }
  print(waiting.length === 0 ? '' : 'All orders are stopped.');
}

function stop(sfn: SFNClient, running: readonly Execution[], command: string): Promise<void> {
  return withAwsErrors('The waiting orders cannot be stopped', async () => {
    for (const batch of inBatches(running, BATCH)) {
      await Promise.all(
        batch.map(({ executionArn }) =>
          sfn
            .send(
              new StopExecutionCommand({
                executionArn,
                error: COLLECTOR_REMOVED,
                cause: `The collector is being deleted with ${command}. To collect the order with another one, send its event again.`,
              }),
            )
            .catch((error) => {
              if (!(error instanceof ExecutionDoesNotExist)) {
                throw error;
              }
            }),
        ),
      );
    }
  });
}
