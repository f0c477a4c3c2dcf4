/**
 * A simulator of CollectMC: an HTTP server that answers in every way that the CA's documentation and the clients of its
 * sibling endpoints describe. It is written from the protocol only and shares no code with the client that it tests.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import {
  applyRequestedShape,
  type IssuedShape,
  renderResponse,
  responseName,
  type SimulatedResponse,
} from './collectmc-responses.ts';

/** The login that the simulated CA accepts. */
export interface Credentials {
  readonly loginName: string;
  readonly loginPassword: string;
}

/** The record of a request, from its arrival on. */
export interface RecordedCall {
  readonly at: Date;
  readonly method: string;
  /** Undefined until the body is read, and if the body contains none. */
  readonly orderNumber: string | undefined;
  /** Names as the client wrote them. The values of loginPassword and of unknown fields are not recorded. */
  readonly fields: Readonly<Record<string, string>>;
  readonly credentialsCorrect: boolean;
  /**
   * `status 0`, `error -16`, `issued pkcs7-binary`, `http 503`, `truncated issued pem` …; undefined before the
   * response.
   */
  readonly answer: string | undefined;
  /** The size of the sent body; 0 before the response. */
  readonly bytes: number;
  /** The hash of the sent body in lower-case hex; undefined before the response. */
  readonly sha256: string | undefined;
}

export interface Simulator {
  /** The address of the endpoint, including the path. */
  readonly url: string;
  /** In the order of arrival. */
  readonly calls: readonly RecordedCall[];
  /** The maximum of concurrent calls. A call lasts until its response is sent or its client has disconnected. */
  readonly peakConcurrency: number;
  /**
   * Adds an order, or replaces the script of an order: one response for each call; the last one repeats. Calls that
   * fail the checks of the protocol do not advance the script.
   *
   * @throws {RangeError} for an invalid order number or an empty script.
   */
  order(orderNumber: string, script: readonly SimulatedResponse[]): void;
  setCredentials(credentials: Credentials): void;
  /** Sets the response to a wrong login: a CA or a gateway has many. Default: the error -16. */
  setRejection(response: SimulatedResponse): void;
  /** Stops the server at once, and ends slow responses and idle connections. */
  close(): Promise<void>;
}

export interface SimulatorOptions {
  /** Default: 0, any free port. */
  readonly port?: number;
  readonly credentials: Credentials;
}

const PATH = '/products/download/CollectMC';

/** Bytes of a request. Real requests are much smaller. */
const REQUEST_LIMIT = 16 * 1024;

const ORDER_NUMBER = /^[1-9][0-9]{0,15}$/;

/** The fields of a request and their accepted values. All five are required: the documentation defines no defaults. */
const FIELD_RULES: Readonly<Record<string, RegExp>> = {
  loginName: /^.{1,64}$/s,
  loginPassword: /^.{1,128}$/s,
  orderNumber: ORDER_NUMBER,
  responseType: /^[023]$/,
  responseEncoding: /^[01]$/,
};

/** The shape for each pair of responseType and responseEncoding. Only PEM as binary (3,1) is undocumented. */
const REQUESTED_SHAPES: Readonly<Record<string, IssuedShape>> = {
  '2,1': 'pkcs7-binary',
  '2,0': 'pkcs7-armoured-with-status',
  '3,0': 'pem',
  '0,1': 'zip-binary',
  '0,0': 'zip-base64',
};

/**
 * Starts the simulator on 127.0.0.1.
 *
 * @throws {Error} with the code EADDRINUSE if the port is in use.
 */
