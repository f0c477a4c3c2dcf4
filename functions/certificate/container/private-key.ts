import { constants, inflateRawSync } from 'node:zlib';
import { InvalidChainError } from '../invalid-chain.ts';
import { attempt, readDer } from '../x509/der.ts';
import { isDer, latin1Text } from './bytes.ts';
import { endOfGzipHeader } from './gzip-header.ts';
import { containsKeyStructure } from './key-structures.ts';
import { containsKeyText, encodedBytesIn, unescapeText } from './key-texts.ts';
import { SearchBudget } from './search-budget.ts';

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

/** How many characters are decoded a second time, because encoded bytes can begin in other encoded bytes. */
const INSIDE_LIMIT = 1024 * 1024;

/** What it costs to inflate a stream, in bytes of the budget: the beginning, and a part of each byte of the result. */
const STREAM_COST = 1024;
const INFLATED_COST = 1 / 8;

/** How many bytes a stream is expected to have at first. A stream with more is inflated again. */
const INFLATED_SIZE = 16 * 1024;

/** The size of a chunk of memory, as a multiple of the compressed size: one chunk is enough for a short text. */
const INFLATION = 4;
const SMALLEST_CHUNK = 1024;

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

/**
 * A text in UTF-16 or UTF-32: zero bytes are between the ASCII characters. It is written so that it rejects a run of zero
 * bytes quickly.
 */
const WIDE = /[\t-~]\0(?:\0{0,2}[\t-~]\0){31}/;

/** How every record in a ZIP begins. */
const RECORD = Buffer.from('PK');

/** RFC 1950, 2.2: the headers of zlib that are in use. Such streams are in PDF, in PNG and in program text. */
const ZLIB = ['7801', '785e', '789c', '78da'].map((hex) => Buffer.from(hex, 'hex'));

/** RFC 1952, 2.3: how gzip with the method deflate begins. */
const GZIP = Buffer.of(0x1f, 0x8b, 0x08);

/** A search in progress. */
interface Search {
  readonly budget: SearchBudget;
  inside: number;
  /** Whether a part could not be read. */
  isPartial: boolean;
}

/**
 * Searches bytes that would be stored for a private key. The search reads more than the decoder: damaged archives,
 * comments, and bytes before, between and behind containers. Its limits are its own.
 */
export function searchForPrivateKey(bytes: Uint8Array): KeySearch {
  const search: Search = { budget: new SearchBudget(), inside: 0, isPartial: false };
  if (contains(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), search, 0)) {
    return 'found';
  }
  return search.isPartial || search.budget.isExceeded ? 'unfinished' : 'none';
}

