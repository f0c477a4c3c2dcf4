import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLACEHOLDER } from '../../functions/secret.ts';
import {
  all,
  asList,
  CERTIFICATE_ARN,
  KEY_ARN,
  only,
  policyStatements,
  readConstructs,
  SETTINGS,
  type SynthesizedStack,
  synthesize,
} from './synthesized.ts';

const COMBINATIONS = {
  'the defaults': {},
  'push on': { push: 'true' },
  'publish on': { publish: 'true' },
  'publish on, with a host name': {
    publish: 'true',
    publishDomainName: 'bimi.example.com',
    publishCertificateArn: CERTIFICATE_ARN,
  },
  'publish on, with a customer-managed key': { publish: 'true', kmsKeyArn: KEY_ARN },
  'publish on, with unpublishRevoked': { publish: 'true', unpublishRevoked: 'true' },
  'publish on, with publishLogs': { publish: 'true', publishLogs: 'true' },
  'a customer-managed key': { kmsKeyArn: KEY_ARN },
  'all settings on': SETTINGS,
} as const satisfies Record<string, Readonly<Record<string, string>>>;
type Combination = keyof typeof COMBINATIONS;
const NAMES = Object.keys(COMBINATIONS) as Combination[];

/** A rule of cdk-nag, and the path of the construct that violates it or for which it is acknowledged. */
interface Finding {
  readonly id: string;
  readonly path: string;
}

interface Acknowledgement extends Finding {
  readonly reason: string;
}

interface Checked {
  /** The findings of AwsSolutions that are not acknowledged. */
  readonly findings: readonly Finding[];
  /** All findings, including the acknowledged ones. */
  readonly allFindings: readonly Finding[];
  readonly acknowledgements: readonly Acknowledgement[];
}

const allChecked = new Map<Combination, Checked>();
afterAll(() => allChecked.clear());

/** Synthesizes a combination of settings, and checks it with cdk-nag; only once. */
function check(combination: Combination): Checked {
  const known = allChecked.get(combination);
  if (known) {
    return known;
  }
  const checked = readConstructs(COMBINATIONS[combination], (stack) => {
    const findAll = new AwsSolutionsChecks();
    // cdk-nag has no option for this.
    Reflect.set(findAll, 'isAcknowledged', () => false);
    return {
      findings: findingsOf(new AwsSolutionsChecks(), stack),
      allFindings: findingsOf(findAll, stack),
      acknowledgements: stack.node.findAll().flatMap(acknowledgementsOf),
    };
  });
  allChecked.set(combination, checked);
  return checked;
}

function findingsOf(checks: AwsSolutionsChecks, stack: IConstruct): Finding[] {
  return checks
    .validateScope(stack)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath = '' }) => ({ id: ruleName, path: constructPath })),
    );
}

function acknowledgementsOf({ node }: IConstruct): Acknowledgement[] {
  return node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries<string>(data))
    .map(([id, reason]) => ({ id: id.replace(/^annotation::/i, ''), path: node.path, reason }));
}

describe.each(NAMES)('AwsSolutions, with %s', (name) => {
  let checked: Checked;

  beforeAll(() => {
    checked = check(name);
  });

  test('Every finding is acknowledged.', () => {
    expect(checked.findings).toEqual([]);
  });

  test('Every acknowledgement is necessary: without it there would be a finding.', () => {
    expect(checked.acknowledgements.length).toBeGreaterThan(5);
    const unneeded = checked.acknowledgements.filter(
      ({ id, path }) =>
        !checked.allFindings.some((finding) => finding.id === id && finding.path.startsWith(`${path}/`)),
    );
    expect(unneeded).toEqual([]);
  });

  test('Every acknowledgement is for one construct, with a reason.', () => {
    for (const { id, path, reason } of checked.acknowledgements) {
      const excused = checked.allFindings.filter((each) => each.id === id && each.path.startsWith(`${path}/`));
      expect(excused).toHaveLength(1);
      expect(reason).toMatch(/^[A-Z].{30,}\.$/);
    }
  });
});

