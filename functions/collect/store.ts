import { S3Client } from '@aws-sdk/client-s3';
import type { OrderOptions } from '../order.ts';
import { type Archive, openArchive } from '../store/archive.ts';
import { openObjects, retryOnConflict } from '../store/objects.ts';
import { effectiveOptions, type OrderedExecution, openOrderFile } from '../store/order-file.ts';
import { openStatus, type StatusFile } from '../store/status.ts';

/** The objects of a bucket's orders. All of them use one S3 client. */
export interface Store {
  readonly archive: (orderNumber: string) => Archive;
  readonly status: (orderNumber: string) => StatusFile;
  readonly options: (orderNumber: string, ordered: OrderedExecution) => Promise<OrderOptions>;
  /** Stores a reply that cannot be read, as `unreadable.bin`. Earlier ones stay as versions of the object. */
  readonly keepUnreadable: (orderNumber: string, body: Uint8Array) => Promise<void>;
}

export function connectStore(bucket: string): Store {
  const s3 = new S3Client();
  return {
    archive: (orderNumber) => openArchive(s3, bucket, orderNumber),
    status: (orderNumber) => openStatus(s3, bucket, orderNumber),
    options: async (orderNumber, ordered) =>
      effectiveOptions(ordered, await openOrderFile(s3, bucket, orderNumber).read()),
    async keepUnreadable(orderNumber, body) {
      const { put } = openObjects(s3, bucket);
      const key = `orders/${orderNumber}/unreadable.bin`;
      await retryOnConflict(() => put(key, body, { type: 'application/octet-stream' }));
    },
  };
}
