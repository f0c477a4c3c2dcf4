import type { OverviewLogo, OverviewOrder } from './overview-order.ts';

/**
 * The limits of the logos in the overview. Ten thousand logos of 10 KB would make pages of 130 MB. With these limits, all
 * logos of a small collector are shown, and of a large one those of the orders at the top; the first page then has at most
 * 340 KB of logos. The report of each order shows its logo in any case.
 */
const LOGO_BYTES = 16 * 1024;
const ALL_LOGOS_BYTES = 256 * 1024;
const LOGOS = 150;

/**
 * The objects of the logos that the overview shows, by order number.
 *
 * @param orders those that need someone first.
 */
export function chooseLogos(orders: readonly OverviewOrder[]): ReadonlyMap<string, OverviewLogo> {
  const chosen = new Map<string, OverviewLogo>();
  let bytes = 0;
  for (const { orderNumber, certificate } of orders) {
    const logo = certificate?.logo;
    if (logo !== undefined && logo.size <= LOGO_BYTES && bytes + logo.size <= ALL_LOGOS_BYTES) {
      bytes += logo.size;
      chosen.set(orderNumber, logo);
    }
    if (chosen.size === LOGOS) {
      break;
    }
  }
  return chosen;
}
