import type { Severity } from '../certificate/report.ts';
import type { Download } from '../download.ts';
import { connectionProblem } from '../http.ts';
import { CHAIN_TYPE, SVG_TYPE } from '../store/manifest.ts';
import { type BimiRecord, readDmarcPolicies } from './dns.ts';
import { before, type DnsChecks, findRecord, lookUpDmarc, quote } from './dns-checks.ts';
import { judgeRecord, type RecordPreferences } from './record-tags.ts';

/** What can be wrong with what a mail receiver finds for a domain. docs/command-line.md explains each. */
export const LOOKUP_FINDINGS = {
  'record-missing': 'error',
  'record-differs': 'error',
  'record-unreachable': 'error',
  'record-declines': 'error',
  'record-incomplete': 'error',
  'record-invalid': 'error',
  'record-tag': 'warning',
  'dmarc-missing': 'error',
  'dmarc-weak': 'error',
  'dmarc-unreachable': 'error',
  'chain-unreachable': 'error',
  'chain-redirect': 'warning',
  'chain-type': 'warning',
  'logo-unreachable': 'error',
  'logo-redirect': 'warning',
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
export interface Lookup extends RecordPreferences {
  /** The domain whose record applies: the domain itself or that of its organization. */
  readonly domain: string;
  readonly selector: string;
  /** The text of the BIMI record; null if there is not exactly one. */
  readonly record: string | null;
  readonly chainUrl: string | null;
  readonly logoUrl: string | null;
  /** The DMARC records that apply: that of the domain and that of its organization, if they exist. */
  readonly dmarc: readonly { readonly name: string; readonly record: string }[];
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
  /** Whether the servers that a record names may be on this machine. */
  readonly allowLoopback: boolean;
}

/** The size of a chain or a logo, in bytes. A logo has at most 32 KB, and every chain is smaller than 64 KB. */
const FILE_BYTES = 256 * 1024;

/**
 * How the files of a record are downloaded. The BIMI draft does not mention redirects. Some receivers follow a few of them
 * to https (mailauth: three), others none, so they are followed and reported.
 */
export const FILE_RULES = { schemes: ['https:'], bytesLimit: FILE_BYTES, redirectsLimit: 3 } as const;

/**
 * Looks up what a mail receiver looks up to show the logo of a domain: the BIMI record, the DMARC policy, the chain and
 * the logo. It has at most two connections and the lookups of two names at a time. Never throws: what fails is a finding.
 */
export async function lookUp(domain: string, selector: string, dependencies: LookupDependencies): Promise<FoundFiles> {
  const [located, dmarc] = await Promise.all([
    locateRecord(domain, selector, dependencies),
    lookUpDmarc(domain, dependencies),
  ]);
  const { record, domain: recordDomain } = located;
  const judged = record && judgeRecord(recordDomain, record, dependencies.allowLoopback);
  const [chain, logo] = await Promise.all([
    fetchFile('chain', recordDomain, judged?.chain, CHAIN_TYPE, dependencies),
    fetchFile('logo', recordDomain, judged?.logo, SVG_TYPE, dependencies),
  ]);
  const found = [
    ...located.findings,
    ...(judged?.problems ?? []),
    ...dmarc.differences,
    ...chain.findings,
    ...logo.findings,
  ];
  return {
    lookup: {
      domain: recordDomain,
      selector,
      record: record?.text ?? null,
      chainUrl: judged?.chain ?? null,
      logoUrl: judged?.logo ?? null,
      localParts: judged?.localParts ?? null,
      avatar: judged?.avatar ?? 'brand',
      dmarc: dmarc.policies.map(({ name, text }) => ({ name, record: text })),
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
  if (organization === undefined || !record || ('id' in record && record.id === 'record-missing')) {
    return { domain, record: undefined, findings: [own] };
  }
  return 'id' in record
    ? { domain: organization, record: undefined, findings: [record] }
    : { domain: organization, record, findings: [] };
}

/** The domain of the organization, if it is another one and has a DMARC record. */
async function findOrganization(domain: string, { resolver, limitMilliseconds }: DnsChecks) {
  const limit = AbortSignal.timeout(limitMilliseconds);
  const policies = await before(limit, readDmarcPolicies(resolver, domain)).catch(() => []);
  const organization = policies.at(-1)?.name.replace(/^_dmarc\./, '');
  return organization === domain ? undefined : organization;
}

/** Fetches one file, reports where redirects lead, and compares its content type. */
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
    const target = file.redirects.at(-1);
    const redirected = `The ${what} of ${domain} is not served at the address in the record: ${quote(url)} redirects to ${quote(target ?? '')}. Some receivers do not follow redirects.`;
    const findings: Found[] = [
      ...(target === undefined ? [] : [{ id: `${what}-redirect`, message: redirected } as const]),
      ...(served === type ? [] : [{ id: `${what}-type`, message } as const]),
    ];
    return { bytes: file.bytes, findings };
  } catch (error) {
    const message = `The ${what} of ${domain} is unreachable. The request to ${quote(url)} failed: ${connectionProblem(error)}.`;
    return { findings: [{ id: `${what}-unreachable`, message }] };
  }
}
