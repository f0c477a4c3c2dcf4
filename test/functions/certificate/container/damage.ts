/** Small changes to containers, and structures in DER, for tests. */

/** A copy with one byte inverted. */
export function changed(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at);
  return copy;
}

/** Changes the CRC of the first entry in the central directory, which the reader uses. */
export function withWrongChecksum(archive: Uint8Array): Buffer {
  const bytes = Buffer.from(archive);
  const entry = bytes.indexOf('PK\x01\x02', 0, 'latin1');
  bytes.writeUInt32LE(0, entry + 16);
  return bytes;
}

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const octets =
    length < 0x80
      ? [length]
      : length < 0x10000
        ? [0x82, length >>> 8, length & 0xff]
        : [0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...octets), content]);
}

/** Elements of DER. */
export const elements = {
  sequence: (...children: readonly Uint8Array[]) => element(0x30, ...children),
  set: (...children: readonly Uint8Array[]) => element(0x31, ...children),
  integer: (value: number | Uint8Array) => element(0x02, typeof value === 'number' ? Buffer.of(value) : value),
  /** @param hex the contents. */
  oid: (hex: string) => element(0x06, Buffer.from(hex, 'hex')),
  octets: (contents: Uint8Array) => element(0x04, contents),
  bits: (contents: Uint8Array) => element(0x03, Buffer.of(0), contents),
  /** [0], constructed. */
  explicit: (...children: readonly Uint8Array[]) => element(0xa0, ...children),
  /** An element of another tag. */
  tagged: element,
  nothing: Buffer.of(0x05, 0x00),
};
