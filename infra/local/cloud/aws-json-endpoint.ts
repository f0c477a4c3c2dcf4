import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { CollectorError } from '../../../functions/collector-error.ts';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** An error response of a service. The SDK client of the caller throws an error with this name. */
export class ServiceError extends CollectorError {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** One action of a service: it receives the members of the request and returns those of the response. */
export type Action = (input: Record<string, unknown>) => Promise<object> | object;

/** Actions of AWS services on loopback. */
export interface AwsJsonEndpoint extends Endpoint {
  /** The HTTP status and the body of the answer to a request, also to one that does not come over HTTP. */
  answer(target: string, input: unknown): Promise<{ readonly status: number; readonly output: object }>;
}

/**
 * Serves actions of AWS services to the real SDK clients, in the protocol "AWS JSON 1.1" (or 1.0) on a free loopback
 * port. It ignores signatures.
 *
 * @param actions by the value of the header X-Amz-Target, like "secretsmanager.GetSecretValue".
 */
export async function startAwsJsonEndpoint(actions: Readonly<Record<string, Action>>): Promise<AwsJsonEndpoint> {
  const perform = async (target: string, input: unknown): Promise<object> => {
    const action = actions[target];
    if (!action || typeof input !== 'object') {
      throw new ServiceError('UnknownOperationException', `${target} is not served here`);
    }
    return action({ ...input });
  };
  const answer = (target: string, input: unknown) =>
    perform(target, input).then(
      (output) => ({ status: 200, output }),
      (error: Error) => ({
        status: error instanceof ServiceError ? 400 : 500,
        output: { __type: error.name, message: error.message },
      }),
    );
  // An idle connection stays open: a client that has just chosen it for a request would fail.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    json(request)
      .then(
        (input) => answer(String(request.headers['x-amz-target']), input),
        ({ name, message }: Error) => ({ status: 500, output: { __type: name, message } }),
      )
      .then(({ status, output }) => {
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(output));
      });
  });
  return { ...(await listenOnLoopback(server)), answer };
}
