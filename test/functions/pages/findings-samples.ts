/** What surveys found besides the orders, as the overview shows it. */
import type { OverviewCaa } from '../../../functions/pages/overview-caa.ts';
import type { OverviewFetches } from '../../../functions/pages/overview-fetches.ts';
import type { OverviewWatched } from '../../../functions/pages/overview-watched.ts';
import type { CaaWarning } from '../../../functions/store/caa.ts';

const SINCE = '2026-11-20T05:20:00.000Z';

/** A warning about a domain: by default, its records forbid a certificate. */
export function warningOf(domain: string, changes: Partial<CaaWarning> = {}): CaaWarning {
  return {
    domain,
    verdict: 'forbidden',
    name: domain,
    records: ['0 issuevmc "digicert.com"'],
    message: `The CAA records of ${domain} do not let Sectigo issue a mark certificate: issuevmc "digicert.com". Add the record: ${domain}. CAA 0 issuevmc "sectigo.com"`,
    since: SINCE,
    ...changes,
  };
}

export function caaOf(warnings: readonly CaaWarning[], omitted = 0): OverviewCaa {
  return {
    warnings: new Map(warnings.map((warning) => [warning.domain, warning])),
    omitted: { forbidden: omitted, unknown: 0 },
    checkedAt: '2026-11-23T05:20:00.000Z',
  };
}

/** What was fetched of an address: Gmail was the first with the live chain. */
export const FETCHED = {
  gmail: { chain: '2026-11-22T10:00:00.000Z', logo: '2026-11-23T10:00:00.000Z', first: '2026-11-01T09:30:00.000Z' },
  other: { chain: '2026-11-21T10:00:00.000Z', first: '2026-11-02T09:30:00.000Z' },
} as const;

/** Addresses with the same fetches. */
export function fetchesOf(addresses: readonly string[]): OverviewFetches {
  return {
    addresses: new Map(addresses.map((address) => [address, FETCHED])),
    readSince: '2026-10-01T05:20:00.000Z',
    readUntil: '2026-11-23T04:00:00.000Z',
  };
}

interface WatchedSample extends Partial<Omit<OverviewWatched, 'certificate'>> {
  readonly owner?: string;
  readonly daysLeft?: number;
}

/** A watched domain that is as it should be. */
export function watchedOf({ owner = 'Example Limited', daysLeft = 200, ...changes }: WatchedSample): OverviewWatched {
  return {
    domain: 'example.com',
    selector: 'default',
    since: '2026-06-01T12:00:00.000Z',
    state: 'good',
    checkedAt: '2026-11-23T05:20:00.000Z',
    differences: [],
    certificate: { fingerprintSha256: 'ab'.repeat(32), owner, notAfter: '2027-06-11T23:59:59.000Z', daysLeft },
    ...changes,
  };
}

const UNCHECKED = { checkedAt: null, certificate: null } as const;

/** A watched domain in each state. */
export const WATCHED: readonly OverviewWatched[] = [
  watchedOf({ domain: 'broken.example', state: 'broken', differences: ['record-differs', 'dmarc-weak'], daysLeft: -3 }),
  { ...watchedOf({ domain: 'damaged.example', state: 'unreadable', since: null }), ...UNCHECKED },
  { ...watchedOf({ domain: 'new.example', state: 'unchecked' }), ...UNCHECKED },
  watchedOf({ domain: 'today.example', daysLeft: 0 }),
  watchedOf({ domain: 'brand.example', selector: 'winter', daysLeft: 1 }),
  { ...watchedOf({ domain: 'own.example', state: 'published' }), ...UNCHECKED },
];
