import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of push. */
export const pushEnvironment = v.object({
  /** The bucket of the orders. Stacks of release 0.1.0 do not set it. */
  BUCKET_NAME: v.optional(textVariable('the name of the bucket')),
  COLLECTOR: collectorVariable(),
  /** The bus for the event of a reported revocation. Stacks of release 0.1.0 do not set it, and send no such event. */
  EVENT_BUS_NAME: v.optional(textVariable('the name of the event bus')),
  PUSH_SECRET_ARN: textVariable('the ARN of the secret with the login that the CA sends'),
  STATE_MACHINE_ARN: textVariable('the ARN of the state machine'),
});

export type PushEnvironment = v.InferInput<typeof pushEnvironment>;
