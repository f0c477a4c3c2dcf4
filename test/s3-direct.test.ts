import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startDirectS3Server } from './s3-direct.ts';
import type { S3Server } from './s3-server.ts';

const Bucket = 'bucket';
const [KEPT, GONE, NEW] = ['kept.json', 'gone.json', 'new.json'];
/** The keys of two objects with characters that XML escapes. */
const [ODD, ODDER] = ['a <b> & "c".txt', 'a <b> & "d".txt'];
const CHECKSUM = 'RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=';

type SdkBody = NonNullable<GetObjectCommandOutput['Body']>;

let server: S3Server;
let clients: readonly S3Client[];
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  server = await startDirectS3Server();
  const options = { region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 };
  const credentials = { accessKeyId: 'someone', secretAccessKey: 'x' };
  // The server is direct under its own URL only.
  const urls = [server.url.replace('127.0.0.1', 'localhost'), server.url];
  clients = urls.map((endpoint) => new S3Client({ ...options, credentials, endpoint }));
  closers.push(server.close, ...clients.map((client) => () => client.destroy()));
});

afterAll(() => Promise.all(closers.map((close) => close())));

/** What the functions read of an answer or an error. */
async function outcomeOf(client: S3Client, command: object): Promise<object> {
  const send = client.send.bind(client) as (command: object) => Promise<Record<string, unknown>>;
  try {
    const answer = await send(command);
    if (command instanceof ListObjectsV2Command) {
      const { Contents, IsTruncated, KeyCount, NextContinuationToken } = answer;
      return { Contents, IsTruncated, KeyCount, NextContinuationToken };
    }
    const { Body, ETag, VersionId, ContentType, CacheControl, ChecksumSHA256 } = answer;
    const bytes = (Body as { transformToByteArray(): Promise<Uint8Array> } | undefined)?.transformToByteArray();
    return { ETag, VersionId, ContentType, CacheControl, ChecksumSHA256, body: Buffer.from((await bytes) ?? '') };
  } catch (error) {
    const { name, code, $metadata, $response } = error as S3ServiceException & { readonly code?: string };
    return {
      // An answer to HEAD has no body, and therefore no code: the SDK makes up a name.
      name: command instanceof HeadObjectCommand ? undefined : name,
      code,
      status: $metadata?.httpStatusCode,
      isFromS3: error instanceof S3ServiceException,
      marker: $response?.headers['x-amz-delete-marker'],
    };
  }
}

/** The outcome of a command with both clients, each on the same objects, and the requests that the server received. */
async function outcomesOf(command: object) {
  const restore = server.snapshot();
  const outcomes: object[] = [];
  for (const client of clients) {
    restore();
    const outcome = await outcomeOf(client, command);
    const requests = server.requests.map(({ method, key, query, headers, client: name }) => ({
      ...{ method, key, name, version: query.get('versionId'), prefix: query.get('prefix') },
      match: headers['if-match'],
      noneMatch: headers['if-none-match'],
      checksum: headers['x-amz-checksum-sha256'],
    }));
    outcomes.push({ outcome, requests, keys: server.keys('') });
  }
  return outcomes;
}

const put = (changes: object) => new PutObjectCommand({ Bucket, Key: KEPT, Body: Buffer.from('{}'), ...changes });

describe('A client without HTTP', () => {
  beforeEach(async () => {
    const [client] = clients;
    await client?.send(put({ ContentType: 'application/json', CacheControl: 'no-cache', ChecksumSHA256: CHECKSUM }));
    await client?.send(put({ Key: ODD }));
    await client?.send(put({ Key: ODDER }));
    await client?.send(put({ Key: GONE }));
    await client?.send(new DeleteObjectCommand({ Bucket, Key: GONE }));
  });

  test.each([
    ['reads an object', new GetObjectCommand({ Bucket, Key: KEPT })],
    ['reads a version', new GetObjectCommand({ Bucket, Key: GONE, VersionId: 'v4' })],
    ['reads no object', new GetObjectCommand({ Bucket, Key: NEW })],
    ['reads a deleted object', new GetObjectCommand({ Bucket, Key: GONE })],
    ['reads a delete marker', new GetObjectCommand({ Bucket, Key: GONE, VersionId: 'v5' })],
    ['reads no version', new GetObjectCommand({ Bucket, Key: KEPT, VersionId: 'v9' })],
    ['reads a text that is no version', new GetObjectCommand({ Bucket, Key: KEPT, VersionId: '../1' })],
    ['reads the state of an object', new HeadObjectCommand({ Bucket, Key: KEPT, ChecksumMode: 'ENABLED' })],
    ['reads the state without a checksum', new HeadObjectCommand({ Bucket, Key: KEPT })],
    ['reads the state of no object', new HeadObjectCommand({ Bucket, Key: NEW })],
    ['reads the state of a deleted object', new HeadObjectCommand({ Bucket, Key: GONE })],
    ['writes an object', put({ Key: NEW, IfNoneMatch: '*', ChecksumSHA256: CHECKSUM })],
    ['writes a text', put({ Key: NEW, Body: 'a text' })],
    ['writes an object that exists', put({ IfNoneMatch: '*' })],
    ['writes over another object', put({ IfMatch: '"another"' })],
    ['writes over no object', put({ Key: NEW, IfMatch: '"another"' })],
    ['writes with a wrong checksum', put({ Body: Buffer.from('[]'), ChecksumSHA256: CHECKSUM })],
    ['deletes an object', new DeleteObjectCommand({ Bucket, Key: KEPT, IfMatch: '"any"' })],
    ['deletes a version', new DeleteObjectCommand({ Bucket, Key: KEPT, VersionId: 'v1' })],
    ['lists objects', new ListObjectsV2Command({ Bucket, Prefix: 'k' })],
    ['lists the first of several objects', new ListObjectsV2Command({ Bucket, MaxKeys: 1 })],
    ['lists the objects after another one', new ListObjectsV2Command({ Bucket, ContinuationToken: ODD })],
    ['lists no objects', new ListObjectsV2Command({ Bucket, Prefix: 'nothing/' })],
  ])('gets the same answer and leaves the same objects if it %s.', async (_, command) => {
    const [withHttp, without] = await outcomesOf(command);
    expect(without).toEqual(withHttp);
  });

  test.each<[string, (body: SdkBody) => Promise<unknown>]>([
    ['as bytes', async (body) => Buffer.from(await body.transformToByteArray())],
    ['as a text', (body) => body.transformToString()],
    ['as a text of another encoding', (body) => body.transformToString('latin1')],
    ['as a stream', (body) => (body instanceof Readable ? buffer(body) : expect.unreachable())],
  ])('reads a body %s.', async (_, read) => {
    const bodies: unknown[] = [];
    await clients[0]?.send(put({ Body: Buffer.from([0, 255, 254, 1]) }));
    for (const client of clients) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: KEPT }));
      bodies.push(await read(Body ?? expect.unreachable()));
    }
    expect(bodies[1]).toEqual(bodies[0]);
  });

  test.each([
    ['an error of S3', () => ({ status: 503, code: 'SlowDown' })],
    [
      'a closed connection',
      () => {
        throw new Error('closed');
      },
    ],
  ])('gets the same error: %s.', async (_, before) => {
    const list = new ListObjectsV2Command({ Bucket });
    for (const command of [new GetObjectCommand({ Bucket, Key: KEPT }), put({}), list]) {
      const outcomes: object[] = [];
      for (const client of clients) {
        server.before = before;
        outcomes.push(await outcomeOf(client, command));
      }
      expect(outcomes[1]).toEqual(outcomes[0]);
    }
  });
});
