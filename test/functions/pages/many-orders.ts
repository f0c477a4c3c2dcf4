import { OrderCollection, type OverviewOrder } from '../../../functions/pages/overview-order.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { MANIFEST } from '../../sample-manifest.ts';

const DAY_MILLISECONDS = 86_400_000;

/** The present of the orders. */
export const AT = new Date('2026-11-23T12:00:00.000Z');

const knownDays = new Map<number, string>();

/** The time this many days after AT, in ISO 8601. Formatting it takes longer than the rest of an order. */
function day(days: number): string {
  const time = knownDays.get(days) ?? new Date(AT.getTime() + days * DAY_MILLISECONDS).toISOString();
  knownDays.set(days, time);
  return time;
}

/** How the orders of a collector are. */
export type Mix = 'usual' | 'locked-out' | 'thousand-accounts';

/** The status of one of many orders. One in forty failed, one in ten waits, the others are issued. */
export function manyStatus(index: number, mix: Mix = 'usual'): OrderStatus {
  const orderNumber = String(1_378_000_000 + index);
  const base = {
    schemaVersion: 1 as const,
    collector: 'acme',
    orderNumber,
    account: index % 3 === 0 ? null : `brand-${index % (mix === 'thousand-accounts' ? 1000 : 7)}`,
    domains: [`mail.brand-${index}.example.com`],
    product: 'VMC',
    execution: `order-${orderNumber}`,
    startedAt: day(-200),
    since: day(-(index % 200)),
    updatedAt: day(-(index % 200)),
  };
  if (mix === 'locked-out') {
    return {
      ...base,
      state: 'waiting',
      reason: 'credentials',
      text: `Order ${orderNumber}: the CA rejected the login (status -16)`,
      nextStep:
        'store a login that the CA accepts in the secret of the account, even if it is the same login as before, and create the secret if it is missing',
    };
  }
  if (index % 40 === 0) {
    const nextStep = 'ask the CA why it rejected the order, then place a new order';
    return { ...base, state: 'failed', error: 'OrderRejected', text: 'the CA rejected the order', nextStep };
  }
  return index % 10 === 1
    ? { ...base, state: 'waiting', reason: 'processing', text: 'the CA is processing the order' }
    : { ...base, state: 'issued', text: 'the certificate was stored' };
}

/** The manifest of one of many orders. */
export function manyManifest(index: number, mix: Mix = 'usual'): StoredManifest {
  const { orderNumber, account, domains } = manyStatus(index, mix);
  const object = (name: string, size: number) => ({
    key: `orders/${orderNumber}/${name}`,
    size,
    sha256: 'aa'.repeat(32),
  });
  return {
    ...MANIFEST,
    orderNumber,
    account,
    domains,
    attributes: { organizationName: [`Brand ${index} Aktiengesellschaft & Co. KG`] },
    fingerprintSha256: index.toString(16).padStart(64, '0'),
    notBefore: day(-300),
    notAfter: day(60 + (index % 300) - 40),
    receivers: ['gmail', 'apple', 'yahoo', 'fastmail', 'laposte', 'gmx', 'zoho', 'rspamd', 'halon', 'microsoft'].map(
      (id, position) => ({ id, shows: position < 7, because: [] }),
    ),
    objects: {
      response: object('response.p7b', 9000),
      chain: object('chain.pem', 9000),
      logo: object('logo.svg', 2000),
    },
  };
}

/** Many orders, as the survey gives them to the pages. */
export function manyOrders(count: number, mix: Mix = 'usual'): OverviewOrder[] {
  const collection = new OrderCollection({ endingSoonDays: 30, publishes: true });
  for (let index = 0; index < count; index++) {
    const status = manyStatus(index, mix);
    collection.addStatus(status);
    if (status.state === 'issued' || mix === 'locked-out') {
      const manifest = manyManifest(index, mix);
      collection.addManifest(manifest);
      const { fingerprintSha256 } = manifest;
      const live = { ...LIVE, orderNumber: status.orderNumber, fingerprintSha256 };
      collection.addPublication({
        domain: `mail.brand-${index}.example.com`,
        selector: 'default',
        live,
        revokedAt: null,
      });
    }
  }
  return collection.orders(AT);
}

const LIVE = {
  since: day(-100),
  notBefore: day(-300),
  notAfter: day(60),
  owner: 'Brand',
  domains: [],
  objects: {
    logo: { key: 'published/logo.svg', size: 1, sha256: 'aa' },
    chain: { key: 'published/chain.pem', size: 1, sha256: 'aa' },
  },
};
