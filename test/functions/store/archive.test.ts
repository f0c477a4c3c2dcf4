import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LeafDescription } from '../../../functions/certificate/report.ts';
import { jsonBytes } from '../../../functions/text.ts';
import {
  type ArchiveBucket,
  BROKEN,
  CHAIN,
  FIRST,
  FOLDER,
  type Issue,
  inPem,
  issueCertificates,
  isWrite,
  LOGO,
  logoOf,
  MANIFEST,
  RESPONSE,
  SECOND,
  sha256,
  startArchiveBucket,
  supersededKeys,
} from './archive-bucket.ts';

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

describe('A certificate in an empty folder', () => {
  test('The response is stored as received before anything else is written.', async () => {
    const body = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    expect(await bucket.writesOf(() => bucket.archiveOf('x').storeResponse({ container: 'pkcs7', body }))).toEqual([
      RESPONSE,
    ]);
    expect(await bucket.keys()).toEqual([RESPONSE]);
    expect((await bucket.read(RESPONSE)).body).toEqual(Buffer.from(body));
  });

  test('Every object is written once, the manifest last.', async () => {
    expect(await bucket.writesOf(() => bucket.collect(newer, FIRST))).toEqual([RESPONSE, CHAIN, LOGO, MANIFEST]);
  });

  test('The manifest lists key, size, hash and version of each object.', async () => {
    await bucket.collect(newer, FIRST);
    await bucket.expectStored(newer, FIRST);
    expect((await bucket.manifest())?.objects).toMatchObject({
      response: { key: RESPONSE, size: newer.response.body.length },
      chain: { key: CHAIN, size: newer.certificate.chainPem.length },
      logo: { key: LOGO, size: logoOf(newer.certificate).length },
    });
  });

  test('A certificate without a readable logo is stored without it.', async () => {
    const certificate = { ...newer.certificate, logo: undefined };
    await bucket.collect({ ...newer, certificate }, FIRST);
    expect(Object.keys((await bucket.manifest())?.objects ?? {})).toEqual(['response', 'chain']);
    expect(await bucket.keys()).toEqual([MANIFEST, CHAIN, RESPONSE]);
  });

  test('The manifest contains the report, the order and the provenance.', async () => {
    await bucket.collect(newer, FIRST);
    const manifest = await bucket.readJson(MANIFEST);
    expect(manifest).toMatchObject({ schemaVersion: 1, orderNumber: '1378973013', ...FIRST });
    expect(manifest).toMatchObject(newer.certificate.report);
  });

  test('The stored manifest is returned.', async () => {
    const stored = await bucket.collect(newer, FIRST);
    expect(await bucket.readJson(MANIFEST)).toMatchObject(stored);
    expect(stored).toMatchObject({ ...FIRST, fingerprintSha256: newer.certificate.report.fingerprintSha256 });
  });

  test.each([
    ['pkcs7', 'response.p7b', 'application/pkcs7-mime'],
    ['zip', 'response.zip', 'application/zip'],
    ['pem', 'response.pem', 'application/pem-certificate-chain'],
  ] as const)('Every object has its content type: a response in %s is %s, %s.', async (container, name, type) => {
    await bucket.collect({ ...newer, response: { container, body: newer.response.body } }, FIRST);
    expect((await bucket.read(`${FOLDER}${name}`)).type).toBe(type);
    expect((await bucket.read(CHAIN)).type).toBe('application/pem-certificate-chain');
    expect((await bucket.read(LOGO)).type).toBe('image/svg+xml');
    expect((await bucket.read(MANIFEST)).type).toBe('application/json');
  });
});

