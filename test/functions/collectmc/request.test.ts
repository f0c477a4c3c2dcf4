import { execFileSync } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askCollectMc } from '../../../functions/collectmc/request.ts';
import { sendHttp } from '../../../functions/http.ts';
import { type Simulator, startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';
import { armouredPkcs7, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import { NO_REPLY, outage, unreadable } from './replies.ts';
import { LOGIN, order, PASSWORD, UNACCEPTABLE } from './requests.ts';

const MEBIBYTE = 1_048_576;
const certificates = [Buffer.concat([Buffer.of(0x30, 0x82, 0x01, 0x00), Buffer.alloc(256, 7)])];

/** The servers of a test. They are closed after it, so that no test delays another. */
const opened: (() => Promise<unknown>)[] = [];

/** Unhandled rejections of a test. In Lambda they would end the process after its response. */
const unhandled: unknown[] = [];
const remember = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', remember);
  process.on('uncaughtException', remember);
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
  process.off('unhandledRejection', remember);
  process.off('uncaughtException', remember);
  expect(unhandled).toEqual([]);
});

async function listening(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
    await closed;
  });
  const address = server.address();
  return typeof address === 'object' && address ? `127.0.0.1:${address.port}` : '';
}

/** An HTTP server on the loopback interface, and its URL. */
async function serve(listener: RequestListener): Promise<string> {
  return `http://${await listening(http.createServer(listener))}/CollectMC`;
}

/** A TCP server that answers a request with these bytes and then calls `end`. */
async function serveBytes(bytes: string, end: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes, () => end(socket)));
  });
  return `http://${await listening(server)}/CollectMC`;
}

/** Records every request and answers `0`. */
function recorder(): { readonly requests: RecordedRequest[]; readonly listener: RequestListener } {
  const requests: RecordedRequest[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = request;
    requests.push({ method, url, headers, body: await text(request) });
    response.end('0\n');
  };
  return { requests, listener };
}

interface RecordedRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function never(): AbortSignal {
  return new AbortController().signal;
}

describe('A call', () => {
  test.each([
    ['pkcs7', '2', '1'],
    ['pkcs7-base64', '2', '0'],
    ['zip', '0', '1'],
    ['zip-base64', '0', '0'],
    ['pem', '3', '0'],
  ] as const)('for %s is one POST with exactly five fields.', async (format, responseType, responseEncoding) => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { format }), never());

    expect(requests).toHaveLength(1);
    expect(requests[0]?.method).toBe('POST');
    expect([...new URLSearchParams(requests[0]?.body)].toSorted()).toEqual([
      ['loginName', LOGIN.loginName],
      ['loginPassword', LOGIN.loginPassword],
      ['orderNumber', '1378973013'],
      ['responseEncoding', responseEncoding],
      ['responseType', responseType],
    ]);
  });

  test('is form-encoded UTF-8 with its length and content type.', async () => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url), never());

    const [request] = requests;
    expect(request?.body.split('&').toSorted()).toEqual([
      'loginName=n%C3%A4me+%26+co%3D1%2B1',
      'loginPassword=Pa%26ss%3Dwo%2Brd%25+%C3%BC',
      'orderNumber=1378973013',
      'responseEncoding=1',
      'responseType=2',
    ]);
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(request?.headers['content-length']).toBe(`${request?.body.length}`);
    expect(request?.headers['transfer-encoding']).toBeUndefined();
  });

  test('contains the credentials in the body only, not in the URL and not in a header.', async () => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { loginName: 'some-name', loginPassword: 'some-password' }), never());

    expect(requests[0]?.url).toBe('/CollectMC');
    expect(requests[0]?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(requests[0]?.headers)).not.toMatch(/some-(name|password)/);
  });

  test('requests that the connection is closed.', async () => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url), never());

    expect(requests[0]?.headers.connection).toBe('close');
  });

  test('contains every digit of an order number above 2^53.', async () => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { orderNumber: '9999999999999999' }), never());
    await askCollectMc(sendHttp, order(url, { orderNumber: '1' }), never());

    expect(requests.map(({ body }) => new URLSearchParams(body).get('orderNumber'))).toEqual(['9999999999999999', '1']);
  });
});

