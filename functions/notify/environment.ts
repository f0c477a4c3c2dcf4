import * as v from 'valibot';
import { collectorVariable, textVariable } from '../environment.ts';

/** The environment of notify. */
export const notifyEnvironment = v.object({
  /**
   * What a schedule needs that writes the overview after an outcome: its group, its role, the survey as its target, and
   * the queue for failures. Stacks without an overview do not set them.
   */
  OVERVIEW_SCHEDULE_GROUP: v.optional(textVariable('the name of the schedule group')),
  OVERVIEW_SCHEDULE_ROLE_ARN: v.optional(textVariable('the ARN of the role of the schedule')),
  SURVEY_FUNCTION_ARN: v.optional(textVariable('the ARN of the function survey')),
  DEAD_LETTER_QUEUE_ARN: v.optional(textVariable('the ARN of the dead-letter queue')),
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
