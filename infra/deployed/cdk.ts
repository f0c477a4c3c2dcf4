import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import * as v from 'valibot';
import { CollectorError } from '../../functions/collector-error.ts';
import type { WrittenSettings } from '../settings.ts';
import type { ComparedTemplate } from './changes.ts';
import { parseSettings } from './stacks.ts';

/** The folder of the repository. In an installed package it is another folder, which has no app. */
const PROJECT = join(import.meta.dirname, '..', '..');
const CDK = join(PROJECT, 'node_modules', '.bin', 'cdk');

/** Runs the command line of CDK, and returns its exit code. */
export type RunCdk = (args: readonly string[]) => Promise<number>;

/** Runs the installed `cdk` on this terminal. */
export const runCdk: RunCdk = (args) => spawnCdk(args, 'inherit');

/** {@link runCdk} with everything on standard error: standard output has the result of a command. */
export const runCdkOnStderr: RunCdk = (args) => spawnCdk(args, process.stderr);

async function spawnCdk(args: readonly string[], output: 'inherit' | NodeJS.WriteStream): Promise<number> {
  const child = spawn(CDK, args, { cwd: PROJECT, stdio: ['inherit', output, 'inherit'] });
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  return exitCode ?? 1;
}

/** Whether a folder is in the repository of the collector, whose app the commands deploy and delete. */
export function isInRepository(folder: string): boolean {
  const isInside = folder === PROJECT || folder.startsWith(PROJECT + sep);
  return isInside && existsSync(join(PROJECT, 'infra', 'app.ts')) && existsSync(CDK);
}

/** `cdk` failed, and has printed why, or the app is not one that these commands deploy. */
export class CdkError extends CollectorError {
  override readonly name = 'CdkError';
}

/** The collector of the app, as it would be deployed. */
export interface SynthesizedCollector {
  readonly stackName: string;
  readonly settings: WrittenSettings;
  readonly template: ComparedTemplate;
  /** The cloud assembly. `cdk --app` deploys exactly what is in it. */
  readonly assembly: string;
}

const manifestSchema = v.object({
  artifacts: v.record(
    v.string(),
    v.object({
      type: v.string(),
      properties: v.optional(v.object({ templateFile: v.optional(v.string()), stackName: v.optional(v.string()) })),
    }),
  ),
});

interface Template extends ComparedTemplate {
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

/**
 * Synthesizes the app with the settings of cdk.json and of the arguments.
 *
 * @param context arguments like `pollEvery=PT6H`.
 * @throws {CdkError} if the synthesis fails, or the app does not contain exactly one collector.
 */
export async function synthesize(
  cdk: RunCdk,
  context: readonly string[],
  assembly = join(PROJECT, 'cdk.out'),
): Promise<SynthesizedCollector> {
  const exitCode = await cdk(['synth', '--quiet', '--output', assembly, ...context.flatMap((each) => ['-c', each])]);
  if (exitCode !== 0) {
    throw new CdkError('The stack cannot be synthesized. Nothing was changed.');
  }
  const { artifacts } = v.parse(manifestSchema, JSON.parse(await readFile(join(assembly, 'manifest.json'), 'utf8')));
  const collectors: SynthesizedCollector[] = [];
  for (const [id, { type, properties }] of Object.entries(artifacts)) {
    if (type === 'aws:cloudformation:stack' && properties?.templateFile !== undefined) {
      const template: Template = JSON.parse(await readFile(join(assembly, properties.templateFile), 'utf8'));
      const settings = parseSettings(template.Outputs?.Settings?.Value);
      if (settings) {
        collectors.push({ stackName: properties.stackName ?? id, settings, template, assembly });
      }
    }
  }
  const [collector, ...others] = collectors;
  if (!collector || others.length > 0) {
    throw new CdkError(
      `The app in cdk.json contains ${collectors.length} collectors, and this command is for exactly one. Use npx cdk for another app.`,
    );
  }
  return collector;
}
