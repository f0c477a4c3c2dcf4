import { printable, truncate, truncatePrintable } from '../text.ts';
import { DnsLookupError, readAlias } from './txt.ts';

/** Whether the CAA records of a domain let the CA issue a mark certificate for it (RFC 8659, property `issuevmc`). */

/** The part of a resolver of node:dns/promises that is used. Each record is its flags, and its value by its tag. */
export interface CaaResolver {
  resolveCaa(name: string): Promise<readonly object[]>;
  /** The target of an alias. Without this method, a verdict does not state that its records are those of an alias. */
  resolveCname?(name: string): Promise<string[]>;
}

/** What the lookup needs. */
export interface CaaChecks {
  readonly resolver: CaaResolver;
  /** The time limit for the lookups of one domain. */
  readonly limitMilliseconds: number;
}

/** What the CAA records of a domain mean for its next mark certificate. */
export interface CaaVerdict {
  readonly domain: string;
  /** `unknown`: the name servers gave no answer that can be used. A CA may then refuse to issue. */
  readonly verdict: 'allowed' | 'forbidden' | 'unknown';
  /** The name with the records that apply: the domain or one above it. Null if there are none, or if they are unknown. */
  readonly name: string | null;
  /** The records that apply, as a zone file has them, in printable characters. Those that decide are the first. */
  readonly records: readonly string[];
  /** One or more sentences for a person: the reason and the next step. Null if issuing is allowed. */
  readonly message: string | null;
}

/**
 * The names by which Sectigo accepts that a CAA record authorizes it (Sectigo: "CAA Record - Certification Authority
 * Authorization").
 */
export const SECTIGO_NAMES = [
  'sectigo.com',
  'trust-provider.com',
  'usertrust.com',
  'comodoca.com',
  'comodo.com',
] as const;

const ISSUER_NAMES: ReadonlySet<string> = new Set(SECTIGO_NAMES);

/** The property that restricts who issues mark certificates. `issue` and `issuewild` are about TLS certificates only. */
const ISSUE_MARK = 'issuevmc';

/** The tags that every CA knows (IANA: "Certification Authority Restriction Properties"). */
const KNOWN_TAGS: ReadonlySet<string> = new Set([
  'issue',
  'issuewild',
  'issuemail',
  ISSUE_MARK,
  'iodef',
  'contactemail',
  'contactphone',
]);

/** The error codes for a name without CAA records. After any other code they are unknown. */
const NOT_FOUND_CODES: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** The maximum number of records in a verdict, and of bytes of each. */
const RECORDS_LIMIT = 10;
const RECORD_BYTES = 200;

/** The maximum size of a name in a message, in bytes. The names of the DNS have at most 253 characters. */
const NAME_BYTES = 260;

/** What c-ares answers if it cannot read the records: it refuses some that RFC 8659 allows. */
const UNREADABLE_CODE = 'EBADRESP';

interface Property {
  readonly isCritical: boolean;
  /** In small letters: tags are compared without regard to case (RFC 8659, 4.1). */
  readonly tag: string;
  readonly value: string;
}

/**
 * Looks up the CAA records that apply to a domain: its own, or those of the first domain above it that has some (RFC
 * 8659, 3). The resolver follows aliases. Never throws: a failed lookup is the verdict `unknown`.
 */
export async function checkCaa(domain: string, { resolver, limitMilliseconds }: CaaChecks): Promise<CaaVerdict> {
  const endsAt = performance.now() + limitMilliseconds;
  const labels = domain.replace(/\.$/, '').split('.');
  for (const index of labels.keys()) {
    const name = labels.slice(index).join('.');
    let found: readonly object[];
    try {
      found = await inTime(endsAt, resolver.resolveCaa(name));
    } catch (error) {
      if (hasNoRecords(error)) {
        continue;
      }
      return {
        domain,
        verdict: 'unknown',
        name: null,
        records: [],
        message: unknownMessage(domain, name, error),
      };
    }
    if (found.length > 0) {
      return judge(domain, name, found.map(propertyOf), () => targetOf(resolver, name, endsAt));
    }
  }
  return { domain, verdict: 'allowed', name: null, records: [], message: null };
}

/** Whether the error of a lookup means that a name has no CAA records. */
export function hasNoRecords(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NOT_FOUND_CODES.has(error.code);
}

