/**
 * Limits on texts and lists that come from people or other systems. They keep the state of an execution below its
 * limit, and messages readable. Sizes are bytes of the JSON in UTF-8, because AWS counts those.
 */

/**
 * The maximum size of the state of an execution, of a payload of Lambda and of an event of EventBridge (AWS quotas), in
 * bytes.
 */
export const STATE_LIMIT = 256 * 1024;

/**
 * How the 256 KiB of a state are divided, in bytes. The order takes at most 32 KiB: 100 domains of 253 characters. A
 * correction of the order takes as much again. A tenth of the limit stays free.
 */
export const STATE_BUDGET = {
  /** One message: a finding, a refusal, a text of the CA. */
  message: 600,
  /** All findings of a certificate. */
  findings: 24 * 1024,
  /** Whether each receiver shows the logo. */
  receivers: 3 * 1024,
  /** The domains of a certificate. */
  domains: 40 * 1024,
  /** The BIMI records of an order. */
  bimiRecords: 48 * 1024,
  /** The publications of an order and the refusals to publish. */
  publications: 56 * 1024,
} as const;

/** How many details a message names, and the bytes of each. */
const DETAILS_LIMIT = 5;
const DETAIL_BYTES = 100;

/** The quotes around a JSON string. */
const QUOTES_BYTES = 2;

const ELLIPSIS = '…';

/**
 * Characters that a reader does not see, or that change how a terminal, a log or a mail program shows the text around
 * them: C0 and C1 controls with all line ends, bidirectional controls, zero-width and other ignorable characters, line
 * and paragraph separators, and lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Most texts consist of these characters only, and compiling the classes above takes a hundredth of a cold start. */
const PLAIN = /^[ -~]*$/;

/** U+000A, which separates the lines of a text. */
const NEWLINE = '\n';

/**
 * A text from outside, for a line that a person reads: every character that cannot be printed is replaced by its number,
 * as in `\u{1B}`. The result has exactly one line, and is the same if it is made twice.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replaceAll(UNPRINTABLE, (character) => `\\u{${hexOf(character)}}`);
}

/** Like {@link printable}, for a text with several lines, such as a stack: newlines stay. */
export function printableLines(text: string): string {
  return PLAIN.test(text)
    ? text
    : text.replaceAll(UNPRINTABLE, (character) => (character === NEWLINE ? NEWLINE : printable(character)));
}

/**
 * JSON for a terminal, with the same values: what `JSON.stringify` leaves unprintable is written as `\uXXXX`. Newlines
 * between the values stay.
 */
export function printableJson(json: string): string {
  return json.replaceAll(UNPRINTABLE, (character) =>
    character === NEWLINE
      ? NEWLINE
      : character
          .split('')
          .map((unit) => `\\u${hexOf(unit).padStart(4, '0')}`)
          .join(''),
  );
}

/**
 * A text of any length for a message: printable, and truncated to bytes of JSON. Only the beginning that can remain is
 * read.
 *
 * @param bytes at least 5: the quotes and `…`.
 */
export function truncatePrintable(text: string, bytes: number): string {
  return truncate(printable(text.slice(0, bytes + 1)), bytes);
}

/** Like {@link truncatePrintable}, with a space in place of line breaks and other white space. */
export function truncateLine(text: string, bytes: number): string {
  return truncatePrintable(text.trim().replaceAll(/\s+/g, ' '), bytes);
}

function hexOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
}

/**
 * Shortens a text to whole characters and `…` if its JSON has more bytes than the limit.
 *
 * @param bytes at least 5: the quotes and `…`.
 */
export function truncate(text: string, bytes: number): string {
  if (jsonBytes(text) <= bytes) {
    return text;
  }
  let kept = '';
  let size = jsonBytes(ELLIPSIS);
  for (const character of text) {
    size += ONE_BYTE.test(character) ? 1 : jsonBytes(character) - QUOTES_BYTES;
    if (size > bytes) {
      break;
    }
    kept += character;
  }
  return kept + ELLIPSIS;
}

/**
 * Joins the first five details, each printable and truncated to 100 bytes, and the number of the others. Empty if there
 * are no details.
 */
export function joinWithLimit(details: readonly string[], separator = ', '): string {
  const named = details.slice(0, DETAILS_LIMIT).map((detail) => truncatePrintable(detail, DETAIL_BYTES));
  const more = details.length > named.length ? [`and ${details.length - named.length} more`] : [];
  return [...named, ...more].join(separator);
}

/** The longest beginning of a list whose JSON has at most this many bytes. */
export function takeWithin<Item>(items: readonly Item[], bytes: number): readonly Item[] {
  // Two brackets, and a comma after each item except the last.
  let size = 1;
  const end = items.findIndex((item) => {
    size += jsonBytes(item) + 1;
    return size > bytes;
  });
  return end === -1 ? items : items.slice(0, end);
}

/** A character that JSON does not escape, and that has one byte in UTF-8. Most texts consist of these. */
const ONE_BYTE = /^[ !#-[\]-~]$/;

/** The size of a value as JSON in UTF-8, in bytes. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}
