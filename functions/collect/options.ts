import { isDeepStrictEqual } from 'node:util';
import { type Order, type OrderOptions, optionsOf } from '../order.ts';
import type { OrderedExecution } from '../store/order-file.ts';
import { withTimeLimit } from '../time-limit.ts';

/** The time limit of one read, in milliseconds. The CA may have replied before: the check must not be killed by Lambda. */
const READ_MILLISECONDS = 5_000;

/** How the last correction of an order is read. */
export interface OptionsDependencies {
  /**
   * Reads with which options an execution collects an order now. S3 is loaded only for this.
   *
   * @throws {S3ServiceException} if S3 does not return the object.
   */
  readonly readOptions: (orderNumber: string, ordered: OrderedExecution) => Promise<OrderOptions>;
}

/** The order of a check. A later event can have corrected the options in the input of the execution. */
export interface CheckedOrder {
  /** The order as the check knows it: from the input, from an earlier check, or from S3 after {@link read}. */
  readonly order: Order;
  /** The options that the next check must know; undefined if they are those in the input. */
  readonly corrected: OrderOptions | undefined;
  /**
   * Reads the last correction, once in a check.
   *
   * @throws {Error} if S3 does not return it in time. The next call tries again.
   */
  read(): Promise<Order>;
}

/** What the input of a check says about the order and its execution. */
export interface CheckInput {
  readonly order: Order & { readonly collection?: { readonly order?: OrderOptions | undefined } | undefined };
  readonly execution: string;
  readonly startedAt: string;
}

/** Creates the order of one check. */
export function createCheckedOrder(
  { order: { collection, ...input }, execution, startedAt }: CheckInput,
  { readOptions }: OptionsDependencies,
): CheckedOrder {
  const { orderNumber } = input;
  const given = optionsOf(input);
  let options = collection?.order ?? given;
  let isRead = false;
  return {
    get order() {
      return { orderNumber, ...options };
    },
    get corrected() {
      return options === given || isDeepStrictEqual(options, given) ? undefined : options;
    },
    async read() {
      if (!isRead) {
        const reading = readOptions(orderNumber, { options: given, execution, startedAt });
        options = await withTimeLimit(reading, READ_MILLISECONDS, 'S3 did not answer in time');
        isRead = true;
      }
      return { orderNumber, ...options };
    },
  };
}
