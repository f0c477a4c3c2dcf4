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
    size += jsonBytes(character) - QUOTES_BYTES;
    if (size > bytes) {
      break;
    }
    kept += character;
  }
  return kept + ELLIPSIS;
}

/**
 * Joins the first five details, each truncated to 100 bytes, and the number of the others. Empty if there are no
 * details.
 */
export function joinWithLimit(details: readonly string[], separator = ', '): string {
  const named = details.slice(0, DETAILS_LIMIT).map((detail) => truncate(detail, DETAIL_BYTES));
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

/** The size of a value as JSON in UTF-8, in bytes. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}
