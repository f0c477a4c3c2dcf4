import type { S3Client } from '@aws-sdk/client-s3';
import { assertionName, covers, DEFAULT_SELECTOR } from '../bimi.ts';
import { isDomain, type OrderOptions } from '../order.ts';
import { openAddress } from '../store/address.ts';
import { listKeys, readObjects } from '../store/listing.ts';
import { parseManifest, type StoredManifest, SUPERSEDED_MANIFEST_KEY } from '../store/manifest.ts';
import { knownOptions, openOrderFile } from '../store/order-file.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication } from '../store/publication.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { haveSameOwner } from './refusals.ts';

/** Where a certificate is published. */
export interface Address {
  readonly domain: string;
  readonly selector: string;
}

/**
 * Finds the addresses at which the certificate of an order must be published: the domains that the order names, and every
 * address where the order is live. An order without domains inherits them: from what is known of the order, and from the
 * publications of older certificates that its own replaces.
 */
export async function findAddresses(
  options: OrderOptions,
  manifest: StoredManifest,
  { s3, bucket }: { readonly s3: S3Client; readonly bucket: string },
): Promise<readonly Address[]> {
  const { orderNumber } = manifest;
  const storage = s3Storage(s3, bucket);
  const inherits = !options.domains?.length;
  const known = inherits ? await knownOptions(storage, orderNumber) : undefined;
  const domains = (inherits ? known?.domains : options.domains) ?? [];
  const selector = options.selector ?? known?.selector ?? DEFAULT_SELECTOR;
  // Without an event, for example after the push of an unknown order, nobody ordered to replace another order's logo.
  const replacesOthers = inherits && (await openOrderFile(storage, orderNumber).read()) !== undefined;
  const superseded = await readObjects(
    { s3, bucket },
    `orders/${orderNumber}/superseded/`,
    SUPERSEDED_MANIFEST_KEY,
    parseManifest,
  );
  const names = [manifest, ...superseded.read.map(({ content }) => content)].flatMap((each) => each.domains);
  // Nothing is published at another name, and S3 refuses a long key.
  const live = await findLive(new Set([...domains, ...names.map(domainOf).filter(isDomain)]));
  return unique([...domains.map((domain) => ({ domain, selector })), ...live]);

  /**
   * Finds the publications that the certificate replaces. Only the folders of these domains are listed: an order can
   * have been published only at domains that one of its certificates covers.
   */
  async function findLive(candidates: Iterable<string>): Promise<Address[]> {
    const found: Address[] = [];
    for (const domain of candidates) {
      found.push(...(await findLiveAt(domain)));
    }
    return found;
  }

  async function findLiveAt(domain: string): Promise<Address[]> {
    const found: Address[] = [];
    for await (const key of listKeys({ s3, bucket }, `${PUBLISHED}${domain}/`, PUBLICATION_KEY)) {
      const [, , liveSelector = ''] = PUBLICATION_KEY.exec(key) ?? [];
      const { current } = await openAddress(s3, bucket, domain, liveSelector).readDescription();
      if (current && (isOwn(current) || (replacesOthers && isReplacedBy(manifest, current)))) {
        found.push({ domain, selector: liveSelector });
      }
    }
    return found;
  }

  function isOwn({ live }: Publication): boolean {
    return live.orderNumber === orderNumber;
  }
}

/** Whether an older certificate of the same owner is live at an address that a certificate covers. */
function isReplacedBy(manifest: StoredManifest, { domain, selector, live }: Publication): boolean {
  return (
    covers(manifest.domains, domain, selector) &&
    haveSameOwner(manifest, live) &&
    Date.parse(live.notBefore) <= Date.parse(manifest.notBefore)
  );
}

/** The domain of a name in a certificate, which can be that of a BIMI record. */
function domainOf(name: string): string {
  return name.replace(/^[^.]+\._bimi\./, '');
}

function unique(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [assertionName(address.domain, address.selector), address])).values()];
}
