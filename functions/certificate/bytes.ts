/** Base64 alone, perhaps under a status line: how CollectMC sends binary containers as text. */
const BASE64 = /^(?:2(?:\r\n?|\n))?([A-Za-z0-9+/\s]+={0,2})$/;

/**
 * A SEQUENCE of 128 bytes or more, as every certificate and container is, or a short one of just this length, as private keys
 * can be. Text may begin with the tag, `0`, too.
 */
export function isDer(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes;
  return tag === 0x30 && (length >= 0x80 || length + 2 === bytes.length);
}

/** A local file header (APPNOTE 4.3.7). */
export function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

/** Bytes as text, one character each, without a byte-order mark of UTF-8. */
export function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/^\xEF\xBB\xBF/, '');
}

/** What a text holds that is base64 and nothing else; no bytes where it is something else. */
export function decodeBase64(text: string): Uint8Array {
  const [, base64] = BASE64.exec(text.trim()) ?? [];
  return base64 === undefined ? new Uint8Array() : Buffer.from(base64, 'base64');
}
