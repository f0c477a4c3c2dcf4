import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** An error that the caller's SDK client throws under this name. */
export class ServiceError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** One action of a service: the request's members in, the response's out. */
export type Action = (input: Record<string, unknown>) => Promise<object> | object;

export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves actions of AWS services in the protocol "AWS JSON 1.1" (or 1.0) on a free loopback port, for the real SDK clients.
 * Signatures are not looked at.
 *
 * @param actions by what the header X-Amz-Target names, like "secretsmanager.GetSecretValue".
 */
export async function startAwsJsonEndpoint(actions: Readonly<Record<string, Action>>): Promise<Endpoint> {
  const answer = async (target: string, input: unknown): Promise<object> => {
    const action = actions[target];
    if (!action || typeof input !== 'object') {
      throw new ServiceError('UnknownOperationException', `${target} is not served here`);
    }
    return action({ ...input });
  };
  const server = createServer((request, response) => {
    json(request)
      .then((input) => answer(String(request.headers['x-amz-target']), input))
      .then(
        (output) => ({ status: 200, output }),
        (error: Error) => ({
          status: error instanceof ServiceError ? 400 : 500,
          output: { __type: error.name, message: error.message },
        }),
      )
      .then(({ status, output }) => {
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(output));
      });
  });
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
