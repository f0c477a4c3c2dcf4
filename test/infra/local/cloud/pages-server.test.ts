import { request } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../../../infra/local/cloud/loopback.ts';
import { servePages } from '../../../../infra/local/cloud/pages-server.ts';
import { type S3Server, startS3Server } from '../../../s3-server.ts';

const PAGE = 'orders/1378973013/report.html';
const LOGO = 'orders/1378973013/logo.svg';
const STRANGE = 'pushes/a b/ü&?.json';

let s3Server: S3Server;
let client: S3Client;
let pages: Endpoint;

const seeded = (key: string, body: string, contentType?: string) => ({
  key,
  versionId: `v-${key.length}`,
  body: Buffer.from(body),
  contentType,
  lastModified: '2026-11-27T00:00:00Z',
});

beforeAll(async () => {
  s3Server = await startS3Server({
    seed: [
      seeded(PAGE, '<p>Report</p>', 'text/html'),
      seeded(LOGO, '<svg/>', 'image/svg+xml'),
      seeded(STRANGE, '{}', 'application/json'),
      seeded('plain', 'bytes'),
    ],
  });
  client = new S3Client({
    endpoint: s3Server.url,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  pages = await servePages(client, 'bucket');
});
afterAll(async () => {
  await pages.close();
  client.destroy();
  await s3Server.close();
});

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends a path as it is: `fetch` would remove dots from it. */
function send(path: string, { method = 'GET', host = new URL(pages.url).host } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(pages.url);
    const sent = request({ hostname, port, path, method, headers: { host } }, async (response) => {
      const chunks = await response.toArray();
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('The pages of a bucket on loopback', () => {
  test.each([
    [PAGE, 'text/html; charset=utf-8', '<p>Report</p>'],
    [LOGO, 'image/svg+xml', '<svg/>'],
    [STRANGE, 'application/json', '{}'],
    ['plain', 'binary/octet-stream', 'bytes'],
  ])('%s has its content type, and no cache keeps it.', async (key, type, body) => {
    const reply = await send(`/${key.split('/').map(encodeURIComponent).join('/')}?version=1`);
    expect(reply).toMatchObject({ status: 200, body });
    expect(reply.headers).toMatchObject({
      'content-type': type,
      'content-length': String(body.length),
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-dns-prefetch-control': 'off',
    });
  });

  test('A logo that is opened alone runs nothing.', async () => {
    expect((await send(`/${LOGO}`)).headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
    expect((await send(`/${PAGE}`)).headers).not.toHaveProperty('content-security-policy');
  });

  test('HEAD has the headers without the body.', async () => {
    const reply = await send(`/${PAGE}`, { method: 'HEAD' });
    expect(reply).toMatchObject({ status: 200, body: '', headers: { 'content-length': '13' } });
  });

  test.each(['PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'])('%s changes nothing.', async (method) => {
    const before = s3Server.requests.length;
    const reply = await send(`/${PAGE}`, { method });
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(s3Server.requests).toHaveLength(before);
  });

  test.each([
    '/',
    '//',
    '/orders/',
    '/orders/1378973013',
    '/../package.json',
    '/../bucket/plain',
    '/./plain',
    '/%2e%2e/bucket/plain',
    '/orders/..%2fplain',
    '/orders/../../../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/orders/%00',
    '/?list-type=2',
  ])('The path %s is no object.', async (path) => {
    expect((await send(path)).status).toBe(404);
  });

  test.each(['/%', '/%ff%fe'])('The path %s cannot be read.', async (path) => {
    expect((await send(path)).status).toBe(400);
  });

  test('A request for another host is refused, and localhost is this machine too.', async () => {
    const { port } = new URL(pages.url);
    expect((await send(`/${PAGE}`, { host: `attacker.example:${port}` })).status).toBe(421);
    expect((await send(`/${PAGE}`, { host: '127.0.0.1' })).status).toBe(421);
    expect((await send(`/${PAGE}`, { host: `localhost:${port}` })).status).toBe(200);
  });

  test('A failure of S3 is no missing page.', async () => {
    s3Server.before = () => ({ status: 403, code: 'AccessDenied' });
    expect((await send(`/${PAGE}`)).status).toBe(500);
    s3Server.before = () => undefined;
  });
});