describe('Every write', () => {
  test('A write has the SHA-256 of its bytes and a condition.', async () => {
    await bucket.collect(older, FIRST);
    await bucket.collect(newer, SECOND);
    await bucket.overwrite(CHAIN, 'damage');
    const checked: object[] = [];
    bucket.server.before = (request) => {
      if (isWrite(request)) {
        const { 'if-match': match, 'if-none-match': noneMatch, 'x-amz-checksum-sha256': checksum } = request.headers;
        checked.push({ conditions: [match, noneMatch].filter(Boolean).length, checksum });
      }
      return undefined;
    };
    await bucket.collect(older, FIRST);
    await bucket.collectBroken(FIRST);
    await bucket.remove(MANIFEST);
    await bucket.collect(inPem(twin), SECOND);
    const bodies = [
      newer.certificate.chainPem,
      BROKEN.body,
      (await bucket.read(`${FOLDER}rejected.json`)).body,
      inPem(twin).response.body,
      // The chain of the other certificate is still there. The first write expects an empty folder, and is refused.
      twin.certificate.chainPem,
      twin.certificate.chainPem,
      logoOf(twin.certificate),
      (await bucket.read(MANIFEST)).body,
    ];
    expect(checked).toEqual(bodies.map((body) => ({ conditions: 1, checksum: sha256(body, 'base64') })));
  });

  test('A write replaces nothing, or exactly the object that was read.', async () => {
    const puts = async (issue: Issue) =>
      (await bucket.requestsOf(() => bucket.collect(issue, FIRST)))
        .filter(isWrite)
        .map(({ key, headers }) => [key, headers['if-match'] ?? headers['if-none-match']]);
    expect(await puts(older)).toEqual([RESPONSE, CHAIN, LOGO, MANIFEST].map((key) => [key, '*']));
    const present = await Promise.all(
      [RESPONSE, CHAIN, LOGO, MANIFEST].map(async (key) => {
        const { headers } = await fetch(`${bucket.server.url}/x/${key}`);
        return [key, headers.get('etag')];
      }),
    );
    expect(await puts(newer)).toEqual([...supersededKeys(older).map((key) => [key, '*']), ...present]);
  });
});

describe('The same certificate again', () => {
  beforeEach(() => bucket.collect(newer, FIRST));

  test('The same certificate writes nothing.', async () => {
    expect(await bucket.writesOf(() => bucket.collect(newer, SECOND))).toEqual([]);
  });

  test('The same certificate in another container writes nothing.', async () => {
    expect(await bucket.writesOf(() => bucket.collect(inPem(newer), SECOND))).toEqual([]);
  });

  test('The returned manifest names the first execution and its time.', async () => {
    expect(await bucket.collect(newer, SECOND)).toMatchObject(FIRST);
  });

  test('If the assessment changes, only the manifest is written, and its provenance stays.', async () => {
    const finding = { id: 'untrusted-root', severity: 'error', message: 'no issuer is a known trust anchor' } as const;
    const { report } = newer.certificate;
    const distrusted = {
      ...newer,
      certificate: { ...newer.certificate, report: { ...report, publishable: false, findings: [finding] } },
    };
    expect(await bucket.writesOf(() => bucket.collect(distrusted, SECOND))).toEqual([MANIFEST]);
    expect(await bucket.readJson(MANIFEST)).toMatchObject({ ...FIRST, publishable: false, findings: [finding] });
    expect(await bucket.writesOf(() => bucket.collect(newer, SECOND))).toEqual([MANIFEST]);
    await bucket.expectStored(newer, FIRST);
  });

  test('BIMI records are added later, and stay if a later execution has none.', async () => {
    const { response, certificate } = newer;
    const records = ['default._bimi.example.com. TXT "v=BIMI1; l=https://a.example/l; a=https://a.example/a"'];
    const archive = bucket.archiveOf('records');
    expect((await archive.store(response, certificate, SECOND, records)).current.bimiRecords).toEqual(records);
    expect((await archive.store(response, certificate, SECOND, [])).current.bimiRecords).toEqual(records);
    expect(await bucket.writesOf(() => archive.store(response, certificate, SECOND))).toEqual([]);
  });

  test.each([
    ['missing', (key: string) => bucket.remove(key)],
    ['damaged', (key: string) => bucket.overwrite(key, 'damage')],
  ])('Each %s object is restored, and the provenance stays.', async (_, harm) => {
    for (const key of [RESPONSE, CHAIN, LOGO]) {
      await harm(key);
      expect(await bucket.collect(newer, SECOND)).toMatchObject(FIRST);
      await bucket.expectStored(newer, FIRST);
    }
  });

  test('The manifest lists the version whose bytes were read, even if another client writes meanwhile.', async () => {
    await bucket.remove(MANIFEST);
    await bucket.overwrite(CHAIN, 'damage');
    let foreignWrites = 0;
    bucket.server.before = async ({ client, method, key }) => {
      if (client === SECOND.execution && method === 'GET' && key === CHAIN && foreignWrites++ === 0) {
        await bucket.overwrite(CHAIN, newer.certificate.chainPem);
      }
      return undefined;
    };
    await bucket.collect(newer, SECOND);
    expect(foreignWrites).toBeGreaterThan(0);
    await bucket.expectStored(newer, SECOND);
  });

  test('An object of the same size with other bytes is restored.', async () => {
    await bucket.overwrite(CHAIN, newer.certificate.chainPem.toLowerCase());
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, FIRST);
  });

  test.each([
    ['not JSON', () => '{"schemaVersion":1,'],
    ['empty', () => ''],
    ['in another schema version', (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 0')],
    ['without its objects', (text: string) => JSON.stringify({ ...JSON.parse(text), objects: undefined })],
    ['without a valid date', (text: string) => text.replace(/"notBefore": "[^"]+"/, '"notBefore": "z"')],
  ])('A manifest that is %s is replaced.', async (_, damage) => {
    await bucket.overwrite(MANIFEST, damage((await bucket.read(MANIFEST)).body.toString()));
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, SECOND);
  });
});

describe('Another certificate', () => {
  test('A newer certificate replaces every object, and the old versions stay readable.', async () => {
    await bucket.collect(older, FIRST);
    const old = await bucket.manifest();
    expect(await bucket.collect(newer, SECOND)).toMatchObject(SECOND);
    await bucket.expectStored(newer, SECOND);
    const { response, chain } = old?.objects ?? {};
    expect((await bucket.read(RESPONSE, response?.versionId)).body).toEqual(Buffer.from(older.response.body));
    expect((await bucket.read(CHAIN, chain?.versionId)).body.toString()).toBe(older.certificate.chainPem);
  });

  test('A newer certificate in another container leaves the older response as it is.', async () => {
    await bucket.collect(inPem(older), FIRST);
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, SECOND);
    expect((await bucket.read(`${FOLDER}response.pem`)).body).toEqual(inPem(older).response.body);
  });

  test('A certificate of the same second is replaced, because the CA sends the current one.', async () => {
    await bucket.collect(twin, FIRST);
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, SECOND);
  });

  test('An older certificate restores mismatched objects of a newer one with their content types.', async () => {
    await bucket.collect(newer, FIRST);
    await bucket.overwrite(RESPONSE, 'damage');
    await bucket.remove(CHAIN);
    await bucket.remove(LOGO);
    expect(await bucket.writesOf(() => bucket.collect(older, SECOND))).toEqual([
      ...supersededKeys(older),
      RESPONSE,
      CHAIN,
      LOGO,
    ]);
    await bucket.expectStored(newer, FIRST);
    expect((await bucket.read(RESPONSE)).type).toBe('application/pkcs7-mime');
    expect((await bucket.read(CHAIN)).type).toBe('application/pem-certificate-chain');
    expect((await bucket.read(LOGO)).type).toBe('image/svg+xml');
  });
});

