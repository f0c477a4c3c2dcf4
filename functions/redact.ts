import { CUT_ESCAPE, decode, type Level, normalize, plainLevel, type Range, rangeOf } from './escapes.ts';

/**
 * Removes secrets from a text of another system, which may echo a request in any encoding. It finds a secret
 *
 * - as it is, and with any of its characters encoded: percent, form, HTML, XML, JSON, JavaScript, quoted-printable;
 * - encoded several times, for example HTML in JSON ({@link LEVELS});
 * - in base64 and base64url, at any offset in a longer text; in hexadecimal;
 * - with UTF-8 that was read as Latin-1 or windows-1252, and the reverse;
 * - with white space, control characters or plus signs between its characters, if it has {@link LOOSE_LENGTH} or more;
 * - in upper or lower case, if it has {@link CASELESS_LENGTH} characters or more;
 * - cut: the text may begin or end inside of the secret, if at least {@link CUT_LENGTH} of its characters are left.
 *
 * Three characters of a password occur in many texts. A secret of one to three characters is therefore removed only as
 * the value of a password field, for example in `loginPassword=abc`.
 */

const REPLACEMENT = '[password]';

/** The shortest part of a secret that is removed at the beginning or the end of a text, and anywhere if it is whole. */
export const CUT_LENGTH = 4;
const LOOSE_LENGTH = 6;
const CASELESS_LENGTH = 8;

/** How many encodings around each other are removed. The last one is matched, the others are decoded. */
const LEVELS = 4;

/** Five digits of base64 contain three characters and a part of the fourth. */
const BASE64_CUT_LENGTH = 5;

/** The longest encoding of one character, without leading zeros. */
const ESCAPE_LENGTH = 16;

/**
 * Removes secrets from a text. It never throws. The time is proportional to the lengths of the text and of the
 * secrets.
 *
 * @returns the text with `[password]` in place of each secret; the same text if it contains none.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const ranges = findSecrets(text, secrets);
  let redacted = '';
  let end = 0;
  for (const range of ranges) {
    redacted += text.slice(end, range.start) + REPLACEMENT;
    end = range.end;
  }
  return end === 0 ? text : redacted + text.slice(end);
}

/** {@link redact} for bytes: a text in UTF-8, Latin-1 or UTF-16, or something else. */
export function redactBytes(bytes: Uint8Array, secrets: readonly string[]): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const redacted = redact(text, secrets);
  return redacted === text ? bytes : new Uint8Array(Buffer.from(redacted, 'latin1'));
}

/** The parts of a text that contain a secret, in order and without overlaps. */
function findSecrets(text: string, secrets: readonly string[]): readonly Range[] {
  const wanted = secrets.filter((secret) => secret !== '');
  if (text === '' || wanted.length === 0) {
    return [];
  }
  const patterns = wanted.flatMap(patternsOf);
  const digits = wanted.flatMap(base64DigitsOf);
  const found: Range[] = [];
  let level: Level | undefined = plainLevel(text);
  for (let count = 0; level && count < LEVELS; count++) {
    const comparable = comparableForms(level);
    for (const pattern of patterns) {
      findPattern(level, comparable(pattern.caseless), pattern, found);
    }
    findBase64(level, digits, found);
    level = decode(level);
  }
  return merge(found);
}

function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && start <= last.end) {
      last.end = Math.max(last.end, end);
    } else {
      merged.push({ start, end });
    }
  }
  return merged;
}

/** Characters that can be inserted into an echoed text: white space, control and invisible characters, plus signs. */
const IGNORED = /[\0- +\x7f\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]/g;

/** The numbers by which characters are compared. They are 0 for all ignored characters, also for the plus sign. */
function toCodes(text: string, caseless: boolean): Uint16Array {
  const comparable = (caseless ? foldCase(text) : text).replace(IGNORED, '\0');
  const codes = new Uint16Array(comparable.length);
  for (let i = 0; i < comparable.length; i++) {
    codes[i] = comparable.charCodeAt(i);
  }
  return codes;
}

/** Lower case of the same length. */
function foldCase(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase();
}

/** One spelling of a secret, to be searched in each level. */
interface Pattern {
  readonly codes: Uint16Array;
  /**
   * How many characters of the secret come before each code, and before the end: with the ignored characters directly
   * before it in `reach`, and without them in `passed`.
   */
  readonly reach: readonly number[];
  readonly passed: readonly number[];
  /** Ignored characters were removed from the pattern, and are skipped in the text. */
  readonly loose: boolean;
  readonly caseless: boolean;
  /** It counts only as the value of a field. */
  readonly asValue: boolean;
}

