import { assertionName } from '../bimi.ts';
import { readTxt, type TxtResolver } from './txt.ts';

/** The BIMI records and DMARC policies of a domain, read from the DNS as mail receivers read them. */

/** The tags of a record in their order, without white space around names and values. */
export type Tags = readonly (readonly [name: string, value: string])[];

/** A BIMI record. A missing address is empty. */
export interface BimiRecord {
  readonly text: string;
  /** The URL of the logo, the tag `l`. */
  readonly logo: string;
  /** The URL of the chain, the tag `a`. */
  readonly chain: string;
}

/** The TXT records at the name of a BIMI record. */
export interface BimiRecords {
  readonly name: string;
  readonly records: readonly BimiRecord[];
  /** All other TXT records. One of them may be a BIMI record with an error. */
  readonly others: readonly string[];
}

interface DmarcRecord {
  readonly name: string;
  readonly text: string;
  readonly tags: Tags;
}

/** A DMARC policy that applies to a domain. */
export interface DmarcPolicy {
  /** The name of its record. */
  readonly name: string;
  /** Its record. */
  readonly text: string;
  /** Why BIMI does not accept the policy, as a clause; undefined if BIMI accepts it. */
  readonly weakness: string | undefined;
}

/** The policies with which receivers show logos. */
const ENFORCING_POLICIES: ReadonlySet<string | undefined> = new Set(['quarantine', 'reject']);

/**
 * The maximum number of labels of a domain above the checked one, which limits a tree walk to 8 queries (RFC 9989,
 * 4.10).
 */
const PARENT_LABELS_LIMIT = 7;

/**
 * Reads the BIMI records of one selector. A TXT record that does not begin with `v=BIMI1` is not a BIMI record (BIMI
 * draft 10, 7.2).
 *
 * @throws {DnsLookupError} if the lookup failed.
 */
export async function readBimiRecords(resolver: TxtResolver, domain: string, selector: string): Promise<BimiRecords> {
  const name = assertionName(domain, selector);
  const found = (await readTxt(resolver, name)).map((text) => ({ text, tags: readTags(text) }));
  return {
    name,
    records: found
      .filter(({ tags }) => isBimi(tags))
      .map(({ text, tags }) => ({ text, logo: tagValue(tags, 'l') ?? '', chain: tagValue(tags, 'a') ?? '' })),
    others: found.filter(({ tags }) => !isBimi(tags)).map(({ text }) => text),
  };
}

/**
 * Reads the policies that apply to a domain: its own and that of its organization, if both exist. Each of them can
 * prevent the logo (BIMI draft 10, 7.1, steps 7 to 9).
 *
 * @throws {DnsLookupError} if a lookup failed.
 */
export async function readDmarcPolicies(resolver: TxtResolver, domain: string): Promise<DmarcPolicy[]> {
  const records = await walkTree(resolver, domain);
  const own = records.find(({ name }) => name === dmarcName(domain));
  const organizational = organizationalRecord(records);
  return [...new Set([own, organizational])].flatMap((record) =>
    record ? [{ name: record.name, text: record.text, weakness: weaknessOf(record.tags) }] : [],
  );
}

/**
 * The DNS tree walk (RFC 9989, 4.10): the records of the domain and of the domains above it, below the top-level
 * domain. A record with `psd` ends the walk.
 */
async function walkTree(resolver: TxtResolver, domain: string): Promise<DmarcRecord[]> {
  const found: DmarcRecord[] = [];
  for (const each of [domain, ...parentsOf(domain)]) {
    const record = await readDmarc(resolver, each);
    if (record) {
      found.push(record);
      if (['y', 'n'].includes(tagValue(record.tags, 'psd')?.toLowerCase() ?? '')) {
        break;
      }
    }
  }
  return found;
}

/** The highest record. The record of a public suffix (`psd=y`) applies only to organizations without a record. */
function organizationalRecord(records: readonly DmarcRecord[]): DmarcRecord | undefined {
  const highest = records.at(-1);
  const below = records.at(-2);
  return below && highest && tagValue(highest.tags, 'psd')?.toLowerCase() === 'y' ? below : highest;
}

