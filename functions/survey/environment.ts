import * as v from 'valibot';
import { collectorVariable, textVariable, urlVariable } from '../environment.ts';

const DAYS_FORM = 'a whole number of days, like "30"';

/** The environment of survey. */
export const surveyEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  BUCKET_NAME: textVariable('the name of the bucket'),
  EVENT_BUS_NAME: textVariable('the name of the event bus'),
  /** Where published certificates are served, if the stack publishes any. */
  PUBLISHED_URL: v.optional(urlVariable()),
  /** Days before a certificate expires on which the first reminder is sent. */
  REMIND_BEFORE_DAYS: v.pipe(v.string(DAYS_FORM), v.regex(/^\d{1,5}$/, DAYS_FORM), v.transform(Number)),
});

export type SurveyEnvironment = v.InferInput<typeof surveyEnvironment>;
