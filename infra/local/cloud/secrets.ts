import { randomUUID } from 'node:crypto';
import { type Action, type AwsJsonEndpoint, ServiceError, startAwsJsonEndpoint } from './aws-json-endpoint.ts';

/** A version of a secret. A version without labels is deprecated, but stays here. */
interface Version {
  readonly id: string;
  readonly text: string;
  /** Seconds since 1970, the form in which the service sends dates. */
  readonly created: number;
  readonly labels: Set<string>;
}

/** The operations of Secrets Manager that exist here. */
type Operation =
  | 'CreateSecret'
  | 'DescribeSecret'
  | 'GetSecretValue'
  | 'ListSecretVersionIds'
  | 'PutSecretValue'
  | 'UpdateSecretVersionStage';

/** Secrets in memory, and the operations on them. */
export interface Secrets {
  readonly operations: Readonly<Record<Operation, Action>>;
  /** The number of successful reads. */
  readonly reads: number;
}

/** The maximum number of labels of a secret (AWS: Secrets Manager quotas). */
const LABEL_LIMIT = 20;

/**
 * Secrets Manager in memory, as far as this project uses it: versions, staging labels with their limit, and the errors.
 * A label belongs to one version of a secret at a time (AWS: Secrets Manager API reference, UpdateSecretVersionStage).
 *
 * @param values the initial value of each secret by its id.
 * @param now returns milliseconds since 1970.
 */
export function createSecrets(values: Readonly<Record<string, string>>, now: () => number = Date.now): Secrets {
  const secrets = new Map<string, Version[]>();
  const keys = new Map<string, unknown>();
  let reads = 0;

  const versionsOf = (id: unknown): Version[] => {
    const versions = secrets.get(String(id));
    if (!versions) {
      throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return versions;
  };
  const holderOf = (versions: readonly Version[], label: string) => versions.find(({ labels }) => labels.has(label));

  function move(versions: readonly Version[], label: string, to: Version): void {
    const from = holderOf(versions, label);
    from?.labels.delete(label);
    to.labels.add(label);
    if (label === 'AWSCURRENT' && from) {
      holderOf(versions, 'AWSPREVIOUS')?.labels.delete('AWSPREVIOUS');
      from.labels.add('AWSPREVIOUS');
      to.labels.delete('AWSPREVIOUS');
    }
  }

  function put(id: string, text: unknown, token: unknown): object {
    const version = {
      id: typeof token === 'string' ? token : randomUUID(),
      text: String(text),
      created: now() / 1000,
      labels: new Set<string>(),
    };
    const versions = versionsOf(id);
    versions.push(version);
    move(versions, 'AWSCURRENT', version);
    return { ARN: id, Name: id, VersionId: version.id, VersionStages: [...version.labels] };
  }

  function create(id: string, text: unknown, token?: unknown): object {
    if (secrets.has(id)) {
      throw new ServiceError('ResourceExistsException', `The secret ${id} already exists.`);
    }
    secrets.set(id, []);
    return put(id, text, token);
  }

  const operations: Secrets['operations'] = {
    CreateSecret({ Name, SecretString, ClientRequestToken, KmsKeyId }) {
      keys.set(String(Name), KmsKeyId);
      return create(String(Name), SecretString, ClientRequestToken);
    },
    DescribeSecret({ SecretId }) {
      versionsOf(SecretId);
      return { ARN: SecretId, Name: SecretId, KmsKeyId: keys.get(String(SecretId)) };
    },
    PutSecretValue: ({ SecretId, SecretString, ClientRequestToken }) =>
      put(String(SecretId), SecretString, ClientRequestToken),
    GetSecretValue({ SecretId, VersionId, VersionStage = 'AWSCURRENT' }) {
      const versions = versionsOf(SecretId);
      const version =
        typeof VersionId === 'string'
          ? versions.find(({ id }) => id === VersionId)
          : holderOf(versions, String(VersionStage));
      if (!version) {
        throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret value.");
      }
      reads += 1;
      const { id, text, created, labels } = version;
      return {
        ARN: SecretId,
        Name: SecretId,
        VersionId: id,
        SecretString: text,
        VersionStages: [...labels],
        CreatedDate: created,
      };
    },
    ListSecretVersionIds({ SecretId, IncludeDeprecated }) {
      const listed = versionsOf(SecretId).filter(({ labels }) => IncludeDeprecated === true || labels.size > 0);
      return {
        ARN: SecretId,
        Name: SecretId,
        Versions: listed.map(({ id, labels, created }) => ({
          VersionId: id,
          VersionStages: [...labels],
          CreatedDate: created,
        })),
      };
    },
    UpdateSecretVersionStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }) {
      const versions = versionsOf(SecretId);
      const label = String(VersionStage);
      const holder = holderOf(versions, label);
      if (holder && holder.id !== RemoveFromVersionId && holder.id !== MoveToVersionId) {
        throw new ServiceError(
          'InvalidParameterException',
          `The staging label ${label} is attached to version ${holder.id}, so RemoveFromVersionId must name it.`,
        );
      }
      if (RemoveFromVersionId !== undefined && holder?.id !== RemoveFromVersionId) {
        throw new ServiceError('InvalidParameterException', `${label} is not attached to ${RemoveFromVersionId}.`);
      }
      if (MoveToVersionId === undefined) {
        holder?.labels.delete(label);
        return { ARN: SecretId, Name: SecretId };
      }
      const to = versions.find(({ id }) => id === MoveToVersionId);
      if (!to) {
        throw new ServiceError('ResourceNotFoundException', `There is no version ${MoveToVersionId}.`);
      }
      if (!holder && versions.reduce((count, { labels }) => count + labels.size, 0) >= LABEL_LIMIT) {
        throw new ServiceError('LimitExceededException', `The secret already has ${LABEL_LIMIT} staging labels.`);
      }
      move(versions, label, to);
      return { ARN: SecretId, Name: SecretId };
    },
  };

  for (const [id, text] of Object.entries(values)) {
    create(id, text);
  }
  return {
    operations,
    get reads() {
      return reads;
    },
  };
}

export interface SecretsEndpoint extends AwsJsonEndpoint {
  /** The number of successful reads. */
  readonly reads: number;
}

/**
 * Serves {@link createSecrets} on loopback.
 *
 * @param values the initial value of each secret by its id.
 */
export async function startSecretsEndpoint(values: Readonly<Record<string, string>>): Promise<SecretsEndpoint> {
  const secrets = createSecrets(values);
  const endpoint = await startAwsJsonEndpoint(
    Object.fromEntries(Object.entries(secrets.operations).map(([name, action]) => [`secretsmanager.${name}`, action])),
  );
  return {
    ...endpoint,
    get reads() {
      return secrets.reads;
    },
  };
}
