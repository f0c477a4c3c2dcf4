import { isIP } from 'node:net';
import { isLoopback } from '../http.ts';
import { type BimiRecord, readTags, tagValues } from './dns.ts';
import { quote } from './dns-checks.ts';

/** The tags of a BIMI record and their values, judged as mail receivers judge them (BIMI draft 14, 4.3). */

/** What a record requests besides the two files. */
export interface RecordPreferences {
  /**
   * The beginnings of local parts in the tag `lps`. For a sender whose local part begins like one of them, receivers that
   * support the tag look up the record whose selector is the local part. Empty: for every sender. Null: for none.
   */
  readonly localParts: readonly string[] | null;
  /** Whether a sender's own picture goes before the logo, the tag `avp`. */
  readonly avatar: 'brand' | 'personal';
}

/** Something wrong with a record. */
export interface RecordProblem {
  readonly id: 'record-declines' | 'record-incomplete' | 'record-invalid' | 'record-tag';
  readonly message: string;
}

/** A judged record. An address that receivers do not use is undefined. */
export interface JudgedRecord extends RecordPreferences {
  readonly chain: string | undefined;
  readonly logo: string | undefined;
  readonly problems: readonly RecordProblem[];
}

const AVATARS: ReadonlySet<string> = new Set(['brand', 'personal'] satisfies RecordPreferences['avatar'][]);

/** A beginning of a local part (BIMI draft 14, 4.3): what can be a label of a selector. */
const LOCAL_PART = /^[a-z0-9-]{1,63}$/i;

/** The endings of images that are not SVG: "the evaluation of the record MUST be treated as a permanent error" (4.3.2). */
const OTHER_IMAGE = /\.(?:avif|bmp|gif|heic|ico|jpe?g|png|tiff?|webp)$/i;

/** Judges a record. @param allowLoopback whether its files may be on this machine. */
export function judgeRecord(domain: string, record: BimiRecord, allowLoopback: boolean): JudgedRecord {
  const tags = readTags(record.text);
  const text = quote(record.text);
  const problems: RecordProblem[] = [];
  const localParts = readLocalParts();
  const avatar = readAvatar();
  const chain = readAddress('a', 'chain', record.chain);
  const logo = readAddress('l', 'logo', record.logo);
  if (tagValues(tags, 'l').length === 0) {
    const message = `The BIMI record ${text} has no address of the logo (l=), which every record needs.`;
    problems.push({ id: 'record-incomplete', message });
  } else if (record.chain === '' && record.logo === '') {
    const others = localParts && ' Only senders for which the tag lps leads to another record can have one.';
    const message = `The BIMI record ${text} has no addresses: ${domain} declines to show a logo.${others ?? ''}`;
    problems.push({ id: 'record-declines', message });
  } else if (record.logo === '') {
    problems.push({ id: 'record-incomplete', message: `The BIMI record ${text} has no address of the logo (l=).` });
  } else if (record.chain === '') {
    const message = `The BIMI record ${text} has no address of a chain (a=). Most receivers show no logo without a certificate.`;
    problems.push({ id: 'record-incomplete', message });
  }
  return { chain, logo, localParts, avatar, problems };

  function readAddress(tag: 'a' | 'l', what: 'chain' | 'logo', value: string): string | undefined {
    if (value === '') {
      return undefined;
    }
    const count = tagValues(tags, tag).length;
    const problem = count > 1 ? `contains the tag ${tag}= ${count} times` : describeAddress(tag, value, allowLoopback);
    if (problem === undefined) {
      return value;
    }
    const message = `The BIMI record ${text} ${problem}, so receivers do not use its address of the ${what}.`;
    problems.push({ id: 'record-invalid', message });
    return undefined;
  }

  function readLocalParts(): readonly string[] | null {
    const [value, ...more] = tagValues(tags, 'lps');
    if (value === undefined) {
      return null;
    }
    const found = value === '' ? [] : value.split(',').map((each) => each.trim());
    const wrong = found.find((each) => !LOCAL_PART.test(each));
    if (more.length > 0 || wrong !== undefined) {
      const why =
        more.length > 0
          ? 'contains the tag lps= several times'
          : `has ${quote(wrong ?? '')} in the tag lps=, which is not the beginning of a local part: at most 63 letters, digits and hyphens`;
      problems.push({ id: 'record-tag', message: `The BIMI record ${text} ${why}. Receivers ignore the tag.` });
      return null;
    }
    if (found.some((each) => /^(?:true|false)$/i.test(each))) {
      const message =
        `The BIMI record ${text} has ${quote(value)} in the tag lps=. It was a switch in earlier drafts of BIMI, and now it is the ` +
        'beginning of a local part. An empty lps= is about all local parts.';
      problems.push({ id: 'record-tag', message });
    }
    return found;
  }

  function readAvatar(): RecordPreferences['avatar'] {
    const [value = 'brand', ...more] = tagValues(tags, 'avp');
    if (more.length === 0 && AVATARS.has(value)) {
      return value === 'personal' ? value : 'brand';
    }
    const why = more.length > 0 ? 'contains the tag avp= several times' : `has ${quote(value)} in the tag avp=`;
    const message = `The BIMI record ${text} ${why}; accepted: brand and personal. Receivers ignore the tag, and may ignore the record.`;
    problems.push({ id: 'record-tag', message });
    return 'brand';
  }
}

/** Why receivers do not use an address, as a clause; undefined if they do. */
function describeAddress(tag: 'a' | 'l', value: string, allowLoopback: boolean): string | undefined {
  const url = URL.parse(value);
  if (!url || /[\s,]/.test(value)) {
    return `has ${quote(value)} in the tag ${tag}=, which is not one URL (a space is written as %20, a comma as %2C)`;
  }
  if (allowLoopback && isLoopback(url)) {
    return undefined;
  }
  if (url.protocol !== 'https:') {
    return `has a URL with ${quote(url.protocol)} in the tag ${tag}=, expected https`;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) || !host.includes('.')) {
    return `has a URL of ${quote(host)} in the tag ${tag}=, which is not a full domain name`;
  }
  const [ending] = tag === 'l' ? (OTHER_IMAGE.exec(url.pathname) ?? []) : [];
  return ending === undefined ? undefined : `has a URL that ends with ${quote(ending)} in the tag l=, expected .svg`;
}
