import { connectionProblem, type HttpClient, type HttpResponse, isSecureUrl, SECURE_URL_FORM } from '../http.ts';
import { outage, type Reply, readBrokenReply, readReply } from './reply.ts';

/**
 * The URL that the CA documents. One of its samples has the path `/products/!CollectMC`, which no known client uses.
 */
export const COLLECT_URL = 'https://secure.trust-provider.com/products/download/CollectMC';

/**
 * The response formats: responseType 0 ZIP, 2 PKCS#7, 3 PEM; responseEncoding 0 base64 text, 1 binary. The two binary
 * formats are the only pairs that every version of the documentation allows.
 */
export const RESPONSE_FORMATS = {
  pkcs7: { responseType: '2', responseEncoding: '1' },
  'pkcs7-base64': { responseType: '2', responseEncoding: '0' },
  zip: { responseType: '0', responseEncoding: '1' },
  'zip-base64': { responseType: '0', responseEncoding: '0' },
  pem: { responseType: '3', responseEncoding: '0' },
} as const;

export type ResponseFormat = keyof typeof RESPONSE_FORMATS;

/** The CA's limits of the two fields, in characters: see {@link countCharacters}. */
export const CREDENTIAL_LIMITS = { loginName: 64, loginPassword: 128 } as const;

/** The characters of a text as a person counts them: one outside the Basic Multilingual Plane is one, not two. */
export function countCharacters(text: string): number {
  return [...text].length;
}

/** An order number: digits, kept as text, because order numbers will soon exceed 32 bits. */
export const ORDER_NUMBER = /^[1-9]\d{0,15}$/;

/** The maximum size of a reply, in bytes. The largest real mark certificate chain has 19 KB as PEM. */
const BODY_LIMIT = 1024 * 1024;

/** One call to CollectMC for one order. */
export interface CollectRequest {
  /** The endpoint, checked by {@link endpointProblem}. */
  readonly url: string;
  readonly loginName: string;
  readonly loginPassword: string;
  readonly orderNumber: string;
  readonly format: ResponseFormat;
}

/** A reply, the body to store, and the duration of the call. */
export interface CallResult {
  /** Its text does not contain the password. */
  readonly reply: Reply;
  /** Exactly the bytes that were received, also of a body that broke off; empty if there were none. */
  readonly body: Uint8Array;
  /** The time from the start of the request to the last byte of the response. */
  readonly milliseconds: number;
}

/**
 * Asks CollectMC once for one order. The signal limits the whole call. A connection that fails is an outage, not an
 * exception.
 *
 * @throws {TypeError} if the request must not be sent: see {@link requestProblem}. The message does not contain the
 * password.
 */
export async function askCollectMc(
  http: HttpClient,
  request: CollectRequest,
  signal: AbortSignal,
): Promise<CallResult> {
  const problem = requestProblem(request);
  if (problem) {
    throw new TypeError(problem);
  }
  const form = new URLSearchParams({
    loginName: request.loginName,
    loginPassword: request.loginPassword,
    orderNumber: request.orderNumber,
    ...RESPONSE_FORMATS[request.format],
  });

  // Unlike `performance`, this loads no other code of Node.
  const started = process.hrtime.bigint();
  const result = (reply: Reply, body: Uint8Array = new Uint8Array()): CallResult => {
    return { reply, body, milliseconds: Math.round(Number(process.hrtime.bigint() - started) / 1e6) };
  };
  const secrets = [request.loginPassword];
  let response: HttpResponse | undefined;
  const received: Uint8Array[] = [];
  try {
    response = await http({ url: new URL(request.url), form, signal });
    const body = await response.read(BODY_LIMIT, received);
    return result(readReply(response.status, response.headers, body, secrets), body);
  } catch (error) {
    const problem = signal.aborted ? 'no answer in time' : connectionProblem(error);
    const body = Buffer.concat(received);
    return result(response ? readBrokenReply(problem, response, body, secrets) : outage(problem), body);
  }
}

/**
 * The reason why a request must not be sent, as a sentence with the field but without the password; undefined if it can
 * be sent.
 */
export function requestProblem(request: CollectRequest): string | undefined {
  if (!ORDER_NUMBER.test(request.orderNumber)) {
    return `orderNumber: ${JSON.stringify(request.orderNumber)} is not 1 to 16 digits without a leading zero`;
  }
  for (const [field, limit] of Object.entries(CREDENTIAL_LIMITS)) {
    const length = countCharacters(request[field as keyof typeof CREDENTIAL_LIMITS]);
    if (length === 0 || length > limit) {
      return `${field} has ${length} characters, but the CA accepts 1 to ${limit}`;
    }
  }
  return endpointProblem(request.url);
}

/**
 * Why a URL cannot be the endpoint, as a sentence; undefined if it can. The sentence does not quote the URL, because a
 * URL can contain a password.
 */
export function endpointProblem(text: string): string | undefined {
  return isSecureUrl(text) ? undefined : `the URL of CollectMC is not ${SECURE_URL_FORM}`;
}
