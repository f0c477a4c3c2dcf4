import { daysLeft } from '../days.ts';
import { type CaaWarning, type CaaWarnings, needsOnlyCaa, withCaa } from '../store/caa.ts';
import type { FetchedAddress } from '../store/fetches.ts';
import {
  type AssessedManifest,
  type AssessedOrder,
  type AssessedSources,
  type AssessedStatus,
  assessOrder,
} from '../store/order-state.ts';
import type { Publication } from '../store/publication.ts';
import { findSuperseded } from '../store/supersession.ts';
import { joinWithLimit } from '../text.ts';

/** The certificate of an order in the overview. */
export interface OverviewCertificate {
  readonly fingerprintSha256: string;
  /** The organization of the subject; null if it has none. */
  readonly owner: string | null;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Calendar days in UTC until the certificate expires; negative after that. */
  readonly daysLeft: number;
  readonly publishable: boolean;
  /** The ids of the findings that are errors. */
  readonly errors: readonly string[];
  /** How many receivers show the logo, of those whose verdict is known; null if release 0.1.0 stored the certificate. */
  readonly receivers: { readonly showing: number; readonly assessed: number } | null;
  /** Whether a newer certificate, of any order, covers the same names, and this one is not published. */
  readonly isReplaced: boolean;
  /** The object with the logo; missing if the certificate has none. */
  readonly logo?: OverviewLogo | undefined;
}

