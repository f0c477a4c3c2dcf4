import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { CREDENTIAL_LIMITS } from '../collectmc/request.ts';
import { createSecretReader, type SecretForm, type SecretReader, type SecretReading } from '../secret.ts';

export { PLACEHOLDER } from '../secret.ts';

const field = (name: keyof typeof CREDENTIAL_LIMITS) => {
  const limit = CREDENTIAL_LIMITS[name];
  const accepted = `text of 1 to ${limit} characters`;
  return v.pipe(v.string(accepted), v.minLength(1, accepted), v.maxLength(limit, accepted));
};
const schema = v.object(
  { loginName: field('loginName'), loginPassword: field('loginPassword') },
  'a JSON object with loginName and loginPassword',
);
type Credentials = v.InferOutput<typeof schema>;

const CREDENTIALS: SecretForm<Credentials> = {
  schema,
  example: '{"loginName": "…", "loginPassword": "…"}',
  content: 'the login at the CA',
};

/**
 * The CA's login in one version of the secret, or the reason why that version contains none. `problem` never quotes the
 * secret.
 */
export type CredentialsReading = SecretReading<Credentials>;

export type CredentialsReader = SecretReader<Credentials>;

/**
 * Reads the CA's credentials and their version, and caches them for five minutes.
 *
 * @param now returns milliseconds since 1970; default: the clock.
 */
export function createCredentialsReader(
  client: SecretsManagerClient,
  secretId: string,
  now?: () => number,
): CredentialsReader {
  return createSecretReader(client, secretId, CREDENTIALS, now);
}
