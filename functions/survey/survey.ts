import { caaWarnings, readCaa } from '../store/caa.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { accountsOf } from './accounts.ts';
import { readWatched } from './overview.ts';
import { createParts, type Progress, type Records, type SurveyDependencies } from './parts.ts';
import { listOrderKeys, readCertificates, readPublications, readStatuses } from './records.ts';

/** The progress of a survey that begins. */
export function newProgress(now: Date): Progress {
  return { startedAt: now.toISOString(), done: [], after: {}, broken: {} };
}

/** The invocation of a survey that can have several. */
export interface Invocation {
  /** How far earlier invocations were. */
  readonly progress: Progress;
  /** Whether another invocation can follow. If not, everything must fit into this one, as in a stack of release 0.1.0. */
  readonly canContinue: boolean;
  /**
   * Is called after each part.
   *
   * @param isRepeated whether a part had an error, so that it will run again.
   */
  save(progress: Progress, isRepeated: boolean): Promise<void>;
  /** Receives the errors of a survey that continues. */
  failed(error: unknown): void;
}

/**
 * Reads every manifest, status and publication, as small records, and runs the parts (parts.ts). If one part fails, the
 * others still run with what could be read.
 *
 * @param invocation default: the only one.
 * @returns whether the survey is complete. If not, it had too little time, and can continue.
 * @throws {Error} the error of one part, or an AggregateError of several, after all have ended, unless the survey
 * continues: then the parts with an error run again. Lambda repeats a survey that failed. In another process a part with
 * an error may send some events twice, which is better than never.
 */
export async function survey(dependencies: SurveyDependencies, invocation?: Invocation): Promise<boolean> {
  const begun = dependencies.now();
  const before = invocation?.progress ?? newProgress(begun);
  const progress = { ...before, done: [...before.done], after: { ...before.after }, broken: { ...before.broken } };
  const errors: unknown[] = [];
  const recordError = (error: unknown) => {
    errors.push(error);
    return undefined;
  };
  const records = await readRecords(dependencies, begun, recordError);
  let isPaused = false;
  for (const { name, run } of createParts(records, progress, begun, invocation?.canContinue ?? false, dependencies)) {
    if (progress.done.includes(name)) {
      continue;
    }
    try {
      const after = await run(progress.after[name]);
      if (after === undefined) {
        progress.done.push(name);
      } else {
        progress.after[name] = after;
        isPaused = true;
      }
    } catch (error) {
      recordError(error);
    }
    await invocation?.save(progress, errors.length > 0).catch(recordError);
  }
  if (isPaused) {
    for (const error of errors) {
      invocation?.failed(error);
    }
    return false;
  }
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('; '));
  }
  return true;
}

async function readRecords(
  dependencies: SurveyDependencies,
  now: Date,
  recordError: (error: unknown) => undefined,
): Promise<Records> {
  const { executions, publications, watched: watches, writesOverview } = dependencies;
  const keys = await listOrderKeys(dependencies).catch(recordError);
  // One after the other, because each uses all connections. Manifests before publications: a certificate that is stored
  // and published between the two reads then does not look unpublished.
  const certificates = keys && (await readCertificates(dependencies, keys).catch(recordError));
  const readsStatuses = executions !== undefined || writesOverview;
  const statuses = readsStatuses && keys ? await readStatuses(dependencies, keys).catch(recordError) : undefined;
  const published = publications && (await readPublications(dependencies, now).catch(recordError));
  const storage = s3Storage(dependencies.s3, dependencies.bucket);
  const caa = writesOverview ? await readCaa(storage).catch(recordError) : undefined;
  const warnings = caaWarnings(caa);
  const watched = watches && (await readWatched(dependencies).catch(recordError));
  return {
    certificates,
    statuses,
    published,
    warnings,
    watched,
    accounts: accountsOf(certificates?.read ?? [], statuses?.read ?? []),
  };
}
