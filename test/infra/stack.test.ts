import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
import { EVENTS_PER_CHECK } from '../../infra/settings.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const CONTEXT = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')).context;
const FUNCTIONS = ['CollectFunction', 'StartFunction'];
const DAY = 86_400;

/** Every setting with another value than its default, as text. */
const SETTINGS = {
  collectUrl: 'https://ca.example/CollectMC',
  responseFormat: 'zip',
  pollEvery: 'PT6H',
  giveUpAfter: 'P200D',
  credentialsSecretName: 'login/of-the-ca',
  eventSource: 'com.example.shop',
  eventBusName: 'orders',
  trustAnchors: `${'AB'.repeat(32)},${'cd'.repeat(32)}`,
  reservedConcurrency: 'none',
  removalPolicy: 'destroy',
};

let byDefault: Stack;
let withSettings: Stack;

beforeAll(() => {
  byDefault = synthesize();
  withSettings = synthesize(SETTINGS);
});

describe('the bucket', () => {
  it('keeps every version, encrypts, is private, and belongs to one account', () => {
    byDefault.template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  it('refuses what does not come over TLS, and allows nobody anything else', () => {
    expect(statementsOf(byDefault, 'AWS::S3::BucketPolicy')).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: ['<Bucket.Arn>', '<Bucket.Arn>/*'],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ]);
  });

  it('is retained when the stack goes', () => {
    byDefault.template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  it('goes with the stack where the setting says so, though only when it is empty', () => {
    withSettings.template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    withSettings.template.resourceCountIs('Custom::S3AutoDeleteObjects', 0);
  });
});

describe('the secret', () => {
  it('holds the placeholder and nothing else: the operator puts the login there', () => {
    const { Properties } = only(byDefault, 'AWS::SecretsManager::Secret');
    expect(JSON.parse(String(Properties.SecretString))).toEqual({
      loginName: 'REPLACE-ME',
      loginPassword: 'REPLACE-ME',
    });
    expect(Properties).not.toHaveProperty('GenerateSecretString');
  });

  it('has the name of the setting', () => {
    byDefault.template.hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'mark-certificate-collector/credentials',
    });
    withSettings.template.hasResourceProperties('AWS::SecretsManager::Secret', { Name: 'login/of-the-ca' });
  });
});

describe.each([
  { name: 'CollectFunction', timeout: 60 },
  { name: 'StartFunction', timeout: 30 },
])('$name', ({ name, timeout }) => {
  it('runs on Node 24 for the seconds it needs, and is traced', () => {
    expect(only(byDefault, 'AWS::Lambda::Function', name).Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Architectures: ['arm64'],
      Timeout: timeout,
      TracingConfig: { Mode: 'Active' },
    });
  });

  it('writes JSON to a log group of its own, which forgets', () => {
    expect(only(byDefault, 'AWS::Lambda::Function', name).Properties.LoggingConfig).toEqual({
      LogFormat: 'JSON',
      LogGroup: `<${name}Logs>`,
    });
    expect(only(byDefault, 'AWS::Logs::LogGroup', `${name}Logs`).Properties).toMatchObject({ RetentionInDays: 90 });
  });
});

