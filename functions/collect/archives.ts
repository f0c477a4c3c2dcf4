import { S3Client } from '@aws-sdk/client-s3';
import { type Archive, openArchive } from '../store/archive.ts';

/** Returns the archives of a bucket's orders. All of them use one S3 client. */
export function connectArchives(bucket: string): (orderNumber: string) => Archive {
  const s3 = new S3Client();
  return (orderNumber) => openArchive(s3, bucket, orderNumber);
}
