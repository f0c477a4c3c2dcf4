import type { SearchBudget } from './search-budget.ts';

/**
 * Finds private keys whose form is a text, and encoded bytes in a text. Everything here is linear in the length of the
 * text.
 */

/** Keys whose text is not the encoding of a structure. A header alone, as a note may quote it, is no key. */
const KEY_TEXTS = [
  // RFC 1421, 4.6: the encrypted form of OpenSSL, with its initialization vector, and the first line of the key.
  /DEK-Info: {0,4}[A-Za-z0-9-]{1,40},[0-9A-Fa-f]{8,64}[^A-Za-z0-9+/]{1,100}[A-Za-z0-9+/]{40}/,
  // RFC 4880, 6.2.
  /BEGIN PGP (?:PRIVATE|SECRET) KEY BLOCK-{4,5}[^-]{0,400}[\r\n][A-Za-z0-9+/]{40}/,
  // The key in words, as OpenSSL and GnuTLS print it.
  /(?:\bpriv|private ?exponent|private key):\s{1,20}(?:[0-9a-f]{2}[:\s]\s{0,8}){8}/i,
  // XML Signature's RSAKeyValue with the private exponent, as .NET writes it.
  /<D>\s{0,20}[A-Za-z0-9+/]{40}/,
];

/** Keys that consist of two parts. The second is secret. Between them are public parts, for example a chain. */
const KEY_PARTS = [
  // PuTTY's file (PuTTY manual, appendix C).
  /(PuTTY-User-Key-File-\d)|Private-Lines: {0,4}\d{1,4}\s{1,4}[A-Za-z0-9+/]{16}/g,
  // JWK (RFC 7517, RFC 7518, 6): `d` of a private key, and `k` of a symmetric one, before or after the type.
  /(\bkty["']?\s{0,10}[:=])|\b[dk]["']?\s{0,10}[:=]\s{0,10}["']?[\w-]{20}/g,
];

/** How many characters may be between the two parts. */
const PARTS_DISTANCE = 20_000;

/** The words without which nothing above matches. Most texts have none of them. */
const KEY_WORDS = /DEK-Info|PGP|PuTTY|\bkty\b|priv(?:ate ?(?:exponent|key))?:|<D>/i;

export function containsKeyText(text: string): boolean {
  return (
    KEY_WORDS.test(text) &&
    (KEY_TEXTS.some((pattern) => pattern.test(text)) || KEY_PARTS.some((pattern) => containsBoth(text, pattern)))
  );
}

/** Whether the two parts of a pattern are near each other. The first part is the group of the pattern. */
function containsBoth(text: string, pattern: RegExp): boolean {
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (const { index, 1: part } of text.matchAll(pattern)) {
    if (part === undefined) {
      second = index;
    } else {
      first = index;
    }
    if (Math.abs(first - second) <= PARTS_DISTANCE) {
      return true;
    }
  }
  return false;
}

/**
 * How texts write characters: JSON and program text, also inside each other; forms of the web (percent), mail
 * (quoted-printable), and HTML. Tags, and the joints of strings in program text, separate nothing.
 */
const ESCAPE =
  /\\{1,8}(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([nrt])|(?=["'/]))|%([0-9A-Fa-f]{2})|=(3D)|(?<!=)=\r?\n(?=[A-Za-z0-9+/])|&#(\d{1,5});|&#[xX]([0-9A-Fa-f]{1,4});|&(quot|apos|nbsp);|(<)[^<>]{0,300}>|["']\s{0,40}[+.&]\s{0,40}["']/g;

/** What a text contains that has escapes. */
const ESCAPED = /[\\%=&<]|["']\s{0,40}[+.&]/;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
]);

/** How many escapes are replaced. */
const ESCAPES_LIMIT = 500_000;

/** A text in which escapes are the characters that they mean; undefined if there are too many. */
export function unescapeText(text: string): string | undefined {
  if (!ESCAPED.test(text)) {
    return text;
  }
  let plain = '';
  let at = 0;
  let count = 0;
  for (const match of text.matchAll(ESCAPE)) {
    count += 1;
    if (count > ESCAPES_LIMIT) {
      return undefined;
    }
    plain += text.slice(at, match.index) + meaningOf(match);
    at = match.index + match[0].length;
  }
  return at === 0 ? text : plain + text.slice(at);
}

function meaningOf([, unicode, byte, lineEnd, percent, equals, decimal, hex, entity, tag]: RegExpExecArray): string {
  const code = unicode ?? byte ?? percent ?? hex;
  if (code !== undefined || decimal !== undefined) {
    const number = code === undefined ? Number(decimal) : Number.parseInt(code, 16);
    return number > 0xff ? ' ' : String.fromCharCode(number);
  }
  return lineEnd !== undefined ? '\n' : equals !== undefined ? '=' : tag ? ' ' : (ENTITIES.get(entity ?? '') ?? '');
}

/** Bytes that a text contains in base64 or in hex. */
export interface EncodedBytes {
  /** Equal for equal texts in the same encoding. */
  readonly id: string;
  readonly decode: () => Buffer;
  /** Whether they begin in other encoded bytes, which then are only a part of a text. */
  readonly inside: boolean;
}

/**
 * The beginning of base64, behind another character: a lookbehind would be slow. It is that of a SEQUENCE of at least 32
 * bytes; of ZIP, gzip, the key stores of Java, the keys of OpenSSH and SSH.com; and of PEM and base64, each encoded again.
 */
const BASE64_START = /[^A-Za-z0-9+/](?:M[C-I]|UEsDB|H4sI|\/u3\+7Q|zs7Ozg|b3BlbnNzaC1|P2\/56|LS0t|TU[M-Za-n])/g;

/** The beginning of a SEQUENCE of at least 32 bytes in hex, behind another character. */
const HEX_START = /[^0-9A-Fa-f](?:0x)?30[\s:,]{0,2}(?:0x)?(?:8[0-4]|[2-7][0-9A-Fa-f])/g;

const CHARACTER = 1;
const FILLER = 2;
const JOINT = 3;

/**
 * The characters of an encoding, and those that may be between them: white space, quotation marks of mail, commas, and
 * every character that is not ASCII. In URLs, base64 has `-` and `_`; a longer line of dashes is a boundary.
 */
const BASE64 = classes('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', ' \t\r\n>#|*"\',\\', '-_');
const HEX = classes('0123456789ABCDEFabcdefx', ' \t\r\n>#|*"\',:\\', '-');

/** How many fillers may be between two characters: the end of a line, and the beginning of the next. */
const FILLER_LIMIT = 100;

/** How many joints may follow each other. */
const JOINTS_LIMIT = 3;

/** The shortest text of encoded bytes that can be a key. */
const MIN_CHARACTERS = 40;

/** What it costs to find and to decode an encoded text, in bytes of the budget. */
const BEGINNING_COST = 64;

/** How many characters of text inside other encoded bytes are read: more than the beginning of a key. */
const INSIDE_CHARACTERS = 3000;

/** Each encoded text in a text. */
export function* encodedBytesIn(plain: string, budget: SearchBudget): Generator<EncodedBytes> {
  // The beginning of the text has a character before it too.
  const text = `\n${plain}`;
  for (const [start, kind] of [
    [BASE64_START, BASE64],
    [HEX_START, HEX],
  ] as const) {
    let last = 0;
    let beginning = 0;
    let word = 0;
    for (let at = 1; at < text.length; at = Math.min(beginning, word) + 1) {
      if (beginning < at) {
        beginning = indexFrom(text, at - 1, start) + 1;
      }
      // A word inside an encoded text is a part of it.
      if (word < Math.max(at, last)) {
        word = wordFrom(text, Math.max(at, last), kind);
      }
      const index = Math.min(beginning, word);
      if (index >= text.length || !budget.spend(BEGINNING_COST)) {
        break;
      }
      const inside = index < last;
      const end = endOf(text, index, kind, inside ? index + INSIDE_CHARACTERS : text.length);
      last = Math.max(last, end);
      if (end - index >= MIN_CHARACTERS) {
        const encoded = text.slice(index, end);
        yield kind === BASE64
          ? { id: `base64 ${encoded}`, inside, decode: () => Buffer.from(encoded, 'base64') }
          : { id: `hex ${encoded}`, inside, decode: () => decodeHex(encoded) };
      }
    }
  }
}

/** The index of the next match, or the end of the text. Searches are nested, so the state of a pattern is not used. */
function indexFrom(text: string, from: number, pattern: RegExp): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}

/**
 * The start of the next word that is long enough, or the end of the text. The last character is compared first, so that
 * most of a text is skipped.
 */
function wordFrom(text: string, from: number, kinds: Uint8Array): number {
  const kindAt = (at: number) => kinds[text.charCodeAt(at)];
  const isWord = (at: number) => kindAt(at) === CHARACTER || kindAt(at) === JOINT;
  for (let start = from; start + MIN_CHARACTERS <= text.length; ) {
    let at = start + MIN_CHARACTERS - 1;
    while (at >= start && isWord(at)) {
      at -= 1;
    }
    if (at >= start) {
      start = at + 1;
    } else if (kindAt(start) === CHARACTER && kindAt(start - 1) !== CHARACTER) {
      return start;
    } else {
      start += 1;
      while (start < text.length && isWord(start) && (kindAt(start) === JOINT || kindAt(start - 1) === CHARACTER)) {
        start += 1;
      }
    }
  }
  return text.length;
}

function decodeHex(encoded: string): Buffer {
  return Buffer.from(encoded.replaceAll(/0x|[^0-9A-Fa-f]/g, ''), 'hex');
}

function classes(characters: string, fillers: string, joints: string): Uint8Array {
  const table = new Uint8Array(256).fill(FILLER, 0x80);
  for (const [kind, members] of [
    [CHARACTER, characters],
    [FILLER, fillers],
    [JOINT, joints],
  ] as const) {
    for (const member of members) {
      table[member.charCodeAt(0)] = kind;
    }
  }
  return table;
}

/** The end of the encoded text that begins at an index. */
function endOf(text: string, index: number, kind: Uint8Array, limit: number): number {
  let end = index;
  let joints = 0;
  for (let at = index; at < limit && at - end <= FILLER_LIMIT; at += 1) {
    const found = kind[text.charCodeAt(at)];
    if (found === CHARACTER) {
      end = at + 1;
      joints = 0;
    } else if (found === JOINT && joints < JOINTS_LIMIT) {
      joints += 1;
    } else if (found !== FILLER) {
      break;
    }
  }
  return end;
}