describe('the functions', () => {
  it('are these two, each with a role of its own', () => {
    expect(all(byDefault, 'AWS::Lambda::Function').map(({ name, Properties }) => [name, Properties.Role])).toEqual(
      FUNCTIONS.map((name) => [name, `<${name}Role.Arn>`]),
    );
  });

  it('find in their environment what the settings say, and no secret', () => {
    expect(environmentOf(byDefault, 'CollectFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://secure.trust-provider.com/products/download/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      GIVE_UP_SECONDS: String(90 * DAY),
      POLL_SECONDS: String(3 * 3600),
      RESPONSE_FORMAT: 'pkcs7',
    });
    expect(environmentOf(withSettings, 'CollectFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://ca.example/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      GIVE_UP_SECONDS: String(200 * DAY),
      POLL_SECONDS: String(6 * 3600),
      RESPONSE_FORMAT: 'zip',
      TRUST_ANCHORS: `${'ab'.repeat(32)},${'cd'.repeat(32)}`,
    });
    expect(environmentOf(byDefault, 'StartFunction')).toEqual({ STATE_MACHINE_ARN: '<StateMachine>' });
  });

  it('make one call to the CA at a time, or as many as the account lets them where nothing can be reserved', () => {
    expect(only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties.ReservedConcurrentExecutions).toBe(1);
    for (const { Properties } of [
      only(byDefault, 'AWS::Lambda::Function', 'StartFunction'),
      ...all(withSettings, 'AWS::Lambda::Function'),
    ]) {
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });
});

describe('the rule', () => {
  it('starts a collection when a mark certificate was ordered', () => {
    expect(only(byDefault, 'AWS::Events::Rule').Properties).toMatchObject({
      EventBusName: 'default',
      EventPattern: { source: ['mark-certificates'], 'detail-type': ['Mark Certificate Ordered'] },
      State: 'ENABLED',
    });
  });

  it('listens to the bus and the source of the settings', () => {
    expect(only(withSettings, 'AWS::Events::Rule').Properties).toMatchObject({
      EventBusName: 'orders',
      EventPattern: { source: ['com.example.shop'], 'detail-type': ['Mark Certificate Ordered'] },
    });
  });

  it('hands events to start, and what it cannot deliver to the queue', () => {
    expect(only(byDefault, 'AWS::Events::Rule').Properties.Targets).toEqual([
      { Id: 'Target0', Arn: '<StartFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });

  it('alone may invoke start, and nobody may invoke Collect from outside', () => {
    expect(all(byDefault, 'AWS::Lambda::Permission').map(({ Properties }) => Properties)).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: '<StartFunction.Arn>',
        Principal: 'events.amazonaws.com',
        SourceArn: '<Ordered.Arn>',
      },
    ]);
  });
});

describe('the dead-letter queue', () => {
  it('keeps events for 14 days, encrypted', () => {
    expect(only(byDefault, 'AWS::SQS::Queue').Properties).toEqual({
      MessageRetentionPeriod: 14 * DAY,
      SqsManagedSseEnabled: true,
    });
  });

  it('refuses what does not come over TLS, and takes messages of no service but the rule', () => {
    expect(statementsOf(byDefault, 'AWS::SQS::QueuePolicy')).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 'sqs:*',
        Resource: '<DeadLetterQueue.Arn>',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        Sid: expect.any(String),
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: '<DeadLetterQueue.Arn>',
        Condition: { ArnEquals: { 'aws:SourceArn': '<Ordered.Arn>' } },
      },
    ]);
  });

  it('gets every event that start could not handle in three attempts', () => {
    expect(only(byDefault, 'AWS::Lambda::EventInvokeConfig').Properties).toEqual({
      FunctionName: '<StartFunction>',
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: '<DeadLetterQueue.Arn>' } },
    });
  });
});

