import { CollectorError } from '../collector-error.ts';

/** The TXT records at a name, read as mail receivers read them, and why they are missing or unknown. */

/** The part of a resolver of node:dns/promises that is used. Each record is the list of its strings. */
export interface TxtResolver {
  resolveTxt(name: string): Promise<string[][]>;
  /** The target of an alias. A resolver without this method follows every alias itself. */
  resolveCname?(name: string): Promise<string[]>;
}

/** An alias (CNAME record) and where it leads. */
export interface Alias {
  readonly name: string;
  /** The target, then the target of each further alias. At least one. */
  readonly targets: readonly string[];
  /** What the last target is. */
  readonly end: 'a name' | 'a name that does not exist' | 'a circle' | 'unknown';
}

/** The error codes for a name without a TXT record. After any other code its records are unknown. */
const NOT_FOUND_CODES: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** Answers of name servers with an error, which can be about the target of an alias. */
const SERVER_ERROR_CODES: ReadonlySet<unknown> = new Set(['ESERVFAIL', 'EREFUSED']);

/** The maximum number of aliases that are followed for one name. Resolvers stop at 8 to 16. */
const ALIASES_LIMIT = 8;

/** What happened in words, by the code of node:dns ("Error codes"). */
const FAILURES: Readonly<Record<string, string>> = {
  ETIMEOUT: 'the name servers did not answer in time',
  EREFUSED: 'the name servers refuse to answer',
  ESERVFAIL: 'the name servers report a failure, for example because the delegation or the DNSSEC signatures are wrong',
  ECONNREFUSED: 'no name server can be reached',
  EFORMERR: 'the name servers do not understand the question',
  ENOTIMP: 'the name servers do not support the question',
  EBADRESP: 'the answer of the name servers cannot be read',
  EBADNAME: 'the name is not a valid DNS name',
};

/** A lookup failed, so the records of a name are unknown. The message is a clause for a person. */
export class DnsLookupError extends CollectorError {
  override readonly name = 'DnsLookupError';
  /** The code of node:dns, if it gave one. */
  readonly code: string | undefined;

  constructor(cause: unknown, targets: readonly string[] = []) {
    const code = codeOf(cause);
    const failure = code === undefined ? 'the lookup failed' : `${FAILURES[code] ?? 'the lookup failed'} (${code})`;
    super(targets.length > 0 ? `the name is an alias (CNAME) of ${targets.join(', then ')}: ${failure}` : failure, {
      cause,
    });
    this.code = code;
  }
}

/**
 * The TXT records at one name, the strings of each joined; empty if there are none. Name servers follow aliases, but one
 * that serves only the zone of the name answers with the alias alone: then this follows it.
 *
 * @throws {DnsLookupError} if the records are unknown.
 */
export async function readTxt(resolver: TxtResolver, name: string): Promise<string[]> {
  const targets: string[] = [];
  for (;;) {
    const current = targets.at(-1) ?? name;
    const { texts, failure } = await queryTxt(resolver, current);
    const code = codeOf(failure);
    if (texts.length > 0 || code === 'ENOTFOUND') {
      return texts;
    }
    const isMissing = failure === undefined || code === 'ENODATA';
    if (!isMissing && !SERVER_ERROR_CODES.has(code)) {
      throw new DnsLookupError(failure, targets);
    }
    const target = await readTarget(resolver, current).catch((error) => {
      // Records are missing only if the name is certainly not an alias.
      throw new DnsLookupError(isMissing ? error : failure, targets);
    });
    if (target === undefined || isCircle(target, name, targets)) {
      if (isMissing) {
        return [];
      }
      throw new DnsLookupError(failure, targets);
    }
    targets.push(target);
  }
}

/** Where the alias at a name leads; undefined if there is none, or if it is unknown whether there is one. */
export async function readAlias(resolver: Pick<TxtResolver, 'resolveCname'>, name: string): Promise<Alias | undefined> {
  const targets: string[] = [];
  for (;;) {
    let end: Alias['end'] = 'a name';
    try {
      const target = await resolver.resolveCname?.(targets.at(-1) ?? name).then(([first]) => first);
      if (target !== undefined) {
        const circle = isCircle(target, name, targets);
        targets.push(target);
        if (!circle) {
          continue;
        }
        end = 'a circle';
      }
    } catch (error) {
      const code = codeOf(error);
      end = code === 'ENOTFOUND' ? 'a name that does not exist' : code === 'ENODATA' ? 'a name' : 'unknown';
    }
    return targets.length > 0 ? { name, targets, end } : undefined;
  }
}

async function queryTxt(resolver: TxtResolver, name: string): Promise<{ texts: string[]; failure?: unknown }> {
  try {
    return { texts: (await resolver.resolveTxt(name)).map((strings) => strings.join('')) };
  } catch (failure) {
    return { texts: [], failure };
  }
}

/** The target of the alias at a name; undefined if there is none. */
async function readTarget(resolver: TxtResolver, name: string): Promise<string | undefined> {
  try {
    return (await resolver.resolveCname?.(name))?.[0];
  } catch (error) {
    if (NOT_FOUND_CODES.has(codeOf(error))) {
      return undefined;
    }
    throw error;
  }
}

/** Whether an alias leads back to a name before it, or through too many names. */
function isCircle(target: string, name: string, targets: readonly string[]): boolean {
  const before = [name, ...targets].map((each) => each.toLowerCase());
  return before.includes(target.toLowerCase()) || targets.length === ALIASES_LIMIT;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
