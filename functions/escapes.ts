/**
 * Decodes escape sequences in a text, and keeps the place of each character in the original text. A text can contain
 * sequences of several encodings, so all of them are decoded together.
 */

/** A part of a text, from the index `start` to the index before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A text after some decoding. Its characters are UTF-16 code units; those of windows-1252 are its bytes. */
export interface Level {
  readonly text: string;
  /** The part of the original text from which each character was decoded; undefined if it is that text. */
  readonly starts?: Uint32Array;
  readonly ends?: Uint32Array;
  /** The escape sequences in `text`, in order. They can overlap. */
  readonly escapes: readonly EscapeSequence[];
}

interface EscapeSequence {
  readonly index: number;
  readonly length: number;
  /** The characters that it means; none for a soft line break. */
  readonly characters: string;
}

export function plainLevel(text: string): Level {
  const normalized = normalize(text);
  return { text: normalized, escapes: findEscapes(normalized) };
}

/** The original text of the characters from `start` to `end`. */
export function rangeOf({ starts, ends }: Level, start: number, end: number): Range {
  return { start: starts?.[start] ?? start, end: ends?.[end - 1] ?? end };
}

/** Replaces the escape sequences of a level by their characters. Returns undefined if there are none. */
export function decode(level: Level): Level | undefined {
  const { text, escapes } = level;
  if (escapes.length === 0) {
    return undefined;
  }
  const parts: string[] = [];
  const starts = new Uint32Array(text.length);
  const ends = new Uint32Array(text.length);
  let length = 0;
  const append = (characters: string, start: number, end: number) => {
    const range = rangeOf(level, start, end);
    starts.fill(range.start, length, length + characters.length);
    ends.fill(range.end, length, length + characters.length);
    length += characters.length;
  };
  let at = 0;
  const copyUntil = (end: number) => {
    parts.push(text.slice(at, end));
    for (; at < end; at++) {
      append('x', at, at + 1);
    }
  };
  for (const { index, length: escapeLength, characters } of escapes) {
    if (index >= at) {
      copyUntil(index);
      at += escapeLength;
      parts.push(characters);
      append(characters, index, at);
    }
  }
  copyUntil(text.length);
  const decoded = normalize(parts.join(''));
  return { text: decoded, starts, ends, escapes: findEscapes(decoded) };
}

/** The characters of windows-1252 for the bytes 0x80 to 0x9F, without the five that it does not define. */
const WINDOWS_1252 = new Map(
  [...'€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ'].flatMap((character, i) =>
    character === ' ' ? [] : [[character, String.fromCharCode(0x80 + i)] as const],
  ),
);
const WINDOWS_1252_CHARACTER = new RegExp(`[${[...WINDOWS_1252.keys()].join('')}]`, 'g');

/**
 * Replaces characters of windows-1252 by their bytes, and a surrogate without its other half by the character that
 * replaces it in UTF-8. The length stays the same.
 */
export function normalize(text: string): string {
  return text.toWellFormed().replace(WINDOWS_1252_CHARACTER, (character) => WINDOWS_1252.get(character) ?? character);
}

/** The names of HTML for ASCII characters, and for U+00A0 to U+00FF in the order of their numbers. */
const ASCII_NAMES =
  'Tab \t NewLine \n excl ! quot " num # dollar $ percnt % amp & apos \' lpar ( rpar ) ast * midast * plus + comma , period . sol / colon : semi ; lt < equals = gt > quest ? commat @ lsqb [ lbrack [ bsol \\ rsqb ] rbrack ] Hat ^ lowbar _ UnderBar _ grave ` DiacriticalGrave ` lcub { lbrace { verbar | vert | VerticalLine | rcub } rbrace }';
const LATIN_NAMES =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml';
const NAMES = new Map<string, string>([
  ...[...ASCII_NAMES.matchAll(/(\w+) ([^\w ]|_)/g)].map(([, name = '', character = '']) => [name, character] as const),
  ...LATIN_NAMES.split(' ').map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ['euro', '\x80'],
]);
/** Browsers accept many names without a semicolon, so that the longest name has to be tried first. */
const NAME = [...NAMES.keys()].toSorted((a, b) => b.length - a.length).join('|');

/** The letters of JavaScript's and JSON's escape sequences that are not the character itself. */
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', 0: '\0' };

const HEX = '[0-9A-Fa-f]';

/** An escape sequence, or the bytes of a character in UTF-8. */
const ESCAPE = new RegExp(
  [
    `(?:%[uU]|\\\\[uU])(?<hex4>${HEX}{4})`,
    `(?:%|\\\\[xX]|=)(?<hex2>${HEX}{2})`,
    `&#[xX]0{0,16}(?<html>${HEX}{1,6});?`,
    `\\\\[uUxX]\\{0{0,16}(?<braced>${HEX}{1,6})\\}`,
    '&#0{0,16}(?<decimal>[0-9]{1,7});?',
    '\\\\(?<octal>[0-3][0-7]{2})',
    `&(?<name>${NAME}|AMP|LT|GT|QUOT|APOS);?`,
    '\\\\(?<letter>["\'\\\\/bfnrtv0])',
    '=[ \\t]{0,8}\\r?\\n',
    '(?<utf8>[\\xc2-\\xdf][\\x80-\\xbf]|[\\xe0-\\xef][\\x80-\\xbf]{2}|[\\xf0-\\xf4][\\x80-\\xbf]{3})',
  ].join('|'),
  'y',
);

/** The first characters of {@link ESCAPE}. */
const MARKER = /[%&\\=\xc2-\xf4]/g;

/** A text that ends inside of an escape sequence, from its first character on. */
export const CUT_ESCAPE =
  /^(?:%[uU]?[0-9A-Fa-f]{0,3}|&#?[xX]?[0-9A-Za-z]{0,15}|\\[uUxX]?\{?[0-9A-Fa-f]{0,5}|=[0-9A-Fa-f]?|=[ \t]*\r?|[\xc2-\xf4][\x80-\xbf]{0,2}|\ufffd){1,3}$/;

function findEscapes(text: string): readonly EscapeSequence[] {
  const escapes: EscapeSequence[] = [];
  for (const { index } of text.matchAll(MARKER)) {
    ESCAPE.lastIndex = index;
    const match = ESCAPE.exec(text);
    if (match) {
      escapes.push({ index, length: match[0].length, characters: charactersOf(match.groups ?? {}) });
    }
  }
  return escapes;
}

function charactersOf(groups: Readonly<Record<string, string | undefined>>): string {
  const { hex4, hex2, html, braced, decimal, octal, name, letter, utf8 } = groups;
  const hex = hex4 ?? hex2 ?? html ?? braced;
  if (hex !== undefined) {
    return characterOf(Number.parseInt(hex, 16));
  }
  if (decimal !== undefined) {
    return characterOf(Number(decimal));
  }
  if (octal !== undefined) {
    return characterOf(Number.parseInt(octal, 8));
  }
  if (name !== undefined) {
    return NAMES.get(name) ?? NAMES.get(name.toLowerCase()) ?? '\ufffd';
  }
  if (letter !== undefined) {
    return LETTERS[letter.toLowerCase()] ?? letter;
  }
  return utf8 === undefined ? '' : normalize(Buffer.from(utf8, 'latin1').toString());
}

function characterOf(code: number): string {
  return code > 0x10ffff ? '\ufffd' : normalizeUnit(String.fromCodePoint(code));
}

/** A surrogate of an escape sequence keeps its value: the next sequence can be its other half. */
function normalizeUnit(character: string): string {
  return WINDOWS_1252.get(character) ?? character;
}
