/** The names and URLs of BIMI (draft-brand-indicators-for-message-identification). All functions are pure. */

/** The selector if none is given (BIMI draft, 4.3). */
export const DEFAULT_SELECTOR = 'default';

/** The DNS name of the BIMI record for one selector of a domain (BIMI draft, 4.2). */
export function assertionName(domain: string, selector: string): string {
  return `${selector}._bimi.${domain}`;
}

/**
 * Whether a certificate covers a domain for one selector: its names contain the domain, or the DNS name of the
 * selector's record (draft-fetch-validation-vmc-wchuang). A parent domain, a wildcard or another selector does not
 * cover it.
 *
 * @param names the DNS names of the certificate. All names are A-labels in lower case.
 */
export function covers(names: readonly string[], domain: string, selector: string): boolean {
  return names.includes(domain) || names.includes(assertionName(domain, selector));
}

/**
 * Whether a certificate covers what one name of another certificate covers: a domain, or a domain for one selector if
 * the name is that of a record. Names match in any case, and with or without a final dot (RFC 4343).
 */
export function coversName(names: readonly string[], name: string): boolean {
  const known = names.map(toPlainName);
  return coveringNames(name).some((each) => known.includes(each));
}

/** The names, as {@link toPlainName} returns them, with one of which a certificate covers a name: see {@link coversName}. */
export function coveringNames(name: string): string[] {
  const plain = toPlainName(name);
  const [, domain] = /^[^.]+\._bimi\.(.+)$/.exec(plain) ?? [];
  return domain === undefined ? [plain] : [plain, domain];
}

/** A name in the form in which names are compared: in lower case, and without a final dot. */
export function toPlainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The public URLs of the chain and the logo of one domain, below the URL that serves `published/`. */
export function publishedUrls(baseUrl: string, domain: string, selector: string) {
  const url = (extension: string) => new URL(`${domain}/${selector}.${extension}`, withSlash(baseUrl)).href;
  return { chain: url('pem'), logo: url('svg') };
}

/** The maximum number of octets in one string of a TXT record (RFC 1035, 3.3 and 3.3.14). */
const STRING_OCTETS = 255;

/**
 * The TXT record as one line, ready to copy into a zone file (BIMI draft, 4.2): `l=` is the URL of the logo, `a=` that
 * of the chain. A record that is longer than one string is several strings in quotes, which readers join.
 */
export function bimiRecord(baseUrl: string, domain: string, selector: string): string {
  const { chain, logo } = publishedUrls(baseUrl, domain, selector);
  const strings = stringsOf(['v=BIMI1; ', `l=${logo}; `, `a=${chain}`]).map((text) => `"${text}"`);
  return `${assertionName(domain, selector)}. TXT ${strings.join(' ')}`;
}

/** The text of a record that {@link bimiRecord} returned, in this release or in 0.1.0: its strings, joined. */
export function recordText(record: string): string {
  return Array.from(record.matchAll(/"([^"]*)"/g), ([, text]) => text).join('');
}

/**
 * Joins tags to strings that are as long as a TXT record allows. Only a tag that is longer is split, but not within a
 * character or its percent-encoding: the URLs of a record contain ASCII only.
 */
function stringsOf(tags: readonly string[]): string[] {
  const parts = tags.flatMap((tag) => (Buffer.byteLength(tag) <= STRING_OCTETS ? [tag] : (tag.match(CHARACTER) ?? [])));
  const strings: string[] = [];
  let last = '';
  let octets = 0;
  for (const part of parts) {
    const size = Buffer.byteLength(part);
    if (octets + size > STRING_OCTETS) {
      strings.push(last);
      last = '';
      octets = 0;
    }
    last += part;
    octets += size;
  }
  return [...strings, last];
}

/** One character: percent-encoded UTF-8 or a code point. */
const CHARACTER = /%[c-f][\da-f](?:%[89ab][\da-f])+|%[\da-f]{2}|./gisu;

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
