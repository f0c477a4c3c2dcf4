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

/** Rounds of one step against executions that write at the same time. Each loss means another advanced. */
const ROUNDS = 8;

/** How S3 says that a key no longer holds what a write was meant to replace. */
const CONFLICT_ERRORS: ReadonlySet<string> = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

/** One stored object, as a manifest lists it. `versionId` is missing only on servers that keep no versions. */
export type StoredObject = v.InferOutput<typeof storedObjectSchema>;
export const storedObjectSchema = v.object({
  key: v.string(),
  size: v.number(),
  sha256: v.string(),
  versionId: v.optional(v.string()),
});

/** What is known of an object without its bytes. */
export interface ObjectState {
  readonly etag?: string | undefined;
  readonly versionId?: string | undefined;
  readonly type?: string | undefined;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** How an object is to be served. */
export interface ObjectHeaders {
  readonly type: string;
  readonly cacheControl?: string | undefined;
}

export interface ReadObject extends ObjectHeaders {
  readonly body: Uint8Array;
  readonly etag: string | undefined;
}

/** Another execution wrote in between: look again. */
export class WriteConflictError extends Error {
  override name = 'Overtaken';
}

/** The objects of a bucket, written only over what was seen there, so that executions that write at once cannot mix. */
export function openObjects(s3: S3Client, bucket: string) {
  /** What stands under a key now; undefined for nothing. Where the server gives no checksum, the bytes are read. */
  async function head(key: string): Promise<ObjectState | undefined> {
    try {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
      const sha256 = head.ChecksumSHA256
        ? Buffer.from(head.ChecksumSHA256, 'base64')
        : digest((await read(key, head.VersionId)).body);
      return { etag: head.ETag, versionId: head.VersionId, type: head.ContentType, sha256: sha256.toString('hex') };
    } catch (error) {
      return undefinedIfNotFound(error);
    }
  }

  /** @throws {S3ServiceException} 404 where there is nothing. */
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
   * Writes over exactly what was seen under the key: over nothing (no `etag`), or over that one entity.
   *
   * @throws {WriteConflictError} where something else is there by now.
   */
  async function write(
    key: string,
    bytes: Uint8Array,
    { type, cacheControl }: ObjectHeaders,
    seen: { readonly etag?: string | undefined },
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
          ...(seen.etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: seen.etag }),
        }),
      );
      return { key, size: bytes.length, sha256: sha256.toString('hex'), versionId };
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  /**
   * Takes away exactly what was seen under the key; its versions stay.
   *
   * @throws {WriteConflictError} where something else is there by now.
   */
  async function remove(key: string, { etag }: { readonly etag?: string | undefined }): Promise<void> {
    try {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
    } catch (error) {
      throw asConflict(key, error);
    }
  }

  /** Makes a key hold these bytes; writes nothing where it does already. */
  async function put(key: string, bytes: Uint8Array, headers: ObjectHeaders): Promise<StoredObject> {
    const seen = await head(key);
    const sha256 = digest(bytes).toString('hex');
    return seen?.sha256 === sha256
      ? { key, size: bytes.length, sha256, versionId: seen.versionId }
      : write(key, bytes, headers, seen ?? {});
  }

  /** What a manifest lists and its key does not hold, with what it holds instead. */
  async function findMismatched(listed: readonly StoredObject[]) {
    const astray: (StoredObject & { readonly seen: ObjectState | undefined })[] = [];
    for (const object of listed) {
      const seen = await head(object.key);
      if (seen?.sha256 !== object.sha256) {
        astray.push({ ...object, seen });
      }
    }
    return astray;
  }

  /** What stands where nothing shall stand. */
  async function findUnexpected(empty: readonly string[]) {
    const strays: { readonly key: string; readonly seen: ObjectState }[] = [];
    for (const key of empty) {
      const seen = await head(key);
      if (seen) {
        strays.push({ key, seen });
      }
    }
    return strays;
  }

  /**
   * Ends everything that writes a set with a manifest: puts back what the standing manifest lists, until nothing is astray, and
   * returns it. A manifest's condition guards the manifest alone; a slower writer may overwrite an object beside it, before
   * or after. It comes here itself, after its last write, and so does the manifest's own writer: whichever is last finds
   * all in place.
   *
   * @param emptyIn the keys that shall hold nothing by the manifest: what stands there is taken away.
   */
  const reconcile = <Manifest>(
    readStanding: () => Promise<Manifest | undefined>,
    listedIn: (manifest: Manifest) => readonly StoredObject[],
    emptyIn: (manifest: Manifest) => readonly string[] = () => [],
  ): Promise<Manifest | undefined> =>
    retryOnConflict(async () => {
      const standing = await readStanding();
      const astray = standing ? await findMismatched(listedIn(standing)) : [];
      const strays = standing ? await findUnexpected(emptyIn(standing)) : [];
      const keys = [...astray, ...strays].map(({ key }) => key);
      if (keys.length === 0) {
        return standing;
      }
      // What was seen may be a newer set, completed since the manifest was read. From here on conditions guard it.
      if (isDeepStrictEqual(await readStanding(), standing)) {
        for (const { key, versionId, seen = {} } of astray) {
          const { body, ...headers } = await read(key, versionId);
          await write(key, body, headers, seen);
        }
        for (const { key, seen } of strays) {
          await remove(key, seen);
        }
      }
      throw new WriteConflictError(`${keys.join(', ')} held what the manifest does not list`);
    });

  return { head, read, write, remove, put, findMismatched, reconcile };
}

/** Looks again and writes again whenever another execution was quicker. */
export async function retryOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof WriteConflictError) || round === ROUNDS) {
        throw error;
      }
    }
  }
}

/** Nothing under the key is an answer; every other error stays one. HEAD has no body and so no error code but its status. */
export function undefinedIfNotFound(error: unknown): undefined {
  if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) {
    return undefined;
  }
  throw error;
}

/** JSON as objects hold it. */
export function toJsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** What a JSON text holds; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a refused write or removal means: somebody else was quicker, or the error it is. */
function asConflict(key: string, error: unknown): unknown {
  return error instanceof S3ServiceException && CONFLICT_ERRORS.has(error.name)
    ? new WriteConflictError(`${key} was written by somebody else`, { cause: error })
    : error;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
