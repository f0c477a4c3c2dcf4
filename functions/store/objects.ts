import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { CollectorError } from '../collector-error.ts';

/**
 * The maximum number of attempts at one step while other executions write too. An attempt fails only if another
 * execution made progress.
 */
const ATTEMPTS = 8;

export const storedObjectSchema = v.object({
  key: v.string(),
  size: v.number(),
  sha256: v.string(),
  versionId: v.optional(v.string()),
});

/** One stored object, as a manifest lists it. `versionId` is missing only on servers that keep no versions. */
export type StoredObject = v.InferOutput<typeof storedObjectSchema>;

/** An object that was just written, with the ETag that a later write of it expects. */
export interface WrittenObject extends StoredObject {
  readonly etag?: string | undefined;
}

/** What is known of an object without its bytes. */
export interface ObjectState {
  readonly etag?: string | undefined;
  readonly versionId?: string | undefined;
  readonly type?: string | undefined;
  readonly cacheControl?: string | undefined;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The headers with which an object is served. */
export interface ObjectHeaders {
  readonly type: string;
  readonly cacheControl?: string | undefined;
}

/** An object that was read, with its bytes. */
export interface ReadObject extends ObjectHeaders {
  readonly body: Uint8Array;
  readonly etag: string | undefined;
  /** Missing on servers that keep no versions. */
  readonly versionId?: string | undefined;
}

/** Another execution changed an object since its state was read. Read the state again and repeat the step. */
export class WriteConflictError extends CollectorError {
  override readonly name = 'WriteConflictError';
}

/** Where objects are: a bucket, or a folder of this machine. */
export interface ObjectStorage {
  /** Reads the state of an object; undefined if there is none. */
  head(key: string): Promise<ObjectState | undefined>;
  /** Reads an object; undefined if there is no such object, or the version no longer exists. */
  read(key: string, versionId?: string): Promise<ReadObject | undefined>;
  /** Lists the ETags of the objects in a folder by their keys. It may leave out objects of a folder with many of them. */
  etags(folder: string): Promise<ReadonlyMap<string, string | undefined>>;
  /**
   * Writes an object.
   *
   * @param expected the state that is replaced: the object with this `etag`, or no object if there is no `etag`.
   * @throws {WriteConflictError} if the key contains something else.
   */
  write(
    key: string,
    bytes: Uint8Array,
    headers: ObjectHeaders,
    expected: { readonly etag?: string | undefined },
  ): Promise<WrittenObject>;
  /**
   * Deletes the object with this `etag`. Its versions stay.
   *
   * @throws {WriteConflictError} if the key contains something else.
   */
  remove(key: string, expected: { readonly etag?: string | undefined }): Promise<void>;
}

/**
 * Opens the objects of a storage. Every write is conditional on the state that its writer read, so that concurrent
 * executions cannot mix their objects.
 */
export function openObjects(storage: ObjectStorage) {
  const { head, remove } = storage;

  /** Writes an object, and returns it as a manifest lists it. */
  const write = async (...request: Parameters<ObjectStorage['write']>): Promise<StoredObject> =>
    withoutEtag(await storage.write(...request));

  /**
   * Writes an object under a key that is probably empty, without reading its state first.
   *
   * @returns undefined if the key contains something.
   */
  async function create(key: string, bytes: Uint8Array, headers: ObjectHeaders): Promise<WrittenObject | undefined> {
    try {
      return await storage.write(key, bytes, headers, {});
    } catch (error) {
      if (error instanceof WriteConflictError) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Reads the objects of a list, if each key contains the listed version.
   *
   * @returns the objects by their keys; undefined if one differs.
   */
  async function readUnchanged(
    listed: readonly StoredObject[],
  ): Promise<ReadonlyMap<string, ReadObject & StoredObject> | undefined> {
    const objects = new Map<string, ReadObject & StoredObject>();
    for (const each of listed) {
      const object = await storage.read(each.key);
      if (!object || object.versionId !== each.versionId || !isSame(object, each.sha256)) {
        return undefined;
      }
      objects.set(each.key, { ...object, ...each });
    }
    return objects;
  }

  /**
   * Reads the bytes of an object that a manifest lists: in the listed version, or in the latest one if that has the same
   * bytes. A version can be purged, by a lifecycle rule or by hand.
   *
   * @returns undefined if these bytes are no longer there.
   */
  async function readListed({ key, versionId, sha256 }: StoredObject): Promise<ReadObject | undefined> {
    const listed = versionId === undefined ? undefined : await storage.read(key, versionId);
    if (listed && isSame(listed, sha256)) {
      return listed;
    }
    const latest = await storage.read(key);
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
      if (state.versionId !== versionId && !(await storage.read(key, versionId))) {
        return false;
      }
    }
    return true;
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
   * All bytes are read before the first write, so that the writes follow each other without a pause.
   *
   * @param listedObjects the objects that a manifest lists.
   * @param emptyKeys the keys that are empty according to a manifest. Objects under them are deleted.
   * @param headersOf the headers of a restored object; default: those of the version that is restored.
   */
  const reconcile = <Manifest>(
    readManifest: () => Promise<Manifest | undefined>,
    listedObjects: (manifest: Manifest) => readonly StoredObject[],
    emptyKeys: (manifest: Manifest) => readonly string[] = () => [],
    headersOf: (listed: StoredObject) => ObjectHeaders | undefined = () => undefined,
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
        const restorable: (() => Promise<unknown>)[] = [];
        for (const { state = {}, ...listed } of mismatched) {
          const object = await readListed(listed);
          if (object) {
            const { key } = listed;
            restorable.push(() => write(key, object.body, headersOf(listed) ?? object, state));
          }
        }
        const changes = [
          ...restorable,
          ...unexpected.map(
            ({ key, state }) =>
              () =>
                remove(key, state),
          ),
        ];
        if (changes.length === 0) {
          return manifest;
        }
        for (const change of changes) {
          await change();
        }
      }
      throw new WriteConflictError(`${keys.join(', ')} did not match the manifest`);
    });

  return {
    ...storage,
    write,
    replace: storage.write,
    readUnchanged,
    readListed,
    create,
    areStored,
    put,
    findMismatched,
    reconcile,
  };
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

function isSame({ body }: ReadObject, sha256: string): boolean {
  return digest(body).toString('hex') === sha256;
}

/** A written object as a manifest lists it. */
export function withoutEtag({ etag: _, ...object }: WrittenObject): StoredObject {
  return object;
}

/** The SHA-256 of bytes. */
export function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
