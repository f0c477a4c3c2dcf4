import type { SchedulerClient } from '@aws-sdk/client-scheduler';

/** What the schedule needs. */
export interface OverviewSchedule {
  /** The name of the group of the schedule, which the stack deletes with everything in it. */
  readonly group: string;
  readonly roleArn: string;
  readonly surveyArn: string;
  readonly deadLetterQueueArn: string;
}

/** How long after an outcome the overview is written: the outcomes of these minutes share one run. */
const DELAY_MILLISECONDS = 5 * 60 * 1000;

/** The target is not worth a call after this time: the daily survey writes the overview too. */
const MAXIMUM_AGE_SECONDS = 3600;
const RETRIES = 3;

/**
 * The fixed names of the schedule. EventBridge Scheduler deletes a schedule some time after its last invocation. Until
 * then, the first name is taken, and an outcome could not cause another run.
 */
const NAMES = ['overview', 'overview-next'] as const;

/**
 * Makes survey write the overview in five minutes, unless it is about to do so already.
 *
 * @throws {SchedulerServiceException} if EventBridge Scheduler refuses the request.
 */
export async function scheduleOverview(
  scheduler: SchedulerClient,
  { group, roleArn, surveyArn, deadLetterQueueArn }: OverviewSchedule,
  now: Date,
): Promise<void> {
  const { ConflictException, CreateScheduleCommand, GetScheduleCommand, ResourceNotFoundException } = await import(
    '@aws-sdk/client-scheduler'
  );
  for (const name of NAMES) {
    try {
      await scheduler.send(
        new CreateScheduleCommand({
          Name: name,
          GroupName: group,
          Description: 'Write the overview of all orders: something changed',
          ScheduleExpression: `at(${secondsOf(new Date(now.getTime() + DELAY_MILLISECONDS))})`,
          ScheduleExpressionTimezone: 'Etc/UTC',
          FlexibleTimeWindow: { Mode: 'OFF' },
          ActionAfterCompletion: 'DELETE',
          Target: {
            Arn: surveyArn,
            RoleArn: roleArn,
            Input: JSON.stringify({ overview: true }),
            DeadLetterConfig: { Arn: deadLetterQueueArn },
            RetryPolicy: { MaximumEventAgeInSeconds: MAXIMUM_AGE_SECONDS, MaximumRetryAttempts: RETRIES },
          },
        }),
      );
      return;
    } catch (error) {
      if (!(error instanceof ConflictException)) {
        throw error;
      }
    }
    if (await isAhead(name)) {
      return;
    }
  }

  /** Whether the schedule of this name has not run yet. */
  async function isAhead(name: string): Promise<boolean> {
    try {
      const { ScheduleExpression = '' } = await scheduler.send(
        new GetScheduleCommand({ Name: name, GroupName: group }),
      );
      const [, time = ''] = /^at\((.*)\)$/.exec(ScheduleExpression) ?? [];
      return Date.parse(`${time}Z`) > now.getTime();
    } catch (error) {
      if (error instanceof ResourceNotFoundException) {
        return false;
      }
      throw error;
    }
  }
}

/** A time as an expression of EventBridge Scheduler contains it: `2026-11-27T08:05:00`. */
function secondsOf(time: Date): string {
  return time.toISOString().slice(0, 19);
}