describe('the acknowledgements, with all settings on', () => {
  test('The acknowledgements are these, and no others.', () => {
    const { acknowledgements } = check('all settings on');
    const byConstruct = acknowledgements.map(
      ({ id, path }) => `${path.split('/').at(-1)}: ${id.replace(/[0-9A-F]{8}(?=[.>])/g, '')}`,
    );
    const executions =
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<CollectorStateMachine.Name>:order-*]';
    expect(byConstruct.toSorted()).toEqual(
      [
        'Bucket: AwsSolutions-S1',
        'Credentials: AwsSolutions-SMG4',
        'PushCredentials: AwsSolutions-SMG4',
        'DeadLetterQueue: AwsSolutions-SQS3',
        'StateMachine: AwsSolutions-SF1',
        'StateMachine: AwsSolutions-SF2',
        'CollectFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*]',
        'CollectFunctionRole: AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:acme/accounts/*]',
        ...['certificate.json', 'chain.pem', 'logo.svg', 'report.html', 'response.*'].map(
          (name) => `SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/${name}]`,
        ),
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/order.json]',
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/watched/*]',
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/overview/*]',
        'NotifyFunctionRole: AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<CollectorOverviewSchedules>/overview*]',
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/status.json]',
        'Publication: AwsSolutions-CFR1',
        'Publication: AwsSolutions-CFR2',
        'PublicationLogs: AwsSolutions-S1',
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorPublicationLogs.Arn>/cloudfront/<CollectorPublication>.*]',
        'PublishFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*]',
        'PublishFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*]',
        'PublishFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*/*.pem]',
        'PublishFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*/*.svg]',
        'RevokeFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*]',
        'RevokeFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*/*.pem]',
        'RevokeFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*/*.svg]',
        'SurveyFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/published/*/*.json]',
        ...['certificate', 'order', 'status'].flatMap((name) =>
          ['NotifyFunctionRole', 'StartFunctionRole'].map(
            (role) => `${role}: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/${name}.json]`,
          ),
        ),
        `NotifyFunctionRole: ${executions}`,
        `SurveyFunctionRole: ${executions}`,
        `StartFunctionRole: ${executions}`,
        `PushFunctionRole: ${executions}`,
        'PushFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/order.json]',
        'PushFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/certificate.json]',
        'PushFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/orders/*/status.json]',
        'PushFunctionRole: AwsSolutions-IAM5[Resource::<CollectorBucket.Arn>/pushes/*]',
        'StateMachineRole: AwsSolutions-IAM5[Resource::*]',
      ].toSorted(),
    );
  });
});

