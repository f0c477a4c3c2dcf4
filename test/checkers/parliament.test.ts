import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nameOf } from '../infra/synthesized.ts';
import { type Accepted, expectAccepted, type Finding } from './findings.ts';
import { runPython } from './python.ts';
import { COMBINATIONS, NAMES, type RawTemplate, rawTemplate, resolve, resolvedResources } from './templates.ts';

/**
 * parliament requires a resource of every type that an action supports. One is enough: the machine is a standard one, so
 * it has no express executions and no map runs.
 */
const unusedType = (action: string, form: string): Accepted => ({
  rule: 'RESOURCE_MISMATCH',
  message: `No resources match for the given action: [{"action": "${action}", "required_format": "${form}"}]`,
  reason: 'The state machine has no resources of this type.',
});

/** The findings that stay, and those that exist only with the setting `push`. */
const ACCEPTED: readonly Accepted[] = [
  {
    rule: 'PERMISSIONS_MANAGEMENT_ACTIONS',
    where: 'StateMachineRole.Policies.0',
    reason: 'A state machine that writes a log needs logs:PutResourcePolicy (AWS: Step Functions, Logging).',
  },
  {
    rule: 'PERMISSIONS_MANAGEMENT_ACTIONS',
    where: 'NotifyFunctionRoleDefaultPolicy',
    reason:
      'Who creates a schedule passes its role (AWS: EventBridge Scheduler, Using identity-based policies). notify may pass ' +
      'only the role that invokes survey, and only to EventBridge Scheduler.',
  },
  unusedType('states:DescribeExecution', 'arn:*:states:*:*:express:*:*:*'),
  unusedType('states:ListExecutions', 'arn:*:states:*:*:mapRun:*/*:*'),
];
const ACCEPTED_WITH_PUSH: readonly Accepted[] = [
  {
    rule: 'UNKNOWN_CONDITION_FOR_ACTION',
    where: 'PushFunctioninvokefunction',
    message:
      'Unknown condition for action: Unknown condition lambda:InvokedViaFunctionUrl for action lambda:InvokeFunction',
    reason:
      "The key is newer than parliament's data: function URLs need this permission since October 2025 (AWS: Lambda, " +
      'Control access to Lambda function URLs).',
  },
];

/**
 * Every policy document of a template, by resource: what a role allows, and what a resource allows others, permissions of
 * functions included. Trust policies, whose statements have no resource, are left out: parliament does not know them.
 */
function policiesOf(template: RawTemplate): Record<string, unknown> {
  const policies: Record<string, unknown> = {};
  const add = (where: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      return;
    }
    if ('Statement' in value) {
      policies[where] = resolve(template, value);
      return;
    }
    for (const [key, each] of Object.entries(value)) {
      if (key !== 'AssumeRolePolicyDocument') {
        add(key === 'PolicyDocument' ? where : `${where}.${key}`, each);
      }
    }
  };
  for (const [id, { Properties }] of Object.entries(template.Resources)) {
    add(nameOf(id), Properties);
  }
  for (const [name, properties] of resolvedResources(template, 'AWS::Lambda::Permission')) {
    policies[name] = { Version: '2012-10-17', Statement: [permissionStatement(properties)] };
  }
  return policies;
}

/** The statement that Lambda adds to the policy of a function for a permission (Lambda, AddPermission). */
function permissionStatement(permission: Readonly<Record<string, unknown>>): object {
  const { Action, FunctionName, Principal, SourceArn, FunctionUrlAuthType, InvokedViaFunctionUrl } = permission;
  const conditions = {
    ...(SourceArn !== undefined && { ArnLike: { 'AWS:SourceArn': SourceArn } }),
    ...(FunctionUrlAuthType !== undefined && { StringEquals: { 'lambda:FunctionUrlAuthType': FunctionUrlAuthType } }),
    ...(InvokedViaFunctionUrl !== undefined && {
      Bool: { 'lambda:InvokedViaFunctionUrl': String(InvokedViaFunctionUrl) },
    }),
  };
  return {
    Effect: 'Allow',
    Principal: Principal === '*' ? '*' : { Service: Principal },
    Action,
    Resource: FunctionName,
    ...(Object.keys(conditions).length > 0 && { Condition: conditions }),
  };
}

