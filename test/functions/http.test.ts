import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionProblem, isLoopback, isSecureUrl, sendHttp } from '../../functions/http.ts';

test('A URL is a loopback URL by its host, with any protocol.', () => {
  expect(isLoopback(new URL('https://127.0.0.1/'))).toBe(true);
  expect(isLoopback(new URL('https://ca.example/127.0.0.1'))).toBe(false);
});

test.each([
  ['https://ca.example/', true],
  ['http://127.0.0.1:8080/', true],
  ['http://ca.example/', false],
  ['https://user@ca.example/', false],
  ['https://ca.example/?a', false],
  ['nonsense', false],
])('Whether secrets may be sent to %s: %s.', (url, isSecure) => {
  expect(isSecureUrl(url)).toBe(isSecure);
});

test.each([
  [
    'what the code of a system error means',
    Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' }),
    'the server refused the connection (ECONNREFUSED)',
  ],
  ...[
    ['ENOTFOUND', 'the name of the server cannot be resolved (ENOTFOUND)'],
    ['ETIMEDOUT', 'no connection in time (ETIMEDOUT)'],
    ['EADDRNOTAVAIL', 'address not available (EADDRNOTAVAIL)'],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'the TLS certificate of the server is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
    ['HPE_INVALID_CONSTANT', 'the response is not HTTP (HPE_INVALID_CONSTANT)'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'the TLS connection failed (ERR_SSL_WRONG_VERSION_NUMBER)'],
    ['ELATER', 'the connection failed (ELATER)'],
  ].map(([code = '', problem = '']): [string, unknown, string] => [
    `what the code ${code} means`,
    Object.assign(new Error('secret'), { code }),
    problem,
  ]),
  ['the message of any other error', new Error('the body has more than 10 bytes'), 'the body has more than 10 bytes'],
  ['the time limit', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'no answer in time'],
  ['a general text for a value that is not an error', 'x', 'the connection failed'],
])('The problem of a connection is %s.', (_, error, problem) => {
  expect(connectionProblem(error)).toBe(problem);
});

/** Starts a TCP server that answers the first bytes of every connection, and closes it with the test. */
async function startServer(answer: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const received: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    // The client may reset the connection at any time.
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      received.push(String(bytes));
      answer(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), received, sockets };
}

/** The bytes of a response with a body of ten bytes. */
const COMPLETE = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789';
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n';

