import { execFileSync } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  askCollectMc,
  COLLECT_URL,
  type CollectRequest,
  endpointProblem,
  requestProblem,
} from '../../../functions/collectmc/request.ts';
import { isLoopback, sendHttp } from '../../../functions/http.ts';
import { type Simulator, startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';
import { armouredPkcs7, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';

const MEBIBYTE = 1_048_576;
const PASSWORD = 'Pa&ss=wo+rd% ü';
const LOGIN = { loginName: 'näme & co=1+1', loginPassword: PASSWORD };
const certificates = [Buffer.concat([Buffer.of(0x30, 0x82, 0x01, 0x00), Buffer.alloc(256, 7)])];

/** What a test opened: closed after it, so that none can keep another waiting. */
const opened: (() => Promise<unknown>)[] = [];

/** A rejection nobody handles would end a Lambda's process after its answer; the tests' own runner reports it late. */
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

/** A TCP server that writes these bytes when a request comes, then does with the connection what it is told. */
async function serveBytes(bytes: string, end: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes, () => end(socket)));
  });
  return `http://${await listening(server)}/CollectMC`;
}

/** Keeps what a server saw of each request, and answers `0`. */
function recorder(): { readonly seen: Seen[]; readonly listener: RequestListener } {
  const seen: Seen[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: await text(request) });
    response.end('0\n');
  };
  return { seen, listener };
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function order(url: string, changes: Partial<CollectRequest> = {}): CollectRequest {
  return { url, ...LOGIN, orderNumber: '1378973013', format: 'pkcs7', ...changes };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

describe('what is sent', () => {
  test.each([
    ['pkcs7', '2', '1'],
    ['pkcs7-base64', '2', '0'],
    ['zip', '0', '1'],
    ['zip-base64', '0', '0'],
    ['pem', '3', '0'],
  ] as const)('for %s is one POST with five fields and no others', async (format, responseType, responseEncoding) => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { format }), never());

    expect(seen).toHaveLength(1);
    expect(seen[0]?.method).toBe('POST');
    expect([...new URLSearchParams(seen[0]?.body)].toSorted()).toEqual([
      ['loginName', LOGIN.loginName],
      ['loginPassword', LOGIN.loginPassword],
      ['orderNumber', '1378973013'],
      ['responseEncoding', responseEncoding],
      ['responseType', responseType],
    ]);
  });

  test('is form-encoded UTF-8, byte for byte, with its length and content type', async () => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url), never());

    const [request] = seen;
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

  test('has the credentials in the body alone: not in the address, not in a header', async () => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { loginName: 'some-name', loginPassword: 'some-password' }), never());

    expect(seen[0]?.url).toBe('/CollectMC');
    expect(seen[0]?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(seen[0]?.headers)).not.toMatch(/some-(name|password)/);
  });

  test('asks for the connection to be closed', async () => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url), never());

    expect(seen[0]?.headers.connection).toBe('close');
  });

  test('goes out again with each call, to the last digit of an order number past 2^53', async () => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    await askCollectMc(sendHttp, order(url, { orderNumber: '9999999999999999' }), never());
    await askCollectMc(sendHttp, order(url, { orderNumber: '1' }), never());

    expect(seen.map(({ body }) => new URLSearchParams(body).get('orderNumber'))).toEqual(['9999999999999999', '1']);
  });
});

