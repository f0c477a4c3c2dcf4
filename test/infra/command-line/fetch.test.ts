import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { manifestKey, type StoredManifest } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { failureOf, manifestOf, NOON, statusOf } from '../../functions/survey/samples.ts';
import type { S3Server } from '../../s3-server.ts';
import { deployed, put } from './deployed.ts';
import { undocumentedFields } from './page.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  folder = await mkdtemp(join(tmpdir(), 'fetch-'));
  onTestFinished(async () => {
    vi.useRealTimers();
    await rm(folder, { recursive: true });
  });
});

const CONTENT = {
  'chain.pem': 'a chain',
  'logo.svg': '<svg/>',
  'report.html': '<p>the report</p>',
  'response.p7b': 'the response',
};
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

/** A manifest that lists these objects. */
function manifestWith(
  content: Readonly<Record<string, string>>,
  changes: Partial<StoredManifest> = {},
): StoredManifest {
  const objects = Object.entries(content).map(([name, text]) => [
    name,
    { key: `orders/1/${name}`, size: text.length, sha256: sha256(text) },
  ]);
  return manifestOf('1', { objects: Object.fromEntries(objects), ...changes });
}

/** A collector with the certificate of order 1. */
async function seeded(
  changes: Partial<StoredManifest> = {},
  content: Readonly<Record<string, string>> = CONTENT,
): Promise<S3Server> {
  const s3 = await deployed();
  for (const [name, text] of Object.entries(content)) {
    await put(s3, `orders/1/${name}`, text);
  }
  await put(s3, manifestKey('1'), manifestWith(content, changes));
  return s3;
}

const fetchOrder = (...args: string[]) => run(['fetch', '1', ...args], { folder });
const namesIn = async (path: string) => (await readdir(path)).toSorted();

