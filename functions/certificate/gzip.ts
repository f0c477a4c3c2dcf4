import { crc32, inflateRawSync } from 'node:zlib';

/** RFC 1952, 2.3.1: the fixed header, and the flags for what follows it. */
const FIXED_HEADER = 10;
const TRAILER = 8;
const FLAG = { headerChecksum: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const;

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
  const { buffer, engine } = inflateRaw(bytes.subarray(start), limit);
  const end = start + engine.bytesWritten;
  if (bytes.readUInt32LE(end) !== crc32(buffer) || bytes.readUInt32LE(end + 4) !== buffer.length) {
    throw new SyntaxError('its gzip checksum or size is wrong');
  }
  return { content: buffer, length: end + TRAILER };
}

function headerLength(bytes: Buffer): number {
  const flags = bytes[3] ?? FLAG.reserved;
  if (bytes.readUInt16BE(0) !== 0x1f8b || bytes[2] !== 8 || (flags & FLAG.reserved) !== 0) {
    throw new SyntaxError('it is not gzip');
  }
  let length = FIXED_HEADER;
  if (flags & FLAG.extra) {
    length += 2 + bytes.readUInt16LE(length);
  }
  for (const text of [FLAG.name, FLAG.comment]) {
    // indexOf() returns -1 for a text without an end, and the header is then no header.
    length = flags & text ? bytes.indexOf(0, length) + 1 : length;
  }
  return flags & FLAG.headerChecksum ? length + 2 : length;
}

/** What Node returns with the option `info`: the types of Node do not know it. */
function inflateRaw(bytes: Buffer, maxOutputLength: number): { buffer: Buffer; engine: { bytesWritten: number } } {
  return inflateRawSync(bytes, { info: true, maxOutputLength }) as unknown as ReturnType<typeof inflateRaw>;
}
