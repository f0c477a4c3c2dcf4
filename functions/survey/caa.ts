import { truncate } from '../text.ts';
import { before } from './dns-checks.ts';
import { DnsLookupError } from './txt.ts';

/** Whether the CAA records of a domain let the CA issue a mark certificate for it (RFC 8659, property `issuevmc`). */

/** The part of a resolver of node:dns/promises that is used. Each record is its flags, and its value by its tag. */
export interface CaaResolver {
  resolveCaa(name: string): Promise<readonly object[]>;
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
  /** `unknown`: the name servers gave no answer that can be used. A CA then issues nothing either. */
  readonly verdict: 'allowed' | 'forbidden' | 'unknown';
  /** The name with the records that apply: the domain or one above it. Null if there are none, or if they are unknown. */
  readonly name: string | null;
  /** The records that apply, as a zone file has them. */
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
  const limit = AbortSignal.timeout(limitMilliseconds);
  const labels = domain.replace(/\.$/, '').split('.');
  for (const index of labels.keys()) {
    const name = labels.slice(index).join('.');
    let found: readonly object[];
    try {
      found = await before(limit, resolver.resolveCaa(name));
    } catch (error) {
      if (error instanceof Error && 'code' in error && NOT_FOUND_CODES.has(error.code)) {
        continue;
      }
      const reason = limit.aborted ? 'the name servers did not answer in time' : new DnsLookupError(error).message;
      return {
        domain,
        verdict: 'unknown',
        name: null,
        records: [],
        message: `The CAA records of ${domain} are unknown, because the lookup of ${name} failed: ${reason}. A CA issues no certificate while this lasts. Correct the DNS of ${name}.`,
      };
    }
    if (found.length > 0) {
      return judge(domain, name, found.map(propertyOf));
    }
  }
  return { domain, verdict: 'allowed', name: null, records: [], message: null };
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

function judge(domain: string, name: string, properties: readonly Property[]): CaaVerdict {
  const records = properties
    .slice(0, RECORDS_LIMIT)
    .map(({ isCritical, tag, value }) =>
      truncate(`${isCritical ? 128 : 0} ${tag} ${JSON.stringify(value)}`, RECORD_BYTES),
    );
  const unknown = properties.find(({ isCritical, tag }) => isCritical && !KNOWN_TAGS.has(tag));
  const authorizations = properties.filter(({ tag }) => tag === ISSUE_MARK);
  const at = name === domain ? name : `${name}, which also apply to ${domain},`;
  const verdict = (message: string | null): CaaVerdict => ({
    domain,
    verdict: message === null ? 'allowed' : 'forbidden',
    name,
    records,
    message,
  });
  if (unknown !== undefined) {
    return verdict(
      `The CAA records of ${at} contain the critical property ${JSON.stringify(truncate(unknown.tag, RECORD_BYTES))}, which a CA must understand to issue anything. Remove it, or ask the CA.`,
    );
  }
  if (authorizations.length === 0 || authorizations.some(({ value }) => ISSUER_NAMES.has(issuerOf(value)))) {
    return verdict(null);
  }
  const found = truncate(authorizations.map(({ value }) => JSON.stringify(value)).join(', '), RECORD_BYTES);
  return verdict(
    `The CAA records of ${at} do not let Sectigo issue a mark certificate: ${ISSUE_MARK} ${found}. Add the record: ${name}. CAA 0 ${ISSUE_MARK} "${SECTIGO_NAMES[0]}"`,
  );
}

/** A parameter of an authorization (RFC 8659, 4.2). */
const PARAMETER = /^[a-z0-9]+(-[a-z0-9]+)*[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*$/i;

/** The name of the CA that a value authorizes. A value with a wrong parameter authorizes nobody (RFC 8659, 4.2). */
function issuerOf(value: string): string {
  const [issuer = '', ...parameters] = value.split(';').map((part) => part.trim());
  const areValid = parameters.every((parameter) => parameter === '' || PARAMETER.test(parameter));
  return areValid ? issuer.toLowerCase() : '';
}
