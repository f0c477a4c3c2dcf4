import {
  GetSecretValueCommand,
  type SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { problemsOf } from './input.ts';

/** What the stack writes into a new secret. It is no login name of anybody's; the operator replaces it. */
export const PLACEHOLDER = 'REPLACE-ME';

/** How long a value read from Secrets Manager is used, in milliseconds. A rotation is seen after that, or on a fresh read. */
const CACHE_MILLISECONDS = 5 * 60 * 1000;

/** What a secret should hold. */
export interface SecretForm<Value extends object> {
  /** Of the JSON in the secret. Its messages are the accepted forms. */
  readonly schema: v.GenericSchema<unknown, Value>;
  /** The JSON as a person would write it. */
  readonly example: string;
  /** Whose login belongs there, as in "the login of the CA". */
  readonly content: string;
}

/** What one version of a secret holds, or why it cannot be used. `problem` never quotes the secret. */
export type SecretReading<Value extends object> =
  | ({ readonly version: string; readonly problem?: never } & Readonly<Value>)
  | { readonly version?: string; readonly problem: string };

export interface SecretReader<Value extends object> {
  /** @param fresh asks Secrets Manager, whatever is remembered. */
  read(options: { readonly fresh: boolean }): Promise<SecretReading<Value>>;
}

/**
 * Faults of the secret or of its policy: somebody has to mend them. Every other error of Secrets Manager passes by itself,
 * and is thrown.
 */
const MENDED_BY_HAND = new Set([
  'AccessDeniedException',
  'DecryptionFailure',
  'InvalidParameterException',
  'InvalidRequestException',
  'ResourceNotFoundException',
]);

/** Reads a secret with the version it came in, and remembers it for five minutes. */
export function createSecretReader<Value extends object>(
  client: SecretsManagerClient,
  secretId: string,
  form: SecretForm<Value>,
  now: () => number = Date.now,
): SecretReader<Value> {
  let remembered: { readonly reading: SecretReading<Value>; readonly until: number } | undefined;
  return {
    async read({ fresh }) {
      if (fresh || !remembered || remembered.until <= now()) {
        remembered = { reading: await readSecret(client, secretId, form), until: now() + CACHE_MILLISECONDS };
      }
      return remembered.reading;
    },
  };
}

async function readSecret<Value extends object>(
  client: SecretsManagerClient,
  secretId: string,
  form: SecretForm<Value>,
): Promise<SecretReading<Value>> {
  try {
    const { SecretString = '', VersionId = '' } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return readValue(SecretString, VersionId, form);
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && MENDED_BY_HAND.has(error.name)) {
      return { problem: `the secret cannot be read: ${error.name}` };
    }
    throw error;
  }
}

function readValue<Value extends object>(
  text: string,
  version: string,
  { schema, example, content }: SecretForm<Value>,
): SecretReading<Value> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message would quote the secret.
    return { version, problem: `the secret is not JSON; accepted: ${example}` };
  }
  const result = v.safeParse(schema, json);
  if (!result.success) {
    return { version, problem: `the secret is wrong: ${problemsOf(result.issues, { hidden: true }).join('; ')}` };
  }
  if (Object.values(result.output).includes(PLACEHOLDER)) {
    return { version, problem: `the secret still holds the placeholder: put ${content} there` };
  }
  return { version, ...result.output };
}
