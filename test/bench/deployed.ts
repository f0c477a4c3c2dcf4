import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, LogLevel, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { deployTemplate } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import type { Definition } from './machine.ts';

export const PROJECT = join(import.meta.dirname, '..', '..');

/** Names of the functions in the template. The last three exist with the settings `push` and `publish`. */
export const FUNCTIONS = ['collect', 'start', 'survey', 'notify', 'push', 'publish', 'revoke'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The part of a CloudFormation resource that the benchmark reads. */
interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** What a deployment would upload, in a folder of this machine. */
export interface Deployed {
  /** The folder of each function's asset. */
  readonly assets: Readonly<Record<FunctionName, string>>;
  /** The asset of the plain handler with CDK's default bundling, which leaves the SDK to the runtime. */
  readonly plain: string;
  /** The same with `bundleAwsSDK`: the asset contains the SDK, as the collector's assets do. */
  readonly plainWithSdk: string;
  readonly definition: Definition;
  /** The default number of concurrent calls to the CA. */
  readonly reservedConcurrency: number;
  /** Memory of Collect's Lambda in megabytes. */
  readonly memorySize: number;
  /** Collect's environment variables without references to other resources. */
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
}

/**
 * Synthesizes the stack as `cdk synth` does, with the same app and context and therefore the same assets, and a second
 * stack with the plain handler as an aws-lambda-nodejs NodejsFunction.
 */
export function synthesizeAssets(): Deployed {
  const outdir = mkdtempSync(join(tmpdir(), 'mark-certificate-bench-'));
  const { context } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8'));
  const app = new App({ outdir, context: { ...context, push: true, publish: true } });
  new MarkCertificateCollectorStack(app, 'MarkCertificateCollector');
  const reference = new Stack(app, 'Plain');
  plainFunction(reference, 'SdkOfRuntime');
  plainFunction(reference, 'SdkBundled', { bundleAwsSDK: true });
  const assembly = app.synth();

  /** The one function whose logical id contains a text. */
  const functionOf = (stack: string, idPart: string): Resource => {
    const resources = assembly.getStackByName(stack).template.Resources as Readonly<Record<string, Resource>>;
    const found = Object.entries(resources).filter(
      ([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.includes(idPart),
    );
    const [only, ...others] = found;
    if (!only || others.length > 0) {
      throw new Error(`The stack ${stack} has ${found.length} functions named ${idPart}; one is expected`);
    }
    return only[1];
  };
  const assetOf = (stack: string, idPart: string): string => {
    const { S3Key } = functionOf(stack, idPart).Properties.Code as { readonly S3Key: string };
    return join(outdir, `asset.${S3Key.replace(/\.zip$/, '')}`);
  };
  const assets = FUNCTIONS.map((name) => {
    const idPart = `${name.charAt(0).toUpperCase()}${name.slice(1)}Function`;
    return [name, assetOf('MarkCertificateCollector', idPart)] as const;
  });
  const template = deployTemplate({});
  const machine = template.resource('AWS::StepFunctions::StateMachine').Properties;
  const { MemorySize, Environment, ReservedConcurrentExecutions } = functionOf(
    'MarkCertificateCollector',
    'CollectFunction',
  ).Properties;
  const { Variables } = Environment as { readonly Variables: Readonly<Record<string, unknown>> };
  return {
    assets: Object.fromEntries(assets) as Record<FunctionName, string>,
    plain: assetOf('Plain', 'SdkOfRuntime'),
    plainWithSdk: assetOf('Plain', 'SdkBundled'),
    definition: JSON.parse(String(template.resolve(machine.DefinitionString))),
    reservedConcurrency: Number(ReservedConcurrentExecutions),
    memorySize: Number(MemorySize),
    environment: Object.fromEntries(
      Object.entries(Variables).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    remove: () => rmSync(outdir, { recursive: true }),
  };
}

/** Everything has CDK's defaults, except that runtime and architecture are the collector's. */
function plainFunction(stack: Stack, id: string, bundling: BundlingOptions = {}): void {
  new NodejsFunction(stack, id, {
    entry: join(import.meta.dirname, 'plain-handler', 'index.ts'),
    depsLockFilePath: join(PROJECT, 'package-lock.json'),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    bundling: { ...bundling, logLevel: LogLevel.SILENT },
  });
}