export async function startCollectMcSimulator(options: SimulatorOptions): Promise<Simulator> {
  let credentials = options.credentials;
  let rejection: SimulatedResponse = { kind: 'error', code: -16 };
  let inProgress = 0;
  let peakConcurrency = 0;
  const calls: Mutable<RecordedCall>[] = [];
  const orders = new Map<string, SimulatedResponse[]>();
  const closing = new AbortController();

  const server = createServer((request, response) => {
    const call: Mutable<RecordedCall> = {
      at: new Date(),
      method: request.method ?? '',
      orderNumber: undefined,
      fields: {},
      credentialsCorrect: false,
      answer: undefined,
      bytes: 0,
      sha256: undefined,
    };
    calls.push(call);
    peakConcurrency = Math.max(peakConcurrency, ++inProgress);
    // Runs before the last byte is sent, so that the next call of a client that waits for this byte is not concurrent.
    const done = atMostOnce(() => inProgress--);
    const gone = new AbortController();
    response.on('close', () => {
      done();
      gone.abort();
    });
    const signal = AbortSignal.any([closing.signal, gone.signal]);
    answerTo(request, call)
      .then((answer) => {
        call.answer = responseName(answer);
        return send(answer, { call, response, done, signal });
      })
      .catch((error: unknown) => fail(error, { call, response, done, signal }));
  });

  /** The result of a failed check of the protocol, or the next response of the order's script. */
  async function answerTo(request: IncomingMessage, call: Mutable<RecordedCall>): Promise<SimulatedResponse> {
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
    const sent = (field: string) => fields.find(({ name }) => name === field)?.value;
    call.orderNumber = sent('orderNumber');
    call.fields = Object.fromEntries(
      fields.map(({ written, name, value }) => [
        written,
        name === undefined || name === 'loginPassword' ? '(not recorded)' : value,
      ]),
    );
    call.credentialsCorrect =
      sent('loginName') === credentials.loginName && sent('loginPassword') === credentials.loginPassword;

    const problem = formProblem(fields);
    if (problem) {
      return problem;
    }
    const shape = REQUESTED_SHAPES[`${sent('responseType')},${sent('responseEncoding')}`];
    if (shape === undefined) {
      return invalid('responseEncoding');
    }
    if (!call.credentialsCorrect) {
      return rejection;
    }
    const script = orders.get(sent('orderNumber') ?? '');
    const next = script && script.length > 1 ? script.shift() : script?.[0];
    return next ? applyRequestedShape(next, shape) : invalid('orderNumber');
  }

  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${portOf(server.address())}${PATH}`,
    calls,
    get peakConcurrency() {
      return peakConcurrency;
    },
    order: (orderNumber, script) => {
      if (!ORDER_NUMBER.test(orderNumber) || script.length === 0) {
        throw new RangeError(`Order ${orderNumber} needs a number of 1 to 16 digits and at least one response`);
      }
      orders.set(orderNumber, [...script]);
    },
    setCredentials: (changed) => {
      credentials = changed;
    },
    setRejection: (response) => {
      rejection = response;
    },
    close: async () => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A client that keeps its connection alive would otherwise keep the server open.
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

/** One call and its response. */
interface Exchange {
  readonly call: Mutable<RecordedCall>;
  readonly response: ServerResponse;
  /** Marks the call as no longer in progress. */
  readonly done: () => void;
  /** Aborted when the simulator closes or the client disconnects. */
  readonly signal: AbortSignal;
}

/** @returns undefined if the body is larger than the limit. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    // The rest is read and discarded, because a client that still writes would not read the response.
    if (size <= REQUEST_LIMIT) {
      chunks.push(chunk);
    }
  });
  await once(request, 'end');
  return size <= REQUEST_LIMIT ? Buffer.concat(chunks).toString('utf8') : undefined;
}

/** CollectMC ignores the case of field names. */
function knownName(written: string): string | undefined {
  return Object.keys(FIELD_RULES).find((name) => name.toLowerCase() === written.toLowerCase());
}

function formProblem(fields: readonly Field[]): SimulatedResponse | undefined {
  const unknown = fields.find(({ name }) => name === undefined);
  if (unknown) {
    return { kind: 'error', code: -2, message: `'${unknown.written}' is an unrecognised argument!` };
  }
  for (const [name, rule] of Object.entries(FIELD_RULES)) {
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

function invalid(name: string): SimulatedResponse {
  return { kind: 'error', code: -4, message: `The value of the '${name}' argument is invalid!` };
}

async function send(answer: SimulatedResponse, exchange: Exchange): Promise<void> {
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
  const { status, headers, body } = renderResponse(answer);
  call.bytes = body.length;
  call.sha256 = createHash('sha256').update(body).digest('hex');
  if (answer.kind === 'truncated' && !answer.complete) {
    const whole = renderResponse(answer.of).body.length;
    response.writeHead(status, { ...headers, 'content-length': whole });
    done();
    // A write of no bytes would not send the headers.
    response.flushHeaders();
    response.write(body, () => response.socket?.destroy());
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': body.length });
  done();
  response.end(body);
}

/** A disconnected client is normal. Any other error is a fault of the script, which the response reports. */
function fail(error: unknown, { call, response, done, signal }: Exchange): void {
  done();
  if (signal.aborted || response.headersSent) {
    response.destroy();
    return;
  }
  call.answer = 'http 500';
  response.writeHead(500, { 'content-type': 'text/plain' }).end(`The simulator cannot answer: ${String(error)}`);
}

/** A function that runs the action on its first call only. */
function atMostOnce(action: () => void): () => void {
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
