import { S3Client } from '@aws-sdk/client-s3';
import { type Archive, openArchive } from '../store/archive.ts';
import { openStatus, type StatusFile } from '../store/status.ts';

/** The objects of a bucket's orders. All of them use one S3 client. */
export interface Store {
  readonly archive: (orderNumber: string) => Archive;
  readonly status: (orderNumber: string) => StatusFile;
}

export function connectStore(bucket: string): Store {
  const s3 = new S3Client();
  return {
    archive: (orderNumber) => openArchive(s3, bucket, orderNumber),
    status: (orderNumber) => openStatus(s3, bucket, orderNumber),
  };
}
