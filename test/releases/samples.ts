/** Reads the samples of release 0.1.0 and starts an S3 server with the bucket that it filled. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import type { Collection } from '../../functions/collect/collect.ts';
import type { Order } from '../../functions/order.ts';
import type { PublishResult } from '../../functions/publish/publish.ts';
import { startDirectS3Server } from '../s3-direct.ts';

export const RELEASE = '0.1.0';

/** One version of an object, as `bucket.json` lists it. A delete marker has no file. */
export interface SampleVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly lastModified: string;
  readonly file?: string;
  readonly contentType?: string;
  readonly size?: number;
  readonly sha256?: string;
}

/** `$.collection` of 0.1.0, in which `consecutive` was called `inARow`. */
export interface SampleCollection extends Omit<Collection, 'consecutive'> {
  readonly inARow?: number;
}

/** One kind of `$.collection` with the payload of the task that follows it. */
export interface CollectionSample {
  readonly collection: SampleCollection;
  /** The payload of the next Collect; null for an issued certificate. */
  readonly next: {
    readonly order: Order & { readonly collection: SampleCollection };
    readonly execution: string;
    readonly startedAt: string;
  } | null;
  /** The payload of Publish, for an issued certificate. */
  readonly publish?: { readonly order: Order & { readonly collection: SampleCollection } };
}

/** An event as EventBridge passes it to a target. */
export interface SampleEvent<Detail = Readonly<Record<string, unknown>>> {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Detail;
}

/** What `events.json` contains. */
export interface SampleEvents {
  readonly ordered: readonly SampleEvent[];
  readonly issued: Readonly<
    Record<
      string,
      SampleEvent<{ readonly certificate: Readonly<Record<string, unknown>>; readonly publication?: object }>
    >
  >;
  readonly expiring: readonly SampleEvent[];
  readonly publicationBroken: readonly SampleEvent[];
  readonly failed: Readonly<Record<string, SampleEvent<{ readonly status: string; readonly error?: string }>>>;
  readonly failedByLambda: Readonly<Record<string, SampleEvent>>;
}

export function readSample(file: string): Buffer {
  return readFileSync(join(import.meta.dirname, RELEASE, file));
}

export function readJsonSample<T>(file: string): T {
  return JSON.parse(readSample(file).toString()) as T;
}

/** The moment that the samples take as the present, and the fingerprint of their test root. */
export const { at: AT, trustAnchors: TRUST_ANCHORS } = readJsonSample<{ at: string; trustAnchors: string[] }>(
  'anchors.json',
);

export const { bucket: BUCKET, versions: VERSIONS } = readJsonSample<{ bucket: string; versions: SampleVersion[] }>(
  'bucket.json',
);

export const COLLECTIONS = Object.entries(readJsonSample<Record<string, CollectionSample>>('collections.json'));

/** The samples that wait, each with the payload of its next Collect. */
export const WAITING = COLLECTIONS.flatMap(([name, { collection, next }]) =>
  next ? [{ name, collection, next }] : [],
);

/** Each kind of `$.publication` with the order that led to it. */
export const PUBLICATION_RESULTS = Object.entries(
  readJsonSample<Record<string, { readonly publication: PublishResult; readonly order: Order }>>('publications.json'),
);

export const EVENTS = readJsonSample<SampleEvents>('events.json');

export const INPUTS = Object.entries(
  readJsonSample<Record<string, { readonly execution: string; readonly input: Order }>>('inputs.json'),
).map(([name, sample]) => ({ name, ...sample }));

/** Environment variables by kind of stack and by function. */
export const ENVIRONMENTS =
  readJsonSample<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>('environment.json');

/** The environment of one function of the stack with publish and push. */
export function sampleEnvironment(functionName: string): Readonly<Record<string, string>> {
  return ENVIRONMENTS.publishAndPush?.[functionName] ?? {};
}

/** Starts an S3 server with every version of every object, version ids included. */
export async function startSampleBucket() {
  const seed = VERSIONS.map(({ file, ...version }) => ({ ...version, ...(file && { body: readSample(file) }) }));
  const server = await startDirectS3Server({ seed });
  const s3 = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
  return {
    s3,
    server,
    bucket: BUCKET,
    /** The keys that were written or deleted since the start, in order. */
    writes: () =>
      server.requests
        .filter(({ method }) => method === 'PUT' || method === 'DELETE')
        .map(({ method, key }) => (method === 'PUT' ? key : `${method} ${key}`)),
    async close() {
      s3.destroy();
      await server.close();
    },
  };
}

export type SampleBucket = Awaited<ReturnType<typeof startSampleBucket>>;