/** The spellings of a secret that no escape sequence of {@link ESCAPE} explains. */
function patternsOf(secret: string): readonly Pattern[] {
  const sent = secret.toWellFormed();
  const spellings = new Set([
    sent,
    sent.normalize('NFC'),
    sent.normalize('NFD'),
    // Latin-1 that was read as UTF-8, or converted to ASCII.
    Buffer.from(sent, 'latin1').toString(),
    sent.replaceAll(/\P{ASCII}/gu, '?'),
    // Upper case can have more characters: ß becomes SS.
    ...(secret.length >= CASELESS_LENGTH ? [sent.toUpperCase()] : []),
  ]);
  // The decoding of a text also decodes what only looks like an escape sequence, for example `%41` in a secret.
  let level = decode(plainLevel(sent));
  for (let count = 1; level && count < LEVELS; count++) {
    spellings.add(level.text);
    level = decode(level);
  }
  const hex = secret.length >= CUT_LENGTH ? [patternOf(Buffer.from(sent).toString('hex'), secret.length, 2)] : [];
  return [...[...spellings].map((spelling) => patternOf(normalize(spelling), secret.length, 1)), ...hex];
}

function patternOf(spelling: string, secretLength: number, unitLength: number): Pattern {
  const caseless = secretLength >= CASELESS_LENGTH;
  const all = toCodes(spelling, caseless);
  const kept = all.filter((code) => code !== 0);
  const loose = kept.length >= LOOSE_LENGTH;
  const codes = loose ? kept : all;
  const indices = Array.from(all.keys()).filter((i) => !loose || all[i] !== 0);
  // A character has at least one letter, or two hexadecimal digits.
  const characters = (count: number) => Math.floor(count / unitLength);
  const reach = indices.map((index, i) => (i === 0 ? 0 : characters(index)));
  const passed = indices.map((_, i) => (i === 0 ? 0 : characters((indices[i - 1] ?? 0) + 1)));
  return {
    codes,
    reach: [...reach, characters(spelling.length)],
    passed,
    loose,
    caseless,
    asValue: secretLength < CUT_LENGTH || kept.length === 0,
  };
}

