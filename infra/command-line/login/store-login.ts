import {
  CreateSecretCommand,
  DecryptionFailure,
  DescribeSecretCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  InvalidRequestException,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { type Login, loginSchema } from '../../../functions/collect/login-form.ts';
import { doubtsOf, isRejected } from '../../../functions/collect/rejections.ts';
import { accountSecretName } from '../../../functions/order.ts';
import { isDenied } from '../../deployed/aws.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';

/** Where a login was stored. It is the result of `login --json`. */
export interface StoredLogin {
  /** The account at the CA; null for the default account. */
  readonly account: string | null;
  /** The name or the ARN of the secret. */
  readonly secret: string;
  readonly version: string;
  readonly result: 'created' | 'updated';
  /**
   * If the same login was stored before: whether the CA `rejected` it, may have rejected it (`doubted`), or it was the
   * `current` one. Missing if it is another login.
   */
  readonly sameLogin?: 'rejected' | 'doubted' | 'current';
}

const PROBLEM = 'The login cannot be stored';

/**
 * Stores a login as a new version of the secret of an account, and creates the secret of an account that has none. The
 * same login is stored again too: the CA may have unlocked the account, and orders continue only with a new version.
 *
 * @throws {CommandError} if Secrets Manager does not accept it, or if the secret is scheduled for deletion.
 */
export async function storeLogin(
  collector: DeployedCollector,
  account: string | null,
  { loginName, loginPassword }: Login,
): Promise<StoredLogin> {
  const client = await collector.secrets();
  const secret =
    account === null ? collector.output('CredentialsSecretArn') : accountSecretName(collector.name, account);
  const login = { loginName, loginPassword };
  const sameLogin = await withCommandErrors(PROBLEM, () => findSame(client, secret, login));
  const SecretString = JSON.stringify(login);
  const updated = await store('secretsmanager:PutSecretValue', () =>
    client.send(new PutSecretValueCommand({ SecretId: secret, SecretString })).catch((error) => {
      if (error instanceof ResourceNotFoundException && account !== null) {
        return undefined;
      }
      throw error;
    }),
  );
  if (updated) {
    const { VersionId = '' } = updated;
    return { account, secret, version: VersionId, result: 'updated', ...(sameLogin && { sameLogin }) };
  }
  const key = await keyOf(collector, client);
  const { VersionId = '' } = await store('secretsmanager:CreateSecret', () =>
    client.send(
      new CreateSecretCommand({
        Name: secret,
        Description: `The login of the account ${account} at the CA, for the collector ${collector.name}`,
        SecretString,
        ...(key !== undefined && { KmsKeyId: key }),
      }),
    ),
  );
  return { account, secret, version: VersionId, result: 'created' };

  function store<Output>(permission: string, request: () => Promise<Output>): Promise<Output> {
    return withCommandErrors(
      PROBLEM,
      async () => {
        try {
          return await request();
        } catch (error) {
          if (error instanceof InvalidRequestException && /delet/i.test(error.message)) {
            throw new CommandError(`${PROBLEM}: the secret ${secret} is scheduled for deletion.`, {
              exitCode: EXIT_CODES.problem,
              next: `aws secretsmanager restore-secret --region ${collector.region} --secret-id ${secret}`,
            });
          }
          if (error instanceof ResourceNotFoundException && account === null) {
            throw new CommandError(`${PROBLEM}: the secret ${secret} does not exist.`, {
              exitCode: EXIT_CODES.unavailable,
              next: 'Deploy the collector again, which creates it.',
            });
          }
          throw error;
        }
      },
      permission,
    );
  }
}

/** The key of the collector: Collect may use no other one. Undefined if it is the key of AWS. */
async function keyOf(
  { settings, output }: DeployedCollector,
  client: SecretsManagerClient,
): Promise<string | undefined> {
  if (typeof settings?.kmsKeyArn === 'string') {
    return settings.kmsKeyArn;
  }
  // An app can give the construct a key that is no setting. The secret of the default account has the same one.
  const described = await client
    .send(new DescribeSecretCommand({ SecretId: output('CredentialsSecretArn') }))
    .catch(ignoreUnreadable);
  return described?.KmsKeyId;
}

/** A person who may store a login may perhaps not read one. Every other error is thrown. */
function ignoreUnreadable(error: unknown): undefined {
  const isUnreadable =
    error instanceof ResourceNotFoundException ||
    error instanceof InvalidRequestException ||
    error instanceof DecryptionFailure ||
    (error instanceof Error && isDenied(error));
  if (!isUnreadable) {
    throw error;
  }
}

/** Looks for the login in the current version, and in those that the CA rejected. */
async function findSame(
  client: SecretsManagerClient,
  secret: string,
  login: Login,
): Promise<StoredLogin['sameLogin'] | undefined> {
  let NextToken: string | undefined;
  let found: StoredLogin['sameLogin'];
  do {
    const page = await client
      .send(new ListSecretVersionIdsCommand({ SecretId: secret, NextToken }))
      .catch(ignoreUnreadable);
    for (const { VersionId = '', VersionStages: stages = [] } of page?.Versions ?? []) {
      const rejected = isRejected({ version: VersionId, stages });
      const doubted = doubtsOf({ stages }).length > 0;
      if ((rejected || doubted || stages.includes('AWSCURRENT')) && (await contains(VersionId))) {
        if (rejected) {
          return 'rejected';
        }
        found = doubted || found === 'doubted' ? 'doubted' : 'current';
      }
    }
    NextToken = page?.NextToken || undefined;
  } while (NextToken !== undefined);
  return found;

  async function contains(version: string): Promise<boolean> {
    const read = await client
      .send(new GetSecretValueCommand({ SecretId: secret, VersionId: version }))
      .catch(ignoreUnreadable);
    const stored = read && parseStored(read);
    return stored?.loginName === login.loginName && stored.loginPassword === login.loginPassword;
  }
}

function parseStored({ SecretString }: GetSecretValueCommandOutput): Login | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), loginSchema), SecretString);
  return result.success ? result.output : undefined;
}
