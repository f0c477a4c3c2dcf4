import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { issueCertificates, NEWER, OTHER } from './certificates.ts';
import {
  type Issue,
  options,
  PEM,
  type PublishedBucket,
  publishedResult,
  refusedResult,
  sha256,
  startBucket,
} from './published-bucket.ts';

let newer: Issue;
let older: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ newer, older } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

describe('The damaged folder of an order', () => {
  const MANIFEST = `orders/${NEWER}/certificate.json`;
  const manifest = async () => JSON.parse((await bucket.read(MANIFEST)).body.toString());

  test.each([
    ['no manifest', () => bucket.remove(MANIFEST), `${MANIFEST} is missing`],
    [
      'a manifest that is not JSON',
      () => bucket.overwrite(MANIFEST, '{'),
      `${MANIFEST} is damaged: the whole object: `,
    ],
    [
      'a manifest without its domains',
      async () => bucket.overwrite(MANIFEST, JSON.stringify({ ...(await manifest()), domains: undefined })),
      `${MANIFEST} is damaged: domains: `,
    ],
    [
      'a manifest without a logo',
      async () => {
        const { objects, ...rest } = await manifest();
        return bucket.overwrite(MANIFEST, JSON.stringify({ ...rest, objects: { ...objects, logo: undefined } }));
      },
      `${MANIFEST} lists no logo`,
    ],
    [
      'a chain whose listed version was purged',
      async () => {
        const { key, versionId } = (await manifest()).objects.chain;
        await bucket.overwrite(key, 'damage');
        return bucket.purge(key, versionId);
      },
      `orders/${NEWER}/chain.pem is missing in the version that the manifest lists`,
    ],
    [
      'a version of the chain that is no version id, and no chain',
      async () => {
        const other = await manifest();
        other.objects.chain.versionId = 'no/version';
        await bucket.remove(other.objects.chain.key);
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem is missing in the version that the manifest lists`,
    ],
    [
      'a delete marker in place of the chain',
      async () => {
        const other = await manifest();
        other.objects.chain.versionId = (await bucket.remove(other.objects.chain.key)).VersionId;
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem is missing in the version that the manifest lists`,
    ],
    [
      'the manifest of another order',
      async () => {
        await bucket.store(OTHER, newer);
        return bucket.overwrite(MANIFEST, (await bucket.read(`orders/${OTHER}/certificate.json`)).body);
      },
      `${MANIFEST} is damaged: the whole object: it describes order ${OTHER}`,
    ],
    [
      'a manifest that lists another hash of the chain',
      async () => {
        const other = { ...(await manifest()) };
        other.objects.chain.sha256 = sha256('');
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem is missing in the version that the manifest lists, or has another SHA-256`,
    ],
  ])('With %s, publish fails with the reason and publishes nothing.', async (_, harm, problem) => {
    await bucket.store(NEWER, newer);
    await harm();
    await expect(bucket.publish(NEWER)).rejects.toMatchObject({
      name: 'CertificateUnreadable',
      message: expect.stringContaining(`Order ${NEWER}: ${problem}`),
    });
    expect(await bucket.keys()).toEqual([]);
  });

  test('A purged version does not matter if a later one has the same bytes.', async () => {
    await bucket.store(NEWER, newer);
    const { key, versionId } = (await manifest()).objects.chain;
    await bucket.overwrite(key, newer.certificate.chainPem);
    await bucket.purge(key, versionId);
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
  });

  test('A newer version of an object does not matter, because the listed version is read.', async () => {
    await bucket.store(NEWER, newer);
    await bucket.overwrite(`orders/${NEWER}/chain.pem`, 'damage');
    await bucket.remove(`orders/${NEWER}/logo.svg`);
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
  });
});

describe('A published object whose listed version was purged', () => {
  /** Overwrites the live chain and purges the version with its bytes. */
  async function loseLiveChain() {
    const { key, versionId = '' } = (await bucket.description()).live.objects.chain;
    await bucket.overwrite(key, 'damage');
    await bucket.purge(key, versionId);
  }

  test('The same certificate writes it again.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await loseLiveChain();
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(false));
    expect((await bucket.read(PEM)).body.toString()).toBe(newer.certificate.chainPem);
  });

  test('An older certificate is refused with the usual reason.', async () => {
    await bucket.publishOrder(NEWER, newer);
    await bucket.store(OTHER, older);
    await loseLiveChain();
    expect(await bucket.publish(OTHER, options())).toEqual(refusedResult('older', /is newer/));
  });
});