/** The beginning of a text that can be the rest of escape sequences: `73` of `%73`, `uot;` of `&quot;`. */
const ESCAPE_REST =
  /^(?:#?[A-Za-z0-9]{0,24}[;}]|[uU][0-9A-Fa-f]{4}|[xX][0-9A-Fa-f]{2}|[0-9A-Fa-f]{1,5}|["'\\/bfnrtv]){0,3}[\x80-\xbf]{0,3}/;

/** What comes before the value of a password field, in a form, in JSON, in XML, in an HTML form or in a sentence. */
const PASSWORD_FIELD = /(?:password|passwd|pwd)["'\s]{0,4}(?:[=:>]|value=)["'\s]{0,4}/gi;

function findPattern(level: Level, comparable: ComparableLevel, pattern: Pattern, found: Range[]): void {
  const { text } = level;
  const { length } = pattern.codes;
  const { codes } = comparable;
  const { match, mayBegin } = createMatcher(level, comparable, pattern);
  if (pattern.asValue) {
    for (const { index, 0: field } of text.matchAll(PASSWORD_FIELD)) {
      const start = index + field.length;
      const end = match(start, 0);
      if (end !== undefined && !/[a-z0-9]/i.test(text.charAt(end))) {
        found.push(rangeOf(level, start, end));
      }
    }
    return;
  }
  for (let start = 0; start < text.length; start++) {
    const end = mayBegin(start) ? match(start, 0) : undefined;
    if (end !== undefined) {
      found.push(rangeOf(level, start, end));
      start = end - 1;
    }
  }
  // The text may begin inside of the secret, and inside of one of its escape sequences.
  const beginning = codes.findIndex((code) => code !== 0);
  if (beginning < 0) {
    return;
  }
  const rest = ESCAPE_REST.exec(text.slice(beginning, beginning + 2 * ESCAPE_LENGTH))?.[0].length ?? 0;
  const earliest = pattern.loose ? beginning : Math.max(0, beginning - length);
  for (let start = earliest; start <= beginning + rest; start++) {
    for (let position = 1; position < length; position++) {
      const isLongEnough = (pattern.reach[length] ?? 0) - (pattern.passed[position] ?? 0) >= CUT_LENGTH;
      const end = isLongEnough ? match(start, position) : undefined;
      if (end !== undefined) {
        found.push(rangeOf(level, 0, end));
        break;
      }
    }
  }
}

const NO_CODES = new Uint16Array();

/** A level in the form in which it is compared with patterns. */
interface ComparableLevel {
  /** The text as {@link toCodes}. */
  readonly codes: Uint16Array;
  /** The characters of each escape sequence as {@link toCodes}. */
  readonly escaped: readonly Uint16Array[];
  /** The number of the escape sequence at an index of the text, plus 1. Empty if there are none. */
  readonly escapeAt: Uint32Array;
}

/** The forms of a level by `caseless`. Each is made once for all patterns. */
function comparableForms({ text, escapes }: Level): (caseless: boolean) => ComparableLevel {
  const escapeAt = new Uint32Array(escapes.length > 0 ? text.length : 0);
  for (const [i, { index }] of escapes.entries()) {
    escapeAt[index] = i + 1;
  }
  const forms = new Map<boolean, ComparableLevel>();
  return (caseless) => {
    const known = forms.get(caseless);
    if (known) {
      return known;
    }
    // A text has many sequences of few characters.
    const characterCodes = new Map<string, Uint16Array>(escapes.map(({ characters }) => [characters, NO_CODES]));
    for (const characters of characterCodes.keys()) {
      characterCodes.set(characters, toCodes(characters, caseless));
    }
    const escaped = escapes.map(({ characters }) => characterCodes.get(characters) ?? NO_CODES);
    const form = { codes: toCodes(text, caseless), escaped, escapeAt };
    forms.set(caseless, form);
    return form;
  };
}

interface Matcher {
  /** Whether a match can begin at an index of the text. It is a quick test. */
  mayBegin(index: number): boolean;
  /**
   * Compares the text from an index on with the pattern from a position on. Returns the index after the match, or
   * undefined. A text that ends before the pattern does matches if enough of the secret was found.
   */
  match(index: number, position: number): number | undefined;
}

/** How many failed comparisons are kept in memory. */
const FAILED_LIMIT = 100_000;

/**
 * Creates the comparison of a level with a pattern. At an escape sequence, both the sequence and its plain characters
 * are tried: the secret itself can contain `%41`.
 */
function createMatcher(
  { text, escapes }: Level,
  { codes, escaped, escapeAt }: ComparableLevel,
  { codes: wanted, reach, passed, loose }: Pattern,
): Matcher {
  /** Pairs of an index and a position. Each is tried once, so that the time does not grow exponentially. */
  const failed = new Set<number>();

  /** The position after the characters of an escape sequence; undefined if the pattern has others. */
  const advance = (characters: Uint16Array, position: number): number | undefined => {
    let next = position;
    for (const code of characters) {
      if (code === 0 && loose) {
        continue;
      }
      if (code !== wanted[next]) {
        return undefined;
      }
      next++;
    }
    return next;
  };

  /** Not recursive: a text can have as many escape sequences of ignored characters as it likes. */
  const match = (index: number, position: number): number | undefined => {
    const isEnough = () => (reach[next] ?? 0) - (passed[position] ?? 0) >= CUT_LENGTH;
    /** Where an escape sequence was compared by its characters: its plain characters are tried after that failed. */
    const forks: { readonly at: number; readonly next: number; readonly key: number }[] = [];
    let at = index;
    let next = position;
    const succeed = (end: number) => {
      for (const { key } of forks) {
        failed.delete(key);
      }
      return end;
    };
    const copyPlain = () => {
      next += codes[at] === wanted[next] ? 1 : 0;
      at++;
    };
    /** Continues at the last fork. Returns false if there is none. */
    const backtrack = (): boolean => {
      const fork = forks.pop();
      if (fork) {
        ({ at, next } = fork);
        copyPlain();
      }
      return fork !== undefined;
    };
    while (next < wanted.length) {
      if (at >= codes.length) {
        if (isEnough()) {
          return succeed(codes.length);
        }
        if (!backtrack()) {
          return undefined;
        }
        continue;
      }
      const code = codes[at];
      const isPlain = code === wanted[next] || (code === 0 && loose);
      const number = escapeAt[at] ?? 0;
      const sequence = number > 0 ? escapes[number - 1] : undefined;
      const after = sequence && advance(escaped[number - 1] ?? NO_CODES, next);
      if (sequence && after !== undefined) {
        const key = at * (wanted.length + 1) + next;
        if (!isPlain || !failed.has(key)) {
          if (isPlain) {
            if (failed.size >= FAILED_LIMIT) {
              failed.clear();
            }
            failed.add(key);
            forks.push({ at, next, key });
          }
          at += sequence.length;
          next = after;
        } else if (!backtrack()) {
          return undefined;
        }
        continue;
      }
      // The text may end inside of an escape sequence.
      if (!sequence && codes.length - at <= ESCAPE_LENGTH && isEnough() && CUT_ESCAPE.test(text.slice(at))) {
        return succeed(codes.length);
      }
      if (isPlain) {
        copyPlain();
      } else if (!backtrack()) {
        return undefined;
      }
    }
    return succeed(at);
  };

  return {
    mayBegin: (index) => {
      const number = escapeAt[index] ?? 0;
      return codes[index] === wanted[0] || (number > 0 && escaped[number - 1]?.includes(wanted[0] ?? 0)) || false;
    },
    match,
  };
}

/** Digits of base64 that only a secret determines, in one spelling at one offset. */
interface Base64Digits {
  readonly digits: string;
  /** Whether the digit before, or the digit after, contains bits of the secret. */
  readonly before: boolean;
  readonly after: boolean;
}

/** Base64url has other digits for 62 and 63, and a form decoder reads the plus sign as a space. */
const toComparableBase64 = (text: string) => text.replaceAll('_', '/').replace(/[+\-\s\0]/g, '');

/** The digits of a secret in base64, after each number of bytes that can come before it, and in the usual encodings. */
function base64DigitsOf(secret: string): readonly Base64Digits[] {
  const sent = secret.toWellFormed();
  const contents = new Set(
    [
      sent,
      encodeURIComponent(sent),
      new URLSearchParams({ '': sent }).toString().slice(1),
      JSON.stringify(sent).slice(1, -1),
      sent.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
      sent.replace(
        /[&<>"]/g,
        (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? '',
      ),
    ].map((text) => Buffer.from(text).toString('latin1')),
  );
  contents.add(sent).add(Buffer.from(sent, 'utf16le').toString('latin1'));
  const lengths = [0, 1, 2];
  return [...contents].flatMap((content) =>
    lengths.flatMap((offset) => {
      const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(content, 'latin1')]);
      // Each digit contains six bits.
      const encoded = bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6));
      const digits = toComparableBase64(encoded);
      return secret.length < CUT_LENGTH || digits.length < CUT_LENGTH
        ? []
        : [{ digits, before: offset > 0, after: bytes.length % 3 > 0 }];
    }),
  );
}

