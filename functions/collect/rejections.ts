/**
 * The staging labels with which a version of a secret records that the CA rejected its login. Every read of the secret
 * returns the labels of the version, so no process and no order needs another call to know them.
 */

/** The label of a rejected version is this and the id of the version. Nobody sends its login again. */
export const REJECTED_LABEL = 'REJECTED-';

/**
 * The label of a version whose rejection is doubtful is this and the day of the last call, yyyymmdd in UTC. Its login is
 * sent again on another day at the earliest. A label belongs to one version of a secret at a time, so a second version
 * of the same day has the label with `-2`.
 */
export const DOUBTED_LABEL = 'DOUBTED-';

/** One version of a secret, and its staging labels. */
export interface LabelledVersion {
  readonly version: string;
  readonly stages: readonly string[];
}

/** Whether the CA rejected the login of a version. */
export function isRejected({ version, stages }: LabelledVersion): boolean {
  return stages.includes(REJECTED_LABEL + version);
}

/** The day in a label of a doubtful rejection; undefined for any other label. */
export function dayOfDoubt(label: string): string | undefined {
  return /^DOUBTED-(\d{8})(-\d+)?$/.exec(label)?.[1];
}

/** The labels of doubtful rejections of a version, the newest first. */
export function doubtsOf({
  stages,
}: Pick<LabelledVersion, 'stages'>): { readonly label: string; readonly day: string }[] {
  return stages
    .flatMap((label) => {
      const day = dayOfDoubt(label);
      return day === undefined ? [] : [{ label, day }];
    })
    .sort((a, b) => b.day.localeCompare(a.day));
}