describe('A request', () => {
  /** Sends a POST and reads the body. The time limit is so long that only a request that hangs reaches it. */
  async function exchange(url: URL, milliseconds = 20_000) {
    const response = await sendHttp({
      url,
      signal: AbortSignal.timeout(milliseconds),
      form: new URLSearchParams({ a: 'b' }),
    });
    return `${response.status} ${Buffer.from(await response.read(100))}`;
  }

  test.each<readonly [title: string, answer: (socket: Socket) => void, outcome: string]>([
    ['a response', (socket) => socket.end(COMPLETE), '200 0123456789'],
    ['a response byte by byte', (socket) => void trickle(socket, COMPLETE), '200 0123456789'],
    [
      'interim responses before it',
      (socket) => socket.end(`${interim(100)}${interim(103)}${COMPLETE}`),
      '200 0123456789',
    ],
    ['bytes after its announced end', (socket) => socket.end(`${COMPLETE}more`), '200 0123456789'],
    ['a second response', (socket) => socket.end(COMPLETE + COMPLETE), '200 0123456789'],
    ['bytes after the last chunk', (socket) => socket.end(`${CHUNKED}0\r\n\r\nmore`), '200 01234'],
    ['a body that ends with the connection', (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nabc'), '200 abc'],
    ['a status 101 that names no protocol', (socket) => socket.end(interim(101)), '101 '],
    [
      'a response that offers another protocol',
      (socket) => socket.end(COMPLETE.replace('OK', 'OK\r\nconnection: upgrade\r\nupgrade: h2c')),
      '200 0123456789',
    ],
    ['an empty body', (socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'), '204 '],
  ])('returns %s.', async (_, answer, outcome) => {
    const { url } = await startServer(answer);
    expect(await exchange(url)).toBe(outcome);
  });

  test.each<readonly [title: string, answer: (socket: Socket) => void, problem: RegExp]>([
    [
      'a change of the protocol',
      (socket) => socket.write('HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x01a'),
      /another protocol \(HTTP 101\)/,
    ],
    ['a connection that ends', (socket) => socket.end(), /ECONNRESET|without a response/],
    ['a connection that breaks', (socket) => socket.resetAndDestroy(), /ECONNRESET/],
    ['a connection that ends after an interim response', (socket) => socket.end(interim(103)), /ECONNRESET|without a/],
    [
      'a connection that ends within the headers',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-'),
      /ECONNRESET|HPE_/,
    ],
    ['another protocol', (socket) => socket.end('220 mail.example ESMTP\r\n'), /HPE_/],
    ['headers without an end', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`), /HPE_/],
    ['a shorter body than announced', (socket) => socket.end(COMPLETE.slice(0, -3)), /\(ECONNRESET\)$/],
    ['a body that breaks', (socket) => socket.write(CHUNKED, () => socket.resetAndDestroy()), /\(ECONNRESET\)$/],
    ['a body without its last chunk', (socket) => socket.end(CHUNKED), /ECONNRESET|HPE_/],
    ['a wrong chunk', (socket) => socket.end(`${CHUNKED}zz\r\n`), /ECONNRESET|HPE_/],
    [
      'a body that is too large',
      (socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(101)}`),
      /more than 100 bytes/,
    ],
  ])('rejects at once for %s.', async (_, answer, problem) => {
    const { url } = await startServer(answer);
    expect(await exchange(url).catch(connectionProblem)).toMatch(problem);
  });

  test.each<readonly [title: string, answer: (socket: Socket) => void]>([
    ['no response', () => {}],
    ['interim responses only', (socket) => repeat(socket, interim(102))],
    ['headers without an end', (socket) => socket.write('HTTP/1.1 200 OK\r\n')],
    ['a body without an end', (socket) => socket.write(COMPLETE.slice(0, -1))],
    ['a chunked body without an end', (socket) => socket.write(CHUNKED)],
    ['empty chunk extensions without an end', (socket) => repeat(socket, '1;x=y\r\na\r\n', CHUNKED)],
  ])('ends at its time limit, and closes the connection, for %s.', async (_, answer) => {
    const { url, sockets } = await startServer(answer);
    const signal = AbortSignal.timeout(100);
    const request = sendHttp({ url, signal }).then((response) => response.read(1e9));
    expect(await request.then(String, connectionProblem)).toBe('no answer in time');
    await expect.poll(() => sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  test('ends at once if its signal has aborted before.', async () => {
    const { url, received } = await startServer((socket) => socket.end(COMPLETE));
    await expect(sendHttp({ url, signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
    expect(received).toEqual([]);
  });

  test('ends with the reason of its signal while the body is read.', async () => {
    const { url } = await startServer((socket) => socket.write(CHUNKED));
    const controller = new AbortController();
    const response = await sendHttp({ url, signal: controller.signal });
    const body = response.read(100);
    controller.abort(new Error('stopped'));
    await expect(body).rejects.toThrow('stopped');
  });

  test('that fails between the headers and the reading of the body rejects when the body is read.', async () => {
    const { url, sockets } = await startServer((socket) => socket.write(CHUNKED));
    const response = await sendHttp({ url, signal: AbortSignal.timeout(20_000) });
    sockets[0]?.resetAndDestroy();
    await wait(50);
    expect(await response.read(100).catch(connectionProblem)).toMatch(/ECONNRESET|premature/i);
  });

  test('whose body is discarded closes the connection.', async () => {
    const { url, sockets } = await startServer((socket) => socket.write(CHUNKED));
    const response = await sendHttp({ url, signal: AbortSignal.timeout(20_000) });
    response.discard();
    await expect.poll(() => sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  test('to a port without a server rejects with the code of the system.', async () => {
    const { port } = await closedPort();
    expect(await exchange(new URL(`http://127.0.0.1:${port}/`)).catch(connectionProblem)).toBe(
      'the server refused the connection (ECONNREFUSED)',
    );
  });

  test('names the project and its version to the server.', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const { url, received } = await startServer((socket) => socket.end(COMPLETE));
    await exchange(url);
    await sendHttp({ url, signal: AbortSignal.timeout(20_000) });
    expect(received.map((text) => /^user-agent: (.*)$/im.exec(text)?.[1])).toEqual([
      `mark-certificate-collector/${version}`,
      `mark-certificate-collector/${version}`,
    ]);
    expect(received.map((text) => text.split(' ')[0])).toEqual(['POST', 'GET']);
  });
});

const interim = (status: number) => `HTTP/1.1 ${status} Interim\r\n\r\n`;

async function trickle(socket: Socket, text: string): Promise<void> {
  for (const byte of text) {
    socket.write(byte);
    await wait(1);
  }
  socket.end();
}

/** Writes a text again and again until the client closes the connection. */
function repeat(socket: Socket, text: string, first = ''): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(text), 5);
  socket.once('close', () => clearInterval(timer));
}

/** A port of loopback on which nothing listens. */
async function closedPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { port };
}
