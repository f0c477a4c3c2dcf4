import { PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { parseJson, toJsonBytes } from './json.ts';
import type { Bucket } from './listing.ts';
import { dateSchema } from './manifest.ts';
import { digest, retryOnConflict, WriteConflictError } from './objects.ts';
import { asConflict, s3Storage } from './s3-storage.ts';

/** What is written decides which state is current, so it must never come from a cache. */
const CACHE_CONTROL = 'no-store';

/** One object of a set. */
export interface SetFile {
  /** The name in the folder. */
  readonly name: string;
  readonly type: string;
  /** The object is written again only if this digest changes. */
  readonly digest: string;
  /** Makes the content. It is called only for a file that is written. */
  readonly bytes: () => Uint8Array;
}

/** What a set is, and what its state contains besides the files. */
export interface FileSet<Notes> {
  /** The folder, with `/` at its end. */
  readonly folder: string;
  /** When the data of the files was read. An older set does not replace a newer one. */
  readonly readAt: Date;
  /** Makes the files, one after the other. @param notes those of the stored state, if there is one. */
  readonly files: (notes: Notes | undefined) => Promise<Iterable<SetFile>>;
  /** The notes that the new state contains. */
  readonly notes: (stored: Notes | undefined) => Notes;
  readonly notesSchema: v.GenericSchema<unknown, Notes>;
  /** Whether a name is one that such a set can contain. Others in the folder stay. */
  readonly isOwn: (name: string) => boolean;
}

/** What was done to a set. */
export interface WrittenFiles {
  readonly files: number;
  readonly written: number;
  readonly deleted: number;
  /** Whether a set of newer data is stored, so that nothing was written. */
  readonly isOutdated: boolean;
}

const STATE = 'state.json';

/**
 * Makes a folder contain exactly the files of a set. What is stored already is not written again. Files that are no longer
 * in the set are deleted. Two writers at the same time do no harm: each write is conditional on what its writer listed, and
 * the one with the newer data wins.
 *
 * `state.json` in the folder contains the digests and the ETags of the files. A file that somebody else changed is written
 * again, because its ETag differs.
 *
 * @throws {WriteConflictError} if other writers were faster eight times.
 */
export function writeFileSet<Notes>(bucket: Bucket, set: FileSet<Notes>): Promise<WrittenFiles> {
  const schema = v.object({
    schemaVersion: v.literal(1),
    readAt: dateSchema,
    files: v.record(v.string(), v.object({ digest: v.string(), etag: v.string() })),
    notes: set.notesSchema,
  });
  const keyOf = (name: string) => set.folder + name;
  const storage = s3Storage(bucket.s3, bucket.bucket);
  return retryOnConflict(async () => {
    const listed = await list();
    const state = await storage.read(keyOf(STATE));
    const parsed = v.safeParse(schema, state && parseJson(Buffer.from(state.body).toString()));
    const stored = parsed.success ? parsed.output : undefined;
    if (stored && Date.parse(stored.readAt) > set.readAt.getTime()) {
      return { files: listed.size, written: 0, deleted: 0, isOutdated: true };
    }
    const files: Record<string, { digest: string; etag: string }> = {};
    let written = 0;
    for (const file of await set.files(stored?.notes)) {
      const known = stored?.files[file.name];
      const etag = listed.get(file.name);
      if (known !== undefined && known.digest === file.digest && known.etag === etag) {
        files[file.name] = known;
      } else {
        files[file.name] = { digest: file.digest, etag: await write(file.name, file.type, file.bytes(), etag) };
        written++;
      }
    }
    const removed = [...listed].filter(([name]) => set.isOwn(name) && !Object.hasOwn(files, name));
    for (const [name, etag] of removed) {
      await storage.remove(keyOf(name), { etag });
    }
    const notes = set.notes(stored?.notes);
    const hasNewNotes = JSON.stringify(notes) !== JSON.stringify(stored?.notes);
    if (written > 0 || removed.length > 0 || hasNewNotes) {
      const next = { schemaVersion: 1, readAt: set.readAt.toISOString(), files, notes } as const;
      await write(STATE, 'application/json', toJsonBytes(next), state?.etag);
      await requireStored(files);
    }
    return { files: Object.keys(files).length, written, deleted: removed.length, isOutdated: false };
  });

  /** The ETags of the objects in the folder, without those in folders below it. */
  async function list(): Promise<Map<string, string>> {
    const listed = new Map<string, string>();
    const pages = paginateListObjectsV2({ client: bucket.s3 }, { Bucket: bucket.bucket, Prefix: set.folder });
    for await (const { Contents = [] } of pages) {
      for (const { Key = '', ETag } of Contents) {
        const name = Key.slice(set.folder.length);
        if (ETag !== undefined && !name.includes('/') && name !== STATE) {
          listed.set(name, ETag);
        }
      }
    }
    return listed;
  }

  /** Another writer can have replaced a file after this one wrote it. */
  async function requireStored(files: Readonly<Record<string, { readonly etag: string }>>): Promise<void> {
    const listed = await list();
    const changed = Object.entries(files).find(([name, { etag }]) => listed.get(name) !== etag);
    if (changed) {
      throw new WriteConflictError(`Another execution changed ${keyOf(changed[0])} at the same time`);
    }
  }

  /** Returns the ETag of the new object. */
  async function write(name: string, type: string, bytes: Uint8Array, expected: string | undefined): Promise<string> {
    try {
      const { ETag = '' } = await bucket.s3.send(
        new PutObjectCommand({
          Bucket: bucket.bucket,
          Key: keyOf(name),
          Body: bytes,
          ContentType: type,
          CacheControl: CACHE_CONTROL,
          ChecksumSHA256: digest(bytes).toString('base64'),
          ...(expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected }),
        }),
      );
      return ETag;
    } catch (error) {
      throw asConflict(keyOf(name), error);
    }
  }
}