describe('what the roles allow', () => {
  const LOG_DELIVERY = [
    'logs:CreateLogDelivery',
    'logs:DeleteLogDelivery',
    'logs:DescribeLogGroups',
    'logs:DescribeResourcePolicies',
    'logs:GetLogDelivery',
    'logs:ListLogDeliveries',
    'logs:PutResourcePolicy',
    'logs:UpdateLogDelivery',
  ];
  const TRACE = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];
  const SAMPLING = ['xray:GetSamplingRules', 'xray:GetSamplingTargets'];

  it.each([
    {
      role: 'CollectFunctionRole',
      trusted: 'lambda.amazonaws.com',
      grants: {
        '<CollectFunctionLogs.Arn>': ['logs:CreateLogStream', 'logs:PutLogEvents'],
        '<Credentials>': ['secretsmanager:GetSecretValue'],
        '<Bucket.Arn>/orders/*': ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        '<Bucket.Arn>': ['s3:ListBucket'],
        '*': TRACE,
      },
    },
    {
      role: 'StartFunctionRole',
      trusted: 'lambda.amazonaws.com',
      grants: {
        '<StartFunctionLogs.Arn>': ['logs:CreateLogStream', 'logs:PutLogEvents'],
        '<StateMachine>': ['states:StartExecution'],
        'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<StateMachine.Name>:order-*': [
          'states:DescribeExecution',
        ],
        '<DeadLetterQueue.Arn>': ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'],
        '*': TRACE,
      },
    },
    {
      role: 'StateMachineRole',
      trusted: 'states.amazonaws.com',
      grants: {
        '<CollectFunction.Arn>': ['lambda:InvokeFunction'],
        'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default': ['events:PutEvents'],
        '*': [...LOG_DELIVERY, ...SAMPLING, ...TRACE],
      },
    },
  ])('$role: exactly these actions on exactly these resources', ({ role, trusted, grants }) => {
    expect(grantsOf(byDefault, role)).toEqual(grants);
    expect(only(byDefault, 'AWS::IAM::Role', role).Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: trusted } }],
    });
  });

  it('is all there is: three roles, and no policy for anybody else', () => {
    const roles = all(byDefault, 'AWS::IAM::Role').map(({ name }) => name);
    expect(roles.toSorted()).toEqual(['CollectFunctionRole', 'StartFunctionRole', 'StateMachineRole']);
    for (const { Properties } of all(byDefault, 'AWS::IAM::Policy')) {
      expect(roles.map((role) => [`<${role}>`])).toContainEqual(Properties.Roles);
      expect(Properties).not.toHaveProperty('Users');
      expect(Properties).not.toHaveProperty('Groups');
    }
  });

  it('comes from no managed policy', () => {
    expect(all(byDefault, 'AWS::IAM::ManagedPolicy')).toEqual([]);
    for (const { Properties } of all(byDefault, 'AWS::IAM::Role')) {
      expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  it('names its resources, but where AWS has none to name: delivering logs and traces', () => {
    const statements = policyStatements(byDefault.resolved);
    const everywhere = statements.filter(({ Resource }) => asList(Resource).includes('*'));
    const actions = new Set(everywhere.flatMap(({ Action }) => asList(Action)));
    expect([...actions].toSorted()).toEqual([...LOG_DELIVERY, ...SAMPLING, ...TRACE].toSorted());
    expect(everywhere.every(({ Effect }) => Effect === 'Allow')).toBe(true);
  });

  it('names its actions: only what is forbidden is forbidden altogether', () => {
    const statements = policyStatements(byDefault.resolved);
    const allowed = statements.filter(({ Effect }) => Effect !== 'Deny');
    expect(allowed.length).toBeGreaterThan(10);
    expect(allowed.filter(({ Action }) => asList(Action).some((action) => String(action).includes('*')))).toEqual([]);
    expect(statements.filter((statement) => 'NotAction' in statement || 'NotResource' in statement)).toEqual([]);
  });

  it('follows the bus of the settings', () => {
    expect(Object.keys(grantsOf(withSettings, 'StateMachineRole'))).toContain(
      'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/orders',
    );
  });
});

describe('the state machine', () => {
  it('is written in JSONPath and begins with Collect', () => {
    expect(byDefault.machine).toMatchObject({ QueryLanguage: 'JSONPath', StartAt: 'Collect' });
    expect(Object.keys(byDefault.machine.States).toSorted()).toEqual(
      ['Announce issued', 'Collect', 'Collected', 'Issued?', 'Wait'].toSorted(),
    );
  });

  it('catches nothing and has no state that fails: an execution fails in Collect, where a redrive asks again', () => {
    for (const state of Object.values(byDefault.machine.States)) {
      expect(state).not.toHaveProperty('Catch');
      expect(state.Type).not.toBe('Fail');
    }
  });

  it('tells Collect the order, the name of the execution and when it began, and keeps the answer beside the order', () => {
    expect(stateOf('Collect')).toMatchObject({
      Type: 'Task',
      Resource: '<CollectFunction.Arn>',
      Parameters: { 'order.$': '$', 'execution.$': '$$.Execution.Name', 'startedAt.$': '$$.Execution.StartTime' },
      ResultPath: '$.collection',
      Next: 'Issued?',
    });
    expect(stateOf('Collect')).not.toHaveProperty('OutputPath');
  });

  it('gives Collect more time than its function has', () => {
    const { Timeout } = only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties;
    expect(stateOf('Collect').TimeoutSeconds).toBeGreaterThan(Number(Timeout));
  });

  it('waits while the order waits, announces a certificate that is new, and ends', () => {
    expect(stateOf('Issued?')).toEqual({
      Type: 'Choice',
      Choices: [
        { Variable: '$.collection.outcome', StringEquals: 'waiting', Next: 'Wait' },
        { Variable: '$.collection.certificate.changed', BooleanEquals: true, Next: 'Announce issued' },
      ],
      Default: 'Collected',
    });
    expect(stateOf('Collected')).toEqual({ Type: 'Succeed' });
  });

  it('waits as long as Collect says, and asks again', () => {
    expect(stateOf('Wait')).toEqual({ Type: 'Wait', SecondsPath: '$.collection.waitSeconds', Next: 'Collect' });
  });

  it('announces the certificate of the order on the bus', () => {
    const { Resource, Parameters, ResultPath, Next } = stateOf('Announce issued');
    expect({ Resource, ResultPath, Next }).toEqual({
      Resource: 'arn:<AWS::Partition>:states:::events:putEvents',
      ResultPath: null,
      Next: 'Collected',
    });
    expect(Parameters).toEqual({
      Entries: [
        {
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Issued',
          Detail: { 'orderNumber.$': '$.orderNumber', 'certificate.$': '$.collection.certificate' },
          EventBusName: 'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default',
        },
      ],
    });
    expect(JSON.stringify(withSettings.machine.States['Announce issued'])).toContain(':event-bus/orders"');
  });

  it.each([
    { settings: 'the defaults', stack: () => byDefault, giveUpAfter: 90 * DAY, pollEvery: 3 * 3600 },
    { settings: 'others', stack: () => withSettings, giveUpAfter: 200 * DAY, pollEvery: 6 * 3600 },
  ])('outlives the deadline by more than the longest wait, with $settings', ({ stack, giveUpAfter, pollEvery }) => {
    expect(stack().machine.TimeoutSeconds).toBeGreaterThan(giveUpAfter + 2 * pollEvery);
    // A standard execution ends after a year.
    expect(stack().machine.TimeoutSeconds).toBeLessThan(365 * DAY);
  });

  it('is traced, and logs its errors without the data of executions', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties).toMatchObject({
      RoleArn: '<StateMachineRole.Arn>',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: {
        Level: 'ERROR',
        IncludeExecutionData: false,
        Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: '<StateMachineLogs.Arn>' } }],
      },
    });
    expect(only(byDefault, 'AWS::Logs::LogGroup', 'StateMachineLogs').Properties).toEqual({ RetentionInDays: 90 });
  });

  it('is a standard one: an express execution ends after five minutes', () => {
    expect(only(byDefault, 'AWS::StepFunctions::StateMachine').Properties.StateMachineType ?? 'STANDARD').toBe(
      'STANDARD',
    );
  });
});

