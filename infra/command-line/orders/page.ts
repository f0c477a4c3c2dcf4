import { renderOnePage } from '../../../functions/pages/overview.ts';
import { chooseLogos } from '../../../functions/pages/overview-logos.ts';
import { OrderCollection } from '../../../functions/pages/overview-order.ts';
import type { CaaWarnings } from '../../../functions/store/caa.ts';
import { openObjects } from '../../../functions/store/objects.ts';
import { secondsOf } from '../../timing.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { writePageFile } from '../page-file.ts';
import type { OrderSources } from './order-state.ts';

const DAY_SECONDS = 86_400;

/** The default of the setting `remindBefore`. The settings of the stack contain it as a text like "P30D". */
const ENDING_SOON_DAYS = 30;

/**
 * Writes one page with orders, by the renderer of the overview. It does not contain what is published: only the survey
 * checks that.
 *
 * @throws {CommandError} if a logo cannot be read, or the file cannot be written.
 */
export async function writeOrdersPage(
  file: string,
  sources: readonly OrderSources[],
  collector: DeployedCollector,
  caa: CaaWarnings,
  now: Date,
): Promise<void> {
  const endingSoonDays = daysIn(collector.settings?.remindBefore) ?? ENDING_SOON_DAYS;
  const collection = new OrderCollection({ endingSoonDays, publishes: false });
  for (const each of sources) {
    collection.addOrder(each);
  }
  const orders = collection.orders(now, { caa });
  const { name, bucket } = collector;
  const { readListed } = openObjects(await collector.storage());
  const logos = new Map<string, Uint8Array>();
  for (const [orderNumber, logo] of chooseLogos(orders)) {
    const stored = await withCommandErrors(`${logo.key} cannot be read`, () => readListed(logo), 's3:GetObject');
    if (stored) {
      logos.set(orderNumber, stored.body);
    }
  }
  const writtenBy = 'mark-certificates orders';
  await writePageFile(
    file,
    renderOnePage(orders, { collector: name, bucket, writtenAt: now, writtenBy, endingSoonDays, logos }),
  );
}

function daysIn(duration: unknown): number | undefined {
  const seconds = secondsOf(String(duration));
  return seconds === undefined ? undefined : seconds / DAY_SECONDS;
}
