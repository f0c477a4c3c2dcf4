import type { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { CrlDownload } from '../crl-download.ts';
import { type Environment, parseEnvironment } from '../environment.ts';
import { isLoopback, sendHttp } from '../http.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { COLLECT_METRICS, METRICS_NAMESPACE, WAITING_METRICS } from '../metrics.ts';
import { type CheckRecord, createCollect } from './collect.ts';
import { createCredentialsLookup } from './credentials.ts';
import { collectEnvironment } from './environment.ts';

/** How a handler differs from the one of the deployed function. */
export interface HandlerOptions {
  /** Default: the network. */
  readonly downloadCrls?: CrlDownload | undefined;
}

/**
 * Creates the handler of the Lambda function Collect. Clients, cached credentials and rejected versions live as long as
 * the process.
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment, { downloadCrls }: HandlerOptions = {}) {
  const variables = parseEnvironment(collectEnvironment, environment);
  const logger = createLogger('collect');
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'collect',
    defaultDimensions: { collector: variables.COLLECTOR },
  });
  const bucket = variables.BUCKET_NAME;
  const store = loadOnce(async () => (await import('./bucket.ts')).connectStore(bucket));
  const bus = loadOnce(async () => (await import('./bus.ts')).connectBus(variables.EVENT_BUS_NAME));
  // A CA on this machine, as in the simulation, also has its CRLs here.
  const allowLoopback = isLoopback(new URL(variables.COLLECT_URL));
  const crls = loadOnce(async () => (await import('./crls.ts')).connectCrls(allowLoopback));
  const { POLL_WITH_PUSH_SECONDS: pollWithPushSeconds } = variables;
  const credentials = createCredentialsLookup(new SecretsManagerClient(), {
    collector: variables.COLLECTOR,
    defaultSecretId: variables.CREDENTIALS_SECRET_ARN,
    labelFailed: ({ error, ...failure }) =>
      logger.error('a label of the secret was not changed; the order and this process remember a rejected login', {
        ...failure,
        error: error instanceof Error ? error : String(error),
      }),
  });
  const collect = createCollect({
    url: variables.COLLECT_URL,
    format: variables.RESPONSE_FORMAT,
    pollSeconds: variables.POLL_SECONDS,
    giveUpSeconds: variables.GIVE_UP_SECONDS,
    withPush:
      pollWithPushSeconds === undefined
        ? undefined
        : { pollSeconds: pollWithPushSeconds, labels: (account) => credentials(account).labels },
    credentials,
    http: sendHttp,
    bucket,
    trustAnchors: variables.TRUST_ANCHORS ?? [],
    ctLogs: variables.CT_LOGS ?? [],
    publishedUrl: variables.PUBLISHED_URL,
    collector: variables.COLLECTOR,
    archive: async (orderNumber) => (await store()).archive(orderNumber),
    status: async (orderNumber) => (await store()).status(orderNumber),
    readOptions: async (orderNumber, ordered) => (await store()).options(orderNumber, ordered),
    downloadCrls: downloadCrls ?? (async (urls, milliseconds) => (await crls())(urls, milliseconds)),
    reportNotMade(orderNumber, error) {
      logger.error('report.html could not be made; the certificate is stored without it', {
        orderNumber,
        error: error instanceof Error ? error : String(error),
      });
    },
    revocationNotChecked(orderNumber, error) {
      logger.warn('the CRLs could not be checked; the certificate is stored without their result', {
        orderNumber,
        error: error instanceof Error ? error : String(error),
      });
    },
    keepUnreadable: async (orderNumber, body) => (await store()).keepUnreadable(orderNumber, body),
    async sendEvent(detailType, detail) {
      await (await bus())(detailType, detail);
      logger.info('event sent', { detailType, ...detail });
    },
    observe: (check) => observe(check, logger, metrics),
    unreported(orderNumber, error) {
      logger.error('a check could not store or report everything; the next check tries again', {
        orderNumber,
        error: error instanceof Error ? error : String(error),
      });
    },
    now: () => new Date(),
    random: Math.random,
  });
  return middy((event: unknown, context: Context) => collect(event, () => context.getRemainingTimeInMillis()))
    .use(injectLambdaContext(logger))
    .use(logErrors(logger))
    .use(logMetrics(metrics));
}

/**
 * Loads code at its first use. Most checks find an unchanged order: they need neither S3 nor the event bus, and loading
 * both takes a sixth of a cold start. A failed load is tried again.
 */
function loadOnce<Loaded>(load: () => Promise<Loaded>): () => Promise<Loaded> {
  let loaded: Promise<Loaded> | undefined;
  return async () => {
    loaded ??= load();
    try {
      return await loaded;
    } catch (error) {
      loaded = undefined;
      throw error;
    }
  };
}

/**
 * Writes one log line and one set of metrics for each check. The metrics are about orders that wait: for a check that asks
 * once, no order waits, and it does not fail if the CA refuses it.
 */
function observe(check: CheckRecord, logger: Logger, metrics: Metrics): void {
  const { once = false } = check;
  logger[check.outcome === 'failed' && !once ? 'error' : 'info']('check', { ...check });
  const count = (name: string, value = 1) => metrics.addMetric(name, MetricUnit.Count, value);
  const days = check.elapsedSeconds / 86_400;
  if (!once || check.changed) {
    count(COLLECT_METRICS[check.outcome]);
  }
  if (check.reason && !once) {
    count(WAITING_METRICS[check.reason]);
    metrics.addMetric(COLLECT_METRICS.waitingDays, MetricUnit.NoUnit, days);
  }
  if (check.outcome === 'issued' && !once) {
    metrics.addMetric(COLLECT_METRICS.issuedDays, MetricUnit.NoUnit, days);
  }
  if (check.milliseconds !== undefined) {
    count(COLLECT_METRICS.calls);
    count(COLLECT_METRICS.reached, check.reason === 'outage' ? 0 : 1);
    metrics.addMetric(COLLECT_METRICS.milliseconds, MetricUnit.Milliseconds, check.milliseconds);
  }
}
