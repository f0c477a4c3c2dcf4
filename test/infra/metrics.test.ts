import { beforeAll, describe, expect, test, vi } from 'vitest';
import { createHandler as createCollectHandler } from '../../functions/collect/handler.ts';
import { createHandler as createNotifyHandler } from '../../functions/notify/handler.ts';
import { createHandler as createPublishHandler } from '../../functions/publish/handler.ts';
import { createHandler as createPushHandler } from '../../functions/push/handler.ts';
import { createHandler as createRevokeHandler } from '../../functions/revoke/handler.ts';
import { createHandler as createSurveyHandler } from '../../functions/survey/handler.ts';
import type { SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import { startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { startAwsJsonEndpoint } from '../../infra/local/cloud/aws-json-endpoint.ts';
import { startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { startTopicsEndpoint } from '../../infra/local/cloud/topics.ts';
import { DEPLOYMENT, expiring } from '../functions/notify/event-samples.ts';
import { request } from '../functions/push/request.ts';
import { startTopics } from '../functions/survey/topics.ts';
import { lambdaContext } from '../lambda.ts';
import { startS3Server } from '../s3-server.ts';
import { alarmsOf, identityOf, NAMESPACE, queryOf } from './alarm-properties.ts';
import { DAY, only, synthesize } from './synthesized.ts';

/** The name of the collector in the dimension of every metric. */
const COLLECTOR = 'acme';
const publishing = synthesize({ name: COLLECTOR, publish: 'true', dashboard: 'true' });

/** The status with which the CA rejects an order. */
const REFUSED = -20;

/** Compares the metrics that the functions write with those that alarms and dashboard use. */
describe('the metrics of this project', () => {
  const written = new Map<string, readonly string[]>();

  beforeAll(async () => {
    for (const [service, lines] of Object.entries(await runFunctions())) {
      written.set(service, metricsWritten(lines));
    }
  });

  test('Every metric of an alarm is written by the function in its dimension.', () => {
    const own = Object.values(alarmsOf(publishing))
      .flatMap((alarm) => queryOf(alarm).metrics.map(({ identity }) => identity))
      .filter((identity) => identity.startsWith(`${NAMESPACE} `));
    expect(own.length).toBeGreaterThan(5);
    expect([...written.values()].flat()).toEqual(expect.arrayContaining(own));
  });

  test('Every metric on the dashboard is written by the function in its dimension.', () => {
    const { DashboardBody } = only(publishing, 'AWS::CloudWatch::Dashboard').Properties;
    const { widgets } = JSON.parse(String(DashboardBody)) as {
      widgets: readonly { properties: { metrics?: readonly (readonly unknown[])[] } }[];
    };
    const shown = widgets
      .flatMap(({ properties }) => properties.metrics ?? [])
      .filter(([namespace]) => namespace === NAMESPACE)
      .map(([namespace, name, first, value, second, other]) =>
        [`${namespace} ${name}`, ...[`${first}=${value}`, `${second}=${other}`].toSorted()].join(' '),
      );
    expect(shown.length).toBeGreaterThan(10);
    // The functions run without a certificate here, so no order is issued.
    const expected = shown.filter(
      (metric) => metric !== `${NAMESPACE} DaysToIssued collector=${COLLECTOR} service=collect`,
    );
    expect([...written.values()].flat()).toEqual(expect.arrayContaining(expected));
  });

  test('Every metric has the collector and the service as its only dimensions.', () => {
    for (const [service, metrics] of written) {
      expect(metrics).not.toEqual([]);
      expect(metrics.filter((metric) => !metric.endsWith(` collector=${COLLECTOR} service=${service}`))).toEqual([]);
    }
  });
});

/** The identities of the metrics in lines of the embedded metric format. */
function metricsWritten(lines: readonly string[]): string[] {
  const identities = lines.flatMap((line) => {
    const { _aws, ...values } = JSON.parse(line);
    const groups: readonly { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] =
      _aws?.CloudWatchMetrics ?? [];
    return groups.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name: MetricName }) =>
          identityOf({
            Namespace,
            MetricName,
            Dimensions: names.map((Name) => ({ Name, Value: String(values[Name]) })),
          }),
        ),
      ),
    );
  });
  return [...new Set(identities)];
}

/** An order whose events EventBridge refuses. */
const UNREPORTED_ORDER = '4242424242';

/**
 * Runs each function that writes metrics, with servers on loopback, through every outcome that needs no certificate.
 */
async function runFunctions(): Promise<
  Record<'collect' | 'survey' | 'notify' | 'push' | 'publish' | 'revoke', readonly string[]>
