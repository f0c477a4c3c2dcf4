/** The stack as the app synthesizes it, without building the functions, and functions that read its template. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect } from 'vitest';
import { TEMPLATE_ONLY } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { stackNameOf } from '../../infra/stack-names.ts';

export const PROJECT = join(import.meta.dirname, '..', '..');
/** The context of cdk.json. */
export const CONTEXT = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')).context;
export const KEY_ARN = 'arn:aws:kms:us-east-1:111122223333:key/12345678-90ab-cdef-1234-567890abcdef';
export const CERTIFICATE_ARN = 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-90ab-cdef-1234-567890abcdef';
export const DAY = 86_400;

/** The key of a log, as an operator writes it. */
export const LOG_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64');

/** Every setting with a value other than its default, as text. */
export const SETTINGS = {
  collectUrl: 'https://ca.example/CollectMC',
  responseFormat: 'zip',
  pollEvery: 'PT6H',
  pollEveryWithPush: 'PT18H',
  giveUpAfter: 'P200D',
  name: 'acme',
  eventSource: 'com.example.shop',
  eventBusName: 'orders',
  trustAnchors: `${'AB'.repeat(32)},${'cd'.repeat(32)}`,
  ctLogs: LOG_KEY,
  reservedConcurrency: 'none',
  remindBefore: 'P45D',
  askAgainBefore: 'P0D',
  alarmEmail: 'operators@example.com',
  notifyEmail: 'brand@example.com',
  runbookUrl: 'https://wiki.example.com/mark-certificates',
  dashboard: 'true',
  push: 'true',
  publish: 'true',
  publishDomainName: 'bimi.example.com',
  publishCertificateArn: CERTIFICATE_ARN,
  publishLogs: 'true',
  unpublishRevoked: 'true',
  kmsKeyArn: KEY_ARN,
  removalPolicy: 'destroy',
};

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** A resource with its construct's name: the logical id without the prefix and the hash that CDK adds. */
export interface NamedResource extends Resource {
  readonly name: string;
}

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts?: number;
}

export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Resource?: string;
  readonly Parameters?: unknown;
  readonly ResultPath?: string | null;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Choices?: readonly { readonly StringEquals?: string; readonly Next: string }[];
  readonly Default?: string;
}

export interface Machine {
  readonly StartAt: string;
  readonly TimeoutSeconds: number;
  readonly States: Readonly<Record<string, State>>;
}

interface Resolved {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
  readonly Parameters: Readonly<Record<string, unknown>>;
}

export interface SynthesizedStack {
  readonly template: Template;
  /** The template with each reference as text: `<Bucket.Arn>`. */
  readonly resolved: Resolved;
  readonly machine: Machine;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: unknown;
  readonly Principal?: unknown;
}

const synthesized = new Map<string, SynthesizedStack>();

/**
 * Synthesizes the stack as the app does, without building the functions; only once in a process with the same settings.
 */
export function synthesize(settings: Readonly<Record<string, string>> = {}): SynthesizedStack {
  const key = JSON.stringify(settings);
  const stack = synthesized.get(key) ?? synthesizeStack(settings, () => undefined).stack;
  synthesized.set(key, stack);
  return stack;
}

/** What a test finds in the constructs of a stack. Constructs are not kept, so each call synthesizes. */
export function readConstructs<Found>(
  settings: Readonly<Record<string, string>>,
  find: (stack: MarkCertificateCollectorStack) => Found,
): Found {
  const { stack, found } = synthesizeStack(settings, find);
  synthesized.set(JSON.stringify(settings), stack);
  return found;
}

function synthesizeStack<Found>(
  settings: Readonly<Record<string, string>>,
  find: (stack: MarkCertificateCollectorStack) => Found,
): { readonly stack: SynthesizedStack; readonly found: Found } {
  const outdir = mkdtempSync(join(tmpdir(), 'stack-'));
  try {
    const app = new App({ outdir, context: { ...CONTEXT, ...settings, ...TEMPLATE_ONLY } });
    const constructs = new MarkCertificateCollectorStack(app, stackNameOf(settings.name));
    const template = Template.fromStack(constructs);
    const resolved = resolve(template.toJSON()) as Resolved;
    const machines = Object.values(resolved.Resources).filter(
      ({ Type }) => Type === 'AWS::StepFunctions::StateMachine',
    );
    const machine = JSON.parse(machines.map(({ Properties }) => Properties.DefinitionString).join());
    return { stack: { template, resolved, machine }, found: find(constructs) };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** A part of a template with each reference as text: `<Bucket.Arn>`. */
export function resolve(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(resolve);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[intrinsic, argument] = []] = Object.entries(value);
  switch (intrinsic) {
    case 'Ref':
      return `<${nameOf(String(argument))}>`;
    case 'Fn::GetAtt':
      return `<${nameOf(String(argument[0]))}.${argument[1]}>`;
    case 'Fn::Join':
      return argument[1].map(resolve).join(argument[0]);
    default:
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each)]));
  }
}

export function nameOf(logicalId: string): string {
  return logicalId.replace(/^Collector(.+)[0-9A-F]{8}$/, '$1');
}

export function all({ resolved }: SynthesizedStack, type: string): NamedResource[] {
  return Object.entries(resolved.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, resource]) => ({ name: nameOf(id), ...resource }));
}

export function only(stack: SynthesizedStack, type: string, name?: string): NamedResource {
  const [found, ...others] = all(stack, type).filter((resource) => name === undefined || resource.name === name);
  if (!found || others.length > 0) {
    throw new Error(`The template does not contain exactly one ${type} ${name ?? ''}`);
  }
  return found;
}

export function environmentOf(stack: SynthesizedStack, name: string): unknown {
  const { Environment } = only(stack, 'AWS::Lambda::Function', name).Properties;
  return (Environment as { readonly Variables: unknown }).Variables;
}

/** Every policy statement in a part of a template, at any depth. Trust policies have no resource and are left out. */
export function policyStatements(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const here = 'Effect' in value && ('Resource' in value || 'NotResource' in value) ? [value as Statement] : [];
  return [...here, ...Object.values(value).flatMap(policyStatements)];
}

export function statementsOf(stack: SynthesizedStack, type: string): Statement[] {
  return policyStatements(only(stack, type).Properties);
}

/**
 * The actions that a role allows, by resource. An action that is allowed under a condition ends with `if` and the
 * condition as JSON. Any other unexpected part of a statement fails the test.
 */
export function grantsOf(stack: SynthesizedStack, role: string): Record<string, string[]> {
  const attached = all(stack, 'AWS::IAM::Policy').filter(({ Properties }) =>
    asList(Properties.Roles).includes(`<${role}>`),
  );
  const statements = policyStatements([only(stack, 'AWS::IAM::Role', role), attached]);
  const grants: Record<string, string[]> = {};
  for (const { Effect, Action, Resource, Condition, ...rest } of statements) {
    expect({ Effect, rest }).toEqual({ Effect: 'Allow', rest: {} });
    const suffix = Condition === undefined ? '' : ` if ${JSON.stringify(Condition)}`;
    for (const resource of asList(Resource)) {
      const actions = asList(Action).map((action) => `${action}${suffix}`);
      grants[String(resource)] = [...(grants[String(resource)] ?? []), ...actions].toSorted();
    }
  }
  return grants;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
