import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest, SUPERSEDED_MANIFEST_KEY } from '../../../functions/store/manifest.ts';
import {
  type ArchiveBucket,
  assessed,
  CHAIN,
  FIRST,
  FOLDER,
  type Issue,
  inPem,
  issueCertificates,
  LOGO,
  MANIFEST,
  RESPONSE,
  SECOND,
  startArchiveBucket,
  supersededKeys,
  supersededOf,
} from './archive-bucket.ts';

const CURRENT = [RESPONSE, CHAIN, LOGO, MANIFEST];
const THIRD = { execution: 'order-1378973013-third', collectedAt: '2026-03-02T14:00:00.000Z' };

let older: Issue;
let newer: Issue;
let twin: Issue;
let bucket: ArchiveBucket;

beforeAll(async () => {
  ({ older, newer, twin } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startArchiveBucket();
});

afterEach(() => bucket.close());

const good = (issue: Issue, changes: Parameters<typeof assessed>[1] = {}) =>
  assessed(issue, { publishable: true, ...changes });

/** A time so many minutes after the second check. */
const minutesAfter = (minutes: number) => new Date(Date.parse(SECOND.collectedAt) + minutes * 60_000).toISOString();

describe('Which of two certificates is current', () => {
  test.each<[string, () => Issue, () => Issue, boolean]>([
    ['A newer one replaces an older one', () => good(older), () => good(newer), true],
    ['An older one never replaces a newer one', () => good(newer), () => good(older), false],
    ['An older good one replaces one that is not publishable', () => newer, () => good(older), true],
    ['A newer one that is not publishable does not replace a good one', () => good(older), () => newer, false],
    ['A newer one replaces an older one if neither is publishable', () => older, () => newer, true],
    ['An older one does not replace a newer one if neither is publishable', () => newer, () => older, false],
    [
      'One that is valid six minutes later does not replace a good one',
      () => good(older),
      () => good(newer, { notBefore: minutesAfter(6) }),
      false,
    ],
    [
      'One that is valid five minutes later replaces an older one',
      () => good(older),
      () => good(newer, { notBefore: minutesAfter(5) }),
      true,
    ],
    [
      'A good one replaces one that is not yet valid',
      () => good(newer, { notBefore: minutesAfter(24 * 60) }),
      () => good(older),
      true,
    ],
    [
      'A good one replaces a newer one that has expired',
      () => good(newer, { notAfter: minutesAfter(-1) }),
      () => good(older),
      true,
    ],
    [
      'An expired one does not replace a good one',
      () => good(older),
      () => good(newer, { notAfter: minutesAfter(-1) }),
      false,
    ],
    ['Of two of the same second, the one that is received later is current', () => good(newer), () => good(twin), true],
    [
      'Of two of the same second, one that is not publishable does not replace a good one',
      () => good(newer),
      () => twin,
      false,
    ],
  ])('%s. Both are kept.', async (_, present, received, replaces) => {
    await bucket.collect(present(), FIRST);
    const result = await bucket.receive(received(), SECOND);
    expect(result).toMatchObject({
      current: replaces ? SECOND : FIRST,
      received: { ...SECOND, fingerprintSha256: received().certificate.report.fingerprintSha256 },
      isCurrent: replaces,
      changed: replaces,
    });
    await bucket.expectStored(replaces ? received() : present(), replaces ? SECOND : FIRST);
    await bucket.expectSuperseded(replaces ? present() : received(), replaces ? FIRST : SECOND);
    expect(await bucket.writesOf(() => bucket.receive(received(), SECOND))).toEqual([]);
  });

  test('Two certificates of the same second do not replace each other again and again.', async () => {
    await bucket.collect(good(newer), FIRST);
    await bucket.collect(good(twin), SECOND);
    const again = async () => expect(await bucket.receive(good(newer), FIRST)).toMatchObject({ changed: false });
    expect(await bucket.writesOf(again)).toEqual([]);
    await bucket.expectStored(twin, SECOND);
  });
});

describe('A certificate that is not current', () => {
  test('The replaced set is copied before anything is written over it.', async () => {
    await bucket.collect(inPem(older), FIRST);
    const before = await bucket.readJson(MANIFEST);
    const names = ['response.pem', 'chain.pem', 'logo.svg', 'certificate.json'];
    expect(await bucket.writesOf(() => bucket.collect(newer, SECOND))).toEqual([
      ...names.map((name) => supersededOf(older) + name),
      ...CURRENT,
    ]);
    const { objects: _, ...kept } = await bucket.expectSuperseded(inPem(older), FIRST);
    const { objects: __, ...fields } = before;
    expect(kept).toEqual(fields);
    expect((await bucket.read(`${supersededOf(older)}response.pem`)).type).toBe('application/pem-certificate-chain');
    expect((await bucket.read(`${supersededOf(older)}logo.svg`)).type).toBe('image/svg+xml');
  });

  test('The set that was overwritten meanwhile is copied from its versions.', async () => {
    await bucket.collect(older, FIRST);
    await bucket.overwrite(CHAIN, 'damage');
    await bucket.remove(LOGO);
    await bucket.collect(newer, SECOND);
    await bucket.expectSuperseded(older, FIRST);
  });

  test('An older certificate is stored once, and the current set stays as it is.', async () => {
    await bucket.collect(newer, FIRST);
    expect(await bucket.writesOf(() => bucket.collect(older, SECOND))).toEqual(supersededKeys(older));
    expect(await bucket.writesOf(() => bucket.collect(inPem(older), THIRD))).toEqual([]);
    await bucket.expectSuperseded(older, SECOND);
    await bucket.expectStored(newer, FIRST);
  });

  test('If its assessment changes, only its manifest is written.', async () => {
    await bucket.collect(good(newer), FIRST);
    await bucket.collect(older, SECOND);
    const again = () => bucket.receive(good(older), THIRD);
    expect(await bucket.writesOf(again)).toEqual([`${supersededOf(older)}certificate.json`]);
    await bucket.expectSuperseded(older, { ...SECOND, publishable: true });
  });

  test.each([
    ['missing', (key: string) => bucket.remove(key)],
    ['damaged', (key: string) => bucket.overwrite(key, 'damage')],
  ])('A %s object of it is restored when it is received again.', async (_, harm) => {
    await bucket.collect(newer, FIRST);
    await bucket.collect(older, SECOND);
    for (const key of supersededKeys(older)) {
      await harm(key);
      await bucket.collect(older, SECOND);
      await bucket.expectSuperseded(older, SECOND);
    }
  });

  test('It becomes current when it is received again and has become valid.', async () => {
    const early = good(newer, { publishable: false, notBefore: minutesAfter(60) });
    await bucket.collect(good(older), FIRST);
    expect(await bucket.receive(early, SECOND)).toMatchObject({ current: FIRST, isCurrent: false, changed: false });
    const valid = good(newer, { notBefore: minutesAfter(60) });
    const later = { ...THIRD, collectedAt: minutesAfter(61) };
    expect(await bucket.receive(valid, later)).toMatchObject({ current: later, isCurrent: true, changed: true });
    await bucket.expectStored(newer, later);
    await bucket.expectSuperseded(older, FIRST);
  });

  test('It becomes current when it is received again and the current one is no longer publishable.', async () => {
    await bucket.collect(good(older), FIRST);
    await bucket.collect(good(newer), SECOND);
    await bucket.collect(newer, SECOND);
    expect(await bucket.receive(good(older), THIRD)).toMatchObject({ current: THIRD, changed: true });
    await bucket.expectStored(older, THIRD);
    await bucket.expectSuperseded(newer, SECOND);
  });

  test('Its manifest is read back only for its own folder, order and certificate.', async () => {
    await bucket.collect(newer, FIRST);
    await bucket.collect(older, SECOND);
    const key = `${supersededOf(older)}certificate.json`;
    expect(key).toMatch(SUPERSEDED_MANIFEST_KEY);
    expect(MANIFEST).not.toMatch(SUPERSEDED_MANIFEST_KEY);
    const { body } = await bucket.read(key);
    for (const [elsewhere, problem] of [
      [MANIFEST, 'which is in another folder'],
      [key.replace(FOLDER, 'orders/2/'), 'it describes order 1378973013'],
      [`${supersededOf(newer)}certificate.json`, 'it describes the certificate '],
    ] as const) {
      const { issues } = parseManifest(body, elsewhere);
      expect(issues?.map(({ message }) => message)).toContainEqual(expect.stringContaining(problem));
    }
  });
});

describe('What was ordered', () => {
  const ordered = { domains: ['example.com'], selector: 'brand', product: 'VMC' };
  const given = { ...FIRST, collector: 'acme', account: 'brand-a', ordered };

  test('The manifest names collector, account, domains, selector and product.', async () => {
    expect((await bucket.receive(newer, given)).current).toMatchObject(given);
    expect(await bucket.readJson(MANIFEST)).toMatchObject(given);
  });

  test('A correction rewrites only the manifest.', async () => {
    await bucket.collect(newer, given);
    const corrected = { ...SECOND, account: null, ordered: { ...ordered, domains: ['example.net'] } };
    expect(await bucket.writesOf(() => bucket.receive(newer, corrected))).toEqual([MANIFEST]);
    expect(await bucket.readJson(MANIFEST)).toMatchObject({ ...given, ...corrected, ...FIRST });
    expect(await bucket.writesOf(() => bucket.receive(newer, corrected))).toEqual([]);
  });

  test.each([
    ['the same certificate', () => older],
    ['its replacement', () => newer],
  ])('An execution that names nothing leaves it in the manifest of %s.', async (_, again) => {
    const records = ['brand._bimi.example.com. TXT "v=BIMI1; l=https://a.example/l; a=https://a.example/a"'];
    const archive = bucket.archiveOf('x');
    await archive.store(older.response, older.certificate, given, records);
    const nothing = { domains: [], selector: null, product: null };
    const { response, certificate } = again();
    await archive.store(response, certificate, { ...SECOND, collector: 'acme', account: 'brand-a', ordered: nothing });
    expect(await bucket.readJson(MANIFEST)).toMatchObject({ ordered, account: 'brand-a', bimiRecords: records });
  });
});

describe('The manifest of another order', () => {
  const OTHER = 'orders/42/';

  test('A copy by hand restores nothing, and is replaced by what the order receives.', async () => {
    await bucket.collect(newer, FIRST);
    const copied = (await bucket.read(MANIFEST)).body.toString();
    const other = bucket.archiveOf('other', 1, '42');
    await bucket.overwrite(`${OTHER}certificate.json`, copied);
    await other.reject(older.response, { reason: 'no chain' }, SECOND);
    await other.storeResponse(older.response);
    expect(await other.store(older.response, older.certificate, SECOND)).toMatchObject({ changed: true });
    const manifest = await bucket.readJson(`${OTHER}certificate.json`);
    expect(manifest).toMatchObject({ orderNumber: '42', ...SECOND });
    expect((await bucket.read(`${OTHER}chain.pem`)).body.toString()).toBe(older.certificate.chainPem);
    await bucket.expectStored(newer, FIRST);
  });

  test('A copy whose order number was changed too is not trusted.', async () => {
    await bucket.collect(newer, FIRST);
    const copied = (await bucket.read(MANIFEST)).body.toString();
    const changed = copied.replace('"orderNumber": "1378973013"', '"orderNumber": "42"');
    expect(parseManifest(Buffer.from(changed), `${OTHER}certificate.json`).success).toBe(false);
    expect(parseManifest(Buffer.from(changed.replaceAll(FOLDER, OTHER)), `${OTHER}certificate.json`).success).toBe(
      true,
    );
  });
});

describe('A listed version that was purged', () => {
  const listed = async (part: string) => (await bucket.readJson(MANIFEST)).objects[part];
  /** Overwrites an object and purges the version with its bytes. */
  async function lose(part: string) {
    const { key, versionId } = await listed(part);
    await bucket.overwrite(key, 'damage');
    await bucket.purge(key, versionId);
  }

  test.each(['response', 'chain', 'logo'])(
    'A lost %s is written again when the certificate is received again.',
    async (part) => {
      await bucket.collect(newer, FIRST);
      await lose(part);
      expect(await bucket.collect(newer, SECOND)).toMatchObject(FIRST);
      await bucket.expectStored(newer, FIRST);
    },
  );

  test('If its bytes are in a later version, the manifest lists that version afterwards.', async () => {
    await bucket.collect(newer, FIRST);
    const { key, versionId } = await listed('chain');
    await bucket.overwrite(key, newer.certificate.chainPem);
    await bucket.purge(key, versionId);
    expect(await bucket.writesOf(() => bucket.receive(newer, SECOND))).toEqual([MANIFEST]);
    await bucket.expectStored(newer, FIRST);
  });

  test.each([
    ['older', () => older],
    ['newer', () => twin],
  ])(
    'A certificate whose bytes are lost is replaced, even by an %s one, and the rest of it is kept.',
    async (_, received) => {
      await bucket.collect(newer, FIRST);
      await lose('chain');
      expect(await bucket.receive(received(), SECOND)).toMatchObject({ current: SECOND, changed: true });
      await bucket.expectStored(received(), SECOND);
      const kept = await bucket.readJson(`${supersededOf(newer)}certificate.json`);
      expect(Object.keys(kept.objects)).toEqual(['response', 'logo']);
      expect((await bucket.read(`${supersededOf(newer)}response.p7b`)).body).toEqual(Buffer.from(newer.response.body));
    },
  );

  test('A rejected response changes nothing about it, and causes no error.', async () => {
    await bucket.collect(newer, FIRST);
    await lose('chain');
    await bucket.collectBroken(SECOND);
    expect((await bucket.readJson(`${FOLDER}rejected.json`)).execution).toBe(SECOND.execution);
  });

  test.each([
    ['a text that is no version id', 'no/version'],
    ['an unknown version', 'v9999'],
  ])('A manifest that lists %s is restored from the bytes that were received.', async (_, versionId) => {
    await bucket.collect(newer, FIRST);
    const manifest = await bucket.readJson(MANIFEST);
    manifest.objects.chain.versionId = versionId;
    await bucket.overwrite(MANIFEST, JSON.stringify(manifest));
    await bucket.remove(CHAIN);
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, FIRST);
  });

  test('A delete marker is not a version with bytes.', async () => {
    await bucket.collect(newer, FIRST);
    const manifest = await bucket.readJson(MANIFEST);
    const { VersionId } = await bucket.remove(CHAIN);
    manifest.objects.chain.versionId = VersionId;
    await bucket.overwrite(MANIFEST, JSON.stringify(manifest));
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, FIRST);
  });
});

test('A second rejected response leaves the first one as a version, which its rejection lists.', async () => {
  await bucket.collect(newer, FIRST);
  const reject = async (text: string) => {
    await bucket.archiveOf('x').reject({ container: 'pkcs7', body: Buffer.from(text) }, { reason: text }, SECOND);
    return (await bucket.readJson(`${FOLDER}rejected.json`)).response.versionId;
  };
  const first = await reject('the first');
  const second = await reject('the second');
  expect((await bucket.read(`${FOLDER}rejected.p7b`, first)).body.toString()).toBe('the first');
  expect((await bucket.read(`${FOLDER}rejected.p7b`, second)).body.toString()).toBe('the second');
});
