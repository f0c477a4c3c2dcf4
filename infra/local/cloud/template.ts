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

/** The synthesized stack, with names of this machine in place of what CloudFormation would fill in. */
export interface DeployedTemplate {
  /** The one resource of a type whose logical id contains the text. */
  resource(type: string, idPart?: string): { readonly id: string } & TemplateResource;
  /** A property as it would be after a deployment. */
  resolve(value: unknown): unknown;
}

/** Synthesizes the stack that a user deploys. Bundles are left out: the functions run from their sources here. */
export function deployTemplate(settings: SettingsInput): DeployedTemplate {
  const outdir = mkdtempSync(join(tmpdir(), 'mark-certificate-collector-'));
  try {
    const app = new App({ outdir, context: { ...settings, 'aws:cdk:bundling-stacks': [] } });
    const stack = new MarkCertificateCollectorStack(app, 'MarkCertificateCollector');
    const { template } = app.synth().getStackByName(stack.stackName);
    return readTemplate(template.Resources);
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** Names that the SDK or a person looks at: a bucket's, and an ARN that holds the state machine's executions. */
const NAMES: Readonly<Record<string, string>> = {
  'AWS::S3::Bucket': 'mark-certificates-on-this-machine',
  'AWS::StepFunctions::StateMachine': 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector',
};
const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '000000000000',
};

function readTemplate(resources: Readonly<Record<string, TemplateResource>>): DeployedTemplate {
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
    resolve,
    resource(type, idPart = '') {
      const found = Object.entries(resources).filter(([id, { Type }]) => Type === type && id.includes(idPart));
      const [only, ...others] = found;
      if (!only || others.length > 0) {
        throw new Error(
          `The template has ${found.length} resources of the type ${type} named ${idPart}, where one is expected`,
        );
      }
      return { id: only[0], ...only[1] };
    },
  };
}
