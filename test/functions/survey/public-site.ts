import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

/** Answers the requests of one path. */
export type Page = (response: ServerResponse) => void;

export interface PublicSite {
  readonly url: string;
  /** The pages by path. Every other path answers 404. */
  readonly pages: Map<string, Page>;
  /** Every request so far, in order. */
  readonly requests: readonly { readonly method: string | undefined; readonly path: string | undefined }[];
  /** Forgets all pages and requests. */
  clear(): void;
  /** Stops the server. A second call does nothing. */
  close(): Promise<void>;
}

/** A web server on loopback for published chains and logos; https with the options of a TLS server. */
export async function startPublicSite(tls?: https.ServerOptions): Promise<PublicSite> {
  const pages = new Map<string, Page>();
  const requests: { readonly method: string | undefined; readonly path: string | undefined }[] = [];
  const serve: http.RequestListener = ({ method, url: path = '' }, response) => {
    requests.push({ method, path });
    const answer = pages.get(path) ?? page(404, 'text/plain', 'nothing');
    answer(response);
  };
  const server = tls ? https.createServer(tls, serve) : http.createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    pages,
    requests,
    clear() {
      pages.clear();
      requests.length = 0;
    },
    async close() {
      if (server.listening) {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
}

export function page(
  status: number,
  type: string,
  body: string | Buffer,
  headers: http.OutgoingHttpHeaders = {},
): Page {
  return (response) => response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

/** A logo whose body does not end. */
export const unfinishedLogo: Page = (response) => {
  response.writeHead(200, { 'content-type': 'image/svg+xml', 'content-length': 10 }).write('<svg');
};
