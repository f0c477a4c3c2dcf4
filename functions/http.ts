import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { CollectorError } from './collector-error.ts';

// An import would read all exports, and three of them load fetch (infra/node-http.ts).
const http = process.getBuiltinModule('node:http');

/** One request. `signal` limits all of it, including the body of the response. */
export interface HttpRequest {
  readonly url: URL;
  readonly signal: AbortSignal;
  /** The fields of a form, which is sent by POST. Without it the request is a GET. */
  readonly form?: URLSearchParams;
  /** Resolves the name of the server; default: that of the system. It is not called for an IP address. */
  readonly lookup?: LookupFunction;
}

/** A response whose headers have arrived. Its body must be read or discarded. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Reads the body.
   *
   * @param limit the maximum number of bytes.
   * @param received gets the parts of the body as they arrive, so that a body that breaks off is not lost.
   * @throws {BodyTooLargeError} if the body has more bytes.
   * @throws {Error} if the connection breaks before the announced length, or the signal aborts.
   */
  read(limit: number, received?: Uint8Array[]): Promise<Uint8Array>;
  /** Closes the connection without reading the body. */
  discard(): void;
}

/**
 * Sends one request. It rejects with the system's error or a {@link NoResponseError} if no response arrives, and with
 * the reason of the signal as soon as that aborts.
 */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;

/** A response has a larger body than its reader accepts. */
export class BodyTooLargeError extends CollectorError {
  override readonly name = 'BodyTooLargeError';
  constructor(limit: number) {
    super(`the body has more than ${limit} bytes`);
  }
}

/** A connection ended without a response that can be read. */
class NoResponseError extends CollectorError {
  override readonly name = 'NoResponseError';
}

/**
 * The name and version of this client, which administrators of servers look for (RFC 9110, 10.1.5). The version is that
 * of package.json, as a test checks. An import of package.json would put all of it into each bundle.
 */
const USER_AGENT = 'mark-certificate-collector/0.1.0';

/**
 * The HTTP client of this project. It follows no redirect: a redirect could send a password to another server, and a
 * published URL must not redirect. It keeps no connection open, because requests are hours apart.
 */
export const sendHttp: HttpClient = async (sent) => {
  const { signal } = sent;
  const response = await beforeAbort(signal, requestOnce(sent));
  // An error between the headers and the body has no other listener. The reader of the body still receives it.
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    read: (limit, received) => beforeAbort(signal, readBody(response, limit, received)),
    discard: () => response.destroy(),
  };
};

/** Sends one request. Every way in which a request can end is an outcome (Node, "Class: http.ClientRequest"). */
function requestOnce({ url, signal, form, lookup }: HttpRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const body = form?.toString();
    const outgoing = request(url, {
      agent: false,
      signal,
      ...(lookup && { lookup }),
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'user-agent': USER_AGENT,
        ...(body !== undefined && {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    outgoing.once('response', resolve);
    // Not once: an error after the response would end the process if nothing listened.
    outgoing.on('error', reject);
    // Without a listener, Node closes the connection and reports neither a response nor an error.
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new NoResponseError('the server changed to another protocol (HTTP 101), which was not requested'));
    });
    outgoing.once('close', () => reject(new NoResponseError('the connection ended without a response')));
    outgoing.end(body);
  });
}

/**
 * Waits for a part of a request, but never longer than its signal allows, even if the connection reports nothing. Node
 * closes the connection itself.
 */
async function beforeAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) {
    abort();
  }
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function readBody(response: IncomingMessage, limit: number, chunks: Uint8Array[] = []): Promise<Uint8Array> {
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      throw new BodyTooLargeError(limit);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What the codes of failed connections mean (Node, "Common system errors" and node:dns, "Error codes"). */
const CONNECTION_CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server cannot be resolved',
  EAI_AGAIN: 'the name of the server cannot be resolved at the moment',
  ECONNREFUSED: 'the server refused the connection',
  ECONNRESET: 'the connection was closed before the end of the response',
  EPIPE: 'the connection was closed before the end of the request',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'the server cannot be reached',
  ENETUNREACH: 'the network of the server cannot be reached',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the TLS certificate is for another server',
  CERT_HAS_EXPIRED: 'the TLS certificate of the server has expired',
  EPROTO: 'the server violates the TLS protocol',
};

/** How {@link connectionProblem} describes a certificate of an unknown CA. */
export const UNTRUSTED = 'the TLS certificate of the server is not trusted';

/** The beginnings of other codes: of OpenSSL for TLS certificates and for TLS, and of Node's HTTP parser. */
const CONNECTION_CODE_FAMILIES: readonly (readonly [beginning: RegExp, meaning: string])[] = [
  [/^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA$|INVALID_PURPOSE$|HOSTNAME_MISMATCH$)/, UNTRUSTED],
  [/^ERR_(?:SSL|TLS)_/, 'the TLS connection failed'],
  [/^HPE_/, 'the response is not HTTP'],
];

/**
 * The reason why a connection failed, in words. An error with a code is described by the code, because TLS messages can
 * quote what the server sent.
 */
export function connectionProblem(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'the connection failed';
  }
  if (error.name === 'TimeoutError') {
    return 'no answer in time';
  }
  return 'code' in error && typeof error.code === 'string' ? describeCode(error.code) : error.message;
}

/** Codes without a meaning here have the one of the system. The code remains, because people search for it. */
function describeCode(code: string): string {
  const [, family] = CONNECTION_CODE_FAMILIES.find(([beginning]) => beginning.test(code)) ?? [];
  const [, ofSystem] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
  return `${CONNECTION_CODES[code] ?? family ?? ofSystem ?? 'the connection failed'} (${code})`;
}

/** What {@link isSecureUrl} accepts. */
export const SECURE_URL_FORM =
  'an https URL without credentials, query and fragment (plain http for a loopback address only)';

/** Whether a text is a URL to which a secret may be sent. A request to a loopback address never leaves the machine. */
export function isSecureUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    !(url.username || url.password || url.search || url.hash) &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)))
  );
}

/** Whether the host of a URL is this machine: 127.0.0.0/8, ::1 (RFC 5735, RFC 4291) or localhost (RFC 6761). */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}
