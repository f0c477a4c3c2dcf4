import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { S3Client } from '@aws-sdk/client-s3';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import middy from '@middy/core';
import * as v from 'valibot';
import { type Environment, parseEnvironment } from '../environment.ts';
import { describeExecution, type Executions, findExecution } from '../executions.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { METRICS_NAMESPACE, NOTIFY_METRICS } from '../metrics.ts';
import { type Order, orderInStateSchema } from '../order.ts';
import { parseJson } from '../store/json.ts';
import { openOrderFile, readRecords } from '../store/order-file.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { openStatus } from '../store/status.ts';
import { notifyEnvironment } from './environment.ts';
import { type Audience, createNotify } from './notify.ts';
import { type OverviewSchedule, scheduleOverview } from './overview-schedule.ts';

/**
 * Creates the handler of the Lambda function notify, the target of the rules for the events of the collector and for
 * executions that ended.
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const variables = parseEnvironment(notifyEnvironment, environment);
  const { COLLECTOR: collector, BUCKET_NAME: bucket, STATE_MACHINE_ARN: stateMachineArn } = variables;
  const logger = createLogger('notify');
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'notify',
    defaultDimensions: { collector },
  });
  const count = (name: string, value: number) => metrics.addMetric(name, MetricUnit.Count, value);
  const s3 = new S3Client();
  const sfn = new SFNClient();
  const sns = new SNSClient();
  const topics: Readonly<Record<Audience, string>> = {
    operators: variables.ALARM_TOPIC_ARN,
    brand: variables.NOTIFY_TOPIC_ARN,
  };
  const notify = createNotify({
    deployment: {
      collector,
      bucket,
      stateMachineArn,
      // arn:<partition>:states:<region>:…
      region: stateMachineArn.split(':')[3] ?? '',
    },
    runbookUrl: variables.RUNBOOK_URL,
    async publish(audience, { subject, body }) {
      await sns.send(new PublishCommand({ TopicArn: topics[audience], Subject: subject, Message: body }));
    },
    status: (orderNumber) => openStatus(s3Storage(s3, bucket), orderNumber),
    readRecords: async (orderNumber) => ({
      file: await openOrderFile(s3Storage(s3, bucket), orderNumber).read(),
      ...(await readRecords(s3Storage(s3, bucket), orderNumber)),
    }),
    readOrder: (execution) => readOrder({ sfn, stateMachineArn }, execution),
    async readReason(execution) {
      const { error, cause } = await describeExecution({ sfn, stateMachineArn }, execution);
      return { error, cause };
    },
    refreshOverview: overviewRefresh(variables),
    observe: {
      handled(record) {
        logger.info('event', { ...record });
        if (record.outcome === 'sent') {
          count(NOTIFY_METRICS.sent, 1);
        }
      },
      problem(what, error) {
        logger.warn(what, { error });
      },
    },
    now: () => new Date(),
  });
  return middy(async (event: unknown) => {
    count(NOTIFY_METRICS.sent, 0);
    try {
      await notify(event);
      count(NOTIFY_METRICS.failed, 0);
    } catch (error) {
      count(NOTIFY_METRICS.failed, 1);
      throw error;
    }
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger))
    .use(logMetrics(metrics));
}

/** Loads the client of EventBridge Scheduler when it is first used: most events of a year need none. */
function overviewRefresh(variables: v.InferOutput<typeof notifyEnvironment>): (() => Promise<void>) | undefined {
  const {
    OVERVIEW_SCHEDULE_GROUP: group,
    OVERVIEW_SCHEDULE_ROLE_ARN: roleArn,
    SURVEY_FUNCTION_ARN: surveyArn,
    DEAD_LETTER_QUEUE_ARN: deadLetterQueueArn,
  } = variables;
  if (group === undefined || roleArn === undefined || surveyArn === undefined || deadLetterQueueArn === undefined) {
    return undefined;
  }
  const schedule: OverviewSchedule = { group, roleArn, surveyArn, deadLetterQueueArn };
  let client: Promise<SchedulerClient> | undefined;
  return async () => {
    client ??= import('@aws-sdk/client-scheduler').then(({ SchedulerClient }) => new SchedulerClient());
    await scheduleOverview(await client, schedule, new Date());
  };
}

/** Reads the order in the input of an execution. Step Functions deletes an execution 90 days after its end. */
async function readOrder(executions: Executions, execution: string): Promise<Order | undefined> {
  const { input = '' } = (await findExecution(executions, execution)) ?? {};
  const order = v.safeParse(orderInStateSchema, parseJson(input));
  return order.success ? order.output : undefined;
}
