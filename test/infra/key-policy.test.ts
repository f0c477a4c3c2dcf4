import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, test } from 'vitest';
import { allowServices, keyStatements, missingServices } from '../../infra/key-policy.ts';
import { read } from './markdown.ts';
import { all, asList, KEY_ARN, policyStatements, SETTINGS, synthesize } from './synthesized.ts';

const PLACE = { partition: 'aws', region: 'eu-central-1', account: '111122223333' };
const jsonOf = (publish: boolean) => keyStatements({ ...PLACE, publish });

describe('the policy of a customer-managed key', () => {
  test('docs/settings.md shows the statements, ready to copy.', () => {
    const [, json = ''] =
      /The stack cannot change the policy of the key[\s\S]*?```json\n([\s\S]*?)```/.exec(read('docs/settings.md')) ??
      [];
    expect(JSON.parse(json)).toEqual(jsonOf(true));
  });

  test('EventBridge may use the key without a condition, because with one it drops events silently.', () => {
    expect(jsonOf(false)).toContainEqual({
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
    });
  });

  test('CloudWatch may use the key for alarms of this account.', () => {
    expect(jsonOf(false)).toContainEqual({
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
      Condition: {
        StringEquals: { 'aws:SourceAccount': '111122223333' },
        ArnLike: { 'aws:SourceArn': 'arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*' },
      },
    });
  });

  test('CloudFront may decrypt for distributions of this account, only with publish.', () => {
    const ofCloudFront = (publish: boolean) => JSON.stringify(jsonOf(publish)).includes('cloudfront');
    expect([ofCloudFront(true), ofCloudFront(false)]).toEqual([true, false]);
    expect(jsonOf(true)).toContainEqual({
      Effect: 'Allow',
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Action: ['kms:Decrypt'],
      Resource: '*',
      Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:cloudfront::111122223333:distribution/*' } },
    });
  });

  test('A key that the app creates gets the statements.', () => {
    const stack = new Stack(new App(), 'Stack', { env: PLACE });
    allowServices(new Key(stack, 'Key'), ['events', 'cloudwatch', 'cloudfront']);
    const [key] = Object.values(Template.fromStack(stack).findResources('AWS::KMS::Key'));
    const services = policyStatements(key?.Properties).map((each) => JSON.stringify(each));
    for (const service of ['events', 'cloudwatch', 'cloudfront']) {
      expect(services.join()).toContain(`${service}.amazonaws.com`);
    }
  });

  test('No other service sends to the queue or to a topic, and no other service reads the bucket.', () => {
    const policies = ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy', 'AWS::S3::BucketPolicy'].flatMap((type) =>
      all(synthesize(SETTINGS), type).flatMap(({ Properties }) => policyStatements(Properties)),
    );
    const services = policies.flatMap(({ Principal }) => (isService(Principal) ? asList(Principal.Service) : []));
    const covered = jsonOf(true).map(({ Principal }) => Principal.Service);
    expect(new Set(services)).toEqual(new Set(covered));
  });

  test('Every role that the stack gives the key may decrypt and create data keys, and nothing else.', () => {
    const grants = [...all(synthesize(SETTINGS), 'AWS::IAM::Policy'), ...all(synthesize(SETTINGS), 'AWS::IAM::Role')]
      .flatMap(({ Properties }) => policyStatements(Properties))
      .filter(({ Resource }) => asList(Resource).includes(KEY_ARN));
    expect(grants.length).toBeGreaterThan(5);
    for (const { Action } of grants) {
      expect(Action).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    }
  });
});

describe('the check of a deployed key', () => {
  const [forEvents, forAlarms] = jsonOf(false);
  const missing = (...Statement: object[]) => missingServices(JSON.stringify({ Statement }), jsonOf(false));
  const root = {
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::111122223333:root' },
    Action: 'kms:*',
    Resource: '*',
  };

  test('A policy with the statements of the page lacks nothing.', () => {
    expect(missing(root, ...jsonOf(false))).toEqual([]);
    expect(missingServices(JSON.stringify({ Statement: jsonOf(true) }), jsonOf(true))).toEqual([]);
  });

  test('One statement for several services, with all actions, is enough.', () => {
    const Service = ['events.amazonaws.com', 'cloudwatch.amazonaws.com'];
    expect(missing({ ...forEvents, Principal: { Service }, Action: 'kms:*' })).toEqual([]);
    expect(missing({ ...forEvents, Principal: { Service }, Action: ['kms:Decrypt', 'kms:Generate*'] })).toEqual([]);
  });

  test.each([
    ['The default policy lacks both services.', [root], ['events', 'cloudwatch']],
    ['A statement is missing.', [forAlarms], ['events']],
    ['An action is missing.', [forAlarms, { ...forEvents, Action: 'kms:Decrypt' }], ['events']],
    [
      'An action is too narrow.',
      [forAlarms, { ...forEvents, Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }],
      ['events'],
    ],
    ['A statement denies.', [forAlarms, { ...forEvents, Effect: 'Deny' }], ['events']],
    [
      'The statement for EventBridge has a condition on the source.',
      [forAlarms, { ...forEvents, Condition: { StringEquals: { 'AWS:SourceAccount': '111122223333' } } }],
      ['events'],
    ],
    ['Everybody is not a service.', [{ ...forEvents, Principal: '*' }, forAlarms], ['events']],
  ])('%s', (_, statements, services) => {
    expect(missing(...statements.map((each) => each ?? {}))).toEqual(services.map((each) => `${each}.amazonaws.com`));
  });
});

function isService(principal: unknown): principal is { readonly Service: unknown } {
  return typeof principal === 'object' && principal !== null && 'Service' in principal;
}