function findBase64(level: Level, wanted: readonly Base64Digits[], found: Range[]): void {
  const { text } = level;
  const comparable = toComparableBase64(text);
  if (comparable.length < CUT_LENGTH || wanted.length === 0) {
    return;
  }
  let indices: Uint32Array | undefined;
  const indicesOf = () => {
    const kept = new Uint32Array(comparable.length);
    let length = 0;
    for (let i = 0; i < text.length; i++) {
      if (!/[+\-\s\0]/.test(text.charAt(i))) {
        kept[length++] = i;
      }
    }
    return kept;
  };
  const add = (start: number, end: number) => {
    indices ??= indicesOf();
    found.push(rangeOf(level, indices[start] ?? 0, (indices[end - 1] ?? text.length) + 1));
  };
  const isDigit = (index: number) => /^[A-Za-z0-9/]$/.test(comparable.charAt(index));
  for (const { digits, before, after } of wanted) {
    for (
      let start = comparable.indexOf(digits);
      start >= 0;
      start = comparable.indexOf(digits, start + digits.length)
    ) {
      const end = start + digits.length;
      add(before && isDigit(start - 1) ? start - 1 : start, after && isDigit(end) ? end + 1 : end);
    }
    // The text may end or begin inside of the secret, and inside of an escape sequence.
    const last =
      comparable.length -
      (/(?:%[0-9A-Fa-f]?|\\u?[0-9A-Fa-f]{0,3}|&#?\w{0,5})?$/.exec(comparable.slice(-8))?.[0].length ?? 0);
    const cut = longestCut(
      Math.min(digits.length - 1, last),
      (each) => comparable[last - each] === digits[0] && comparable.startsWith(digits.slice(0, each), last - each),
    );
    if (cut !== undefined) {
      const start = last - cut;
      add(before && isDigit(start - 1) ? start - 1 : start, comparable.length);
    }
    const rest = /^u?[0-9A-Fa-f]{0,4};?/.exec(comparable)?.[0].length ?? 0;
    for (let start = 0; start <= rest; start++) {
      const length = longestCut(
        Math.min(digits.length - 1, last - start),
        (each) =>
          comparable[start] === digits[digits.length - each] && comparable.startsWith(digits.slice(-each), start),
      );
      if (length !== undefined) {
        const end = start + length;
        add(0, after && isDigit(end) ? end + 1 : end);
        break;
      }
    }
    if (last - rest >= BASE64_CUT_LENGTH && digits.includes(comparable.slice(rest, last))) {
      add(0, comparable.length);
    }
  }
}

/** The longest length of a cut that matches; undefined if none does. */
function longestCut(longest: number, matches: (length: number) => boolean): number | undefined {
  for (let length = longest; length >= BASE64_CUT_LENGTH; length--) {
    if (matches(length)) {
      return length;
    }
  }
  return undefined;
}
