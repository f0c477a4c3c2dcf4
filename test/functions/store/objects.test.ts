import type { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  openObjects,
  retryOnConflict,
  type StoredObject,
  WriteConflictError,
} from '../../../functions/store/objects.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';
import { BUCKET, clientOf, sha256 } from './archive-bucket.ts';

const TEXT = { type: 'text/plain' };
const bytes = (text: string) => Buffer.from(text);

let server: S3Server;
let s3: S3Client;
let objects: ReturnType<typeof openObjects>;

beforeEach(async () => {
  server = await startS3Server();
  s3 = clientOf('x', server.url);
  objects = openObjects(s3Storage(s3, BUCKET));
});

afterEach(() => server.close());

const textOf = async (key: string) => Buffer.from((await objects.read(key))?.body ?? '').toString();

describe('The state of an object', () => {
  test('An empty key has no state.', async () => {
    expect(await objects.head('a')).toBeUndefined();
  });

  test('The state contains entity tag, version, content type and SHA-256.', async () => {
    const { versionId } = await objects.write('a', bytes('one'), TEXT, {});
    expect(await objects.head('a')).toEqual({
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      versionId,
      type: 'text/plain',
      sha256: sha256('one'),
    });
  });

  test('An object without a checksum is read to compute it.', async () => {
    await fetch(`${server.url}/x/a`, { method: 'PUT', body: 'one' });
    expect(await objects.head('a')).toMatchObject({ sha256: sha256('one') });
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'HEAD', 'GET']);
  });

  test('Only a 404 means that there is no object.', async () => {
    server.before = () => ({ status: 403, code: 'AccessDenied' });
    await expect(objects.head('a')).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
  });
});

describe('A conditional write', () => {
  test('A write without an entity tag fails if the key has an object.', async () => {
    await objects.write('a', bytes('one'), TEXT, {});
    await expect(objects.write('a', bytes('two'), TEXT, {})).rejects.toBeInstanceOf(WriteConflictError);
    expect(await textOf('a')).toBe('one');
  });

  test('A write with an old entity tag fails, and names the key.', async () => {
    await objects.write('a', bytes('one'), TEXT, {});
    const state = await objects.head('a');
    await objects.write('a', bytes('two'), TEXT, state ?? {});
    const conflict = objects.write('a', bytes('three'), TEXT, state ?? {});
    await expect(conflict).rejects.toMatchObject({
      name: 'WriteConflictError',
      message: 'Another execution changed a at the same time',
      cause: expect.objectContaining({ name: 'PreconditionFailed' }),
    });
    expect(await textOf('a')).toBe('two');
  });

  test.each([
    [412, 'PreconditionFailed'],
    [409, 'ConditionalRequestConflict'],
    [404, 'NoSuchKey'],
  ])('A write and a deletion that end with %i %s are conflicts.', async (status, code) => {
    server.before = () => ({ status, code });
    await expect(objects.write('a', bytes('one'), TEXT, {})).rejects.toBeInstanceOf(WriteConflictError);
    await expect(objects.remove('a', { etag: '"x"' })).rejects.toBeInstanceOf(WriteConflictError);
  });

  test('Another error is not a conflict.', async () => {
    server.before = () => ({ status: 404, code: 'NoSuchBucket' });
    await expect(objects.write('a', bytes('one'), TEXT, {})).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(objects.remove('a', {})).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('Put writes nothing if the key contains the bytes already, and lists their version.', async () => {
    const written = await objects.put('a', bytes('one'), TEXT);
    expect(await objects.put('a', bytes('one'), TEXT)).toEqual(written);
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
    await objects.put('a', bytes('two'), TEXT);
    expect(await textOf('a')).toBe('two');
  });
});

describe('Reconciliation with a manifest', () => {
  interface Manifest {
    readonly listed: readonly StoredObject[];
    readonly empty: readonly string[];
  }
  const reconcile = (manifest: Manifest | undefined) =>
    objects.reconcile(
      async () => manifest,
      ({ listed }) => listed,
      ({ empty }) => empty,
    );

  test('Without a manifest nothing is changed.', async () => {
    expect(await reconcile(undefined)).toBeUndefined();
    expect(server.requests).toEqual([]);
  });

  test('Objects that match are left as they are, and the manifest is returned.', async () => {
    const manifest = { listed: [await objects.put('a', bytes('one'), TEXT)], empty: ['b'] };
    expect(await reconcile(manifest)).toBe(manifest);
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  test('Other bytes and missing objects are restored from the listed versions, with their content types.', async () => {
    const listed = [await objects.put('a', bytes('one'), TEXT), await objects.put('b', bytes('two'), TEXT)];
    await objects.put('a', bytes('damage'), { type: 'text/html' });
    await objects.remove('b', {});
    expect((await objects.findMismatched(listed)).map(({ key }) => key)).toEqual(['a', 'b']);
    await reconcile({ listed, empty: [] });
    expect([await textOf('a'), await textOf('b')]).toEqual(['one', 'two']);
    expect(await objects.head('a')).toMatchObject({ type: 'text/plain' });
    expect(await objects.findMismatched(listed)).toEqual([]);
  });

  test('Objects under keys that must be empty are deleted.', async () => {
    await objects.put('b', bytes('two'), TEXT);
    await reconcile({ listed: [], empty: ['b'] });
    expect(await objects.head('b')).toBeUndefined();
  });

  test('Nothing is restored if the manifest changed in between.', async () => {
    const one = await objects.put('a', bytes('one'), TEXT);
    const two = await objects.put('a', bytes('two'), TEXT);
    let reads = 0;
    await objects.reconcile(
      async () => (reads++ === 0 ? [one] : [two]),
      (listed) => listed,
    );
    expect(await textOf('a')).toBe('two');
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(2);
  });
});

describe('A step that is repeated after conflicts', () => {
  test('The step is repeated until it succeeds.', async () => {
    let attempts = 0;
    const step = async () => {
      attempts += 1;
      if (attempts < 8) {
        throw new WriteConflictError('a conflict');
      }
      return attempts;
    };
    expect(await retryOnConflict(step)).toBe(8);
  });

  test('The step fails with the conflict after eight attempts.', async () => {
    let attempts = 0;
    const step = async () => {
      attempts += 1;
      throw new WriteConflictError('a conflict');
    };
    await expect(retryOnConflict(step)).rejects.toThrow('a conflict');
    expect(attempts).toBe(8);
  });

  test('Another error ends the step at once.', async () => {
    let attempts = 0;
    const step = async () => {
      attempts += 1;
      throw new Error('another error');
    };
    await expect(retryOnConflict(step)).rejects.toThrow('another error');
    expect(attempts).toBe(1);
  });
});