describe('A call to the simulator', () => {
  let simulator: Simulator;

  beforeEach(async () => {
    simulator = await startCollectMcSimulator({ credentials: LOGIN });
    opened.push(() => simulator.close());
  });

  const archive = Buffer.from(zip(certificates));

  test.each([
    ['pkcs7', 'pkcs7', Buffer.from(pkcs7(certificates))],
    ['pkcs7-base64', 'pkcs7', Buffer.from(armouredPkcs7(certificates).trim())],
    ['zip', 'zip', archive],
    ['zip-base64', 'zip', archive],
    ['pem', 'pem', Buffer.from(pem(certificates).trim())],
  ] as const)('for %s returns a container of the type %s.', async (format, container, payload) => {
    simulator.order('1378973013', [{ kind: 'issued', certificates, pkcs7: 'degenerate', zip: archive }]);

    const { reply, body } = await askCollectMc(sendHttp, order(simulator.url, { format }), never());

    expect(reply).toMatchObject({ kind: 'issued', status: 2, container });
    expect(reply.kind === 'issued' && Buffer.from(reply.payload)).toEqual(payload);
    expect(simulator.calls).toMatchObject([{ method: 'POST', credentialsCorrect: true, bytes: body.length }]);
  });

  test('returns the reply and exactly the bytes that were received.', async () => {
    simulator.order('1378973013', [{ kind: 'status', status: 0, text: 'Being processed by the CA', newline: true }]);

    const answer = await askCollectMc(sendHttp, order(simulator.url), never());

    expect(answer.reply).toEqual({
      kind: 'waiting',
      reason: 'processing',
      status: 0,
      text: 'Being processed by the CA',
    });
    expect(Buffer.from(answer.body).toString()).toBe('0\nBeing processed by the CA\n');
    expect(answer.milliseconds).toSatisfy(Number.isInteger);
  });

  test('for an unknown order is refused.', async () => {
    const { reply } = await askCollectMc(sendHttp, order(simulator.url), never());

    expect(reply).toMatchObject({ kind: 'refused', refusal: 'InvalidRequest', status: -4 });
    expect(reply).toHaveProperty('text', expect.stringContaining('orderNumber'));
  });

  test('with a password that differs in one character is rejected.', async () => {
    simulator.order('1378973013', [{ kind: 'status', status: 0 }]);

    const { reply } = await askCollectMc(sendHttp, order(simulator.url, { loginPassword: `${PASSWORD}.` }), never());

    expect(reply).toMatchObject({ kind: 'waiting', reason: 'credentials', status: -16 });
  });

  test.each([
    ['a maintenance page', { kind: 'html' }, unreadable('an HTML page')],
    ['a maintenance page with HTTP 503', { kind: 'html', status: 503 }, unreadable('HTTP 503')],
    ['an empty body', { kind: 'empty' }, outage('an empty body')],
    ['HTTP 500', { kind: 'http', status: 500, body: '0' }, unreadable('HTTP 500')],
    ['HTTP 204', { kind: 'http', status: 204 }, outage('HTTP 204')],
    ['half a body with a matching length', half(true), unreadable(NO_REPLY)],
    [
      'half a body with a larger length',
      half(false),
      unreadable('the connection was closed before the end of the response \\(ECONNRESET\\)'),
    ],
    [
      'a dropped connection',
      { kind: 'drop' },
      outage('the connection was closed before the end of the response (ECONNRESET)'),
    ],
  ] as const)('can result in an outage: %s.', async (_, scripted, expected) => {
    simulator.order('1378973013', [scripted]);

    const { reply } = await askCollectMc(sendHttp, order(simulator.url), never());

    expect(reply).toEqual(expected);
  });

  function half(complete: boolean) {
    return { kind: 'truncated', of: { kind: 'issued', certificates }, complete } as const;
  }
});

