import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { S3Client } from '@aws-sdk/client-s3';
import middy from '@middy/core';
import { type Environment, parseEnvironment } from '../environment.ts';
import { METRICS_NAMESPACE, REVOKE_METRICS } from '../metrics.ts';
import { revokeEnvironment } from './environment.ts';
import { type RevokeObserver, revoke } from './revoke.ts';

/** Wires one process of the Lambda revoke, the target of the rule for executions that failed as CertificateRevoked. */
export function createHandler(environment: Environment) {
  const { BUCKET_NAME, UNPUBLISH_REVOKED } = parseEnvironment(revokeEnvironment, environment);
  const logger = new Logger({ serviceName: 'revoke' });
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'revoke' });
  const count = (value: number) => metrics.addMetric(REVOKE_METRICS.revoked, MetricUnit.Count, value);
  const dependencies = {
    s3: new S3Client(),
    bucket: BUCKET_NAME,
    unpublish: UNPUBLISH_REVOKED,
    observe: {
      revoked(record) {
        logger.error('published certificate revoked', { ...record });
        count(1);
      },
      damaged(key, problem) {
        logger.error('publication damaged', { key, problem });
      },
    } satisfies RevokeObserver,
    now: () => new Date(),
  };
  return middy(async (event: unknown) => {
    count(0);
    await revoke(event, dependencies);
  })
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics));
}
