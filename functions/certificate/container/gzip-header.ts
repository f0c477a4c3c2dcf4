/** RFC 1952, 2.3.1: the size of the fixed header, the offset of the flags, and the flags for what follows it. */
const FIXED_SIZE = 10;
const FLAGS = 3;
const FLAG = { checksum: 0x02, extra: 0x04, name: 0x08, comment: 0x10 } as const;

/** The longest name or comment that is skipped. */
const TEXT_LIMIT = 64 * 1024;

/**
 * Where the compressed bytes of a gzip member begin: the end of the bytes if they end within the header; undefined if a
 * name or a comment is too long.
 *
 * @param at where the member begins.
 */
export function endOfGzipHeader(bytes: Buffer, at: number): number | undefined {
  const flags = bytes[at + FLAGS] ?? 0;
  let end = at + FIXED_SIZE;
  if (flags & FLAG.extra) {
    end += 2 + (bytes[end] ?? 0) + 0x100 * (bytes[end + 1] ?? 0);
  }
  for (const text of [FLAG.name, FLAG.comment]) {
    if (flags & text) {
      const zero = bytes.subarray(end, end + TEXT_LIMIT).indexOf(0);
      if (zero === -1 && end + TEXT_LIMIT < bytes.length) {
        return undefined;
      }
      end = zero === -1 ? bytes.length : end + zero + 1;
    }
  }
  return flags & FLAG.checksum ? end + 2 : end;
}
