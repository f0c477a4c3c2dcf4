import { expect, test } from 'vitest';
import type { CrlDownload } from '../../../functions/crl-download.ts';
import { createCrlCache } from '../../../functions/survey/crl-cache.ts';

/** A download that answers with so many bytes, and what it has done. */
function downloadOf(size: number) {
  const record = { requested: [] as string[], peak: 0 };
  let running = 0;
  const download: CrlDownload = async (urls) => {
    record.requested.push(...urls);
    running += 1;
    record.peak = Math.max(record.peak, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return urls.map((url) => ({ url, bytes: new Uint8Array(size) }));
  };
  return { record, download };
}

test('Each CRL is downloaded once, also if several certificates need it at the same time.', async () => {
  const { record, download } = downloadOf(1);
  const cache = createCrlCache(download);
  const crls = await Promise.all(['a', 'b', 'a', 'a', 'b'].map((url) => cache.get(url)));
  await cache.get('a');
  expect(record.requested).toEqual(['a', 'b']);
  expect(crls.map(({ url }) => url)).toEqual(['a', 'b', 'a', 'a', 'b']);
});

test('At most four are downloaded at the same time.', async () => {
  const { record, download } = downloadOf(1);
  const cache = createCrlCache(download);
  await Promise.all(Array.from({ length: 50 }, (_, index) => cache.get(String(index))));
  expect(record).toMatchObject({ peak: 4, requested: { length: 50 } });
});

test('Beyond the limit of bytes, the ones that were not used for longest are given up.', async () => {
  const { record, download } = downloadOf(10);
  const cache = createCrlCache(download, 30);
  for (const url of ['a', 'b', 'c', 'a', 'd', 'a', 'c', 'b']) {
    expect((await cache.get(url)).bytes).toHaveLength(10);
  }
  // With d, b was given up.
  expect(record.requested).toEqual(['a', 'b', 'c', 'd', 'b']);
});

test('A CRL that is larger than the limit is kept until the next one.', async () => {
  const { record, download } = downloadOf(100);
  const cache = createCrlCache(download, 30);
  for (const url of ['a', 'a', 'b', 'b', 'a']) {
    expect((await cache.get(url)).bytes).toHaveLength(100);
  }
  expect(record.requested).toEqual(['a', 'b', 'a']);
});

test('A CRL that cannot be downloaded is not requested again in the same run.', async () => {
  const requested: string[] = [];
  const cache = createCrlCache(async (urls) => {
    requested.push(...urls);
    return urls.map((url) => ({ url, problem: 'no answer in time' }));
  });
  await cache.get('a');
  expect(await cache.get('a')).toEqual({ url: 'a', problem: 'no answer in time' });
  expect(requested).toEqual(['a']);
});
