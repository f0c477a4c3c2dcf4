import { describe, expect, test } from 'vitest';
import { all, DAY, environmentOf, only, SETTINGS, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);
const publishing = synthesize({ publish: 'true' });

/** The timeout of every function in seconds. The last three functions exist only with push or publish. */
const TIMEOUTS = {
  CollectFunction: 60,
  StartFunction: 30,
  SurveyFunction: 900,
  NotifyFunction: 30,
  PushFunction: 15,
  PublishFunction: 120,
  RevokeFunction: 120,
};
const FUNCTIONS = Object.keys(TIMEOUTS);

describe.each(Object.entries(TIMEOUTS))('%s', (name, timeout) => {
  test('The function runs on Node 24 with its timeout, and is not traced.', () => {
    expect(only(withSettings, 'AWS::Lambda::Function', name).Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Architectures: ['arm64'],
      Timeout: timeout,
    });
    expect(only(withSettings, 'AWS::Lambda::Function', name).Properties).not.toHaveProperty('TracingConfig');
  });

  test('The function logs JSON to its own log group, with a retention of 90 days.', () => {
    expect(only(withSettings, 'AWS::Lambda::Function', name).Properties.LoggingConfig).toEqual({
      LogFormat: 'JSON',
      LogGroup: `<${name}Logs>`,
    });
    expect(only(withSettings, 'AWS::Logs::LogGroup', `${name}Logs`).Properties).toMatchObject({ RetentionInDays: 90 });
  });
});

/** The variables of the schedule that writes the overview after an outcome. */
const REFRESH = {
  DEAD_LETTER_QUEUE_ARN: '<DeadLetterQueue.Arn>',
  OVERVIEW_SCHEDULE_GROUP: '<OverviewSchedules>',
  OVERVIEW_SCHEDULE_ROLE_ARN: '<SurveyScheduleRole.Arn>',
  SURVEY_FUNCTION_ARN: '<SurveyFunction.Arn>',
};

