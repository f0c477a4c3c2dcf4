import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
import {
  all,
  CERTIFICATE_ARN,
  CONTEXT,
  DAY,
  environmentOf,
  KEY_ARN,
  nameOf,
  only,
  PROJECT,
  SETTINGS,
  type SynthesizedStack,
  statementsOf,
  synthesize,
} from './synthesized.ts';

let byDefault: SynthesizedStack;
let withSettings: SynthesizedStack;
let publishing: SynthesizedStack;

beforeAll(() => {
  byDefault = synthesize();
  withSettings = synthesize(SETTINGS);
  publishing = synthesize({ publish: 'true' });
});

describe('the bucket', () => {
  test('keeps every version, encrypts, is private, and belongs to one account', () => {
    byDefault.template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  test('refuses what does not come over TLS, and allows nobody anything else', () => {
    expect(statementsOf(byDefault, 'AWS::S3::BucketPolicy')).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: ['<Bucket.Arn>', '<Bucket.Arn>/*'],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ]);
  });

  test('is retained when the stack goes', () => {
    byDefault.template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  test('goes with the stack where the setting says so, though only when it is empty', () => {
    withSettings.template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    withSettings.template.resourceCountIs('Custom::S3AutoDeleteObjects', 0);
  });
});

describe("the secret of the CA's login", () => {
  test('holds the placeholder and nothing else: the operator puts the login there', () => {
    const { Properties } = only(byDefault, 'AWS::SecretsManager::Secret', 'Credentials');
    expect(JSON.parse(String(Properties.SecretString))).toEqual({
      loginName: 'REPLACE-ME',
      loginPassword: 'REPLACE-ME',
    });
    expect(Properties).not.toHaveProperty('GenerateSecretString');
  });

  test('has the name of the setting', () => {
    byDefault.template.hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'mark-certificate-collector/credentials',
    });
    withSettings.template.hasResourceProperties('AWS::SecretsManager::Secret', { Name: 'login/of-the-ca' });
  });
});

describe('the secret of the push URL', () => {
  test('is there only where the CA may push, with a password that Secrets Manager makes up', () => {
    expect(all(byDefault, 'AWS::SecretsManager::Secret').map(({ name }) => name)).toEqual(['Credentials']);
    const { Properties } = only(withSettings, 'AWS::SecretsManager::Secret', 'PushCredentials');
    expect(Properties).not.toHaveProperty('SecretString');
    expect(Properties.GenerateSecretString).toEqual({
      SecretStringTemplate: '{"username":"ca"}',
      GenerateStringKey: 'password',
      PasswordLength: 40,
      ExcludePunctuation: true,
    });
  });
});

/** Every function, with its seconds; the last ones only where push or publish is on. */
const TIMEOUTS = {
  CollectFunction: 60,
  StartFunction: 30,
  SurveyFunction: 300,
  PushFunction: 15,
  PublishFunction: 120,
  RevokeFunction: 120,
};
const FUNCTIONS = Object.keys(TIMEOUTS);

describe.each(Object.entries(TIMEOUTS))('%s', (name, timeout) => {
  test('runs on Node 24 for the seconds it needs, and is traced', () => {
    expect(only(withSettings, 'AWS::Lambda::Function', name).Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Architectures: ['arm64'],
      Timeout: timeout,
      TracingConfig: { Mode: 'Active' },
    });
  });

  test('writes JSON to a log group of its own, which forgets', () => {
    expect(only(withSettings, 'AWS::Lambda::Function', name).Properties.LoggingConfig).toEqual({
      LogFormat: 'JSON',
      LogGroup: `<${name}Logs>`,
    });
    expect(only(withSettings, 'AWS::Logs::LogGroup', `${name}Logs`).Properties).toMatchObject({ RetentionInDays: 90 });
  });
});

