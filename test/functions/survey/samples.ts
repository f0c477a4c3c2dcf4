/** Manifests and publications, and everything that a publication needs to be as it should be. */
import { createHash } from 'node:crypto';
import { assertionName, bimiRecord, publishedUrls } from '../../../functions/bimi.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { type Publication, type PublishedPair, publishedKeys } from '../../../functions/store/publication.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { type CertificateRecord, certificateRecord } from '../../../functions/survey/records.ts';
import { type PublicSite, page } from './public-site.ts';
import type { Zone } from './zone.ts';

/** The present of the tests. */
export const NOON = '2026-11-23T12:00:00.000Z';

/** The collector of the tests. */
export const COLLECTOR = 'acme';

/** The order of every published certificate. */
export const ORDER = '1378973013';

const DAY_MILLISECONDS = 86_400_000;

/** A moment some days and seconds after a date, or before it. */
export function later(date: string, { days = 0, seconds = 0 }): string {
  return new Date(Date.parse(date) + days * DAY_MILLISECONDS + seconds * 1000).toISOString();
}

/** The manifest of a publishable certificate that expires 30 days after NOON. */
export function manifestOf(orderNumber: string, changes: Partial<StoredManifest> = {}): StoredManifest {
  const object = (name: string, sha256: string) => ({ key: `orders/${orderNumber}/${name}`, size: 1, sha256 });
  return {
    schemaVersion: 1,
    orderNumber,
    execution: `order-${orderNumber}`,
    collectedAt: '2025-11-24T08:00:00.000Z',
    product: 'VMC',
    markType: 'Registered Mark',
    attributes: { organizationName: ['Example'] },
    domains: ['example.com'],
    fingerprintSha256: 'c0ffee',
    notBefore: '2025-11-24T00:00:00.000Z',
    notAfter: '2026-12-23T23:59:59.000Z',
    publishable: true,
    findings: [],
    objects: {
      response: object('response.p7b', 'aa'),
      chain: object('chain.pem', 'bb'),
      logo: object('logo.svg', 'cc'),
    },
    ...changes,
  };
}

/** {@link manifestOf}, as the survey keeps it. */
export function recordOf(orderNumber: string, changes: Partial<StoredManifest> = {}): CertificateRecord {
  return certificateRecord(manifestOf(orderNumber, changes));
}

/** The status of an order that has waited since a day before NOON. */
export function statusOf(orderNumber: string, changes: Partial<OrderStatus> = {}): OrderStatus {
  return {
    schemaVersion: 1,
    collector: COLLECTOR,
    orderNumber,
    account: null,
    domains: ['example.com'],
    product: 'VMC',
    execution: `order-${orderNumber}`,
    startedAt: '2026-11-20T08:00:00.000Z',
    state: 'waiting',
    reason: 'processing',
    text: `Order ${orderNumber}: the CA is processing it`,
    since: '2026-11-22T12:00:00.000Z',
    updatedAt: '2026-11-22T12:00:00.000Z',
    ...changes,
  };
}

/** The status of an order whose failure nobody was notified of. */
export function failureOf(orderNumber: string, changes: Partial<OrderStatus> = {}): OrderStatus {
  const { reason: _, ...status } = statusOf(orderNumber);
  return {
    ...status,
    state: 'failed',
    error: 'OrderRejected',
    text: `Order ${orderNumber}: the CA rejected it`,
    nextStep: 'ask the CA why it rejected the order, then place a new order',
    ...changes,
  };
}

export const sha256Of = (body: string) => createHash('sha256').update(body).digest('hex');
export const chainOf = (domain: string) => `chain of ${domain}`;
export const logoOf = (domain: string) => `logo of ${domain}`;

/** The published certificate of a domain. It was published weeks before NOON and is valid for months after it. */
export function pairOf(domain: string, bodies = { chain: chainOf(domain), logo: logoOf(domain) }): PublishedPair {
  const object = (key: string, body: string) => ({ key, size: body.length, sha256: sha256Of(body) });
  const keys = publishedKeys(domain, 'default');
  return {
    orderNumber: ORDER,
    since: '2026-11-01T08:00:00.000Z',
    fingerprintSha256: 'c0ffee',
    notBefore: '2026-10-01T00:00:00.000Z',
    notAfter: '2027-10-01T00:00:00.000Z',
    owner: 'Example',
    domains: [domain],
    objects: { logo: object(keys.logo, bodies.logo), chain: object(keys.chain, bodies.chain) },
  };
}

/** The description of a publication at a URL. */
export function publicationOf(url: string, domain: string, changes: Partial<Publication> = {}): Publication {
  const { selector = 'default' } = changes;
  return {
    schemaVersion: 1,
    domain,
    selector,
    bimiRecord: bimiRecord(url, domain, selector),
    live: pairOf(domain),
    revokedAt: null,
    served: true,
    previous: [],
    ...changes,
  };
}

/** The text of a BIMI record as it should be. */
export function recordText(url: string, domain: string, selector = 'default'): string {
  const { chain, logo } = publishedUrls(url, domain, selector);
  return `v=BIMI1; l=${logo}; a=${chain}`;
}

/** Serves the chain and the logo of a publication and adds its DNS records, everything as it should be. */
export function servePublication({ url, pages }: PublicSite, zone: Zone, { domain, selector }: Publication): void {
  pages.set(`/${domain}/${selector}.pem`, page(200, 'application/pem-certificate-chain', chainOf(domain)));
  pages.set(`/${domain}/${selector}.svg`, page(200, 'image/svg+xml', logoOf(domain)));
  zone[assertionName(domain, selector)] = [recordText(url, domain, selector)];
  zone[`_dmarc.${domain}`] = ['v=DMARC1; p=reject'];
}
