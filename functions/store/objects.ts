import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { CollectorError } from '../collector-error.ts';

/**
 * The maximum number of attempts at one step while other executions write too. An attempt fails only if another
 * execution made progress.
 */
const ATTEMPTS = 8;

/** The errors with which S3 reports that a key no longer contains what a conditional write expects. */
const CONFLICT_ERRORS: ReadonlySet<string> = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

export const storedObjectSchema = v.object({
  key: v.string(),
  size: v.number(),
  sha256: v.string(),
  versionId: v.optional(v.string()),
});

/** One stored object, as a manifest lists it. `versionId` is missing only on servers that keep no versions. */
export type StoredObject = v.InferOutput<typeof storedObjectSchema>;

/** What is known of an object without its bytes. */
export interface ObjectState {
  readonly etag?: string | undefined;
  readonly versionId?: string | undefined;
  readonly type?: string | undefined;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The headers with which S3 serves an object. */
export interface ObjectHeaders {
  readonly type: string;
  readonly cacheControl?: string | undefined;
}

/** An object that was read, with its bytes. */
export interface ReadObject extends ObjectHeaders {
  readonly body: Uint8Array;
  readonly etag: string | undefined;
}

/** Another execution changed an object since its state was read. Read the state again and repeat the step. */
export class WriteConflictError extends CollectorError {
  override readonly name = 'WriteConflictError';
}

/**
 * Opens the objects of a bucket. Every write is conditional on the state that its writer read, so that concurrent
 * executions cannot mix their objects.
 */
export function openObjects(s3: S3Client, bucket: string) {
  /** Reads the state of an object; undefined if there is none. If the server gives no checksum, the bytes are read. */
  async function head(key: string): Promise<ObjectState | undefined> {
    try {
      const response = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
      const { ETag: etag, VersionId: versionId, ContentType: type } = response;
      const sha256 = response.ChecksumSHA256
        ? Buffer.from(response.ChecksumSHA256, 'base64')
        : digest((await read(key, versionId)).body);
      return { etag, versionId, type, sha256: sha256.toString('hex') };
    } catch (error) {
      return undefinedIfNotFound(error);
    }
  }

  /** @throws {S3ServiceException} with status 404 if there is no such object or version. */
  async function read(key: string, versionId?: string): Promise<ReadObject> {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
    return {
      body: (await object.Body?.transformToByteArray()) ?? new Uint8Array(),
      etag: object.ETag,
      type: object.ContentType ?? 'application/octet-stream',
      cacheControl: object.CacheControl,
    };
  }

  /**
   * Reads the bytes of an object that a manifest lists: in the listed version, or in the latest one if that has the same
   * bytes. A version can be purged, by a lifecycle rule or by hand.
   *
   * @returns undefined if these bytes are no longer there.
   */
  async function readListed({ key, versionId, sha256 }: StoredObject): Promise<ReadObject | undefined> {
    const listed = versionId === undefined ? undefined : await read(key, versionId).catch(undefinedIfPurged);
    if (listed && isSame(listed, sha256)) {
      return listed;
    }
    const latest = await read(key).catch(undefinedIfNotFound);
    return latest && isSame(latest, sha256) ? latest : undefined;
  }

  /**
   * Whether every object of a list is stored: its key contains the listed bytes, and the listed version exists. The same
   * bytes in another version are not enough, because the listed one may have been purged.
   */
  async function areStored(listed: readonly StoredObject[]): Promise<boolean> {
    for (const { key, versionId, sha256 } of listed) {
      const state = await head(key);
      if (state?.sha256 !== sha256) {
        return false;
      }
      if (state.versionId !== versionId && !(await read(key, versionId).catch(undefinedIfPurged))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Writes an object.
   *
   * @param expected the state that is replaced: the object with this `etag`, or no object if there is no `etag`.
   * @throws {WriteConflictError} if the key contains something else.
   */
  async function write(
    key: string,
    bytes: Uint8Array,
    { type, cacheControl }: ObjectHeaders,
    expected: { readonly etag?: string | undefined },
  ): Promise<StoredObject> {
    const sha256 = digest(bytes);
    try {
      const { VersionId: versionId } = await s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: bytes,
          ContentType: type,
          CacheControl: cacheControl,
          ChecksumSHA256: sha256.toString('base64'),
          ...(expected.etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected.etag }),
        }),
      );
      return { key, size: bytes.length, sha256: sha256.toString('hex'), versionId };
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  /**
   * Deletes the object with this `etag`. Its versions stay.
   *
   * @throws {WriteConflictError} if the key contains something else.
   */
  async function remove(key: string, { etag }: { readonly etag?: string | undefined }): Promise<void> {
    try {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  /** Writes an object, unless the key contains these bytes already. */
  async function put(key: string, bytes: Uint8Array, headers: ObjectHeaders): Promise<StoredObject> {
    const state = await head(key);
    const sha256 = digest(bytes).toString('hex');
    return state?.sha256 === sha256
      ? { key, size: bytes.length, sha256, versionId: state.versionId }
      : write(key, bytes, headers, state ?? {});
  }

  /** The objects of a list whose keys contain other bytes or nothing, with the present state of each. */
  async function findMismatched(listed: readonly StoredObject[]) {
    const mismatched: (StoredObject & { readonly state: ObjectState | undefined })[] = [];
    for (const object of listed) {
      const state = await head(object.key);
      if (state?.sha256 !== object.sha256) {
        mismatched.push({ ...object, state });
      }
    }
    return mismatched;
  }

  /** The objects under keys that must be empty. */
  async function findUnexpected(keys: readonly string[]) {
    const unexpected: { readonly key: string; readonly state: ObjectState }[] = [];
    for (const key of keys) {
      const state = await head(key);
      if (state) {
        unexpected.push({ key, state });
      }
    }
    return unexpected;
  }

  /**
   * Restores what the current manifest lists, until every object matches, and returns that manifest. The condition on a
   * manifest protects only the manifest: a slower writer can overwrite an object that it lists, before or after the
   * manifest is written. Every writer therefore calls this after its last write, and the last of them leaves objects
   * that match. An object whose bytes are no longer there is left as it is.
   *
   * @param listedObjects the objects that a manifest lists.
   * @param emptyKeys the keys that are empty according to a manifest. Objects under them are deleted.
   */
  const reconcile = <Manifest>(
    readManifest: () => Promise<Manifest | undefined>,
    listedObjects: (manifest: Manifest) => readonly StoredObject[],
    emptyKeys: (manifest: Manifest) => readonly string[] = () => [],
  ): Promise<Manifest | undefined> =>
    retryOnConflict(async () => {
      const manifest = await readManifest();
      const mismatched = manifest ? await findMismatched(listedObjects(manifest)) : [];
      const unexpected = manifest ? await findUnexpected(emptyKeys(manifest)) : [];
      const keys = [...mismatched, ...unexpected].map(({ key }) => key);
      if (keys.length === 0) {
        return manifest;
      }
      // The objects can belong to a newer manifest that was written after the first read. If something changes after
      // this second read, the conditions of the writes fail.
      if (isDeepStrictEqual(await readManifest(), manifest)) {
        let changes = 0;
        for (const { state = {}, ...listed } of mismatched) {
          const object = await readListed(listed);
          if (object) {
            const { body, ...headers } = object;
            await write(listed.key, body, headers, state);
            changes++;
          }
        }
        for (const { key, state } of unexpected) {
          await remove(key, state);
          changes++;
        }
        if (changes === 0) {
          return manifest;
        }
      }
      throw new WriteConflictError(`${keys.join(', ')} did not match the manifest`);
    });

  return { head, read, readListed, areStored, write, remove, put, findMismatched, reconcile };
}

/**
 * Repeats an attempt, which reads the state and then writes, as long as other executions write in between.
 *
 * @throws {WriteConflictError} after eight attempts.
 */
export async function retryOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof WriteConflictError) || count === ATTEMPTS) {
        throw error;
      }
    }
  }
}

