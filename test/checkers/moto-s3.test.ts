/**
 * The store on moto's S3, another implementation of conditional writes and deletions than the S3 of the other tests,
 * which ignores the condition of a deletion.
 */
import { CreateBucketCommand, PutBucketVersioningCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openObjects, WriteConflictError } from '../../functions/store/objects.ts';
import { s3Storage } from '../../functions/store/s3-storage.ts';
import { BUCKET, clientOf, sha256 } from '../functions/store/archive-bucket.ts';
import { testArchive } from '../functions/store/archive-suite.ts';
import { type Moto, startMoto } from './moto.ts';

const TEXT = { type: 'text/plain' };
const enableVersions = (name: string) =>
  new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } });
const bytes = (text: string) => Buffer.from(text);

let moto: Moto;
let count = 0;
let bucket: string;
let s3: S3Client;
let objects: ReturnType<typeof openObjects>;

beforeAll(async () => {
  moto = await startMoto();
  s3 = clientOf('x', moto.url);
});

afterAll(() => moto?.close());

beforeEach(async () => {
  count += 1;
  bucket = `bucket-${count}`;
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(enableVersions(bucket));
  objects = openObjects(s3Storage(s3, bucket));
});

const textOf = async (key: string, versionId?: string) =>
  Buffer.from((await objects.read(key, versionId))?.body ?? '').toString();

describe('A write', () => {
  test('A write for an empty key fails if the key has an object.', async () => {
    await objects.write('a', bytes('one'), TEXT, {});
    await expect(objects.write('a', bytes('two'), TEXT, {})).rejects.toBeInstanceOf(WriteConflictError);
    expect(await textOf('a')).toBe('one');
  });

  test('A write that replaces an object fails if the object was changed or deleted since it was read.', async () => {
    await objects.write('a', bytes('one'), TEXT, {});
    const read = (await objects.head('a')) ?? {};
    await objects.write('a', bytes('two'), TEXT, read);
    await expect(objects.write('a', bytes('three'), TEXT, read)).rejects.toBeInstanceOf(WriteConflictError);
    const changed = (await objects.head('a')) ?? {};
    await objects.remove('a', changed);
    await expect(objects.write('a', bytes('three'), TEXT, changed)).rejects.toBeInstanceOf(WriteConflictError);
    expect(await objects.head('a')).toBeUndefined();
  });

  test('Of twenty writers who all read the empty key, exactly one writes.', async () => {
    const writers = Array.from({ length: 20 }, (_, n) => objects.write('a', bytes(`${n}`), TEXT, {}));
    const results = await Promise.allSettled(writers);
    const written = results.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(written).toHaveLength(1);
    expect(await textOf('a')).toBe(String(written[0]));
  });

  test('The key can be written again after a deletion.', async () => {
    await objects.put('a', bytes('one'), TEXT);
    await objects.remove('a', (await objects.head('a')) ?? {});
    await objects.put('a', bytes('two'), TEXT);
    expect(await textOf('a')).toBe('two');
  });

  test('Each version stays readable, and the state contains version, content type and SHA-256.', async () => {
    const one = await objects.put('a', bytes('one'), TEXT);
    const two = await objects.put('a', bytes('two'), TEXT);
    expect([await textOf('a', one.versionId), await textOf('a', two.versionId)]).toEqual(['one', 'two']);
    const { versionId } = two;
    expect(await objects.head('a')).toMatchObject({ versionId, type: 'text/plain', sha256: sha256('two') });
  });
});

describe('A deletion', () => {
  test('A deletion fails if the object was changed or deleted since it was read.', async () => {
    await objects.put('a', bytes('one'), TEXT);
    const read = (await objects.head('a')) ?? {};
    await objects.put('a', bytes('two'), TEXT);
    await expect(objects.remove('a', read)).rejects.toBeInstanceOf(WriteConflictError);
    expect(await textOf('a')).toBe('two');
    const changed = (await objects.head('a')) ?? {};
    await objects.remove('a', changed);
    await expect(objects.remove('a', changed)).rejects.toBeInstanceOf(WriteConflictError);
  });

  test('A deleted object is restored from the version that a manifest lists.', async () => {
    const listed = [await objects.put('a', bytes('one'), TEXT)];
    await objects.remove('a', (await objects.head('a')) ?? {});
    await objects.reconcile(
      async () => listed,
      (manifest) => manifest,
    );
    expect(await textOf('a')).toBe('one');
  });
});

describe('An archive on moto', () => {
  testArchive(async () => ({
    url: moto.url,
    enableVersions: () => s3.send(enableVersions(BUCKET)),
    close: () => moto.reset(),
  }));
});
