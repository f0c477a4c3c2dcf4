import { describe, expect, test } from 'vitest';
import { all, only, SETTINGS, statementsOf, synthesize } from './synthesized.ts';

const byDefault = synthesize();

describe('the alarm topic', () => {
  test('The topic accepts messages only over TLS, from the alarms of this account and from EventBridge.', () => {
    expect(statementsOf(byDefault, 'AWS::SNS::TopicPolicy').map(({ Sid: _, ...rest }) => rest)).toEqual([
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
        Condition: {
          ArnLike: {
            'aws:SourceArn': 'arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*',
          },
          StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
        },
      },
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: '<AlarmTopic>',
      },
    ]);
  });

  test('The e-mail address of the settings is the only subscription of the topic.', () => {
    expect(all(byDefault, 'AWS::SNS::Subscription')).toEqual([]);
    expect(all(synthesize(SETTINGS), 'AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([
      { Protocol: 'email', Endpoint: 'operators@example.com', TopicArn: '<AlarmTopic>' },
    ]);
  });
});

describe('the rule for failed orders', () => {
  const rule = only(byDefault, 'AWS::Events::Rule', 'OrderFailed').Properties;
  const [target] = rule.Targets as [
    {
      readonly InputTransformer: {
        readonly InputPathsMap: Readonly<Record<string, string>>;
        readonly InputTemplate: string;
      };
    },
  ];

  test('The rule matches every execution of this state machine that ended without a certificate, and no other.', () => {
    expect(rule.EventPattern).toEqual({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: ['<StateMachine>'], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    });
    expect(rule.State).toBe('ENABLED');
  });

  test('The rule is on the default bus, whatever the bus of the settings is, because AWS sends its events there.', () => {
    const other = only(synthesize(SETTINGS), 'AWS::Events::Rule', 'OrderFailed').Properties;
    expect([rule.EventBusName ?? 'default', other.EventBusName ?? 'default']).toEqual(['default', 'default']);
  });

  test('The only target is the topic; events that cannot be delivered go to the dead-letter queue.', () => {
    expect(rule.Targets).toMatchObject([{ Arn: '<AlarmTopic>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } }]);
    expect(rule.Targets).toHaveLength(1);
  });

  test('The message states the execution, its status, the cause, the command for a redrive, and the runbook.', () => {
    const detail = {
      name: 'order-1378973013',
      status: 'FAILED',
      error: 'OrderRejected',
      cause: 'Order 1378973013: the CA answered -20. Next: ask the CA why.',
      executionArn: 'arn:aws:states:us-east-1:111122223333:execution:StateMachine:order-1378973013',
    };
    const { InputPathsMap, InputTemplate } = target.InputTransformer;
    const values = Object.entries(InputPathsMap).map(([placeholder, path]) => {
      expect(path).toMatch(/^\$\.detail\./);
      const field = path.replace('$.detail.', '');
      expect(detail).toHaveProperty([field]);
      return [placeholder, Object.entries(detail).find(([name]) => name === field)?.[1] ?? ''] as const;
    });
    const filled = values.reduce((text, [name, value]) => text.replaceAll(`<${name}>`, value), InputTemplate);

    expect(JSON.parse(filled)).toBe(
      `The execution ${detail.name} ended with status FAILED: OrderRejected. ${detail.cause} To redrive the execution after the cause is fixed: ` +
        `aws stepfunctions redrive-execution --execution-arn ${detail.executionArn} ` +
        'Runbook: docs/runbook.md#an-order-failed',
    );
  });

  test('The message is within the limits of EventBridge: 100 placeholders, all in use, none with a reserved name.', () => {
    const { InputPathsMap, InputTemplate } = target.InputTransformer;
    const used = [...InputTemplate.matchAll(/<([^>]+)>/g)].map(([, name = '']) => name);
    expect(used.toSorted()).toEqual(Object.keys(InputPathsMap).toSorted());
    expect(used.length).toBeLessThanOrEqual(100);
    expect(used.filter((name) => /^aws\./i.test(name))).toEqual([]);
    expect(InputTemplate.length).toBeLessThanOrEqual(8192);
  });
});