> {
  const credentials = { loginName: 'me', loginPassword: 'right' };
  const ca = await startCollectMcSimulator({ credentials });
  const secrets = await startSecretsEndpoint({
    login: JSON.stringify(credentials),
    push: JSON.stringify({ username: 'ca', password: 'right' }),
  });
  const s3 = await startS3Server();
  const bus = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': (input) =>
      JSON.stringify(input).includes(UNREPORTED_ORDER)
        ? { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }] }
        : { FailedEntryCount: 0, Entries: [{ EventId: '1' }] },
  });
  const topics = await startTopicsEndpoint();
  const subscriptions = await startTopics(new Map([['arn:topic', 1]]));
  let written = '';
  const output = ([process.stdout, process.stderr] as const).map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    }),
  );
  for (const [name, value] of Object.entries({
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_SFN: bus.url,
  })) {
    vi.stubEnv(name, value);
  }
  const linesOf = async (run: () => Promise<unknown>) => {
    written = '';
    await run();
    return written.split('\n').filter((line) => line.startsWith('{'));
  };

  try {
    const collect = await linesOf(async () => {
      const handler = createCollectHandler({
        COLLECTOR,
        BUCKET_NAME: 'bucket',
        COLLECT_URL: ca.url,
        CREDENTIALS_SECRET_ARN: 'login',
        GIVE_UP_SECONDS: String(DAY),
        POLL_SECONDS: '60',
        RESPONSE_FORMAT: 'pkcs7',
      });
      const responses: readonly SimulatedResponse[] = [
        { kind: 'status', status: 0 },
        { kind: 'status', status: 1 },
        { kind: 'http', status: 503 },
        ...[-42, -22, -91, REFUSED, -16].map((code) => ({ kind: 'error', code }) as const),
      ];
      const orders = [
        [UNREPORTED_ORDER, { kind: 'error', code: -21 }] as const,
        ...responses.map((response, index) => [String(index + 1), response] as const),
      ];
      for (const [orderNumber, response] of orders) {
        ca.order(orderNumber, [response]);
        const startedAt = new Date().toISOString();
        const check = handler(
          { order: { orderNumber }, execution: `order-${orderNumber}`, startedAt },
          lambdaContext('function', 60_000),
        );
        await (response.kind === 'error' && response.code === REFUSED
          ? expect(check).rejects.toThrow('rejected')
          : check);
      }
    });
    const survey = await linesOf(async () => {
      const manifest = {
        schemaVersion: 1,
        orderNumber: '1',
        execution: 'order-1',
        collectedAt: '2026-01-01T00:00:00.000Z',
        product: 'VMC',
        markType: 'Registered Mark',
        attributes: {},
        domains: ['example.com'],
        fingerprintSha256: 'c0ffee',
        notBefore: '2026-01-01T00:00:00.000Z',
        notAfter: '2099-01-01T00:00:00.000Z',
        publishable: true,
        findings: [],
        crlUrls: [],
        chain: [],
        trustAnchor: null,
        serialNumber: '01',
        objects: {},
      };
      const body = JSON.stringify(manifest);
      await fetch(`${s3.url}/bucket/orders/1/certificate.json`, { method: 'PUT', body });
      vi.stubEnv('AWS_ENDPOINT_URL_SNS', subscriptions.url);
      const handler = createSurveyHandler({
        COLLECTOR,
        BUCKET_NAME: 'bucket',
        EVENT_BUS_NAME: 'default',
        REMIND_BEFORE_DAYS: '30',
        PUBLISHED_URL: s3.url,
        TOPIC_ARNS: 'arn:topic',
        REVOCATIONS: 'true',
      });
      await handler({}, lambdaContext('function', 60_000));
    });
    const notify = await linesOf(async () => {
      vi.stubEnv('AWS_ENDPOINT_URL_SNS', topics.url);
      const handler = createNotifyHandler({
        ALARM_TOPIC_ARN: 'arn:topic',
        BUCKET_NAME: 'bucket',
        COLLECTOR,
        NOTIFY_TOPIC_ARN: 'arn:topic',
        RUNBOOK_URL: 'https://wiki.example.com/',
        STATE_MACHINE_ARN: DEPLOYMENT.stateMachineArn,
      });
      await handler(expiring(7, { collector: COLLECTOR }), lambdaContext('function', 60_000));
    });
    const push = await linesOf(async () => {
      const handler = createPushHandler({ COLLECTOR, STATE_MACHINE_ARN: 'arn:machine', PUSH_SECRET_ARN: 'push' });
      await handler(request({}), lambdaContext('function', 60_000));
    });
    const publish = await linesOf(async () => {
      const handler = createPublishHandler({ COLLECTOR, BUCKET_NAME: 'bucket', PUBLISHED_URL: s3.url });
      await handler({ order: { orderNumber: '1' } }, lambdaContext('function', 60_000));
    });
    const revoke = await linesOf(async () => {
      const handler = createRevokeHandler({ COLLECTOR, BUCKET_NAME: 'bucket' });
      const detail = {
        collector: COLLECTOR,
        orderNumber: '1',
        confirmed: true,
        knownSince: '2026-01-01T00:00:00.000Z',
      };
      await handler({ detail }, lambdaContext('function', 60_000));
    });
    return { collect, survey, notify, push, publish, revoke };
  } finally {
    for (const each of output) {
      each.mockRestore();
    }
    vi.unstubAllEnvs();
    await Promise.all([ca, secrets, s3, bus, topics, subscriptions].map((server) => server.close()));
  }
}