describe('how Collect is repeated', () => {
  it('never after an error that ends a collection', () => {
    const [first] = retriersOf('Collect');
    expect(first?.MaxAttempts).toBe(0);
    expect(first?.ErrorEquals.toSorted()).toEqual(Object.keys(NEXT_STEPS).toSorted());
  });

  it('with full jitter and a capped delay while Lambda has no room for it', () => {
    const [, second] = retriersOf('Collect');
    expect(second).toMatchObject({ JitterStrategy: 'FULL', MaxDelaySeconds: 300 });
    expect(second?.ErrorEquals.toSorted()).toEqual([
      'Lambda.AWSLambdaException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.SdkClientException',
      'Lambda.ServiceException',
      'Lambda.TooManyRequestsException',
    ]);
  });

  it('long enough for a thousand orders to get through one after the other, each 3 seconds long', () => {
    const [, queue] = retriersOf('Collect');
    // With full jitter a delay is half of the longest on average.
    expect(delaysOf(queue).reduce((sum, delay) => sum + delay / 2, 0)).toBeGreaterThan(2 * 1000 * 3);
  });

  it('for hours after anything else, and that comes last: Step Functions reads no retrier behind States.ALL', () => {
    const retriers = retriersOf('Collect');
    expect(retriers.map(({ ErrorEquals }) => ErrorEquals.includes('States.ALL'))).toEqual([false, false, true]);
    expect(retriers.at(-1)).toMatchObject({
      ErrorEquals: ['States.ALL'],
      JitterStrategy: 'FULL',
      MaxDelaySeconds: 3600,
    });
    const longest = delaysOf(retriers.at(-1)).reduce((sum, delay) => sum + delay, 0);
    expect(longest / 3600).toBeGreaterThan(6);
    expect(longest / 3600).toBeLessThan(12);
  });

  it('as is the announcement', () => {
    expect(retriersOf('Announce issued')).toEqual([retriersOf('Collect').at(-1)]);
  });
});

