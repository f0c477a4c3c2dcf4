import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  crlId,
  FAILING_CRLS_KEY,
  type FailingCrl,
  isUnusable,
  readFailing,
  rememberFailing,
} from '../../../functions/store/failing-crls.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-11-23T05:17:00.000Z');
const at = (days: number) => new Date(START + days * DAY);

let server: S3Server;
let s3: S3Client;

beforeEach(async () => {
  server = await startDirectS3Server();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
});

afterEach(async () => {
  s3.destroy();
  await server.close();
});

const storage = () => s3Storage(s3, 'certificates');
const remember = (days: number, failing: Readonly<Record<string, string>>, usable: readonly string[] = []) =>
  rememberFailing(storage(), { usable: new Set(usable), failing: new Map(Object.entries(failing)), at: at(days) });
const summary = (crls: readonly FailingCrl[]) => crls.map(({ url, since }) => [url, since]);

test('Nothing is written while every CRL can be used.', async () => {
  expect(await remember(0, {}, ['a'])).toEqual([]);
  expect(server.peek(FAILING_CRLS_KEY)).toBeUndefined();
});

test('A CRL keeps its first day and gets its last problem, until it can be used.', async () => {
  await remember(0, { a: 'HTTP 503' });
  await remember(1, { a: 'HTTP 404', b: 'no answer' });
  expect(await readFailing(storage())).toEqual([
    { url: 'a', since: at(0).toISOString(), problem: 'HTTP 404', checkedAt: at(1).toISOString() },
    { url: 'b', since: at(1).toISOString(), problem: 'no answer', checkedAt: at(1).toISOString() },
  ]);
  expect(summary(await remember(2, { b: 'no answer' }, ['a']))).toEqual([['b', at(1).toISOString()]]);
});

test('A CRL that was not checked stays for two days.', async () => {
  await remember(0, { a: 'HTTP 503' });
  expect(await remember(2, {})).toHaveLength(1);
  expect(await remember(2.01, {})).toEqual([]);
});

test('It counts as unusable on the third day after the first one, at any hour.', () => {
  const since = '2026-11-23T23:59:00.000Z';
  expect(isUnusable({ since }, new Date('2026-11-25T23:59:59.000Z'))).toBe(false);
  expect(isUnusable({ since }, new Date('2026-11-26T00:00:01.000Z'))).toBe(true);
});

test('At most 500 are kept, the oldest ones, in less than a megabyte.', async () => {
  const many = (count: number, name: string) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        crlId(`http://${name}${index}.example/${'x'.repeat(2000)}`),
        'p'.repeat(5000),
      ]),
    );
  await remember(0, many(400, 'old'));
  const kept = await remember(1, { ...many(400, 'old'), ...many(300, 'new') });
  expect(kept).toHaveLength(500);
  expect(kept.filter(({ url }) => url.startsWith('http://old'))).toHaveLength(400);
  expect(server.peek(FAILING_CRLS_KEY)?.body.length).toBeLessThan(1_000_000);
  expect(await readFailing(storage())).toEqual(kept);
});

test('Two long URLs with the same beginning are different CRLs.', () => {
  const url = (end: string) => `http://crl.example/${'x'.repeat(2000)}${end}`;
  expect(crlId(url('1'))).not.toBe(crlId(url('2')));
  expect(crlId(url('1')).length).toBeLessThan(700);
  expect(crlId('http://crl.example/1.crl')).toBe('http://crl.example/1.crl');
});

test.each(['{', '[]', '{"schemaVersion":2,"failing":[]}'])('A damaged object is replaced: %j.', async (body) => {
  await fetch(`${server.url}/certificates/${FAILING_CRLS_KEY}`, { method: 'PUT', body });
  expect(await readFailing(storage())).toEqual([]);
  expect(await remember(0, {}, ['a'])).toEqual([]);
  expect(JSON.parse(String(server.peek(FAILING_CRLS_KEY)?.body))).toEqual({ schemaVersion: 1, failing: [] });
});
