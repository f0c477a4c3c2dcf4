import * as v from 'valibot';
import { RESPONSE_FORMATS, type ResponseFormat } from '../collectmc/request.ts';
import { collectorVariable, secondsVariable, textVariable, urlVariable } from '../environment.ts';

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];
const LOGS_FORM = 'keys of logs in base64, separated by commas';
const ANCHORS_FORM = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';

/** The environment of Collect. */
export const collectEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  BUCKET_NAME: textVariable('the name of the bucket'),
  COLLECT_URL: urlVariable(),
  /** Keys of logs that are trusted in addition to the known ones. */
  CT_LOGS: v.optional(
    v.pipe(
      v.string(LOGS_FORM),
      v.regex(/^[A-Za-z0-9+/]+=*(,[A-Za-z0-9+/]+=*)*$/, LOGS_FORM),
      v.transform((list) => list.split(',')),
    ),
  ),
  CREDENTIALS_SECRET_ARN: textVariable("the ARN of the secret with the CA's login"),
  /** Stacks of release 0.1.0 do not set it. */
  EVENT_BUS_NAME: v.optional(textVariable('the name of the event bus'), 'default'),
  /** Seconds from the start of an execution after which a waiting order is overdue. */
  GIVE_UP_SECONDS: secondsVariable(),
  /** Seconds between two checks of an order. */
  POLL_SECONDS: secondsVariable(),
  /** Where published certificates are served, if the stack publishes any. */
  PUBLISHED_URL: v.optional(urlVariable()),
  RESPONSE_FORMAT: v.picklist(FORMATS, FORMATS.join(', ')),
  /** Certificates that are trusted in addition to the known roots. */
  TRUST_ANCHORS: v.optional(
    v.pipe(
      v.string(ANCHORS_FORM),
      v.regex(/^[0-9a-f]{64}(,[0-9a-f]{64})*$/i, ANCHORS_FORM),
      v.transform((list) => list.toLowerCase().split(',')),
    ),
  ),
});

export type CollectEnvironment = v.InferInput<typeof collectEnvironment>;
