/** Only base64, possibly after a status line: CollectMC sends binary containers as text in this form. */
const BASE64 = /^(?:2(?:\r\n?|\n))?([A-Za-z0-9+/\s]+={0,2})$/;

/**
 * Whether bytes look like a SEQUENCE. Its tag is also the character `0`, so the length must fit too: either 128 bytes
 * or more, as in every certificate and container, or exactly the length of the bytes, as in short structures.
 */
export function isDer(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes;
  return tag === 0x30 && (length >= 0x80 || length + 2 === bytes.length);
}

/** Bytes as text, one character for each byte, without the byte-order mark of UTF-8. */
export function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/^\xEF\xBB\xBF/, '');
}

/** The bytes of UTF-16 alternate: the second half of an ASCII character is zero. */
const NARROW = 16;

/**
 * Bytes as text: UTF-16 if they begin with its byte-order mark, as files of PowerShell do, or with ASCII characters in
 * UTF-16; else {@link latin1Text}.
 */
export function decodeText(bytes: Buffer): string {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isBig = bytes[0] === 0xfe && bytes[1] === 0xff;
  const even = bytes.subarray(isLittle || isBig ? 2 : 0, bytes.length - (bytes.length % 2));
  if (isLittle || isNarrow(even, 1)) {
    return even.toString('utf16le');
  }
  return isBig || isNarrow(even, 0) ? Buffer.from(even).swap16().toString('utf16le') : latin1Text(bytes);
}

/** Whether the first characters are ASCII in UTF-16. @param zero the position of the zero in each: 0 or 1. */
function isNarrow(bytes: Buffer, zero: 0 | 1): boolean {
  const beginning = bytes.subarray(0, NARROW);
  return beginning.length === NARROW && beginning.every((byte, at) => (byte === 0) === (at % 2 === zero));
}

/** Decodes a text that consists only of base64; no bytes if it contains anything else. */
export function decodeBase64(text: string): Buffer {
  const [, base64] = BASE64.exec(text.trim()) ?? [];
  return base64 === undefined ? Buffer.alloc(0) : Buffer.from(base64, 'base64');
}