describe('the functions', () => {
  test.each([
    { on: 'nothing', stack: () => byDefault, expected: FUNCTIONS.slice(0, 3) },
    { on: 'push', stack: () => synthesize({ push: 'true' }), expected: FUNCTIONS.slice(0, 4) },
    { on: 'publish', stack: () => publishing, expected: FUNCTIONS.filter((name) => name !== 'PushFunction') },
    { on: 'everything', stack: () => withSettings, expected: FUNCTIONS },
  ])('are these, each with a role of its own, with $on on', ({ stack, expected }) => {
    const roles = all(stack(), 'AWS::Lambda::Function').map(({ name, Properties }) => [name, Properties.Role]);
    expect(roles.toSorted()).toEqual(expected.map((name) => [name, `<${name}Role.Arn>`]).toSorted());
  });

  test('find in their environment what the settings say, and no secret', () => {
    expect(environmentOf(byDefault, 'CollectFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://secure.trust-provider.com/products/download/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      GIVE_UP_SECONDS: String(90 * DAY),
      POLL_SECONDS: String(3 * 3600),
      RESPONSE_FORMAT: 'pkcs7',
    });
    expect(environmentOf(withSettings, 'CollectFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      COLLECT_URL: 'https://ca.example/CollectMC',
      CREDENTIALS_SECRET_ARN: '<Credentials>',
      GIVE_UP_SECONDS: String(200 * DAY),
      POLL_SECONDS: String(6 * 3600),
      RESPONSE_FORMAT: 'zip',
      PUBLISHED_URL: 'https://bimi.example.com',
      TRUST_ANCHORS: `${'ab'.repeat(32)},${'cd'.repeat(32)}`,
    });
    expect(environmentOf(byDefault, 'StartFunction')).toEqual({ STATE_MACHINE_ARN: '<StateMachine>' });
    expect(environmentOf(byDefault, 'SurveyFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      EVENT_BUS_NAME: 'default',
      REMIND_BEFORE_DAYS: '30',
    });
    expect(environmentOf(withSettings, 'SurveyFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      EVENT_BUS_NAME: 'orders',
      REMIND_BEFORE_DAYS: '45',
      PUBLISHED_URL: 'https://bimi.example.com',
    });
    expect(environmentOf(withSettings, 'PushFunction')).toEqual({
      STATE_MACHINE_ARN: '<StateMachine>',
      PUSH_SECRET_ARN: '<PushCredentials>',
    });
    expect(environmentOf(withSettings, 'PublishFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      PUBLISHED_URL: 'https://bimi.example.com',
    });
    expect(environmentOf(withSettings, 'RevokeFunction')).toEqual({
      BUCKET_NAME: '<Bucket>',
      UNPUBLISH_REVOKED: 'true',
    });
    expect(environmentOf(publishing, 'RevokeFunction')).toEqual({ BUCKET_NAME: '<Bucket>' });
  });

  test('are told one address of what is published, the one of the output', () => {
    for (const stack of [publishing, withSettings]) {
      const { Value: url } = stack.resolved.Outputs.PublishedUrl as { Value: string };
      for (const name of ['CollectFunction', 'SurveyFunction', 'PublishFunction']) {
        expect(environmentOf(stack, name)).toMatchObject({ PUBLISHED_URL: url });
      }
    }
  });

  test('make one call to the CA at a time, or as many as the account lets them where nothing can be reserved', () => {
    expect(only(byDefault, 'AWS::Lambda::Function', 'CollectFunction').Properties.ReservedConcurrentExecutions).toBe(1);
    for (const { Properties } of [
      only(byDefault, 'AWS::Lambda::Function', 'StartFunction'),
      only(byDefault, 'AWS::Lambda::Function', 'SurveyFunction'),
      ...all(withSettings, 'AWS::Lambda::Function'),
    ]) {
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });

  test('leave the account its concurrency, however many requests come to the push URL', () => {
    const push = only(synthesize({ push: 'true' }), 'AWS::Lambda::Function', 'PushFunction');

    expect(push.Properties.ReservedConcurrentExecutions).toBe(5);
  });
});

describe('the rule for orders', () => {
  test('starts a collection when a mark certificate was ordered', () => {
    expect(only(byDefault, 'AWS::Events::Rule', 'Ordered').Properties).toMatchObject({
      EventBusName: 'default',
      EventPattern: { source: ['mark-certificates'], 'detail-type': ['Mark Certificate Ordered'] },
      State: 'ENABLED',
    });
  });

  test('listens to the bus and the source of the settings', () => {
    expect(only(withSettings, 'AWS::Events::Rule', 'Ordered').Properties).toMatchObject({
      EventBusName: 'orders',
      EventPattern: { source: ['com.example.shop'], 'detail-type': ['Mark Certificate Ordered'] },
    });
  });

  test('hands events to start, and what it cannot deliver to the queue', () => {
    expect(only(byDefault, 'AWS::Events::Rule', 'Ordered').Properties.Targets).toEqual([
      { Id: 'Target0', Arn: '<StartFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });
});

describe('the daily rule', () => {
  test('invokes survey at the same time every day, on whatever bus orders are announced', () => {
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
  test('hears of executions of this state machine that failed because of it, on the default bus', () => {
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

  test('hands events to revoke, and what it cannot deliver to the queue', () => {
    expect(only(publishing, 'AWS::Events::Rule', 'Revoked').Properties.Targets).toEqual([
      { Id: 'Target0', Arn: '<RevokeFunction.Arn>', DeadLetterConfig: { Arn: '<DeadLetterQueue.Arn>' } },
    ]);
  });
});

describe('who may invoke a function', () => {
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

  test('is each rule its own one; nobody may invoke Collect from outside', () => {
    expect(permissionsOf(byDefault)).toEqual(RULES);
  });

  test('is the rule for revoked certificates besides, where something is published; nobody for publish itself', () => {
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

  test('is everybody for push, where it is on, and only through its URL', () => {
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
  test('is there only where the CA may push', () => {
    expect(all(byDefault, 'AWS::Lambda::Url')).toEqual([]);
    expect(all(withSettings, 'AWS::Lambda::Url').map(({ Properties }) => Properties)).toEqual([
      { AuthType: 'NONE', TargetFunctionArn: '<PushFunction.Arn>' },
    ]);
  });
});

describe('the dead-letter queue', () => {
  test('keeps events for 14 days, encrypted', () => {
    expect(only(byDefault, 'AWS::SQS::Queue').Properties).toEqual({
      MessageRetentionPeriod: 14 * DAY,
      SqsManagedSseEnabled: true,
    });
  });

  test('refuses what does not come over TLS, and takes messages of no service but the rules', () => {
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

  test('gets every event that start, survey or revoke could not handle in three attempts', () => {
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

describe('what is published', () => {
  let distribution: Readonly<Record<string, unknown>>;

  beforeAll(() => {
    const { DistributionConfig } = only(publishing, 'AWS::CloudFront::Distribution').Properties;
    distribution = DistributionConfig as typeof distribution;
  });

  test('comes from the folder published/ of the bucket, signed, and from nowhere else', () => {
    expect(distribution.Origins).toEqual([
      {
        Id: expect.any(String),
        DomainName: '<Bucket.RegionalDomainName>',
        OriginPath: '/published',
        OriginAccessControlId: '<PublicationAccess.Id>',
        S3OriginConfig: { OriginAccessIdentity: '' },
      },
    ]);
    expect(only(publishing, 'AWS::CloudFront::OriginAccessControl').Properties).toEqual({
      OriginAccessControlConfig: {
        Name: expect.stringMatching(/^.{1,40}-<AWS::Region>$/),
        OriginAccessControlOriginType: 's3',
        SigningBehavior: 'always',
        SigningProtocol: 'sigv4',
      },
    });
    expect(distribution).not.toHaveProperty('CacheBehaviors');
  });

  test('is served over HTTPS without a redirect, to GET and HEAD, as it lies there, for as long as it says itself', () => {
    expect(distribution.DefaultCacheBehavior).toEqual({
      TargetOriginId: expect.any(String),
      ViewerProtocolPolicy: 'https-only',
      AllowedMethods: ['GET', 'HEAD'],
      Compress: false,
      // AWS's "CachingOptimizedForUncompressedObjects": no headers, cookies and queries, and a TTL of 1 s to a year.
      CachePolicyId: 'b2884449-e4de-46a7-ac36-70bc7f1ddd6d',
      ResponseHeadersPolicyId: '<PublicationHeaders>',
    });
    expect(distribution).not.toHaveProperty('CustomErrorResponses');
    expect(distribution).not.toHaveProperty('DefaultRootObject');
  });

  test('is served by HTTP/2 and 3 and IPv6 to every country', () => {
    expect(distribution).toMatchObject({ Enabled: true, HttpVersion: 'http2and3', IPV6Enabled: true });
    expect(distribution).not.toHaveProperty('Restrictions');
    expect(distribution).not.toHaveProperty('PriceClass');
  });

  test('is named by CloudFront, or by the settings, with TLS 1.2 at least', () => {
    expect(distribution).not.toHaveProperty('Aliases');
    expect(distribution).not.toHaveProperty('ViewerCertificate');
    expect(only(withSettings, 'AWS::CloudFront::Distribution').Properties.DistributionConfig).toEqual({
      ...distribution,
      Aliases: ['bimi.example.com'],
      ViewerCertificate: {
        AcmCertificateArn: CERTIFICATE_ARN,
        MinimumProtocolVersion: 'TLSv1.2_2021',
        SslSupportMethod: 'sni-only',
      },
    });
  });

  test('comes with headers by which a logo can do nothing, and everybody may read it', () => {
    expect(only(publishing, 'AWS::CloudFront::ResponseHeadersPolicy').Properties).toEqual({
      ResponseHeadersPolicyConfig: {
        Name: expect.stringMatching(/^.{1,40}-<AWS::Region>$/),
        SecurityHeadersConfig: {
          ContentSecurityPolicy: {
            ContentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
            Override: true,
          },
          ContentTypeOptions: { Override: true },
          FrameOptions: { FrameOption: 'DENY', Override: true },
          ReferrerPolicy: { ReferrerPolicy: 'no-referrer', Override: true },
          StrictTransportSecurity: { AccessControlMaxAgeSec: 365 * DAY, IncludeSubdomains: false, Override: true },
        },
        CorsConfig: {
          AccessControlAllowOrigins: { Items: ['*'] },
          AccessControlAllowMethods: { Items: ['GET', 'HEAD'] },
          AccessControlAllowHeaders: { Items: ['*'] },
          AccessControlAllowCredentials: false,
          OriginOverride: true,
        },
      },
    });
  });

  test('is nothing by default, and leaves no trace in the template', () => {
    expect(JSON.stringify(byDefault.resolved)).not.toMatch(/cloudfront|published|publication/i);
    expect(Object.keys(byDefault.resolved.Resources).filter((id) => /publi(sh|cation)|revoke/i.test(id))).toEqual([]);
    expect(synthesize({ publish: 'false', unpublishRevoked: 'false' }).template.toJSON()).toEqual(
      byDefault.template.toJSON(),
    );
  });

  test('adds to a stack that is deployed, and replaces nothing of it', () => {
    const typesOf = ({ resolved }: SynthesizedStack, among: SynthesizedStack) =>
      Object.entries(resolved.Resources)
        .filter(([id]) => id in among.resolved.Resources)
        .map(([id, { Type }]) => [id, Type]);
    expect(typesOf(publishing, byDefault).toSorted()).toEqual(typesOf(byDefault, byDefault).toSorted());

    const changed = Object.keys(byDefault.resolved.Resources).filter(
      (id) => JSON.stringify(byDefault.resolved.Resources[id]) !== JSON.stringify(publishing.resolved.Resources[id]),
    );
    expect(changed.map(nameOf).toSorted()).toEqual([
      'BucketPolicy',
      'CollectFunction',
      'Dashboard',
      'DeadLetterQueuePolicy',
      'StateMachine',
      'StateMachineRole',
      'SurveyFunction',
      'SurveyFunctionRoleDefaultPolicy',
    ]);
  });
});

describe("the key of one's own", () => {
  test('encrypts the bucket, both secrets, the queue and the topic', () => {
    expect(only(withSettings, 'AWS::S3::Bucket').Properties.BucketEncryption).toEqual({
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY_ARN },
        },
      ],
    });
    expect(all(withSettings, 'AWS::SecretsManager::Secret').map(({ Properties }) => Properties.KmsKeyId)).toEqual([
      KEY_ARN,
      KEY_ARN,
    ]);
    expect(only(withSettings, 'AWS::SQS::Queue').Properties.KmsMasterKeyId).toBe(KEY_ARN);
    expect(only(withSettings, 'AWS::SNS::Topic').Properties.KmsMasterKeyId).toBe(KEY_ARN);
  });

  test('is nowhere without the setting', () => {
    expect(JSON.stringify(byDefault.resolved)).not.toMatch(/kms/i);
  });
});

describe('the stack', () => {
  let outdir: string;
  beforeAll(() => {
    outdir = mkdtempSync(join(tmpdir(), 'app-'));
  });
  afterAll(() => rmSync(outdir, { recursive: true }));

  test('has the outputs that an operator types', () => {
    expect(byDefault.resolved.Outputs).toEqual({
      BucketName: { Value: '<Bucket>' },
      StateMachineArn: { Value: '<StateMachine>' },
      CredentialsSecretArn: { Value: '<Credentials>' },
      AlarmTopicArn: { Value: '<AlarmTopic>' },
    });
    expect(withSettings.resolved.Outputs).toEqual({
      ...byDefault.resolved.Outputs,
      PushUrl: { Value: '<PushFunctionFunctionUrl.FunctionUrl>' },
      PushCredentialsSecretArn: { Value: '<PushCredentials>' },
      PublishedUrl: { Value: 'https://bimi.example.com' },
      DistributionDomainName: { Value: '<Publication.DomainName>' },
    });
    expect(publishing.resolved.Outputs).toEqual({
      ...byDefault.resolved.Outputs,
      PublishedUrl: { Value: 'https://<Publication.DomainName>' },
      DistributionDomainName: { Value: '<Publication.DomainName>' },
    });
  });

  test('asks for nothing at deployment, least of all a password', () => {
    expect(Object.keys(byDefault.resolved.Parameters)).toEqual(['BootstrapVersion']);
  });

  test('fails to synthesize with a setting that cannot be used, and says which', () => {
    expect(() => synthesize({ pollEvery: 'PT1H', eventBusName: 'a b' })).toThrow(
      /^Settings cannot be used:\n {2}- eventBusName: "a b" .*\n {2}- pollEvery: PT1H /,
    );
  });

  test('is named MarkCertificateCollector, and takes its settings from the context', () => {
    const context = { ...CONTEXT, ...SETTINGS, 'aws:cdk:bundling-stacks': [] };
    const { status, stderr } = spawnSync(process.execPath, ['infra/app.ts'], {
      cwd: PROJECT,
      env: { CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const { artifacts } = JSON.parse(readFileSync(join(outdir, 'manifest.json'), 'utf8'));
    expect(artifacts.MarkCertificateCollector).toMatchObject({
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'MarkCertificateCollector.template.json' },
    });
    expect(JSON.parse(readFileSync(join(outdir, 'MarkCertificateCollector.template.json'), 'utf8'))).toEqual(
      withSettings.template.toJSON(),
    );
  });
});
