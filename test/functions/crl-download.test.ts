import { createServer, type RequestListener } from 'node:http';
import type { LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isLoopbackAddress, isPublicAddress } from '../../functions/addresses.ts';
import { createCrlDownload } from '../../functions/crl-download.ts';
import type { DownloadOptions } from '../../functions/download.ts';
import { type Endpoint, listenOnLoopback } from '../../infra/local/cloud/loopback.ts';

const CRL = Buffer.from('3003020101', 'hex');

let server: Endpoint;
let respond: RequestListener;
let requests: { readonly path: string | undefined; readonly headers: Record<string, unknown> }[];

beforeEach(async () => {
  requests = [];
  respond = (_, response) => response.end(CRL);
  server = await listenOnLoopback(
    createServer((request, response) => {
      requests.push({ path: request.url, headers: request.headers });
      respond(request, response);
    }),
  );
});

afterEach(() => server.close());

const LOOPBACK: DownloadOptions = { allowLoopback: true };

async function problemOf(url: string, options: DownloadOptions = LOOPBACK, milliseconds?: number) {
  const [crl, ...others] = await createCrlDownload(options)([url], milliseconds);
  expect(others).toEqual([]);
  expect(crl).toMatchObject({ url });
  expect(crl?.bytes).toBeUndefined();
  return crl?.problem;
}

/** A name server with one answer. */
const resolvesTo =
  (...addresses: readonly string[]): LookupFunction =>
  (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

describe('A CRL', () => {
  test('is downloaded with a GET that contains neither credentials nor cookies.', async () => {
    const url = `${server.url}/a.crl`;
    expect(await createCrlDownload(LOOPBACK)([url])).toEqual([{ url, bytes: CRL }]);
    expect(requests).toEqual([
      {
        path: '/a.crl',
        headers: {
          'user-agent': expect.stringContaining('mark-certificate-collector'),
          host: new URL(server.url).host,
          connection: 'close',
        },
      },
    ]);
  });

  test('whose answer does not end leaves no open connection.', { timeout: 5_000 }, async () => {
    const closed = Promise.withResolvers<void>();
    respond = (_, response) => {
      response.on('close', closed.resolve);
      response.writeHead(200, { 'content-length': 10 }).write('x');
    };
    expect(await problemOf(`${server.url}/a.crl`, LOOPBACK, 50)).toContain('in time');
    await closed.promise;
  });

  test('is downloaded once, however often its URL is named, and all at the same time.', async () => {
    let waiting: (() => void)[] = [];
    respond = (_, response) => {
      waiting.push(() => response.end(CRL));
      if (waiting.length === 2) {
        for (const answer of waiting) {
          answer();
        }
        waiting = [];
      }
    };
    const [one, two] = [`${server.url}/1`, `${server.url}/2`];
    const crls = await createCrlDownload(LOOPBACK)([one, two, one]);
    expect(crls.map(({ url }) => url)).toEqual([one, two]);
    expect(crls.every(({ bytes }) => bytes)).toBe(true);
  });

  test('is downloaded over three redirects.', async () => {
    respond = ({ url = '' }, response) =>
      url === '/3' ? response.end(CRL) : response.writeHead(302, { location: `./${Number(url.slice(1)) + 1}` }).end();
    expect(await createCrlDownload(LOOPBACK)([`${server.url}/0`])).toMatchObject([{ bytes: CRL }]);
  });

  test('may have 10 MiB, and no byte more.', async () => {
    const limit = 10 * 1024 * 1024;
    respond = ({ url }, response) => response.end(Buffer.alloc(limit + (url === '/more' ? 1 : 0)));
    const [crl] = await createCrlDownload(LOOPBACK)([`${server.url}/`]);
    expect(crl?.bytes).toHaveLength(limit);
    expect(await problemOf(`${server.url}/more`)).toBe('the body has more than 10485760 bytes');
  });

  test('of a chain that names countless URLs is requested for the first six.', async () => {
    const urls = Array.from({ length: 1000 }, (_, index) => `${server.url}/${index}`);
    const crls = await createCrlDownload(LOOPBACK)(urls);
    expect(crls.filter(({ bytes }) => bytes)).toHaveLength(6);
    expect(crls.at(-1)?.problem).toBe(
      'the chain contains more than 6 URLs of CRLs, and only the first 6 are requested',
    );
    expect(requests).toHaveLength(6);
  });
});

describe('A server gives no CRL', () => {
  test.each([403, 404, 500, 204, 304])('with HTTP %i.', async (status) => {
    respond = (_, response) => response.writeHead(status).end();
    expect(await problemOf(server.url)).toBe(`the server answered with HTTP ${status}`);
  });

  test('with a loop of redirects.', async () => {
    respond = (_, response) => response.writeHead(301, { location: '/' }).end();
    expect(await problemOf(server.url)).toBe('there are more than 3 redirects');
    expect(requests).toHaveLength(4);
  });

  test.each([
    ['https://crls.mark-certificates.test/', 'a redirect leads to https:'],
    ['file:///etc/passwd', 'a redirect leads to file:'],
    ['ftp://127.0.0.1/', 'a redirect leads to ftp:'],
    ['http://169.254.169.254/latest/meta-data/', /169\.254\.169\.254, which is not on the public internet/],
    ['http://[::ffff:10.0.0.1]/', /::ffff:a00:1, which is not on the public internet/],
    ['http://user:password@127.0.0.1/', 'the URL contains credentials'],
    ['http://', 'the URL is not valid'],
    [`${'a'.repeat(8000)}:b`, /^a redirect leads to a{30,40}…$/],
  ])('with a redirect to %s.', async (location, problem) => {
    respond = (_, response) => response.writeHead(302, { location }).end();
    expect(await problemOf(server.url)).toMatch(problem);
    expect(requests).toHaveLength(1);
  });

  test('with a redirect without an address.', async () => {
    respond = (_, response) => response.writeHead(302).end();
    expect(await problemOf(server.url)).toBe('the server answered with HTTP 302');
  });

  test('with a connection that breaks off.', async () => {
    respond = (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).flushHeaders();
      response.write(CRL, () => response.destroy());
    };
    expect(await problemOf(server.url)).toMatch(/aborted|ECONNRESET/);
  });

  test.each<[string, RequestListener]>([
    ['never answers', () => {}],
    [
      'sends a byte from time to time',
      (_, response) => {
        const timer = setInterval(() => response.write('0'), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
    [
      'sends redirects slowly',
      (_, response) => void setTimeout(() => response.writeHead(302, { location: '/' }).end(), 80),
    ],
  ])('in time if it %s.', async (_, listener) => {
    respond = listener;
    const started = performance.now();
    expect(await problemOf(server.url, LOOPBACK, 200)).toBe('no complete answer in time');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('if it sends bytes without an end.', async () => {
    respond = (_, response) => {
      const part = Buffer.alloc(64 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(part)) {}
      };
      response.on('drain', more);
      more();
    };
    expect(await problemOf(server.url)).toBe('the body has more than 10485760 bytes');
  });

  test('if nothing listens at its address.', async () => {
    const { url, close } = await listenOnLoopback(createServer());
    await close();
    expect(await problemOf(url)).toBe('the server refused the connection (ECONNREFUSED)');
  });
});

describe('No connection is made', () => {
  test('if the name server does not answer.', async () => {
    expect(await problemOf('http://crls.mark-certificates.test/', { lookup: () => {} }, 50)).toBe(
      'no complete answer in time',
    );
  });

  test('if the name does not exist.', async () => {
    const lookup: LookupFunction = (_, __, callback) =>
      callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    expect(await problemOf('http://crls.mark-certificates.test/', { lookup })).toBe(
      'the name of the server cannot be resolved (ENOTFOUND)',
    );
  });

  test.each(['https://crls.mark-certificates.test/a.crl', 'ldap://crls.mark-certificates.test/', 'file:///etc/passwd'])(
    'for the URL %s.',
    async (url) => {
      expect(await problemOf(url)).toBe('only http URLs are requested');
    },
  );

  test.each(['http://user@127.0.0.1/', 'http://:password@127.0.0.1/'])('with the credentials in %s.', async (url) => {
    expect(await problemOf(url)).toBe('the URL contains credentials');
  });

  // URL reads each of them as an address of this machine.
  test.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '0', '[::ffff:127.0.0.1]'])(
    'to this machine, written as %s.',
    async (host) => {
      const { port } = new URL(server.url);
      expect(await problemOf(`http://${host}:${port}/`, {})).toContain('not on the public internet');
      expect(requests).toEqual([]);
    },
  );

  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
  ])('if the name resolves to %s.', async (address) => {
    const { port } = new URL(server.url);
    const url = `http://crls.mark-certificates.test:${port}/`;
    expect(await problemOf(url, { lookup: resolvesTo(address) })).toBe(
      `the server has the address ${address}, which is not on the public internet`,
    );
    expect(requests).toEqual([]);
  });

  test('if a redirect leads to a name that resolves to this machine.', async () => {
    const { port } = new URL(server.url);
    let lookups = 0;
    // The first answer is allowed, the second is not: a name server under the control of an attacker does this.
    const lookup: LookupFunction = (hostname, options, callback) => {
      lookups += 1;
      resolvesTo(lookups === 1 ? '127.0.0.1' : '10.0.0.1')(hostname, options, callback);
    };
    respond = (_, response) => response.writeHead(302, { location: '/' }).end();
    expect(await problemOf(`http://crls.mark-certificates.test:${port}/`, { ...LOOPBACK, lookup })).toContain(
      '10.0.0.1',
    );
    expect(requests).toHaveLength(1);
  });
});

