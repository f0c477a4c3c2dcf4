import type { Logger } from '@aws-lambda-powertools/logger';
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
import { createLogger } from '../logger.ts';
import { METRICS_NAMESPACE, PUSH_METRICS } from '../metrics.ts';
import { createSecretReader } from '../secret.ts';
import { PUSH_LOGIN_FORM } from './authentication.ts';
import { pushEnvironment } from './environment.ts';
import { createPush, type PushRecord } from './push.ts';
import type { PushStore } from './store.ts';

/**
 * Creates the handler of the Lambda function push, whose function URL the CA calls.
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const variables = parseEnvironment(pushEnvironment, environment);
  const { BUCKET_NAME, COLLECTOR, EVENT_BUS_NAME: eventBusName, PUSH_SECRET_ARN, STATE_MACHINE_ARN } = variables;
  const logger = createLogger('push');
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
    store: BUCKET_NAME === undefined ? undefined : loadStore(BUCKET_NAME),
    searchForPrivateKey: async (bytes) =>
      (await import('../certificate/container/private-key.ts')).searchForPrivateKey(bytes),
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

/**
 * Loads the client of S3 at its first use: everybody can call the URL, and only requests with a valid login need the
 * bucket.
 */
function loadStore(bucket: string): () => Promise<PushStore> {
  let store: PushStore | undefined;
  return async () => {
    store ??= (await import('./store.ts')).connectStore(bucket);
    return store;
  };
}

/** The log level of accepted requests that need a person. */
const WARNINGS: readonly PushRecord['outcome'][] = ['not-understood', 'limited'];

/** Writes one log line and one set of metrics for each notification, or for a request without one. */
function observe(record: PushRecord, logger: Logger, metrics: Metrics): void {
  const { outcome, httpStatus, revocation = false } = record;
  const isAccepted = outcome !== 'refused';
  const level = httpStatus >= 500 ? 'error' : isAccepted && !WARNINGS.includes(outcome) ? 'info' : 'warn';
  logger[level]('push', { ...record });
  const count = (name: string, isCounted: boolean) => metrics.addMetric(name, MetricUnit.Count, isCounted ? 1 : 0);
  count(PUSH_METRICS.received, isAccepted);
  count(PUSH_METRICS.refused, httpStatus === 401);
  count(PUSH_METRICS.revoked, revocation);
  count(PUSH_METRICS.notUnderstood, outcome === 'not-understood');
  count(PUSH_METRICS.limited, outcome === 'limited');
}
