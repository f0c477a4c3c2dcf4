import {
  ListSecretVersionIdsCommand,
  type SecretsManagerClient,
  SecretsManagerServiceException,
  type SecretVersionsListEntry,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { withTimeLimit } from '../time-limit.ts';
import { dayOfPush, PUSHED_LABEL, type PushLabels } from './pushes.ts';
import { DOUBTED_LABEL, dayOfDoubt, doubtsOf, isRejected, type LabelledVersion, REJECTED_LABEL } from './rejections.ts';

/**
 * How many rejected versions of a secret keep their label. A secret has at most 20 labels (AWS: Secrets Manager quotas,
 * "Staging labels attached across all versions of a secret"). Secrets Manager uses three of them, and people may use
 * others. A version without any label is deprecated: Secrets Manager may delete it.
 */
const REJECTED_LIMIT = 10;

/** How many versions of a secret can be doubted on one day. */
const DOUBTED_LIMIT = 5;

/**
 * The time limit of an action, in milliseconds. After a call to the CA, the function must not reach its own time limit:
 * the memory of the process would be lost.
 */
const ACTION_MILLISECONDS = 4_000;

/**
 * Errors of UpdateSecretVersionStage if a label is attached to another version than the request assumes (AWS: Secrets
 * Manager API reference, UpdateSecretVersionStage, RemoveFromVersionId).
 */
const MISMATCHED: ReadonlySet<string> = new Set([
  'InvalidParameterException',
  'InvalidRequestException',
  'ResourceNotFoundException',
]);

/**
 * Records on a secret what the CA answered to the login of a version. Nothing here throws: a label that cannot be
 * changed is reported, and then the memory of the process and the state of each order still apply.
 */
export interface VersionLabels {
  /**
   * Marks a version as rejected.
   *
   * @param day today, yyyymmdd in UTC.
   * @returns whether the label is set.
   */
  reject(version: string, day: string): Promise<boolean>;
  /** Marks a version whose rejection on this day is doubtful. Returns whether the label is set. */
  doubt(version: string, day: string): Promise<boolean>;
  /**
   * Reserves the one call of this day with a version that was doubted on an earlier day. Only the process that removes
   * the earlier label may make the call.
   *
   * @returns `taken` if another process makes the call, `failed` if no label could be set.
   */
  claim(reading: LabelledVersion, day: string): Promise<'claimed' | 'taken' | 'failed'>;
  /** Removes the marks of doubt from a version whose login the CA accepted. */
  accept(version: string): Promise<void>;
}

/** @param failed is called at most once for each action that could not change a label. */
export function createVersionLabels(
  client: SecretsManagerClient,
  secretId: string,
  failed: (version: string, error: unknown) => void,
): VersionLabels & PushLabels {
  const attach = (label: string, version: string) =>
    client.send(
      new UpdateSecretVersionStageCommand({ SecretId: secretId, VersionStage: label, MoveToVersionId: version }),
    );
  const detach = (label: string, version: string) =>
    client.send(
      new UpdateSecretVersionStageCommand({ SecretId: secretId, VersionStage: label, RemoveFromVersionId: version }),
    );

  /** Every version with labels, the newest first. Versions without labels are not listed (IncludeDeprecated). */
  async function list(): Promise<LabelledVersion[]> {
    const versions: SecretVersionsListEntry[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(new ListSecretVersionIdsCommand({ SecretId: secretId, NextToken }));
      versions.push(...(page.Versions ?? []));
      NextToken = page.NextToken || undefined;
    } while (NextToken !== undefined);
    return versions
      .sort((a, b) => Number(b.CreatedDate ?? 0) - Number(a.CreatedDate ?? 0))
      .map(({ VersionId = '', VersionStages = [] }) => ({ version: VersionId, stages: VersionStages }));
  }

  async function detachWhere(
    versions: readonly LabelledVersion[],
    isObsolete: (label: string, version: LabelledVersion) => boolean,
  ): Promise<void> {
    for (const each of versions) {
      for (const label of each.stages.filter((stage) => isObsolete(stage, each))) {
        await ignoreMismatch(detach(label, each.version));
      }
    }
  }

  /**
   * Removes labels that no longer restrict anything, and those of the oldest rejected versions.
   *
   * @param room how many labels of rejected versions are removed even if there are not too many.
   */
  async function tidy(day: string, room: number): Promise<void> {
    const versions = await list();
    const rejected = versions.filter(isRejected);
    // The current version comes first, however old it is: after a rollback, it is the one that would be sent.
    const ordered = [...rejected.filter(isCurrent), ...rejected.filter((each) => !isCurrent(each))];
    const kept = new Set(ordered.slice(0, Math.max(0, Math.min(ordered.length, REJECTED_LIMIT) - room)));
    await detachWhere(versions, (label, each) => {
      if (dayOfPush(label) !== undefined) {
        // Without it, orders are only checked more often.
        return room > 0 || isRejected(each);
      }
      const doubted = dayOfDoubt(label);
      return doubted === undefined
        ? label === REJECTED_LABEL + each.version && !kept.has(each)
        : doubted < day || isRejected(each);
    });
  }

  /** Sets one of the labels: if one is attached to another version, the next. A full secret loses older labels first. */
  async function set(labels: readonly string[], version: string, day: string): Promise<void> {
    const [label = '', ...others] = labels;
    try {
      await attach(label, version);
    } catch (error) {
      if (others.length > 0 && isMismatch(error)) {
        return set(others, version, day);
      }
      if (!(error instanceof SecretsManagerServiceException && error.name === 'LimitExceededException')) {
        throw error;
      }
      await tidy(day, 1);
      await attach(label, version);
    }
  }

  async function attempt(version: string, action: () => Promise<void>): Promise<boolean> {
    try {
      await withTimeLimit(action(), ACTION_MILLISECONDS, 'Secrets Manager did not answer in time');
      return true;
    } catch (error) {
      failed(version, error);
      return false;
    }
  }

  async function mark(labels: readonly string[], version: string, day: string): Promise<boolean> {
    const isSet = await attempt(version, () => set(labels, version, day));
    if (isSet) {
      await attempt(version, () => tidy(day, 0));
    }
    return isSet;
  }

  return {
    reject: (version, day) => mark([REJECTED_LABEL + version], version, day),
    doubt: (version, day) => mark(doubtLabels(day), version, day),
    async claim(reading, day) {
      const { version } = reading;
      if (!(await attempt(version, () => set(doubtLabels(day), version, day)))) {
        return 'failed';
      }
      const [newest, ...older] = doubtsOf(reading);
      let isTaken = false;
      await attempt(version, async () => {
        if (newest !== undefined) {
          isTaken = !(await ignoreMismatch(detach(newest.label, version)));
        }
        for (const { label } of older) {
          await ignoreMismatch(detach(label, version));
        }
      });
      return isTaken ? 'taken' : 'claimed';
    },
    async accept(version) {
      await attempt(version, async () => {
        const versions = await list();
        await detachWhere(
          versions.filter((each) => each.version === version),
          (label) => dayOfDoubt(label) !== undefined,
        );
      });
    },
    async recordPush(version, day) {
      await attempt(version, async () => {
        // First, so that a secret never has two of these labels. A label is attached to one version at a time.
        await detachWhere(await list(), isOfPush);
        await attach(PUSHED_LABEL + day, version);
      });
    },
    async removePush(version) {
      await attempt(version, async () => {
        const versions = await list();
        await detachWhere(
          versions.filter((each) => each.version === version),
          isOfPush,
        );
      });
    },
  };
}

function isOfPush(label: string): boolean {
  return dayOfPush(label) !== undefined;
}

function isCurrent({ stages }: LabelledVersion): boolean {
  return stages.includes('AWSCURRENT');
}

/** The labels for a doubtful rejection on a day, in the order in which versions get them. */
function doubtLabels(day: string): string[] {
  const first = DOUBTED_LABEL + day;
  return [first, ...Array.from({ length: DOUBTED_LIMIT - 1 }, (_, n) => `${first}-${n + 2}`)];
}

function isMismatch(error: unknown): boolean {
  return error instanceof SecretsManagerServiceException && MISMATCHED.has(error.name);
}

/** Whether a change was made; false if another process had made it before. */
async function ignoreMismatch(change: Promise<unknown>): Promise<boolean> {
  try {
    await change;
    return true;
  } catch (error) {
    if (isMismatch(error)) {
      return false;
    }
    throw error;
  }
}
