import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type * as v from 'valibot';
import { forEachConcurrently } from '../batches.ts';
import { schemaProblems } from './json.ts';

/**
 * Concurrent reads: as many as an S3 client keeps connections (SDK for JavaScript, "Configuring maxSockets": 50). 50,000
 * objects, at some 50 ms each, take 50 s.
 */
const CONCURRENT_READS = 50;

/** A bucket and the client to use it. */
export interface Bucket {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** All objects of one kind: the content of the readable ones, and the problem of each damaged one. */
export interface Listing<T> {
  readonly read: readonly { readonly key: string; readonly content: T }[];
  readonly damaged: readonly { readonly key: string; readonly problem: string }[];
}

/** What a parser returns: the content, or what is wrong with it. */
export type Parsed<T> =
  | { readonly success: true; readonly output: T }
  | { readonly success: false; readonly issues: readonly v.BaseIssue<unknown>[] };

/** Lists the keys below a prefix that match a pattern, in their order. Each page is requested when it is needed. */
export async function* listKeys({ s3, bucket }: Bucket, prefix: string, pattern: RegExp): AsyncGenerator<string> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key } of Contents) {
      if (Key && pattern.test(Key)) {
        // A copy: the string from the XML parser is a slice, which keeps the whole page in memory.
        yield Buffer.from(Key).toString();
      }
    }
  }
}

/**
 * Reads every object whose key matches, in the order of the keys. What `parse` returns is kept, and the bytes are not, so a
 * parser that returns few fields keeps the memory small.
 *
 * @throws {S3ServiceException} if an object cannot be read.
 */
export async function readObjects<T>(
  bucket: Bucket,
  prefix: string,
  pattern: RegExp,
  parse: (bytes: Uint8Array, key: string) => Parsed<T>,
): Promise<Listing<T>> {
  const keys: string[] = [];
  for await (const key of listKeys(bucket, prefix, pattern)) {
    keys.push(key);
  }
  return readKeys(bucket, keys, parse);
}

/** {@link readObjects} with keys that are known. */
export async function readKeys<T>(
  { s3, bucket }: Bucket,
  keys: readonly string[],
  parse: (bytes: Uint8Array, key: string) => Parsed<T>,
): Promise<Listing<T>> {
  const results: (Parsed<T> | undefined)[] = Array.from({ length: keys.length });
  await forEachConcurrently(keys, CONCURRENT_READS, async (key, index) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    results[index] = parse((await Body?.transformToByteArray()) ?? new Uint8Array(), key);
  });
  const read: { key: string; content: T }[] = [];
  const damaged: { key: string; problem: string }[] = [];
  for (const [index, key] of keys.entries()) {
    const result = results[index];
    if (result?.success) {
      read.push({ key, content: result.output });
    } else {
      damaged.push({ key, problem: schemaProblems(result?.issues ?? []) });
    }
  }
  return { read, damaged };
}
