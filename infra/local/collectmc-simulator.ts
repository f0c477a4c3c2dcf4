/**
 * CollectMC on one machine: an HTTP server that answers as the CA does, in every way its documentation and the clients of its
 * siblings know. It is written from the protocol alone and shares no code with the client that it tests.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
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

/** One answer of the CA. All but `http` and `html` (which may say otherwise) come with HTTP 200, errors too. */
export type Answer =
  /** 0 being processed, 1 available; the text stands in a second line. */
  | { readonly kind: 'status'; readonly status: 0 | 1; readonly text?: string; readonly newline?: boolean }
  /** Default: as two lines, with the words of the protocol's table. */
  | {
      readonly kind: 'error';
      readonly code: number;
      readonly message?: string;
      readonly form?: 'line' | 'form-encoded';
    }
  | Issued
  /** Any HTTP answer; without a content type it has none. */
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly body?: string | Uint8Array;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A maintenance page. */
  | { readonly kind: 'html'; readonly status?: number }
  /** Any bytes, as if they were an answer. */
  | { readonly kind: 'bytes'; readonly body: string | Uint8Array; readonly contentType?: string }
  | { readonly kind: 'empty' }
  /**
   * The first bytes of another answer (default: half). `complete` decides what the client can see of it: true, a response that looks
   * whole; false (the default), a longer Content-Length than bytes before the connection closes.
   */
  | { readonly kind: 'truncated'; readonly of: Answer; readonly bytes?: number; readonly complete?: boolean }
  /** The connection is cut without an answer. */
  | { readonly kind: 'drop' }
  /** Another answer, later. A client that gives up sooner leaves nothing behind. */
  | { readonly kind: 'slow'; readonly milliseconds: number; readonly of: Answer };

