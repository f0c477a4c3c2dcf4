import * as v from 'valibot';
import { RESPONSE_FORMATS, type ResponseFormat } from '../collectmc/request.ts';
import {
  anchorsVariable,
  collectorVariable,
  logsVariable,
  secondsVariable,
  textVariable,
  urlVariable,
} from '../environment.ts';

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];

/** The environment of Collect. */
export const collectEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  BUCKET_NAME: textVariable('the name of the bucket'),
  COLLECT_URL: urlVariable(),
  /** Keys of logs that are trusted in addition to the known ones. */
  CT_LOGS: v.optional(logsVariable()),
  CREDENTIALS_SECRET_ARN: textVariable("the ARN of the secret with the CA's login"),
  /** Stacks of release 0.1.0 do not set it. */
  EVENT_BUS_NAME: v.optional(textVariable('the name of the event bus'), 'default'),
  /** Seconds from the start of an execution after which a waiting order is overdue. */
  GIVE_UP_SECONDS: secondsVariable(),
  /** Seconds between two checks of an order. */
  POLL_SECONDS: secondsVariable(),
  /** Seconds between two checks of an order whose outcome the CA pushes. Without it, pushes change nothing. */
  POLL_WITH_PUSH_SECONDS: v.optional(secondsVariable()),
  /** Where published certificates are served, if the stack publishes any. */
  PUBLISHED_URL: v.optional(urlVariable()),
  RESPONSE_FORMAT: v.picklist(FORMATS, FORMATS.join(', ')),
  /** Certificates that are trusted in addition to the known roots. */
  TRUST_ANCHORS: v.optional(anchorsVariable()),
});

export type CollectEnvironment = v.InferInput<typeof collectEnvironment>;
