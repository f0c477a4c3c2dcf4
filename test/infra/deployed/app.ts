import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { App } from 'aws-cdk-lib';
import { onTestFinished } from 'vitest';
import { type RunCdk, type SynthesizedCollector, synthesize } from '../../../infra/deployed/cdk.ts';
import { type ServedStack, startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { TEMPLATE_ONLY } from '../../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../../infra/stack.ts';
import { STACK_DESCRIPTION, stackNameOf } from '../../../infra/stack-names.ts';
import { CONTEXT } from '../synthesized.ts';

/** The manifest and the template of each combination of settings: a process synthesizes it once. */
const assemblies = new Map<string, ReadonlyMap<string, Buffer>>();

/** Synthesizes the stack as the app does, without building the functions, and returns the files that `cdk` would write. */
async function assemble(settings: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, Buffer>> {
  const outdir = await mkdtemp(join(tmpdir(), 'cdk-out-'));
  try {
    const context = { ...CONTEXT, ...settings, ...TEMPLATE_ONLY };
    const app = new App({ outdir, context });
    new MarkCertificateCollectorStack(app, stackNameOf(context.name));
    app.synth();
    const names = (await readdir(outdir)).filter((name) => name.endsWith('.json'));
    return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(outdir, name))] as const)));
  } finally {
    await rm(outdir, { recursive: true });
  }
}

/** A `cdk` that synthesizes in this process, without building the functions, and records every other call. */
export function recordingCdk(exitCode = 0): { readonly cdk: RunCdk; readonly calls: (readonly string[])[] } {
  const calls: (readonly string[])[] = [];
  return {
    calls,
    async cdk(args) {
      if (args[0] !== 'synth') {
        calls.push(args);
        return exitCode;
      }
      const settings = args.flatMap((each, index) =>
        args[index - 1] === '-c' ? [each.split(/=(.*)/s).slice(0, 2)] : [],
      );
      const outdir = args[args.indexOf('--output') + 1] ?? '';
      const key = JSON.stringify(settings);
      const files = assemblies.get(key) ?? (await assemble(Object.fromEntries(settings)));
      assemblies.set(key, files);
      await Promise.all([...files].map(([name, bytes]) => writeFile(join(outdir, name), bytes)));
      return 0;
    },
  };
}

/** The collector as the app synthesizes it with these settings. */
export async function collectorWith(settings: Readonly<Record<string, string>>): Promise<SynthesizedCollector> {
  const directory = await mkdtemp(join(tmpdir(), 'assembly-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const context = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return synthesize(recordingCdk().cdk, context, directory);
}

/** The stack of a collector, as CloudFormation describes it after the deployment. */
export function deployedAs(
  { stackName, settings, template }: SynthesizedCollector,
  outputs: Readonly<Record<string, string>> = {},
): ServedStack {
  return {
    name: stackName,
    description: STACK_DESCRIPTION,
    template,
    outputs: {
      BucketName: 'the-bucket',
      StateMachineArn: 'arn:aws:states:eu-central-1:111122223333:stateMachine:Machine',
      Settings: JSON.stringify(settings),
      ...outputs,
    },
  };
}

/** A client of a CloudFormation with these stacks, until the end of the test. */
export async function cloudFormationWith(...stacks: readonly ServedStack[]): Promise<CloudFormationClient> {
  const endpoint = await startCloudFormation(stacks);
  const client = new CloudFormationClient({
    endpoint: endpoint.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  onTestFinished(async () => {
    client.destroy();
    await endpoint.close();
  });
  return client;
}
