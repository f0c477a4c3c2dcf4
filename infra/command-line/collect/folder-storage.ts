import { readdir, realpath, unlink } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, relative, sep } from 'node:path';
import { CollectorError } from '../../../functions/collector-error.ts';
import { digest, type ObjectStorage, type ReadObject, WriteConflictError } from '../../../functions/store/objects.ts';
import { undefinedIfMissing } from '../system-error.ts';
import { makeFolder, readIfPresent, syncFolder, writeWhole } from './files.ts';

/** Where a folder has what is not an object: what the command knows of orders and logins, and files that are not complete. */
export const STATE = 'state';

/** Where files are written before they have their names. */
const TEMPORARY = join(STATE, 'temporary');

/** Media types of the objects by the endings of their keys. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.p7b': 'application/pkcs7-mime',
  '.pem': 'application/pem-certificate-chain',
  '.svg': 'image/svg+xml',
  '.zip': 'application/zip',
};

/** Objects that are made from others. No earlier version of them is kept. */
const MADE: ReadonlySet<string> = new Set(['.html', '.json']);

/** A key, or a link in the folder, leads out of the folder. */
export class OutsideFolderError extends CollectorError {
  override readonly name = 'OutsideFolderError';
}

/** A part of a key: no `..`, no hidden file, nothing that a shell or Windows reads in another way. */
const SEGMENT = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/**
 * The objects of a folder on this machine, each in the file that its key names. The ETag is the SHA-256 of the content.
 * A file is written whole or not at all. Received bytes that are replaced stay below `versions/`, as a bucket keeps
 * versions; nothing reads them back.
 *
 * The conditions of writes hold between processes only if they hold the lock of the order: `lock.ts`.
 *
 * @throws {OutsideFolderError} if a key would lead out of the folder.
 */
export function folderStorage(directory: string): ObjectStorage {
  const temporaryOf = (key: string) => join(directory, TEMPORARY, key.replaceAll('/', '+'));

  /** The file of a key. A link in the folder must not lead elsewhere, so the real folder counts. */
  async function fileOf(key: string): Promise<string> {
    if (!key.split('/').every((segment) => SEGMENT.test(segment))) {
      throw new OutsideFolderError(`${JSON.stringify(key)} is not a key of the folder`);
    }
    const file = join(directory, key);
    const real = await realFolder(dirname(file));
    const root = await realFolder(directory);
    if (real !== undefined && root !== undefined && isOutside(relative(root, real))) {
      throw new OutsideFolderError(`the folder of ${key} is a link to ${real}, which is not in ${root}`);
    }
    return file;
  }

  async function read(key: string): Promise<(ReadObject & { readonly etag: string }) | undefined> {
    const body = await readIfPresent(await fileOf(key));
    return (
      body && { body, etag: digest(body).toString('hex'), type: TYPES[extname(key)] ?? 'application/octet-stream' }
    );
  }

  /** Keeps what a write or a removal replaces, after it is the expected object. */
  async function replace(key: string, expected: string | undefined): Promise<void> {
    const current = await read(key);
    if (current?.etag !== expected) {
      throw new WriteConflictError(`${key} has changed since it was read`);
    }
    await makeFolder(dirname(temporaryOf(key)));
    if (current && !MADE.has(extname(key))) {
      const version = join(directory, 'versions', key, current.etag);
      await writeWhole(version, current.body, `${temporaryOf(key)}.version`);
    }
  }

  return {
    read,

    async head(key) {
      const object = await read(key);
      return object && { etag: object.etag, sha256: object.etag, type: object.type };
    },

    async etags(folder) {
      const entries = (await readdir(join(directory, folder), { withFileTypes: true }).catch(undefinedIfMissing)) ?? [];
      const keys = entries.filter((entry) => entry.isFile()).map(({ name }) => `${folder}${name}`);
      return new Map(await Promise.all(keys.map(async (key) => [key, (await read(key))?.etag] as const)));
    },

    async write(key, bytes, _headers, { etag }) {
      await replace(key, etag);
      await makeFolder(dirname(join(directory, key)));
      await writeWhole(await fileOf(key), bytes, temporaryOf(key));
      const sha256 = digest(bytes).toString('hex');
      return { key, size: bytes.length, sha256, etag: sha256 };
    },

    async remove(key, { etag }) {
      await replace(key, etag);
      const file = await fileOf(key);
      await unlink(file);
      await syncFolder(dirname(file));
    },
  };
}

/** Deletes what a killed process did not complete under a prefix of keys. The caller holds the lock of the order. */
export async function removeIncomplete(directory: string, prefix: string): Promise<void> {
  const folder = join(directory, TEMPORARY);
  const names = (await readdir(folder).catch(undefinedIfMissing)) ?? [];
  for (const name of names.filter((each) => each.startsWith(prefix.replaceAll('/', '+')))) {
    await unlink(join(folder, name)).catch(undefinedIfMissing);
  }
}

/** Whether a relative path leads out of the folder from which it starts; on Windows, to another drive too. */
function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
}

async function realFolder(folder: string): Promise<string | undefined> {
  return realpath(folder).catch(undefinedIfMissing);
}