describe('the simulator of CollectMC', () => {
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
  ] as const)('takes the request for %s and gives a container that is %s', async (format, container, payload) => {
    simulator.order('1378973013', [{ kind: 'issued', certificates, pkcs7: 'degenerate', zip: archive }]);

    const { reply, body } = await askCollectMc(sendHttp, order(simulator.url, { format }), never());

    expect(reply).toMatchObject({ kind: 'issued', status: 2, container });
    expect(reply.kind === 'issued' && Buffer.from(reply.payload)).toEqual(payload);
    expect(simulator.calls).toMatchObject([{ method: 'POST', credentialsCorrect: true, bytes: body.length }]);
  });

  test('is answered with what it says of the order, and the bytes are kept as they came', async () => {
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

  test('refuses an order it does not know', async () => {
    const { reply } = await askCollectMc(sendHttp, order(simulator.url), never());

    expect(reply).toMatchObject({ kind: 'refused', refusal: 'InvalidRequest', status: -4 });
    expect(reply).toHaveProperty('text', expect.stringContaining('orderNumber'));
  });

  test('refuses a password that differs in one letter', async () => {
    simulator.order('1378973013', [{ kind: 'status', status: 0 }]);

    const { reply } = await askCollectMc(sendHttp, order(simulator.url, { loginPassword: `${PASSWORD}.` }), never());

    expect(reply).toMatchObject({ kind: 'waiting', reason: 'credentials', status: -16 });
  });

  test.each([
    ['a maintenance page', { kind: 'html' }, 'an HTML page'],
    ['a maintenance page with HTTP 503', { kind: 'html', status: 503 }, 'HTTP 503'],
    ['an empty body', { kind: 'empty' }, 'an empty body'],
    ['HTTP 500', { kind: 'http', status: 500, body: '0' }, 'HTTP 500'],
    ['HTTP 204', { kind: 'http', status: 204 }, 'HTTP 204'],
    ['half a body that looks whole', half(true), expect.stringMatching(/no answer of CollectMC/)],
    ['half a body that does not', half(false), 'ECONNRESET'],
    ['a dropped connection', { kind: 'drop' }, 'ECONNRESET'],
  ] as const)('has an outage: %s', async (_, scripted, reason) => {
    simulator.order('1378973013', [scripted]);

    const { reply } = await askCollectMc(sendHttp, order(simulator.url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: reason });
  });

  function half(complete: boolean) {
    return { kind: 'truncated', of: { kind: 'issued', certificates }, complete } as const;
  }
});

