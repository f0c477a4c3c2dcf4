import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { LocalCloud } from './local-cloud.ts';

export interface DownloadedObject {
  /** The last part of the key. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

/** Downloads the objects below a prefix into a folder, whose earlier content is deleted. Only the last part of a key is kept. */
export async function downloadFolder(
  { s3, bucket }: LocalCloud,
  prefix: string,
  folder: string,
): Promise<readonly DownloadedObject[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  const objects: DownloadedObject[] = [];
  for (const { Key = '' } of Contents) {
    const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    const name = basename(Key);
    await writeFile(join(folder, name), bytes);
    objects.push({ name, bytes, contentType: ContentType });
  }
  return objects;
}
