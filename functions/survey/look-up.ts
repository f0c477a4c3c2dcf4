import type { Severity } from '../certificate/report.ts';
import type { Download } from '../download.ts';
import { connectionProblem } from '../http.ts';
import { CHAIN_TYPE, SVG_TYPE } from '../store/manifest.ts';
import { type BimiRecord, readDmarcPolicies } from './dns.ts';
import { before, checkDmarc, type DnsChecks, findRecord, quote } from './dns-checks.ts';

/** What can be wrong with what a mail receiver finds for a domain. docs/command-line.md explains each. */
export const LOOKUP_FINDINGS = {
  'record-missing': 'error',
  'record-differs': 'error',
  'record-unreachable': 'error',
  'record-declines': 'error',
  'record-incomplete': 'error',
  'dmarc-missing': 'error',
  'dmarc-weak': 'error',
  'dmarc-unreachable': 'error',
  'chain-unreachable': 'error',
  'chain-type': 'warning',
  'logo-unreachable': 'error',
  'logo-type': 'warning',
  'logo-differs': 'error',
} as const satisfies Readonly<Record<string, Severity>>;

export interface LookupFinding {
  readonly id: keyof typeof LOOKUP_FINDINGS;
  readonly severity: Severity;
  /** One or more sentences: what is wrong, and with which domain. */
  readonly message: string;
}

/** What a mail receiver finds for a domain. */
export interface Lookup {
  /** The domain whose record applies: the domain itself or that of its organization. */
  readonly domain: string;
  readonly selector: string;
  /** The text of the BIMI record; null if there is not exactly one. */
  readonly record: string | null;
  readonly chainUrl: string | null;
  readonly logoUrl: string | null;
  readonly findings: readonly LookupFinding[];
}

/** The result of a look-up, with the files that the record names. */
export interface FoundFiles {
  readonly lookup: Lookup;
  /** Undefined if the chain was not served. */
  readonly chain: Uint8Array | undefined;
  /** Undefined if the logo was not served. */
  readonly logo: Uint8Array | undefined;
}

/** What a look-up needs. */
export interface LookupDependencies extends DnsChecks {
  readonly download: Download;
}

/**
 * Looks up what a mail receiver looks up to show the logo of a domain: the BIMI record, the DMARC policy, the chain and
 * the logo. Never throws: what fails is a finding.
 */
export async function lookUp(domain: string, selector: string, dependencies: LookupDependencies): Promise<FoundFiles> {
  const [located, dmarc] = await Promise.all([
    locateRecord(domain, selector, dependencies),
    checkDmarc(domain, dependencies),
  ]);
  const { record, domain: recordDomain } = located;
  const addresses = record ? addressesOf(record) : { chain: undefined, logo: undefined };
  const [chain, logo] = await Promise.all([
    fetchFile('chain', recordDomain, addresses.chain, CHAIN_TYPE, dependencies),
    fetchFile('logo', recordDomain, addresses.logo, SVG_TYPE, dependencies),
  ]);
  const found = [
    ...located.findings,
    ...(record ? checkAddresses(recordDomain, record) : []),
    ...dmarc,
    ...chain.findings,
    ...logo.findings,
  ];
  return {
    lookup: {
      domain: recordDomain,
      selector,
      record: record?.text ?? null,
      chainUrl: addresses.chain ?? null,
      logoUrl: addresses.logo ?? null,
      findings: found.map(withSeverity),
    },
    chain: chain.bytes,
    logo: logo.bytes,
  };
}

/** What a look-up found, with the severity of its id. */
export function withSeverity({ id, message }: Omit<LookupFinding, 'severity'>): LookupFinding {
  return { id, severity: LOOKUP_FINDINGS[id], message };
}

type Found = Omit<LookupFinding, 'severity'>;

interface LocatedRecord {
  readonly domain: string;
  readonly record: BimiRecord | undefined;
  readonly findings: readonly Found[];
}

/** Without a record, a receiver asks for that of the organization, with the same selector (BIMI draft 10, 7.2). */
async function locateRecord(domain: string, selector: string, checks: DnsChecks): Promise<LocatedRecord> {
  const own = await findRecord(domain, selector, checks);
  if (!('id' in own)) {
    return { domain, record: own, findings: [] };
  }
  const organization = own.id === 'record-missing' ? await findOrganization(domain, checks) : undefined;
  const record = organization === undefined ? undefined : await findRecord(organization, selector, checks);
  return organization !== undefined && record && !('id' in record)
    ? { domain: organization, record, findings: [] }
    : { domain, record: undefined, findings: [own] };
}

/** The domain of the organization, if it is another one and has a DMARC record. */
async function findOrganization(domain: string, { resolver, limitMilliseconds }: DnsChecks) {
  const limit = AbortSignal.timeout(limitMilliseconds);
  const policies = await before(limit, readDmarcPolicies(resolver, domain)).catch(() => []);
  const organization = policies.at(-1)?.name.replace(/^_dmarc\./, '');
  return organization === domain ? undefined : organization;
}

/** The addresses of the files. An empty one is none. */
function addressesOf({ chain, logo }: BimiRecord): { readonly chain?: string; readonly logo?: string } {
  return { ...(chain !== '' && { chain }), ...(logo !== '' && { logo }) };
}

function checkAddresses(domain: string, { text, chain, logo }: BimiRecord): Found[] {
  if (chain === '' && logo === '') {
    const message = `The BIMI record ${quote(text)} has no addresses: ${domain} declines to show a logo.`;
    return [{ id: 'record-declines', message }];
  }
  if (logo === '') {
    return [{ id: 'record-incomplete', message: `The BIMI record ${quote(text)} has no address of the logo (l=).` }];
  }
  if (chain === '') {
    const message = `The BIMI record ${quote(text)} has no address of a chain (a=). Most receivers show no logo without a certificate.`;
    return [{ id: 'record-incomplete', message }];
  }
  return [];
}

/** Fetches one file, and compares its content type. */
async function fetchFile(
  what: 'chain' | 'logo',
  domain: string,
  url: string | undefined,
  type: string,
  { download, limitMilliseconds }: LookupDependencies,
): Promise<{ readonly bytes?: Uint8Array; readonly findings: readonly Found[] }> {
  if (url === undefined) {
    return { findings: [] };
  }
  try {
    const file = await download(url, limitMilliseconds);
    const served = file.type?.split(';')[0]?.trim().toLowerCase();
    const message = `The ${what} of ${domain} has a wrong content type. ${quote(url)} is served as ${quote(file.type ?? '')}, expected ${type}.`;
    return { bytes: file.bytes, findings: served === type ? [] : [{ id: `${what}-type`, message }] };
  } catch (error) {
    const message = `The ${what} of ${domain} is unreachable. The request to ${quote(url)} failed: ${connectionProblem(error)}.`;
    return { findings: [{ id: `${what}-unreachable`, message }] };
  }
}
