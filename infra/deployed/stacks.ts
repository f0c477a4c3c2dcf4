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

/** A collector in the account and region of the client, with its stack. */
export interface DeployedStack {
  /** The name of the stack. */
  readonly name: string;
  /** Whether the stack belongs to another app, which may contain more than the collector. */
  readonly isOfOtherApp: boolean;
  /** Under the names of the outputs of the app's own stack, also for a collector in another app. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Undefined if a release without the output Settings deployed the stack. */
  readonly settings: WrittenSettings | undefined;
  /** Whether termination protection is on: CloudFormation then refuses to delete the stack. */
  readonly isProtected: boolean;
}

const ACTION = 'The deployed stack cannot be read';

const writtenSchema = v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]));

const settingsSchema = v.pipe(v.string(), v.parseJson(), writtenSchema);

/** The output that the construct adds to the stack of another app, under a name that contains the path of the construct. */
const collectorSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    outputs: v.intersect([
      v.object({ BucketName: v.string(), StateMachineArn: v.string() }),
      v.record(v.string(), v.string()),
    ]),
    settings: v.intersect([v.object({ name: v.string(), eventSource: v.string() }), writtenSchema]),
  }),
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
 * Reads the app's own stack of a collector.
 *
 * @returns undefined if it does not exist, or if its creation failed and nothing of it is left.
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export async function readStack(client: CloudFormationClient, name: string): Promise<DeployedStack | undefined> {
  const stack = await describeStack(client, name);
  return stack && ownStack(stack);
}

/**
 * Reads the collectors in one stack. It needs no permission for other stacks.
 *
 * @returns none if the stack does not exist or contains no collector.
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export async function readCollectors(client: CloudFormationClient, stackName: string): Promise<DeployedStack[]> {
  const stack = await describeStack(client, stackName);
  return stack ? collectorsOf(stack) : [];
}

/**
 * Finds every collector of the account and region.
 *
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export function listCollectors(client: CloudFormationClient): Promise<DeployedStack[]> {
  return withAwsErrors('The stacks of the account cannot be listed', async () => {
    const collectors: DeployedStack[] = [];
    for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
      collectors.push(...Stacks.filter(isCreated).flatMap(collectorsOf));
    }
    return collectors;
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

async function describeStack(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  const { Stacks: [stack] = [] } = await withAwsErrors(ACTION, () =>
    client.send(new DescribeStacksCommand({ StackName: name })).catch((error) => {
      // CloudFormation has no separate error for a stack that does not exist (AWS: DescribeStacks).
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)) {
        return { Stacks: [] };
      }
      throw error;
    }),
  );
  return stack && isCreated(stack) ? stack : undefined;
}

/**
 * A stack of another app has an output for each collector. The app's own stack is one collector; it is known by its
 * description, because its deployment can have failed, and because releases without the output Settings exist. Not every
 * imitation of CloudFormation keeps the description.
 */
function collectorsOf(stack: Stack): DeployedStack[] {
  const own = ownStack(stack);
  const contained = Object.values(own.outputs).flatMap((output) => {
    const { success, output: collector } = v.safeParse(collectorSchema, output);
    return success ? [{ ...own, ...collector, isOfOtherApp: true }] : [];
  });
  if (contained.length > 0) {
    return contained;
  }
  const hasSettings = Boolean(isUsable(own) && own.settings?.name && own.settings.eventSource);
  return hasSettings || stack.Description === STACK_DESCRIPTION ? [own] : [];
}

/** Whether a collector has the outputs that every command needs. A failed deployment has none. */
export function isUsable({ outputs }: DeployedStack): boolean {
  return outputs.BucketName !== undefined && outputs.StateMachineArn !== undefined;
}

function ownStack({ StackName = '', Outputs = [], EnableTerminationProtection = false }: Stack): DeployedStack {
  const outputs = Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  return {
    name: StackName,
    isOfOtherApp: false,
    outputs,
    settings: parseSettings(outputs.Settings),
    isProtected: EnableTerminationProtection,
  };
}
