import { createHash } from 'node:crypto';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createHandler as createCollectHandler } from '../../functions/collect/handler.ts';
import { createHandler as createPublishHandler } from '../../functions/publish/handler.ts';
import type { CertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { type Simulator, startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { type Execution, startStateMachine } from '../../infra/local/cloud/executions.ts';
import { type SecretsEndpoint, startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { openLongstandingAuthority } from '../authority.ts';
import { withoutHttp } from '../aws-json-direct.ts';
import { crlDownload } from '../crls.ts';
import { captureOutput, lambdaContext, stubAwsEnvironment } from '../lambda.ts';
import { startDirectS3Server } from '../s3-direct.ts';
import type { S3Server } from '../s3-server.ts';
import { AT, EVENTS, INPUTS, readJsonSample, sampleEnvironment, WAITING } from './samples.ts';

const ORDERED_BEFORE = new Date('2026-01-01T00:00:00.000Z');
const DEFINITIONS = ['definition.json', 'definition-publish.json'] as const;

/** Every execution gets a new order, so that its certificate is new. */
let orders = 5_000_000_000;
const nextOrder = () => String(++orders);

interface AnnouncedEntry {
  readonly DetailType: string;
  readonly Source: string;
  readonly Detail: { readonly orderNumber: string; readonly certificate: object; readonly publication?: object };
}

let authority: CertificateAuthority;
let ca: Simulator;
let s3: S3Server;
let secrets: SecretsEndpoint;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(AT) });
  authority = await openLongstandingAuthority();
  const { credentials } = readJsonSample<{ credentials: { accepted: string } }>('secrets.json');
  const { CREDENTIALS_SECRET_ARN = '' } = sampleEnvironment('CollectFunction');
  ca = await startCollectMcSimulator({ credentials: JSON.parse(credentials.accepted) });
  secrets = withoutHttp(await startSecretsEndpoint({ [CREDENTIALS_SECRET_ARN]: credentials.accepted }));
  s3 = await startDirectS3Server();
});

afterAll(async () => {
  vi.useRealTimers();
  await Promise.all([ca.close(), s3.close(), secrets.close()]);
});

/**
 * Runs a definition of 0.1.0 with today's functions until it ends. The CA answers once that it still works on the
 * order, then it issues.
 *
 * @param input the state with which the execution continues: at first the order alone, later with `$.collection`.
 */
async function run(definition: string, input: { readonly orderNumber: string }, domains: readonly string[]) {
  const name = `order-${input.orderNumber}`;
  captureOutput();
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
  });
  const environment = { ...sampleEnvironment('CollectFunction'), COLLECT_URL: ca.url };
  const TRUST_ANCHORS = createHash('sha256').update(authority.root).digest('hex');
  const collect = createCollectHandler({ ...environment, TRUST_ANCHORS }, { downloadCrls: crlDownload() });
  const publish = createPublishHandler(sampleEnvironment('PublishFunction'));
  const { chain } = authority.issue({ domains, notBefore: ORDERED_BEFORE });
  ca.order(input.orderNumber, [
    { kind: 'status', status: 0 },
    { kind: 'issued', certificates: chain },
  ]);
  const payloads: object[] = [];
  const checks: object[] = [];
  const announced: AnnouncedEntry[] = [];
  const arn = sampleEnvironment('StartFunction').STATE_MACHINE_ARN ?? '';
  const machine = await startStateMachine({
    arn,
    definition: readJsonSample<StateMachineDefinition>(definition),
    waitMilliseconds: () => 0,
    async task(state, payload) {
      if (state === 'Collect') {
        payloads.push(payload as object);
        const collection = await collect(payload, lambdaContext('Collect', 60_000));
        checks.push(collection);
        return JSON.parse(JSON.stringify(collection));
      }
      if (state === 'Publish') {
        return JSON.parse(JSON.stringify(await publish(payload, lambdaContext('Publish'))));
      }
      announced.push(...(payload as { readonly Entries: readonly AnnouncedEntry[] }).Entries);
      return { FailedEntryCount: 0 };
    },
  });
  const sfn = new SFNClient({
    endpoint: machine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  try {
    await sfn.send(new StartExecutionCommand({ stateMachineArn: arn, name, input: JSON.stringify(input) }));
    const execution = machine.executions.get(name) as Execution;
    await execution.ended;
    return { execution, payloads, checks, announced };
  } finally {
    sfn.destroy();
    await machine.close();
  }
}

describe.each(DEFINITIONS)("an execution of release 0.1.0's %s", (definition) => {
  const publishes = definition === 'definition-publish.json';

  test.each(WAITING)('It continues after $name until the certificate is stored.', async ({ collection, next }) => {
    const order = { ...next.order, orderNumber: nextOrder() };
    const { domains = [] } = order;
    const { execution, payloads, checks, announced } = await run(definition, order, domains);
    expect(execution, execution.cause).toMatchObject({ status: 'SUCCEEDED' });
    expect(payloads[0]).toMatchObject({ order, execution: `order-${order.orderNumber}` });
    expect(checks).toMatchObject([
      {
        outcome: 'waiting',
        checks: collection.checks + 1,
        consecutive: collection.reason === 'processing' ? (collection.inARow ?? 0) + 1 : 1,
      },
      { outcome: 'issued', checks: collection.checks + 2, certificate: { domains, publishable: true } },
    ]);
    expect(execution.output).toMatchObject({ orderNumber: order.orderNumber, collection: { outcome: 'issued' } });
    expect(announced).toHaveLength(1);
    if (publishes) {
      const publication = { published: domains.map((domain) => ({ domain })), notPublished: [] };
      expect(announced).toMatchObject([{ Detail: { publication } }]);
    }
  });

  test.each(INPUTS)('It starts with the input "$name" and announces the certificate.', async ({ input }) => {
    const order = { ...input, orderNumber: nextOrder() };
    const domains = order.domains ?? [`order-${order.orderNumber}.example`];
    const { execution, checks, announced } = await run(definition, order, domains);
    expect(execution, execution.cause).toMatchObject({ status: 'SUCCEEDED' });
    expect(checks).toMatchObject([
      { outcome: 'waiting', checks: 1, consecutive: 1 },
      { outcome: 'issued', checks: 2 },
    ]);
    expect(announced).toMatchObject([
      {
        Source: 'mark-certificate-collector',
        DetailType: 'Mark Certificate Issued',
        Detail: { orderNumber: order.orderNumber, certificate: { changed: true } },
      },
    ]);
    // Consumers of 0.1.0's event find every field again. `bimiRecords` depends on the order's domains.
    const [{ Detail: detail } = { Detail: undefined }] = announced;
    const sample = EVENTS.issued[publishes ? 'published' : 'plain']?.detail;
    const { bimiRecords: _, ...certificate } = sample?.certificate ?? {};
    expect(Object.keys(detail ?? {})).toEqual(expect.arrayContaining(Object.keys(sample ?? {})));
    expect(Object.keys(detail?.certificate ?? {})).toEqual(expect.arrayContaining(Object.keys(certificate)));
    expect('publication' in (detail ?? {})).toBe(publishes);
  });
});