describe('an outage, not an exception', () => {
  test.each([301, 302, 303, 307, 308])('is a redirect (%i): it is not followed', async (status) => {
    const { seen, listener } = recorder();
    const elsewhere = await serve(listener);
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { location: elsewhere }).end('0');
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: `HTTP ${status}` });
    expect(Buffer.from(body).toString()).toBe('0');
    expect(seen).toEqual([]);
  });

  test('is HTTP 503, with the time it asks for', async () => {
    const url = await serve((_, response) => response.writeHead(503, { 'retry-after': '600' }).end('Down'));

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'HTTP 503', retryAfter: 600 });
    expect(Buffer.from(body).toString()).toBe('Down');
  });

  test('is a server that never answers, once the signal says stop', async () => {
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

  test('is a server that stops in the middle of the body, once the signal says stop', async () => {
    const gone = Promise.withResolvers<void>();
    const controller = new AbortController();
    // Node tells when a client has the head of an answer; a turn of the event loop later it reads the body.
    const stop = () => setImmediate(() => controller.abort());
    diagnostics.subscribe('http.client.response.finish', stop);
    opened.push(async () => diagnostics.unsubscribe('http.client.response.finish', stop));
    const url = await serve((_, response) => {
      response.on('close', () => gone.resolve());
      response.writeHead(200, { 'content-length': 100 }).write('0\n');
    });

    const answer = await askCollectMc(sendHttp, order(url), controller.signal);

    expect(answer.reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
    expect(answer.body).toHaveLength(0);
    await gone.promise;
  });

  test('is a signal that had said stop before: nothing is sent', async () => {
    const { seen, listener } = recorder();
    const url = await serve(listener);

    const { reply } = await askCollectMc(sendHttp, order(url), AbortSignal.abort());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'no answer in time' });
    expect(seen).toEqual([]);
  });

  test('is an answer of more than 1 MiB, which is not read to its end', async () => {
    const gone = Promise.withResolvers<void>();
    const url = await serve((request, response) => {
      request.resume();
      response.on('close', () => gone.resolve());
      // Never ends of itself: whoever reads to the end is still reading.
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, '0'))) {}
      };
      response.on('drain', pour);
      pour();
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'the body has more than 1048576 bytes' });
    expect(body).toHaveLength(0);
    await gone.promise;
  });

  test.each([
    ['read', MEBIBYTE, '1048576 bytes that are no answer of CollectMC'],
    ['not read', MEBIBYTE + 1, 'the body has more than 1048576 bytes'],
  ])('of 1 MiB is the limit: %s at %i bytes', async (_, size, reason) => {
    const url = await serve((request, response) => {
      request.resume();
      response.end(Buffer.alloc(size, '?'));
    });

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: reason });
    expect(body).toHaveLength(size > MEBIBYTE ? 0 : size);
  });

  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n';
  const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

  test.each([
    ['cut in the middle of the body', `${HEAD}0\n`, (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['reset in the middle of the body', `${HEAD}0\n`, (socket: net.Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    ['cut between two chunks', `${CHUNKED}2\r\n0\n\r\n`, (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['cut in the middle of the head', 'HTTP/1.1 200 OK\r\ncont', (socket: net.Socket) => socket.end(), /^(HPE_|ECONN)/],
    ['closed without a word', '', (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['reset without a word', '', (socket: net.Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    ['of another protocol', '220 mail.example ESMTP\r\n', (socket: net.Socket) => socket.end(), /^HPE_/],
  ] as const)('is a connection %s', async (_, bytes, end, reason) => {
    const url = await serveBytes(bytes, end);

    const { reply, body } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: expect.stringMatching(reason) });
    expect(body).toHaveLength(0);
  });

  test('is a connection refused', async () => {
    const url = await serve(() => {});
    await opened.pop()?.();

    const { reply } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'ECONNREFUSED' });
  });

  test('is an https server that nobody vouches for, and the password does not reach it', async () => {
    const { seen, listener } = recorder();
    const selfSigned = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = execFileSync('openssl', [...selfSigned, '-subj', '/CN=127.0.0.1', '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const url = `https://${await listening(https.createServer({ key: made, cert: made }, listener))}/CollectMC`;

    const { reply } = await askCollectMc(sendHttp, order(url), never());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(seen).toEqual([]);
  });
});

describe('an endpoint', () => {
  test.each([
    COLLECT_URL,
    'https://ca.example/',
    'https://ca.example:8443/products/download/CollectMC',
    'https://127.0.0.1/',
    'http://localhost/',
    'http://localhost:8080/CollectMC',
    'http://LOCALHOST/',
    'http://127.0.0.1:8080/CollectMC',
    'http://127.255.255.254/',
    'http://127.1/',
    'http://[::1]:8080/CollectMC',
    'http://[0:0:0:0:0:0:0:1]/',
  ])('can be %s', (url) => {
    expect(endpointProblem(url)).toBeUndefined();
  });

  test.each([
    ['plain http', 'http://secure.trust-provider.com/products/download/CollectMC'],
    ['a name that begins like a loopback address', 'http://127.0.0.1.example.com/'],
    ['a name that begins like localhost', 'http://localhost.example.com/'],
    ['a name that ends like localhost', 'http://not-localhost/'],
    ['a name under localhost', 'http://ca.localhost/'],
    ['an address that contains a loopback one', 'http://10.127.0.0.1/'],
    ['the address of any interface', 'http://0.0.0.0/'],
    ['a private address', 'http://192.168.0.1/'],
    ['an address next to the loopback ones', 'http://128.0.0.1/'],
    ['an IPv6 address that is not loopback', 'http://[::2]/'],
    ['a loopback address that is no address', 'http://127.0.0.256/'],
    ['a user', 'https://user@ca.example/'],
    ['a user and a password', 'https://user:secret@ca.example/'],
    ['a password alone', 'https://:secret@ca.example/'],
    ['a user on a loopback address', 'http://user:secret@127.0.0.1/'],
    ['a loopback address as the user', 'http://127.0.0.1@ca.example/'],
    ['a query', 'https://ca.example/CollectMC?loginPassword=secret'],
    ['a fragment', 'https://ca.example/CollectMC#secret'],
    ['another protocol', 'ftp://127.0.0.1/'],
    ['another protocol on this machine', 'file:///etc/passwd'],
    ['no protocol', 'ca.example/CollectMC'],
    ['a path', '/products/download/CollectMC'],
    ['nothing', ''],
    ['no host', 'https://'],
  ])('cannot have %s', (_, url) => {
    expect(endpointProblem(url)).toMatch(/is not an https URL without credentials, query and fragment/);
  });

  test('is not quoted when it is refused: it may hold a password', () => {
    const urls = [
      'https://user:secret@ca.example/',
      'https://ca.example/?p=secret',
      'https://secret secret@ca.example/',
    ];

    for (const url of urls) {
      expect(endpointProblem(url)).not.toContain('secret');
    }
  });

  test('is loopback by its host, whatever the protocol', () => {
    expect(isLoopback(new URL('https://127.0.0.1/'))).toBe(true);
    expect(isLoopback(new URL('https://ca.example/127.0.0.1'))).toBe(false);
  });

  test('of the CA is the documented one', () => {
    expect(COLLECT_URL).toBe('https://secure.trust-provider.com/products/download/CollectMC');
  });
});

describe('a request', () => {
  const NAME_PROBLEM = /^loginName: has \d+ characters, and the CA takes 1 to 64$/;
  const PASSWORD_PROBLEM = /^loginPassword: has \d+ characters, and the CA takes 1 to 128$/;
  const ORDER_PROBLEM = /^orderNumber: .* is not 1 to 16 digits without a leading zero$/;

  test.each([
    ['the shortest of everything', { loginName: 'n', loginPassword: 'p', orderNumber: '1' }],
    ['the longest login name', { loginName: 'n'.repeat(64) }],
    ['the longest password', { loginPassword: 'p'.repeat(128) }],
    ['the longest order number', { orderNumber: '9'.repeat(16) }],
    ['blanks in the password', { loginPassword: ' ' }],
  ])('may have %s', (_, changes) => {
    expect(requestProblem(order(COLLECT_URL, changes))).toBeUndefined();
  });

  const unacceptable = [
    ['no login name', { loginName: '' }, NAME_PROBLEM],
    ['a login name too long', { loginName: 'n'.repeat(65) }, NAME_PROBLEM],
    ['no password', { loginPassword: '' }, PASSWORD_PROBLEM],
    ['a password too long', { loginPassword: 'Secret'.repeat(22) }, PASSWORD_PROBLEM],
    ['a password one character too long', { loginPassword: 'p'.repeat(129) }, PASSWORD_PROBLEM],
    ['no order number', { orderNumber: '' }, ORDER_PROBLEM],
    ['the order number 0', { orderNumber: '0' }, ORDER_PROBLEM],
    ['a leading zero', { orderNumber: '01378973013' }, ORDER_PROBLEM],
    ['a negative order number', { orderNumber: '-1' }, ORDER_PROBLEM],
    ['an order number too long', { orderNumber: '1'.repeat(17) }, ORDER_PROBLEM],
    ['an order number with a letter', { orderNumber: '13789A' }, ORDER_PROBLEM],
    ['an order number with a newline', { orderNumber: '1378973013\n' }, ORDER_PROBLEM],
    ['an order number with a blank before it', { orderNumber: ' 1378973013' }, ORDER_PROBLEM],
    ['an order number with digits of another script', { orderNumber: '١٢٣' }, ORDER_PROBLEM],
    ['a field hidden in the order number', { orderNumber: '1&orderNumber=2' }, ORDER_PROBLEM],
  ] as const;

  test.each(unacceptable)('may not have %s', (_, changes, problem) => {
    expect(requestProblem(order(COLLECT_URL, changes))).toMatch(problem);
  });

  test.each(unacceptable)('with %s is thrown back before anything is sent', async (_, changes, problem) => {
    const { seen, listener } = recorder();
    const asked = askCollectMc(sendHttp, order(await serve(listener), changes), never());

    await expect(asked).rejects.toThrow(TypeError);
    await expect(asked).rejects.toThrow(problem);
    expect(seen).toEqual([]);
  });

  test('over plain http to a public host is thrown back, and not even a connection is made', async () => {
    const connections: unknown[] = [];
    const server = net.createServer((socket) => connections.push(socket));
    const port = (await listening(server)).split(':')[1];

    // A name under localhost leads here where the system resolves it, and is no loopback address to the client.
    const asked = askCollectMc(sendHttp, order(`http://ca.localhost:${port}/CollectMC`), never());

    await expect(asked).rejects.toThrow(TypeError);
    expect(connections).toEqual([]);
  });

  test('says what is wrong with it without the password', () => {
    const secret = { loginPassword: 'correct horse battery staple' };
    const wrong = [
      requestProblem(order('http://ca.example/', secret)),
      requestProblem(order(COLLECT_URL, { ...secret, orderNumber: 'x' })),
      requestProblem(order(COLLECT_URL, { ...secret, loginName: '' })),
      requestProblem(order(COLLECT_URL, { loginPassword: secret.loginPassword.repeat(9) })),
      requestProblem(order('https://user:correct%20horse%20battery%20staple@ca.example/', secret)),
    ];

    for (const problem of wrong) {
      expect(problem).toBeTypeOf('string');
      expect(problem).not.toMatch(/correct|horse|battery|staple/);
    }
  });
});
