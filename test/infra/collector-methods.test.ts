import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import {
  COLLECT_METRICS,
  METRICS_NAMESPACE,
  NOTIFY_METRICS,
  PUBLISH_METRICS,
  PUSH_METRICS,
  REVOKE_METRICS,
  SURVEY_METRICS,
  WAITING_METRICS,
} from '../../functions/metrics.ts';
import { MarkCertificateCollector } from '../../infra/mark-certificate-collector.ts';
import type { MarkCertificateCollectorProps } from '../../infra/props.ts';

const SOURCE = 'mark-certificate-collector';

function collectorWith(props: MarkCertificateCollectorProps = {}) {
  const stack = new Stack(new App(), 'Stack', { env: { account: '111122223333', region: 'eu-west-1' } });
  return { stack, collector: new MarkCertificateCollector(stack, 'Collector', { name: 'acme', ...props }) };
}

describe('the rules for events', () => {
  test.each([
    ['onIssued', 'Mark Certificate Issued'],
    ['onWaiting', 'Mark Certificate Waiting'],
    ['onFailed', 'Mark Certificate Failed'],
    ['onExpiring', 'Mark Certificate Expiring'],
    ['onRevoked', 'Mark Certificate Revoked'],
  ] as const)('%s sends "%s" of this collector only to its target.', (method, detailType) => {
    const { stack, collector } = collectorWith();
    collector[method]('Mine', { target: new SnsTopic(new Topic(stack, 'Topic')), description: 'For the shop' });
    Template.fromStack(stack).hasResourceProperties('AWS::Events::Rule', {
      Description: 'For the shop',
      EventBusName: 'default',
      EventPattern: { source: [SOURCE], 'detail-type': [detailType], detail: { collector: ['acme'] } },
      Targets: [Match.objectLike({ Arn: { Ref: Match.stringLikeRegexp('^Topic') } })],
    });
  });

  test('Conditions of the options narrow the pattern, and none widens it.', () => {
    const { stack, collector } = collectorWith();
    collector.onIssued('Mine', {
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { collector: ['other'], orderNumber: ['1378973013'] },
      },
    });
    Template.fromStack(stack).hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: [SOURCE],
        'detail-type': ['Mark Certificate Issued'],
        detail: { collector: ['acme'], orderNumber: ['1378973013'] },
      },
    });
  });

  test('The rules are on the bus of the collector.', () => {
    const stack = new Stack(new App(), 'Stack');
    const eventBus = EventBus.fromEventBusName(stack, 'Bus', 'orders');
    new MarkCertificateCollector(stack, 'Collector', { eventBus }).onFailed('Mine', { ruleName: 'mine' });
    Template.fromStack(stack).hasResourceProperties('AWS::Events::Rule', { Name: 'mine', EventBusName: 'orders' });
  });
});

test('grantRead allows to read orders and the overview, with the key, and to write nothing.', () => {
  const stack = new Stack(new App(), 'Stack');
  const key = new Key(stack, 'Key');
  const collector = new MarkCertificateCollector(stack, 'Collector', { encryptionKey: key });
  const reader = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  collector.grantRead(reader);
  const [policy] = Object.values(
    Template.fromStack(stack).findResources('AWS::IAM::Policy', {
      Properties: { PolicyName: Match.stringLikeRegexp('^ReaderDefaultPolicy') },
    }),
  );
  const statements = policy?.Properties.PolicyDocument.Statement;
  const bucket = stack.resolve(collector.bucket.bucketArn);
  for (const folder of ['orders', 'overview']) {
    expect(statements).toContainEqual({
      Action: ['s3:GetObject*', 's3:GetBucket*', 's3:List*'],
      Effect: 'Allow',
      Resource: [bucket, { 'Fn::Join': ['', [bucket, `/${folder}/*`]] }],
    });
  }
  expect(statements).toContainEqual({
    Action: ['kms:Decrypt', 'kms:DescribeKey'],
    Effect: 'Allow',
    Resource: stack.resolve(key.keyArn),
  });
  expect(statements).toHaveLength(3);
});

describe('the metrics', () => {
  const { stack, collector } = collectorWith();
  const methods = Object.getOwnPropertyNames(MarkCertificateCollector.prototype).filter((name) =>
    /^metric./.test(name),
  );

  test('Each method is a metric that a function writes, with the dimension of the collector.', () => {
    const tables = {
      collect: { ...COLLECT_METRICS, ...WAITING_METRICS },
      survey: SURVEY_METRICS,
      push: PUSH_METRICS,
      publish: PUBLISH_METRICS,
      revoke: REVOKE_METRICS,
      notify: NOTIFY_METRICS,
    };
    const written = Object.entries(tables).flatMap(([service, names]) =>
      Object.values(names).map((name) => `${service} ${name}`),
    );
    expect(methods.length).toBeGreaterThan(20);
    for (const method of methods) {
      const metric = (Reflect.get(collector, method) as () => Metric).call(collector);
      expect(method).toBe(`metric${metric.metricName}`);
      expect(metric.namespace).toBe(METRICS_NAMESPACE);
      expect(metric.dimensions).toEqual({ service: expect.any(String), collector: 'acme' });
      expect(written).toContain(`${metric.dimensions?.service} ${metric.metricName}`);
    }
  });

  test('Every metric of an alarm has a method.', () => {
    const alarms = JSON.stringify(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
    const names = [...alarms.matchAll(/"MetricName":"(\w+)","Namespace":"MarkCertificateCollector"/g)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(3);
    expect(methods).toEqual(expect.arrayContaining(names.map((name) => `metric${name}`)));
  });

  test('The options change everything except the dimensions of the collector.', () => {
    const metric = collector.metricOrdersFailed({
      statistic: 'Average',
      label: 'failed',
      dimensionsMap: { collector: 'x' },
    });
    expect(metric).toMatchObject({
      statistic: 'Average',
      label: 'failed',
      dimensions: { service: 'collect', collector: 'acme' },
    });
  });
});
