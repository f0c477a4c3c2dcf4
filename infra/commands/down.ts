import { setTimeout as wait } from 'node:timers/promises';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SFNClient } from '@aws-sdk/client-sfn';
import { printableLines } from '../../functions/text.ts';
import { askYesOrNo } from '../command-line/prompts.ts';
import { AwsUnavailableError, requireCredentials, selectAws } from '../deployed/aws.ts';
import { CdkError, type RunCdk, runCdk, synthesize } from '../deployed/cdk.ts';
import { type DownResult, down, ExecutionsNotStoppedError } from '../deployed/down.ts';
import { readStack } from '../deployed/stacks.ts';
import { EXIT_CODES, isProgram, runCommand, splitArguments, UsageError } from './usage.ts';

export const USAGE = `npm run down -- [--yes] [--remove publish] [--profile NAME] [--region REGION] [-c SETTING=VALUE]... [OPTION OF cdk destroy]...

Deletes the collector that cdk.json names. First it lists the orders that wait and what is lost, and asks for a
confirmation. It then stops the orders and runs cdk destroy.

  --yes              do not ask
  --remove publish   also delete a collector whose setting publish is on: its addresses in BIMI records stop working
  --profile          the AWS profile (default: AWS_PROFILE, or the credentials in the environment)
  --region           the AWS region (default: AWS_REGION, or the region of the profile)
  -c                 a setting in place of the one in cdk.json, as name=acme to select another collector
  --output           the folder of the synthesized stack (default: cdk.out)

Exit status: 0 deleted, 1 refused or not deleted, 2 no such stack, or AWS cannot be reached or read, 64 wrong usage,
70 internal error.`;

const EXIT_CODE_OF = {
  removed: EXIT_CODES.success,
  missing: EXIT_CODES.unavailable,
  refused: EXIT_CODES.problem,
  failed: EXIT_CODES.problem,
  stopped: EXIT_CODES.success,
} as const satisfies Record<DownResult['outcome'], number>;

/** Runs the command, and returns its exit code. */
export async function main(args: string[], cdk: RunCdk = runCdk): Promise<number> {
  const { values, flags, others } = splitArguments(args, {
    values: { remove: {}, profile: {}, region: {}, context: { short: 'c' }, output: { short: 'o' } },
    flags: { help: { short: 'h' }, yes: { short: 'y' } },
  });
  if (flags.has('help')) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const { remove = [], context = [], profile, region, output } = values;
  const unknown = remove.find((each) => each !== 'publish');
  if (unknown !== undefined) {
    throw new UsageError(`--remove: ${unknown} is not accepted; accepted: publish`);
  }
  if (!flags.has('yes') && !process.stdin.isTTY) {
    throw new UsageError('This command asks for a confirmation, and there is no terminal. Without one, add --yes.');
  }
  try {
    const selected = await selectAws({ profile: profile?.at(-1), region: region?.at(-1) });
    const cloudFormation = new CloudFormationClient();
    await requireCredentials(cloudFormation);
    const collector = await synthesize(cdk, context, output?.at(-1));
    const { outcome } = await down({
      stackName: collector.stackName,
      readStack: () => readStack(cloudFormation, collector.stackName),
      // StopExecution has a low limit of calls: wait instead of failing.
      sfn: new SFNClient({ retryMode: 'adaptive', maxAttempts: 10 }),
      destroy: () => cdk(['destroy', '--app', collector.assembly, '--force', ...others]),
      command: 'npm run down',
      print: (text) => console.log(printableLines(text)),
      confirm: async () =>
        flags.has('yes') || askYesOrNo('Delete it?', { input: process.stdin, output: process.stderr }),
      wait,
      region: selected,
      remove,
    });
    return EXIT_CODE_OF[outcome];
  } catch (error) {
    if (
      error instanceof AwsUnavailableError ||
      error instanceof CdkError ||
      error instanceof ExecutionsNotStoppedError
    ) {
      console.error(printableLines(error.message));
      return error instanceof AwsUnavailableError ? EXIT_CODES.unavailable : EXIT_CODES.problem;
    }
    throw error;
  }
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, (args) => main(args));
}
