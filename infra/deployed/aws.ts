import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CollectorError } from '../../functions/collector-error.ts';
import { printable } from '../../functions/text.ts';

/** AWS cannot be used, or does not contain what a command needs. The message contains the next step. */
export class AwsUnavailableError extends CollectorError {
  override readonly name = 'AwsUnavailableError';
  /** What happened, without the next step. */
  readonly problem: string;
  /** What the user can do now, as a sentence without its final dot; undefined if it is not known. */
  readonly next: string | undefined;

  constructor(problem: string, { next, cause }: { readonly next?: string | undefined; readonly cause?: unknown } = {}) {
    super(next === undefined ? problem : `${problem} ${next}.`, { cause });
    this.problem = problem;
    this.next = next;
  }
}

/** The account and region that a user selects. */
export interface AwsSelection {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

/** A region is a part of the names of servers. */
export const REGION = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i;
export const REGION_FORM = 'a region of AWS like eu-central-1';
const SELECT_REGION = 'Set AWS_REGION, set a region in your AWS profile, or add --region, like --region eu-central-1';

const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/**
 * Sets the environment variables so that the SDK and `cdk` use the same account and region. Otherwise a comparison could
 * read another stack than the one that is deployed: `cdk` prefers keys to AWS_PROFILE and the SDK the reverse, and `cdk`
 * also reads AWS_DEFAULT_REGION and falls back to us-east-1.
 *
 * @returns the region.
 * @throws {AwsUnavailableError} if no region is selected, or something that is not one.
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
  if (!REGION.test(selected)) {
    throw new AwsUnavailableError(`The AWS region ${printable(selected)} is not accepted.`, { next: SELECT_REGION });
  }
  environment.AWS_REGION = selected;
  environment.AWS_DEFAULT_REGION = selected;
  return selected;
}

async function regionOfProfile(profile: string | undefined): Promise<string> {
  try {
    return await new CloudFormationClient(profile === undefined ? {} : { profile }).config.region();
  } catch (error) {
    throw new AwsUnavailableError('No AWS region is selected.', {
      next: SELECT_REGION,
      cause: error,
    });
  }
}

/**
 * Finds the credentials before anything slow is done. Whether AWS accepts them, the first request shows.
 *
 * @throws {AwsUnavailableError} if there are none.
 */
export async function requireCredentials(client: CloudFormationClient): Promise<void> {
  const { AWS_PROFILE: profile } = process.env;
  await withAwsErrors(profile ? `AWS cannot be used with the profile ${profile}` : 'AWS cannot be used', () =>
    client.config.credentials(),
  );
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
      'InvalidAccessKeyId',
      'InvalidClientTokenId',
      'InvalidToken',
      'UnrecognizedClientException',
      'SignatureDoesNotMatch',
      'AuthFailure',
      'IncompleteSignature',
      'MissingAuthenticationToken',
      'MissingAuthenticationTokenException',
    ],
    'AWS does not accept the credentials. Sign in again, or select another profile with --profile',
  ],
  [
    ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'],
    'The credentials do not allow this. Select another profile with --profile, or ask for the permission in the message of AWS',
  ],
  [
    ['RequestTimeTooSkewed', 'RequestExpired'],
    'The clock of this machine differs from that of AWS. Set it, then try again',
  ],
  [
    ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'],
    'It is in another region. Select its region with --region',
  ],
  [
    [
      'ThrottlingException',
      'Throttling',
      'TooManyRequestsException',
      'SlowDown',
      'ServiceUnavailable',
      'InternalError',
    ],
    'AWS is busy. Try again in a minute',
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
    const names = [error.name, 'code' in error ? String(error.code) : '', isDenied(error) ? 'AccessDenied' : ''];
    const [, next] = NEXT_STEPS.find(([known]) => names.some((name) => known.includes(name))) ?? [];
    if (next === undefined && !('$metadata' in error)) {
      throw error;
    }
    // The SDK's text for an answer without a body is UnknownError.
    const reason = isDenied(error) && error.message === 'UnknownError' ? 'Access Denied' : error.message || error.name;
    throw new AwsUnavailableError(`${action}: ${reason}${/[.!?]$/.test(reason) ? '' : '.'}`, { next, cause: error });
  }
}

/** Whether AWS refuses a request for a missing permission. The answer to HEAD has no body, so it has a status only. */
export function isDenied(error: Error): boolean {
  const metadata = '$metadata' in error ? (error.$metadata as { readonly httpStatusCode?: number }) : {};
  return (
    /^(AccessDenied|UnauthorizedOperation)/.test(error.name) ||
    (metadata.httpStatusCode === 403 && !isKnown(error.name))
  );
}

function isKnown(name: string): boolean {
  return NEXT_STEPS.some(([names]) => names.includes(name));
}