/**
 * Turns S3's 404 into undefined. The status decides, because a response to HEAD has no body and therefore no error
 * code.
 *
 * @throws the error itself if it is not a 404.
 */
export function undefinedIfNotFound(error: unknown): undefined {
  if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) {
    return undefined;
  }
  throw error;
}

/**
 * Turns S3's answers to a request for a version that does not exist into undefined: 404 NoSuchVersion, 405
 * MethodNotAllowed for a delete marker (GetObject, DeleteMarker), and 400 InvalidArgument for a text that is no version
 * id.
 *
 * @throws the error itself if it is another one.
 */
function undefinedIfPurged(error: unknown): undefined {
  const isPurged =
    error instanceof S3ServiceException &&
    (error.$metadata.httpStatusCode === 405 || error.name === 'InvalidArgument' || error.name === 'MethodNotAllowed');
  return isPurged ? undefined : undefinedIfNotFound(error);
}

function isSame({ body }: ReadObject, sha256: string): boolean {
  return digest(body).toString('hex') === sha256;
}

function asConflict(key: string, error: unknown): unknown {
  return error instanceof S3ServiceException && CONFLICT_ERRORS.has(error.name)
    ? new WriteConflictError(`Another execution changed ${key} at the same time`, { cause: error })
    : error;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
