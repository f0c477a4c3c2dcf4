import { S3Client } from '@aws-sdk/client-s3';
import { s3Storage } from '../store/s3-storage.ts';
import { openStore, type Store } from './store.ts';

/** Opens the bucket with a new client. */
export function connectStore(bucket: string): Store {
  return openStore(s3Storage(new S3Client(), bucket));
}
