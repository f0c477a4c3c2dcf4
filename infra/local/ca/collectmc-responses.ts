/** The responses of CollectMC and their bytes. Like the simulator, this is written from the protocol only. */
import { armouredPkcs7, base64Lines, type Pkcs7Form, pem, pkcs7, zip } from './containers.ts';

/** How a response contains an issued chain. All but the two binary shapes are text. */
export type IssuedShape =
  | 'pkcs7-binary'
  | 'pkcs7-armoured'
  | 'pkcs7-armoured-with-status'
  | 'pkcs7-base64'
  | 'pem'
  | 'pem-without-status'
  | 'zip-binary'
  | 'zip-base64';

/** One response of the CA. The HTTP status is 200, for errors too; only `http` and `html` can have another one. */
export type SimulatedResponse =
  /** 0: being processed; 1: available. The text is the second line. */
  | { readonly kind: 'status'; readonly status: 0 | 1; readonly text?: string; readonly newline?: boolean }
  /** Default: two lines, with the message of the protocol's table. */
  | {
      readonly kind: 'error';
      readonly code: number;
      readonly message?: string;
      readonly form?: 'line' | 'form-encoded';
    }
  | IssuedResponse
  /** Any HTTP response. Without `contentType`, it has no such header. */
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly body?: string | Uint8Array;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A maintenance page. */
  | { readonly kind: 'html'; readonly status?: number }
  /** Any bytes in place of a response. */
  | { readonly kind: 'bytes'; readonly body: string | Uint8Array; readonly contentType?: string }
  | { readonly kind: 'empty' }
  /**
   * The first bytes of another response (default: half). With `complete`, the Content-Length fits the truncated body.
   * Without it, the Content-Length is that of the whole body, and the connection closes early.
   */
  | { readonly kind: 'truncated'; readonly of: SimulatedResponse; readonly bytes?: number; readonly complete?: boolean }
  /** The connection closes without a response. */
  | { readonly kind: 'drop' }
  /** Another response after a delay. The delay ends if the client disconnects. */
  | { readonly kind: 'slow'; readonly milliseconds: number; readonly of: SimulatedResponse };

export interface IssuedResponse {
  readonly kind: 'issued';
  /** Leaf, issuing CA, root, each DER. As at the CA, PKCS#7 contains them in this order, PEM in the opposite order. */
  readonly certificates: readonly Uint8Array[];
  /** Default: the shape that responseType and responseEncoding request. */
  readonly shape?: IssuedShape;
  /** Default: `signed-empty`, the form of the CA's sample. */
  readonly pkcs7?: Pkcs7Form;
  /**
   * `spaced`: boundaries as in the documentation, with inner spaces, and with four dashes at the end of an END line.
   */
  readonly boundaries?: 'plain' | 'spaced';
  /** The archive if a ZIP is requested; default: one that contains the certificates as PEM. */
  readonly zip?: Uint8Array;
}

interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The content type in the documentation, including the backslash. */
const DOCUMENTED_TYPE = 'text\\plain';

const ISSUED_BODIES: Readonly<Record<IssuedShape, (issued: IssuedResponse) => string | Uint8Array>> = {
  'pkcs7-binary': (issued) => pkcs7(issued.certificates, form(issued)),
  'pkcs7-armoured': (issued) => bounded(issued, armouredPkcs7(issued.certificates, form(issued))),
  'pkcs7-armoured-with-status': (issued) => `2\n${bounded(issued, armouredPkcs7(issued.certificates, form(issued)))}`,
  'pkcs7-base64': (issued) => `2\n${base64Lines(pkcs7(issued.certificates, form(issued)))}`,
  pem: (issued) => `2\n${bounded(issued, pem(issued.certificates.toReversed()))}`,
  'pem-without-status': (issued) => bounded(issued, pem(issued.certificates.toReversed())),
  'zip-binary': (issued) => issued.zip ?? zip(issued.certificates),
  'zip-base64': (issued) => `2\n${base64Lines(issued.zip ?? zip(issued.certificates))}`,
};

