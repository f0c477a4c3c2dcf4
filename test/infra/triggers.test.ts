import { describe, expect, test } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
import { all, DAY, only, SETTINGS, type SynthesizedStack, statementsOf, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);
const publishing = synthesize({ publish: 'true' });

describe('the rule for orders', () => {
  test('The rule matches the event of an order.', () => {
    expect(only(byDefault, 'AWS::Events::Rule', 'Ordered').Properties).toMatchObject({
      EventBusName: 'default',
      EventPattern: { source: ['mark-certificates'], 'detail-type': ['Mark Certificate Ordered'] },
      State: 'ENABLED',
    });
  });

  test('The settings determine the bus and the source of the rule.', () => {
    expect(only(withSettings, 'AWS::Events::Rule', 'Ordered').Properties).toMatchObject({
      EventBusName: 'orders',
      EventPattern: { source: ['com.example.shop'], 'detail-type': ['Mark Certificate Ordered'] },
    });
  });

  test('The rule sends events to start, and events that it cannot deliver to the queue.', () => {
    expect(only(byDefault, 'AWS::Events::Rule', 'Ordered').Properties.Targets).toEqual([
      { Id: 'Target0', Arn: '<StartFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });
});

describe('the daily rule', () => {
  test('The rule invokes survey at the same time every day, whatever the bus of the settings is.', () => {
    const { Properties } = only(withSettings, 'AWS::Events::Rule', 'Daily');
    expect(Properties).toEqual({
      Description: expect.any(String),
      ScheduleExpression: 'cron(17 5 * * ? *)',
      State: 'ENABLED',
      Targets: [{ Id: 'Target0', Arn: '<SurveyFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } }],
    });
  });
});

describe('the rule for revoked certificates', () => {
  test('The rule matches executions of this state machine that failed with CertificateRevoked, on the default bus.', () => {
    const {
      EventPattern,
      EventBusName = 'default',
      State,
    } = only(withSettings, 'AWS::Events::Rule', 'Revoked').Properties;
    expect(EventPattern).toEqual({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: ['<StateMachine>'], status: ['FAILED'], error: ['CertificateRevoked'] },
    });
    expect({ EventBusName, State }).toEqual({ EventBusName: 'default', State: 'ENABLED' });
    expect(Object.keys(NEXT_STEPS)).toContain('CertificateRevoked');
  });

  test('The rule sends events to revoke, and events that it cannot deliver to the queue.', () => {
    expect(only(publishing, 'AWS::Events::Rule', 'Revoked').Properties.Targets).toEqual([
      { Id: 'Target0', Arn: '<RevokeFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });
});

describe('the permission to invoke a function', () => {
  const RULES = [
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: '<StartFunction.Arn>',
      Principal: 'events.amazonaws.com',
      SourceArn: '<Ordered.Arn>',
    },
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: '<SurveyFunction.Arn>',
      Principal: 'events.amazonaws.com',
      SourceArn: '<Daily.Arn>',
    },
  ];
  const permissionsOf = (stack: SynthesizedStack) =>
    all(stack, 'AWS::Lambda::Permission').map(({ Properties }) => Properties);

  test('Each rule may invoke its own function, and nobody may invoke Collect from outside.', () => {
    expect(permissionsOf(byDefault)).toEqual(RULES);
  });

  test('With publish, the rule for revoked certificates may also invoke revoke; nobody may invoke publish.', () => {
    expect(permissionsOf(publishing)).toEqual([
      ...RULES,
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: '<RevokeFunction.Arn>',
        Principal: 'events.amazonaws.com',
        SourceArn: '<Revoked.Arn>',
      },
    ]);
  });

  test('With push, everybody may invoke push, and only through its URL.', () => {
    const Principal = '*';
    const FunctionName = '<PushFunction.Arn>';
    expect(permissionsOf(synthesize({ push: 'true' }))).toEqual([
      ...RULES,
      { Action: 'lambda:InvokeFunctionUrl', FunctionName, Principal, FunctionUrlAuthType: 'NONE' },
      { Action: 'lambda:InvokeFunction', FunctionName, Principal, InvokedViaFunctionUrl: true },
    ]);
  });
});

describe('the function URL', () => {
  test('The function URL exists only if push is on.', () => {
    expect(all(byDefault, 'AWS::Lambda::Url')).toEqual([]);
    expect(all(withSettings, 'AWS::Lambda::Url').map(({ Properties }) => Properties)).toEqual([
      { AuthType: 'NONE', TargetFunctionArn: '<PushFunction.Arn>' },
    ]);
  });
});

describe('the dead-letter queue', () => {
  test('The queue is encrypted and keeps events for 14 days.', () => {
    expect(only(byDefault, 'AWS::SQS::Queue').Properties).toEqual({
      MessageRetentionPeriod: 14 * DAY,
      SqsManagedSseEnabled: true,
    });
  });

  test('The policy of the queue refuses requests without TLS, and allows only the rules to send messages.', () => {
    const rules = ['Ordered', 'Daily', 'Revoked', 'OrderFailed'];
    expect(statementsOf(publishing, 'AWS::SQS::QueuePolicy')).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 'sqs:*',
        Resource: '<DeadLetterQueue.Arn>',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      ...rules.map((rule) => ({
        Sid: expect.any(String),
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: '<DeadLetterQueue.Arn>',
        Condition: { ArnEquals: { 'aws:SourceArn': `<${rule}.Arn>` } },
      })),
    ]);
  });

  test('The queue receives every event that start, survey or revoke could not handle in three attempts.', () => {
    expect(all(withSettings, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties)).toEqual(
      ['StartFunction', 'SurveyFunction', 'RevokeFunction'].map((name) => ({
        FunctionName: `<${name}>`,
        Qualifier: '$LATEST',
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: '<DeadLetterQueue.Arn>' } },
      })),
    );
  });
});
