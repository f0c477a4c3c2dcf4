import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on loopback. */
export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a server on a free loopback port. Closing it also ends the connections that clients keep open. */
export async function listenOnLoopback(server: Server): Promise<Endpoint> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
