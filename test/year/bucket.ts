import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  type DeleteObjectCommandInput,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3ServiceException,
} from '@aws-sdk/client-s3';

/** One version of an object. A delete marker has no body. */
export interface Version {
  readonly id: string;
  readonly etag: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The same in base64, as S3 returns it. */
  readonly checksum: string;
  readonly body?: Buffer;
  readonly type?: string | undefined;
  readonly cacheControl?: string | undefined;
}

/** Entries of one page of a list. S3 returns up to 1000; fewer here, so that every list has several pages. */
const PAGE_ENTRIES = 200;

/** One bucket of S3 with versions, conditional writes, checksums and pages of lists. */
export class Bucket {
  readonly #objects = new Map<string, Version[]>();
  /** Sorted. */
  readonly #keys: string[] = [];
  #count = 0;

  /** Answers a command of the SDK. */
  answer(command: object): object {
    if (command instanceof GetObjectCommand) {
      return this.#get(command.input);
    }
    if (command instanceof HeadObjectCommand) {
      const { Body: _, ...head } = this.#get(command.input);
      return head;
    }
    if (command instanceof PutObjectCommand) {
      return this.#put(command.input);
    }
    if (command instanceof DeleteObjectCommand) {
      return this.#delete(command.input);
    }
    if (command instanceof ListObjectsV2Command) {
      return this.#list(command.input);
    }
    throw new Error(`The year does not imitate ${command.constructor.name}`);
  }

  /** The current version of an object; undefined if there is none, or if it was deleted. */
  current(key: string): Version | undefined {
    const version = this.#objects.get(key)?.at(-1);
    return version?.body ? version : undefined;
  }

  /** The JSON in the current version of an object. */
  json<Content>(key: string): Content | undefined {
    const body = this.current(key)?.body;
    return body && (JSON.parse(body.toString()) as Content);
  }

  /** The current keys below a prefix, in their order. */
  keys(prefix: string): string[] {
    return this.#keys.filter((key) => key.startsWith(prefix) && this.current(key));
  }

  /** Every version of every object below a prefix. */
  versions(prefix: string): Version[] {
    return this.#keys.filter((key) => key.startsWith(prefix)).flatMap((key) => this.#objects.get(key) ?? []);
  }

  #get({ Key = '', VersionId }: GetObjectCommandInput) {
    const versions = this.#objects.get(Key);
    const found = VersionId === undefined ? versions?.at(-1) : versions?.find(({ id }) => id === VersionId);
    if (!found?.body) {
      const headers = found ? { 'x-amz-delete-marker': 'true' } : {};
      throw s3Error(VersionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', 404, headers);
    }
    const { id, etag, checksum, body, type, cacheControl } = found;
    return {
      ETag: etag,
      VersionId: id,
      ContentType: type,
      CacheControl: cacheControl,
      ContentLength: body.length,
      ChecksumSHA256: checksum,
      Body: { transformToByteArray: async () => body },
    };
  }

  #put({ Key = '', Body, ContentType, CacheControl, ChecksumSHA256, IfMatch, IfNoneMatch }: PutObjectCommandInput) {
    const body = Buffer.from(Body as Uint8Array | string);
    const sha256 = createHash('sha256').update(body).digest();
    const checksum = sha256.toString('base64');
    if (ChecksumSHA256 !== undefined && ChecksumSHA256 !== checksum) {
      throw s3Error('BadDigest', 400);
    }
    const current = this.current(Key);
    if (IfMatch !== undefined && !current) {
      throw s3Error('NoSuchKey', 404);
    }
    if ((IfMatch !== undefined && IfMatch !== current?.etag) || (IfNoneMatch === '*' && current)) {
      throw s3Error('PreconditionFailed', 412);
    }
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const id = this.#add(Key, {
      etag,
      sha256: sha256.toString('hex'),
      checksum,
      body,
      type: ContentType,
      cacheControl: CacheControl,
    });
    return { ETag: etag, VersionId: id };
  }

  #delete({ Key = '', IfMatch }: DeleteObjectCommandInput) {
    if (IfMatch !== undefined && IfMatch !== this.current(Key)?.etag) {
      throw s3Error('PreconditionFailed', 412);
    }
    return { VersionId: this.#add(Key, { etag: '', sha256: '', checksum: '' }), DeleteMarker: true };
  }

  #list({ Prefix = '', ContinuationToken = '', MaxKeys = PAGE_ENTRIES }: ListObjectsV2CommandInput) {
    const limit = Math.min(MaxKeys, PAGE_ENTRIES);
    const page: string[] = [];
    let isTruncated = false;
    for (let at = this.#indexAfter(ContinuationToken || Prefix, ContinuationToken === ''); ; at++) {
      const key = this.#keys[at];
      if (!key?.startsWith(Prefix)) {
        break;
      }
      if (this.current(key)) {
        if (page.length === limit) {
          isTruncated = true;
          break;
        }
        page.push(key);
      }
    }
    return {
      Contents: page.map((Key) => ({ Key, ETag: this.current(Key)?.etag })),
      IsTruncated: isTruncated,
      ...(isTruncated && { NextContinuationToken: page.at(-1) }),
    };
  }

  /** The index of the first key after a text, or of the text itself, by binary search. */
  #indexAfter(text: string, includesIt: boolean): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const key = this.#keys[middle] ?? '';
      if (key > text || (includesIt && key === text)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  #add(key: string, version: Omit<Version, 'id'>): string {
    const id = `version-${++this.#count}`;
    const versions = this.#objects.get(key);
    if (versions) {
      versions.push({ id, ...version });
    } else {
      this.#objects.set(key, [{ id, ...version }]);
      this.#keys.splice(this.#indexAfter(key, true), 0, key);
    }
    return id;
  }
}

/** An error as the SDK throws it for a response of S3. */
function s3Error(name: string, status: number, headers: Readonly<Record<string, string>> = {}) {
  return new S3ServiceException({
    name,
    message: name,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status },
    $response: { statusCode: status, headers } as never,
  });
}
