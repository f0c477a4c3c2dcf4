import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { startFauxqs } from 'fauxqs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { publish } from '../../../functions/publish/publish.ts';
import { revoke } from '../../../functions/revoke/revoke.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { startS3Server } from '../../s3-server.ts';
import { issueCertificates, logo, NEWER, OLDER } from './certificates.ts';
import {
  BASE,
  BUCKET,
  DOMAIN,
  type Issue,
  JSON_KEY,
  NOW,
  PEM,
  publishedResult,
  refusedResult,
  SVG,
} from './published-bucket.ts';

let older: Issue;
let newer: Issue;

beforeAll(async () => {
  ({ older, newer } = await issueCertificates());
});

describe.each([
  ['a server without checksums', () => startS3Server({ checksums: false })],
  ['a server without versions and checksums', () => startS3Server({ versions: false, checksums: false })],
  [
    'fauxqs, which ignores conditions',
    async () => {
      const fauxqs = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
      return { url: `http://127.0.0.1:${fauxqs.port}`, close: () => fauxqs.stop() };
    },
  ],
])('On %s', (_, start) => {
  let s3: S3Client;
  let close: () => Promise<unknown>;

  beforeEach(async () => {
    const started = await start();
    close = () => started.close();
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    s3 = new S3Client({ endpoint: started.url, region: 'us-east-1', credentials, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    for (const [orderNumber, { body, certificate }] of [[OLDER, older] as const, [NEWER, newer] as const]) {
      const provenance = { execution: `order-${orderNumber}`, collectedAt: NOW };
      await openArchive(s3Storage(s3, BUCKET), orderNumber).store(
        { container: 'pkcs7', body },
        certificate,
        provenance,
      );
    }
  });

  afterEach(() => close());

  const publishThere = (orderNumber: string) =>
    publish(
      { order: { orderNumber, domains: [DOMAIN] } },
      { s3, bucket: BUCKET, publishedUrl: BASE, observe() {}, now: () => new Date(NOW) },
    );
  const readThere = async (Key: string) =>
    (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body?.transformToString();

  test('A renewal replaces the live certificate, and an older certificate does not.', async () => {
    expect(await publishThere(OLDER)).toEqual(publishedResult(true));
    expect(await readThere(PEM)).toBe(older.certificate.chainPem);
    expect(await publishThere(NEWER)).toEqual(publishedResult(true));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
    expect(await readThere(SVG)).toBe(logo('newer'));
    expect(await publishThere(OLDER)).toEqual(refusedResult('older', /2026-01-01/, false));
    expect(await publishThere(NEWER)).toEqual(publishedResult(false));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
    expect(JSON.parse((await readThere(JSON_KEY)) ?? '')).toMatchObject({
      live: { orderNumber: NEWER },
      previous: [{ orderNumber: OLDER }],
    });
  });

  test('The order of a missing chain restores it.', async () => {
    await publishThere(NEWER);
    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: PEM }));
    expect(await publishThere(NEWER)).toEqual(publishedResult(false));
    expect(await readThere(PEM)).toBe(newer.certificate.chainPem);
  });

  test('A revoked certificate is taken down.', async () => {
    await publishThere(NEWER);
    const collector = 'acme';
    const detail = { collector, orderNumber: NEWER, confirmed: true, knownSince: NOW };
    const observe = { revoked: () => undefined, damaged: () => undefined };
    await revoke({ detail }, { collector, s3, bucket: BUCKET, unpublish: true, observe });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'published/' }));
    expect(Contents.map(({ Key }) => Key)).toEqual([JSON_KEY]);
    expect(await publishThere(NEWER)).toEqual(refusedResult('revoked', /taken down/));
  });
});