describe('fetch', () => {
  test('It writes every file into a folder with the number of the order.', async () => {
    const s3 = await seeded();
    const { exitCode, out, err } = await fetchOrder();
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(out).toContain(`the certificate is in ${join(folder, '1')}`);
    expect(await namesIn(folder)).toEqual(['1']);
    expect(await namesIn(join(folder, '1'))).toEqual(['certificate.json', ...Object.keys(CONTENT)]);
    for (const name of await namesIn(join(folder, '1'))) {
      expect(await readFile(join(folder, '1', name))).toEqual(s3.peek(`orders/1/${name}`)?.body);
    }
  });

  test('Its JSON lists the files with their SHA-256.', async () => {
    await seeded();
    const { out } = await fetchOrder('into/deep', '--json');
    expect(JSON.parse(out)).toEqual({
      orderNumber: '1',
      folder: join(folder, 'into/deep'),
      files: [
        ...Object.entries(CONTENT).map(([name, text]) => ({
          name,
          size: text.length,
          sha256: sha256(text),
          change: 'written',
        })),
        expect.objectContaining({ name: 'certificate.json', change: 'written' }),
      ],
      fingerprintSha256: 'c0ffee',
      notAfter: '2026-12-23T23:59:59.000Z',
      publishable: true,
      problem: null,
    });
    expect(undocumentedFields(JSON.parse(out), 'fetch')).toEqual([]);
  });

  describe('If the certificate was stored without a report, it', () => {
    const RELEASED = 'test/releases/0.1.0/bucket/orders/1378973002';
    const ORDER = '1378973002';

    /** A collector with an order that release 0.1.0 stored. */
    async function released(): Promise<S3Server> {
      const s3 = await deployed();
      for (const name of await readdir(RELEASED)) {
        await put(s3, `orders/${ORDER}/${name}`, await readFile(join(RELEASED, name), 'utf8'));
      }
      return s3;
    }
    /** Only texts can be stored here, and the response is not one. */
    async function releasedInText(): Promise<void> {
      const s3 = await released();
      const manifest = JSON.parse(await readFile(join(RELEASED, 'certificate.json'), 'utf8'));
      const { chain, logo } = manifest.objects;
      await put(s3, manifestKey(ORDER), { ...manifest, objects: { chain, logo } });
    }
    const report = () => readFile(join(folder, ORDER, 'report.html'), 'utf8');

    test('makes one from the chain and the manifest.', async () => {
      await releasedInText();
      const { exitCode, err } = await run(['fetch', ORDER], { folder });
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      const page = await report();
      expect(page).toContain(
        'Written <time datetime="2026-11-23T12:00:00.000Z">2026-11-23 12:00 UTC</time> by <bdi>mark-certificates fetch</bdi>',
      );
      expect(page).toContain('<strong>Publishable.</strong>');
      expect(page).toContain('v=BIMI1; l=https://d111111abcdef8.cloudfront.net/renewed.example/default.svg');
      expect(page).toContain('(trust anchor)');
      expect(page).toContain('The revocation lists (CRLs) were not checked.');
    });

    test('keeps the one that it made before, if the certificate is the same.', async () => {
      await releasedInText();
      await run(['fetch', ORDER], { folder });
      const first = await report();
      vi.setSystemTime(new Date('2026-11-24T12:00:00Z'));
      expect((await run(['fetch', ORDER], { folder })).exitCode).toBe(0);
      expect(await report()).toBe(first);
      await writeFile(join(folder, ORDER, 'certificate.json'), 'another one');
      expect((await run(['fetch', ORDER, '--force'], { folder })).exitCode).toBe(0);
      expect(await report()).toContain('2026-11-24 12:00 UTC');
    });

    test('writes the other files if none can be made, with a note.', async () => {
      const { 'report.html': _, ...content } = CONTENT;
      await seeded({}, content);
      const { exitCode, err } = await fetchOrder();
      expect(exitCode).toBe(0);
      expect(err).toMatch(/^There is no report\.html, and none can be made: .*\.\n$/);
      expect(await namesIn(join(folder, '1'))).toHaveLength(4);
    });
  });

  test('A second time, nothing is written.', async () => {
    await seeded();
    await fetchOrder();
    const { out, exitCode } = await fetchOrder('--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out).files.map(({ change }: { change: string }) => change)).toEqual(Array(5).fill('unchanged'));
  });

  test('Other files of these names are replaced with --force only, and unknown ones stay.', async () => {
    await seeded();
    await fetchOrder('out');
    await writeFile(join(folder, 'out', 'logo.svg'), 'mine');
    await writeFile(join(folder, 'out', 'notes.txt'), 'mine');
    const refused = await fetchOrder('out');
    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain('contains other files: logo.svg. Nothing was written.\nNext: Add --force');
    expect(await readFile(join(folder, 'out', 'logo.svg'), 'utf8')).toBe('mine');
    const forced = await fetchOrder('out', '--force');
    expect(forced.exitCode).toBe(0);
    expect(forced.err).toContain('do not belong to this certificate: notes.txt');
    expect(await readFile(join(folder, 'out', 'logo.svg'), 'utf8')).toBe('<svg/>');
    expect(await readFile(join(folder, 'out', 'notes.txt'), 'utf8')).toBe('mine');
    expect(await namesIn(join(folder, 'out'))).toHaveLength(6);
  });

  test.each([
    ['other bytes', (s3: S3Server) => put(s3, 'orders/1/chain.pem', 'another chain')],
    ['no bytes', (s3: S3Server) => put(s3, 'orders/1/chain.pem', '')],
  ])('A set with %s in one object is refused, and nothing is written.', async (_, damage) => {
    const s3 = await seeded();
    await damage(s3);
    const { exitCode, err } = await fetchOrder();
    expect(exitCode).toBe(1);
    expect(err).toContain('orders/1/chain.pem is missing, or is not the object that the manifest lists.');
    expect(await namesIn(folder)).toEqual([]);
  });

  test('A missing object is refused, and nothing is written.', async () => {
    const s3 = await deployed();
    await put(s3, manifestKey('1'), manifestWith(CONTENT));
    expect((await fetchOrder()).exitCode).toBe(1);
    expect(await namesIn(folder)).toEqual([]);
  });

  test('An overwritten object is read in the version that the manifest lists.', async () => {
    const s3 = await seeded();
    const versionId = s3.peek('orders/1/chain.pem', 'v1') ? 'v1' : '';
    const manifest = manifestWith(CONTENT);
    const { 'chain.pem': chain, ...others } = manifest.objects;
    await put(s3, manifestKey('1'), { ...manifest, objects: { 'chain.pem': { ...chain, versionId }, ...others } });
    await put(s3, 'orders/1/chain.pem', 'another chain');
    expect((await fetchOrder()).exitCode).toBe(0);
    expect(await readFile(join(folder, '1', 'chain.pem'), 'utf8')).toBe('a chain');
  });

  test.each(['..', '.', '.bashrc', 'a\u001b', 'a b', '-rf', 'certificate.json'])(
    'A manifest that lists the name %j is refused, and nothing is written.',
    async (name) => {
      await seeded({}, { ...CONTENT, [name]: 'text' });
      const { exitCode } = await fetchOrder('out');
      expect(exitCode).toBe(1);
      expect(await namesIn(folder)).toEqual([]);
    },
  );

  test('A damaged manifest is refused.', async () => {
    const s3 = await deployed();
    await put(s3, manifestKey('1'), '{');
    expect(await fetchOrder()).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('certificate.json cannot be read'),
    });
  });

  test('A certificate that is not publishable is written, with a note and exit code 1.', async () => {
    await seeded({ publishable: false, findings: [{ id: 'a-finding', severity: 'error', message: 'a message' }] });
    const { exitCode, err } = await fetchOrder();
    expect(exitCode).toBe(1);
    expect(err).toContain('Do not publish it: the certificate is not publishable (a-finding).');
    expect(await namesIn(join(folder, '1'))).toHaveLength(5);
  });

  test.each([
    ['waits', statusOf('1'), 3, 'It is waiting (processing).'],
    ['failed', failureOf('1'), 1, 'It is failed (OrderRejected).'],
    ['is unknown', undefined, 2, 'does not know order 1'],
  ])('An order that %s has no certificate.', async (_, status, exitCode, text) => {
    const s3 = await deployed();
    if (status) {
      await put(s3, statusKey('1'), status);
    }
    const result = await fetchOrder();
    expect(result).toMatchObject({ exitCode, out: '', err: expect.stringContaining(text) });
    expect(result.err).toContain('Next: ');
  });

  test('A folder that cannot be written is an error with the next step.', async () => {
    await seeded();
    await writeFile(join(folder, 'file'), '');
    expect(await fetchOrder('file')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('name another folder'),
    });
    expect(await fetchOrder('file/below')).toMatchObject({ exitCode: 2 });
    expect(await namesIn(folder)).toEqual(['file']);
  });
});
