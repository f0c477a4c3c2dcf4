import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import { InvalidChainError } from './invalid-chain.ts';

/** A chain is three or four files; some CAs add instructions. */
const ENTRY_LIMIT = 50;

/** Names stay bytes: yauzl would refuse an archive for names that nobody uses here. */
const open = (bytes: Uint8Array) => fromBufferPromise(Buffer.from(bytes), { lazyEntries: true, decodeStrings: false });

/** The last byte of a folder's name. Nothing else of a name is looked at. */
const SLASH = 0x2f;

/** Bytes of all entries together, inflated. */
const SIZE_LIMIT = 1024 * 1024;

/**
 * The files of an archive, in memory: their names are never used. Sizes are held against what the archive says of itself by
 * yauzl, checksums here, for yauzl leaves them to its callers.
 *
 * @throws {InvalidChainError} where the archive is damaged, encrypted or over a limit.
 */
export async function unzip(bytes: Uint8Array): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  let size = 0;
  try {
    const archive = await open(bytes);
    if (archive.entryCount > ENTRY_LIMIT) {
      throw new InvalidChainError(`the archive has ${archive.entryCount} entries, and at most ${ENTRY_LIMIT} are read`);
    }
    for await (const entry of archive.eachEntry()) {
      size += entry.uncompressedSize;
      if (size > SIZE_LIMIT) {
        throw new InvalidChainError(`the archive inflates to more than ${SIZE_LIMIT} bytes`);
      }
      if (entry.fileNameRaw.at(-1) !== SLASH) {
        const file = await buffer(await archive.openReadStreamPromise(entry));
        if (crc32(file) !== entry.crc32) {
          throw new InvalidChainError('a file of the archive does not have its checksum');
        }
        files.push(file);
      }
    }
  } catch (error) {
    throw error instanceof InvalidChainError
      ? error
      : new InvalidChainError('the archive is damaged', { cause: error });
  }
  return files;
}

/**
 * What can be read of an archive, whatever is wrong with the rest of it: for looking at, never for use. Entries up to the same
 * size in all.
 */
export async function salvage(bytes: Uint8Array): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  let size = 0;
  try {
    const archive = await open(bytes);
    for await (const entry of archive.eachEntry()) {
      size += entry.uncompressedSize;
      if (size > SIZE_LIMIT) {
        break;
      }
      try {
        files.push(await buffer(await archive.openReadStreamPromise(entry)));
      } catch {
        // The next entry may be sound.
      }
    }
  } catch {
    // No archive that can be read any further.
  }
  return files;
}
