import { createHash } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { onTestFinished, vi } from 'vitest';
import type { Collection } from '../../../functions/collect/collect.ts';
import type { Execution } from '../../../infra/local/cloud/executions.ts';
import { type LocalCloud, type LocalCloudOptions, startLocalCloud } from '../../../infra/local/cloud/local-cloud.ts';
import { withoutHttp } from '../../aws-json-direct.ts';
import { crlDownload } from '../../crls.ts';
import { type CapturedOutput, captureOutput } from '../../lambda.ts';
import { startDirectS3Server } from '../../s3-direct.ts';

/** The login that the simulated CA accepts. */
export const CREDENTIALS = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };

export const ORDER = '1378973013';

/** The stack in this process, and what a test asks of it. */
export interface LocalCollector {
  readonly cloud: LocalCloud;
  /** What the functions write to standard output and error: on AWS, to CloudWatch. */
  readonly output: CapturedOutput;
  /** Sends the event of an order. */
  sendOrder(detail?: object): Promise<void>;
  /** An execution after it has ended. */
  execution(name?: string): Promise<Execution | undefined>;
  /** The stored objects of an order, by the last part of their keys. */
  objects(orderNumber?: string): Promise<Record<string, Buffer>>;
  /** The state `$.collection` after each check of an execution. */
  collections(name?: string): Promise<Collection[]>;
}

/**
 * Deploys the stack until the end of the test. The clients of AWS need no HTTP (`test/s3-direct.ts`,
 * `test/aws-json-direct.ts`).
 */
export async function deployCollector(options: Partial<LocalCloudOptions> = {}): Promise<LocalCollector> {
  const output = captureOutput();
  // Clients that repeat requests use HTTP.
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
  const cloud = await startLocalCloud({
    credentials: CREDENTIALS,
    downloadCrls: crlDownload(),
    startS3: startDirectS3Server,
    prepareEndpoint: withoutHttp,
    ...options,
  });
  onTestFinished(async () => {
    await cloud.close();
    vi.unstubAllEnvs();
  });

  async function execution(name = `order-${ORDER}`): Promise<Execution | undefined> {
    const found = cloud.executions.get(name);
    await found?.ended;
    return found;
  }

  return {
    cloud,
    output,
    execution,
    sendOrder: (detail = { orderNumber: ORDER }) =>
      cloud.send({ source: 'mark-certificates', 'detail-type': 'Mark Certificate Ordered', detail }),
    async objects(orderNumber = ORDER) {
      const prefix = `orders/${orderNumber}/`;
      const { Contents = [] } = await cloud.s3.send(new ListObjectsV2Command({ Bucket: cloud.bucket, Prefix: prefix }));
      const objects = await Promise.all(
        Contents.map(async ({ Key = '' }) => {
          const { Body } = await cloud.s3.send(new GetObjectCommand({ Bucket: cloud.bucket, Key }));
          return [Key.slice(prefix.length), Buffer.from((await Body?.transformToByteArray()) ?? [])] as const;
        }),
      );
      return Object.fromEntries(objects);
    },
    async collections(name) {
      const { history = [] } = (await execution(name)) ?? {};
      return history.flatMap((event) =>
        event.type === 'StateExited' && event.state.name === 'Collect'
          ? [(event.state.output as unknown as { collection: Collection }).collection]
          : [],
      );
    },
  };
}

/** SHA-256 in lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
