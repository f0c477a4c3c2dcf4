/** The templates that the checkers read, and the values of their references after a deployment. */
import { CERTIFICATE_ARN, KEY_ARN, nameOf, SETTINGS, synthesize } from '../infra/synthesized.ts';

/** The combinations of settings whose templates are checked. Together they contain every resource of the stack. */
export const COMBINATIONS = {
  'the defaults': {},
  'push and publish, with a host name': {
    push: 'true',
    publish: 'true',
    publishDomainName: 'bimi.example.com',
    publishCertificateArn: CERTIFICATE_ARN,
  },
  'a customer-managed key': { kmsKeyArn: KEY_ARN, removalPolicy: 'retain' },
  'another name and another event bus': { name: 'brand-b', eventBusName: 'orders', eventSource: 'com.example.shop' },
  'all settings': SETTINGS,
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type Combination = keyof typeof COMBINATIONS;
export const NAMES = Object.keys(COMBINATIONS) as Combination[];

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

export interface RawTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** The template as CloudFormation receives it. A copy, which a test may change. */
export function rawTemplate(name: Combination): RawTemplate {
  return structuredClone(synthesize(COMBINATIONS[name]).template.toJSON()) as RawTemplate;
}

/** The region in which references are resolved. */
export const REGION = 'us-east-1';
const ACCOUNT = '111122223333';

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::StackName': 'MarkCertificateCollector',
  'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/MarkCertificateCollector/12345678-90ab-cdef-1234-567890abcdef`,
};

const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

/** What `Ref` and `Fn::GetAtt` return after a deployment, by type, in the form that AWS documents for the type. */
const VALUES: Readonly<Record<string, (name: string) => Readonly<Record<string, string>>>> = {
  'AWS::CloudFront::Distribution': () => ({ Ref: 'EDFDVBD6EXAMPLE', DomainName: 'd111111abcdef8.cloudfront.net' }),
  'AWS::CloudWatch::Alarm': (name) => ({ Ref: name, Arn: arn('cloudwatch', `alarm:${name}`) }),
  'AWS::Events::Rule': (name) => ({ Arn: arn('events', `rule/${name}`) }),
  'AWS::IAM::Role': (name) => ({ Ref: name, Arn: `arn:aws:iam::${ACCOUNT}:role/${name}` }),
  'AWS::Lambda::Function': (name) => ({ Ref: name, Arn: arn('lambda', `function:${name}`) }),
  'AWS::Lambda::Url': () => ({ FunctionUrl: `https://abcdefghijkl.lambda-url.${REGION}.on.aws/` }),
  'AWS::Logs::LogGroup': (name) => ({ Ref: name, Arn: arn('logs', `log-group:${name}:*`) }),
  'AWS::S3::Bucket': (name) => ({ Ref: name.toLowerCase(), Arn: `arn:aws:s3:::${name.toLowerCase()}` }),
  'AWS::Scheduler::ScheduleGroup': (name) => ({ Ref: name, Arn: arn('scheduler', `schedule-group/${name}`) }),
  'AWS::SNS::Topic': (name) => ({ Ref: arn('sns', name), TopicName: name }),
  'AWS::SQS::Queue': (name) => ({
    Ref: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`,
    Arn: arn('sqs', name),
    QueueName: name,
  }),
  'AWS::SecretsManager::Secret': (name) => ({ Ref: arn('secretsmanager', `secret:${name}-AbCdEf`) }),
  'AWS::StepFunctions::StateMachine': (name) => ({
    Ref: arn('states', `stateMachine:${name}`),
    Arn: arn('states', `stateMachine:${name}`),
    Name: name,
  }),
};

/**
 * Resolves the intrinsic functions in a part of a template.
 *
 * @throws {Error} for a function or a reference whose value is not known here.
 */
export function resolve(template: RawTemplate, value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => resolve(template, each));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[intrinsic, argument] = []] = Object.entries(value);
  switch (intrinsic) {
    case 'Ref':
      return PSEUDO_PARAMETERS[argument] ?? referenceValue(template, argument, 'Ref');
    case 'Fn::GetAtt':
      return referenceValue(template, argument[0], argument[1]);
    case 'Fn::Join':
      return (resolve(template, argument[1]) as unknown[]).join(argument[0]);
    default:
      if (intrinsic?.startsWith('Fn::')) {
        throw new Error(`The checkers cannot resolve ${intrinsic}: add it in ${import.meta.filename}`);
      }
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(template, each)]));
  }
}

function referenceValue({ Resources }: RawTemplate, id: string, attribute: string): string {
  const type = Resources[id]?.Type ?? 'nothing';
  const value = VALUES[type]?.(nameOf(id))[attribute];
  if (value === undefined) {
    throw new Error(
      `The checkers do not know the value of ${attribute} of ${id} (${type}): add it in ${import.meta.filename}`,
    );
  }
  return value;
}

/** The resources of a type with resolved properties, by the name of their construct. */
export function resolvedResources(template: RawTemplate, type: string): [string, Readonly<Record<string, unknown>>][] {
  return Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => [nameOf(id), resolve(template, Properties) as Readonly<Record<string, unknown>>]);
}

/** What `Ref` returns for the only resource of a type. */
export function referenceTo(template: RawTemplate, type: string): string {
  const ids = Object.keys(template.Resources).filter((id) => template.Resources[id]?.Type === type);
  return ids.map((id) => referenceValue(template, id, 'Ref')).join();
}

/** The definition of the only state machine, as JSON. */
export function definitionOf(template: RawTemplate): string {
  return resolvedResources(template, 'AWS::StepFunctions::StateMachine')
    .map(([, { DefinitionString }]) => DefinitionString)
    .join();
}
