import {
  GetSecretValueCommand,
  type SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { CREDENTIAL_LIMITS } from './collectmc/request.ts';
import { problemsOf } from './input.ts';

/** What the stack writes into a new secret. It is no login name of anybody's; the operator replaces it. */
export const PLACEHOLDER = 'REPLACE-ME';

/** How long a value read from Secrets Manager is used, in milliseconds. A rotation is seen after that, or at the CA's -16. */
const CACHE_MILLISECONDS = 5 * 60 * 1000;

/** The CA's login in one version of the secret, or why that version holds none. `problem` never quotes the secret. */
export type CredentialsReading =
  | { readonly version: string; readonly loginName: string; readonly loginPassword: string; readonly problem?: never }
  | { readonly version?: string; readonly problem: string };

export interface CredentialsReader {
  /** @param fresh asks Secrets Manager, whatever is remembered. */
  read(options: { readonly fresh: boolean }): Promise<CredentialsReading>;
}

/**
 * Faults of the secret or of its policy: somebody has to mend them, and until then the order waits. Every other error of
 * Secrets Manager passes by itself, and the state machine repeats the check.
 */
const MENDED_BY_HAND = new Set([
  'AccessDeniedException',
  'DecryptionFailure',
  'InvalidParameterException',
  'InvalidRequestException',
  'ResourceNotFoundException',
]);

const field = (name: keyof typeof CREDENTIAL_LIMITS) => {
  const limit = CREDENTIAL_LIMITS[name];
  const accepted = `text of 1 to ${limit} characters`;
  return v.pipe(v.string(accepted), v.minLength(1, accepted), v.maxLength(limit, accepted));
};
const secretSchema = v.object(
  { loginName: field('loginName'), loginPassword: field('loginPassword') },
  'a JSON object with loginName and loginPassword',
);

/** Reads the CA's credentials with the version they came in, and remembers them for five minutes. */
export function createCredentialsReader(
  client: SecretsManagerClient,
  secretId: string,
  now: () => number = Date.now,
): CredentialsReader {
  let remembered: { readonly reading: CredentialsReading; readonly until: number } | undefined;
  return {
    async read({ fresh }) {
      if (fresh || !remembered || remembered.until <= now()) {
        remembered = { reading: await readSecret(client, secretId), until: now() + CACHE_MILLISECONDS };
      }
      return remembered.reading;
    },
  };
}

async function readSecret(client: SecretsManagerClient, secretId: string): Promise<CredentialsReading> {
  try {
    const { SecretString = '', VersionId = '' } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return readCredentials(SecretString, VersionId);
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && MENDED_BY_HAND.has(error.name)) {
      return { problem: `the secret cannot be read: ${error.name}` };
    }
    throw error;
  }
}

function readCredentials(text: string, version: string): CredentialsReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would quote the secret.
    return { version, problem: 'the secret is not JSON; accepted: {"loginName": "…", "loginPassword": "…"}' };
  }
  const result = v.safeParse(secretSchema, value);
  if (!result.success) {
    return { version, problem: `the secret is wrong: ${problemsOf(result.issues, { hidden: true }).join('; ')}` };
  }
  const { loginName, loginPassword } = result.output;
  if (loginName === PLACEHOLDER || loginPassword === PLACEHOLDER) {
    return { version, problem: 'the secret still holds the placeholder: put the login of the CA there' };
  }
  return { version, loginName, loginPassword };
}
