import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of start. */
export const startEnvironment = v.object({
  /** Stacks of release 0.1.0 do not set it. Until the deployment has set it, Lambda repeats the events. */
  BUCKET_NAME: v.optional(textVariable('the name of the bucket')),
  COLLECTOR: collectorVariable(),
  STATE_MACHINE_ARN: textVariable('the ARN of the state machine'),
});

export type StartEnvironment = v.InferInput<typeof startEnvironment>;
