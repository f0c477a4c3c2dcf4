import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import { type GzipMember, readGzipMember } from '../gzip.ts';
import { InvalidChainError } from '../invalid-chain.ts';
import { attempt } from '../x509/der.ts';

/** A file in an archive. Its name is only shown, never used. */
export interface ArchivedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What may still be read from archives: files, and their bytes when they are inflated. */
export interface ArchiveBudget {
  files: number;
  bytes: number;
}

/** A chain has three or four certificates, each in a file; some CAs add instructions. */
const FILES_LIMIT = 200;

/** The maximum size of all files together, inflated, in bytes. */
const BYTES_LIMIT = 1024 * 1024;

/** A gzip file has one member. Programs that append to such a file add another one. */
const MEMBERS_LIMIT = 20;

/** yauzl would reject an archive with an unusual name, so it does not decode names. */
const openZip = (bytes: Buffer) => fromBufferPromise(bytes, { lazyEntries: true, decodeStrings: false });

/** The last byte of a folder's name. */
const SLASH = 0x2f;

/** APPNOTE, 4.3.16: the record at the end of an archive, and the offsets of its fields. */
const END = { signature: 'PK\x05\x06', files: 10, directorySize: 12, directoryOffset: 16, comment: 20, size: 22 };
/** APPNOTE, 4.3.14 and 4.3.15: the record and the locator of ZIP64, which are before that end. */
const END64 = { signature: 'PK\x06\x06', directoryOffset: 48, size: 56 };
const LOCATOR64 = { signature: 'PK\x06\x07', endOffset: 8, size: 20 };
const DIRECTORY = 'PK\x01\x02';
const LOCAL = 'PK\x03\x04';

/** How many records are tried: the signature can also occur in a comment, or in what follows the archive. */
const END_TRIES = 100;

export function archiveBudget(): ArchiveBudget {
  return { files: FILES_LIMIT, bytes: BYTES_LIMIT };
}

/**
 * The place of an archive in bytes. Unpackers accept bytes before it, such as a program that unpacks it, and after its
 * end. Bytes that begin like an archive without a readable end are an archive as a whole.
 */
export function locateZip(bytes: Buffer): { readonly start: number; readonly end: number } | undefined {
  let at = bytes.lastIndexOf(END.signature, undefined, 'latin1');
  for (let tries = 0; at !== -1 && tries < END_TRIES; tries += 1) {
    const place = placeOfArchive(bytes, at);
    if (place || at === 0) {
      return place;
    }
    at = bytes.lastIndexOf(END.signature, at - 1, 'latin1');
  }
  return startsWith(bytes, LOCAL, 0) ? { start: 0, end: bytes.length } : undefined;
}

function placeOfArchive(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  if (at + END.size > bytes.length) {
    return undefined;
  }
  const { start, directory } = startOfZip64(bytes, at) ?? startOfZip(bytes, at);
  const end = at + END.size + bytes.readUInt16LE(at + END.comment);
  const isEmpty = bytes.readUInt16LE(at + END.files) === 0;
  return start >= 0 && end <= bytes.length && (isEmpty || startsWith(bytes, DIRECTORY, directory))
    ? { start, end }
    : undefined;
}

interface ArchiveStart {
  readonly start: number;
  /** Where the central directory begins. */
  readonly directory: number;
}

/** The directory is directly before the end, and its offset counts from the start. */
function startOfZip(bytes: Buffer, at: number): ArchiveStart {
  const directory = at - bytes.readUInt32LE(at + END.directorySize);
  return { start: directory - bytes.readUInt32LE(at + END.directoryOffset), directory };
}

/** Undefined if the archive is not ZIP64. Its own end may be longer than the fields that are known. */
function startOfZip64(bytes: Buffer, at: number): ArchiveStart | undefined {
  const locator = at - LOCATOR64.size;
  if (locator < END64.size || !startsWith(bytes, LOCATOR64.signature, locator)) {
    return undefined;
  }
  const end64 = bytes.lastIndexOf(END64.signature, locator - END64.size, 'latin1');
  if (end64 === -1) {
    return undefined;
  }
  const start = end64 - Number(bytes.readBigUInt64LE(locator + LOCATOR64.endOffset));
  return { start, directory: start + Number(bytes.readBigUInt64LE(end64 + END64.directoryOffset)) };
}

function startsWith(bytes: Buffer, signature: string, at: number): boolean {
  return bytes.toString('latin1', at, at + signature.length) === signature;
}

/**
 * Reads the files of an archive into memory. yauzl compares the sizes with those that the archive states. It leaves the
 * checksums to its callers, so they are compared here.
 *
 * @param quote makes the name of a file fit for a message.
 * @throws {InvalidChainError} if the archive is damaged, encrypted or over a limit.
 */
export async function unzip(
  bytes: Uint8Array,
  budget: ArchiveBudget = archiveBudget(),
  quote: (name: string) => string = (name) => name,
): Promise<ArchivedFile[]> {
  const files: ArchivedFile[] = [];
  try {
    const archive = await openZip(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    budget.files -= archive.entryCount;
    if (budget.files < 0) {
      throw new InvalidChainError(
        `the archive has ${archive.entryCount} entries, but at most ${FILES_LIMIT} are allowed in all`,
      );
    }
    for await (const entry of archive.eachEntry()) {
      spend(budget, entry.uncompressedSize);
      const name = quote(entry.fileNameRaw.toString());
      if (entry.isEncrypted()) {
        throw new InvalidChainError(`a file in the archive is encrypted: ${name}`);
      }
      if (entry.fileNameRaw.at(-1) !== SLASH) {
        const file = await buffer(await archive.openReadStreamPromise(entry));
        if (crc32(file) !== entry.crc32) {
          throw new InvalidChainError(`the checksum of a file in the archive is wrong: ${name}`);
        }
        files.push({ name, bytes: file });
      }
    }
  } catch (error) {
    throw error instanceof InvalidChainError
      ? error
      : new InvalidChainError('the archive is damaged', { cause: error });
  }
  return files;
}

/** Whether bytes begin like gzip with the method deflate (RFC 1952, 2.3). */
export function isGzip(bytes: Buffer): boolean {
  return startsWith(bytes, '\x1f\x8b\x08', 0);
}

/**
 * Inflates a gzip file: one member, or several that follow each other (RFC 1952, 2.2). Unpackers accept bytes after it.
 *
 * @throws {InvalidChainError} if it is damaged or over the limit of archives.
 */
export function gunzip(bytes: Buffer, budget: ArchiveBudget): GzipMember {
  const members: Buffer[] = [];
  let length = 0;
  do {
    const rest = bytes.subarray(length);
    // One byte more than allowed distinguishes a file that is too large from one that is damaged.
    const member = attempt(() => readGzipMember(rest, budget.bytes + 1));
    if (!member) {
      throw new InvalidChainError(`a gzip file is damaged, or inflates to more than ${BYTES_LIMIT} bytes`);
    }
    spend(budget, member.content.length);
    members.push(member.content);
    length += member.length;
  } while (members.length < MEMBERS_LIMIT && isGzip(bytes.subarray(length)));
  return { content: Buffer.concat(members), length };
}

function spend(budget: ArchiveBudget, bytes: number): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) {
    throw new InvalidChainError(`the archive inflates to more than ${BYTES_LIMIT} bytes`);
  }
}
