import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AwsUnavailableError, selectAws, withAwsErrors } from '../../../infra/deployed/aws.ts';

describe('The selection of account and region', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aws-'));
    await writeFile(join(directory, 'config'), '[profile with-region]\nregion = eu-south-1\n[profile without]\n');
    vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'credentials'));
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) {
      vi.stubEnv(name, undefined);
    }
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' };

  test.each([
    ['the option', { region: 'eu-west-1' }, { AWS_REGION: 'us-east-1' }, 'eu-west-1'],
    ['AWS_REGION', {}, { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'eu-west-1' }, 'us-east-1'],
    ['AWS_DEFAULT_REGION', {}, { AWS_DEFAULT_REGION: 'eu-west-1' }, 'eu-west-1'],
    ['the profile of the option', { profile: 'with-region' }, {}, 'eu-south-1'],
    ['the profile of the environment', {}, { AWS_PROFILE: 'with-region' }, 'eu-south-1'],
  ])('takes the region of %s, and sets it for every other program.', async (_, selection, environment, expected) => {
    const variables: NodeJS.ProcessEnv = { ...environment };
    expect(await selectAws(selection, variables)).toBe(expected);
    expect(variables).toMatchObject({ AWS_REGION: expected, AWS_DEFAULT_REGION: expected });
  });

  test('fails without a region, because cdk would use us-east-1.', async () => {
    const selection = selectAws({ profile: 'without' }, {});
    await expect(selection).rejects.toThrow(AwsUnavailableError);
    await expect(selection).rejects.toThrow('No AWS region is selected. Set AWS_REGION,');
  });

  test('uses the profile of the option in place of keys in the environment.', async () => {
    const variables: NodeJS.ProcessEnv = { ...keys, AWS_SESSION_TOKEN: 'token', AWS_PROFILE: 'other' };
    await selectAws({ profile: 'mine', region: 'eu-west-1' }, variables);
    expect(variables).toEqual({ AWS_PROFILE: 'mine', AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' });
  });

  test('uses keys in the environment in place of AWS_PROFILE, as cdk does.', async () => {
    const variables: NodeJS.ProcessEnv = { ...keys, AWS_PROFILE: 'other', AWS_REGION: 'eu-west-1' };
    await selectAws({}, variables);
    expect(variables).toEqual({ ...keys, AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' });
  });
});

describe('An error of AWS', () => {
  const failWith = (error: unknown) => withAwsErrors('The stack cannot be read', () => Promise.reject(error));
  const named = (name: string, message: string) => Object.assign(new Error(message), { name, $metadata: {} });

  test.each([
    ['CredentialsProviderError', 'Could not load credentials', 'There are no AWS credentials. Sign in'],
    ['ExpiredToken', 'The security token is expired', 'AWS does not accept the credentials. Sign in again'],
    ['InvalidClientTokenId', 'The token is invalid', 'AWS does not accept the credentials. Sign in again'],
    ['AccessDenied', 'not authorized', 'The credentials do not allow this'],
    ['TimeoutError', 'timeout', 'AWS cannot be reached'],
  ])('contains what failed, the reason and the next step: %s.', async (name, reason, next) => {
    const failure = failWith(named(name, reason));
    await expect(failure).rejects.toThrow(AwsUnavailableError);
    await expect(failure).rejects.toThrow(`The stack cannot be read: ${reason}. ${next}`);
  });

  test('of another name contains the reason only.', async () => {
    await expect(failWith(named('InternalFailure', 'Try again.'))).rejects.toThrow(
      /^The stack cannot be read: Try again\.$/,
    );
  });

  test('is one if nothing listens at the endpoint.', async () => {
    const client = new CloudFormationClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'eu-west-1',
      credentials: { accessKeyId: 'id', secretAccessKey: 'key' },
      maxAttempts: 1,
    });
    const failure = withAwsErrors('The stack cannot be read', () => client.send(new DescribeStacksCommand()));
    await expect(failure).rejects.toThrow(AwsUnavailableError);
    await expect(failure).rejects.toThrow('AWS cannot be reached. Check the network connection and the region.');
  });

  test('is not one if the code has a fault.', async () => {
    await expect(failWith(new TypeError('a fault'))).rejects.toThrow(TypeError);
  });
});
