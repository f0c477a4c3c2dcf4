import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { SettingsInput } from '../../settings.ts';
import { MarkCertificateCollectorStack } from '../../stack.ts';

/** A resource of a CloudFormation template. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** A CloudFormation template. */
interface Template {
  readonly Description?: string;
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

/** The synthesized stack, with fixed names in place of the values that CloudFormation assigns. */
export interface DeployedTemplate {
  readonly stackName: string;
  readonly description: string;
  readonly outputs: Readonly<Record<string, string>>;
  /**
   * The only resource of a type whose logical id contains the text.
   *
   * @throws {Error} if there is none or more than one.
   */
  resource(type: string, idPart?: string): { readonly id: string } & TemplateResource;
  /** Every resource of a type. */
  resources(type: string): readonly TemplateResource[];
  /** The value of a property after a deployment. */
  resolve(value: unknown): unknown;
}

/**
 * The context of a synthesis of which only the template is used: no copies of the bundles, no stack traces, no tree of
 * constructs.
 */
export const TEMPLATE_ONLY = {
  'aws:cdk:bundling-stacks': [],
  'aws:cdk:disable-asset-staging': true,
  'aws:cdk:disable-stack-trace': true,
  'aws:cdk:tree-metadata': false,
} as const;

const templates = new Map<string, DeployedTemplate>();

/**
 * Synthesizes the stack that a user deploys, without bundles: the functions run from their sources here. A process
 * synthesizes each combination of settings once, because that takes seconds.
 */
export function deployTemplate(settings: SettingsInput): DeployedTemplate {
  const key = JSON.stringify(settings);
  const template = templates.get(key) ?? synthesize(settings);
  templates.set(key, template);
  return template;
}

function synthesize(settings: SettingsInput): DeployedTemplate {
  const outdir = mkdtempSync(join(tmpdir(), 'mark-certificate-collector-'));
  const { CDK_VALIDATION } = process.env;
  try {
    // CDK's validation of the template takes most of the time. A synthesis for a deployment does it.
    process.env.CDK_VALIDATION = 'false';
    const app = new App({ outdir, context: { ...settings, ...TEMPLATE_ONLY } });
    const stack = new MarkCertificateCollectorStack(app, 'MarkCertificateCollector');
    const { template } = app.synth().getStackByName(stack.stackName);
    return readTemplate(stack.stackName, template);
  } finally {
    if (CDK_VALIDATION === undefined) {
      delete process.env.CDK_VALIDATION;
    } else {
      process.env.CDK_VALIDATION = CDK_VALIDATION;
    }
    rmSync(outdir, { recursive: true });
  }
}

/** Names with a required form: the SDK checks the bucket's, and ARNs of executions derive from the state machine's. */
const NAMES: Readonly<Record<string, string>> = {
  'AWS::S3::Bucket': 'mark-certificates-on-this-machine',
  'AWS::StepFunctions::StateMachine': 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector',
};
const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '000000000000',
};

function readTemplate(stackName: string, template: Template): DeployedTemplate {
  const { Description = '', Resources: resources, Outputs } = template;
  const nameOf = (id: string): string => {
    const type = resources[id]?.Type ?? '';
    return PSEUDO_PARAMETERS[id] ?? NAMES[type] ?? `arn:aws:local:us-east-1:000000000000:${id}`;
  };
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.map(resolve);
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const [[intrinsic, argument] = []] = Object.entries(value);
    switch (intrinsic) {
      case 'Ref':
        return nameOf(String(argument));
      case 'Fn::GetAtt':
        return nameOf(String(argument[0]));
      case 'Fn::Join':
        return (resolve(argument[1]) as unknown[]).join(String(argument[0]));
      default:
        return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each)]));
    }
  };
  return {
    stackName,
    description: Description,
    outputs: Object.fromEntries(Object.entries(Outputs).map(([name, { Value }]) => [name, String(resolve(Value))])),
    resolve,
    resources: (type) => Object.values(resources).filter(({ Type }) => Type === type),
    resource(type, idPart = '') {
      const found = Object.entries(resources).filter(([id, { Type }]) => Type === type && id.includes(idPart));
      const [only, ...others] = found;
      if (!only || others.length > 0) {
        throw new Error(
          `The template has ${found.length} resources of the type ${type} whose id contains "${idPart}"; expected: 1`,
        );
      }
      return { id: only[0], ...only[1] };
    },
  };
}
