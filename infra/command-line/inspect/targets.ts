import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { domainSchema } from '../../../functions/order.ts';
import { readStart } from '../read-start.ts';
import { describeCode, FILE_MISSING, isSystemError } from '../system-error.ts';

/** What the user named. */
export type Target =
  | { readonly kind: 'input' | 'file' | 'folder' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'domain'; readonly domain: string };

/** A file below a folder, why it is skipped, or why it cannot be read. */
export type FolderEntry =
  | { readonly file: string; readonly bytes: Uint8Array }
  | { readonly file: string; readonly skipped: string }
  | { readonly file: string; readonly unreadable: string };

/** The files and the folders below a folder, and the bytes of a file in it. A chain has some 10 KB. */
const FILES_LIMIT = 10_000;
const DEPTH_LIMIT = 16;
const FILE_BYTES = 10 * 1024 * 1024;
const TOO_LARGE = `it has more than ${FILE_BYTES} bytes`;

/** Endings of files with chains or logos. A word that ends like this is a file, although it looks like a domain. */
const FILE_NAME = /\.(?:b64|bin|cer|crt|der|gz|json|p7[bcms]|pem|svgz?|txt|xml|zip)$/i;

/**
 * Reads standard input, or a file that a user named: it may be a device that never ends.
 *
 * @param file undefined for standard input.
 * @returns the reason, as a clause, if it is too large.
 */
export async function readNamed(input: Readable, file?: string): Promise<Uint8Array | string> {
  const bytes = await readStart(file === undefined ? input : createReadStream(file), FILE_BYTES);
  return bytes.length > FILE_BYTES ? TOO_LARGE : bytes;
}

/** Why a target cannot be read, as a clause; undefined for a fault of the program. */
export function unreadableReason(error: unknown): string | undefined {
  return isSystemError(error) ? (describeCode(error) ?? error.message) : undefined;
}

/**
 * What a word is: standard input, a URL, a file or a folder, else a domain. A text instead is the reason why it is none
 * of them.
 */
export async function classify(word: string, folder: string): Promise<Target | string> {
  if (word === '-') {
    return { kind: 'input' };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(word)) {
    return { kind: 'url', url: word };
  }
  const found = await stat(resolve(folder, word)).catch(reasonOf);
  if (typeof found !== 'string') {
    return { kind: found.isDirectory() ? 'folder' : 'file' };
  }
  const domain = v.safeParse(domainSchema, word);
  if (domain.success && !FILE_NAME.test(word)) {
    return { kind: 'domain', domain: domain.output };
  }
  return found !== FILE_MISSING || FILE_NAME.test(word) || /[/\\]/.test(word)
    ? found
    : 'there is no such file or folder, and it is not a domain name like example.com or a URL like https://example.com/chain.pem';
}

/** A folder contains more than can be searched. The message is a clause. */
export class FolderLimitError extends Error {
  override readonly name = 'FolderLimitError';
}

/**
 * Reads the files below a folder in the order of their paths. Symbolic links are not followed.
 *
 * @throws {FolderLimitError} if there are too many files.
 */
export async function* readFolder(name: string, folder: string): AsyncGenerator<FolderEntry> {
  for (const entry of await listFiles(name, folder)) {
    const { file } = entry;
    yield 'reason' in entry
      ? { file, unreadable: entry.reason }
      : entry.isRegular
        ? await readEntry(file, resolve(folder, file))
        : { file, skipped: 'it is not a regular file' };
  }
}

async function readEntry(file: string, path: string): Promise<FolderEntry> {
  try {
    const { size } = await stat(path);
    return size > FILE_BYTES ? { file, skipped: TOO_LARGE } : { file, bytes: await readFile(path) };
  } catch (error) {
    return { file, unreadable: reasonOf(error) };
  }
}

type ListedFile =
  | { readonly file: string; readonly isRegular: boolean }
  | { readonly file: string; readonly reason: string };

async function listFiles(name: string, folder: string): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  const add = (file: ListedFile) => {
    if (files.push(file) > FILES_LIMIT) {
      throw new FolderLimitError(`there are more than ${FILES_LIMIT} files; name a folder with fewer`);
    }
  };
  const search = async (path: string, depth: number): Promise<void> => {
    if (depth > DEPTH_LIMIT) {
      throw new FolderLimitError(`folders are nested more than ${DEPTH_LIMIT} levels deep; name a folder below`);
    }
    const entries = await readdir(resolve(folder, path), { withFileTypes: true }).catch(reasonOf);
    if (typeof entries === 'string') {
      add({ file: path, reason: entries });
      return;
    }
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = join(path, entry.name);
      if (entry.isDirectory()) {
        await search(file, depth + 1);
      } else {
        add({ file, isRegular: entry.isFile() });
      }
    }
  };
  await search(name, 1);
  return files;
}

/** @throws the error if it is a fault of the program. */
function reasonOf(error: unknown): string {
  const reason = unreadableReason(error);
  if (reason === undefined) {
    throw error;
  }
  return reason;
}
