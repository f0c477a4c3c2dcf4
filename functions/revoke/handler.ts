import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { S3Client } from '@aws-sdk/client-s3';
import middy from '@middy/core';
import { type Environment, parseEnvironment } from '../environment.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { METRICS_NAMESPACE, REVOKE_METRICS } from '../metrics.ts';
import { revokeEnvironment } from './environment.ts';
import { type RevokeDependencies, revoke } from './revoke.ts';

/**
 * Creates the handler of the Lambda function revoke, the target of the rule for the event "Mark Certificate Revoked".
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const { BUCKET_NAME, COLLECTOR, UNPUBLISH_REVOKED } = parseEnvironment(revokeEnvironment, environment);
  const logger = createLogger('revoke');
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'revoke',
    defaultDimensions: { collector: COLLECTOR },
  });
  const countRevoked = (value: number) => metrics.addMetric(REVOKE_METRICS.revoked, MetricUnit.Count, value);
  const dependencies = {
    collector: COLLECTOR,
    s3: new S3Client(),
    bucket: BUCKET_NAME,
    unpublish: UNPUBLISH_REVOKED,
    observe: {
      revoked(record) {
        logger.error('published certificate revoked', { ...record });
        countRevoked(1);
      },
      damaged(key, problem) {
        logger.error('publication damaged', { key, problem });
      },
    },
  } satisfies RevokeDependencies;
  return middy(async (event: unknown) => {
    countRevoked(0);
    await revoke(event, dependencies);
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger))
    .use(logMetrics(metrics));
}
