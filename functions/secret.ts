import {
  GetSecretValueCommand,
  type SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { problemsOf } from './input.ts';
import { PLACEHOLDER } from './placeholder.ts';
import { withTimeLimit } from './time-limit.ts';

export { PLACEHOLDER };

/**
 * How long a value of Secrets Manager is cached, in milliseconds. A rotation takes effect after that, or with a fresh
 * read.
 */
const CACHE_MILLISECONDS = 5 * 60 * 1000;

/** The time limit of one read, in milliseconds. A function has less time than the SDK would wait. */
const READ_MILLISECONDS = 5_000;

const THE_SECRET = 'the secret';

/** What a secret must contain. */
export interface SecretForm<Value extends object> {
  /** The schema of the JSON in the secret. Its messages are the accepted forms. */
  readonly schema: v.GenericSchema<unknown, Value>;
  /** The JSON as a person would write it. */
  readonly example: string;
  /** What belongs in the secret, for example "the login at the CA". */
  readonly content: string;
  /** How a problem names the secret. Default: "the secret". */
  readonly subject?: string;
  /** What to do if the secret does not exist, as a clause. */
  readonly ifMissing?: string;
}

/**
 * The value of one version of a secret with its staging labels, or the reason why it cannot be used. `problem` never
 * quotes the secret.
 */
export type SecretReading<Value extends object> =
  | ({ readonly version: string; readonly stages: readonly string[]; readonly problem?: never } & Readonly<Value>)
  /** `version` if the value is wrong, `error` if Secrets Manager did not return one. */
  | { readonly version: string; readonly error?: never; readonly problem: string }
  | { readonly version?: never; readonly error: string; readonly problem: string };

/** Reads one secret. */
export interface SecretReader<Value extends object> {
  /**
   * @param options `fresh` bypasses the cache.
   * @throws {SecretsManagerServiceException} if the error is temporary.
   * @throws {Error} if Secrets Manager does not answer in time.
   */
  read(options: { readonly fresh: boolean }): Promise<SecretReading<Value>>;
}

/**
 * Errors that mean a fault of the secret or of its policy, and what an operator must do. Every other error of Secrets
 * Manager is temporary and is thrown.
 */
const PERMANENT_ERRORS: ReadonlyMap<string, string | undefined> = new Map([
  ['AccessDeniedException', 'allow the role of the function to read it'],
  ['DecryptionFailure', 'allow the role of the function to use the KMS key of the secret'],
  ['InvalidParameterException', undefined],
  ['InvalidRequestException', 'if it is marked for deletion, restore it with aws secretsmanager restore-secret'],
  ['ResourceNotFoundException', undefined],
]);

/**
 * Creates a reader that returns the value of a secret with its version, and caches it for five minutes.
 *
 * @param now returns milliseconds since 1970.
 */
export function createSecretReader<Value extends object>(
  client: SecretsManagerClient,
  secretId: string,
  form: SecretForm<Value>,
  now: () => number = Date.now,
): SecretReader<Value> {
  let cached: { readonly reading: SecretReading<Value>; readonly until: number } | undefined;
  return {
    async read({ fresh }) {
      if (fresh || !cached || cached.until <= now()) {
        cached = { reading: await readSecret(client, secretId, form), until: now() + CACHE_MILLISECONDS };
      }
      return cached.reading;
    },
  };
}

async function readSecret<Value extends object>(
  client: SecretsManagerClient,
  secretId: string,
  form: SecretForm<Value>,
): Promise<SecretReading<Value>> {
  try {
    const response = await withTimeLimit(
      client.send(new GetSecretValueCommand({ SecretId: secretId })),
      READ_MILLISECONDS,
      'Secrets Manager did not answer in time',
    );
    const { SecretString = '', VersionId = '', VersionStages = [] } = response;
    return readValue(SecretString, VersionId, VersionStages, form);
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && PERMANENT_ERRORS.has(error.name)) {
      const next = error.name === 'ResourceNotFoundException' ? form.ifMissing : PERMANENT_ERRORS.get(error.name);
      const problem = `${form.subject ?? THE_SECRET} cannot be read: ${error.name}${next === undefined ? '' : `; ${next}`}`;
      return { error: error.name, problem };
    }
    throw error;
  }
}

function readValue<Value extends object>(
  text: string,
  version: string,
  stages: readonly string[],
  { schema, example, content, subject = THE_SECRET }: SecretForm<Value>,
): SecretReading<Value> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The message of the parser would quote the secret.
    return { version, problem: `${subject} is not JSON; accepted: ${example}` };
  }
  const result = v.safeParse(schema, json);
  if (!result.success) {
    return { version, problem: `${subject} is wrong: ${problemsOf(result.issues, { hidden: true }).join('; ')}` };
  }
  if (Object.values(result.output).includes(PLACEHOLDER)) {
    return { version, problem: `${subject} still contains the placeholder; replace it with ${content}` };
  }
  return { version, stages, ...result.output };
}
