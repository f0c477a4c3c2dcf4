/** Only base64, possibly after a status line: CollectMC sends binary containers as text in this form. */
const BASE64 = /^(?:2(?:\r\n?|\n))?([A-Za-z0-9+/\s]+={0,2})$/;

/**
 * Whether bytes look like a SEQUENCE. Its tag is also the character `0`, so the length must fit too: either 128 bytes
 * or more, as in every certificate and container, or exactly the length of the bytes, as in short private keys.
 */
export function isDer(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes;
  return tag === 0x30 && (length >= 0x80 || length + 2 === bytes.length);
}

/** Whether bytes begin with a local file header of ZIP (APPNOTE, 4.3.7). */
export function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

/** Bytes as text, one character for each byte, without the byte-order mark of UTF-8. */
export function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/^\xEF\xBB\xBF/, '');
}

/** Decodes a text that consists only of base64; no bytes if it contains anything else. */
export function decodeBase64(text: string): Uint8Array {
  const [, base64] = BASE64.exec(text.trim()) ?? [];
  return base64 === undefined ? new Uint8Array() : Buffer.from(base64, 'base64');
}
