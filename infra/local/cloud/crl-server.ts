import { createServer } from 'node:http';
import type { IssuedCrl } from '../ca/crls.ts';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** Serves CRLs on loopback, by the paths of their URLs. The server is asked for the CRLs at every request. */
export async function serveCrls(crls: () => readonly IssuedCrl[]): Promise<Endpoint> {
  const server = createServer((request, response) => {
    const crl = crls().find(({ url }) => new URL(url).pathname === request.url);
    if (crl) {
      response.writeHead(200, { 'content-type': 'application/pkix-crl' }).end(crl.bytes);
    } else {
      response.writeHead(404).end();
    }
  });
  return listenOnLoopback(server);
}
