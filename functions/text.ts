/**
 * Limits on texts and lists that people or other systems chose, so that a state of an execution never exceeds its limit and a
 * message stays readable. Sizes are bytes of the JSON in UTF-8, because that is what AWS counts.
 */

/** The most that a state of an execution, a Lambda's payload and an event of EventBridge may contain (AWS quotas): 256 KiB. */
export const STATE_LIMIT = 256 * 1024;

/**
 * How the 256 KiB of a state are shared, in bytes. The order itself takes 32 KiB at most: 100 domains of 253 characters. The sum
 * leaves a sixth of the limit free.
 */
export const STATE_BUDGET = {
  /** One message: a finding, a refusal, the text of the CA. */
  message: 600,
  /** All findings of a certificate together. */
  findings: 24 * 1024,
  /** The domains of a certificate. */
  domains: 40 * 1024,
  /** The BIMI records of an order. */
  bimiRecords: 48 * 1024,
  /** Where an order was published, and where it was not. */
  publications: 64 * 1024,
} as const;

/** How many details a message names, and the bytes of each. */
const DETAILS_LIMIT = 5;
const DETAIL_BYTES = 100;

/** The beginning of a text that fits into so many bytes, in whole characters, and `…` if something is missing. */
export function truncate(text: string, bytes: number): string {
  if (jsonBytes(text) <= bytes) {
    return text;
  }
  let kept = '';
  // Two bytes are the quotes.
  let size = 2 + jsonBytes('…') - 2;
  for (const character of text) {
    size += jsonBytes(character) - 2;
    if (size > bytes) {
      break;
    }
    kept += character;
  }
  return `${kept}…`;
}

/** Names the first of some details, each truncated, and how many more there are. Empty for no details. */
export function joinWithLimit(details: readonly string[], separator = ', '): string {
  const named = details.slice(0, DETAILS_LIMIT).map((detail) => truncate(detail, DETAIL_BYTES));
  const more = details.length > named.length ? [`and ${details.length - named.length} more`] : [];
  return [...named, ...more].join(separator);
}

/** As many items from the beginning of a list as fit into so many bytes. */
export function takeWithin<Item>(items: readonly Item[], bytes: number): readonly Item[] {
  let size = 2;
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
