import { createHash } from 'node:crypto';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { type ObjectHeaders, WriteConflictError } from '../store/objects.ts';
import { type KnownOrder, knownOrder } from '../store/order-file.ts';
import { s3Storage } from '../store/s3-storage.ts';

/** The maximum number of unknown orders about which CollectMC is asked in a day. */
const UNKNOWN_ORDERS_A_DAY = 20;

/** The maximum number of objects in the folder of a day: less than one page of a listing, which has 1,000. */
const KEPT_A_DAY = 500;

/** What push reads from the bucket and stores in it. */
export interface PushStore {
  /** What is known of an order; undefined if the bucket knows nothing of it. */
  knownOrder(orderNumber: string): Promise<KnownOrder | undefined>;
  /**
   * Counts an unknown order among those of a day. Parallel requests can exceed the limit by their number.
   *
   * @returns false if the limit of the day is reached, and the order is not among those counted before.
   */
  countUnknown(orderNumber: string, day: string): Promise<boolean>;
  /**
   * Stores the content of a push that is not understood. The same content is stored once a day.
   *
   * @returns the key; undefined if the day has too many of them.
   */
  keep(content: KeptContent, day: string): Promise<string | undefined>;
}

export interface KeptContent {
  /** Redacted. */
  readonly bytes: Uint8Array;
  readonly isJson: boolean;
}

const TEXT: ObjectHeaders = { type: 'text/plain; charset=utf-8', cacheControl: 'no-store' };
const JSON_TEXT: ObjectHeaders = { type: 'application/json', cacheControl: 'no-store' };

/** Opens the bucket with a new client. */
export function connectStore(bucket: string): PushStore {
  return openPushStore(new S3Client(), bucket);
}

export function openPushStore(s3: S3Client, bucket: string): PushStore {
  const storage = s3Storage(s3, bucket);

  /** The keys below a prefix, one page of them. */
  async function list(prefix: string): Promise<readonly string[]> {
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: KEPT_A_DAY }),
    );
    return Contents.map(({ Key = '' }) => Key);
  }

  /** Writes an object, unless the key contains one. */
  async function create(key: string, bytes: Uint8Array, headers: ObjectHeaders): Promise<void> {
    try {
      await storage.write(key, bytes, headers, {});
    } catch (error) {
      if (!(error instanceof WriteConflictError)) {
        throw error;
      }
    }
  }

  return {
    knownOrder: (orderNumber) => knownOrder(storage, orderNumber),

    async countUnknown(orderNumber, day) {
      const folder = `pushes/${day}/unknown/`;
      const key = folder + orderNumber;
      const keys = await list(folder);
      if (keys.includes(key)) {
        return true;
      }
      if (keys.length >= UNKNOWN_ORDERS_A_DAY) {
        return false;
      }
      await create(key, new Uint8Array(), TEXT);
      return true;
    },

    async keep({ bytes, isJson }, day) {
      const folder = `pushes/${day}/`;
      const name = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
      const key = `${folder}${name}.${isJson ? 'json' : 'txt'}`;
      const keys = await list(folder);
      if (!keys.includes(key)) {
        if (keys.length >= KEPT_A_DAY) {
          return undefined;
        }
        await create(key, bytes, isJson ? JSON_TEXT : TEXT);
      }
      return key;
    },
  };
}
