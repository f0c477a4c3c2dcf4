import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import { InvalidChainError } from '../invalid-chain.ts';

/** A chain has three or four certificates, each in a file; some CAs add instructions. */
const ENTRY_LIMIT = 50;

/** The names of files are not used, so they are not decoded: yauzl would reject an archive with an unusual name. */
const openZip = (bytes: Uint8Array) =>
  fromBufferPromise(Buffer.from(bytes), { lazyEntries: true, decodeStrings: false });

/** The last byte of a folder's name. Nothing else in a name is read. */
const SLASH = 0x2f;

/** The maximum size of all entries together, inflated, in bytes. */
const SIZE_LIMIT = 1024 * 1024;

/**
 * Reads the files of an archive into memory; their names are not used. yauzl compares the sizes with those that the
 * archive states. It leaves the checksums to its callers, so they are compared here.
 *
 * @throws {InvalidChainError} if the archive is damaged, encrypted or over a limit.
 */
export async function unzip(bytes: Uint8Array): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  let size = 0;
  try {
    const archive = await openZip(bytes);
    if (archive.entryCount > ENTRY_LIMIT) {
      throw new InvalidChainError(
        `the archive has ${archive.entryCount} entries, but at most ${ENTRY_LIMIT} are allowed`,
      );
    }
    for await (const entry of archive.eachEntry()) {
      size += entry.uncompressedSize;
      if (size > SIZE_LIMIT) {
        throw new InvalidChainError(`the archive inflates to more than ${SIZE_LIMIT} bytes`);
      }
      if (entry.fileNameRaw.at(-1) !== SLASH) {
        const file = await buffer(await archive.openReadStreamPromise(entry));
        if (crc32(file) !== entry.crc32) {
          throw new InvalidChainError('the checksum of a file in the archive is wrong');
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
 * Reads the files of an archive that can be read, even if others are damaged, up to the same total size. The result is
 * only searched for private keys, never used as certificates.
 */
export async function readIntactFiles(bytes: Uint8Array): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  let size = 0;
  try {
    const archive = await openZip(bytes);
    for await (const entry of archive.eachEntry()) {
      size += entry.uncompressedSize;
      if (size > SIZE_LIMIT) {
        break;
      }
      try {
        files.push(await buffer(await archive.openReadStreamPromise(entry)));
      } catch {
        // The next entry may be intact.
      }
    }
  } catch {
    // The rest of the archive cannot be read.
  }
  return files;
}
