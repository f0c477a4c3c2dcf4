import { describe, expect, test } from 'vitest';
import { ERRORS_REPORTED_BY_COLLECT } from '../../functions/errors.ts';
import { EXPIRING, FAILED, ISSUED, PUBLICATION_BROKEN, REVOKED, WAITING } from '../../functions/events.ts';
import { all, KEY_ARN, only, policyStatements, SETTINGS, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);

describe('the topics', () => {
  const statementsOf = (topic: string) =>
    all(withSettings, 'AWS::SNS::TopicPolicy')
      .filter(({ Properties }) => JSON.stringify(Properties.Topics) === JSON.stringify([`<${topic}>`]))
      .flatMap(({ Properties }) => policyStatements(Properties))
      .map(({ Sid: _, ...rest }) => rest);
  const requireTls = (topic: string) => ({
    Effect: 'Deny',
    Principal: '*',
    Action: 'sns:Publish',
    Resource: `<${topic}>`,
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });

  test('The topic of the operators accepts messages only over TLS, and of all services only those of the alarms of this account.', () => {
    expect(statementsOf('AlarmTopic')).toEqual([
      requireTls('AlarmTopic'),
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
    ]);
  });

  test('The topic of the brand accepts messages only over TLS, and none of a service.', () => {
    expect(statementsOf('NotifyTopic')).toEqual([requireTls('NotifyTopic')]);
  });

  test('No rule has a topic as its target: all events go through notify.', () => {
    const targets = all(withSettings, 'AWS::Events::Rule').flatMap(({ Properties }) => Properties.Targets);
    expect(targets.length).toBeGreaterThan(3);
    expect(JSON.stringify(targets)).not.toContain('Topic>');
  });

  test('Without notifyEmail, there is only the topic of the operators, and nobody subscribes by default.', () => {
    expect(all(byDefault, 'AWS::SNS::Topic').map(({ name }) => name)).toEqual(['AlarmTopic']);
    expect(all(byDefault, 'AWS::SNS::Subscription')).toEqual([]);
  });

  test('Each e-mail address of the settings subscribes to its topic, which the key of the settings encrypts.', () => {
    expect(all(withSettings, 'AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([
      { Protocol: 'email', Endpoint: 'operators@example.com', TopicArn: '<AlarmTopic>' },
      { Protocol: 'email', Endpoint: 'brand@example.com', TopicArn: '<NotifyTopic>' },
    ]);
    for (const topic of ['AlarmTopic', 'NotifyTopic']) {
      expect(only(withSettings, 'AWS::SNS::Topic', topic).Properties).toEqual({ KmsMasterKeyId: KEY_ARN });
    }
  });
});

describe('the rules of notify', () => {
  const ruleOf = (name: string) => only(withSettings, 'AWS::Events::Rule', name).Properties;

  test('The rule for events is on the bus of the settings, and matches all outgoing events of this collector.', () => {
    expect(ruleOf('Outgoing')).toMatchObject({
      EventBusName: 'orders',
      EventPattern: {
        source: ['mark-certificate-collector'],
        'detail-type': [ISSUED, WAITING, FAILED, EXPIRING, REVOKED, PUBLICATION_BROKEN],
        detail: { collector: ['acme'] },
      },
    });
  });

  test('The rule of the default collector also matches what executions of release 0.1.0 announce, without a name.', () => {
    expect(only(byDefault, 'AWS::Events::Rule', 'Outgoing').Properties).toMatchObject({
      EventPattern: { detail: { collector: ['mark-certificate-collector', { exists: false }] } },
    });
  });

  test.each([
    ['OrderFailed', { status: ['FAILED'], error: [{ 'anything-but': ERRORS_REPORTED_BY_COLLECT }] }],
    ['OrderStopped', { status: ['TIMED_OUT', 'ABORTED'] }],
  ])(
    'The rule %s matches ends that Collect does not report, on the default bus, because AWS sends them there.',
    (name, detail) => {
      const { EventPattern, EventBusName = 'default' } = ruleOf(name);
      expect(EventPattern).toEqual({
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: ['<StateMachine>'], ...detail },
      });
      expect(EventBusName).toBe('default');
    },
  );

  test.each(['Outgoing', 'OrderFailed', 'OrderStopped'])(
    'The only target of %s is notify; what cannot be delivered goes to the queue.',
    (name) => {
      expect(ruleOf(name).State).toBe('ENABLED');
      expect(ruleOf(name).Targets).toEqual([
        { Id: 'Target0', Arn: '<NotifyFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
      ]);
    },
  );
});
