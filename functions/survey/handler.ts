import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import middy from '@middy/core';
import { type Environment, variable } from '../environment.ts';
import { METRICS_NAMESPACE, SURVEY_METRICS } from '../metrics.ts';
import { type SurveyDependencies, type SurveyObserver, survey } from './survey.ts';

/** Wires one process of the Lambda survey, the target of the daily schedule. */
export function createHandler(environment: Environment) {
  const logger = new Logger({ serviceName: 'survey' });
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'survey' });
  const dependencies: SurveyDependencies = {
    s3: new S3Client(),
    bucket: variable(environment, 'BUCKET_NAME'),
    eventBridge: new EventBridgeClient(),
    eventBusName: variable(environment, 'EVENT_BUS_NAME'),
    remindBeforeDays: wholeDays(variable(environment, 'REMIND_BEFORE_DAYS')),
    observe: createObserver(logger, metrics),
    now: () => new Date(),
  };
  return middy(async () => {
    await survey(dependencies);
    // Counted here and nowhere else: its absence is how a survey that did not come to its end is noticed.
    metrics.addMetric(SURVEY_METRICS.runs, MetricUnit.Count, 1);
  })
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics));
}

/** One line a damaged manifest, a summary, one line a reminder. What was found is measured even if sending fails then. */
function createObserver(logger: Logger, metrics: Metrics): SurveyObserver {
  return {
    damaged(key, problem) {
      logger.error('manifest damaged', { key, problem });
    },
    surveyed(summary) {
      logger.info('survey', { ...summary });
      metrics.addMetric(SURVEY_METRICS.kept, MetricUnit.Count, summary.kept);
      metrics.addMetric(SURVEY_METRICS.damaged, MetricUnit.Count, summary.damaged);
      if (summary.daysToExpiry !== undefined) {
        metrics.addMetric(SURVEY_METRICS.daysToExpiry, MetricUnit.NoUnit, summary.daysToExpiry);
      }
    },
    reminded(reminder) {
      logger.info('reminder', { ...reminder });
    },
  };
}

/** A number that is none would equal no day, and nobody would miss the reminder. */
function wholeDays(text: string): number {
  if (/^\d+$/.test(text)) {
    return Number(text);
  }
  throw new Error(`REMIND_BEFORE_DAYS: ${text} is not a number of whole days`);
}
