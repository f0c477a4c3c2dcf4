import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import middy from '@middy/core';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { type Environment, parseEnvironment } from '../environment.ts';
import { METRICS_NAMESPACE, PUSH_METRICS, REVOKE_METRICS } from '../metrics.ts';
import { createSecretReader } from '../secret.ts';
import { PUSH_LOGIN_FORM } from './authentication.ts';
import { REVOKED } from './codes.ts';
import { pushEnvironment } from './environment.ts';
import { createPush, type PushRecord } from './push.ts';

/** Wires one process of the Lambda push, whose function URL the CA calls. */
export function createHandler(environment: Environment) {
  const { PUSH_SECRET_ARN, STATE_MACHINE_ARN } = parseEnvironment(pushEnvironment, environment);
  const logger = new Logger({ serviceName: 'push' });
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'push' });
  const push = createPush({
    stateMachineArn: STATE_MACHINE_ARN,
    sfn: new SFNClient(),
    login: createSecretReader(new SecretsManagerClient(), PUSH_SECRET_ARN, PUSH_LOGIN_FORM),
    observe: (record) => observe(record, logger, metrics),
    now: () => new Date(),
  });
  return (
    middy((event: LambdaFunctionURLEvent) => push(event))
      // Said here, no variable of the environment can have events logged: they hold the password.
      .use(injectLambdaContext(logger, { logEvent: false }))
      .use(logMetrics(metrics))
  );
}

/** One line and one set of metrics a request. */
function observe(record: PushRecord, logger: Logger, metrics: Metrics): void {
  const { outcome, httpStatus } = record;
  logger[outcome !== 'refused' ? 'info' : httpStatus < 500 ? 'warn' : 'error']('push', { ...record });
  metrics.addMetric(PUSH_METRICS.received, MetricUnit.Count, outcome === 'refused' ? 0 : 1);
  metrics.addMetric(PUSH_METRICS.refused, MetricUnit.Count, httpStatus === 401 ? 1 : 0);
  if (record.statusCode === REVOKED && outcome !== 'refused') {
    // Counted as revoke counts it, so that its alarm rings at once, even where CollectMC does not say so yet.
    const revocation = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'revoke', singleMetric: true });
    revocation.addMetric(REVOKE_METRICS.revoked, MetricUnit.Count, 1);
  }
}