function unknownMessage(domain: string, name: string, error: unknown): string {
  const { message: reason, code } = new DnsLookupError(error);
  const hint =
    code === UNREADABLE_CODE ? ' A record with an empty value is one reason: write ";" if nobody may issue.' : '';
  return `The CAA records of ${nameText(domain)} are unknown, because the lookup of ${nameText(name)} failed: ${reason}. A CA may refuse to issue while this lasts. Correct the DNS of ${nameText(name)}.${hint}`;
}

/**
 * Waits for a lookup until a moment. A timer that ends with the lookup: a signal would stay in memory until the limit, for
 * each of thousands of domains.
 *
 * @param endsAt by `performance.now()`.
 */
async function inTime<T>(endsAt: number, lookup: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(Object.assign(new Error('the time limit ended'), { code: 'ETIMEOUT' }));
  const timer = setTimeout(stop, Math.max(0, endsAt - performance.now()));
  try {
    return await Promise.race([lookup, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The name that an alias leads to, which has the records; undefined if a name is no alias. */
async function targetOf(resolver: CaaResolver, name: string, endsAt: number): Promise<string | undefined> {
  const alias = await inTime(endsAt, readAlias(resolver, name)).catch(() => undefined);
  return alias?.targets.at(-1);
}

/** A name that anybody can have chosen, for a message. */
function nameText(name: string): string {
  return truncatePrintable(name, NAME_BYTES);
}

/** node:dns has each record as `{critical, [tag]: value, type}`. A tag `critical` or `type` hides the other one. */
function propertyOf(record: object): Property {
  const { critical, type: _, ...values } = { critical: 0, type: '', ...record };
  const [[tag, value] = ['critical', critical]] = Object.entries(values);
  return {
    isCritical: typeof critical !== 'number' || (critical & 0x80) !== 0,
    tag: tag.toLowerCase(),
    value: String(value),
  };
}

/** @param findTarget returns the name that an alias leads to, if the name with the records is one. */
async function judge(
  domain: string,
  name: string,
  properties: readonly Property[],
  findTarget: () => Promise<string | undefined>,
): Promise<CaaVerdict> {
  const isUnknown = ({ isCritical, tag }: Property) => isCritical && !KNOWN_TAGS.has(tag);
  const decides = (property: Property) => property.tag === ISSUE_MARK || isUnknown(property);
  const records = [...properties.filter(decides), ...properties.filter((property) => !decides(property))]
    .slice(0, RECORDS_LIMIT)
    .map(({ isCritical, tag, value }) =>
      truncatePrintable(`${isCritical ? 128 : 0} ${tag} ${quoted(value)}`, RECORD_BYTES),
    );
  const unknown = properties.find(isUnknown);
  const authorizations = properties.filter(({ tag }) => tag === ISSUE_MARK);
  const isAllowed =
    authorizations.length === 0 || authorizations.some(({ value }) => ISSUER_NAMES.has(issuerOf(value)));
  if (unknown === undefined && isAllowed) {
    return { domain, verdict: 'allowed', name, records, message: null };
  }
  const target = await findTarget();
  const owner = nameText(target ?? name);
  const at = [
    nameText(name),
    target !== undefined && ` (an alias of ${owner})`,
    name !== domain && `, which also apply to ${nameText(domain)},`,
  ]
    .filter(Boolean)
    .join('');
  const message =
    unknown === undefined
      ? `The CAA records of ${at} do not let Sectigo issue a mark certificate: ${ISSUE_MARK} ${truncate(
          authorizations.map(({ value }) => quoted(value)).join(', '),
          RECORD_BYTES,
        )}. Add the record: ${owner}. CAA 0 ${ISSUE_MARK} "${SECTIGO_NAMES[0]}"`
      : `The CAA records of ${at} contain the critical property ${quoted(unknown.tag)}, which a CA must understand to issue anything. Remove it at ${owner}, or ask the CA.`;
  return { domain, verdict: 'forbidden', name, records, message };
}

/** A text of others as a zone file has it, in printable characters. */
function quoted(text: string): string {
  return printable(JSON.stringify(truncate(text.slice(0, RECORD_BYTES), RECORD_BYTES)));
}

/** A parameter of an authorization (RFC 8659, 4.2). */
const PARAMETER = /^[a-z0-9]+(?:-+[a-z0-9]+)*[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*$/i;

/** The name of the CA that a value authorizes. A value with a wrong parameter authorizes nobody (RFC 8659, 4.2). */
function issuerOf(value: string): string {
  const [issuer = '', ...parameters] = value.split(';').map((part) => part.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
  const areValid = parameters.every((parameter) => parameter === '' || PARAMETER.test(parameter));
  return areValid ? issuer.toLowerCase() : '';
}
