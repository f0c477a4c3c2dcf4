import { Resolver } from 'node:dns/promises';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import middy from '@middy/core';
import { type Environment, parseEnvironment } from '../environment.ts';
import { sendHttp } from '../http.ts';
import { METRICS_NAMESPACE, SURVEY_METRICS } from '../metrics.ts';
import type { TxtResolver } from './dns.ts';
import { surveyEnvironment } from './environment.ts';
import type { PublicationChecks } from './publications.ts';
import { type SurveyDependencies, type SurveyObserver, survey } from './survey.ts';

/** For one object, one record or one policy. An answer usually takes less than one. */
const LIMIT_SECONDS = 10;

/**
 * Of Lambda's 300. What is begun last may take four limits more (chain, logo, record, policy), and the reminders before it and
 * the events after it have the rest.
 */
const TOTAL_SECONDS = 180;

/** A server that does not answer is asked again within the limit. */
const DNS_ATTEMPTS = { timeout: 2_500, tries: 2 };

/**
 * Wires one process of the Lambda survey, the target of the daily schedule.
 *
 * @param resolver asks the DNS of published domains; on one machine it answers by itself.
 */
export function createHandler(environment: Environment, resolver: TxtResolver = new Resolver(DNS_ATTEMPTS)) {
  const variables = parseEnvironment(surveyEnvironment, environment);
  const logger = new Logger({ serviceName: 'survey' });
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'survey' });
  const dependencies: SurveyDependencies = {
    s3: new S3Client(),
    bucket: variables.BUCKET_NAME,
    eventBridge: new EventBridgeClient(),
    eventBusName: variables.EVENT_BUS_NAME,
    remindBeforeDays: variables.REMIND_BEFORE_DAYS,
    publications: publicationChecks(variables.PUBLISHED_URL, resolver),
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

/** One line each for what is damaged, a summary, one line an event. What was found is measured even if sending fails then. */
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
    publicationDamaged(key, problem) {
      logger.error('publication damaged', { key, problem });
    },
    publicationsChecked(summary) {
      logger.info('publications', { ...summary });
      metrics.addMetric(SURVEY_METRICS.live, MetricUnit.Count, summary.live);
      metrics.addMetric(SURVEY_METRICS.broken, MetricUnit.Count, summary.broken);
    },
    broken(publication) {
      logger.warn('publication broken', { ...publication });
    },
  };
}

/** Nothing is looked at where the stack publishes nothing. */
function publicationChecks(url: string | undefined, resolver: TxtResolver): PublicationChecks | undefined {
  if (url === undefined) {
    return undefined;
  }
  return {
    url,
    http: sendHttp,
    resolver,
    limitMilliseconds: LIMIT_SECONDS * 1000,
    totalMilliseconds: TOTAL_SECONDS * 1000,
  };
}
