import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** The answer to a request, with the key of the object that is in it. */
type Answer = { readonly status: number; readonly headers?: OutgoingHttpHeaders } | { readonly key: string };

/**
 * The headers of every object. A logo that somebody opens alone is a document, which could run scripts; `sandbox` forbids
 * it. The pages have their own policy.
 */
const HEADERS = {
  'cache-control': 'private, no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'cross-origin-resource-policy': 'same-origin',
};
const SVG_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * Serves the objects of a bucket for reading, on a free loopback port: the path is the key.
 *
 * Only a request that names this address is answered, so that a web page of another host whose name leads to this machine
 * reads nothing.
 */
export async function servePages(s3: S3Client, bucket: string): Promise<Endpoint> {
  const server = createServer(async (request, response) => {
    const answer = answerTo(request);
    if (!('key' in answer)) {
      response.writeHead(answer.status, answer.headers).end();
      return;
    }
    try {
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: answer.key }));
      const body = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
      const type = typeOf(object.ContentType);
      response.writeHead(200, {
        ...HEADERS,
        'content-type': type,
        'content-length': body.length,
        ...(type.startsWith('image/svg') && { 'content-security-policy': SVG_POLICY }),
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    } catch (error) {
      response.writeHead(error instanceof NoSuchKey ? 404 : 500).end();
    }
  });
  return listenOnLoopback(server);
}

/** The key is the path as it was sent. With dots between slashes, the request to S3 could leave the bucket. */
function answerTo({ method = '', url = '', headers: { host = '' }, socket }: IncomingMessage): Answer {
  if (!['127.0.0.1', 'localhost'].some((name) => host === `${name}:${socket.localPort}`)) {
    return { status: 421 };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, headers: { allow: 'GET, HEAD' } };
  }
  const [path = ''] = url.split('?');
  try {
    const key = decodeURIComponent(path.slice(1));
    return key === '' || key.split('/').some((part) => /^\.*$/.test(part)) ? { status: 404 } : { key };
  } catch {
    return { status: 400 };
  }
}

/** Text without a charset is read as another one than UTF-8 by many browsers. */
function typeOf(type = 'application/octet-stream'): string {
  return type.startsWith('text/') && !type.includes('charset') ? `${type}; charset=utf-8` : type;
}
