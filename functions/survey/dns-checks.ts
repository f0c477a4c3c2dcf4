import { assertionName } from '../bimi.ts';
import { truncate } from '../text.ts';
import type { Difference } from './differences.ts';
import { type BimiRecord, type DmarcPolicy, dmarcName, readBimiRecords, readDmarcPolicies } from './dns.ts';
import { explainBimiRecord, explainDmarcRecord } from './dns-hints.ts';
import { DnsLookupError, readTxt, type TxtResolver } from './txt.ts';

/** The checks of the BIMI record and the DMARC policy of a domain. They never throw: a failed lookup is a difference. */

/** What the checks of the DNS need. */
export interface DnsChecks {
  readonly resolver: TxtResolver;
  /** The time limit for each object, each BIMI record and each DMARC policy. */
  readonly limitMilliseconds: number;
}

/** The maximum size of a text of others in a message, in bytes: ten events must fit into one call of PutEvents. */
const QUOTE_BYTES = 300;

/** The only BIMI record of a selector, or the reason why there is not exactly one. */
export async function findRecord(
  domain: string,
  selector: string,
  checks: DnsChecks,
): Promise<BimiRecord | (Difference & { readonly id: `record-${string}` })> {
  const limit = AbortSignal.timeout(checks.limitMilliseconds);
  try {
    const { name, records, others } = await before(limit, readBimiRecords(checks.resolver, domain, selector));
    const [record, ...more] = records;
    if (record && more.length === 0) {
      return record;
    }
    const found = others.length > 0 ? ` Found: ${quote(others.join(' | '))}.` : '';
    const difference = record
      ? ({
          id: 'record-differs',
          message: `${name} has ${records.length} BIMI records, expected one. Found: ${quote(
            records.map(({ text }) => text).join(' | '),
          )}.`,
        } as const)
      : ({ id: 'record-missing', message: `${name} has no TXT record that begins with v=BIMI1.${found}` } as const);
    return await withHints(difference, domain, selector, checks, limit);
  } catch (error) {
    const message = `The DNS lookup of the BIMI record ${assertionName(domain, selector)} failed: ${lookupProblem(error)}.`;
    return { id: 'record-unreachable', message };
  }
}

/** Adds to a difference of a BIMI record what else the DNS contains: aliases and wildcards. */
export async function withHints<Id>(
  { id, message }: { readonly id: Id; readonly message: string },
  domain: string,
  selector: string,
  { resolver, limitMilliseconds }: DnsChecks,
  limit = AbortSignal.timeout(limitMilliseconds),
): Promise<{ readonly id: Id; readonly message: string }> {
  const hints = await before(limit, explainBimiRecord(resolver, domain, selector)).catch(() => []);
  return { id, message: [message, ...hints].join(' ') };
}

type DmarcDifference = Difference & { readonly id: `dmarc-${string}` };

/** Whether each DMARC policy that applies to a domain is one with which receivers show logos. */
export async function checkDmarc(domain: string, checks: DnsChecks): Promise<readonly DmarcDifference[]> {
  return (await lookUpDmarc(domain, checks)).differences;
}

/** The DMARC policies that apply to a domain, and what is wrong with them. */
export async function lookUpDmarc(
  domain: string,
  { resolver, limitMilliseconds }: DnsChecks,
): Promise<{ readonly policies: readonly DmarcPolicy[]; readonly differences: readonly DmarcDifference[] }> {
  const limit = AbortSignal.timeout(limitMilliseconds);
  try {
    const policies = await before(limit, readDmarcPolicies(resolver, domain));
    if (policies.length === 0) {
      const others = await before(limit, readTxt(resolver, dmarcName(domain))).catch(() => []);
      const hints = await before(limit, explainDmarcRecord(resolver, domain)).catch(() => []);
      const found = others.length > 0 ? [`Found at ${dmarcName(domain)}: ${quote(others.join(' | '))}.`] : [];
      const message = `Neither ${domain} nor a domain above it has exactly one DMARC record.`;
      return { policies, differences: [{ id: 'dmarc-missing', message: [message, ...found, ...hints].join(' ') }] };
    }
    const differences = policies.flatMap(({ name, weakness }) => {
      if (weakness === undefined) {
        return [];
      }
      const problem = truncate(weakness, QUOTE_BYTES);
      const message = `The DMARC record ${name} ${problem}; BIMI needs quarantine or reject for all messages.`;
      return [{ id: 'dmarc-weak', message } as const];
    });
    return { policies, differences };
  } catch (error) {
    const message = `The DNS lookup of the DMARC policy of ${domain} failed: ${lookupProblem(error)}.`;
    return { policies: [], differences: [{ id: 'dmarc-unreachable', message }] };
  }
}

/** Why a lookup failed, as a clause. */
function lookupProblem(error: unknown): string {
  return error instanceof DnsLookupError ? error.message : 'the name servers did not answer in time';
}

/** Waits for a result, but rejects at the limit. A resolver cannot be aborted. */
export function before<T>(limit: AbortSignal, work: Promise<T>): Promise<T> {
  const timeout = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason), { once: true });
    if (limit.aborted) {
      reject(limit.reason);
    }
  });
  return Promise.race([work, timeout]);
}

/** A text of others in a message. */
export function quote(text: string): string {
  return JSON.stringify(truncate(text, QUOTE_BYTES));
}
