import type { Endpoint } from '../infra/local/cloud/loopback.ts';

/** What the clients of all AWS services have in common. */
export interface AwsClient {
  readonly config: {
    maxAttempts(): Promise<number>;
    readonly endpoint?: (() => Promise<{ readonly hostname: string; readonly port?: number }>) | undefined;
  };
}

type Send = (this: AwsClient, command: object, ...rest: unknown[]) => Promise<object>;

/**
 * Lets clients of AWS send their commands to servers of this process without HTTP, also those clients that the code under
 * test creates. The stack of the SDK and a connection cost about a millisecond a request. Clients that repeat requests use
 * HTTP as usual, because only the SDK itself does that.
 *
 * @param classes the classes of the clients, each with the variable that can contain the URL of its service.
 * @param perform performs a command; undefined if it needs HTTP.
 * @returns a function that adds a server, until that is closed.
 */
export function createDirectServers<Server extends Endpoint, Client extends AwsClient>(
  classes: ReadonlyMap<{ readonly prototype: Client }, string>,
  perform: (server: Server, client: Client, command: object) => Promise<object> | undefined,
): <Added extends Server>(server: Added) => Added {
  const servers = new Map<string, Server>();
  const found = new WeakMap<AwsClient, Promise<Server | undefined>>();

  function sendWith(usual: Send, variable: string): Send {
    return async function send(this: AwsClient, command, ...rest) {
      const search = found.get(this) ?? findServer(this, variable);
      found.set(this, search);
      const server = await search;
      return (server && perform(server, this as Client, command)) ?? usual.call(this, command, ...rest);
    };
  }

  async function findServer({ config }: AwsClient, variable: string): Promise<Server | undefined> {
    if ((await config.maxAttempts()) > 1) {
      return undefined;
    }
    const { hostname, port } = (await config.endpoint?.()) ?? {};
    // As the SDK does, if the endpoint is not a setting of the client.
    return servers.get(hostname === undefined ? (process.env[variable] ?? '') : `http://${hostname}:${port}`);
  }

  function patch(): void {
    for (const [{ prototype }, variable] of classes) {
      const { send } = Object.getPrototypeOf(prototype) as { readonly send: Send };
      Object.assign(prototype, { send: sendWith(send, variable) });
    }
  }

  function unpatch(): void {
    for (const { prototype } of classes.keys()) {
      Reflect.deleteProperty(prototype, 'send');
    }
  }

  return (server) => {
    const { url, close } = server;
    if (servers.size === 0) {
      patch();
    }
    servers.set(url, server);
    return Object.assign(server, {
      close() {
        servers.delete(url);
        if (servers.size === 0) {
          unpatch();
        }
        return close();
      },
    });
  };
}
