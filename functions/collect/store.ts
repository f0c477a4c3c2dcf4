import type { OrderOptions } from '../order.ts';
import { type Archive, openArchive } from '../store/archive.ts';
import { type ObjectStorage, openObjects, retryOnConflict } from '../store/objects.ts';
import { effectiveOptions, type OrderedExecution, openOrderFile } from '../store/order-file.ts';
import { openStatus, type StatusFile } from '../store/status.ts';

/** The objects of all orders in one storage. */
export interface Store {
  readonly archive: (orderNumber: string) => Archive;
  readonly status: (orderNumber: string) => StatusFile;
  readonly options: (orderNumber: string, ordered: OrderedExecution) => Promise<OrderOptions>;
  /** Stores a reply that cannot be read, as `unreadable.bin`. Earlier ones stay as versions of the object. */
  readonly keepUnreadable: (orderNumber: string, body: Uint8Array) => Promise<void>;
}

/** The objects of the orders in a storage. */
export function openStore(storage: ObjectStorage): Store {
  return {
    archive: (orderNumber) => openArchive(storage, orderNumber),
    status: (orderNumber) => openStatus(storage, orderNumber),
    options: async (orderNumber, ordered) =>
      effectiveOptions(ordered, await openOrderFile(storage, orderNumber).read()),
    async keepUnreadable(orderNumber, body) {
      const { put } = openObjects(storage);
      const key = `orders/${orderNumber}/unreadable.bin`;
      await retryOnConflict(() => put(key, body, { type: 'application/octet-stream' }));
    },
  };
}
