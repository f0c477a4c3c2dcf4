import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as v from 'valibot';

/** Where the stack is deployed, as text or as tokens. */
export interface KeyPolicyProps {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** Whether CloudFront serves objects of the bucket. */
  readonly publish: boolean;
}

/** The services that a key's policy must allow its use. */
export type KeyService = 'events' | 'cloudwatch' | 'cloudfront';

/** A statement of a key's policy. Such a policy is about this key only, so its resource is always `*`. */
export interface KeyStatement {
  readonly Effect: 'Allow';
  readonly Principal: { readonly Service: string };
  readonly Action: readonly string[];
  readonly Resource: '*';
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * What the policy of a customer-managed key must allow to services, in addition to the statement of every new key that
 * lets IAM policies of the account allow its use. Services that work with a role use the key with that role, so they need
 * nothing here: Lambda (S3, Secrets Manager, SNS, and SQS for failed invocations) and EventBridge Scheduler. Nor do SQS
 * and SNS: their senders use the key.
 *
 * - EventBridge sends events that it cannot deliver to the dead-letter queue. It supports no condition on the source: with
 *   one, it would drop them silently (AWS: SNS, Key management, "Enable compatibility between event sources").
 * - CloudWatch publishes alarms to the topic. It supports the conditions, which exclude alarms of other accounts.
 * - CloudFront reads published objects (AWS: CloudFront, Restrict access to an Amazon S3 origin, "SSE-KMS"). The
 *   distribution does not exist yet when the key is prepared, so the condition allows those of the account.
 */
export function keyStatements({ partition, region, account, publish }: KeyPolicyProps): KeyStatement[] {
  const send = ['kms:Decrypt', 'kms:GenerateDataKey*'];
  return [
    statement('events', send),
    statement('cloudwatch', send, {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
    }),
    ...(publish
      ? [
          statement('cloudfront', ['kms:Decrypt'], {
            ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudfront::${account}:distribution/*` },
          }),
        ]
      : []),
  ];
}

function host(service: KeyService): string {
  return `${service}.amazonaws.com`;
}

function statement(
  service: KeyService,
  Action: readonly string[],
  Condition?: KeyStatement['Condition'],
): KeyStatement {
  const Principal = { Service: host(service) };
  return { Effect: 'Allow', Principal, Action, Resource: '*', ...(Condition && { Condition }) };
}

/**
 * Adds the {@link keyStatements} of some services to the policy of a key that an app creates. The policy of an imported key cannot be changed
 * here: its owner adds the statements (docs/settings.md).
 */
export function allowServices(key: IKey, services: readonly KeyService[]): void {
  const { partition, region, account } = Stack.of(key);
  const statements = keyStatements({ partition, region, account, publish: true });
  for (const each of statements.filter(({ Principal }) => services.some((name) => Principal.Service === host(name)))) {
    key.addToResourcePolicy(PolicyStatement.fromJson(each));
  }
}

const texts = v.union([
  v.pipe(
    v.string(),
    v.transform((text) => [text]),
  ),
  v.array(v.string()),
]);

/** The part of a key's policy that {@link missingServices} reads. */
const policySchema = v.object({
  Statement: v.array(
    v.object({
      Effect: v.string(),
      Principal: v.optional(v.union([v.object({ Service: v.optional(texts) }), v.string()])),
      Action: v.optional(texts, []),
      Condition: v.optional(v.record(v.string(), v.record(v.string(), v.unknown())), {}),
    }),
  ),
});

/**
 * The services that the policy of a key does not allow what they need. Only AWS can decide whether a
 * condition that a service supports is met.
 *
 * @param policy the policy as JSON, as KMS returns it.
 */
export function missingServices(policy: string, needed: readonly KeyStatement[]): string[] {
  const { Statement } = v.parse(policySchema, JSON.parse(policy));
  const allows = ({ Principal: { Service }, Action, Condition }: KeyStatement) =>
    Statement.some(
      (each) =>
        each.Effect === 'Allow' &&
        typeof each.Principal === 'object' &&
        each.Principal.Service?.includes(Service) &&
        Action.every((action) => each.Action.some((pattern) => includesAction(pattern, action))) &&
        (Condition !== undefined || !hasSourceCondition(each.Condition)),
    );
  return needed.filter((each) => !allows(each)).map(({ Principal }) => Principal.Service);
}

/** Whether a pattern like `kms:*` allows an action like `kms:GenerateDataKey*`. */
function includesAction(pattern: string, action: string): boolean {
  const prefix = pattern.replace(/\*$/, '').toLowerCase();
  return pattern.endsWith('*') ? action.toLowerCase().startsWith(prefix) : action.toLowerCase() === prefix;
}

function hasSourceCondition(condition: Readonly<Record<string, Readonly<Record<string, unknown>>>>): boolean {
  return Object.values(condition).some((keys) => Object.keys(keys).some((key) => /^aws:source/i.test(key)));
}
