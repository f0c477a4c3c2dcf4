import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of notify. */
export const notifyEnvironment = v.object({
  /** The topic of the operators. */
  ALARM_TOPIC_ARN: textVariable('the ARN of the topic of the operators'),
  BUCKET_NAME: textVariable('the name of the bucket'),
  COLLECTOR: collectorVariable(),
  /** The topic of the events about certificates. It can be the topic of the operators. */
  NOTIFY_TOPIC_ARN: textVariable('the ARN of the topic of the events about certificates'),
  /** The page whose sections the messages link to. */
  RUNBOOK_URL: textVariable('the URL of the runbook'),
  STATE_MACHINE_ARN: textVariable('the ARN of the state machine'),
});

export type NotifyEnvironment = v.InferInput<typeof notifyEnvironment>;
