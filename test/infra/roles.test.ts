import { describe, expect, test } from 'vitest';
import {
  EVENT_SOURCE,
  EXPIRING,
  FAILED,
  ISSUED,
  PUBLICATION_BROKEN,
  REVOKED,
  SURVEY_CONTINUES,
  WAITING,
} from '../../functions/events.ts';
import { all, asList, grantsOf, KEY_ARN, only, policyStatements, SETTINGS, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);
const publishing = synthesize({ publish: 'true' });

const EXECUTIONS = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<StateMachine.Name>:order-*';
const ACCOUNTS =
  'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:mark-certificate-collector/accounts/*';
const BUS = 'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus';
const OVERVIEW_SCHEDULES =
  'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<OverviewSchedules>/overview*';
const PASS_ROLE = `iam:PassRole if ${JSON.stringify({
  StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
})}`;
const WRITE_LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const USE_KEY = ['kms:Decrypt', 'kms:GenerateDataKey'];
/** PutEvents, bound to the source and the detail types, as `grantsOf` writes it. */
const putEvents = (...detailTypes: string[]) =>
  `events:PutEvents if ${JSON.stringify({
    StringEquals: { 'events:source': EVENT_SOURCE, 'events:detail-type': detailTypes },
  })}`;
/** Reading logins, and moving these labels only, as `grantsOf` writes it. */
const logins = (...labels: string[]) => [
  'secretsmanager:GetSecretValue',
  'secretsmanager:ListSecretVersionIds',
  `secretsmanager:UpdateSecretVersionStage if ${JSON.stringify({
    StringLike: { 'secretsmanager:VersionStage': labels },
  })}`,
];
const LOGINS = logins('REJECTED-*', 'DOUBTED-*');
/** The same if pushes make checks rarer. */
const LOGINS_WITH_PUSH = logins('REJECTED-*', 'DOUBTED-*', 'PUSHED-*');
const UNPUBLISH = {
  '<Bucket.Arn>/published/*/*.pem': ['s3:DeleteObject'],
  '<Bucket.Arn>/published/*/*.svg': ['s3:DeleteObject'],
};