describe('A broken chain', () => {
  test('The response and the reason are stored, and no manifest.', async () => {
    await bucket.collectBroken(FIRST);
    expect(await bucket.keys()).toEqual([`${FOLDER}rejected.json`, RESPONSE]);
    expect((await bucket.read(RESPONSE)).body).toEqual(BROKEN.body);
    const { response, ...rejection } = await bucket.readJson(`${FOLDER}rejected.json`);
    expect(rejection).toEqual({
      schemaVersion: 1,
      orderNumber: '1378973013',
      ...FIRST,
      reason: 'the chain has no leaf',
    });
    expect(response).toMatchObject({ key: RESPONSE, size: BROKEN.body.length, sha256: sha256(BROKEN.body) });
    expect((await bucket.read(RESPONSE, response.versionId)).body).toEqual(BROKEN.body);
    expect((await bucket.read(`${FOLDER}rejected.json`)).type).toBe('application/json');
  });

  test('They are stored beside a valid set, which stays as it is.', async () => {
    await bucket.collect(newer, FIRST);
    const written = await bucket.writesOf(() => bucket.collectBroken(SECOND));
    expect(written).toEqual([`${FOLDER}rejected.p7b`, `${FOLDER}rejected.json`]);
    expect((await bucket.read(`${FOLDER}rejected.p7b`)).body).toEqual(BROKEN.body);
    expect((await bucket.readJson(`${FOLDER}rejected.json`)).response.key).toBe(`${FOLDER}rejected.p7b`);
    await bucket.expectStored(newer, FIRST);
  });

  test('A mismatched object of a valid set is restored.', async () => {
    await bucket.collect(newer, FIRST);
    await bucket.overwrite(RESPONSE, 'damage');
    await bucket.collectBroken(SECOND);
    await bucket.expectStored(newer, FIRST);
  });

  test('Only the reason is stored if the response must not be stored.', async () => {
    const archive = bucket.archiveOf('x');
    await archive.reject(undefined, { reason: 'the response contains a private key' }, FIRST);
    expect(await bucket.keys()).toEqual([`${FOLDER}rejected.json`]);
    const rejection = await bucket.readJson(`${FOLDER}rejected.json`);
    expect(rejection).toMatchObject({ ...FIRST, reason: 'the response contains a private key', response: null });
  });

  test('What can be read of the leaf is stored beside the reason, up to 64 KiB.', async () => {
    const leaf: LeafDescription = {
      subject: 'O=Example Brand',
      attributes: { organizationName: ['Example Brand'] },
      markType: 'Registered Mark',
      product: 'VMC',
      domains: ['example.com'],
      issuer: 'CN=Issuing CA',
      serialNumber: '01',
      notBefore: '2026-01-01T00:00:00.000Z',
      notAfter: '2027-01-01T00:00:00.000Z',
      fingerprintSha256: 'ab'.repeat(32),
      logo: null,
    };
    const long = (bytes: number) => ({ ...leaf, subject: 'x'.repeat(bytes - jsonBytes({ ...leaf, subject: '' })) });
    const archive = bucket.archiveOf('x');
    for (const [given, stored] of [
      [leaf, leaf],
      [long(64 * 1024), long(64 * 1024)],
      [long(64 * 1024 + 1), undefined],
      [undefined, undefined],
    ]) {
      await archive.reject(BROKEN, { reason: 'the issuer is missing', leaf: given }, FIRST);
      expect((await bucket.readJson(`${FOLDER}rejected.json`)).leaf).toEqual(stored);
    }
  });

  test('The same broken chain changes nothing the second time.', async () => {
    await bucket.collectBroken(FIRST);
    const state = () =>
      Promise.all(
        [RESPONSE, `${FOLDER}rejected.json`].map(async (key) => {
          const { headers } = await fetch(`${bucket.server.url}/x/${key}`);
          return headers.get('x-amz-version-id');
        }),
      );
    const before = await state();
    await bucket.collectBroken(FIRST);
    expect(before).not.toContain(null);
    expect(await state()).toEqual(before);
  });

  test('A valid chain is stored over a broken one.', async () => {
    await bucket.collectBroken(FIRST);
    await bucket.collect(newer, SECOND);
    await bucket.expectStored(newer, SECOND);
  });
});

