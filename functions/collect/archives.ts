import { S3Client } from '@aws-sdk/client-s3';
import { type Archive, openArchive } from '../store/archive.ts';

/** What only a check needs that found a certificate: the folders of a bucket, over one S3 client. */
export function connectArchives(bucket: string): (orderNumber: string) => Archive {
  const s3 = new S3Client();
  return (orderNumber) => openArchive(s3, bucket, orderNumber);
}