describe('what the roles allow', () => {
  const LOG_DELIVERY = [
    'logs:CreateLogDelivery',
    'logs:DeleteLogDelivery',
    'logs:DescribeLogGroups',
    'logs:DescribeResourcePolicies',
    'logs:GetLogDelivery',
    'logs:ListLogDeliveries',
    'logs:PutResourcePolicy',
    'logs:UpdateLogDelivery',
  ];

  const GRANTS = {
    CollectFunctionRole: {
      '<CollectFunctionLogs.Arn>': WRITE_LOGS,
      '<Credentials>': LOGINS,
      [ACCOUNTS]: LOGINS,
      '<Bucket.Arn>/orders/*': ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      '<Bucket.Arn>': ['s3:ListBucket', 's3:ListBucketVersions'],
      [`${BUS}/default`]: [putEvents(WAITING, FAILED, REVOKED)],
    },
    StartFunctionRole: {
      '<StartFunctionLogs.Arn>': WRITE_LOGS,
      '<Bucket.Arn>': ['s3:ListBucket'],
      '<Bucket.Arn>/orders/*/certificate.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/order.json': ['s3:GetObject', 's3:PutObject'],
      '<Bucket.Arn>/orders/*/status.json': ['s3:GetObject', 's3:PutObject'],
      '<StateMachine>': ['states:StartExecution'],
      [EXECUTIONS]: ['states:DescribeExecution'],
      '<DeadLetterQueue.Arn>': ['sqs:SendMessage'],
    },
    SurveyFunctionRole: {
      '<SurveyFunctionLogs.Arn>': WRITE_LOGS,
      '<Bucket.Arn>': ['s3:ListBucket', 's3:ListBucketVersions'],
      ...Object.fromEntries(
        ['certificate.json', 'chain.pem', 'logo.svg', 'report.html', 'response.*'].map((name) => [
          `<Bucket.Arn>/orders/*/${name}`,
          ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        ]),
      ),
      '<Bucket.Arn>/orders/*/order.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/status.json': ['s3:GetObject', 's3:PutObject'],
      '<Bucket.Arn>/watched/*': ['s3:GetObject'],
      '<Bucket.Arn>/survey/crls.json': ['s3:GetObject', 's3:PutObject'],
      '<Bucket.Arn>/survey/daily.json': ['s3:GetObject', 's3:PutObject'],
      '<Bucket.Arn>/survey/deployment.json': ['s3:GetObject', 's3:PutObject'],
      '<Bucket.Arn>/overview/*': ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
      '<StateMachine>': ['states:ListExecutions', 'states:StartExecution'],
      [EXECUTIONS]: ['states:DescribeExecution'],
      '<AlarmTopic>': ['sns:GetTopicAttributes'],
      [`${BUS}/default`]: [putEvents(EXPIRING, WAITING, FAILED, SURVEY_CONTINUES, REVOKED, PUBLICATION_BROKEN)],
      '<DeadLetterQueue.Arn>': ['sqs:SendMessage'],
    },
    SurveyScheduleRole: {
      '<SurveyFunction.Arn>': ['lambda:InvokeFunction'],
      '<DeadLetterQueue.Arn>': ['sqs:SendMessage'],
    },
    NotifyFunctionRole: {
      '<NotifyFunctionLogs.Arn>': WRITE_LOGS,
      '<AlarmTopic>': ['sns:Publish'],
      '<Bucket.Arn>': ['s3:ListBucket'],
      '<Bucket.Arn>/orders/*/certificate.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/order.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/status.json': ['s3:GetObject', 's3:PutObject'],
      [EXECUTIONS]: ['states:DescribeExecution'],
      '<DeadLetterQueue.Arn>': ['sqs:SendMessage'],
      [OVERVIEW_SCHEDULES]: ['scheduler:CreateSchedule', 'scheduler:GetSchedule'],
      '<SurveyScheduleRole.Arn>': [PASS_ROLE],
    },
    StateMachineRole: {
      '<CollectFunction.Arn>': ['lambda:InvokeFunction'],
      [`${BUS}/default`]: [putEvents(ISSUED)],
      '*': LOG_DELIVERY,
    },
  };

  /** The roles that publishing adds or changes. */
  const PUBLISHING = {
    PublishFunctionRole: {
      '<PublishFunctionLogs.Arn>': WRITE_LOGS,
      '<Bucket.Arn>/orders/*': ['s3:GetObject', 's3:GetObjectVersion'],
      '<Bucket.Arn>/published/*': ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      '<Bucket.Arn>': ['s3:ListBucket', 's3:ListBucketVersions'],
      ...UNPUBLISH,
    },
    RevokeFunctionRole: {
      '<RevokeFunctionLogs.Arn>': WRITE_LOGS,
      '<Bucket.Arn>': ['s3:ListBucket', 's3:ListBucketVersions'],
      '<Bucket.Arn>/published/*': ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      ...UNPUBLISH,
      '<DeadLetterQueue.Arn>': ['sqs:SendMessage'],
    },
    SurveyFunctionRole: {
      ...GRANTS.SurveyFunctionRole,
      '<Bucket.Arn>/published/*/*.json': ['s3:GetObject'],
    },
    StateMachineRole: { ...GRANTS.StateMachineRole, '<PublishFunction.Arn>': ['lambda:InvokeFunction'] },
  };

  test.each(Object.entries(GRANTS))(
    'By default, %s allows exactly these actions on exactly these resources.',
    (role, grants) => {
      expect(grantsOf(byDefault, role)).toEqual(grants);
    },
  );

  test('With push, its role allows its own secret, what is known of orders, and the start of executions, but not the login at the CA.', () => {
    expect(grantsOf(withSettings, 'PushFunctionRole')).toEqual({
      '<PushFunctionLogs.Arn>': WRITE_LOGS,
      '<PushCredentials>': ['secretsmanager:GetSecretValue'],
      '<Bucket.Arn>/orders/*/order.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/certificate.json': ['s3:GetObject'],
      '<Bucket.Arn>/orders/*/status.json': ['s3:GetObject'],
      '<Bucket.Arn>/pushes/*': ['s3:PutObject'],
      '<Bucket.Arn>': ['s3:ListBucket'],
      '<StateMachine>': ['states:StartExecution'],
      [EXECUTIONS]: ['states:DescribeExecution'],
      [`${BUS}/orders`]: [putEvents(REVOKED)],
      [KEY_ARN]: USE_KEY,
    });
  });

  test.each([
    [{ push: 'true' }, LOGINS],
    [{ push: 'true', pollEveryWithPush: 'P1D' }, LOGINS_WITH_PUSH],
  ])('With %j, Collect moves only the labels that it sets.', (settings, expected) => {
    expect(grantsOf(synthesize(settings), 'CollectFunctionRole')).toEqual({
      ...GRANTS.CollectFunctionRole,
      '<Credentials>': expected,
      [ACCOUNTS]: expected,
    });
  });

  test.each(Object.entries<Record<string, string[]>>({ ...GRANTS, ...PUBLISHING }))(
    'With publish, %s allows exactly these actions on exactly these resources.',
    (role, grants) => {
      expect(grantsOf(publishing, role)).toEqual(grants);
    },
  );

  test.each(['PublishFunctionRole', 'RevokeFunctionRole'] as const)(
    'The permissions of %s do not depend on unpublishRevoked, because a run may have died in the middle of a deletion.',
    (role) => {
      const unpublishing = synthesize({ publish: 'true', unpublishRevoked: 'true' });
      expect(grantsOf(unpublishing, role)).toEqual(PUBLISHING[role]);
      expect(Object.values(PUBLISHING[role]).flat()).not.toContain('s3:DeleteObjectVersion');
    },
  );

  test.each(Object.entries<Record<string, string[]>>({ ...GRANTS, ...PUBLISHING }))(
    'With all settings, %s allows the same actions, the key, and the bus of the settings.',
    (role, grants) => {
      const renamed = Object.entries<string[]>(grants).map(([resource, actions]) => [
        resource.replace(/\/default$/, '/orders').replace(':mark-certificate-collector/', ':acme/'),
        actions === LOGINS ? LOGINS_WITH_PUSH : actions,
      ]);
      expect(grantsOf(withSettings, role)).toEqual({
        ...Object.fromEntries(renamed),
        ...(role === 'SurveyFunctionRole' && {
          '<NotifyTopic>': ['sns:GetTopicAttributes'],
          '<PublicationLogs.Arn>': ['s3:ListBucket'],
          '<PublicationLogs.Arn>/cloudfront/<Publication>.*': ['s3:GetObject'],
          '<Bucket.Arn>/overview/fetches.json': ['s3:GetObject', 's3:PutObject'],
        }),
        ...(role === 'NotifyFunctionRole' && { '<NotifyTopic>': ['sns:Publish'] }),
        ...(role !== 'StateMachineRole' && { [KEY_ARN]: USE_KEY }),
      });
    },
  );

  test.each([
    ['CollectFunctionRole', 'lambda.amazonaws.com'],
    ['StartFunctionRole', 'lambda.amazonaws.com'],
    ['SurveyFunctionRole', 'lambda.amazonaws.com'],
    ['NotifyFunctionRole', 'lambda.amazonaws.com'],
    ['PushFunctionRole', 'lambda.amazonaws.com'],
    ['PublishFunctionRole', 'lambda.amazonaws.com'],
    ['RevokeFunctionRole', 'lambda.amazonaws.com'],
    ['StateMachineRole', 'states.amazonaws.com'],
  ])('Only the service may assume the role: %s, %s.', (role, trusted) => {
    expect(only(withSettings, 'AWS::IAM::Role', role).Properties.AssumeRolePolicyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: trusted } }],
    });
  });

  test('Only a schedule of this account, in the default group or in that of the overview, may assume the role of the schedules.', () => {
    expect(only(withSettings, 'AWS::IAM::Role', 'SurveyScheduleRole').Properties.AssumeRolePolicyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: {
            StringEquals: {
              'aws:SourceAccount': '<AWS::AccountId>',
              'aws:SourceArn': [
                'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule-group/default',
                '<OverviewSchedules.Arn>',
              ],
            },
          },
        },
      ],
    });
  });

  test('Each function, the state machine and the schedule has a role, and no other role or policy exists.', () => {
    const roles = all(byDefault, 'AWS::IAM::Role').map(({ name }) => name);
    expect(roles.toSorted()).toEqual(Object.keys(GRANTS).toSorted());
    expect(
      all(withSettings, 'AWS::IAM::Role')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...roles, 'PublishFunctionRole', 'PushFunctionRole', 'RevokeFunctionRole'].toSorted());
    for (const { Properties } of all(withSettings, 'AWS::IAM::Policy')) {
      expect(all(withSettings, 'AWS::IAM::Role').map(({ name }) => [`<${name}>`])).toContainEqual(Properties.Roles);
      expect(Properties).not.toHaveProperty('Users');
      expect(Properties).not.toHaveProperty('Groups');
    }
  });

  test('Every role that sends events may send only events of this project, and only of the detail types that it names.', () => {
    const senders = [...all(withSettings, 'AWS::IAM::Policy'), ...all(withSettings, 'AWS::IAM::Role')]
      .flatMap(({ Properties }) => policyStatements(Properties))
      .filter(({ Action }) => asList(Action).includes('events:PutEvents'));
    expect(senders.length).toBeGreaterThan(2);
    for (const { Action, Resource, Condition } of senders) {
      expect({ Action, Resource }).toEqual({ Action: 'events:PutEvents', Resource: `${BUS}/orders` });
      expect(Condition).toEqual({
        StringEquals: { 'events:source': EVENT_SOURCE, 'events:detail-type': expect.any(Array) },
      });
      expect(JSON.stringify(Condition)).not.toContain('*');
    }
  });

  test('No role uses a managed policy.', () => {
    expect(all(withSettings, 'AWS::IAM::ManagedPolicy')).toEqual([]);
    for (const { Properties } of all(withSettings, 'AWS::IAM::Role')) {
      expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  test('Only actions that deliver logs, which support no resource, have a wildcard as their resource.', () => {
    const statements = policyStatements(withSettings.resolved);
    const everywhere = statements.filter(({ Resource }) => asList(Resource).includes('*'));
    const actions = new Set(everywhere.flatMap(({ Action }) => asList(Action)));
    expect([...actions].toSorted()).toEqual(LOG_DELIVERY);
    expect(everywhere.every(({ Effect }) => Effect === 'Allow')).toBe(true);
  });
});