describe('The mark of a revocation', () => {
  const AT = new Date('2026-11-23T12:00:00.000Z');
  const revokedAt = async () => (await bucket.manifest())?.revokedAt;
  const mark = (at: Date) => bucket.writesOf(() => bucket.archiveOf('x').markRevoked(at));

  test('is written into the manifest and nowhere else, and the first date stays.', async () => {
    await bucket.collect(older, FIRST);
    const before = await bucket.manifest();

    expect(await mark(AT)).toEqual([MANIFEST]);
    expect(await mark(new Date('2026-11-24T12:00:00.000Z'))).toEqual([]);

    expect(await bucket.manifest()).toEqual({ ...before, revokedAt: AT.toISOString() });
  });

  test('disappears if the CA returns the certificate again.', async () => {
    await bucket.collect(older, FIRST);
    const before = await bucket.manifest();
    await mark(AT);

    await bucket.collect(older, SECOND);

    expect(await bucket.manifest()).toEqual(before);
  });

  test('is not written without a certificate.', async () => {
    expect(await mark(AT)).toEqual([]);
    expect(await bucket.keys()).toEqual([]);
  });

  test('is not inherited by a newer certificate, and stays with the superseded one.', async () => {
    await bucket.collect(older, FIRST);
    await mark(AT);

    await bucket.collect(newer, SECOND);

    expect(await revokedAt()).toBeUndefined();
    const [superseded = ''] = (await bucket.keys()).filter((key) => /superseded.*certificate\.json$/.test(key));
    expect(JSON.parse(String((await bucket.read(superseded)).body))).toMatchObject({ revokedAt: AT.toISOString() });
  });
});