function contains(bytes: Buffer, search: Search, depth: number): boolean {
  if (!search.budget.spend(bytes.length)) {
    return false;
  }
  if (depth > DEPTH_LIMIT || UNREADABLE.some((magic) => startsWith(bytes, magic))) {
    search.isPartial = true;
    return false;
  }
  return (
    containsKeyStructure(bytes, search.budget) ||
    containsInText(bytes, search, depth) ||
    containsInStreams(bytes, search, depth)
  );
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

function containsInText(bytes: Buffer, search: Search, depth: number): boolean {
  const raw = latin1Text(bytes);
  // Certificates and PKCS#7 contain strings, not documents: what looks like an escape in them is chance.
  if (isDer(bytes) && attempt(() => readDer(bytes))) {
    return containsInForm(raw, new Set(), search, depth);
  }
  const narrow = WIDE.test(raw) ? raw.replaceAll('\0', '') : raw;
  const plain = unescapeText(narrow);
  search.isPartial ||= plain === undefined;
  const searched = new Set<string>();
  return (
    [...new Set([raw, narrow, plain ?? narrow])].some((text) => containsInForm(text, searched, search, depth)) ||
    (plain !== undefined && plain !== narrow && containsKeyStructure(Buffer.from(plain, 'latin1'), search.budget))
  );
}

/** @param searched the encoded texts that were searched already in another form of the same text. */
function containsInForm(text: string, searched: Set<string>, search: Search, depth: number): boolean {
  if (containsKeyText(text)) {
    return true;
  }
  for (const { id, decode, inside } of encodedBytesIn(text, search.budget)) {
    search.inside += inside ? id.length : 0;
    if (search.inside > INSIDE_LIMIT) {
      search.isPartial = true;
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
  for (const { start, isCertain, storedEnd = start } of streamsIn(bytes, search)) {
    const inflated = inflatePartly(bytes.subarray(start), isCertain, search.budget);
    const stored = bytes.subarray(start, storedEnd);
    if ([inflated, stored].some((part) => part.length > 0 && contains(part, search, depth + 1))) {
      return true;
    }
  }
  return false;
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

function* streamsIn(bytes: Buffer, search: Search): Generator<Stream> {
  for (const at of indexesOf(bytes, LOCAL.signature, search.budget)) {
    const header = bytes.subarray(at, at + LOCAL.size);
    if (header.length < LOCAL.size) {
      continue;
    }
    const method = header.readUInt16LE(LOCAL.method);
    if (header.readUInt16LE(LOCAL.flags) & ENCRYPTED || (method !== STORED && method !== DEFLATED)) {
      search.isPartial = true;
      continue;
    }
    const start = at + LOCAL.size + header.readUInt16LE(LOCAL.name) + header.readUInt16LE(LOCAL.extra);
    yield method === STORED
      ? { start, isCertain: false, storedEnd: endOfStored(bytes, start, header.readUInt32LE(LOCAL.compressedSize)) }
      : { start, isCertain: true };
  }
  for (const at of indexesOf(bytes, GZIP, search.budget)) {
    const start = endOfGzipHeader(bytes, at);
    if (start === undefined) {
      search.isPartial = true;
    } else {
      yield { start, isCertain: true };
    }
  }
  for (const header of ZLIB) {
    for (const at of indexesOf(bytes, header, search.budget)) {
      yield { start: at + header.length, isCertain: false };
    }
  }
}

/**
 * If the size follows the file (APPNOTE, 4.4.4, bit 3), the header has zero, and the next record is the end. The text of a
 * file can contain `PK` too, but in a record two numbers below 9 follow.
 */
function endOfStored(bytes: Buffer, start: number, size: number): number {
  if (size > 0) {
    return start + size;
  }
  let next = bytes.indexOf(RECORD, start);
  while (next !== -1 && (bytes[next + RECORD.length] ?? 0) > 8) {
    next = bytes.indexOf(RECORD, next + 1);
  }
  return next === -1 ? bytes.length : next;
}

function* indexesOf(bytes: Buffer, octets: Buffer, budget: SearchBudget): Generator<number> {
  for (let at = bytes.indexOf(octets); at !== -1 && budget.spend(STREAM_COST); at = bytes.indexOf(octets, at + 1)) {
    yield at;
  }
}

/**
 * Inflates a stream. Of a damaged stream, the result is its intact beginning: the longest that is read without an error.
 */
function inflatePartly(compressed: Buffer, isCertain: boolean, budget: SearchBudget): Buffer {
  let intact: Buffer = Buffer.alloc(0);
  let readable = 0;
  let damaged = compressed.length + 1;
  for (let tried = compressed.length; readable + 1 < damaged; tried = (readable + damaged) >>> 1) {
    const inflated = inflate(compressed.subarray(0, tried), budget);
    if (inflated) {
      intact = inflated;
      readable = tried;
    } else if (isCertain && !budget.isExceeded) {
      damaged = tried;
    } else {
      break;
    }
  }
  return intact;
}

/**
 * Inflates bytes; undefined if they are damaged, or if the budget is exceeded. An error does not state how much was
 * inflated before it, so the allowed size grows in steps, and each step is charged to the budget.
 */
function inflate(compressed: Buffer, budget: SearchBudget): Buffer | undefined {
  const chunkSize = Math.min(Math.max(INFLATION * compressed.length, SMALLEST_CHUNK), INFLATED_SIZE);
  for (let size = INFLATED_SIZE; budget.spend(STREAM_COST + size * INFLATED_COST); size *= 4) {
    // What is larger than the budget could not be searched.
    const maxOutputLength = Math.min(size, budget.left + 1);
    try {
      return withoutStacks(() =>
        inflateRawSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength, chunkSize }),
      );
    } catch (error) {
      if (!(error instanceof RangeError)) {
        return undefined;
      }
      if (maxOutputLength < size) {
        budget.spend(maxOutputLength);
      }
    }
  }
  return undefined;
}

/**
 * Runs work without stack traces. Node formats one for each error of zlib, which takes longer than to find the damage. If
 * `Error` is frozen, the traces stay.
 */
function withoutStacks<Result>(work: () => Result): Result {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return work();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}
