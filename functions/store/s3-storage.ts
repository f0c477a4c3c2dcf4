import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import {
  digest,
  type ObjectHeaders,
  type ObjectState,
  type ObjectStorage,
  type ReadObject,
  WriteConflictError,
  type WrittenObject,
} from './objects.ts';

/** The errors with which S3 reports that a key no longer contains what a conditional write expects. */
const CONFLICT_ERRORS: ReadonlySet<string> = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

/** A bucket. Besides the errors of the interface, each method throws an `S3ServiceException` if S3 refuses a request. */
export interface S3Storage extends ObjectStorage {
  /** Like `read`, but throws S3's 404, which says more about a missing object. */
  get(key: string, versionId?: string): Promise<ReadObject>;
}

/** The objects of a bucket. */
export function s3Storage(s3: S3Client, bucket: string): S3Storage {
  /** If the server gives no checksum, the bytes are read. */
  async function head(key: string): Promise<ObjectState | undefined> {
    try {
      const response = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
      const { ETag: etag, VersionId: versionId, ContentType: type, CacheControl: cacheControl } = response;
      const sha256 = response.ChecksumSHA256
        ? Buffer.from(response.ChecksumSHA256, 'base64')
        : digest((await get(key, versionId)).body);
      return { etag, versionId, type, cacheControl, sha256: sha256.toString('hex') };
    } catch (error) {
      return undefinedIfNotFound(error);
    }
  }

  async function get(key: string, versionId?: string): Promise<ReadObject> {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
    return {
      body: (await object.Body?.transformToByteArray()) ?? new Uint8Array(),
      etag: object.ETag,
      versionId: object.VersionId,
      type: object.ContentType ?? 'application/octet-stream',
      cacheControl: object.CacheControl,
    };
  }

  async function read(key: string, versionId?: string): Promise<ReadObject | undefined> {
    return get(key, versionId).catch(versionId === undefined ? undefinedIfNotFound : undefinedIfPurged);
  }

  async function etags(folder: string): Promise<ReadonlyMap<string, string | undefined>> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: folder }));
    return new Map(Contents.flatMap(({ Key: key, ETag: etag }) => (key === undefined ? [] : [[key, etag]])));
  }

  async function write(
    key: string,
    bytes: Uint8Array,
    { type, cacheControl }: ObjectHeaders,
    expected: { readonly etag?: string | undefined },
  ): Promise<WrittenObject> {
    const sha256 = digest(bytes);
    try {
      const { ETag: etag, VersionId: versionId } = await s3.send(
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
      return { key, size: bytes.length, sha256: sha256.toString('hex'), versionId, etag };
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  async function remove(key: string, { etag }: { readonly etag?: string | undefined }): Promise<void> {
    try {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  return { head, get, read, etags, write, remove };
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

/** Turns S3's answers to a conditional request whose condition is not met into a `WriteConflictError`. */
export function asConflict(key: string, error: unknown): unknown {
  return error instanceof S3ServiceException && CONFLICT_ERRORS.has(error.name)
    ? new WriteConflictError(`Another execution changed ${key} at the same time`, { cause: error })
    : error;
}
