import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSettings } from '../../infra/settings.ts';
import { all, CONTEXT, KEY_ARN, only, PROJECT, SETTINGS, statementsOf, synthesize } from './synthesized.ts';

const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);
const publishing = synthesize({ publish: 'true' });

describe('the bucket', () => {
  test('The bucket keeps every version, is encrypted and private, and belongs to one account.', () => {
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

  test('The policy of the bucket refuses requests without TLS, and allows nothing.', () => {
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

  test('The bucket is retained when the stack is deleted, but not when its first deployment fails.', () => {
    byDefault.template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('With the setting "destroy", the bucket is deleted with the stack, but only if it is empty.', () => {
    withSettings.template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    withSettings.template.resourceCountIs('Custom::S3AutoDeleteObjects', 0);
  });
});

describe('the secret of the login at the CA', () => {
  test('The secret contains only the placeholder, because the operator stores the login.', () => {
    const { Properties } = only(byDefault, 'AWS::SecretsManager::Secret', 'Credentials');
    expect(JSON.parse(String(Properties.SecretString))).toEqual({
      loginName: 'REPLACE-ME',
      loginPassword: 'REPLACE-ME',
    });
    expect(Properties).not.toHaveProperty('GenerateSecretString');
  });

  test('The setting determines the name of the secret.', () => {
    byDefault.template.hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'mark-certificate-collector/credentials',
    });
    withSettings.template.hasResourceProperties('AWS::SecretsManager::Secret', { Name: 'acme/credentials' });
  });
});

describe('the secret of the push URL', () => {
  test('The secret exists only if push is on, with a password that Secrets Manager generates.', () => {
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

describe('a customer-managed key', () => {
  test('The key encrypts the bucket, both secrets, the queue and both topics.', () => {
    expect(only(withSettings, 'AWS::S3::Bucket', 'Bucket').Properties.BucketEncryption).toEqual({
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
    expect(all(withSettings, 'AWS::SNS::Topic').map(({ Properties }) => Properties.KmsMasterKeyId)).toEqual([
      KEY_ARN,
      KEY_ARN,
    ]);
  });

  test('Without the setting, the template names no key.', () => {
    expect(JSON.stringify(byDefault.resolved)).not.toMatch(/kms/i);
  });
});

describe('the stack', () => {
  let outdir: string;
  beforeAll(() => {
    outdir = mkdtempSync(join(tmpdir(), 'app-'));
  });
  afterAll(() => rmSync(outdir, { recursive: true }));

  test('The stack has the outputs that an operator needs.', () => {
    expect(byDefault.resolved.Outputs).toEqual({
      BucketName: { Value: '<Bucket>' },
      StateMachineArn: { Value: '<StateMachine>' },
      CredentialsSecretArn: { Value: '<Credentials>' },
      AlarmTopicArn: { Value: '<AlarmTopic>' },
      NotifyTopicArn: { Value: '<AlarmTopic>' },
      Settings: { Value: expect.any(String) },
    });
    expect(withSettings.resolved.Outputs).toEqual({
      ...byDefault.resolved.Outputs,
      NotifyTopicArn: { Value: '<NotifyTopic>' },
      Settings: { Value: expect.any(String) },
      PushUrl: { Value: '<PushFunctionFunctionUrl.FunctionUrl>' },
      PushCredentialsSecretArn: { Value: '<PushCredentials>' },
      PublishedUrl: { Value: 'https://bimi.example.com' },
      DistributionDomainName: { Value: '<Publication.DomainName>' },
    });
    expect(publishing.resolved.Outputs).toEqual({
      ...byDefault.resolved.Outputs,
      Settings: { Value: expect.any(String) },
      PublishedUrl: { Value: 'https://<Publication.DomainName>' },
      DistributionDomainName: { Value: '<Publication.DomainName>' },
    });
  });

  test.each([
    ['its defaults', {}],
    ['other settings', SETTINGS],
  ])('The output Settings contains the settings in effect, as cdk.json accepts them: %s.', (_, settings) => {
    const { Value } = synthesize(settings).template.toJSON().Outputs.Settings;
    expect(readSettings(JSON.parse(Value))).toEqual(readSettings(settings));
    expect(Object.keys(JSON.parse(Value))).toEqual(
      expect.arrayContaining(Object.keys({ ...settings, name: '', pollEvery: '', publish: '' })),
    );
  });

  test('The stack has no parameters for the deployment, and so none for a password.', () => {
    expect(Object.keys(byDefault.resolved.Parameters)).toEqual(['BootstrapVersion']);
  });

  test('The synthesis fails with a setting that cannot be used, and the error names the setting.', () => {
    expect(() => synthesize({ pollEvery: 'PT1H', eventBusName: 'a b' })).toThrow(
      /^Settings cannot be used:\n {2}- eventBusName: "a b" .*\n {2}- pollEvery: PT1H /,
    );
  });

  test('The stack has the name of the collector, and reads its settings from the context.', () => {
    const context = { ...CONTEXT, ...SETTINGS, 'aws:cdk:bundling-stacks': [] };
    const { status, stderr } = spawnSync(process.execPath, ['infra/app.ts'], {
      cwd: PROJECT,
      env: {
        CDK_OUTDIR: outdir,
        CDK_CONTEXT_JSON: JSON.stringify(context),
        CDK_VALIDATION: 'false',
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      },
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const { artifacts } = JSON.parse(readFileSync(join(outdir, 'manifest.json'), 'utf8'));
    expect(artifacts['MarkCertificateCollector-acme']).toMatchObject({
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'MarkCertificateCollector-acme.template.json' },
    });
    expect(JSON.parse(readFileSync(join(outdir, 'MarkCertificateCollector-acme.template.json'), 'utf8'))).toEqual(
      withSettings.template.toJSON(),
    );
  });
});