test('Of several addresses of a server, only those that are allowed are used.', async () => {
  const { port } = new URL(server.url);
  const lookup = resolvesTo('10.0.0.1', 'fd00::1', '127.0.0.1');
  const crls = await createCrlDownload({ ...LOOPBACK, lookup })([`http://crls.mark-certificates.test:${port}/`]);
  expect(crls).toMatchObject([{ bytes: CRL }]);
});

test.each([
  ...['1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '223.255.255.255'],
  ...['2606:4700::1', '2a00::1', '2001:4860:4860::8888'],
])('%s is a public address.', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.0',
    '10.255.255.255',
    '100.64.0.0',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
  ],
  ...['169.254.0.1', '169.254.169.254', '172.16.0.0', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1'],
  ...['192.168.0.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255'],
  ...['240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:8.8.8.8', '::8.8.8.8', '64:ff9b::808:808', '64:ff9b:1::1'],
  ...[
    '100::1',
    '2001::1',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
  ],
  ...['fe80::1', 'fec0::1', 'ff02::1', 'localhost', ''],
])('%s is not a public address.', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test('Only this machine has a loopback address.', () => {
  const addresses = ['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '0.0.0.0', '::', '::ffff:10.0.0.1', '1.1.1.1'];
  expect(addresses.filter(isLoopbackAddress)).toEqual(['127.0.0.1', '127.9.9.9', '::1']);
});
