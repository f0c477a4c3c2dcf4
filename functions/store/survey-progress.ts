import * as v from 'valibot';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import type { ObjectStorage } from './objects.ts';

/** Readers decide by the object, so it must never come from a cache. */
const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** The surveys that can run at the same time: the daily one, and the one after a deployment. */
export const SURVEY_KINDS = ['daily', 'deployment'] as const;
export type SurveyKind = (typeof SURVEY_KINDS)[number];

const progressSchema = v.object({
  schemaVersion: v.literal(1),
  /** The name of the collector. */
  collector: v.string(),
  /** The request id of the survey's first invocation. Lambda repeats a failed invocation with the same one. */
  run: v.string(),
  /** The number of the next invocation, from 0. */
  step: v.number(),
  /** The request id of the invocation that wrote this. */
  invocation: v.string(),
  startedAt: dateSchema,
  updatedAt: dateSchema,
  /** When the survey completed; missing before. */
  completedAt: v.optional(dateSchema),
  /** The parts that are complete. */
  done: v.array(v.string()),
  /** The last item that is complete, of each part that is not. */
  after: v.record(v.string(), v.string()),
  /** The ids of the events that were sent, while a part has an error: it is repeated. */
  sent: v.array(v.string()),
  /** The ids of the differences of each publication that was found broken, by the key of its description. */
  broken: v.record(v.string(), v.array(v.string())),
});

/** `survey/<kind>.json`: how far the latest survey of a kind is. A survey that has not enough time continues from it. */
export type SurveyProgress = v.InferOutput<typeof progressSchema>;

/** The key of the progress of a survey. */
export function progressKey(kind: SurveyKind): string {
  return `survey/${kind}.json`;
}

/**
 * Reads the progress of the latest survey of a kind; undefined if there is none, or if it is damaged.
 *
 * @throws {S3ServiceException} if S3 does not return the object.
 */
export async function readProgress({ read }: ObjectStorage, kind: SurveyKind): Promise<SurveyProgress | undefined> {
  const object = await read(progressKey(kind));
  const result = object && v.safeParse(progressSchema, parseJson(Buffer.from(object.body).toString()));
  return result?.success ? result.output : undefined;
}

/**
 * Replaces the progress of the latest survey of a kind.
 *
 * @throws {S3ServiceException} if S3 does not store the object.
 */
export async function writeProgress(
  { read, write }: ObjectStorage,
  kind: SurveyKind,
  progress: SurveyProgress,
): Promise<void> {
  const key = progressKey(kind);
  const { etag } = (await read(key)) ?? {};
  await write(key, toJsonBytes(progress), HEADERS, { etag });
}
