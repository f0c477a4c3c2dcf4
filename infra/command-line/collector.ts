import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { DEFAULT_COLLECTOR } from '../../functions/environment.ts';
import type { Executions } from '../../functions/executions.ts';
import type { ObjectStorage } from '../../functions/store/objects.ts';
import { printable } from '../../functions/text.ts';
import {
  AwsUnavailableError,
  isDenied,
  REGION,
  REGION_FORM,
  requireCredentials,
  selectAws,
  withAwsErrors,
} from '../deployed/aws.ts';
import { type DeployedStack, isUsable, listCollectors, readCollectors } from '../deployed/stacks.ts';
import type { WrittenSettings } from '../settings.ts';
import { COLLECTOR_NAME, COLLECTOR_NAME_FORM, collectorNameOf, stackNameOf } from '../stack-names.ts';
import { CommandError, UsageError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { CollectorOptions } from './program.ts';
import type { Terminal } from './terminal.ts';

/** A deployed collector. Its clients are loaded and created when they are first used. */
export interface DeployedCollector {
  /** The setting `name`. */
  readonly name: string;
  readonly region: string;
  /** The options with which another command selects the same collector. */
  readonly selection: CollectorOptions;
  /** The stack that contains it. */
  readonly stack: DeployedStack;
  /** Undefined if a release without the output Settings deployed the stack. */
  readonly settings: WrittenSettings | undefined;
  readonly bucket: string;
  readonly stateMachineArn: string;
  readonly s3: () => Promise<S3Client>;
  readonly sfn: () => Promise<SFNClient>;
  readonly events: () => Promise<EventBridgeClient>;
  readonly secrets: () => Promise<SecretsManagerClient>;
  /** The bucket as the storage of `functions/store/`. */
  readonly storage: () => Promise<ObjectStorage>;
  /** The state machine as `functions/executions.ts` uses it. */
  readonly executions: () => Promise<Executions>;
  /**
   * An output that not every collector has.
   *
   * @throws {CommandError} if this collector does not have it.
   */
  output(name: string): string;
}

/**
 * Runs a command on the deployed collector that the options select. Without `--collector`, it is the one that `cdk.json`
 * in the folder of the terminal names, or else the one with the default name.
 *
 * @throws {UsageError} if `--collector` is not a name, or `--region` is not a region.
 * @throws {CommandError} if there is no such collector, and for every error of AWS or of the connection to it, also for
 * those within `run`, with the next step.
 */
export async function withCollector<Result>(
  options: CollectorOptions,
  { folder }: Pick<Terminal, 'folder'>,
  run: (collector: DeployedCollector) => Promise<Result>,
): Promise<Result> {
  const name = options.collector ?? (await nameInCdkJson(folder)) ?? DEFAULT_COLLECTOR;
  if (!COLLECTOR_NAME.test(name)) {
    throw new UsageError(`--collector: ${printable(name)} is not accepted; accepted: ${COLLECTOR_NAME_FORM}`);
  }
  if (options.region !== undefined && !REGION.test(options.region)) {
    throw new UsageError(`--region: ${printable(options.region)} is not accepted; accepted: ${REGION_FORM}`);
  }
  return withCommandErrors('AWS cannot be used', async () => {
    const region = await selectAws(options);
    const cloudFormation = new CloudFormationClient();
    const clients = openClients();
    try {
      await requireCredentials(cloudFormation);
      const stack = await findStack(cloudFormation, name, region);
      const { profile } = options;
      const selection = { collector: name === DEFAULT_COLLECTOR ? undefined : name, profile, region: options.region };
      return await run({ ...openCollector(stack, name, region, clients), selection });
    } finally {
      cloudFormation.destroy();
      clients.close();
    }
  });
}

/**
 * Runs requests to AWS, and turns their errors into errors of a command.
 *
 * @param problem what does not work if they fail: "The orders cannot be read".
 * @param permission what the requests need, like `s3:GetObject`.
 * @throws {CommandError} with the next step.
 */
export async function withCommandErrors<Result>(
  problem: string,
  requests: () => Promise<Result>,
  permission?: string,
): Promise<Result> {
  try {
    return await withAwsErrors(problem, requests);
  } catch (error) {
    if (!(error instanceof AwsUnavailableError)) {
      throw error;
    }
    throw new CommandError(withPermission(error, permission), {
      exitCode: EXIT_CODES.unavailable,
      next:
        error.next === undefined ? 'Try again. If the error stays, ask the administrator of AWS.' : `${error.next}.`,
      cause: error,
    });
  }
}

/** Some answers of AWS to a refused request do not name the missing permission, like those to HEAD, which have no body. */
function withPermission({ problem, cause }: AwsUnavailableError, permission: string | undefined): string {
  return cause instanceof Error && isDenied(cause) && permission !== undefined && !problem.includes(permission)
    ? `${problem} It needs the permission ${permission}.`
    : problem;
}

/** The name of the collector of an app in a folder; undefined without `cdk.json` and in a folder of something else. */
async function nameInCdkJson(folder: string): Promise<string | undefined> {
  try {
    const { context } = JSON.parse(await readFile(join(folder, 'cdk.json'), 'utf8'));
    return typeof context?.name === 'string' && COLLECTOR_NAME.test(context.name) ? context.name : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the stack with the name of the app's own one first: the permission for this stack is then enough. */
async function findStack(client: CloudFormationClient, name: string, region: string): Promise<DeployedStack> {
  const usual = await readCollectors(client, stackNameOf(name));
  const named = usual.find((stack) => isNamed(stack, name));
  if (named !== undefined && isUsable(named)) {
    return named;
  }
  const others = await listCollectors(client).catch((error) => {
    if (named !== undefined) {
      return [named];
    }
    if (error instanceof AwsUnavailableError && error.cause instanceof Error && isDenied(error.cause)) {
      throw new CommandError(
        `There is no stack ${stackNameOf(name)} of the collector ${name} in ${region}, and the other stacks cannot be listed.`,
        {
          exitCode: EXIT_CODES.unavailable,
          next: 'Select another account or region with --profile and --region. If the collector is in a stack with another name, ask for the permission cloudformation:DescribeStacks on all stacks.',
          cause: error,
        },
      );
    }
    throw error;
  });
  // Another app can contain the collector in a stack of any name.
  const candidates = others.filter((other) => isNamed(other, name));
  const found = candidates.find(isUsable) ?? candidates[0];
  if (found !== undefined) {
    return found;
  }
  throw new CommandError(`There is no collector ${name} in ${region} in this AWS account.`, {
    exitCode: EXIT_CODES.unavailable,
    next: nextWithoutCollector(others.map(nameOf)),
  });
}

function nextWithoutCollector(names: readonly string[]): string {
  const [name, ...more] = names;
  if (name === undefined) {
    return 'Select another account or region with --profile and --region, or deploy a collector with npm run deploy.';
  }
  return more.length === 0
    ? `Add --collector ${name} to the command.`
    : `Add --collector and one of the names: ${names.toSorted().join(', ')}.`;
}

function isNamed(stack: DeployedStack, name: string): boolean {
  return nameOf(stack) === name;
}

/** A stack whose deployment failed, or of a release without the output Settings, has its name only. */
function nameOf({ settings, name }: DeployedStack): string {
  return typeof settings?.name === 'string' ? settings.name : collectorNameOf(name);
}

function openCollector(
  stack: DeployedStack,
  name: string,
  region: string,
  clients: Clients,
): Omit<DeployedCollector, 'selection'> {
  const { name: stackName, outputs, settings } = stack;

  function output(key: string): string {
    const value = outputs[key];
    if (value === undefined) {
      throw new CommandError(`The stack ${stackName} in ${region} has no output ${key}.`, {
        exitCode: EXIT_CODES.unavailable,
        next: 'Deploy the collector again. If its deployment failed, CloudFormation shows the reason.',
      });
    }
    return value;
  }

  const bucket = output('BucketName');
  const stateMachineArn = output('StateMachineArn');
  return {
    name,
    region,
    stack,
    settings,
    bucket,
    stateMachineArn,
    s3: clients.s3,
    sfn: clients.sfn,
    events: clients.events,
    secrets: clients.secrets,
    async storage() {
      const { s3Storage } = await import('../../functions/store/s3-storage.ts');
      return s3Storage(await clients.s3(), bucket);
    },
    executions: async () => ({ stateMachineArn, sfn: await clients.sfn() }),
    output,
  };
}

type Clients = ReturnType<typeof openClients>;

function openClients() {
  const opened: { destroy(): void }[] = [];

  /** Creates a client when it is first used. */
  function once<Client extends { destroy(): void }>(create: () => Promise<Client>): () => Promise<Client> {
    let client: Promise<Client> | undefined;
    return () => {
      client ??= create().then((created) => {
        opened.push(created);
        return created;
      });
      return client;
    };
  }

  return {
    s3: once(async () => new (await import('@aws-sdk/client-s3')).S3Client()),
    sfn: once(async () => new (await import('@aws-sdk/client-sfn')).SFNClient()),
    events: once(async () => new (await import('@aws-sdk/client-eventbridge')).EventBridgeClient()),
    secrets: once(async () => new (await import('@aws-sdk/client-secrets-manager')).SecretsManagerClient()),
    /** Without it, open connections would keep the process alive. */
    close() {
      for (const client of opened) {
        client.destroy();
      }
    },
  };
}
