import { constants, inflateRawSync } from 'node:zlib';
import { InvalidChainError } from '../invalid-chain.ts';
import { latin1Text } from './bytes.ts';
import { containsKeyStructure } from './key-structures.ts';
import { containsKeyText, encodedBytesIn, unescapeText } from './key-texts.ts';

/**
 * - `none`: the bytes contain no private key.
 * - `found`: the bytes contain one.
 * - `unfinished`: the search reached a limit, or a part of the bytes cannot be read, such as an encrypted file in an
 *   archive. Another part may contain a key.
 */
export type KeySearch = 'none' | 'found' | 'unfinished';

/** The file contains a private key and must therefore not be stored. */
export class PrivateKeyFoundError extends InvalidChainError {
  constructor() {
    super('the file contains a private key');
  }
}

/** How many bytes are searched, with everything that is decoded or inflated. A chain in ZIP of 1 MiB needs 4 MiB. */
const BYTES_LIMIT = 5 * 1024 * 1024;

/** How many characters are decoded a second time, because encoded bytes can begin in other encoded bytes. */
const INSIDE_LIMIT = 1024 * 1024;

/** How often a stream is inflated. An archive that is accepted has at most 200 entries; a damaged one needs 20 attempts. */
const STREAMS_LIMIT = 1000;

/** How deep containers may be nested. A logo in a certificate in PEM in a ZIP has the depth 5. */
const DEPTH_LIMIT = 10;

/** The first bytes of archives and compressed files that this project cannot read: 7z, RAR, xz, bzip2, Zstandard. */
const UNREADABLE = ['377abcaf271c', '526172211a07', 'fd377a585a00', '425a68', '28b52ffd'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** APPNOTE, 4.3.7: the local header of a file in a ZIP, and the offsets of its fields. */
const LOCAL = {
  signature: Buffer.from('PK\x03\x04'),
  flags: 6,
  method: 8,
  compressedSize: 18,
  name: 26,
  extra: 28,
  size: 30,
};
/** APPNOTE, 4.4.4 and 4.4.5. */
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;

/** How every record in a ZIP begins. */
const RECORD = Buffer.from('PK');

/** RFC 1950, 2.2: the headers of zlib that are in use. Such streams are in PDF, in PNG and in program text. */
const ZLIB = ['7801', '785e', '789c', '78da'].map((hex) => Buffer.from(hex, 'hex'));

/** RFC 1952, 2.3: the header of gzip with the method deflate, its size, the offset of its flags, and the flags. */
const GZIP = {
  signature: Buffer.of(0x1f, 0x8b, 0x08),
  flags: 3,
  size: 10,
  checksum: 2,
  extra: 4,
  name: 8,
  comment: 16,
};

/** What a search has used of its limits. */
interface Search {
  bytes: number;
  inside: number;
  streams: number;
  isFinished: boolean;
}

/**
 * Searches bytes that would be stored for a private key. The search reads more than the decoder: damaged archives,
 * comments, and bytes before, between and behind containers. Its limits are its own.
 */
export function searchForPrivateKey(bytes: Uint8Array): KeySearch {
  const search: Search = { bytes: 0, inside: 0, streams: 0, isFinished: true };
  if (contains(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), search, 0)) {
    return 'found';
  }
  return search.isFinished ? 'none' : 'unfinished';
}

