import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DEFAULT_COLLECTOR } from '../environment.ts';
import { accountSecretName } from '../order.ts';
import { createSecretReader, type SecretForm, type SecretReader, type SecretReading } from '../secret.ts';
import { createVersionLabels, type VersionLabels } from './labels.ts';
import { type Login, loginSchema } from './login-form.ts';
import type { PushLabels } from './pushes.ts';

export { PLACEHOLDER } from '../secret.ts';

const CREDENTIALS: SecretForm<Login> = {
  schema: loginSchema,
  example: '{"loginName": "…", "loginPassword": "…"}',
  content: 'the login at the CA',
};

/**
 * The CA's login in one version of the secret, or the reason why that version contains none. `problem` never quotes the
 * secret.
 */
export type CredentialsReading = SecretReading<Login>;

/** The secret with the login of one account. */
export interface CredentialsSecret extends SecretReader<Login> {
  readonly labels: VersionLabels;
}

/** A secret of Secrets Manager, which also records that the CA pushes. */
export interface SecretInManager extends CredentialsSecret {
  readonly labels: VersionLabels & PushLabels;
}

/** Returns the secret of an account at the CA; null is the default account. */
export type CredentialsLookup = (account: string | null) => CredentialsSecret;

/** A label of a secret could not be changed. */
export interface LabelFailure {
  readonly account: string | null;
  readonly version: string;
  readonly error: unknown;
}

export interface CredentialsOptions {
  /** The name of the collector, with which the names of the accounts' secrets begin. */
  readonly collector: string;
  /** The secret of the default account. */
  readonly defaultSecretId: string;
  readonly labelFailed: (failure: LabelFailure) => void;
  /** Returns milliseconds since 1970; default: the clock. */
  readonly now?: () => number;
}

/** How many secrets a process caches. Events name the accounts, so their number has no other limit. */
const CACHED_SECRETS = 100;

/** Creates the lookup of all accounts' secrets. The value of each is cached for five minutes. */
export function createCredentialsLookup(
  client: SecretsManagerClient,
  { collector, defaultSecretId, labelFailed, now }: CredentialsOptions,
): (account: string | null) => SecretInManager {
  const secrets = new Map<string | null, SecretInManager>();
  return (account) => {
    const known = secrets.get(account);
    if (known) {
      return known;
    }
    const secretId = account === null ? defaultSecretId : accountSecretName(collector, account);
    const form = account === null ? CREDENTIALS : accountForm(secretId, collector, account);
    const secret = {
      ...createSecretReader(client, secretId, form, now),
      labels: createVersionLabels(client, secretId, (version, error) => labelFailed({ account, version, error })),
    };
    const [oldest] = secrets.keys();
    if (oldest !== undefined && secrets.size >= CACHED_SECRETS) {
      secrets.delete(oldest);
    }
    secrets.set(account, secret);
    return secret;
  };
}

/** The stack does not create the secrets of accounts, so a person needs the command. */
function accountForm(name: string, collector: string, account: string): SecretForm<Login> {
  return {
    ...CREDENTIALS,
    subject: `the secret ${name}`,
    ifMissing:
      `store its login with mark-certificates login --account ${account} ` +
      `${collector === DEFAULT_COLLECTOR ? '' : `--collector ${collector} `}(runbook: Add an account)`,
  };
}
