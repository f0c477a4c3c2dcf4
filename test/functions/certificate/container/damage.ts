/** Small changes to containers, for tests. */

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

/** A PKCS#7 as a streaming encoder writes it: its three outer levels have no length, but an end marker. */
export function withoutLengths(pkcs7: Uint8Array): Buffer {
  const contentInfo = contentsOf(Buffer.from(pkcs7));
  const type = contentInfo.subarray(0, 11);
  const signedData = contentsOf(contentsOf(contentInfo.subarray(11)));
  const open = (tag: number) => Buffer.of(tag, 0x80);
  return Buffer.concat([open(0x30), type, open(0xa0), open(0x30), signedData, Buffer.alloc(6)]);
}

function contentsOf(element: Buffer): Buffer {
  const first = element.readUInt8(1);
  return element.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

/** Boundaries like those in the CA's documentation: with inner spaces, and once with four dashes. */
export function spaced(text: string): string {
  return text
    .replaceAll(/-----(BEGIN|END) ([A-Z0-9 #]+)-----/g, '----- $1 $2 -----')
    .replaceAll(/(END.*)-----/g, '$1----');
}