function contains(bytes: Buffer, search: Search, depth: number): boolean {
  search.bytes += bytes.length;
  if (search.bytes > BYTES_LIMIT || depth > DEPTH_LIMIT || UNREADABLE.some((magic) => startsWith(bytes, magic))) {
    search.isFinished = false;
    return false;
  }
  return containsKeyStructure(bytes) || containsInText(bytes, search, depth) || containsInStreams(bytes, search, depth);
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

function containsInText(bytes: Buffer, search: Search, depth: number): boolean {
  const raw = latin1Text(bytes);
  // In UTF-16 and UTF-32, zero bytes are between the ASCII characters.
  const narrow = bytes.includes(0) ? latin1Text(bytes.filter((byte) => byte !== 0)) : raw;
  const plain = unescapeText(narrow);
  search.isFinished &&= plain !== undefined;
  const searched = new Set<string>();
  return (
    [...new Set([raw, narrow, plain ?? narrow])].some((text) => containsInForm(text, searched, search, depth)) ||
    (plain !== undefined && plain !== narrow && containsKeyStructure(Buffer.from(plain, 'latin1')))
  );
}

/** @param searched the encoded texts that were searched already in another form of the same text. */
function containsInForm(text: string, searched: Set<string>, search: Search, depth: number): boolean {
  if (containsKeyText(text)) {
    return true;
  }
  for (const { id, decode, inside } of encodedBytesIn(text)) {
    search.inside += inside ? id.length : 0;
    if (search.bytes > BYTES_LIMIT || search.inside > INSIDE_LIMIT) {
      search.isFinished = false;
      break;
    }
    if (!searched.has(id)) {
      searched.add(id);
      if (contains(decode(), search, depth + 1)) {
        return true;
      }
    }
  }
  return false;
}

/** Searches what is compressed, wherever it begins: also in an archive without its directory. */
function containsInStreams(bytes: Buffer, search: Search, depth: number): boolean {
  return streamsIn(bytes, search).some(({ start, isCertain, storedEnd = start }) => {
    const inflated = inflatePartly(bytes.subarray(start), isCertain, search);
    const stored = bytes.subarray(start, storedEnd);
    return [inflated, stored].some((part) => part.length > 0 && contains(part, search, depth + 1));
  });
}

interface Stream {
  readonly start: number;
  /** Whether a deflated stream begins here for certain, so that its intact beginning is worth several attempts. */
  readonly isCertain: boolean;
  /**
   * The end of a file that is stored as it is, according to its header. The directory of an archive can contradict the
   * header, so a stored file is inflated too.
   */
  readonly storedEnd?: number;
}

function streamsIn(bytes: Buffer, search: Search): Stream[] {
  const inArchives = indexesOf(bytes, LOCAL.signature).flatMap((at): Stream[] => {
    const header = bytes.subarray(at, at + LOCAL.size);
    if (header.length < LOCAL.size) {
      return [];
    }
    const method = header.readUInt16LE(LOCAL.method);
    if (header.readUInt16LE(LOCAL.flags) & ENCRYPTED || (method !== STORED && method !== DEFLATED)) {
      search.isFinished = false;
      return [];
    }
    const start = at + LOCAL.size + header.readUInt16LE(LOCAL.name) + header.readUInt16LE(LOCAL.extra);
    return method === STORED
      ? [{ start, isCertain: false, storedEnd: endOfStored(bytes, start, header.readUInt32LE(LOCAL.compressedSize)) }]
      : [{ start, isCertain: true }];
  });
  const gzip = indexesOf(bytes, GZIP.signature).map((at) => ({ start: endOfGzipHeader(bytes, at), isCertain: true }));
  const zlib = ZLIB.flatMap((header) => indexesOf(bytes, header)).map((at) => ({ start: at + 2, isCertain: false }));
  return [...inArchives, ...gzip, ...zlib];
}

/** If the size follows the file (APPNOTE, 4.4.4, bit 3), the header has zero, and the next record is the end. */
function endOfStored(bytes: Buffer, start: number, size: number): number {
  const next = size === 0 ? bytes.indexOf(RECORD, start) : start + size;
  return next === -1 ? bytes.length : next;
}

/** The flags of RFC 1952, 2.3.1, say which fields follow the first ten bytes. */
function endOfGzipHeader(bytes: Buffer, at: number): number {
  const flags = bytes[at + GZIP.flags] ?? 0;
  let end = at + GZIP.size;
  if (flags & GZIP.extra) {
    end += 2 + (bytes[end] ?? 0) + 0x100 * (bytes[end + 1] ?? 0);
  }
  for (const text of [GZIP.name, GZIP.comment]) {
    if (flags & text) {
      const zero = bytes.indexOf(0, end);
      end = zero === -1 ? bytes.length : zero + 1;
    }
  }
  return flags & GZIP.checksum ? end + 2 : end;
}

function indexesOf(bytes: Buffer, octets: Buffer): number[] {
  const indexes: number[] = [];
  for (let at = bytes.indexOf(octets); at !== -1 && indexes.length <= STREAMS_LIMIT; ) {
    indexes.push(at);
    at = bytes.indexOf(octets, at + 1);
  }
  return indexes;
}

/**
 * Inflates a stream. Of a damaged stream, the result is its intact beginning: the longest that is read without an error.
 */
function inflatePartly(compressed: Buffer, isCertain: boolean, search: Search): Buffer {
  let intact: Buffer = Buffer.alloc(0);
  let readable = 0;
  let damaged = compressed.length + 1;
  for (let tried = compressed.length; readable + 1 < damaged; tried = (readable + damaged) >>> 1) {
    search.streams += 1;
    if (search.streams > STREAMS_LIMIT || search.bytes > BYTES_LIMIT) {
      search.isFinished = false;
      break;
    }
    try {
      const maxOutputLength = BYTES_LIMIT - search.bytes + 1;
      intact = inflateRawSync(compressed.subarray(0, tried), { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength });
      readable = tried;
    } catch (error) {
      if (error instanceof RangeError) {
        search.isFinished = false;
        break;
      }
      damaged = tried;
      if (!isCertain) {
        break;
      }
    }
  }
  return intact;
}