/** The domains above a domain, from the nearest one to the last one below the top-level domain. */
function parentsOf(domain: string): string[] {
  const labels = domain.split('.');
  const first = Math.max(1, labels.length - PARENT_LABELS_LIMIT);
  return labels.slice(first, -1).map((_, index) => labels.slice(first + index).join('.'));
}

/** The DNS name of the DMARC record of a domain. */
export const dmarcName = (domain: string) => `_dmarc.${domain}`;

/** The record at one name. Several records count as none (RFC 7489, 6.6.3; RFC 9989, 4.10). */
async function readDmarc(resolver: TxtResolver, domain: string): Promise<DmarcRecord | undefined> {
  const name = dmarcName(domain);
  const texts = (await readTxt(resolver, name)).map((text) => ({ text, tags: readDmarcTags(text) }));
  const [record, ...more] = texts.filter(({ tags }) => isDmarc(tags));
  return record && more.length === 0 ? { name, ...record } : undefined;
}

/**
 * `p` is required, `sp` is optional. `pct` matters with `p=quarantine` only: BIMI accepts `p=reject` with any
 * percentage (BIMI draft 10, 2 and 7.1, step 9). A `pct` that is not a number counts as 100 (RFC 7489, 6.3). `np`
 * applies only to domains that do not exist.
 */
function weaknessOf(tags: Tags): string | undefined {
  for (const name of ['p', 'sp']) {
    const policy = tagValue(tags, name)?.toLowerCase();
    if (!ENFORCING_POLICIES.has(policy) && (name === 'p' || policy !== undefined)) {
      return policy === undefined ? `has no ${name}=` : `has ${name}=${policy}`;
    }
  }
  const isPartial = (percent: string) => /^\d+$/.test(percent) && Number(percent) < 100;
  if (tagValue(tags, 'p')?.toLowerCase() === 'quarantine' && tagValues(tags, 'pct').some(isPartial)) {
    return `has pct=${tagValue(tags, 'pct')}`;
  }
  // A test mode in place of pct: receivers apply the policy one level lower (RFC 9989, 4.7).
  return tagValues(tags, 't').some((value) => value.toLowerCase() === 'y') ? `has t=${tagValue(tags, 't')}` : undefined;
}

/** Tags are separated by semicolons, and the last may end with one. A tag without "=" has an empty value. */
export function readTags(text: string): Tags {
  return text
    .split(';')
    .filter((tag) => tag.trim() !== '')
    .map((tag) => {
      const [name = '', ...value] = tag.split('=');
      return [name.trim(), value.join('=').trim()];
    });
}

/** DMARC's tag names match in any case, like all literals of its grammar (RFC 9989, 4.8; RFC 5234, 2.3). */
function readDmarcTags(text: string): Tags {
  return readTags(text).map(([name, value]) => [name.toLowerCase(), value]);
}

/** The version comes first and must match precisely: receivers must not correct its capitals (BIMI draft 10, 4.3). */
function isBimi([first]: Tags): boolean {
  return first?.[0] === 'v' && first[1] === 'BIMI1';
}

/**
 * The version comes first. RFC 9989 (4.8) allows capitals only, but receivers such as OpenDMARC accept it in any case.
 */
function isDmarc([first]: Tags): boolean {
  return first?.[0] === 'v' && first[1].toUpperCase() === 'DMARC1';
}

/**
 * A tag must not occur twice (RFC 6376, 3.2), and receivers differ in which one they use: the result joins all values
 * into a text that no tag may have, so it is never accepted.
 */
function tagValue(tags: Tags, name: string): string | undefined {
  const values = tagValues(tags, name);
  return values.length > 0 ? values.join(' and ') : undefined;
}

export function tagValues(tags: Tags, name: string): string[] {
  return tags.filter((tag) => tag[0] === name).map(([, value]) => value);
}
