/**
 * Finds private keys whose form is a text, and encoded bytes in a text. Every pattern is linear in the length of
 * the text.
 */

/** Keys whose text is not the encoding of a structure. A header alone, as a note may quote it, is no key. */
const KEY_TEXTS = [
  // RFC 1421, 4.6: the encrypted form of OpenSSL, with its initialization vector, and the beginning of the key.
  /DEK-Info: {0,4}[A-Z0-9-]{1,40},[0-9A-Fa-f]{8,64}\s{1,10}[A-Za-z0-9+/][A-Za-z0-9+/\s]{40}/,
  // RFC 4880, 6.2.
  /BEGIN PGP (?:PRIVATE|SECRET) KEY BLOCK-{4,5}[^-]{0,400}[\r\n][A-Za-z0-9+/]{40}/,
  // PuTTY's file (PuTTY manual, appendix C).
  /PuTTY-User-Key-File-\d[\s\S]{0,4000}Private-Lines: {0,4}\d{1,4}\s{1,4}[A-Za-z0-9+/]{16}/,
  // JWK (RFC 7517, RFC 7518, 6): `d` of a private key, and `k` of a symmetric one, in any order of members.
  /"kty"[^{}]{0,20000}"[dk]"\s{0,10}:\s{0,10}"[\w-]{20}/,
  /"[dk]"\s{0,10}:\s{0,10}"[\w-]{20}[^{}]{0,20000}"kty"/,
  // The key in words, as OpenSSL prints it.
  /(?:priv|privateExponent):\s{1,20}(?:[0-9a-f]{2}[:\s]\s{0,8}){8}/,
];

/** The words without which no pattern of {@link KEY_TEXTS} matches. Most texts have none of them. */
const KEY_WORDS = /DEK-Info|PGP|PuTTY|"kty"|priv/;

/** Line ends as JSON writes them. */
const ESCAPED_LINE_END = /\\[rnt]/g;

export function containsKeyText(text: string): boolean {
  return KEY_WORDS.test(text) && KEY_TEXTS.some((pattern) => pattern.test(text));
}

/** A text in which line ends are characters. */
export function withLineEnds(text: string): string {
  return text.includes('\\') ? text.replaceAll(ESCAPED_LINE_END, '\n') : text;
}

/** Bytes that a text contains in base64 or hex. */
export interface EncodedBytes {
  readonly bytes: Buffer;
  /** Whether they begin in other encoded bytes, which then are only a part of a text. */
  readonly inside: boolean;
}

/**
 * The beginning of base64: a SEQUENCE of at least 32 bytes, or the first bytes of ZIP, gzip, the key stores of Java, and
 * the keys of OpenSSH and SSH.com.
 */
const BASE64_START = /(?<![A-Za-z0-9+/])(?:M[C-I]|UEsDB|H4sI|\/u3\+7Q|zs7Ozg|b3BlbnNzaC1|P2\/56)/g;

/** The beginning of a SEQUENCE of at least 32 bytes in hex. */
const HEX_START = /(?<![0-9A-Fa-f])(?:0x)?30[\s:,]{0,2}(?:0x)?(?:8[0-4]|[2-7][0-9A-Fa-f])/g;

const CHARACTER = 1;
const FILLER = 2;

/** The characters of an encoding, and those that may be between them: white space, quotation marks of mail, commas. */
const BASE64 = classes('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', ' \t\r\n>#|*"\',');
const HEX = classes('0123456789ABCDEFabcdefx', ' \t\r\n>#|*"\',:');

/** How many fillers may be between two characters: the end of a line, and the beginning of the next. */
const FILLER_LIMIT = 12;

/** The shortest text of encoded bytes that can be a key. */
const MIN_CHARACTERS = 40;

/** How many characters of text inside other encoded bytes are read: the beginning of the longest key. */
const INSIDE_CHARACTERS = 6000;

/** Each encoded text in a text, with the place where it begins. */
export function* encodedBytesIn(text: string): Generator<EncodedBytes> {
  for (const [start, kind] of [
    [BASE64_START, BASE64],
    [HEX_START, HEX],
  ] as const) {
    let last = 0;
    for (const { index } of text.matchAll(start)) {
      const inside = index < last;
      const end = endOf(text, index, kind, inside ? index + INSIDE_CHARACTERS : text.length);
      last = Math.max(last, end);
      if (end - index >= MIN_CHARACTERS) {
        const encoded = text.slice(index, end);
        const bytes =
          kind === BASE64
            ? Buffer.from(encoded, 'base64')
            : Buffer.from(encoded.replaceAll(/0x|[^0-9A-Fa-f]/g, ''), 'hex');
        yield { bytes, inside };
      }
    }
  }
}

function classes(characters: string, fillers: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) {
    table[character.charCodeAt(0)] = CHARACTER;
  }
  for (const filler of fillers) {
    table[filler.charCodeAt(0)] = FILLER;
  }
  return table;
}

/** The end of the encoded text that begins at an index. */
function endOf(text: string, index: number, kind: Uint8Array, limit: number): number {
  let end = index;
  for (let at = index; at < limit && at - end <= FILLER_LIMIT; at += 1) {
    const found = kind[text.charCodeAt(at)];
    if (found === CHARACTER) {
      end = at + 1;
    } else if (found !== FILLER) {
      break;
    }
  }
  return end;
}
