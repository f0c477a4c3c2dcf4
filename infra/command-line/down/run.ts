import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SFNClient } from '@aws-sdk/client-sfn';
import { requireCredentials, selectAws } from '../../deployed/aws.ts';
import { CdkError, isInRepository, type RunCdk, runCdk, runCdkOnStderr, synthesize } from '../../deployed/cdk.ts';
import { type DownOptions, type DownResult, down, ExecutionsNotStoppedError } from '../../deployed/down.ts';
import { readStack } from '../../deployed/stacks.ts';
import { withCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError, UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';

/** The options as the user typed them. */
export interface DownCommandOptions extends CollectorOptions {
  readonly yes?: true;
  readonly remove?: 'publish';
  readonly json?: true;
}

const EXIT_CODE_OF = {
  removed: EXIT_CODES.success,
  stopped: EXIT_CODES.success,
  missing: EXIT_CODES.unavailable,
  refused: EXIT_CODES.problem,
  failed: EXIT_CODES.problem,
} as const satisfies Record<DownResult['outcome'], ExitCode>;

/** Stops the orders of a collector, and deletes its stack in the repository. */
export async function runDown(
  terminal: Terminal,
  options: DownCommandOptions,
  cdk: RunCdk = options.json ? runCdkOnStderr : runCdk,
): Promise<ExitCode> {
  try {
    return await removeCollector(terminal, options, cdk);
  } catch (error) {
    if (error instanceof CdkError || error instanceof ExecutionsNotStoppedError) {
      throw new CommandError(error.message, {
        exitCode: EXIT_CODES.problem,
        next: `Fix the cause, then type the command again: ${commandText(['down'], options)}`,
        cause: error,
      });
    }
    throw error;
  }
}

async function removeCollector(terminal: Terminal, options: DownCommandOptions, cdk: RunCdk): Promise<ExitCode> {
  const { yes, remove, json } = options;
  if (!yes && !terminal.isInteractive) {
    throw new UsageError('This command asks for a confirmation, and there is no terminal. Without one, add --yes.');
  }
  const { region, stackName, readStack, destroy } = await findStack(terminal, options, cdk);
  // StopExecution has a low limit of calls: wait instead of failing.
  const sfn = new SFNClient({ retryMode: 'adaptive', maxAttempts: 10 });
  try {
    const result = await withCommandErrors('The collector cannot be deleted', () =>
      down({
        stackName,
        readStack,
        sfn,
        destroy,
        command: commandText(['down'], options),
        // With --json, standard output has the result only.
        print: json ? terminal.note : terminal.print,
        confirm: async () => {
          if (yes) {
            return true;
          }
          const { askYesOrNo } = await import('../prompts.ts');
          return askYesOrNo(destroy ? 'Delete it?' : 'Continue?', { input: terminal.input, output: process.stderr });
        },
        wait: terminal.wait,
        region,
        remove: remove === undefined ? [] : [remove],
      }),
    );
    if (json) {
      printJson(terminal, result);
    }
    return EXIT_CODE_OF[result.outcome];
  } finally {
    sfn.destroy();
  }
}

type FoundStack = Pick<DownOptions, 'region' | 'stackName' | 'readStack' | 'destroy'>;

/**
 * In the repository, the stack is the one of its app. That works too if a deletion has failed half-way. If it is not
 * deployed, another app may contain the collector.
 */
async function findStack(terminal: Terminal, options: DownCommandOptions, cdk: RunCdk): Promise<FoundStack> {
  const own = isInRepository(terminal.folder) ? await findOwnStack(options, cdk) : undefined;
  return own ?? findAnyStack(terminal, options);
}

function findAnyStack(terminal: Terminal, options: DownCommandOptions): Promise<FoundStack> {
  return withCollector(options, terminal, async ({ region, stack }) => ({
    region,
    stackName: stack.name,
    readStack: async () => stack,
    destroy: undefined,
  }));
}

async function findOwnStack(options: DownCommandOptions, cdk: RunCdk): Promise<FoundStack | undefined> {
  return withCommandErrors('AWS cannot be used', async () => {
    const region = await selectAws(options);
    const cloudFormation = new CloudFormationClient();
    await requireCredentials(cloudFormation);
    const context = options.collector === undefined ? [] : [`name=${options.collector}`];
    const { stackName, assembly } = await synthesize(cdk, context);
    const stack = await readStack(cloudFormation, stackName);
    return (
      stack && {
        region,
        stackName,
        readStack: async () => stack,
        destroy: () => cdk(['destroy', '--app', assembly, '--force']),
      }
    );
  });
}
