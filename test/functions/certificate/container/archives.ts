/** Archives whose parts are compressed once, for tests of many or of large files. */
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** A file in an archive as it is written there. */
export interface ArchiveEntry {
  readonly name: string;
  readonly compressed: Buffer;
  readonly size: number;
  readonly crc: number;
}

const DEFLATED = 8;
/** APPNOTE, 4.3.7, 4.3.12 and 4.3.16: the sizes of a local header, of an entry of the directory, and of the end. */
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
/** A last block without contents (RFC 1951, 3.2.6). */
const LAST_BLOCK = Buffer.of(3, 0);

export function entryOf(name: string, content: Uint8Array): ArchiveEntry {
  return { name, compressed: deflateRawSync(content), size: content.length, crc: crc32(content) };
}

/** A file that contains the same bytes so many times. They are compressed once. */
export function repeatedEntry(name: string, content: Uint8Array, times: number): ArchiveEntry {
  const { compressed, crc } = deflatedRepeatedly(content, times);
  return { name, compressed, size: content.length * times, crc };
}

/** The deflated form of bytes that occur so many times in a row. */
export function deflatedRepeatedly(content: Uint8Array, times: number): { compressed: Buffer; crc: number } {
  // After such a flush, a part refers to nothing before it.
  const part = deflateRawSync(content, { finishFlush: constants.Z_FULL_FLUSH });
  const crc = Array.from({ length: times }).reduce<number>((before) => crc32(content, before), 0);
  return { compressed: Buffer.concat([...Array.from({ length: times }, () => part), LAST_BLOCK]), crc };
}

/** Writes a ZIP. */
export function archiveOf(entries: readonly ArchiveEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, compressed, size, crc } of entries) {
    // What both headers contain: version, flags, method, time, date, checksum, sizes, and the length of the name.
    const fields = Buffer.alloc(24);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(DEFLATED, 4);
    fields.writeUInt32LE(crc, 10);
    fields.writeUInt32LE(compressed.length, 14);
    fields.writeUInt32LE(size, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.alloc(LOCAL_BYTES);
    local.write('PK\x03\x04', 'latin1');
    fields.copy(local, 4);
    const central = Buffer.alloc(CENTRAL_BYTES);
    central.write('PK\x01\x02', 'latin1');
    fields.copy(central, 6);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    files.push(local, Buffer.from(name), compressed);
    offset += LOCAL_BYTES + name.length + compressed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(END_BYTES);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, central, end]);
}
