import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  LimitExceededException,
  ListSecretVersionIdsCommand,
  ResourceNotFoundException,
  UpdateSecretVersionStageCommand,
  type UpdateSecretVersionStageCommandInput,
} from '@aws-sdk/client-secrets-manager';

/** A secret can have at most so many staging labels (AWS: Secrets Manager, quotas). */
const LABELS_LIMIT = 20;

interface Version {
  readonly id: string;
  readonly text: string;
  readonly labels: Set<string>;
}

/** The secrets of Secrets Manager, with versions and staging labels. */
export class Secrets {
  readonly #secrets = new Map<string, Version[]>();
  #count = 0;

  /** Stores a new current version, as PutSecretValue does. @returns its id. */
  put(secret: string, text: string): string {
    const versions = this.#secrets.get(secret) ?? [];
    this.#secrets.set(secret, versions);
    const version = { id: `version-${String(++this.#count).padStart(5, '0')}`, text, labels: new Set<string>() };
    versions.push(version);
    this.#makeCurrent(versions, version);
    return version.id;
  }

  /** Makes the previous version current again, as a person does to undo a rotation. */
  rollBack(secret: string): void {
    const versions = this.#secrets.get(secret) ?? [];
    const previous = versions.find(({ labels }) => labels.has('AWSPREVIOUS'));
    if (previous) {
      this.#makeCurrent(versions, previous);
    }
  }

  /** The number of versions with an accepted content. */
  countVersions(secret: string, accepts: (text: string) => boolean): number {
    return (this.#secrets.get(secret) ?? []).filter(({ text }) => accepts(text)).length;
  }

  /** Answers a command of the SDK. */
  answer(command: object): object {
    if (command instanceof GetSecretValueCommand) {
      const { SecretId, VersionId, VersionStage = 'AWSCURRENT' } = command.input;
      const found = this.#find(SecretId).find(({ id, labels }) =>
        VersionId === undefined ? labels.has(VersionStage) : id === VersionId,
      );
      if (!found) {
        throw new ResourceNotFoundException({ message: 'no such version', $metadata: {} });
      }
      return { SecretString: found.text, VersionId: found.id, VersionStages: [...found.labels] };
    }
    if (command instanceof UpdateSecretVersionStageCommand) {
      return this.#moveLabel(command.input);
    }
    if (command instanceof ListSecretVersionIdsCommand) {
      const versions = this.#find(command.input.SecretId);
      return { Versions: versions.map(({ id, labels }) => ({ VersionId: id, VersionStages: [...labels] })) };
    }
    if (command instanceof DescribeSecretCommand) {
      const versions = this.#find(command.input.SecretId);
      return { VersionIdsToStages: Object.fromEntries(versions.map(({ id, labels }) => [id, [...labels]])) };
    }
    throw new Error(`The year does not imitate ${command.constructor.name}`);
  }

  #find(secret = ''): Version[] {
    const versions = this.#secrets.get(secret);
    if (!versions) {
      throw new ResourceNotFoundException({ message: `Secrets Manager can't find ${secret}`, $metadata: {} });
    }
    return versions;
  }

  #moveLabel({
    SecretId,
    VersionStage = '',
    MoveToVersionId,
    RemoveFromVersionId,
  }: UpdateSecretVersionStageCommandInput) {
    const versions = this.#find(SecretId);
    const holder = versions.find(({ labels }) => labels.has(VersionStage));
    if (holder && holder.id !== MoveToVersionId && holder.id !== RemoveFromVersionId) {
      throw new InvalidParameterException({ message: `${VersionStage} is attached to ${holder.id}`, $metadata: {} });
    }
    if (RemoveFromVersionId !== undefined && holder?.id !== RemoveFromVersionId) {
      throw new InvalidParameterException({ message: `${VersionStage} is not attached there`, $metadata: {} });
    }
    const target = versions.find(({ id }) => id === MoveToVersionId);
    if (MoveToVersionId !== undefined && !target) {
      throw new ResourceNotFoundException({ message: `no version ${MoveToVersionId}`, $metadata: {} });
    }
    const count = versions.reduce((sum, { labels }) => sum + labels.size, 0);
    if (target && !holder && count >= LABELS_LIMIT) {
      throw new LimitExceededException({ message: 'too many staging labels', $metadata: {} });
    }
    holder?.labels.delete(VersionStage);
    target?.labels.add(VersionStage);
    return {};
  }

  #makeCurrent(versions: readonly Version[], version: Version): void {
    for (const { id, labels } of versions) {
      const wasCurrent = labels.delete('AWSCURRENT');
      labels.delete('AWSPREVIOUS');
      if (wasCurrent && id !== version.id) {
        labels.add('AWSPREVIOUS');
      }
    }
    version.labels.add('AWSCURRENT');
  }
}
