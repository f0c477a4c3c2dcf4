import {
  type CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import type { WrittenSettings } from '../settings.ts';
import { STACK_DESCRIPTION } from '../stack-names.ts';
import { withAwsErrors } from './aws.ts';
import type { ComparedTemplate } from './changes.ts';

/** A stack in the account and region of the client. */
export interface DeployedStack {
  readonly name: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Undefined if a release without the output Settings deployed the stack. */
  readonly settings: WrittenSettings | undefined;
  /** Whether termination protection is on: CloudFormation then refuses to delete the stack. */
  readonly isProtected: boolean;
}

const ACTION = 'The deployed stack cannot be read';

const settingsSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
);

const templateSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    Resources: v.record(
      v.string(),
      v.object({ Type: v.string(), Properties: v.optional(v.record(v.string(), v.unknown())) }),
    ),
  }),
);

/** Reads the output Settings; undefined if it is missing or is not the JSON of settings. */
export function parseSettings(output: unknown): WrittenSettings | undefined {
  const result = v.safeParse(settingsSchema, output);
  return result.success ? result.output : undefined;
}

/**
 * Reads a stack.
 *
 * @returns undefined if it does not exist, or if its creation failed and nothing of it is left.
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export async function readStack(client: CloudFormationClient, name: string): Promise<DeployedStack | undefined> {
  const { Stacks: [stack] = [] } = await withAwsErrors(ACTION, () =>
    client.send(new DescribeStacksCommand({ StackName: name })).catch((error) => {
      // CloudFormation has no separate error for a stack that does not exist (AWS: DescribeStacks).
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) {
        return { Stacks: [] };
      }
      throw error;
    }),
  );
  return stack && isCreated(stack) ? deployedStack(stack) : undefined;
}

/**
 * Finds every collector of the account and region.
 *
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export function listCollectors(client: CloudFormationClient): Promise<DeployedStack[]> {
  return withAwsErrors('The stacks of the account cannot be listed', async () => {
    const stacks: DeployedStack[] = [];
    for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
      stacks.push(...Stacks.filter(isCreated).filter(isCollector).map(deployedStack));
    }
    return stacks;
  });
}

/**
 * Reads the template with which a stack was deployed.
 *
 * @returns undefined if it is not a template that `cdk` wrote.
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export async function readTemplate(client: CloudFormationClient, name: string): Promise<ComparedTemplate | undefined> {
  const { TemplateBody } = await withAwsErrors('The deployed template cannot be read', () =>
    client.send(new GetTemplateCommand({ StackName: name, TemplateStage: 'Original' })),
  );
  const result = v.safeParse(templateSchema, TemplateBody);
  return result.success ? result.output : undefined;
}

/** A change set creates a stack in review; a failed creation leaves a stack without resources. */
function isCreated({ StackStatus }: Stack): boolean {
  return (
    StackStatus !== 'REVIEW_IN_PROGRESS' && StackStatus !== 'ROLLBACK_COMPLETE' && StackStatus !== 'DELETE_COMPLETE'
  );
}

/** A release without the output Settings has the description; not every imitation of CloudFormation keeps it. */
function isCollector({ Description, Outputs = [] }: Stack): boolean {
  const settings = parseSettings(Outputs.find(({ OutputKey }) => OutputKey === 'Settings')?.OutputValue);
  return Description === STACK_DESCRIPTION || (settings?.name !== undefined && settings.eventSource !== undefined);
}

function deployedStack({ StackName = '', Outputs = [], EnableTerminationProtection = false }: Stack): DeployedStack {
  const outputs = Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  return {
    name: StackName,
    outputs,
    settings: parseSettings(outputs.Settings),
    isProtected: EnableTerminationProtection,
  };
}