/** AWS, "Step Functions execution history": a Lambda task is entered, scheduled, started, succeeded, exited. */
const HISTORY_EVENTS: Readonly<Record<string, number>> = { Task: 5, Choice: 2, Wait: 2 };

describe('one round of the loop', () => {
  it('costs as many events of history as the settings reckon with', () => {
    const waiting = stateOf('Issued?').Choices?.find(({ StringEquals }) => StringEquals === 'waiting');
    const round: string[] = [];
    for (let state: string | undefined = byDefault.machine.StartAt; state && !round.includes(state); ) {
      round.push(state);
      const { Type, Next }: State = stateOf(state);
      state = Type === 'Choice' ? waiting?.Next : Next;
    }
    expect(round).toEqual(['Collect', 'Issued?', 'Wait']);
    const events = round.map((state) => HISTORY_EVENTS[stateOf(state).Type] ?? Number.NaN);
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(EVENTS_PER_CHECK);
  });
});

describe('the stack', () => {
  let outdir: string;
  beforeAll(() => {
    outdir = mkdtempSync(join(tmpdir(), 'app-'));
  });
  afterAll(() => rmSync(outdir, { recursive: true }));

  it('has the outputs that an operator types', () => {
    expect(byDefault.resolved.Outputs).toEqual({
      BucketName: { Value: '<Bucket>' },
      StateMachineArn: { Value: '<StateMachine>' },
      CredentialsSecretArn: { Value: '<Credentials>' },
    });
  });

  it('asks for nothing at deployment, least of all a password', () => {
    expect(Object.keys(byDefault.resolved.Parameters)).toEqual(['BootstrapVersion']);
  });

  it('fails to synthesize with a setting that cannot be used, and says which', () => {
    expect(() => synthesize({ pollEvery: 'PT1H', eventBusName: 'a b' })).toThrow(
      /^Settings cannot be used:\n {2}- eventBusName: "a b" .*\n {2}- pollEvery: PT1H /,
    );
  });

  it('is named MarkCertificateCollector, and takes its settings from the context', () => {
    const context = { ...CONTEXT, ...SETTINGS, 'aws:cdk:bundling-stacks': [] };
    const { status, stderr } = spawnSync(process.execPath, ['infra/app.ts'], {
      cwd: PROJECT,
      env: { CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const { artifacts } = JSON.parse(readFileSync(join(outdir, 'manifest.json'), 'utf8'));
    expect(artifacts.MarkCertificateCollector).toMatchObject({
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'MarkCertificateCollector.template.json' },
    });
    expect(JSON.parse(readFileSync(join(outdir, 'MarkCertificateCollector.template.json'), 'utf8'))).toEqual(
      withSettings.template.toJSON(),
    );
  });
});

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** A resource under its construct's name: the logical id without the prefix and the hash that CDK adds. */
interface NamedResource extends Resource {
  readonly name: string;
}

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts?: number;
}

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Resource?: string;
  readonly Parameters?: unknown;
  readonly ResultPath?: string | null;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Choices?: readonly { readonly StringEquals?: string; readonly Next: string }[];
}

interface Machine {
  readonly StartAt: string;
  readonly TimeoutSeconds: number;
  readonly States: Readonly<Record<string, State>>;
}