describe('A call that fails is an outage', () => {
  test.each([301, 302, 303, 307, 308])('if the response is a redirect (%i), which is not followed.', async (status) => {
    const { requests, listener } = recorder();
    const elsewhere = await serve(listener);
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { location: elsewhere }).end('0');
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual(unreadable(`HTTP ${status}`));
    expect(Buffer.from(body).toString()).toBe('0');
    expect(requests).toEqual([]);
  });

  test('if the response is HTTP 503, with the value of Retry-After.', async () => {
    const url = await serve((_, response) => response.writeHead(503, { 'retry-after': '600' }).end('Down'));

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({
      kind: 'waiting',
      reason: 'outage',
      text: 'HTTP 503: Down',
      retryAfter: 600,
      unreadable: true,
    });
    expect(Buffer.from(body).toString()).toBe('Down');
  });

  test('if the server does not answer before the signal aborts.', async () => {
    const gone = Promise.withResolvers<void>();
    const controller = new AbortController();
    const url = await serve((request) => {
      request.on('close', () => gone.resolve());
      controller.abort();
    });

    const answer = await askCollectMc(sendHttp, order(url), controller.signal);

    expect(answer.reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
    expect(answer.body).toHaveLength(0);
    await gone.promise;
  });

  test('if the server stops in the middle of the body until the signal aborts.', async () => {
    const gone = Promise.withResolvers<void>();
    const controller = new AbortController();
    // Node publishes an event when a client has the head of a response. It reads the body one turn of the event loop
    // later.
    const stop = () => setImmediate(() => controller.abort());
    diagnostics.subscribe('http.client.response.finish', stop);
    opened.push(async () => diagnostics.unsubscribe('http.client.response.finish', stop));
    const url = await serve((_, response) => {
      response.on('close', () => gone.resolve());
      response.writeHead(200, { 'content-length': 100 }).write('0\n');
    });

    const answer = await askCollectMc(sendHttp, order(url), controller.signal);

    expect(answer.reply).toMatchObject({ kind: 'waiting', reason: 'outage' });
    expect(answer.reply).toHaveProperty('text', expect.stringMatching(/^no answer in time/));
    await gone.promise;
  });

  test('if the signal has aborted before, and nothing is sent.', async () => {
    const { requests, listener } = recorder();
    const url = await serve(listener);

    const { reply } = await askCollectMc(sendHttp, order(url), AbortSignal.abort());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
    expect(requests).toEqual([]);
  });

  test('if the response has more than 1 MiB, and its rest is not read.', async () => {
    const gone = Promise.withResolvers<void>();
    const url = await serve((request, response) => {
      request.resume();
      response.on('close', () => gone.resolve());
      // This body never ends: a client that reads all of it never finishes.
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, '0'))) {}
      };
      response.on('drain', pour);
      pour();
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual(unreadable('the body has more than 1048576 bytes'));
    expect(body.length).toBeLessThanOrEqual(MEBIBYTE);
    expect(Buffer.from(body).equals(Buffer.alloc(body.length, '0'))).toBe(true);
    await gone.promise;
  });

  test.each([
    ['read', MEBIBYTE, NO_REPLY],
    ['not read', MEBIBYTE + 1, 'the body has more than 1048576 bytes'],
  ])('if the body exceeds 1 MiB: it is %s at %i bytes.', async (_, size, description) => {
    const url = await serve((request, response) => {
      request.resume();
      response.end(Buffer.alloc(size, '?'));
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual(unreadable(description));
    expect(body.length).toBeLessThanOrEqual(MEBIBYTE);
  });

  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n';
  const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

  test.each([
    ['cut in the middle of the body', `${HEAD}0\n`, (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['reset in the middle of the body', `${HEAD}0\n`, (socket: net.Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    ['cut between two chunks', `${CHUNKED}2\r\n0\n\r\n`, (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['cut in the middle of the head', 'HTTP/1.1 200 OK\r\ncont', (socket: net.Socket) => socket.end(), /HPE_|ECONN/],
    ['closed without a response', '', (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['reset without a response', '', (socket: net.Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    ['of another protocol', '220 mail.example ESMTP\r\n', (socket: net.Socket) => socket.end(), /HPE_/],
  ] as const)('if the connection is %s.', async (_, bytes, end, reason) => {
    const url = await serveBytes(bytes, end);

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toMatchObject({ kind: 'waiting', reason: 'outage', text: expect.stringMatching(reason) });
    expect('unreadable' in reply).toBe(body.length > 0);
  });

  test('if the connection is refused.', async () => {
    const url = await serve(() => {});
    await opened.pop()?.();

    const { reply } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({
      kind: 'waiting',
      reason: 'outage',
      text: 'the server refused the connection (ECONNREFUSED)',
    });
  });

  test('if the https server has no trusted certificate, and the password is not sent.', async () => {
    const { requests, listener } = recorder();
    const selfSigned = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = execFileSync('openssl', [...selfSigned, '-subj', '/CN=127.0.0.1', '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const url = `https://${await listening(https.createServer({ key: made, cert: made }, listener))}/CollectMC`;

    const { reply } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({
      kind: 'waiting',
      reason: 'outage',
      text: 'the TLS certificate of the server is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)',
    });
    expect(requests).toEqual([]);
  });
});

describe('A request', () => {
  test.each(UNACCEPTABLE)('with %s is refused before anything is sent.', async (_, changes, problem) => {
    const { requests, listener } = recorder();
    const asked = askCollectMc(sendHttp, order(await serve(listener), changes), never());

    await expect(asked).rejects.toThrow(TypeError);
    await expect(asked).rejects.toThrow(problem);
    expect(requests).toEqual([]);
  });

  test('over plain http to a public host is refused before a connection is opened.', async () => {
    const connections: unknown[] = [];
    const server = net.createServer((socket) => connections.push(socket));
    const port = (await listening(server)).split(':')[1];

    // Some systems resolve a name under localhost to this machine. The client does not count it as a loopback address.
    const asked = askCollectMc(sendHttp, order(`http://ca.localhost:${port}/CollectMC`), never());

    await expect(asked).rejects.toThrow(TypeError);
    expect(connections).toEqual([]);
  });
});
