import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of start. */
export const startEnvironment = v.object({
  COLLECTOR: collectorVariable(),
  STATE_MACHINE_ARN: textVariable('the ARN of the state machine'),
});

export type StartEnvironment = v.InferInput<typeof startEnvironment>;
