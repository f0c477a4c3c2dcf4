import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { createDirectServers } from './direct-clients.ts';
import { type S3Request, type S3Server, type S3ServerOptions, startS3Server } from './s3-server.ts';

const addServer = createDirectServers<S3Server, S3Client>(new Map([[S3Client, 'AWS_ENDPOINT_URL_S3']]), perform);

/**
 * Starts a server whose objects all clients of S3 list, read, write and delete without HTTP. Other commands use HTTP as
 * usual.
 */
export async function startDirectS3Server(options?: S3ServerOptions): Promise<S3Server> {
  return addServer(await startS3Server(options));
}

function perform(server: S3Server, client: S3Client, command: object): Promise<object> | undefined {
  const name = client.config.credentials().then(({ accessKeyId }) => accessKeyId);
  if (command instanceof ListObjectsV2Command) {
    return name.then((id) => list(server, id, command.input));
  }
  const method = methodOf(command);
  return method && name.then((id) => answer(server, id, method, (command as PutObjectCommand).input));
}

function methodOf(command: object): 'GET' | 'HEAD' | 'PUT' | 'DELETE' | undefined {
  if (command instanceof GetObjectCommand) {
    return 'GET';
  }
  if (command instanceof HeadObjectCommand) {
    return 'HEAD';
  }
  if (command instanceof PutObjectCommand) {
    return 'PUT';
  }
  return command instanceof DeleteObjectCommand ? 'DELETE' : undefined;
}

type Input = PutObjectCommandInput & { readonly VersionId?: string; readonly ChecksumMode?: string };

async function answer(server: S3Server, client: string, method: string, input: Input): Promise<object> {
  const query = new URLSearchParams(input.VersionId === undefined ? '' : { versionId: input.VersionId });
  const headers = present({
    'if-match': input.IfMatch,
    'if-none-match': input.IfNoneMatch,
    'content-type': input.ContentType,
    'cache-control': input.CacheControl,
    'x-amz-checksum-sha256': input.ChecksumSHA256,
    'x-amz-checksum-mode': method === 'GET' ? 'ENABLED' : input.ChecksumMode,
  });
  const body = Buffer.from((input.Body as Uint8Array | string | undefined) ?? '');
  const request = { method, key: input.Key ?? '', query, headers, client };
  const { $metadata, response } = await receive(server, request, body);
  const found = response.headers ?? {};
  return {
    $metadata,
    ETag: found.etag,
    VersionId: found['x-amz-version-id'],
    ContentType: found['content-type'],
    CacheControl: found['cache-control'],
    ChecksumSHA256: found['x-amz-checksum-sha256'],
    ...(method === 'GET' && { Body: new ObjectBody(response.body as Buffer) }),
  };
}

async function list(server: S3Server, client: string, input: ListObjectsV2CommandInput): Promise<object> {
  const query = present({
    'list-type': '2',
    prefix: input.Prefix,
    delimiter: input.Delimiter,
    'continuation-token': input.ContinuationToken,
    'start-after': input.StartAfter,
    'max-keys': input.MaxKeys?.toString(),
  });
  const request = { method: 'GET', key: '', query: new URLSearchParams(query), headers: {}, client };
  const { $metadata, response } = await receive(server, request, Buffer.alloc(0));
  const { objects = [], isTruncated } = response.page ?? {};
  const contents = objects.map(({ key, modified, etag, size }) => ({
    Key: key,
    LastModified: modified,
    ETag: etag,
    Size: size,
  }));
  return {
    $metadata,
    IsTruncated: isTruncated,
    KeyCount: contents.length,
    NextContinuationToken: isTruncated ? contents.at(-1)?.Key : undefined,
    ...(contents.length > 0 && { Contents: contents }),
  };
}

function present(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) {
      kept[name] = value;
    }
  }
  return kept;
}

/** @throws what the SDK throws for an error of S3 or of the connection. */
async function receive(server: S3Server, request: S3Request, body: Buffer) {
  // Requests that are sent at once arrive one after the other.
  await setImmediate();
  const response = await server.receive(request, body).catch((cause: unknown) => {
    // The SDK gives the error of the connection this name.
    throw Object.assign(new Error('socket hang up', { cause }), { name: 'TimeoutError', code: 'ECONNRESET' });
  });
  const $metadata = { httpStatusCode: response.status, attempts: 1, totalRetryDelay: 0 };
  if (response.status >= 300) {
    const code = /<Code>(\w+)/.exec(String(response.body))?.[1];
    const $fault = response.status < 500 ? 'client' : 'server';
    const error = new S3ServiceException({
      name: code ?? 'Unknown',
      message: code ?? 'UnknownError',
      $fault,
      $metadata,
    });
    throw Object.assign(error, { $response: { statusCode: response.status, headers: response.headers ?? {} } });
  }
  return { $metadata, response };
}

/** The body of an object: a stream, with the methods that the SDK adds as far as the functions and the tests use them. */
class ObjectBody extends Readable {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
  }

  override _read(): void {
    this.push(this.#bytes);
    this.push(null);
  }

  async transformToByteArray(): Promise<Uint8Array> {
    return new Uint8Array(this.#bytes);
  }

  async transformToString(encoding?: BufferEncoding): Promise<string> {
    return this.#bytes.toString(encoding);
  }
}