describe('the functions', () => {
  test.each([
    { on: 'nothing', stack: () => byDefault, expected: FUNCTIONS.slice(0, 4) },
    { on: 'push', stack: () => synthesize({ push: 'true' }), expected: FUNCTIONS.slice(0, 5) },
    { on: 'publish', stack: () => publishing, expected: FUNCTIONS.filter((name) => name !== 'PushFunction') },
    { on: 'everything', stack: () => withSettings, expected: FUNCTIONS },
  ])('With $on on, the stack has these functions, each with its own role.', ({ stack, expected }) => {
    const roles = all(stack(), 'AWS::Lambda::Function').map(({ name, Properties }) => [name, Properties.Role]);
    expect(roles.toSorted()).toEqual(expected.map((name) => [name, `<${name}Role.Arn>`]).toSorted());
  });

  test('The environments of the functions contain the values of the settings, and no secret.', () => {
    expect(environmentOf(byDefault, 'CollectFunction')).toEqual({
      COLLECTOR: 'mark-certificate-collector',
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://secure.trust-provider.com/products/download/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      EVENT_BUS_NAME: 'default',
      GIVE_UP_SECONDS: String(90 * DAY),
      POLL_SECONDS: String(3 * 3600),
      RESPONSE_FORMAT: 'pkcs7',
    });
    expect(environmentOf(withSettings, 'CollectFunction')).toEqual({
      COLLECTOR: 'acme',
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://ca.example/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      EVENT_BUS_NAME: 'orders',
      GIVE_UP_SECONDS: String(200 * DAY),
      POLL_SECONDS: String(6 * 3600),
      POLL_WITH_PUSH_SECONDS: String(18 * 3600),
      RESPONSE_FORMAT: 'zip',
      PUBLISHED_URL: 'https://bimi.example.com',
      TRUST_ANCHORS: `${'ab'.repeat(32)},${'cd'.repeat(32)}`,
      CT_LOGS: SETTINGS.ctLogs,
    });
    expect(environmentOf(byDefault, 'StartFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECTOR: 'mark-certificate-collector',
      STATE_MACHINE_ARN: '<StateMachine>',
    });
    expect(environmentOf(byDefault, 'SurveyFunction')).toEqual({
      COLLECTOR: 'mark-certificate-collector',
      BUCKET_NAME: '<Bucket>',
      CONTINUES: 'true',
      EVENT_BUS_NAME: 'default',
      OVERVIEW: 'true',
      ASK_AGAIN_BEFORE_DAYS: '45',
      WATCHED: 'true',
      REMIND_BEFORE_DAYS: '30',
      REVOCATIONS: 'true',
      STATE_MACHINE_ARN: '<StateMachine>',
      TOPIC_ARNS: '<AlarmTopic>',
    });
    expect(environmentOf(withSettings, 'SurveyFunction')).toEqual({
      COLLECTOR: 'acme',
      BUCKET_NAME: '<Bucket>',
      CONTINUES: 'true',
      EVENT_BUS_NAME: 'orders',
      OVERVIEW: 'true',
      ASK_AGAIN_BEFORE_DAYS: '0',
      WATCHED: 'true',
      REMIND_BEFORE_DAYS: '45',
      REVOCATIONS: 'true',
      UNPUBLISH_REVOKED: 'true',
      PUBLISHED_URL: 'https://bimi.example.com',
      LOG_BUCKET_NAME: '<PublicationLogs>',
      DISTRIBUTION_ID: '<Publication>',
      CT_LOGS: SETTINGS.ctLogs,
      TRUST_ANCHORS: `${'ab'.repeat(32)},${'cd'.repeat(32)}`,
      STATE_MACHINE_ARN: '<StateMachine>',
      TOPIC_ARNS: '<AlarmTopic>,<NotifyTopic>',
    });
    expect(environmentOf(byDefault, 'NotifyFunction')).toEqual({
      ...REFRESH,
      ALARM_TOPIC_ARN: '<AlarmTopic>',
      BUCKET_NAME: '<Bucket>',
      COLLECTOR: 'mark-certificate-collector',
      NOTIFY_TOPIC_ARN: '<AlarmTopic>',
      RUNBOOK_URL: expect.stringMatching(/^https:.*\/docs\/runbook\.md$/),
      STATE_MACHINE_ARN: '<StateMachine>',
    });
    expect(environmentOf(withSettings, 'NotifyFunction')).toEqual({
      ...REFRESH,
      ALARM_TOPIC_ARN: '<AlarmTopic>',
      BUCKET_NAME: '<Bucket>',
      COLLECTOR: 'acme',
      NOTIFY_TOPIC_ARN: '<NotifyTopic>',
      RUNBOOK_URL: 'https://wiki.example.com/mark-certificates',
      STATE_MACHINE_ARN: '<StateMachine>',
    });
    expect(environmentOf(withSettings, 'PushFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECTOR: 'acme',
      EVENT_BUS_NAME: 'orders',
      STATE_MACHINE_ARN: '<StateMachine>',
      PUSH_SECRET_ARN: '<PushCredentials>',
    });
    expect(environmentOf(withSettings, 'PublishFunction')).toEqual({
      COLLECTOR: 'acme',
      BUCKET_NAME: '<Bucket>',
      PUBLISHED_URL: 'https://bimi.example.com',
    });
    expect(environmentOf(withSettings, 'RevokeFunction')).toEqual({
      COLLECTOR: 'acme',
      BUCKET_NAME: '<Bucket>',
      UNPUBLISH_REVOKED: 'true',
    });
    expect(environmentOf(publishing, 'RevokeFunction')).toEqual({
      COLLECTOR: 'mark-certificate-collector',
      BUCKET_NAME: '<Bucket>',
    });
  });

  test('All functions get the URL of the publications that the output states.', () => {
    for (const stack of [publishing, withSettings]) {
      const { Value: url } = stack.resolved.Outputs.PublishedUrl as { Value: string };
      for (const name of ['CollectFunction', 'SurveyFunction', 'PublishFunction']) {
        expect(environmentOf(stack, name)).toMatchObject({ PUBLISHED_URL: url });
      }
    }
  });

  test('Collect runs once at a time, or without a limit if the setting is "none"; the others have no reservation.', () => {
    expect(only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties.ReservedConcurrentExecutions).toBe(1);
    for (const { Properties } of [
      only(byDefault, 'AWS::Lambda::Function', 'StartFunction'),
      only(byDefault, 'AWS::Lambda::Function', 'SurveyFunction'),
      ...all(withSettings, 'AWS::Lambda::Function'),
    ]) {
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });

  test('Requests to the push URL cannot use up the concurrency of the account.', () => {
    const push = only(synthesize({ push: 'true' }), 'AWS::Lambda::Function', 'PushFunction');

    expect(push.Properties.ReservedConcurrentExecutions).toBe(5);
  });
});
