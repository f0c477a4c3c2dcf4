import { crc32, inflateRawSync } from 'node:zlib';
import { endOfGzipHeader } from './container/gzip-header.ts';

/** RFC 1952, 2.3.1: the size of the trailer, and the flags that must be zero. */
const TRAILER = 8;
const RESERVED_FLAGS = 0xe0;

/** How much memory is reserved at a time. A logo has at most 32 KiB, and most have less than 10 KiB. */
const SMALLEST_CHUNK = 1024;
const LARGEST_CHUNK = 32 * 1024;

/** A member of a gzip file, inflated. */
export interface GzipMember {
  readonly content: Buffer;
  /** How many bytes the member has in the file. */
  readonly length: number;
}

/**
 * Inflates bytes that are exactly one gzip member. `gunzipSync` would also accept several members.
 *
 * @param limit the largest allowed content, in bytes.
 * @throws {Error} if the bytes are anything else, or the content is larger.
 */
export function gunzipMember(bytes: Buffer, limit: number): Buffer {
  const { content, length } = readGzipMember(bytes, limit);
  if (length !== bytes.length) {
    throw new SyntaxError('it is not exactly one gzip member');
  }
  return content;
}

/**
 * Inflates the gzip member at the beginning of bytes. `gunzipSync` would refuse bytes after the last member, or not
 * report them.
 *
 * @param limit the largest allowed content, in bytes.
 * @throws {Error} if the bytes do not begin with a member, or the content is larger.
 */
export function readGzipMember(bytes: Buffer, limit: number): GzipMember {
  const start = headerLength(bytes);
  const { buffer, engine } = inflateRaw(bytes.subarray(start), limit, expectedLength(bytes));
  const end = start + engine.bytesWritten;
  if (bytes.readUInt32LE(end) !== crc32(buffer) || bytes.readUInt32LE(end + 4) !== buffer.length) {
    throw new SyntaxError('its gzip checksum or size is wrong');
  }
  return { content: buffer, length: end + TRAILER };
}

/** @throws {SyntaxError} if the bytes do not begin like gzip with the method deflate. */
function headerLength(bytes: Buffer): number {
  const flags = bytes[3] ?? RESERVED_FLAGS;
  const length = endOfGzipHeader(bytes, 0);
  if (bytes.readUInt16BE(0) !== 0x1f8b || bytes[2] !== 8 || (flags & RESERVED_FLAGS) !== 0 || length === undefined) {
    throw new SyntaxError('it is not gzip');
  }
  return length;
}

/** The length of the content that the trailer states, within limits: bytes can follow the trailer, and it can be wrong. */
function expectedLength(bytes: Buffer): number {
  const stated = bytes.length < TRAILER ? 0 : bytes.readUInt32LE(bytes.length - 4);
  return Math.min(Math.max(stated, SMALLEST_CHUNK), LARGEST_CHUNK);
}

/**
 * @param chunkSize of the memory that is reserved at a time. One chunk is enough for what is smaller.
 * @returns what Node returns with the option `info`: the types of Node do not know it.
 */
function inflateRaw(
  bytes: Buffer,
  maxOutputLength: number,
  chunkSize: number,
): { buffer: Buffer; engine: { bytesWritten: number } } {
  return inflateRawSync(bytes, { info: true, maxOutputLength, chunkSize: chunkSize + 1 }) as unknown as ReturnType<
    typeof inflateRaw
  >;
}
