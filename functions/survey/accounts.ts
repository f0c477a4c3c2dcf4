import type { Listing } from '../store/listing.ts';
import type { OrderStatus } from '../store/status.ts';
import type { CertificateRecord } from './records.ts';

/** The account of each order whose account is known; null is the default account. */
export type Accounts = ReadonlyMap<string, string | null>;

/**
 * The accounts of orders: that of the certificate, or that of the status if the certificate is older than accounts or
 * not there.
 */
export function accountsOf(
  manifests: Listing<Pick<CertificateRecord, 'orderNumber' | 'account'>>['read'],
  statuses: Listing<Pick<OrderStatus, 'orderNumber' | 'account'>>['read'],
): Accounts {
  const accounts = new Map(statuses.map(({ content }) => [content.orderNumber, content.account]));
  for (const { content } of manifests) {
    if (content.account !== undefined) {
      accounts.set(content.orderNumber, content.account);
    }
  }
  return accounts;
}
