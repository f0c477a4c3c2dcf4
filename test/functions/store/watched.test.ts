import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import {
  listWatched,
  unwatchDomain,
  type WatchedDomain,
  watchDomain,
  watchedKey,
} from '../../../functions/store/watched.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { BUCKET, clientOf } from './archive-bucket.ts';

let server: S3Server;
beforeEach(async () => {
  server = await startDirectS3Server();
});
afterEach(() => server.close());

const storage = () => s3Storage(clientOf('x', server.url), BUCKET);
const watchedAt = (since: string, domain = 'example.com'): WatchedDomain => ({
  schemaVersion: 1,
  collector: 'acme',
  domain,
  selector: 'default',
  since,
});
const FIRST = watchedAt('2026-11-23T12:00:00.000Z');
const SECOND = watchedAt('2026-11-24T12:00:00.000Z');

describe('A watched domain', () => {
  test('It is stored once, and stays as it was.', async () => {
    expect(await watchDomain(storage(), FIRST)).toEqual({ watched: FIRST, isNew: true });
    expect(await watchDomain(storage(), SECOND)).toEqual({ watched: FIRST, isNew: false });
    expect(server.keys('')).toEqual(['watched/example.com/default.json']);
    expect(JSON.parse(String(server.peek(watchedKey('example.com', 'default'))?.body))).toEqual(FIRST);
  });

  test('Of two that store it at the same time, one is first and both succeed.', async () => {
    const results = await Promise.all([watchDomain(storage(), FIRST), watchDomain(storage(), SECOND)]);
    expect(results.map(({ isNew }) => isNew).toSorted()).toEqual([false, true]);
    expect(results[0]?.watched).toEqual(results[1]?.watched);
  });

  test('It can be deleted once.', async () => {
    await watchDomain(storage(), FIRST);
    expect(await unwatchDomain(storage(), 'example.com', 'default')).toBe(true);
    expect(await unwatchDomain(storage(), 'example.com', 'default')).toBe(false);
    expect(server.keys('')).toEqual([]);
  });

  test('All are listed by name, and a damaged one is named and can be replaced.', async () => {
    const bucket = { s3: clientOf('x', server.url), bucket: BUCKET };
    await watchDomain(storage(), watchedAt(FIRST.since, 'b.example'));
    await watchDomain(storage(), watchedAt(FIRST.since, 'a.example'));
    await storage().write('watched/c.example/default.json', Buffer.from('{'), { type: 'application/json' }, {});
    const copied = Buffer.from(JSON.stringify(FIRST));
    await storage().write('watched/d.example/default.json', copied, { type: 'application/json' }, {});
    const { read, damaged } = await listWatched(bucket);
    expect(read.map(({ content }) => content.domain)).toEqual(['a.example', 'b.example']);
    expect(damaged).toEqual([
      { key: 'watched/c.example/default.json', problem: expect.any(String) },
      { key: 'watched/d.example/default.json', problem: expect.stringContaining('it is about example.com') },
    ]);
    expect(await watchDomain(storage(), watchedAt(FIRST.since, 'c.example'))).toMatchObject({ isNew: true });
  });
});
