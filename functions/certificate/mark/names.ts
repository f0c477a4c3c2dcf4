/**
 * Domains below which no public name exists: special-use domains (RFC 6761, 6762, 7686, 8375 and 9476), the domain that
 * ICANN reserved for private use (`internal`, 2024), and what networks use instead of it (RFC 6762, appendix G).
 * `example` is left out, although RFC 6761 reserves it: the simulated certificates contain such names.
 */
const PRIVATE_DOMAINS: ReadonlySet<string> = new Set([
  'alt',
  'corp',
  'home',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'onion',
  'private',
  'test',
]);
/** The only one below a public domain. */
const HOME_DOMAIN = /(?:^|\.)home\.arpa$/;

/** The preferred syntax (RFC 1034, 3.5), and `_` because of `_bimi`. */
const DNS_NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A name in Unicode, whose A-label begins with `xn--`. */
const UNICODE = /[^\0-\x7f]/;
/** The last label of a public name contains a letter. Resolvers read 0x7f as a number too. */
const NUMBER = /^(?:\d+|0x[\da-f]*)$/;

/**
 * What a name is if it cannot be the public domain of a sender; undefined if it can. The Baseline Requirements of the
 * CA/Browser Forum (1.6.1, 4.2.2) forbid internal names, and a mark certificate belongs to exact domains.
 *
 * @param name in lower case.
 */
export function kindOfName(name: string): string | undefined {
  const lastLabel = name.slice(name.lastIndexOf('.') + 1);
  if (name.includes('*')) {
    return 'wildcard';
  }
  if (UNICODE.test(name)) {
    return 'U-label (certificates contain A-labels)';
  }
  if (name.includes(':') || NUMBER.test(lastLabel)) {
    return 'IP address';
  }
  if (!DNS_NAME.test(name)) {
    return 'malformed name';
  }
  const isPrivate = lastLabel === name || PRIVATE_DOMAINS.has(lastLabel) || HOME_DOMAIN.test(name);
  return isPrivate ? 'internal name' : undefined;
}
