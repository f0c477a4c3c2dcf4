/**
 * A small S3 in memory, on loopback. It is as strict as S3 about what the store relies on: conditions of PUT, versions,
 * checksums, delete markers. A DELETE ignores its condition, as in older S3 servers.
 */
import { hash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface S3Request {
  readonly method: string;
  /** Empty for the bucket itself. There is one bucket, whatever its name. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  /** The access key id that signed the request. It identifies the client. */
  readonly client: string;
}

/** A version of an object that the server has from the start. */
export interface SeedVersion {
  readonly key: string;
  readonly versionId: string;
  /** Missing for a delete marker. */
  readonly body?: Buffer | undefined;
  readonly contentType?: string | undefined;
  readonly lastModified: string;
}

/** An S3 error that the server sends instead of its response. */
export interface InjectedError {
  readonly status: number;
  readonly code: string;
}

export interface S3ServerOptions {
  /** False: the server keeps one version of each key, without an id. */
  readonly versions?: boolean;
  /** False: the server neither verifies checksums nor returns them. */
  readonly checksums?: boolean;
  /** Versions that exist from the start, in the order in which they were written. */
  readonly seed?: readonly SeedVersion[];
}

export interface S3Server {
  readonly url: string;
  /** An object without a request; `versionId` default: the current version. Undefined if it does not exist. */
  peek(
    key: string,
    versionId?: string,
  ): { readonly body: Buffer; readonly contentType: string; readonly cacheControl: string } | undefined;
  /** The keys of all current objects with a prefix, sorted, without a request. */
  keys(prefix: string): string[];
  /** Answers a request that did not come over HTTP (`test/s3-direct.ts`). It throws where a connection would be closed. */
  receive(request: S3Request, body: Buffer): Promise<S3Response>;
  /** Every request so far in the order of arrival, refused ones included. */
  readonly requests: readonly S3Request[];
  /** Runs before a request takes effect. It can wait, return an error, or throw, which closes the connection. */
  before: (request: S3Request) => Promise<InjectedError | undefined> | InjectedError | undefined;
  /** Runs after a request took effect. If it throws, the connection is closed: the answer is lost. */
  after: (request: S3Request) => void;
  /**
   * Keeps the present objects. The returned function restores them, forgets all requests since the start, and removes
   * `before` and `after`, so that a test can repeat a scene. A request that waits meanwhile fails.
   */
  snapshot(): () => void;
  close(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

/** A version of an object, or a delete marker if it has no body. */
interface Version {
  readonly id: string;
  readonly body?: Buffer;
  readonly headers: Headers;
}

export interface S3Response {
  readonly status: number;
  readonly headers?: Headers;
  readonly body?: Buffer | string;
  /** A page of a list, which is XML in the body over HTTP. */
  readonly page?: S3Page;
}

export interface S3Page {
  readonly objects: readonly {
    readonly key: string;
    readonly modified: Date;
    readonly etag: string;
    readonly size: number;
  }[];
  readonly isTruncated: boolean;
}

export async function startS3Server({
  versions = true,
  checksums = true,
  seed = [],
}: S3ServerOptions = {}): Promise<S3Server> {
  let objects = new Map<string, readonly Version[]>();
  const requests: S3Request[] = [];
  let count = 0;
  let restorations = 0;
  for (const version of seed) {
    objects.set(version.key, [...(objects.get(version.key) ?? []), seeded(version)]);
  }

  function push(key: string, version: Omit<Version, 'id'>): Headers {
    const id = `v${++count}`;
    objects.set(key, [...(versions ? (objects.get(key) ?? []) : []), { id, ...version }]);
    return versions ? { 'x-amz-version-id': id } : {};
  }

  function put({ key, headers }: S3Request, body: Buffer): S3Response {
    const { 'x-amz-checksum-sha256': given, 'if-match': match, 'if-none-match': noneMatch } = headers;
    const checked = checksums && typeof given === 'string';
    if (checked && given !== hash('sha256', body, 'base64')) {
      return refused(400, 'BadDigest');
    }
    const current = objects.get(key)?.at(-1);
    if (match !== undefined && !current?.body) {
      return refused(404, 'NoSuchKey');
    }
    if (match !== undefined ? match !== current?.headers.etag : noneMatch === '*' && current?.body) {
      return refused(412, 'PreconditionFailed');
    }
    const etag = etagOf(body);
    const stored = {
      'content-type': headers['content-type'] ?? 'binary/octet-stream',
      'last-modified': new Date().toUTCString(),
      etag,
      ...(headers['cache-control'] && { 'cache-control': headers['cache-control'] }),
      ...(checked && { 'x-amz-checksum-sha256': given }),
    };
    return { status: 200, headers: { etag, ...push(key, { body, headers: stored }) } };
  }

  function get({ key, query, headers }: S3Request): S3Response {
    const id = query.get('versionId');
    const all = objects.get(key);
    if (id !== null && !/^[\w-]+$/.test(id)) {
      return refused(400, 'InvalidArgument');
    }
    const found = id === null ? all?.at(-1) : all?.find((version) => versions && version.id === id);
    if (found && !found.body && id !== null) {
      return refused(405, 'MethodNotAllowed');
    }
    if (!found?.body) {
      const missing = refused(404, id === null ? 'NoSuchKey' : 'NoSuchVersion');
      return versions && found
        ? { ...missing, headers: { ...missing.headers, 'x-amz-delete-marker': 'true' } }
        : missing;
    }
    const { 'x-amz-checksum-sha256': sha256, ...entity } = found.headers;
    const computed = {
      'content-length': String(found.body.length),
      ...(versions && { 'x-amz-version-id': found.id }),
      ...(sha256 && headers['x-amz-checksum-mode'] === 'ENABLED' && { 'x-amz-checksum-sha256': sha256 }),
    };
    return { status: 200, headers: { ...entity, ...computed }, body: found.body };
  }

  /** Without a version, a DELETE adds a delete marker. With one, it purges that version. */
  function remove({ key, query }: S3Request): S3Response {
    const id = query.get('versionId');
    if (id === null) {
      return { status: 204, headers: push(key, { headers: {} }) };
    }
    objects.set(key, objects.get(key)?.filter((version) => version.id !== id) ?? []);
    return { status: 204 };
  }

  function currentKeys(prefix: string): string[] {
    return [...objects.keys()].filter((key) => key.startsWith(prefix) && objects.get(key)?.at(-1)?.body).sort();
  }

  function list(query: URLSearchParams): S3Response {
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const found = currentKeys(query.get('prefix') ?? '').filter((key) => key > after);
    const keys = found.slice(0, Number(query.get('max-keys') ?? 1000));
    const page = keys.map((key) => {
      const { headers = {}, body } = objects.get(key)?.at(-1) ?? {};
      const { 'last-modified': modified = 0, etag = '' } = headers;
      return { key, modified: new Date(modified), etag, size: body?.length ?? 0 };
    });
    const headers = { 'content-type': 'application/xml' };
    return { status: 200, headers, page: { objects: page, isTruncated: keys.length < found.length } };
  }

  async function respond(incoming: http.IncomingMessage): Promise<S3Response> {
    const { method = '', headers } = incoming;
    const arrived = restorations;
    const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://localhost');
    const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    const body = await buffer(incoming);
    failIfRestored(arrived);
    const client = /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
    return receive({ method, key, query, headers, client }, body);
  }

  function failIfRestored(since: number): void {
    if (since !== restorations) {
      throw new Error('the objects were restored');
    }
  }

  async function receive(request: S3Request, body: Buffer): Promise<S3Response> {
    const arrived = restorations;
    requests.push(request);
    const refusal = await server.before(request);
    failIfRestored(arrived);
    if (refusal) {
      return refused(refusal.status, refusal.code);
    }
    const response = perform(request, body);
    server.after(request);
    return response;
  }

  function perform(request: S3Request, body: Buffer): S3Response {
    const { method, key, query, headers } = request;
    if (key === '' && method === 'PUT') {
      return { status: 200 };
    }
    if (key === '' && query.get('list-type') === '2' && !query.has('delimiter')) {
      return list(query);
    }
    if (key !== '' && method === 'PUT' && headers['content-encoding'] !== 'aws-chunked') {
      return put(request, body);
    }
    if (key !== '' && (method === 'GET' || method === 'HEAD')) {
      return get(request);
    }
    return key !== '' && method === 'DELETE' ? remove(request) : refused(501, 'NotImplemented');
  }

  const listener = http.createServer(async (incoming, outgoing) => {
    try {
      const { status, headers, page, body = page && pageXml(page) } = await respond(incoming);
      outgoing.writeHead(status, headers).end(incoming.method === 'HEAD' ? undefined : body);
    } catch {
      incoming.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const server: S3Server = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    peek(key, versionId) {
      const all = objects.get(key) ?? [];
      const { body, headers } = (versionId === undefined ? all.at(-1) : all.find(({ id }) => id === versionId)) ?? {};
      return (
        body && { body, contentType: headers?.['content-type'] ?? '', cacheControl: headers?.['cache-control'] ?? '' }
      );
    },
    keys: currentKeys,
    receive,
    requests,
    before: () => undefined,
    after: () => {},
    snapshot() {
      const kept = new Map(objects);
      const countThen = count;
      return () => {
        restorations++;
        objects = new Map(kept);
        count = countThen;
        requests.length = 0;
        server.before = () => undefined;
        server.after = () => {};
      };
    },
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        listener.closeAllConnections();
      }),
  };
  return server;
}

function seeded({ versionId: id, body, contentType = 'binary/octet-stream', lastModified }: SeedVersion): Version {
  const headers = { 'content-type': contentType, 'last-modified': new Date(lastModified).toUTCString() };
  if (!body) {
    return { id, headers };
  }
  const sha256 = hash('sha256', body, 'base64');
  return { id, body, headers: { ...headers, etag: etagOf(body), 'x-amz-checksum-sha256': sha256 } };
}

function etagOf(body: Buffer): string {
  return `"${hash('md5', body)}"`;
}

function refused(status: number, code: string): S3Response {
  return { status, headers: { 'content-type': 'application/xml' }, body: xml('Error', { Code: code, Message: code }) };
}

function pageXml({ objects, isTruncated }: S3Page): string {
  const contents = objects.map(({ key, modified, etag, size }) =>
    xml('Contents', { Key: key, LastModified: modified.toISOString(), ETag: etag, Size: size }),
  );
  const next = isTruncated ? { NextContinuationToken: objects.at(-1)?.key } : {};
  return xml('ListBucketResult', { IsTruncated: isTruncated, KeyCount: objects.length, ...next }, contents);
}

function xml(name: string, fields: Readonly<Record<string, unknown>>, children: readonly string[] = []): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const elements = Object.entries(fields).map(([field, value]) => `<${field}>${escaped(String(value))}</${field}>`);
  return `<${name}>${[...elements, ...children].join('')}</${name}>`;
}
