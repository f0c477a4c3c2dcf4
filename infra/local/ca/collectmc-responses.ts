/**
 * What CollectMC can response, and how each response is written: from the protocol alone, as the simulator that sends it.
 */
import { armouredPkcs7, base64Lines, type Pkcs7Form, pem, pkcs7, zip } from './containers.ts';

/** How an issued chain is written. Everything but the two binary ones is text. */
export type IssuedShape =
  | 'pkcs7-binary'
  | 'pkcs7-armoured'
  | 'pkcs7-armoured-with-status'
  | 'pkcs7-base64'
  | 'pem'
  | 'pem-without-status'
  | 'zip-binary'
  | 'zip-base64';

/** One response of the CA. All but `http` and `html` (which may say otherwise) come with HTTP 200, errors too. */
export type SimulatedResponse =
  /** 0 being processed, 1 available; the text stands in a second line. */
  | { readonly kind: 'status'; readonly status: 0 | 1; readonly text?: string; readonly newline?: boolean }
  /** Default: as two lines, with the words of the protocol's table. */
  | {
      readonly kind: 'error';
      readonly code: number;
      readonly message?: string;
      readonly form?: 'line' | 'form-encoded';
    }
  | IssuedResponse
  /** Any HTTP response; without a content type it has none. */
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly body?: string | Uint8Array;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A maintenance page. */
  | { readonly kind: 'html'; readonly status?: number }
  /** Any bytes, as if they were an response. */
  | { readonly kind: 'bytes'; readonly body: string | Uint8Array; readonly contentType?: string }
  | { readonly kind: 'empty' }
  /**
   * The first bytes of another response (default: half). `complete` decides what the client can see of it: true, a response that looks
   * whole; false (the default), a longer Content-Length than bytes before the connection closes.
   */
  | { readonly kind: 'truncated'; readonly of: SimulatedResponse; readonly bytes?: number; readonly complete?: boolean }
  /** The connection is cut without an response. */
  | { readonly kind: 'drop' }
  /** Another response, later. A client that gives up sooner leaves nothing behind. */
  | { readonly kind: 'slow'; readonly milliseconds: number; readonly of: SimulatedResponse };

export interface IssuedResponse {
  readonly kind: 'issued';
  /** Leaf, issuing CA, root, each DER. PKCS#7 has them in this order, PEM in the opposite one, as the CA does. */
  readonly certificates: readonly Uint8Array[];
  /** Default: what responseType and responseEncoding ask for. */
  readonly shape?: IssuedShape;
  /** Default `signed-empty`, the form of the CA's sample. */
  readonly pkcs7?: Pkcs7Form;
  /** `spaced` prints boundaries as the documentation does: inner spaces, and four dashes at the end of an END line. */
  readonly boundaries?: 'plain' | 'spaced';
  /** The archive to send where a ZIP is asked for; default one of the certificates as PEM. */
  readonly zip?: Uint8Array;
}

interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The content type the documentation prints, backslash and all. */
const DOCUMENTED_TYPE = 'text\\plain';

const issuedBodies: Readonly<Record<IssuedShape, (issued: IssuedResponse) => string | Uint8Array>> = {
  'pkcs7-binary': (issued) => pkcs7(issued.certificates, form(issued)),
  'pkcs7-armoured': (issued) => bounded(issued, armouredPkcs7(issued.certificates, form(issued))),
  'pkcs7-armoured-with-status': (issued) => `2\n${bounded(issued, armouredPkcs7(issued.certificates, form(issued)))}`,
  'pkcs7-base64': (issued) => `2\n${base64Lines(pkcs7(issued.certificates, form(issued)))}`,
  pem: (issued) => `2\n${bounded(issued, pem(issued.certificates.toReversed()))}`,
  'pem-without-status': (issued) => bounded(issued, pem(issued.certificates.toReversed())),
  'zip-binary': (issued) => issued.zip ?? zip(issued.certificates),
  'zip-base64': (issued) => `2\n${base64Lines(issued.zip ?? zip(issued.certificates))}`,
};

const messages: Readonly<Record<number, string>> = {
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

/** Gives an issued chain the shape that was asked for, unless the script forces one; looks inside slow and truncated answers. */
export function applyRequestedShape(response: SimulatedResponse, asked: IssuedShape): SimulatedResponse {
  switch (response.kind) {
    case 'issued':
      return { shape: asked, ...response };
    case 'slow':
    case 'truncated':
      return { ...response, of: applyRequestedShape(response.of, asked) };
    default:
      return response;
  }
}

/** The bytes of an response that has some. A truncated one is cut here; a slow one is what follows. */
export function renderResponse(response: SimulatedResponse): HttpResponse {
  switch (response.kind) {
    case 'status': {
      const line = response.text === undefined ? '' : `\n${response.text}`;
      return ok(`${response.status}${line}${response.newline ? '\n' : ''}`, 'text/plain');
    }
    case 'error': {
      const message = response.message ?? messages[response.code] ?? 'An error occurred!';
      const encoded = new URLSearchParams({ errorCode: String(response.code), errorMessage: message });
      return ok(response.form === 'form-encoded' ? encoded.toString() : `${response.code}\n${message}`, 'text/plain');
    }
    case 'issued':
      return ok(issuedBodies[response.shape ?? 'pkcs7-binary'](response), DOCUMENTED_TYPE);
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