export interface Issued {
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

export interface Credentials {
  readonly loginName: string;
  readonly loginPassword: string;
}

/** What the simulator keeps of a request, from its arrival on. */
export interface Call {
  readonly at: Date;
  readonly method: string;
  /** Undefined until the body is read, and where it names none. */
  readonly orderNumber: string | undefined;
  /** Names as the client wrote them. The value of loginPassword, and of any field unknown to CollectMC, is not kept. */
  readonly fields: Readonly<Record<string, string>>;
  readonly credentialsCorrect: boolean;
  /** `status 0`, `error -16`, `issued pkcs7-binary`, `http 503`, `truncated issued pem` ...; undefined until there is one. */
  readonly answer: string | undefined;
  /** How many bytes of body were sent. */
  readonly bytes: number;
}

export interface Simulator {
  /** The endpoint itself, path included. */
  readonly url: string;
  /** In the order of arrival. */
  readonly calls: readonly Call[];
  /** The most calls that were ever in progress together: from a request's arrival until its answer is sent or its client gone. */
  readonly mostAtOnce: number;
  /**
   * Makes an order known, or gives a known one a new script: one answer a call, the last one for ever. Only calls that pass the
   * checks of the protocol use up an answer.
   *
   * @throws {RangeError} for an order number or a script that can answer nothing.
   */
  order(orderNumber: string, script: readonly Answer[]): void;
  setCredentials(credentials: Credentials): void;
  /** Ends everything at once, slow answers and idle connections too. */
  close(): Promise<void>;
}

export interface SimulatorOptions {
  /** Default 0: any that is free. */
  readonly port?: number;
  readonly credentials: Credentials;
}

const PATH = '/products/download/CollectMC';

/** No form of CollectMC's comes near. */
const REQUEST_LIMIT = 16 * 1024;

const ORDER_NUMBER = /^[1-9][0-9]{0,15}$/;

/** The fields of a request, each with what it accepts. All five are demanded: what a missing one means is not documented. */
const fieldRules: Readonly<Record<string, RegExp>> = {
  loginName: /^.{1,64}$/s,
  loginPassword: /^.{1,128}$/s,
  orderNumber: ORDER_NUMBER,
  responseType: /^[023]$/,
  responseEncoding: /^[01]$/,
};

/** responseType and responseEncoding, and what they bring. PEM as binary (3,1) is the one pair nobody describes. */
const shapeAsked: Readonly<Record<string, IssuedShape>> = {
  '2,1': 'pkcs7-binary',
  '2,0': 'pkcs7-armoured-with-status',
  '3,0': 'pem',
  '0,1': 'zip-binary',
  '0,0': 'zip-base64',
};

/** The content type the documentation prints, backslash and all. */
const DOCUMENTED_TYPE = 'text\\plain';

const issuedBodies: Readonly<Record<IssuedShape, (issued: Issued) => string | Uint8Array>> = {
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

/** Listens on 127.0.0.1. Rejects where the port is taken. */
export async function startCollectMcSimulator(options: SimulatorOptions): Promise<Simulator> {
  let credentials = options.credentials;
  let inProgress = 0;
  let mostAtOnce = 0;
  const calls: Mutable<Call>[] = [];
  const orders = new Map<string, Answer[]>();
  const closing = new AbortController();

  const server = createServer((request, response) => {
    const call: Mutable<Call> = {
      at: new Date(),
      method: request.method ?? '',
      orderNumber: undefined,
      fields: {},
      credentialsCorrect: false,
      answer: undefined,
      bytes: 0,
    };
    calls.push(call);
    mostAtOnce = Math.max(mostAtOnce, ++inProgress);
    // Counted down before the last byte leaves, so that a client which waits for it and calls again was never there twice.
    const done = oncePerCall(() => inProgress--);
    const gone = new AbortController();
    response.on('close', () => {
      done();
      gone.abort();
    });
    const signal = AbortSignal.any([closing.signal, gone.signal]);
    answerTo(request, call)
      .then((answer) => {
        call.answer = answerName(answer);
        return send(answer, { call, response, done, signal });
      })
      .catch((error: unknown) => fail(error, { call, response, done, signal }));
  });

  /** The checks of the protocol, and when all of them pass the next answer of the order's script. */
  async function answerTo(request: IncomingMessage, call: Mutable<Call>): Promise<Answer> {
    if (request.url?.split('?')[0] !== PATH) {
      return { kind: 'http', status: 404, body: 'Not found', contentType: 'text/plain' };
    }
    if (request.method !== 'POST') {
      return { kind: 'error', code: -17 };
    }
    const body = await readBody(request);
    if (body === undefined) {
      return { kind: 'http', status: 413, headers: { connection: 'close' } };
    }
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
    const fields = [...new URLSearchParams(isForm ? body : '')].map(([written, value]) => ({
      written,
      name: knownName(written),
      value,
    }));
    const sent = (wanted: string) => fields.find(({ name }) => name === wanted)?.value;
    call.orderNumber = sent('orderNumber');
    call.fields = Object.fromEntries(
      fields.map(({ written, name, value }) => [
        written,
        name === undefined || name === 'loginPassword' ? '(not kept)' : value,
      ]),
    );
    call.credentialsCorrect =
      sent('loginName') === credentials.loginName && sent('loginPassword') === credentials.loginPassword;

    const problem = formProblem(fields);
    if (problem) {
      return problem;
    }
    const asked = shapeAsked[`${sent('responseType')},${sent('responseEncoding')}`];
    if (asked === undefined) {
      return invalid('responseEncoding');
    }
    if (!call.credentialsCorrect) {
      return { kind: 'error', code: -16 };
    }
    const script = orders.get(sent('orderNumber') ?? '');
    const next = script && script.length > 1 ? script.shift() : script?.[0];
    return next ? shaped(next, asked) : invalid('orderNumber');
  }

  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${portOf(server.address())}${PATH}`,
    calls,
    get mostAtOnce() {
      return mostAtOnce;
    },
    order: (orderNumber, script) => {
      if (!ORDER_NUMBER.test(orderNumber) || script.length === 0) {
        throw new RangeError(`Order ${orderNumber} needs a number of 1 to 16 digits and at least one answer`);
      }
      orders.set(orderNumber, [...script]);
    },
    setCredentials: (changed) => {
      credentials = changed;
    },
    close: async () => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Without this a client that keeps its connection alive would keep the server open.
      server.closeAllConnections();
      await closed;
    },
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Field {
  readonly written: string;
  readonly name: string | undefined;
  readonly value: string;
}

/** Where an answer goes. */
interface Exchange {
  readonly call: Mutable<Call>;
  readonly response: ServerResponse;
  /** Says that the call is no longer in progress. */
  readonly done: () => void;
  /** Aborted when the simulator closes or the client has gone. */
  readonly signal: AbortSignal;
}

interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The request's text, or undefined where it is over its limit. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    // What comes after the limit is read and dropped: a client still writing would never see the answer.
    if (size <= REQUEST_LIMIT) {
      chunks.push(chunk);
    }
  });
  await once(request, 'end');
  return size <= REQUEST_LIMIT ? Buffer.concat(chunks).toString('utf8') : undefined;
}

/** CollectMC reads field names whatever their case. */
function knownName(written: string): string | undefined {
  return Object.keys(fieldRules).find((name) => name.toLowerCase() === written.toLowerCase());
}

function formProblem(fields: readonly Field[]): Answer | undefined {
  const unknown = fields.find(({ name }) => name === undefined);
  if (unknown) {
    return { kind: 'error', code: -2, message: `'${unknown.written}' is an unrecognised argument!` };
  }
  for (const [name, rule] of Object.entries(fieldRules)) {
    const values = fields.filter((field) => field.name === name).map(({ value }) => value);
    const [value] = values;
    if (value === undefined || value === '') {
      return { kind: 'error', code: -3, message: `The '${name}' argument is missing!` };
    }
    if (values.length > 1 || !rule.test(value)) {
      return invalid(name);
    }
  }
  return undefined;
}

function invalid(name: string): Answer {
  return { kind: 'error', code: -4, message: `The value of the '${name}' argument is invalid!` };
}

/** Gives an issued chain the shape that was asked for, unless the script forces one; looks inside slow and truncated answers. */
function shaped(answer: Answer, asked: IssuedShape): Answer {
  switch (answer.kind) {
    case 'issued':
      return { shape: asked, ...answer };
    case 'slow':
    case 'truncated':
      return { ...answer, of: shaped(answer.of, asked) };
    default:
      return answer;
  }
}

async function send(answer: Answer, exchange: Exchange): Promise<void> {
  const { call, response, done, signal } = exchange;
  if (answer.kind === 'slow') {
    await wait(answer.milliseconds, undefined, { signal });
    return send(answer.of, exchange);
  }
  if (answer.kind === 'drop') {
    done();
    response.socket?.resetAndDestroy();
    return;
  }
  const { status, headers, body } = rendered(answer);
  if (answer.kind === 'truncated' && !answer.complete) {
    const whole = rendered(answer.of).body.length;
    response.writeHead(status, { ...headers, 'content-length': whole });
    call.bytes = body.length;
    done();
    // An empty write would not send the head.
    response.flushHeaders();
    response.write(body, () => response.socket?.destroy());
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': body.length });
  call.bytes = body.length;
  done();
  response.end(body);
}

/** A client that went away is no fault; anything else is one of the script, told to whoever reads the answer. */
function fail(error: unknown, { call, response, done, signal }: Exchange): void {
  done();
  if (signal.aborted || response.headersSent) {
    response.destroy();
    return;
  }
  call.answer = 'http 500';
  response.writeHead(500, { 'content-type': 'text/plain' }).end(`The simulator cannot answer: ${String(error)}`);
}

/** The bytes of an answer that has some. A truncated one is cut here; a slow one is what follows. */
function rendered(answer: Answer): HttpAnswer {
  switch (answer.kind) {
    case 'status': {
      const line = answer.text === undefined ? '' : `\n${answer.text}`;
      return ok(`${answer.status}${line}${answer.newline ? '\n' : ''}`, 'text/plain');
    }
    case 'error': {
      const message = answer.message ?? messages[answer.code] ?? 'An error occurred!';
      const encoded = new URLSearchParams({ errorCode: String(answer.code), errorMessage: message });
      return ok(answer.form === 'form-encoded' ? encoded.toString() : `${answer.code}\n${message}`, 'text/plain');
    }
    case 'issued':
      return ok(issuedBodies[answer.shape ?? 'pkcs7-binary'](answer), DOCUMENTED_TYPE);
    case 'http':
      return {
        status: answer.status,
        headers: { ...(answer.contentType && { 'content-type': answer.contentType }), ...answer.headers },
        body: Buffer.from(answer.body ?? ''),
      };
    case 'html':
      return { ...ok(MAINTENANCE_PAGE, 'text/html; charset=utf-8'), status: answer.status ?? 200 };
    case 'bytes':
      return ok(answer.body, answer.contentType ?? DOCUMENTED_TYPE);
    case 'empty':
    case 'drop':
      return ok('', 'text/plain');
    case 'truncated': {
      const whole = rendered(answer.of);
      return { ...whole, body: whole.body.subarray(0, answer.bytes ?? Math.floor(whole.body.length / 2)) };
    }
    case 'slow':
      return rendered(answer.of);
  }
}

function ok(body: string | Uint8Array, contentType: string): HttpAnswer {
  return { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(body) };
}

function answerName(answer: Answer): string {
  switch (answer.kind) {
    case 'status':
    case 'http':
      return `${answer.kind} ${answer.status}`;
    case 'error':
      return `error ${answer.code}`;
    case 'issued':
      return `issued ${answer.shape}`;
    case 'truncated':
    case 'slow':
      return `${answer.kind} ${answerName(answer.of)}`;
    default:
      return answer.kind;
  }
}

function form(issued: Issued): Pkcs7Form {
  return issued.pkcs7 ?? 'signed-empty';
}

function bounded(issued: Issued, text: string): string {
  return issued.boundaries === 'spaced'
    ? text
        .replaceAll(/-----BEGIN ([A-Z0-9 ]+)-----/g, '----- BEGIN $1 -----')
        .replaceAll(/-----END ([A-Z0-9 ]+)-----/g, '----- END $1 ----')
    : text;
}

function oncePerCall(action: () => void): () => void {
  let pending = true;
  return () => {
    if (pending) {
      pending = false;
      action();
    }
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') {
    throw new TypeError('The simulator does not listen on a port');
  }
  return address.port;
}
