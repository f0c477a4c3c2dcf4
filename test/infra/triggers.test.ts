import { App } from 'aws-cdk-lib';
import { describe, expect, test, vi } from 'vitest';
import { TEMPLATE_ONLY } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { REGIONS_WITHOUT_FUNCTION_URLS } from '../../infra/triggers.ts';
import { all, CONTEXT, DAY, only, SETTINGS, type SynthesizedStack, statementsOf, synthesize } from './synthesized.ts';

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

describe('the runs of survey', () => {
  test('A schedule invokes survey at the same time every day, and sends what fails for a day to the queue.', () => {
    for (const stack of [byDefault, withSettings]) {
      expect(only(stack, 'AWS::Scheduler::Schedule').Properties).toEqual({
        Description: expect.any(String),
        ScheduleExpression: 'cron(17 5 * * ? *)',
        ScheduleExpressionTimezone: 'Etc/UTC',
        FlexibleTimeWindow: { Mode: 'OFF' },
        State: 'ENABLED',
        Target: {
          Arn: '<SurveyFunction.Arn>',
          RoleArn: '<SurveyScheduleRole.Arn>',
          DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' },
          RetryPolicy: { MaximumEventAgeInSeconds: DAY, MaximumRetryAttempts: 185 },
        },
      });
    }
  });

  test('A rule invokes survey after each deployment of this stack, whatever the bus of the settings is.', () => {
    const {
      EventBusName = 'default',
      EventPattern,
      Targets,
    } = only(withSettings, 'AWS::Events::Rule', 'Deployed').Properties;
    expect(EventBusName).toBe('default');
    expect(EventPattern).toEqual({
      source: ['aws.cloudformation'],
      'detail-type': ['CloudFormation Stack Status Change'],
      detail: {
        'stack-id': ['<AWS::StackId>'],
        'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] },
      },
    });
    expect(Targets).toEqual([
      { Id: 'Target0', Arn: '<SurveyFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });

  test('A rule invokes survey again if a survey of this collector continues, on the bus of the settings.', () => {
    const { EventBusName, EventPattern, Targets } = only(
      withSettings,
      'AWS::Events::Rule',
      'SurveyContinues',
    ).Properties;
    expect(EventBusName).toBe('orders');
    expect(EventPattern).toEqual({
      source: ['mark-certificate-collector'],
      'detail-type': ['Survey Continues'],
      detail: { collector: ['acme'] },
    });
    expect(Targets).toEqual([
      { Id: 'Target0', Arn: '<SurveyFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });

  test('Nothing that runs the survey can fail a deployment: the stack has no custom resource.', () => {
    const types = Object.values(withSettings.resolved.Resources).map(({ Type }) => Type);
    expect(types.filter((type) => /^Custom::|CustomResource$/.test(type))).toEqual([]);
  });
});

describe('the rule for revoked certificates', () => {
  test('The rule matches confirmed revocations of this collector, on the bus of the settings.', () => {
    const { EventPattern, EventBusName, State } = only(withSettings, 'AWS::Events::Rule', 'Revoked').Properties;
    expect(EventPattern).toEqual({
      source: ['mark-certificate-collector'],
      'detail-type': ['Mark Certificate Revoked'],
      detail: { collector: ['acme'], confirmed: [true] },
    });
    expect({ EventBusName, State }).toEqual({ EventBusName: 'orders', State: 'ENABLED' });
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
      SourceArn: '<Deployed.Arn>',
    },
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: '<SurveyFunction.Arn>',
      Principal: 'events.amazonaws.com',
      SourceArn: '<SurveyContinues.Arn>',
    },
    ...['Outgoing', 'OrderFailed', 'OrderStopped'].map((rule) => ({
      Action: 'lambda:InvokeFunction',
      FunctionName: '<NotifyFunction.Arn>',
      Principal: 'events.amazonaws.com',
      SourceArn: `<${rule}.Arn>`,
    })),
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

describe('the warning about the region', () => {
  const PUSH = { push: 'true' };
  const warningsIn = (
    region: string,
    settings: Readonly<Record<string, string>>,
    env?: { readonly region: string },
  ) => {
    vi.stubEnv('CDK_DEFAULT_REGION', region);
    try {
      const app = new App({ context: { ...CONTEXT, ...settings, ...TEMPLATE_ONLY } });
      const stack = new MarkCertificateCollectorStack(app, 'MarkCertificateCollector', env && { env });
      // Not synthesized: CDK itself refuses a stack whose fixed region lacks a resource type.
      return stack.node
        .findAll()
        .flatMap(({ node }) => node.metadata)
        .filter(({ type, data }) => type === 'aws:cdk:warning' && String(data).includes('function URL'))
        .map(({ data }) => String(data));
    } finally {
      vi.unstubAllEnvs();
    }
  };

  test.each(REGIONS_WITHOUT_FUNCTION_URLS)('With push, synthesis for %s warns and names the region.', (region) => {
    const [warning, ...others] = warningsIn(region, PUSH);
    expect(warning).toContain(region);
    expect(others).toEqual([]);
  });

  test('A region with function URLs, and a stack without push, cause no warning.', () => {
    expect(warningsIn('eu-central-1', PUSH)).toEqual([]);
    expect(warningsIn('eu-central-2', {})).toEqual([]);
  });

  test('The region of the stack counts before the region of the CDK command.', () => {
    expect(warningsIn('eu-central-2', PUSH, { region: 'eu-central-1' })).toEqual([]);
    expect(warningsIn('eu-central-1', PUSH, { region: 'eu-central-2' })).toHaveLength(1);
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
    const rules = ['Ordered', 'Deployed', 'SurveyContinues', 'Outgoing', 'OrderFailed', 'OrderStopped', 'Revoked'];
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

  test('The queue receives every event that start, survey, notify or revoke could not handle in three attempts.', () => {
    expect(all(withSettings, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties)).toEqual(
      ['StartFunction', 'SurveyFunction', 'NotifyFunction', 'RevokeFunction'].map((name) => ({
        FunctionName: `<${name}>`,
        Qualifier: '$LATEST',
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: '<DeadLetterQueue.Arn>' } },
      })),
    );
  });
});
