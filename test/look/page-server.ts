import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves pages on this machine, and counts what else is asked for. */
export interface PageServer {
  readonly host: string;
  /** Serves a page. Returns its URL, which no other page has. */
  add(html: string, headers?: OutgoingHttpHeaders): string;
  /** The requests that were not the first one for a page. */
  readonly others: readonly string[];
  close(): Promise<void>;
}

export async function startPageServer(): Promise<PageServer> {
  const pages = new Map<string, { readonly html: string; readonly headers: OutgoingHttpHeaders }>();
  const others: string[] = [];
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? '');
    if (!page || request.method !== 'GET') {
      others.push(`${request.method} ${request.url}`);
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...page.headers,
    });
    response.end(page.html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    others,
    add(html, headers = {}) {
      const path = `/${pages.size + 1}/page.html`;
      pages.set(path, { html, headers });
      return `http://${host}${path}`;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
