/** Step Functions, S3 and the function start, for its tests. */
import type { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { onTestFinished } from 'vitest';
import { type Delivery, type StartResult, start } from '../../../functions/start/start.ts';
import type { Manifest, StoredManifest } from '../../../functions/store/manifest.ts';
import { openOrderFile } from '../../../functions/store/order-file.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { type OrderStatus, openStatus } from '../../../functions/store/status.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';
import { withoutHttp } from '../../aws-json-direct.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import { clientOf } from '../store/archive-bucket.ts';

export const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
export const BUCKET = 'certificates';
export const NUMBER = '8';

/** A manifest, with the fields that are read back. */
export const MANIFEST: StoredManifest = {
  schemaVersion: 1,
  orderNumber: NUMBER,
  execution: `order-${NUMBER}`,
  collectedAt: '2026-11-24T10:00:00.000Z',
  product: 'VMC',
  markType: null,
  attributes: {},
  domains: ['example.com'],
  fingerprintSha256: 'ab'.repeat(32),
  notBefore: '2026-11-24T00:00:00.000Z',
  notAfter: '2027-11-24T00:00:00.000Z',
  publishable: true,
  findings: [],
  objects: {},
} satisfies Partial<Manifest>;

/** A status of an order that waits. */
export const STATUS: OrderStatus = {
  schemaVersion: 1,
  collector: 'acme',
  orderNumber: NUMBER,
  account: null,
  domains: ['exmaple.com'],
  product: null,
  execution: `order-${NUMBER}`,
  startedAt: '2026-11-23T10:00:00.000Z',
  state: 'waiting',
  reason: 'processing',
  text: 'the CA answered 0 (the order is being processed)',
  since: '2026-11-23T10:00:01.000Z',
  reportedAt: '2026-11-23T10:00:05.000Z',
  updatedAt: '2026-11-23T10:00:01.000Z',
};

/** A machine of one task that the test ends, an empty bucket, and the function start. */
export async function prepare(now = '2026-11-23T10:00:00Z') {
  const endings = new Map<string, ReturnType<typeof Promise.withResolvers<{ readonly withCertificate: boolean }>>>();
  const machine = withoutHttp(
    await startStateMachine({
      arn: ARN,
      definition: {
        StartAt: 'Collect',
        States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } },
      },
      task: async (_, __, { name }) => {
        const ending = Promise.withResolvers<{ readonly withCertificate: boolean }>();
        endings.set(name, ending);
        if (!(await ending.promise).withCertificate) {
          throw new Error('ended without a certificate');
        }
        return {};
      },
      waitMilliseconds: () => 0,
    }),
  );
  const server = await startDirectS3Server();
  const sfn = new SFNClient({
    endpoint: machine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const clients: S3Client[] = [];
  const client = (name: string) => {
    const s3 = clientOf(name, server.url);
    clients.push(s3);
    return s3;
  };
  const s3 = client('test');
  onTestFinished(async () => {
    for (const { resolve } of endings.values()) {
      resolve({ withCertificate: true });
    }
    sfn.destroy();
    for (const each of clients) {
      each.destroy();
    }
    await Promise.all([machine.close(), server.close()]);
  });

  const logged: StartResult[] = [];
  /** Ends the running executions with these names; default: all. */
  async function end(how: { readonly withCertificate: boolean }, names = [...machine.executions.keys()]) {
    for (const name of names) {
      await waitUntil(() => endings.has(name));
      endings.get(name)?.resolve(how);
      await machine.executions.get(name)?.ended;
    }
  }

  return {
    server,
    s3,
    sfn,
    executions: machine.executions,
    /** The corrections that were logged. */
    logged,
    /** Runs start for an event. `client` names its S3 client. */
    event: (detail: unknown, delivery: Delivery & { readonly client?: string; readonly at?: string } = {}) =>
      start(
        detail,
        {
          collector: 'acme',
          stateMachineArn: ARN,
          sfn,
          s3: delivery.client === undefined ? s3 : client(delivery.client),
          bucket: BUCKET,
          corrected: (result) => logged.push(result),
          now: () => new Date(delivery.at ?? now),
        },
        delivery,
      ),
    end,
    inputs: () => Object.fromEntries([...machine.executions.values()].map(({ name, input }) => [name, input])),
    file: () => openOrderFile(s3Storage(s3, BUCKET), NUMBER).read(),
    status: async () => (await openStatus(s3Storage(s3, BUCKET), NUMBER).read()).current,
    store: (file: string, content: object) =>
      fetch(`${server.url}/${BUCKET}/orders/${NUMBER}/${file}`, { method: 'PUT', body: JSON.stringify(content) }),
    /** How often an object was written. */
    writes: (file: string) =>
      server.requests.filter(({ method, key }) => method === 'PUT' && key === `orders/${NUMBER}/${file}`).length,
  };
}

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