const MESSAGES: Readonly<Record<number, string>> = {
  [-1]: 'The request was not made over https!',
  [-14]: 'An unknown error occurred!',
  [-16]: 'Permission denied!',
  [-17]: 'The request used GET rather than POST!',
  [-20]: 'The request was rejected!',
  [-21]: 'The certificate has been revoked!',
  [-22]: 'Still awaiting payment!',
  [-26]: 'The certificate is being issued!',
  [-35]: 'The certificate has expired!',
  [-36]: 'The certificate has expired!',
  [-42]: 'The call limit was reached, try again later!',
  [-91]: 'Permission denied for this context!',
};

const MAINTENANCE_PAGE = `<!DOCTYPE html>
<html><head><title>Scheduled maintenance</title></head>
<body><h1>We will be back soon</h1><p>0 services are affected.</p></body></html>
`;

/**
 * Gives an issued chain the requested shape, unless the script sets one. Applies to the inner response of a slow or
 * truncated one.
 */
export function applyRequestedShape(response: SimulatedResponse, requested: IssuedShape): SimulatedResponse {
  switch (response.kind) {
    case 'issued':
      return { shape: requested, ...response };
    case 'slow':
    case 'truncated':
      return { ...response, of: applyRequestedShape(response.of, requested) };
    default:
      return response;
  }
}

/** The status, headers and body of a response. A truncated body is already cut; a slow response is the delayed one. */
export function renderResponse(response: SimulatedResponse): HttpResponse {
  switch (response.kind) {
    case 'status': {
      const line = response.text === undefined ? '' : `\n${response.text}`;
      return ok(`${response.status}${line}${response.newline ? '\n' : ''}`, 'text/plain');
    }
    case 'error': {
      const message = response.message ?? MESSAGES[response.code] ?? 'An error occurred!';
      const encoded = new URLSearchParams({ errorCode: String(response.code), errorMessage: message });
      return ok(response.form === 'form-encoded' ? encoded.toString() : `${response.code}\n${message}`, 'text/plain');
    }
    case 'issued':
      return ok(ISSUED_BODIES[response.shape ?? 'pkcs7-binary'](response), DOCUMENTED_TYPE);
    case 'http':
      return {
        status: response.status,
        headers: { ...(response.contentType && { 'content-type': response.contentType }), ...response.headers },
        body: Buffer.from(response.body ?? ''),
      };
    case 'html':
      return { ...ok(MAINTENANCE_PAGE, 'text/html; charset=utf-8'), status: response.status ?? 200 };
    case 'bytes':
      return ok(response.body, response.contentType ?? DOCUMENTED_TYPE);
    case 'empty':
    case 'drop':
      return ok('', 'text/plain');
    case 'truncated': {
      const whole = renderResponse(response.of);
      return { ...whole, body: whole.body.subarray(0, response.bytes ?? Math.floor(whole.body.length / 2)) };
    }
    case 'slow':
      return renderResponse(response.of);
  }
}

/** A short name for the record of calls, like `status 0` or `truncated issued pem`. */
export function responseName(response: SimulatedResponse): string {
  switch (response.kind) {
    case 'status':
    case 'http':
      return `${response.kind} ${response.status}`;
    case 'error':
      return `error ${response.code}`;
    case 'issued':
      return `issued ${response.shape}`;
    case 'truncated':
    case 'slow':
      return `${response.kind} ${responseName(response.of)}`;
    default:
      return response.kind;
  }
}

function ok(body: string | Uint8Array, contentType: string): HttpResponse {
  return { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(body) };
}

function form(issued: IssuedResponse): Pkcs7Form {
  return issued.pkcs7 ?? 'signed-empty';
}

function bounded(issued: IssuedResponse, text: string): string {
  return issued.boundaries === 'spaced'
    ? text
        .replaceAll(/-----BEGIN ([A-Z0-9 ]+)-----/g, '----- BEGIN $1 -----')
        .replaceAll(/-----END ([A-Z0-9 ]+)-----/g, '----- END $1 ----')
    : text;
}
