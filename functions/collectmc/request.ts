import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { outage, type Reply, readReply } from './reply.ts';

/** The address the CA documents. One of its samples names `/products/!CollectMC`, which no known client uses. */
export const COLLECT_URL = 'https://secure.trust-provider.com/products/download/CollectMC';

/**
 * What can be asked for: responseType 0 ZIP, 2 PKCS#7, 3 PEM; responseEncoding 0 base64 text, 1 binary.
 * The two binary ones are the only pairs that every version of the documentation allows.
 */
export const RESPONSE_FORMATS = {
  pkcs7: { responseType: '2', responseEncoding: '1' },
  'pkcs7-base64': { responseType: '2', responseEncoding: '0' },
  zip: { responseType: '0', responseEncoding: '1' },
  'zip-base64': { responseType: '0', responseEncoding: '0' },
  pem: { responseType: '3', responseEncoding: '0' },
} as const;

export type ResponseFormat = keyof typeof RESPONSE_FORMATS;

/** The CA's limits of the two fields, in characters. */
export const CREDENTIAL_LIMITS = { loginName: 64, loginPassword: 128 } as const;

/** Digits, kept as text: order numbers are about to outgrow 32 bits, and no arithmetic is ever done with them. */
export const ORDER_NUMBER = /^[1-9]\d{0,15}$/;

/** The largest real mark certificate chain is 19 KB as PEM; 1 MiB is never a certificate. */
const BODY_LIMIT = 1024 * 1024;

export interface CollectRequest {
  /** The endpoint, checked by {@link endpointProblem}. */
  readonly url: string;
  readonly loginName: string;
  readonly loginPassword: string;
  readonly orderNumber: string;
  readonly format: ResponseFormat;
}

/** A reply with what is known only of the call: the body to keep, and how long the CA took. */
export interface Answer {
  readonly reply: Reply;
  /** Exactly the bytes received; empty where none came. */
  readonly body: Uint8Array;
  /** From sending the request to the last byte of the answer. */
  readonly milliseconds: number;
}

/**
 * Asks CollectMC once for one order. The connection closes after the answer, redirects are not followed (they would carry
 * the password elsewhere), and the signal bounds the whole call.
 *
 * A connection that fails is an outage, not an exception.
 *
 * @throws {TypeError} where the request may not be sent at all: see {@link requestProblem}. The message has no password.
 */
export async function askCollectMc(request: CollectRequest, signal: AbortSignal): Promise<Answer> {
  const problem = requestProblem(request);
  if (problem) {
    throw new TypeError(problem);
  }
  const form = new URLSearchParams({
    loginName: request.loginName,
    loginPassword: request.loginPassword,
    orderNumber: request.orderNumber,
    ...RESPONSE_FORMATS[request.format],
  }).toString();

  const started = performance.now();
  const answer = (reply: Reply, body: Uint8Array = new Uint8Array()): Answer => {
    return { reply, body, milliseconds: Math.round(performance.now() - started) };
  };
  try {
    const response = await post(new URL(request.url), form, signal);
    const body = await readBody(response);
    return answer(readReply(response.statusCode ?? 0, response.headers, body), body);
  } catch (error) {
    return answer(outage(signal.aborted ? 'no answer in time' : reasonOf(error)));
  }
}

/** Why a request may not be sent, as a sentence that names the field but no password; undefined where it may. */
export function requestProblem(request: CollectRequest): string | undefined {
  if (!ORDER_NUMBER.test(request.orderNumber)) {
    return `orderNumber: ${JSON.stringify(request.orderNumber)} is not 1 to 16 digits without a leading zero`;
  }
  for (const [field, limit] of Object.entries(CREDENTIAL_LIMITS)) {
    const { length } = request[field as keyof typeof CREDENTIAL_LIMITS];
    if (length === 0 || length > limit) {
      return `${field}: has ${length} characters, and the CA takes 1 to ${limit}`;
    }
  }
  return endpointProblem(request.url);
}

/**
 * Why a URL cannot be the endpoint, as a sentence; undefined where it can. Passwords travel over https only; a loopback
 * address never leaves the machine and may do without. The sentence does not quote the URL: it may hold a password.
 */
export function endpointProblem(text: string): string | undefined {
  const url = URL.parse(text);
  const problem =
    'the URL of CollectMC is not an https URL without credentials, query and fragment (plain http for a loopback address only)';
  if (!url || url.username || url.password || url.search || url.hash) {
    return problem;
  }
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  return secure ? undefined : problem;
}

/** Whether a URL names this machine: 127.0.0.0/8, ::1 (RFC 5735, RFC 4291) or localhost (RFC 6761). */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

async function post(url: URL, form: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  const outgoing = request(url, {
    method: 'POST',
    // One call every few hours: a kept connection would only ever be found dead.
    agent: false,
    signal,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(form),
    },
  });
  // What breaks after the headers reaches the reader of the body; without a listener it would end the process too.
  outgoing.on('error', () => {});
  outgoing.end(form);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

/** @throws {Error} when the connection breaks before the announced length, or the answer is over the limit. */
async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      response.destroy();
      throw new Error(`an answer of more than ${BODY_LIMIT} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The system's short code where there is one: messages of TLS errors can quote what the other side sent. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'the connection failed';
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
