/** What an archive must do on every S3 server, whatever the server lacks. */
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openArchive } from '../../../functions/store/archive.ts';
import type { Provenance } from '../../../functions/store/manifest.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import {
  BUCKET,
  CHAIN,
  clientOf,
  FIRST,
  type Issue,
  issueCertificates,
  LOGO,
  MANIFEST,
  ORDER_NUMBER,
  objectsOf,
  RESPONSE,
  SECOND,
  supersededKeys,
} from './archive-bucket.ts';

/** A server that is started for one test and has no bucket yet. */
export interface EmptyServer {
  readonly url: string;
  /** Makes the bucket keep versions. Missing if the bucket does so from the start, or if the server cannot. */
  enableVersions?(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Defines the tests of an archive on one server. */
export function testArchive(start: () => Promise<EmptyServer>): void {
  let older: Issue;
  let newer: Issue;
  let s3: S3Client;
  let objects: ReturnType<typeof objectsOf>;
  let writes: number;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    ({ older, newer } = await issueCertificates());
  });

  beforeEach(async () => {
    const started = await start();
    close = () => started.close();
    s3 = clientOf('x', started.url);
    objects = objectsOf(s3);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await started.enableVersions?.();
    writes = 0;
    s3.middlewareStack.add(
      (next, { commandName }) =>
        (call) => {
          writes += commandName === 'PutObjectCommand' ? 1 : 0;
          return next(call);
        },
      { step: 'initialize' },
    );
  });

  afterEach(() => close());

  async function collectThere(issue: Issue, provenance: Provenance) {
    const archive = openArchive(s3Storage(s3, BUCKET), ORDER_NUMBER);
    writes = 0;
    await archive.storeResponse(issue.response);
    return (await archive.store(issue.response, issue.certificate, provenance)).current;
  }

  async function chainThere() {
    return (await objects.read(CHAIN)).body.toString();
  }

  test('A certificate is stored with its manifest.', async () => {
    await collectThere(newer, FIRST);
    expect(await objects.keys()).toEqual([MANIFEST, CHAIN, LOGO, RESPONSE]);
    expect((await objects.read(RESPONSE)).body).toEqual(Buffer.from(newer.response.body));
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });

  test('The same certificate writes nothing, because the manifest identifies it.', async () => {
    await collectThere(newer, FIRST);
    expect(await collectThere(newer, SECOND)).toMatchObject(FIRST);
    expect(writes).toBe(0);
  });

  test('A newer certificate replaces an older one, which is kept and then writes nothing.', async () => {
    await collectThere(older, FIRST);
    expect(await collectThere(newer, SECOND)).toMatchObject(SECOND);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
    const [response = '', chain = ''] = supersededKeys(older);
    expect((await objects.read(response)).body).toEqual(Buffer.from(older.response.body));
    expect((await objects.read(chain)).body.toString()).toBe(older.certificate.chainPem);
    expect(await collectThere(older, FIRST)).toMatchObject(SECOND);
    expect(writes).toBe(0);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });

  test.each([
    ['missing', () => objects.remove(CHAIN)],
    ['damaged', () => objects.overwrite(CHAIN, newer.certificate.chainPem.toLowerCase())],
  ])('A %s chain is restored from the response, and the provenance stays.', async (_, harm) => {
    await collectThere(newer, FIRST);
    await harm();
    expect(await collectThere(newer, SECOND)).toMatchObject(FIRST);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });
}
