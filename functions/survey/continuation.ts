import * as v from 'valibot';
import { CollectorError } from '../collector-error.ts';
import { EVENT_SOURCE, SURVEY_CONTINUES } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import type { ObjectStorage } from '../store/objects.ts';
import {
  readProgress,
  SURVEY_KINDS,
  type SurveyKind,
  type SurveyProgress,
  writeProgress,
} from '../store/survey-progress.ts';
import { newProgress } from './survey.ts';

/**
 * A survey can need more time than one invocation has. It then stores its progress in S3 and sends an event, with which a
 * rule invokes the function again (docs/decisions/survey.md).
 */

/** The source of the event with which CloudFormation reports that the stack was deployed. */
const DEPLOYMENT_SOURCE = 'aws.cloudformation';

/**
 * The maximum number of invocations of one survey: ten hours of 15 minutes. A survey that needs more would run into the
 * next one.
 */
const STEPS_LIMIT = 40;

const continuationSchema = v.object({
  source: v.literal(EVENT_SOURCE),
  detail: v.object({ kind: v.picklist(SURVEY_KINDS), run: v.string(), step: v.number() }),
});

/** The survey cannot continue, because it has needed too many invocations. */
class TooManyStepsError extends CollectorError {
  override readonly name = 'TooManyStepsError';
}

/** What an invocation must do. */
export type Task =
  | { readonly kind: SurveyKind; readonly progress: SurveyProgress }
  /** The invocation before this one could not send its event. */
  | { readonly kind: SurveyKind; readonly resend: SurveyProgress }
  | { readonly nothing: string };

/**
 * Finds out which survey an invocation begins, repeats or continues.
 *
 * @param event that of the schedule, of CloudFormation, or of a survey that continues.
 * @param requestId the one of the invocation. Lambda repeats a failed invocation with its request id (AWS re:Post,
 * lambda-function-duplicate-invocations).
 * @param read returns the stored progress of the latest survey of a kind.
 */
export async function findTask(
  event: { readonly source?: unknown },
  requestId: string,
  collector: string,
  now: Date,
  read: (kind: SurveyKind) => Promise<SurveyProgress | undefined>,
): Promise<Task> {
  const continued = v.safeParse(continuationSchema, event);
  if (continued.success) {
    const { kind, run, step } = continued.output.detail;
    const stored = await read(kind);
    if (stored?.run !== run || stored.completedAt !== undefined) {
      return { nothing: 'the survey has ended, or a later one has begun' };
    }
    if (stored.step === step) {
      return { kind, progress: stored };
    }
    return stored.invocation === requestId
      ? { kind, resend: stored }
      : { nothing: 'another invocation has done this step of the survey' };
  }
  const kind = event.source === DEPLOYMENT_SOURCE ? 'deployment' : 'daily';
  const stored = await read(kind);
  if (stored?.run === requestId && stored.completedAt === undefined) {
    return stored.step === 0 ? { kind, progress: stored } : { kind, resend: stored };
  }
  const begun = { ...newProgress(now), updatedAt: now.toISOString(), invocation: requestId };
  return { kind, progress: { schemaVersion: 1, collector, run: requestId, step: 0, sent: [], ...begun } };
}

/** The progress of an invocation that had too little time: the next one continues from it. */
export function nextStep(progress: SurveyProgress): SurveyProgress {
  if (progress.step + 1 >= STEPS_LIMIT) {
    throw new TooManyStepsError(`the survey is not complete after ${STEPS_LIMIT} invocations`);
  }
  return { ...progress, step: progress.step + 1 };
}

/** Some survey was not continued: EventBridge did not accept its event. */
export class SurveyNotContinuedError extends CollectorError {
  override readonly name = 'SurveyNotContinuedError';
}

/**
 * Sends the event that starts the next invocation of a survey.
 *
 * @throws {SurveyNotContinuedError} if EventBridge does not accept it.
 */
export async function sendContinuation(
  { eventBridge, eventBusName }: Bus,
  kind: SurveyKind,
  { collector, run, step }: SurveyProgress,
): Promise<void> {
  const detail = { collector, domains: [], kind, run, step };
  const [failure] = await sendEvents({ eventBridge, eventBusName }, SURVEY_CONTINUES, [detail], () => {});
  if (failure) {
    throw new SurveyNotContinuedError(`EventBridge did not accept the event "${SURVEY_CONTINUES}" (${failure.reason})`);
  }
}

/** Where the progress of surveys is kept. */
export interface ProgressStore {
  read(kind: SurveyKind): Promise<SurveyProgress | undefined>;
  write(kind: SurveyKind, progress: SurveyProgress): Promise<void>;
}

/** Keeps the progress in S3, for the next invocation. */
export function progressInS3(storage: ObjectStorage): ProgressStore {
  return {
    read: (kind) => readProgress(storage, kind),
    write: (kind, progress) => writeProgress(storage, kind, progress),
  };
}

/** Keeps the progress in this process, for the repetition of a failed invocation, which is usually in the same process. */
export function progressInMemory(): ProgressStore {
  const stored = new Map<SurveyKind, SurveyProgress>();
  return {
    read: async (kind) => stored.get(kind),
    write: async (kind, progress) => void stored.set(kind, progress),
  };
}
