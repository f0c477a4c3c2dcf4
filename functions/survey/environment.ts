import * as v from 'valibot';
import { anchorsVariable, collectorVariable, logsVariable, textVariable, urlVariable } from '../environment.ts';

const DAYS_FORM = 'a whole number of days, like "30"';
const daysVariable = () => v.pipe(v.string(DAYS_FORM), v.regex(/^\d{1,5}$/, DAYS_FORM), v.transform(Number));

/** The environment of survey. */
export const surveyEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  /** The state machine with whose executions statuses are compared. Stacks of release 0.1.0 do not set it. */
  STATE_MACHINE_ARN: v.optional(textVariable('the ARN of the state machine')),
  /** The topics whose subscriptions are counted, separated by commas. Stacks of release 0.1.0 do not set it. */
  TOPIC_ARNS: v.optional(
    v.pipe(
      textVariable('the ARNs of topics'),
      v.transform((text) => text.split(',')),
    ),
  ),
  /** Set if the role allows to write the overview. Stacks of release 0.1.0 do not set it. */
  OVERVIEW: v.optional(v.literal('true', '"true"')),
  /**
   * Set if the role allows to check revocations: to read the chains, and to write the manifests and reports. Stacks of
   * earlier releases do not set it.
   */
  REVOCATIONS: v.optional(v.literal('true', '"true"')),
  /** Whether revoke takes revoked certificates down. */
  UNPUBLISH_REVOKED: v.optional(v.literal('true', '"true"')),
  BUCKET_NAME: textVariable('the name of the bucket'),
  EVENT_BUS_NAME: textVariable('the name of the event bus'),
  /** Where published certificates are served, if the stack publishes any. */
  PUBLISHED_URL: v.optional(urlVariable()),
  /**
   * Whether a survey that had too little time may continue in another invocation: a rule passes the event to the function,
   * and the function may store its progress. Stacks of release 0.1.0 do not set it.
   */
  CONTINUES: v.optional(v.literal('true', 'true')),
  /** Where CloudFront logs who fetches published objects, if it does. */
  LOG_BUCKET_NAME: v.optional(textVariable('the name of the bucket of the logs')),
  /** The distribution whose logs are read. */
  DISTRIBUTION_ID: v.optional(textVariable('the id of the distribution')),
  /** Set if the role allows to check watched domains. Stacks of release 0.1.0 do not set it. */
  WATCHED: v.optional(v.literal('true', '"true"')),
  /** Certificates that are trusted in addition to the known roots, for the chains of watched domains. */
  TRUST_ANCHORS: v.optional(anchorsVariable()),
  /** Keys of logs that are trusted in addition to the known ones. */
  CT_LOGS: v.optional(logsVariable()),
  /** Days before a certificate expires on which the first reminder is sent. */
  REMIND_BEFORE_DAYS: daysVariable(),
  /**
   * Days before and after the end of a certificate in which its order is checked again; 0: never. Stacks of release 0.1.0
   * do not set it.
   */
  ASK_AGAIN_BEFORE_DAYS: v.optional(daysVariable()),
});

export type SurveyEnvironment = v.InferInput<typeof surveyEnvironment>;
