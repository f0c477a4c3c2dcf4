import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { APIGatewayProxyStructuredResultV2, LambdaFunctionURLEvent } from 'aws-lambda';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** A function URL on loopback. As on AWS, each request becomes an event of payload format 2.0. */
export async function startFunctionUrl(
  invoke: (event: LambdaFunctionURLEvent) => Promise<APIGatewayProxyStructuredResultV2>,
): Promise<Endpoint> {
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
    const body = await buffer(request);
    const domainName = request.headers.host ?? '';
    const {
      statusCode,
      headers,
      body: responseBody,
    } = await invoke({
      version: '2.0',
      routeKey: '$default',
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      requestContext: {
        accountId: 'anonymous',
        apiId: 'local',
        domainName,
        domainPrefix: 'local',
        http: {
          method: request.method ?? '',
          path: pathname,
          protocol: 'HTTP/1.1',
          sourceIp: request.socket.remoteAddress ?? '',
          userAgent: request.headers['user-agent'] ?? '',
        },
        requestId: crypto.randomUUID(),
        routeKey: '$default',
        stage: '$default',
        time: new Date().toISOString(),
        timeEpoch: Date.now(),
      },
      // Lambda encodes the body of a form as base64, like every body with a content type that it does not regard as
      // text.
      isBase64Encoded: true,
      ...(body.length > 0 && { body: body.toString('base64') }),
    });
    response.writeHead(
      statusCode ?? 200,
      Object.entries(headers ?? {}).flatMap(([name, value]) => [renamed(name), String(value)]),
    );
    response.end(responseBody);
  });
  const { url, close } = await listenOnLoopback(server);
  return { url: `${url}/`, close };
}

/**
 * The name under which a function URL sends a header: Lambda renames the challenge, so that a client that waits for it
 * never logs in.
 */
function renamed(name: string): string {
  return name.toLowerCase() === 'www-authenticate' ? `x-amzn-remapped-${name}` : name;
}
