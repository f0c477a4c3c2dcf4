import { assertionName } from '../bimi.ts';

/** What a domain's DNS says of its logo and of its policy, read as receivers of mail read it. */

/** The part of a resolver of node:dns/promises that is needed. Each record comes in the pieces it is stored in. */
export interface TxtResolver {
  resolveTxt(name: string): Promise<string[][]>;
}

/** `name=value` pairs in their order, white space around both taken off. */
type Tags = readonly (readonly [name: string, value: string])[];

/** What stands where a BIMI record belongs. */
export interface BimiRecords {
  readonly name: string;
  /** The records that count as BIMI. */
  readonly records: readonly { readonly text: string; readonly logo: string; readonly chain: string }[];
  /** Other TXT records at the name: one of them may be meant as a BIMI record. */
  readonly others: readonly string[];
}

interface DmarcRecord {
  readonly name: string;
  readonly tags: Tags;
}

/** A DMARC policy that counts for a domain. */
export interface DmarcPolicy {
  /** Where its record stands. */
  readonly name: string;
  /** Why it does not bear BIMI, as a clause; undefined where it does. */
  readonly weakness: string | undefined;
}

/** How a resolver says that there is no such name, or no TXT record at it. Any other error says nothing of the records. */
const NOTHING_THERE: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** Policies under which BIMI shows logos. */
const ENFORCING: ReadonlySet<string | undefined> = new Set(['quarantine', 'reject']);

/** The longest name above its own that a domain may inherit from, in labels: no more than 8 queries (RFC 9989, 4.10). */
const MOST_LABELS = 7;

/**
 * The BIMI records of one selector. Those that do not begin with `v=BIMI1` are none (BIMI draft, Assertion Record Discovery).
 *
 * @throws {Error} of the resolver, where it did not come to an answer.
 */
export async function readBimiRecords(resolver: TxtResolver, domain: string, selector: string): Promise<BimiRecords> {
  const name = assertionName(domain, selector);
  const texts = await readTxt(resolver, name);
  return {
    name,
    records: texts.filter(isBimi).map((text) => {
      const tags = readTags(text);
      return { text, logo: valueOfTag(tags, 'l') ?? '', chain: valueOfTag(tags, 'a') ?? '' };
    }),
    others: texts.filter((text) => !isBimi(text)),
  };
}

/**
 * The policies that count for a domain: that of its own record and that of its organization's, where there are two. Either bars
 * the logo (BIMI draft, 7.1, steps 7 to 9).
 *
 * @throws {Error} of the resolver, where it did not come to an answer.
 */
export async function readDmarcPolicies(resolver: TxtResolver, domain: string): Promise<DmarcPolicy[]> {
  const records = await walkUp(resolver, domain);
  const own = records.find(({ name }) => name === dmarcNameOf(domain));
  const organizational = organizationalOf(records);
  return [...new Set([own, organizational])].flatMap((record) =>
    record ? [{ name: record.name, weakness: weaknessOf(record.tags) }] : [],
  );
}

/** The records from the domain's own up to the last below the top-level label; one with `psd` ends the walk (RFC 9989, 4.10). */
async function walkUp(resolver: TxtResolver, domain: string): Promise<DmarcRecord[]> {
  const found: DmarcRecord[] = [];
  for (const each of [domain, ...parentsOf(domain)]) {
    const record = await readDmarc(resolver, each);
    if (record) {
      found.push(record);
      if (['y', 'n'].includes(valueOfTag(record.tags, 'psd') ?? '')) {
        break;
      }
    }
  }
  return found;
}

/** The highest one. A public suffix (`psd=y`) is none: its policy is for organizations that have no record. */
function organizationalOf(records: readonly DmarcRecord[]): DmarcRecord | undefined {
  const highest = records.at(-1);
  const below = records.at(-2);
  return below && highest && valueOfTag(highest.tags, 'psd') === 'y' ? below : highest;
}

/** From the nearest to the last one that is no top-level domain. */
function parentsOf(domain: string): string[] {
  const labels = domain.split('.');
  const first = Math.max(1, labels.length - MOST_LABELS);
  return labels.slice(first, -1).map((_, index) => labels.slice(first + index).join('.'));
}

const dmarcNameOf = (domain: string) => `_dmarc.${domain}`;

/** The record at one name. More than one counts as none (RFC 7489, 6.6.3; RFC 9989, 4.10). */
async function readDmarc(resolver: TxtResolver, domain: string): Promise<DmarcRecord | undefined> {
  const name = dmarcNameOf(domain);
  const [tags, ...more] = (await readTxt(resolver, name)).map(readTags).filter((each) => beginsWith(each, 'DMARC1'));
  return tags && more.length === 0 ? { name, tags } : undefined;
}

/** `p` must be there, `sp` need not; `pct` is 100 where it is missing or no number (RFC 7489, 6.3 and 6.6.3). */
function weaknessOf(tags: Tags): string | undefined {
  for (const name of ['p', 'sp']) {
    const policy = valueOfTag(tags, name)?.toLowerCase();
    if (!ENFORCING.has(policy) && (name === 'p' || policy !== undefined)) {
      return policy === undefined ? `has no ${name}=` : `has ${name}=${policy}`;
    }
  }
  const percent = valueOfTag(tags, 'pct');
  if (percent !== undefined && /^\d+$/.test(percent) && Number(percent) < 100) {
    return `has pct=${percent}`;
  }
  // RFC 9989 has it in place of pct: the policy is only tried.
  return valueOfTag(tags, 't')?.toLowerCase() === 'y' ? 'has t=y' : undefined;
}

/** The texts at one name, each joined of its pieces; none where there is no such name. */
async function readTxt(resolver: TxtResolver, name: string): Promise<string[]> {
  try {
    return (await resolver.resolveTxt(name)).map((pieces) => pieces.join(''));
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOTHING_THERE.has(error.code)) {
      return [];
    }
    throw error;
  }
}

/** Tags stand between semicolons; the last may have one too. A tag without "=" has an empty value. */
function readTags(text: string): Tags {
  return text
    .split(';')
    .filter((tag) => tag.trim() !== '')
    .map((tag) => {
      const [name = '', ...value] = tag.split('=');
      return [name.trim(), value.join('=').trim()];
    });
}

/** The version comes first and is matched to the letter, in both kinds of records. */
function beginsWith([first]: Tags, version: string): boolean {
  return first?.[0] === 'v' && first[1] === version;
}

const isBimi = (text: string) => beginsWith(readTags(text), 'BIMI1');

/** A tag that comes twice is a fault, and readers differ in which they take: both are shown, which is no value of any tag. */
function valueOfTag(tags: Tags, name: string): string | undefined {
  const values = tags.filter((tag) => tag[0] === name).map(([, value]) => value);
  return values.length > 0 ? values.join(' and ') : undefined;
}
