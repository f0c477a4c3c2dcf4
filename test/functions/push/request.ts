import type { LambdaFunctionURLEvent } from 'aws-lambda';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface RequestParts {
  readonly method?: string;
  readonly authorization?: string | undefined;
  readonly path?: string;
  readonly query?: string;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
  readonly base64?: boolean;
}

/** A request as Lambda receives it from a function URL, in payload format 2.0. */
export function request(parts: RequestParts): LambdaFunctionURLEvent {
  const { method = 'GET', authorization, path = '/', query = '', contentType, body, base64 = false } = parts;
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: {
      host: 'abc.lambda-url.us-east-1.on.aws',
      ...(authorization !== undefined && { authorization }),
      ...(contentType !== undefined && { 'content-type': contentType }),
    },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abc',
      domainName: 'abc.lambda-url.us-east-1.on.aws',
      domainPrefix: 'abc',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '91.199.212.132', userAgent: 'CA' },
      requestId: '6a1f1b0e-0000-4000-8000-000000000000',
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:10:00:00 +0000',
      timeEpoch: 1795428000000,
    },
    isBase64Encoded: base64,
    ...(body !== undefined && { body }),
  };
}

export function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A push of a status: a GET with a query. */
export function get(login: Login, fields: Readonly<Record<string, string>>): LambdaFunctionURLEvent {
  return request({ authorization: basic(login), query: String(new URLSearchParams(fields)) });
}

/** A push with certificates: a POST with a form. */
export function post(login: Login, fields: Readonly<Record<string, string>>): LambdaFunctionURLEvent {
  return request({
    method: 'POST',
    authorization: basic(login),
    contentType: 'application/x-www-form-urlencoded',
    body: String(new URLSearchParams(fields)),
  });
}