interface Resolved {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
  readonly Parameters: Readonly<Record<string, unknown>>;
}

interface Stack {
  readonly template: Template;
  /** The template with every reference as text: `<Bucket.Arn>`. */
  readonly resolved: Resolved;
  readonly machine: Machine;
}

interface Statement {
  readonly Effect: string;
  readonly Action?: unknown;
  readonly Resource?: unknown;
}

/** Synthesizes the stack as the app does, without building the functions. */
function synthesize(settings: Readonly<Record<string, string>> = {}): Stack {
  const outdir = mkdtempSync(join(tmpdir(), 'stack-'));
  try {
    const app = new App({ outdir, context: { ...CONTEXT, ...settings, 'aws:cdk:bundling-stacks': [] } });
    const template = Template.fromStack(new MarkCertificateCollectorStack(app, 'MarkCertificateCollector'));
    const resolved = resolve(template.toJSON()) as Resolved;
    const machines = Object.values(resolved.Resources).filter(
      ({ Type }) => Type === 'AWS::StepFunctions::StateMachine',
    );
    return {
      template,
      resolved,
      machine: JSON.parse(machines.map(({ Properties }) => Properties.DefinitionString).join()),
    };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function resolve(value: unknown): unknown {
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

function nameOf(logicalId: string): string {
  return logicalId.replace(/^Collector(.+)[0-9A-F]{8}$/, '$1');
}

function all({ resolved }: Stack, type: string): NamedResource[] {
  return Object.entries(resolved.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, resource]) => ({ name: nameOf(id), ...resource }));
}

function only(stack: Stack, type: string, name?: string): NamedResource {
  const [found, ...others] = all(stack, type).filter((resource) => name === undefined || resource.name === name);
  if (!found || others.length > 0) {
    throw new Error(`The template has not exactly one ${type} ${name ?? ''}`);
  }
  return found;
}

function stateOf(name: string): State {
  const state = byDefault.machine.States[name];
  if (!state) {
    throw new Error(`The definition has no state ${name}`);
  }
  return state;
}

function retriersOf(state: string): readonly Retrier[] {
  return stateOf(state).Retry ?? [];
}

/** The longest delay before each attempt, in seconds. */
function delaysOf({
  IntervalSeconds = 1,
  BackoffRate = 2,
  MaxDelaySeconds,
  MaxAttempts = 3,
}: Partial<Retrier> = {}): number[] {
  return Array.from({ length: MaxAttempts }, (_, attempt) =>
    Math.min(IntervalSeconds * BackoffRate ** attempt, MaxDelaySeconds ?? Number.POSITIVE_INFINITY),
  );
}

function environmentOf(stack: Stack, name: string): unknown {
  const { Environment } = only(stack, 'AWS::Lambda::Function', name).Properties;
  return (Environment as { readonly Variables: unknown }).Variables;
}

/** Every statement of every policy in a template, wherever it stands; trust policies have no resource and are left out. */
function policyStatements(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const here = 'Effect' in value && ('Resource' in value || 'NotResource' in value) ? [value as Statement] : [];
  return [...here, ...Object.values(value).flatMap(policyStatements)];
}

function statementsOf(stack: Stack, type: string): Statement[] {
  return policyStatements(only(stack, type).Properties);
}

/** What a role may do, by resource; conditions would show as another kind of statement and are refused. */
function grantsOf(stack: Stack, role: string): Record<string, string[]> {
  const attached = all(stack, 'AWS::IAM::Policy').filter(({ Properties }) =>
    asList(Properties.Roles).includes(`<${role}>`),
  );
  const statements = policyStatements([only(stack, 'AWS::IAM::Role', role), attached]);
  const grants: Record<string, string[]> = {};
  for (const { Effect, Action, Resource, ...rest } of statements) {
    expect({ Effect, rest }).toEqual({ Effect: 'Allow', rest: {} });
    for (const resource of asList(Resource)) {
      grants[String(resource)] = [...(grants[String(resource)] ?? []), ...asList(Action).map(String)].toSorted();
    }
  }
  return grants;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