const BUCKET = 'arn:aws:s3:::bucket';
const BUS = 'arn:aws:events:us-east-1:111122223333:event-bus/default';

/** Statements that parliament must report, each with its rule. */
const FAULTS: Readonly<Record<string, readonly [string, object]>> = {
  'an action that does not exist': ['UNKNOWN_ACTION', { Action: 's3:ReadObject', Resource: `${BUCKET}/*` }],
  'a service that does not exist': ['UNKNOWN_PREFIX', { Action: 's4:GetObject', Resource: `${BUCKET}/*` }],
  'a resource of another type': ['RESOURCE_MISMATCH', { Action: 's3:GetObject', Resource: BUCKET }],
  'a resource without a reason to be a wildcard': ['RESOURCE_STAR', { Action: 'sqs:SendMessage', Resource: '*' }],
  'a condition key that does not exist': [
    'UNKNOWN_CONDITION_FOR_ACTION',
    { Action: 'events:PutEvents', Resource: BUS, Condition: { StringEquals: { 'events:detailtype': 'x' } } },
  ],
  'a condition key of another action': [
    'UNKNOWN_CONDITION_FOR_ACTION',
    {
      Action: 'secretsmanager:ListSecretVersionIds',
      Resource: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:login-AbCdEf',
      Condition: { StringLike: { 'secretsmanager:VersionStage': 'REJECTED-*' } },
    },
  ],
  'a resource that is not an ARN': ['INVALID_ARN', { Action: 's3:GetObject', Resource: 'bucket/*' }],
  'an operator that does not exist': [
    'UNKNOWN_OPERATOR',
    { Action: 'events:PutEvents', Resource: BUS, Condition: { StringIs: { 'events:source': 'x' } } },
  ],
  'the permission to change policies': [
    'PERMISSIONS_MANAGEMENT_ACTIONS',
    { Action: 's3:PutBucketPolicy', Resource: BUCKET },
  ],
};

let findings: readonly Finding[];
const policies = new Map(NAMES.map((name) => [name, policiesOf(rawTemplate(name))]));
const keyOf = (combination: string, policy: string) => `${combination}: ${policy}`;

/** Checks all policies in one run: parliament reads ten megabytes of definitions at its start. */
beforeAll(async () => {
  const all: Record<string, unknown> = {};
  for (const [name, documents] of policies) {
    for (const [policy, document] of Object.entries(documents)) {
      all[keyOf(name, policy)] = document;
    }
  }
  for (const [name, [, statement]] of Object.entries(FAULTS)) {
    all[name] = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] };
  }
  const script = join(import.meta.dirname, 'check_policies.py');
  findings = JSON.parse(await runPython('python', [script], JSON.stringify(all)));
});

test.each(NAMES)('parliament finds nothing that is not accepted in the policies of the stack, with %s.', (name) => {
  const prefix = keyOf(name, '');
  const settings: Readonly<Record<string, string>> = COMBINATIONS[name];
  const found = findings.filter(({ where }) => where.startsWith(prefix));
  expectAccepted(
    found.map((finding) => ({ ...finding, where: finding.where.slice(prefix.length) })),
    settings.push === 'true' ? [...ACCEPTED, ...ACCEPTED_WITH_PUSH] : ACCEPTED,
  );
});

test('The policies of roles, bucket, queue, topic and functions are checked.', () => {
  const names = Object.keys(policies.get('all settings') ?? {});
  expect(names).toEqual(expect.arrayContaining(['BucketPolicy', 'DeadLetterQueuePolicy', 'AlarmTopicPolicy']));
  expect(names.filter((name) => name.includes('Role')).length).toBeGreaterThan(5);
  expect(names.filter((name) => name.includes('invoke')).length).toBeGreaterThan(0);
});

describe('parliament reports', () => {
  test.each(Object.entries(FAULTS))('%s.', (name, [rule]) => {
    expect(findings.filter(({ where }) => where === name).map((finding) => finding.rule)).toContain(rule);
  });
});