describe.each(NAMES)('the template, with %s', (name) => {
  let stack: SynthesizedStack;

  beforeAll(() => {
    stack = synthesize(COMBINATIONS[name]);
  });

  test('Only principals of this account may read the bucket, and CloudFront the published objects.', () => {
    const policies = policyStatements(only(stack, 'AWS::S3::BucketPolicy', 'BucketPolicy').Properties);
    const [distribution, ...others] = all(stack, 'AWS::CloudFront::Distribution');
    expect(others).toEqual([]);
    expect(distribution !== undefined).toBe('publish' in COMBINATIONS[name]);
    expect(policies).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: ['<Bucket.Arn>', '<Bucket.Arn>/*'],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      ...(distribution
        ? [
            {
              Effect: 'Allow',
              Principal: { Service: 'cloudfront.amazonaws.com' },
              Action: 's3:GetObject',
              Resource: ['<Bucket.Arn>/published/*.pem', '<Bucket.Arn>/published/*.svg'],
              Condition: {
                StringEquals: {
                  'AWS:SourceArn': 'arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<Publication>',
                },
              },
            },
          ]
        : []),
    ]);
    expect(only(stack, 'AWS::S3::Bucket', 'Bucket').Properties.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
  });

  test('Only the roles that need objects may read them, each only in its folders.', () => {
    const readers = [...all(stack, 'AWS::IAM::Policy'), ...all(stack, 'AWS::IAM::Role')].flatMap((policy) =>
      policyStatements(policy.Properties)
        .filter(({ Action }) => asList(Action).some((action) => /^s3:Get|^s3:\*|^\*/.test(String(action))))
        .flatMap(({ Resource }) => asList(Resource).map((resource) => `${policy.name}: ${resource}`)),
    );
    const published = [
      'PublishFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*',
      'PublishFunctionRoleDefaultPolicy: <Bucket.Arn>/published/*',
      'RevokeFunctionRoleDefaultPolicy: <Bucket.Arn>/published/*',
      'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/published/*/*.json',
    ];
    const logs = ['<Bucket.Arn>/overview/fetches.json', '<PublicationLogs.Arn>/cloudfront/<Publication>.*'].map(
      (object) => `SurveyFunctionRoleDefaultPolicy: ${object}`,
    );
    const pushed = ['certificate', 'order', 'status'].map(
      (object) => `PushFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*/${object}.json`,
    );
    expect(readers.toSorted()).toEqual(
      [
        'CollectFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*',
        ...['certificate.json', 'chain.pem', 'logo.svg', 'report.html', 'response.*'].map(
          (name) => `SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*/${name}`,
        ),
        ...['certificate', 'order', 'status'].flatMap((name) =>
          ['NotifyFunctionRole', 'StartFunctionRole'].map(
            (role) => `${role}DefaultPolicy: <Bucket.Arn>/orders/*/${name}.json`,
          ),
        ),
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*/order.json',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/overview/*',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/orders/*/status.json',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/survey/crls.json',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/survey/daily.json',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/survey/deployment.json',
        'SurveyFunctionRoleDefaultPolicy: <Bucket.Arn>/watched/*',
        ...('push' in COMBINATIONS[name] ? pushed : []),
        ...('publish' in COMBINATIONS[name] ? published : []),
        ...('publishLogs' in COMBINATIONS[name] ? logs : []),
      ].toSorted(),
    );
  });

  test('No allowed action contains a wildcard.', () => {
    const allowed = policyStatements(stack.resolved).filter(({ Effect }) => Effect !== 'Deny');
    expect(allowed.length).toBeGreaterThan(10);
    expect(allowed.filter(({ Action }) => asList(Action).some((action) => String(action).includes('*')))).toEqual([]);
    expect(allowed.filter((statement) => 'NotAction' in statement || 'NotResource' in statement)).toEqual([]);
  });

  test('The template contains no password except the placeholder.', () => {
    const secrets = all(stack, 'AWS::SecretsManager::Secret').map(({ Properties }) => Properties.SecretString);
    expect(secrets.filter((secret) => secret !== undefined)).toEqual([
      JSON.stringify({ loginName: PLACEHOLDER, loginPassword: PLACEHOLDER }),
    ]);
    const elsewhere = { ...stack.resolved.Resources };
    for (const [id, { Type }] of Object.entries(elsewhere)) {
      if (Type === 'AWS::SecretsManager::Secret') {
        delete elsewhere[id];
      }
    }
    const text = JSON.stringify(elsewhere);
    expect(text).not.toMatch(/password|\{\{resolve:/i);
    expect(text).not.toContain(PLACEHOLDER);
    expect(JSON.stringify(stack.resolved.Outputs)).not.toMatch(/password|resolve:/i);
  });

  test('The functions receive only the ARNs of secrets.', () => {
    const values = all(stack, 'AWS::Lambda::Function').flatMap(({ Properties }) => {
      const { Variables } = Properties.Environment as { Variables: Readonly<Record<string, string>> };
      return Object.entries(Variables).filter(([variable]) => /secret|login|password|credentials/i.test(variable));
    });
    expect(values.map(([, value]) => value)).toEqual(
      values.map(([variable]) => (variable === 'PUSH_SECRET_ARN' ? '<PushCredentials>' : '<Credentials>')),
    );
    expect(values.length).toBeGreaterThan(0);
  });

  test("The state machine's log does not contain the data of executions.", () => {
    expect(only(stack, 'AWS::StepFunctions::StateMachine').Properties.LoggingConfiguration).toMatchObject({
      IncludeExecutionData: false,
    });
  });
});
