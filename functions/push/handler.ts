import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import middy from '@middy/core';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { type Environment, parseEnvironment } from '../environment.ts';
import { logErrors } from '../log-errors.ts';
import { METRICS_NAMESPACE, PUSH_METRICS } from '../metrics.ts';
import { createSecretReader } from '../secret.ts';
import { PUSH_LOGIN_FORM } from './authentication.ts';
import { REVOKED } from './codes.ts';
import { pushEnvironment } from './environment.ts';
import { createPush, type PushRecord } from './push.ts';

/**
 * Creates the handler of the Lambda function push, whose function URL the CA calls.
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const variables = parseEnvironment(pushEnvironment, environment);
  const { COLLECTOR, EVENT_BUS_NAME: eventBusName, PUSH_SECRET_ARN, STATE_MACHINE_ARN } = variables;
  const logger = new Logger({ serviceName: 'push' });
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'push',
    defaultDimensions: { collector: COLLECTOR },
  });
  const push = createPush({
    collector: COLLECTOR,
    bus: eventBusName === undefined ? undefined : { eventBridge: new EventBridgeClient(), eventBusName },
    stateMachineArn: STATE_MACHINE_ARN,
    sfn: new SFNClient(),
    login: createSecretReader(new SecretsManagerClient(), PUSH_SECRET_ARN, PUSH_LOGIN_FORM),
    observe: (record) => observe(record, logger, metrics),
    now: () => new Date(),
  });
  return (
    middy((event: LambdaFunctionURLEvent) => push(event))
      // Explicit, so that no environment variable can turn on the logging of events: they contain the password.
      .use(injectLambdaContext(logger, { logEvent: false }))
      .use(logErrors(logger))
      .use(logMetrics(metrics))
  );
}

/** Writes one log line and one set of metrics for each request. */
function observe(record: PushRecord, logger: Logger, metrics: Metrics): void {
  const { outcome, httpStatus } = record;
  logger[outcome !== 'refused' ? 'info' : httpStatus < 500 ? 'warn' : 'error']('push', { ...record });
  metrics.addMetric(PUSH_METRICS.received, MetricUnit.Count, outcome === 'refused' ? 0 : 1);
  metrics.addMetric(PUSH_METRICS.refused, MetricUnit.Count, httpStatus === 401 ? 1 : 0);
  const isRevocation = record.statusCode === REVOKED && outcome !== 'refused';
  metrics.addMetric(PUSH_METRICS.revoked, MetricUnit.Count, isRevocation ? 1 : 0);
}
