import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { inBatches } from '../batches.ts';

/** Objects read at once: a thousand of them, at some 50 ms each, take 5 s of Lambda's time and little of its memory. */
const READS_AT_ONCE = 10;

export interface Bucket {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** The objects of one kind: what was read of each, and what is wrong with those that are damaged. */
export interface Contents<T> {
  readonly read: readonly { readonly key: string; readonly content: T }[];
  readonly damaged: readonly { readonly key: string; readonly problem: string }[];
}

type Parsed<T> =
  | { readonly success: true; readonly output: T }
  | { readonly success: false; readonly issues: readonly v.BaseIssue<unknown>[] };

/**
 * Reads every object whose key matches, in the order of the keys.
 *
 * @throws {S3ServiceException} where S3 does not give one of them.
 */
export async function readObjects<T>(
  { s3, bucket }: Bucket,
  prefix: string,
  pattern: RegExp,
  parse: (bytes: Uint8Array) => Parsed<T>,
): Promise<Contents<T>> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    keys.push(...Contents.flatMap(({ Key }) => (Key && pattern.test(Key) ? [Key] : [])));
  }
  const read: { key: string; content: T }[] = [];
  const damaged: { key: string; problem: string }[] = [];
  for (const batch of inBatches(keys, READS_AT_ONCE)) {
    const results = await Promise.all(
      batch.map(async (key) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return { key, result: parse((await Body?.transformToByteArray()) ?? new Uint8Array()) };
      }),
    );
    for (const { key, result } of results) {
      if (result.success) {
        read.push({ key, content: result.output });
      } else {
        damaged.push({ key, problem: result.issues.map(problemOf).join('; ') });
      }
    }
  }
  return { read, damaged };
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'the whole object'}: ${issue.message}`;
}