/** The object with a logo. */
export interface OverviewLogo {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** One address at which the certificate of an order is published. */
export interface OverviewAddress {
  readonly domain: string;
  readonly selector: string;
  /** `broken`: the last check found differences. `outdated`: the order has another certificate now. */
  readonly state: 'published' | 'outdated' | 'broken' | 'revoked';
  /** The ids of the differences. */
  readonly differences: readonly string[];
  /** What each receiver fetched; null if no logs are read. */
  readonly fetches: FetchedAddress | null;
}

/** An order in the overview. */
export interface OverviewOrder extends AssessedOrder {
  /** The domains whose CAA records forbid the next certificate, or are unknown. */
  readonly caa: readonly CaaWarning[];
  readonly certificate: OverviewCertificate | null;
  /** Null if the collector publishes nothing. */
  readonly addresses: readonly OverviewAddress[] | null;
  /** The first part of the overview to which the order belongs. */
  readonly section: SectionName;
}

/** The parts of the overview, in their order. */
export const SECTIONS = ['needs-someone', 'ending-soon', 'waiting', 'other'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** The differences that a survey found at an address. They count for this certificate only. */
export interface BrokenAddress {
  readonly domain: string;
  readonly selector: string;
  readonly fingerprintSha256: string;
  readonly differences: readonly string[];
}

/** What surveys found besides the orders. */
export interface OverviewFindings {
  /** The differences at published addresses. */
  readonly broken?: readonly BrokenAddress[];
  /** The warnings about CAA records. */
  readonly caa?: CaaWarnings;
  /** Who fetched what, by `<domain>/<selector>`; missing if no logs are read. */
  readonly fetches?: ReadonlyMap<string, FetchedAddress> | undefined;
}

/** The manifest of a certificate, as far as the overview reads it. */
export interface OverviewManifest extends AssessedManifest {
  readonly orderNumber: string;
  readonly fingerprintSha256: string;
  /** The values of the subject by the names of its attributes. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly receivers?: readonly { readonly shows: boolean | null }[] | undefined;
  readonly objects: Readonly<
    Record<string, { readonly key: string; readonly size?: number; readonly sha256?: string }>
  >;
}

/** What the overview keeps of a manifest, so that 50,000 of them need little memory. */
export interface OverviewRecord
  extends AssessedManifest,
    Pick<OverviewCertificate, 'fingerprintSha256' | 'logo' | 'owner' | 'receivers'> {
  readonly orderNumber: string;
}

/** What the overview needs of a publication that is served. */
export interface OverviewPublication extends Pick<Publication, 'domain' | 'selector' | 'revokedAt'> {
  readonly live: Pick<Publication['live'], 'orderNumber' | 'fingerprintSha256'>;
}

export interface OverviewSettings {
  /** Certificates with at most this number of days left are in the section of those that end soon. */
  readonly endingSoonDays: number;
  /** Whether the collector publishes certificates. */
  readonly publishes: boolean;
}

/** Collects what is known of all orders, one object after the other and in any order. */
export class OrderCollection {
  readonly #statuses = new Map<string, AssessedStatus>();
  readonly #manifests = new Map<string, OverviewRecord>();
  readonly #damage = new Map<string, readonly string[]>();
  readonly #running = new Map<string, readonly string[]>();
  readonly #addresses = new Map<string, Omit<OverviewAddress, 'differences' | 'fetches'>[]>();
  readonly #fingerprints = new Map<string, string>();
  readonly #settings: OverviewSettings;

  constructor(settings: OverviewSettings) {
    this.#settings = settings;
  }

  addStatus(status: AssessedStatus & { readonly orderNumber: string }): void {
    this.#statuses.set(status.orderNumber, status);
  }

  addManifest(manifest: OverviewManifest): void {
    this.addRecord(overviewRecord(manifest));
  }

  /** {@link addManifest} for a manifest that was reduced to what the overview keeps. */
  addRecord(record: OverviewRecord): void {
    this.#manifests.set(record.orderNumber, record);
  }

  /** @param key the key of a damaged status or manifest. */
  addDamaged(key: string, problem: string): void {
    const [, orderNumber] = /^orders\/([^/]+)\/[^/]+$/.exec(key) ?? [];
    if (orderNumber !== undefined) {
      this.#damage.set(orderNumber, [...(this.#damage.get(orderNumber) ?? []), `${key} cannot be read: ${problem}.`]);
    }
  }

  /** Adds everything that is known of one order. */
  addOrder({
    orderNumber,
    status,
    manifest,
    damage,
    running,
  }: AssessedSources & { manifest?: OverviewManifest | null | undefined }) {
    if (status) {
      this.addStatus({ ...status, orderNumber });
    }
    if (manifest) {
      this.addManifest(manifest);
    }
    if (damage.length > 0) {
      this.#damage.set(orderNumber, damage);
    }
    if (running) {
      this.#running.set(orderNumber, running);
    }
  }

  addPublication({ domain, selector, live, revokedAt }: OverviewPublication): void {
    const addresses = this.#addresses.get(live.orderNumber) ?? [];
    addresses.push({ domain, selector, state: revokedAt === null ? 'published' : 'revoked' });
    this.#addresses.set(live.orderNumber, addresses);
    this.#fingerprints.set(addressOf({ domain, selector }), live.fingerprintSha256);
  }

  /** The orders as they are at a time, each once, those that need someone first. */
  orders(now: Date, findings: OverviewFindings = {}): OverviewOrder[] {
    const superseded = findSuperseded([...this.#manifests.values()]);
    // Mail receivers still use a certificate that is published: for example, another selector has the newer one.
    const published = new Set(this.#fingerprints.values());
    const isReplaced = new Set([...superseded].filter(({ fingerprintSha256 }) => !published.has(fingerprintSha256)));
    const differences = new Map(
      (findings.broken ?? [])
        .filter((each) => this.#fingerprints.get(addressOf(each)) === each.fingerprintSha256)
        .map((each) => [addressOf(each), each.differences]),
    );
    const numbers = new Set([
      ...this.#statuses.keys(),
      ...this.#manifests.keys(),
      ...this.#damage.keys(),
      ...this.#running.keys(),
    ]);
    return [...numbers]
      .map((orderNumber) => this.#order(orderNumber, now, isReplaced, differences, findings))
      .toSorted(byUrgency);
  }

  #order(
    orderNumber: string,
    now: Date,
    isReplaced: ReadonlySet<OverviewRecord>,
    differences: ReadonlyMap<string, readonly string[]>,
    findings: OverviewFindings,
  ): OverviewOrder {
    const manifest = this.#manifests.get(orderNumber);
    const assessed = assessOrder(
      {
        orderNumber,
        status: this.#statuses.get(orderNumber),
        manifest: manifest ?? null,
        damage: this.#damage.get(orderNumber) ?? [],
        running: this.#running.get(orderNumber),
      },
      now,
    );
    const certificate = manifest ? certificateOf(manifest, isReplaced.has(manifest), now) : null;
    const addresses = this.#settings.publishes
      ? this.#addressesOf(orderNumber, manifest, differences, findings.fetches)
      : null;
    const known = withoutReplaced(withBroken({ ...assessed, certificate, addresses }));
    // Nobody renews a certificate that another order has replaced.
    const domains = certificate?.isReplaced
      ? []
      : [known.domains, manifest?.domains, manifest?.ordered?.domains, addresses?.map(({ domain }) => domain)];
    const order = withCaa(
      known,
      domains.flatMap((each) => each ?? []),
      findings.caa ?? new Map(),
    );
    return { ...order, section: sectionOf(order, this.#settings.endingSoonDays) };
  }

  #addressesOf(
    orderNumber: string,
    manifest: OverviewRecord | undefined,
    differences: ReadonlyMap<string, readonly string[]>,
    fetches: OverviewFindings['fetches'],
  ): readonly OverviewAddress[] {
    const published = this.#addresses.get(orderNumber);
    if (published === undefined) {
      return NONE;
    }
    return published.map((address) => {
      const found = differences.get(addressOf(address)) ?? NONE;
      const isOutdated =
        manifest !== undefined && this.#fingerprints.get(addressOf(address)) !== manifest.fingerprintSha256;
      const state =
        address.state === 'revoked' ? 'revoked' : found.length > 0 ? 'broken' : isOutdated ? 'outdated' : 'published';
      const fetched = fetches ? (fetches.get(addressOf(address)) ?? {}) : null;
      return { ...address, state, differences: found, fetches: fetched };
    });
  }
}

/** One empty list for all orders: separate lists would need megabytes. */
const NONE: readonly never[] = [];

type Unsorted = Omit<OverviewOrder, 'caa' | 'section'>;

/** What a person must do about a publication in this state. The runbook has a section for each. */
const PUBLICATION_STEPS = {
  revoked: 'order a new certificate (runbook: "A published certificate was revoked")',
  broken: 'fix what is wrong with the publication (runbook: "A publication is broken")',
} as const satisfies Partial<Record<OverviewAddress['state'], string>>;

function withBroken(order: Unsorted): Unsorted {
  const addresses = order.addresses ?? [];
  const state = (['revoked', 'broken'] as const).find((name) => addresses.some((address) => address.state === name));
  if (state === undefined || order.nextStep !== null) {
    return order;
  }
  const domains = joinWithLimit(addresses.filter((address) => address.state === state).map(({ domain }) => domain));
  return {
    ...order,
    text: `${order.text}; but what is published for ${domains} is ${state}`,
    needsSomeone: true,
    nextStep: PUBLICATION_STEPS[state],
  };
}

/** Nobody has to act for the end of a certificate that another order has replaced, unless it is still published. */
function withoutReplaced(order: Unsorted): Unsorted {
  const { state, error, certificate, addresses } = order;
  const hasEnded = certificate !== null && certificate.daysLeft <= 0;
  return state === 'issued' && error === null && certificate?.isReplaced && hasEnded && (addresses ?? []).length === 0
    ? { ...order, needsSomeone: false, nextStep: null }
    : order;
}

function sectionOf({ needsSomeone, state, certificate }: Unsorted, endingSoonDays: number): SectionName {
  if (needsSomeone) {
    return 'needs-someone';
  }
  if (certificate !== null && !certificate.isReplaced && certificate.daysLeft <= endingSoonDays) {
    return 'ending-soon';
  }
  return state === 'waiting' ? 'waiting' : 'other';
}

/** Bytes of an owner. The subject of a certificate can have 64 characters (RFC 5280, A.1), but a hostile one has any. */
const OWNER_CHARACTERS = 300;

/** Reduces a manifest to what the overview keeps of it. */
export function overviewRecord(manifest: OverviewManifest): OverviewRecord {
  const { account, attributes, collectedAt, domains, fingerprintSha256, notAfter, notBefore, ordered } = manifest;
  const { objects, orderNumber, product, publishable, receivers, revokedAt } = manifest;
  return {
    orderNumber,
    account,
    collectedAt,
    domains,
    fingerprintSha256,
    findings: manifest.findings.flatMap(({ id, severity }) => (severity === 'error' ? [{ id, severity }] : [])),
    logo: logoOf(objects.logo),
    notAfter,
    notBefore,
    ordered,
    owner: attributes.organizationName?.join(', ').slice(0, OWNER_CHARACTERS) ?? null,
    product,
    publishable,
    revokedAt,
    receivers: receivers
      ? {
          showing: receivers.filter(({ shows }) => shows === true).length,
          assessed: receivers.filter(({ shows }) => shows !== null).length,
        }
      : null,
  };
}

function logoOf(object: OverviewManifest['objects'][string] | undefined): OverviewLogo | undefined {
  const { key, size, sha256 } = object ?? {};
  return key === undefined || size === undefined || sha256 === undefined ? undefined : { key, size, sha256 };
}

function certificateOf(manifest: OverviewRecord, isReplaced: boolean, now: Date): OverviewCertificate {
  const { fingerprintSha256, owner, notBefore, notAfter, publishable, receivers, findings, logo } = manifest;
  const errors = findings.length === 0 ? NONE : [...new Set(findings.map(({ id }) => id))];
  return {
    fingerprintSha256,
    owner,
    notBefore,
    notAfter,
    daysLeft: daysLeft(notAfter, now),
    publishable,
    errors,
    receivers,
    isReplaced,
    logo,
  };
}

function addressOf({ domain, selector }: { readonly domain: string; readonly selector: string }): string {
  return `${domain}/${selector}`;
}

const SECTION_RANKS = new Map<SectionName, number>(SECTIONS.map((name, index) => [name, index]));
const STATE_RANKS: Readonly<Record<OverviewOrder['state'], number>> = {
  unreadable: 0,
  failed: 1,
  waiting: 2,
  issued: 3,
};

/**
 * By section; within one by state, end and age; the others by name, as a person looks them up. Orders that need somebody
 * for CAA records only are behind those whose logo is missing or soon will be.
 */
function byUrgency(a: OverviewOrder, b: OverviewOrder): number {
  return (
    rankOf(a) - rankOf(b) ||
    Number(needsOnlyCaa(a)) - Number(needsOnlyCaa(b)) ||
    (a.section === 'other' ? byName(a, b) : byAge(a, b))
  );
}

function rankOf({ section }: OverviewOrder): number {
  return SECTION_RANKS.get(section) ?? 0;
}

function byAge(a: OverviewOrder, b: OverviewOrder): number {
  return (
    STATE_RANKS[a.state] - STATE_RANKS[b.state] ||
    compare(a.certificate?.notAfter ?? '', b.certificate?.notAfter ?? '') ||
    compare(a.since ?? '', b.since ?? '') ||
    byName(a, b)
  );
}

/** By the first domain, or else by the owner, and then by the number. */
export function byName(a: OverviewOrder, b: OverviewOrder): number {
  return compare(nameOf(a), nameOf(b)) || compare(a.orderNumber, b.orderNumber);
}

/** The name under which a person looks up an order. */
export function nameOf({ domains, certificate, orderNumber }: OverviewOrder): string {
  return domains[0] ?? certificate?.owner ?? orderNumber;
}

/** A collator would compare ten times as slowly; domains are in ASCII. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
