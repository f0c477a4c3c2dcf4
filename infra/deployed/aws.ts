import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CollectorError } from '../../functions/collector-error.ts';

/** AWS cannot be used, or does not contain what a command needs. The message contains the next step. */
export class AwsUnavailableError extends CollectorError {
  override readonly name = 'AwsUnavailableError';
}

/** The account and region that a user selects. */
export interface AwsSelection {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/**
 * Sets the environment variables so that the SDK and `cdk` use the same account and region. Otherwise a comparison could
 * read another stack than the one that is deployed: `cdk` prefers keys to AWS_PROFILE and the SDK the reverse, and `cdk`
 * also reads AWS_DEFAULT_REGION and falls back to us-east-1.
 *
 * @returns the region.
 * @throws {AwsUnavailableError} if no region is selected.
 */
export async function selectAws(
  { profile, region }: AwsSelection,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  if (profile !== undefined) {
    environment.AWS_PROFILE = profile;
    for (const key of KEYS) {
      delete environment[key];
    }
  } else if (environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY) {
    delete environment.AWS_PROFILE;
  }
  const selected =
    region ||
    environment.AWS_REGION ||
    environment.AWS_DEFAULT_REGION ||
    (await regionOfProfile(environment.AWS_PROFILE));
  environment.AWS_REGION = selected;
  environment.AWS_DEFAULT_REGION = selected;
  return selected;
}

async function regionOfProfile(profile: string | undefined): Promise<string> {
  try {
    return await new CloudFormationClient(profile === undefined ? {} : { profile }).config.region();
  } catch (error) {
    throw new AwsUnavailableError(
      'No AWS region is selected. Set AWS_REGION, set a region in your AWS profile, or add --region, like --region eu-central-1.',
      { cause: error },
    );
  }
}

/**
 * Finds the credentials before anything slow is done. Whether AWS accepts them, the first request shows.
 *
 * @throws {AwsUnavailableError} if there are none.
 */
export async function requireCredentials(client: CloudFormationClient): Promise<void> {
  await withAwsErrors('AWS cannot be used', () => client.config.credentials());
}

const NETWORK_ERRORS = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'ENETUNREACH', 'ETIMEDOUT'];

/** Names of errors of the SDK and of AWS, with the next step. */
const NEXT_STEPS: readonly (readonly [names: readonly string[], next: string])[] = [
  [
    ['CredentialsProviderError'],
    'There are no AWS credentials. Sign in (aws sso login or aws configure), select a profile with --profile, or set AWS_PROFILE',
  ],
  [
    [
      'ExpiredToken',
      'ExpiredTokenException',
      'TokenProviderError',
      'InvalidClientTokenId',
      'UnrecognizedClientException',
      'SignatureDoesNotMatch',
      'AuthFailure',
    ],
    'AWS does not accept the credentials. Sign in again, or select another profile with --profile',
  ],
  [
    ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'],
    'The credentials do not allow this. Select another profile with --profile, or ask for the permission in the message of AWS',
  ],
  [[...NETWORK_ERRORS, 'TimeoutError'], 'AWS cannot be reached. Check the network connection and the region'],
];

/**
 * Runs requests to AWS.
 *
 * @param action what they are for: "The deployed stack cannot be read".
 * @throws {AwsUnavailableError} for every error of AWS and of the connection to it.
 */
export async function withAwsErrors<Result>(action: string, requests: () => Promise<Result>): Promise<Result> {
  try {
    return await requests();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof CollectorError) {
      throw error;
    }
    const code = 'code' in error ? String(error.code) : '';
    const [, next] = NEXT_STEPS.find(([names]) => names.includes(error.name) || names.includes(code)) ?? [];
    if (next === undefined && !('$metadata' in error)) {
      throw error;
    }
    const reason = error.message || error.name;
    throw new AwsUnavailableError(`${action}: ${reason}${/[.!?]$/.test(reason) ? '' : '.'}${next ? ` ${next}.` : ''}`, {
      cause: error,
    });
  }
}
