/**
 * A warm process that makes the checks that its parent requests and replies with the {@link Times} that they took. Its
 * argument is a {@link Subject} as JSON.
 */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { BUCKET, CREDENTIALS, checkOf, PENDING_ORDER, type RecordedRequest } from './servers.ts';

/** A request of the parent: one check of each of these orders, one after the other. */
export interface Work {
  readonly orders: readonly string[];
}

/** The milliseconds that the checks of a request took together. */
export interface Times {
  readonly cpu: number;
  readonly elapsed: number;
}

/** What makes the checks: the deployed bundle, or the bare calls with the requests to S3 of one check that issued. */
export type Subject =
  | { readonly bundle: string }
  | {
      readonly call: TimedCall;
      readonly requests: readonly RecordedRequest[];
      /** The URLs of the CRLs. */
      readonly downloads: readonly string[];
    };

export type TimedCall = keyof typeof CALLS;

/** Ways to POST a form and read the response. */
const CALLS = {
  /** Like Collect's call: the same client, and a new connection for each call. */
  nodeOnce: async (url: string, form: URLSearchParams) => {
    const body = form.toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
    const client = url.startsWith('https:') ? https : http;
    const request = client.request(url, { method: 'POST', agent: false, headers }).end(body);
    const [response] = await once(request, 'response');
    const chunks: Uint8Array[] = [];
    response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    await once(response, 'end');
    return Buffer.concat(chunks);
  },
  /** With the defaults, with which undici keeps the connection. */
  fetch: async (url: string, body: URLSearchParams) => (await fetch(url, { method: 'POST', body })).arrayBuffer(),
  /** Undici with a new connection for each call. */
  fetchOnce: async (url: string, body: URLSearchParams) =>
    (await fetch(url, { method: 'POST', body, headers: { connection: 'close' } })).arrayBuffer(),
};

type CheckOne = (orderNumber: string) => Promise<unknown>;

const subject = JSON.parse(process.argv[2] ?? '') as Subject;
const checkOne = 'bundle' in subject ? await loadCollect(subject.bundle) : await replay(subject, CALLS[subject.call]);

process.on('message', async ({ orders }: Work) => {
  const before = process.cpuUsage();
  const started = performance.now();
  for (const order of orders) {
    await checkOne(order);
  }
  const elapsed = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpu: (user + system) / 1000, elapsed } satisfies Times);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** The deployed bundle. */
async function loadCollect(file: string): Promise<CheckOne> {
  const { handler } = await import(file);
  const context = { functionName: 'collect', awsRequestId: 'bench', getRemainingTimeInMillis: () => 60_000 };
  return async (order) => {
    const { outcome } = await handler(checkOf(order), context);
    if (outcome !== (order === PENDING_ORDER ? 'waiting' : 'issued')) {
      throw new Error(`The check of order ${order} ended with the outcome ${outcome}`);
    }
  };
}

/**
 * Repeats the same HTTP calls without any logic: the POST to the CA, and the recorded requests to S3 through the SDK's
 * client with the same bodies, conditions and checksums, in another folder. An object that was written twice has its
 * last body both times. Without recorded requests it sends only the POST.
 */
async function replay(
  { requests, downloads }: Exclude<Subject, { readonly bundle: string }>,
  call: (url: string, form: URLSearchParams) => Promise<unknown>,
): Promise<CheckOne> {
  const s3 = new S3Client();
  const sends: ((order: string) => Promise<unknown>)[] = [];
  for (const { method, key, query, headers } of requests) {
    const name = key.split('/').at(-1);
    const at = (order: string) => ({ Bucket: BUCKET, Key: `replay/${order}/${name}` });
    if (new URLSearchParams(query).has('versionId')) {
      throw new Error('A first check must not read an old version, and none can be replayed');
    }
    if (new URLSearchParams(query).has('list-type')) {
      sends.push((order) => s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `replay/${order}/` })));
    } else if (method === 'HEAD') {
      sends.push((order) => s3.send(new HeadObjectCommand({ ...at(order), ChecksumMode: 'ENABLED' })));
    } else if (method === 'GET') {
      sends.push(async (order) => (await s3.send(new GetObjectCommand(at(order)))).Body?.transformToByteArray());
    } else {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      const written = {
        Body: bytes,
        ContentType: headers['content-type'],
        ChecksumSHA256: hash('sha256', bytes, 'base64'),
        IfNoneMatch: headers['if-none-match'],
      };
      sends.push((order) => s3.send(new PutObjectCommand({ ...at(order), ...written })));
    }
  }
  return async (orderNumber) => {
    const form = { ...CREDENTIALS, orderNumber, responseType: '2', responseEncoding: '1' };
    await call(process.env.COLLECT_URL ?? '', new URLSearchParams(form));
    for (const send of sends) {
      await send(orderNumber).catch(ignoreIfNotFound);
    }
    await Promise.all(downloads.map(download));
  };
}

async function download(url: string): Promise<void> {
  const [response] = await once(http.get(url, { agent: false }), 'response');
  await once(response.resume(), 'end');
}

/** A missing object is a valid response, as it is for the archive. */
function ignoreIfNotFound(error: unknown): void {
  if (!(error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404)) {
    throw error;
  }
}
