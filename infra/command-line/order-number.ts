import { ORDER_NUMBER } from '../../functions/collectmc/request.ts';
import { shellWord } from '../../functions/notify/commands.ts';
import { printable } from '../../functions/text.ts';
import { UsageError } from './errors.ts';

/**
 * Checks the argument ORDER.
 *
 * @throws {UsageError} if it is not an order number.
 */
export function requireOrderNumber(order: string): string {
  if (!ORDER_NUMBER.test(order)) {
    throw new UsageError(
      `ORDER: ${printable(shellWord(order))} is not accepted; accepted: the number of an order at the CA, 1 to 16 digits without a leading zero`,
    );
  }
  return order;
}
