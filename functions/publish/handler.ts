import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { S3Client } from '@aws-sdk/client-s3';
import middy from '@middy/core';
import { type Environment, parseEnvironment } from '../environment.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { METRICS_NAMESPACE, PUBLISH_METRICS } from '../metrics.ts';
import { publishEnvironment } from './environment.ts';
import { type PublishDependencies, publish } from './publish.ts';

/**
 * Creates the handler of the Lambda function publish, a state of the state machine.
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const { BUCKET_NAME, COLLECTOR, PUBLISHED_URL } = parseEnvironment(publishEnvironment, environment);
  const logger = createLogger('publish');
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'publish',
    defaultDimensions: { collector: COLLECTOR },
  });
  const countRefused = (value: number) => metrics.addMetric(PUBLISH_METRICS.refused, MetricUnit.Count, value);
  const dependencies = {
    s3: new S3Client(),
    bucket: BUCKET_NAME,
    publishedUrl: PUBLISHED_URL,
    observe(record) {
      const refused = record.outcome === 'refused';
      logger[refused && !record.repeated ? 'warn' : 'info']('publication', { ...record });
      // A certificate that is not yet valid needs no person.
      if (refused && !record.superseded && !record.repeated && record.reason !== 'not-yet-valid') {
        countRefused(1);
      }
    },
    now: () => new Date(),
  } satisfies PublishDependencies;
  return middy((event: unknown) => {
    countRefused(0);
    return publish(event, dependencies);
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger))
    .use(logMetrics(metrics));
}
