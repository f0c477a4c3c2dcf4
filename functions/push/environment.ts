import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of push. */
export const pushEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  PUSH_SECRET_ARN: textVariable('the ARN of the secret with the login that the CA sends'),
  STATE_MACHINE_ARN: textVariable('the ARN of the state machine'),
});

export type PushEnvironment = v.InferInput<typeof pushEnvironment>;
