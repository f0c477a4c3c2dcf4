import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { printableLines } from '../../functions/text.ts';
import { AwsUnavailableError, requireCredentials, selectAws } from '../deployed/aws.ts';
import { CdkError, runCdk, synthesize } from '../deployed/cdk.ts';
import { REMOVABLE_SETTINGS } from '../deployed/changes.ts';
import { deploy, UnknownRemovalError } from '../deployed/deploy.ts';
import { EXIT_CODES, isProgram, runCommand, splitArguments, UsageError } from './usage.ts';

export const USAGE = `npm run deploy -- [--remove WHAT]... [--profile NAME] [--region REGION] [-c SETTING=VALUE]... [OPTION OF cdk deploy]...

Deploys the collector with the settings under "context" in cdk.json. First it compares them with the settings of the
deployed stack and prints every difference. It refuses to remove what people depend on, unless --remove names it.

  --remove    something that this deployment may remove; may be repeated:
              ${REMOVABLE_SETTINGS.join(', ')},
              or a resource that a refusal names
  --profile   the AWS profile (default: AWS_PROFILE, or the credentials in the environment)
  --region    the AWS region (default: AWS_REGION, or the region of the profile)
  -c          a setting for this deployment only: the next deployment without it changes the setting back
  --output    the folder of the synthesized stack (default: cdk.out)

All other options are passed on to cdk deploy, for example --require-approval never.

Exit status: 0 deployed, 1 refused or not deployed, 2 AWS cannot be reached or read, 64 wrong usage, 70 internal error.`;

/** Runs the command, and returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const { values, flags, others } = splitArguments(args, {
    values: { remove: {}, profile: {}, region: {}, context: { short: 'c' }, output: { short: 'o' } },
    flags: { help: { short: 'h' } },
  });
  if (flags.has('help')) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const app = others.find((each) => /^(--app|-a)(=|$)/.test(each));
  if (app !== undefined) {
    throw new UsageError(`${app} is not accepted: this command deploys the app in cdk.json`);
  }
  const { remove = [], context = [], profile, region, output } = values;
  try {
    const selected = await selectAws({ profile: profile?.at(-1), region: region?.at(-1) });
    const cloudFormation = new CloudFormationClient();
    await requireCredentials(cloudFormation);
    if (context.length > 0) {
      const names = context.map((setting) => setting.split('=')[0]).join(', ');
      console.log(`Note: -c is for this deployment only. To keep it, write under "context" in cdk.json: ${names}\n`);
    }
    const deployed = await deploy({
      collector: await synthesize(runCdk, context, output?.at(-1)),
      cloudFormation,
      cdk: runCdk,
      print: (text) => console.log(printableLines(text)),
      region: selected,
      profile: profile?.at(-1),
      remove,
      cdkArguments: others,
    });
    return deployed ? EXIT_CODES.success : EXIT_CODES.problem;
  } catch (error) {
    if (error instanceof UnknownRemovalError) {
      throw new UsageError(error.message, { cause: error });
    }
    if (error instanceof AwsUnavailableError || error instanceof CdkError) {
      console.error(printableLines(error.message));
      return error instanceof CdkError ? EXIT_CODES.problem : EXIT_CODES.unavailable;
    }
    throw error;
  }
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, main);
}
