import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createHandler } from '../../../functions/notify/handler.ts';
import { scheduleOverview } from '../../../functions/notify/overview-schedule.ts';
import { type SchedulesEndpoint, startSchedulesEndpoint } from '../../../infra/local/cloud/schedules.ts';
import { startTopicsEndpoint } from '../../../infra/local/cloud/topics.ts';
import { captureOutput, lambdaContext, logsAndMetrics, stubAwsEnvironment } from '../../lambda.ts';
import { startS3Server } from '../../s3-server.ts';
import { COLLECTOR, DEPLOYMENT, expiring, failed, RUNBOOK_URL } from './event-samples.ts';

const SCHEDULE = {
  group: 'Overview',
  roleArn: 'arn:aws:iam::111122223333:role/Schedules',
  surveyArn: 'arn:aws:lambda:us-east-1:111122223333:function:Survey',
  deadLetterQueueArn: 'arn:aws:sqs:us-east-1:111122223333:DeadLetters',
};
const AT = new Date('2026-11-27T08:00:00.000Z');
const minutesLater = (minutes: number) => new Date(AT.getTime() + minutes * 60_000);

let endpoint: SchedulesEndpoint;

beforeEach(async () => {
  endpoint = await startSchedulesEndpoint();
  onTestFinished(endpoint.close);
});

describe('the schedule of the overview', () => {
  function schedule(at: Date): Promise<void> {
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    const client = new SchedulerClient({ region: 'us-east-1', credentials, endpoint: endpoint.url, maxAttempts: 1 });
    onTestFinished(() => client.destroy());
    return scheduleOverview(client, SCHEDULE, at);
  }
  const times = () => endpoint.schedules.map(({ name, request }) => [name, request.ScheduleExpression]);

  test('It runs the survey once, five minutes after an outcome, only for the overview, and is deleted then.', async () => {
    await schedule(AT);
    expect(endpoint.schedules).toEqual([
      {
        name: 'overview',
        group: 'Overview',
        request: {
          ActionAfterCompletion: 'DELETE',
          ClientToken: expect.any(String),
          Description: expect.any(String),
          FlexibleTimeWindow: { Mode: 'OFF' },
          GroupName: 'Overview',
          ScheduleExpression: 'at(2026-11-27T08:05:00)',
          ScheduleExpressionTimezone: 'Etc/UTC',
          Target: {
            Arn: SCHEDULE.surveyArn,
            RoleArn: SCHEDULE.roleArn,
            Input: '{"overview":true}',
            DeadLetterConfig: { Arn: SCHEDULE.deadLetterQueueArn },
            RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 3 },
          },
        },
      },
    ]);
  });

  test('Further outcomes before it runs join it.', async () => {
    await schedule(AT);
    await Promise.all([1, 2, 4].map((minutes) => schedule(minutesLater(minutes))));
    expect(times()).toEqual([['overview', 'at(2026-11-27T08:05:00)']]);
  });

  test('An outcome after it ran, but before AWS deleted it, has another run, which the next outcomes join.', async () => {
    await schedule(AT);
    await schedule(minutesLater(5));
    await schedule(minutesLater(6));
    expect(times()).toEqual([
      ['overview', 'at(2026-11-27T08:05:00)'],
      ['overview-next', 'at(2026-11-27T08:10:00)'],
    ]);
  });
});

describe('notify', () => {
  const VARIABLES = {
    ALARM_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:AlarmTopic',
    BUCKET_NAME: DEPLOYMENT.bucket,
    COLLECTOR,
    NOTIFY_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:NotifyTopic',
    RUNBOOK_URL,
    STATE_MACHINE_ARN: DEPLOYMENT.stateMachineArn,
  };
  const WITH_OVERVIEW = {
    ...VARIABLES,
    OVERVIEW_SCHEDULE_GROUP: SCHEDULE.group,
    OVERVIEW_SCHEDULE_ROLE_ARN: SCHEDULE.roleArn,
    SURVEY_FUNCTION_ARN: SCHEDULE.surveyArn,
    DEAD_LETTER_QUEUE_ARN: SCHEDULE.deadLetterQueueArn,
  };

  async function notify(variables: Readonly<Record<string, string>>, event: unknown, scheduler = endpoint.url) {
    const [topics, s3] = await Promise.all([startTopicsEndpoint(), startS3Server()]);
    onTestFinished(() => Promise.all([topics.close(), s3.close()]).then(() => {}));
    stubAwsEnvironment({
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_SNS: topics.url,
      AWS_ENDPOINT_URL_SFN: scheduler,
      AWS_ENDPOINT_URL_SCHEDULER: scheduler,
      AWS_MAX_ATTEMPTS: '1',
    });
    const output = captureOutput();
    await createHandler(variables)(event, lambdaContext('notify'));
    return { messages: topics.messages, logs: logsAndMetrics(output).logs };
  }

  test('An outcome schedules the overview; a reminder, which the survey sends itself, does not.', async () => {
    await notify(WITH_OVERVIEW, expiring(7));
    expect(endpoint.schedules).toEqual([]);
    await notify(WITH_OVERVIEW, failed('OrderRejected'));
    expect(endpoint.schedules).toHaveLength(1);
  });

  test('Without the variables, as in an earlier stack, notify schedules nothing.', async () => {
    await notify(VARIABLES, failed('OrderRejected'));
    expect(endpoint.schedules).toEqual([]);
  });

  test('If the schedule cannot be created, the message is sent, and the problem is logged.', async () => {
    const { messages, logs } = await notify(WITH_OVERVIEW, failed('OrderRejected'), 'http://127.0.0.1:1');
    expect(messages).toHaveLength(1);
    expect(logs).toContainEqual(
      expect.objectContaining({
        level: 'WARN',
        message: 'the overview cannot be scheduled; the daily survey writes it',
      }),
    );
  });
});
