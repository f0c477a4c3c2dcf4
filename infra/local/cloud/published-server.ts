import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { PUBLISHED } from '../../../functions/store/publication.ts';

/** Serves the folder `published/` of a bucket, in place of the CloudFront distribution. */
export interface PublishedServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A key and a certificate for TLS, PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/**
 * Serves chains and logos for GET and HEAD. Every other request gets 403, as from a distribution that may not list the
 * bucket.
 *
 * @param tls makes the address an https URL with the host localhost, which verifiers require; default: plain http.
 */
export async function startPublishedServer(s3: S3Client, bucket: string, tls?: TlsIdentity): Promise<PublishedServer> {
  const listener: RequestListener = async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (!['GET', 'HEAD'].includes(request.method ?? '') || !/\.(pem|svg)$/.test(pathname)) {
      response.writeHead(403).end();
      return;
    }
    try {
      const Key = `${PUBLISHED}${pathname.slice(1)}`;
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      const body = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
      response.writeHead(200, {
        'content-type': object.ContentType,
        'content-length': body.length,
        ...(object.CacheControl && { 'cache-control': object.CacheControl }),
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    } catch (error) {
      response.writeHead(error instanceof S3ServiceException ? 403 : 500).end();
    }
  };
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: tls ? `https://localhost:${port}/` : `http://127.0.0.1:${port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
